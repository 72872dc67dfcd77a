"""Every choice of the planner obeys its rule, on ordinary and on odd data sets."""

from math import prod

import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.core.plan import CaseFacts, ChannelFacts, ClassInfo, Fingerprint, Plan
from semivox.data.planning import cost, topology
from semivox.data.planning.options import Machine, PlanOptions
from semivox.data.planning.plan import median_size, plan
from semivox.data.planning.sizing import CPU_VOXELS

MR = ChannelFacts(minimum=0, maximum=900, mean=200, std=80, lower=20, upper=600, zeros=0.02)
CT = ChannelFacts(minimum=-1024, maximum=2500, mean=40, std=200, lower=-500, upper=900, zeros=0.0)


def facts(name="a", shape=(96, 96, 64), spacing=(1.0, 1.0, 1.0), labeled=True, channel=MR, voxels=None, channels=1):
    voxels = {0: 1000, 1: 100} if voxels is None else voxels
    return CaseFacts(
        name=name,
        shape=shape,
        spacing=spacing,
        labeled=labeled,
        channels=(channel,) * channels,
        voxels=voxels if labeled else {},
        foreground=(channel,) * channels if labeled else (),
    )


def fingerprint(*cases, classes=("organ",), channels=("MR",)):
    infos = tuple(ClassInfo(name=name, value=value) for value, name in enumerate(("background", *classes)))
    return Fingerprint(dataset="toy", channels=channels, classes=infos, cases=cases or (facts(),))


def dataset_at_random(seed):
    stream = np.random.default_rng(seed)
    base = stream.uniform(0.3, 3, 3) * (stream.choice([1, 1, 6]), 1, stream.choice([1, 1, 4]))
    cases = []
    for index in range(stream.integers(1, 7)):
        shape = tuple(int(v) for v in np.exp(stream.uniform(np.log(3), np.log(500), 3)))
        spacing = tuple(float(v) for v in base * stream.uniform(0.9, 1.1, 3))
        cases.append(facts(str(index), shape, spacing, labeled=index == 0))
    return fingerprint(*cases)


def options_at_random(seed):
    stream = np.random.default_rng([1, seed])
    memory, hours = stream.choice([None, 2.0, 11.0, 80.0]), stream.choice([None, 0.1, 24.0])
    machine = Machine(cores=int(stream.integers(1, 33)), device=str(stream.choice(["cpu", "cuda"])))
    network = stream.choice([None, "vnet", "unet3d", "uxnet", "small"])
    return PlanOptions(memory_gb=memory, hours=hours, network=network), machine


@pytest.mark.parametrize("seed", range(60))
def test_laws_of_every_plan(seed, tmp_path):
    found, (options, machine) = dataset_at_random(seed), options_at_random(seed)
    made = plan(found, options, machine)
    assert plan(found, options, machine) == made
    made.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == made

    strides = [tuple(stride) for stride in made.network.options["strides"]]
    multiples = topology.total(strides)
    assert all(size % multiple == 0 and size > 0 for size, multiple in zip(made.patch, multiples))
    median = median_size(found, made.spacing)
    coarsest = topology.total(topology.strides(median, made.spacing, cost.family(options.network or "vnet").levels))
    assert all(size < middle + multiple for size, middle, multiple in zip(made.patch, median, coarsest))
    bottom = [size // multiple for size, multiple in zip(made.patch, multiples)]
    assert all(edge >= 4 or multiple <= 2 for edge, multiple in zip(bottom, multiples))
    assert 1 <= len(strides) <= 4

    most = CPU_VOXELS if machine.device == "cpu" else 128**3
    assert prod(made.patch) <= 1.05 * most or max(made.patch) <= 8
    decided = set(Plan.model_fields) - {
        "version",
        "dataset",
        "ignore",
        "channels",
        "forecast",
        "fingerprint",
        "reasons",
    }
    assert decided <= set(made.reasons)


@pytest.mark.parametrize("seed", range(0, 60, 12))
def test_the_network_of_a_plan_runs_on_its_patch(seed):
    torch = pytest.importorskip("torch")
    from semivox.networks.blueprint import Blueprint

    made = plan(dataset_at_random(seed), PlanOptions(network="small", memory_gb=1.06))
    network = Blueprint.of(made).segmenter().eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 1, *made.patch)).logits.shape == (1, 2, *made.patch)


