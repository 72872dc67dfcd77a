"""Published numbers are read as they stand, belong to a protocol, and are shown with what makes them incomparable."""

import pytest

from semivox.core.errors import InputError
from semivox.data.planning.plan import plan as planned
from semivox.experiments.collect import collect
from semivox.experiments.study_text import load_study_file, table_recipe
from semivox.methods import METHODS, find
from semivox.pipeline.options import with_fields
from semivox.reports.published import beside, incomparable, load_published, of_protocol
from semivox.reports.recipe_differences import differences, recipe_of
from semivox.reports.study import report_study
from tests.experiments import made
from tests.reports.parsed_page import Page


def number(**wanted):
    found = [
        row.value for row in load_published() if all(getattr(row, name) == value for name, value in wanted.items())
    ]
    assert len(found) == 1, found
    return found[0]


def test_numbers_that_papers_print():
    midl = {"source": "Xie et al., MIDL 2024", "table": "1"}
    assert number(**midl, method="embedding_matching", labeled=50, score="hd95_mm") == 3.30
    assert number(**midl, method="supervised", labeled=6266, score="jaccard") == 0.948
    assert number(**midl, method="dtc", labeled=150, score="jaccard") == 0.937
    sassnet = {"source": "Li et al., MICCAI 2020 (SASSNet)", "table": "1", "labeled": 8}
    assert number(**sassnet, method="sassnet", variant="", score="dice") == 0.8681
    assert number(**sassnet, method="ua_mt", variant="", score="asd_voxels") == 3.36
    assert number(**sassnet, method="ua_mt", variant="", score="hd95_voxels") == 13.84  # the paper prints ASD first
    poster = {"source": "DKUXNet poster", "table": "2", "labeled": 16}
    assert number(**poster, method="dkuxnet", score="dice") == 0.917


def test_every_number_is_possible_and_stands_once():
    rows = load_published()
    keys = [(r.protocol, r.source, r.table, r.method, r.variant, r.labeled, r.score) for r in rows]
    assert len(keys) == len(set(keys)) > 350
    for row in rows:
        assert row.value < (1 if row.score in ("dice", "jaccard") else 60)
    pairs = {}
    for row in rows:
        pairs.setdefault((row.source, row.table, row.method, row.variant, row.labeled), {})[row.score] = row.value
    for place, values in pairs.items():
        if "dice" in values:  # Jaccard is convex in Dice: the mean lies above the value at the mean Dice, below that
            assert values["dice"] / (2 - values["dice"]) - 0.002 < values["jaccard"] < values["dice"], place


def test_variants_of_our_methods_are_their_ablations():
    for row in load_published():
        if row.method in METHODS and row.variant not in ("", "largest component"):
            assert row.variant in find(row.method).ablations, (row.method, row.variant)


def test_reasons_name_what_differs_and_what_always_holds():
    ours = {
        "weights": "last",
        "steps": "1000",
        "network": "vnet width=4",
        "scored": "20",
        "dataset": "x",
        "spacing": "1",
        "seeds": "1, 2",
        "draws": "0",
    }
    reasons = incomparable("la-6000-last", ours, "0123")
    assert any("theirs 6000, ours 1000" in reason for reason in reasons)
    assert not any(reason.startswith(("weights", "network", "scored")) for reason in reasons)
    assert "seeds: theirs one, ours 1, 2" in reasons
    assert any("released files 160f3fe1ed09, ours x (files 0123" in reason for reason in reasons)
    drawn = incomparable("la-6000-last", ours | {"draws": "0, 1"}, "0123")
    assert "labeled cases: theirs the first of the released list, ours draws 0, 1" in drawn
    same = ours | {"steps": "6000", "seeds": "7"}
    assert incomparable("la-6000-last", same, "160f3fe1ed09") == ()
    assert len(incomparable("midl-hip", same, "160f3fe1ed09")) == 5  # weights, steps, network, cases, data


