#!/bin/sh
# A paper's recipe at a scale that a CPU can do: left-atrium scans at 2.5 mm (its fixed patches at 2 mm), a narrow
# network, few steps. Everything else is as the recipe says; periods shrink with the steps.
#
#   results/recipes.sh sassnet-table-1 LEFT_ATRIUM RUNS [STEPS [more options of semivox study]]
#
# LEFT_ATRIUM holds the scans and protocol_order.txt. The study is RUNS/sassnet-table-1; the same command goes on with it.
set -eu
recipe=$1 data=$2 runs=$3 steps=${4:-600}
here=$(dirname "$0")
semivox=${SEMIVOX:-semivox}

shift 3
[ $# -eq 0 ] || shift
more=$*
set -- --set plan.steps="$steps" --set plan.fields.network.options.width=8 --set 'plan.fields.intensity=[{"scheme": "zscore"}]'
case $recipe in
midl-*)
    scans=$data data=$runs/patches
    [ -e "$data/cases.csv" ] ||
        "$semivox" patches "$scans" --out "$data" --size 32,32,16 --spacing 2 --split "$here/splits/la-patches.json"
    # 3 patches a scan: 12 are of 4 scans, as the paper's 50; 163 are all of 56 scans. Adam at 1e-4 has not begun to
    # learn after so few steps.
    set -- "$@" --set plan.spacing=2,2,2 --set plan.patch=32,32,16 --set train.validate_every=$((steps / 8)) \
        --set options.network.rate=1e-3
    case $recipe in
    midl-table-1) set -- "$@" --set cases.labeled=12,30,163 ;;
    *) set -- "$@" --set cases.labeled=12 ;;
    esac
    ;;
*)
    set -- "$@" --set plan.spacing=2.5,2.5,2.5 --set plan.patch=32,32,16 --set cases.order=protocol_order.txt \
        --set cases.test=16 --set options.network.drop_every=$((steps * 5 / 12))
    case $recipe in
    dkuxnet-*) set -- "$@" --set options.ramp=$((steps * 2 / 5)) --set method.dkuxnet.network.options.width=8 ;;
    sassnet-*) set -- "$@" --set options.ramp="$steps" ;;
    esac
    case $recipe in
    dkuxnet-table-1) ;;
    *) set -- "$@" --set options.staircase=$(((steps + 39) / 40)) ;;
    esac
    case $recipe in
    sassnet-table-1) set -- "$@" --set cases.labeled=8,16,64 --set method.asdnet.options.ramp=0 ;;
    dkuxnet-table-2) set -- "$@" --set cases.labeled=4,8,16,64 ;;
    esac
    ;;
esac
"$semivox" study --recipe "$recipe" --data "$data" --out "$runs/$recipe" "$@" $more
"$semivox" report "$runs/$recipe"