def test_hippocampus_gets_the_whole_scan_and_four_levels():
    made = plan(fingerprint(facts(shape=(36, 50, 35))), PlanOptions(), Machine(cores=4))
    assert made.patch == (40, 56, 40)
    assert made.network.name == "vnet"
    strides = [[2, 2, 2]] * 3
    levels = {"strides": strides, "convolutions": [1, 2, 3, 3]}
    assert made.network.options == levels | {"width": 16, "dropout": 0.1, "coarse": 3}
    assert made.spacing == (1, 1, 1)
    assert made.steps == 1200


def test_left_atrium_on_a_gpu_is_close_to_the_benchmark():
    case = facts(shape=(190, 140, 88), spacing=(0.625,) * 3)
    made = plan(fingerprint(case), PlanOptions(), Machine(device="cuda"))
    assert 0.7 < prod(made.patch) / (112 * 112 * 80) <= 1.05
    assert made.network.options["strides"] == [[2, 2, 2]] * 4
    assert made.steps == 6000


def test_a_coarse_axis_is_not_halved_before_the_others_have_caught_up():
    made = plan(fingerprint(facts(shape=(512, 512, 24), spacing=(0.4, 0.4, 6.0))), PlanOptions())
    strides = made.network.options["strides"]
    assert strides[0] == [2, 2, 1]
    assert strides[1] == [2, 2, 1]
    assert topology.strides((64, 64, 48), (1, 1, 1.9), 5)[0] == (2, 2, 2)
    assert topology.strides((64, 64, 48), (1, 1, 2.0), 5)[:2] == ((2, 2, 1), (2, 2, 2))


def test_spacing_is_the_median_and_finer_along_a_coarse_axis():
    cases = [facts(str(z), (100, 100, 30), (0.976562, 0.976562, z)) for z in (1.0, 2.0, 3.0)]
    assert plan(fingerprint(*cases), PlanOptions()).spacing == (0.977, 0.977, 2.0)
    cases = [facts(str(z), (400, 400, 30), (0.5, 0.5, z)) for z in (3.0, 5.0, 5.0, 6.0, 6.0)]
    made = plan(fingerprint(*cases), PlanOptions())
    assert made.spacing == (0.5, 0.5, 3.8)
    assert "10th percentile" in made.reasons["spacing"]
    assert plan(fingerprint(*cases), PlanOptions(spacing=(2, 2, 2))).spacing == (2, 2, 2)


def test_ct_is_known_by_name_or_by_values():
    made = plan(fingerprint(facts(channel=CT), channels=("CT",)), PlanOptions())
    assert made.intensity[0].scheme == "ct"
    assert (made.intensity[0].lower, made.intensity[0].upper) == (-500, 900)
    assert plan(fingerprint(facts(channel=CT), channels=("0",)), PlanOptions()).intensity[0].scheme == "ct"
    assert plan(fingerprint(facts(channel=CT), channels=("T1 MRI",)), PlanOptions()).intensity[0].scheme == "zscore"
    normalized = CT.model_copy(update={"minimum": -201.37})
    assert plan(fingerprint(facts(channel=normalized), channels=("0",)), PlanOptions()).intensity[0].scheme == "zscore"
    assert plan(fingerprint(facts(), channels=("direct",)), PlanOptions()).intensity[0].scheme == "zscore"