def test_a_row_by_its_whole_recipe_says_so(tmp_path, monkeypatch):
    asked = made.study_file(protocol="la-6000-last", cases={"labeled": [8], "test": 12}, method={})
    results = collect(made.study(tmp_path / "study", asked))
    monkeypatch.setattr("semivox.reports.published.differences", lambda *_: ())
    monkeypatch.setattr("semivox.reports.published.incomparable", lambda *_: ())
    (table,) = beside("la-6000-last", results)
    assert not any("Not to be compared" in note for note in table.notes)
    assert "ua_mt: its recipe la-2019, and nothing else." in table.notes
    assert any("voxels" in note and note.startswith("Of all numbers of this protocol") for note in table.notes)


AS_PUBLISHED = {
    "sassnet-table-1": {"supervised", "ua_mt", "tcse", "asdnet", "sassnet~authors-weight-8-labels"},
    "sassnet-table-1-nms": {"supervised", "ua_mt"},
    "sassnet-table-2": {"supervised", "ua_mt", "sassnet", "sassnet~V-Net-SDM", "sassnet~V-Net-SDM-MT"},
    "dkuxnet-table-1": {"dkuxnet", "dkuxnet~L_seg", "dkuxnet~L_seg-L_qdc", "dkuxnet~L_seg-L_segc"},
    "dkuxnet-table-2": {"dkuxnet", "caml~authors-ramp-8-labels", "mc_net", "mc_net_plus"},  # others: another protocol
}
"""Table of a paper -> arms that, with 8 labeled scans, are their recipes and nothing else."""
OTHER_NUMBERS = {
    "sassnet-table-1": {"sassnet": "16", "dap": "16"},
    "sassnet-table-1-nms": {"sassnet": "16"},
    "dkuxnet-table-2": {"caml": "4", "caml~authors-ramp-16-labels": "4"},
}
"""The same -> arms whose recipe was published for so many labeled scans, and not for 8."""


def whole_table(table, folder, monkeypatch):
    """The results of a paper's table at its full size, 8 cases labeled; its runs and their scores are made up."""
    study_file = load_study_file(table_recipe(table))
    cases = study_file.cases.model_copy(update={"labeled": (8,)})
    scan = made.PLAN.fingerprint.cases[0].model_copy(
        update={"shape": (190, 140, 88), "voxels": {0: 9, 1: 9}, "foreground": (made.FACTS,)}
    )
    fingerprint = made.PLAN.fingerprint.model_copy(update={"cases": (scan,)})
    monkeypatch.setattr(made, "PLAN", with_fields(planned(fingerprint, study_file.plan), study_file.plan.fields))
    return collect(made.study(folder, study_file.model_copy(update={"cases": cases})))


@pytest.mark.parametrize("table", AS_PUBLISHED)
def test_the_runs_of_a_whole_table_differ_in_nothing_from_their_recipes(table, tmp_path, monkeypatch):
    results = whole_table(table, tmp_path / "study", monkeypatch)
    (shown,) = beside(results.record.study_file.protocol, results)
    alike = {note.split(":")[0] for note in shown.notes if "and nothing else" in note}
    assert alike == AS_PUBLISHED[table]
    for arm, number in OTHER_NUMBERS.get(table, {}).items():
        (note,) = (note for note in shown.notes if note.startswith(f"{arm} differs"))
        assert f": labeled scans: theirs {number}, ours 8." in note
    assert not any("network: theirs" in note for note in shown.notes)