def test_ct_statistics_pool_the_labeled_scans_by_their_foreground():
    low, high = (
        facts(str(mean), channel=CT.model_copy(update={"sample": (mean - 10, mean + 10)}), voxels={0: 9, 1: count})
        for mean, count in ((100.0, 300), (200.0, 100))
    )
    got = plan(fingerprint(low, high, channels=("CT",)), PlanOptions()).intensity[0]
    values = np.concatenate([np.tile([90, 110], 150), np.tile([190, 210], 50)])
    assert got.mean == pytest.approx(values.mean())
    assert got.std == pytest.approx(values.std(), abs=0.01)


def test_blanked_surroundings_are_left_out_of_the_statistics():
    blank = facts(channel=MR.model_copy(update={"zeros": 0.6}))
    assert plan(fingerprint(blank), PlanOptions()).intensity[0].nonzero
    assert not plan(fingerprint(facts()), PlanOptions()).intensity[0].nonzero


@pytest.mark.parametrize(
    ("classes", "mirror"),
    [
        (("Liver",), (True, True, True)),
        (("kidney_left", "kidney_right"), (False, False, False)),
        (("femurL", "femurR"), (False, False, False)),
        (("left kidney",), (False, False, False)),
        (("left_atrium",), (True, True, True)),
        (("left ventricle", "right ventricle"), (False, False, False)),
        (("Anterior", "Posterior"), (False, False, False)),
        (("cleft",), (True, True, True)),
    ],
)
def test_mirroring_is_off_where_sides_are_classes(classes, mirror):
    made = plan(fingerprint(facts(voxels={0: 9, 1: 9, 2: 9}), classes=classes), PlanOptions())
    assert made.mirror == mirror


def test_budgets_limit_patch_and_steps():
    big = fingerprint(facts(shape=(300, 300, 200)), facts("u", (300, 300, 200), labeled=False))
    sizes = [prod(plan(big, PlanOptions(memory_gb=memory), Machine(device="cuda")).patch) for memory in (2, 6, 11, 80)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    for memory, size in zip((2, 6, 11), sizes):
        assert cost.memory_gb(size, cost.family("vnet").cost, 4) <= memory
    assert plan(big, PlanOptions(hours=0.5), Machine(cores=4)).steps < 1200
    assert plan(big, PlanOptions(steps=7)).steps == 7
    assert plan(big, PlanOptions(patch=(64, 64, 48))).patch == (64, 64, 48)
    with pytest.raises(InputError, match="divisible"):
        plan(big, PlanOptions(patch=(50, 64, 64)))
    with pytest.raises(InputError, match="too little"):
        plan(big, PlanOptions(memory_gb=1))
    with pytest.raises(InputError, match="there is no network"):
        plan(big, PlanOptions(network="resnet"))


def test_no_unlabeled_scan_means_no_unlabeled_patch():
    assert plan(fingerprint(facts()), PlanOptions()).unlabeled_per_step == 0
    assert plan(fingerprint(facts(), facts("u", labeled=False)), PlanOptions()).unlabeled_per_step == 2


def test_several_channels_get_a_scheme_each():
    case = facts(channels=2).model_copy(update={"channels": (CT, MR), "foreground": (CT, MR)})
    made = plan(fingerprint(case, channels=("CT", "MR")), PlanOptions())
    assert [intensity.scheme for intensity in made.intensity] == ["ct", "zscore"]


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(InputError, match="no class"):
        plan(fingerprint(classes=()), PlanOptions())
    with pytest.raises(InputError, match="no labeled"):
        plan(fingerprint(facts(labeled=False)), PlanOptions())
    with pytest.raises(InputError, match="holds a class"):
        plan(fingerprint(facts(voxels={0: 9})), PlanOptions())
    with pytest.raises(InputError, match=r"'b' has 2 channel"):
        plan(fingerprint(facts(), facts("b", channels=2)), PlanOptions())
    made = plan(fingerprint(facts(), classes=("organ", "tumor")), PlanOptions())
    assert "tumor cannot be learned" in made.reasons["classes"]