def test_the_hip_table_trains_embedding_matching_and_its_twin_as_published(tmp_path, monkeypatch):
    results = whole_table("midl-table-1", tmp_path / "study", monkeypatch)
    for group in results.of(results.labeled_sets[0]):
        if group.arm.method in ("supervised", "embedding_matching"):
            recipe = recipe_of(group, results, "midl-hip")
            assert differences(group, results, recipe) == (), group.arm.name


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"legacy": {"voxels": True, "missed_is_zero": False}}, "scores missed_is_zero: theirs True, ours False"),
        (
            {"predict": {"stride": (9, 9, 9), "blend": "uniform"}},
            "prediction stride: theirs 18 x 18 x 4, ours 9 x 9 x 9",
        ),
        ({"options": {"network": {"rate": 0.1}}}, "optimizer network.rate: theirs 0.01, ours 0.1"),
    ],
)
def test_one_change_of_a_whole_table_is_named(change, told, tmp_path, monkeypatch):
    results = whole_table("sassnet-table-2", tmp_path / "whole", monkeypatch)
    changed = type(results.record.study_file).model_validate(results.record.study_file.model_dump() | change)
    (table,) = beside("la-6000-last", collect(made.study(tmp_path / "changed", changed)))
    assert told in next(note for note in table.notes if note.startswith("ua_mt"))


def test_published_numbers_stand_beside_ours_in_the_report(tmp_path):
    asked = made.study_file(protocol="la-6000-last", cases={"labeled": [8], "test": 12}, method={})
    folder = made.study(tmp_path / "study", asked)
    (table,) = beside("la-6000-last", collect(folder))
    assert table.heads[:3] == ("Method", "dice", "ours")
    line = next(row for row in table.rows if row[0] == "ua_mt")
    assert line[1] == "0.843"
    assert line[2] == f"{collect(folder).of('labeled-8')[2].estimate('dice').mean:.3f}"
    assert line[6] == ""  # no scores in voxels were asked for
    assert "Not to be compared" in table.notes[0]
    assert "theirs 20, ours 12" in table.notes[0]
    page = Page(report_study(folder).read_text(encoding="utf-8"))
    assert "Published numbers" in page.text
    assert "13.84" in page.text


def test_a_published_row_stands_beside_ours_with_all_that_differs_from_its_recipe(tmp_path):
    asked = made.study_file(protocol="la-6000-last", cases={"labeled": [8], "test": 12}, method={})
    (table,) = beside("la-6000-last", collect(made.study(tmp_path / "study", asked)))
    note = next(note for note in table.notes if note.startswith("ua_mt differs from its recipe la-2019"))
    for part in (
        "loss monte_carlo: theirs doubled, ours single",
        "loss ramp: theirs 6000, ours None",
        "optimizer network.kind: theirs sgd",
        "plan steps: theirs 6000",
        "plan patch: theirs 112 x 112 x 80",
        "plan network.options.width: theirs 16",
        "plan augmentation: theirs la",
        "training clip: theirs 1e+06",
        "prediction stride: theirs 18 x 18 x 4",
    ):
        assert part in note, part


def test_scores_of_largest_components_stand_beside_those_of_largest_components(tmp_path):
    asked = made.study_file(
        protocol="la-6000-last", cases={"labeled": [8], "test": 12}, method={}, predict={"largest_component": True}
    )
    (table,) = beside("la-6000-last", collect(made.study(tmp_path / "study", asked)))
    ours = {row[0]: row[2] for row in table.rows}
    assert ours["ua_mt"] == ""
    assert ours["ua_mt (largest component)"] != ""


def test_a_wrong_table_or_protocol_is_refused(tmp_path):
    path = tmp_path / "published.csv"
    head = "protocol,source,table,method,variant,labeled,score,value,evidence,note\n"
    path.write_text(head + "la-6000-last,a,1,ua_mt,,8,dyce,0.5,read,\n")
    with pytest.raises(InputError, match=r"line 2(.|\n)*score"):
        load_published(path)
    path.write_text(head + "la-1,a,1,ua_mt,,8,dice,0.5,read,\n")
    with pytest.raises(InputError, match="unknown protocol"):
        load_published(path)
    with pytest.raises(InputError, match="there is no protocol"):
        of_protocol("la-1", [8])
