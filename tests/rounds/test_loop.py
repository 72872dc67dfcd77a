"""From a finished job to the next round: suggest, correct, adopt, run again; as commands, on invented scans."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.data import layouts
from semivox.data.formats.volume import read, read_label, to_source, write_label
from semivox.experiments import runner
from semivox.experiments.job import Job
from semivox.reports.job import report_job
from semivox.rounds.adopt import Terms, adopt
from semivox.rounds.folder import RoundRecord, rounds_of
from semivox.rounds.next_round import run_rounds
from semivox.rounds.origins import origins_of
from semivox.rounds.proposal import Suggestion
from semivox.rounds.watch import watch
from semivox.training.model import load_model
from tests.experiments.here import Here
from tests.rounds.tiny import corrected, options, scans


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch):
    monkeypatch.setattr("semivox.pipeline.stages.spare_cores", lambda: 0)
    monkeypatch.setattr("semivox.pipeline.stages.forecast", lambda plan, *_, **__: plan)
    monkeypatch.setattr(runner, "POLL", 0.0)


def asked(data, out, **changes):
    """The job as a user asks for it."""
    return Job(data, out, options(**changes), Here(), labels=False, page=report_job)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A data folder and a finished job; tests take copies."""
    patch = pytest.MonkeyPatch()
    patch.setattr("semivox.pipeline.stages.spare_cores", lambda: 0)
    patch.setattr("semivox.pipeline.stages.forecast", lambda plan, *_, **__: plan)
    patch.setattr(runner, "POLL", 0.0)
    base = tmp_path_factory.mktemp("loop")
    data = scans(base / "data")
    run_rounds(asked(data, base / "job"), None)
    patch.undo()
    return base


@pytest.fixture
def loop(finished, tmp_path):
    """Data and job of this test alone."""
    shutil.copytree(finished / "data", tmp_path / "data")
    shutil.copytree(finished / "job", tmp_path / "job")
    record = tmp_path / "job" / "job.json"
    record.write_text(record.read_text().replace(str(finished.resolve()), str(tmp_path.resolve())))
    return tmp_path


def suggested(loop, *more):
    assert exit_code(["suggest", str(loop / "job"), "-n", "3", "--out", str(loop / "s"), *more]) == 0
    return Suggestion.load(loop / "s" / "suggestion.json")


def test_a_suggestion_is_a_folder_of_scans_proposals_pictures_and_reasons(loop, capsys):
    found = suggested(loop, "--strategy", "mixture")
    split = Split.load(loop / "job" / "split.json")
    names = [case.case for case in found.cases]
    assert len(set(names)) == 3
    assert set(names) <= set(split.unlabeled)
    assert any("random" in reason for case in found.cases for reason in case.reasons)
    assert any("unsure" in reason for case in found.cases for reason in case.reasons)
    assert "unknown" in found.gain
    data = layouts.find(loop / "s")  # the data set that viewers and semivox itself open
    for name in names:
        volume = read(data.entry(name).images)
        original = read(layouts.find(loop / "data").entry(name).images)
        np.testing.assert_array_equal(volume.array, original.array)
        assert read_label(data.entry(name).label).shape == volume.shape
        assert (loop / "s" / "pictures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr().out
    assert all(name in said for name in names)
    assert names[0] in (loop / "s" / "suggestion.md").read_text()


def test_the_same_seed_suggests_the_same_and_nothing_is_overwritten(loop, capsys):
    first = suggested(loop)
    assert exit_code(["suggest", str(loop / "job"), "--out", str(loop / "s")]) == 2
    assert "may hold corrections" in capsys.readouterr().err
    shutil.rmtree(loop / "s")
    assert suggested(loop) == first
    shutil.rmtree(loop / "s")
    capsys.readouterr()
    assert exit_code(["suggest", str(loop / "job"), "-n", "2", "--out", str(loop / "s"), "--json", "--seed", "7"]) == 0
    assert len(json.loads(capsys.readouterr().out)["cases"]) == 2


def test_a_random_choice_is_the_default_for_whole_scans_and_asks_no_model(loop, monkeypatch, capsys):
    monkeypatch.setattr("semivox.rounds.asking.measured", None)  # whoever asks the models fails
    found = suggested(loop)
    assert len({case.case for case in found.cases}) == 3
    assert all("drawn at random" in reason for case in found.cases for reason in case.reasons)
    shutil.rmtree(loop / "s")
    assert suggested(loop, "--strategy", "random") == found
    shutil.rmtree(loop / "s")
    others = []
    for seed in ("2", "3", "4"):
        others.append({case.case for case in suggested(loop, "--seed", seed).cases})
        shutil.rmtree(loop / "s")
    assert any(other != {case.case for case in found.cases} for other in others)
    capsys.readouterr()
    assert exit_code(["suggest", str(loop / "job"), "--out", str(loop / "s"), "--strategy", "best"]) == 2
    assert "choose mixture or random" in capsys.readouterr().err


def test_ratings_decide_first(loop):
    names = list(Split.load(loop / "job" / "split.json").unlabeled)
    test = Split.load(loop / "job" / "split.json").test[0]
    ratings = [(names[0], "correct"), (names[1], "reject"), (names[2], "use"), (test, "correct")]
    content = {"version": 1, "ratings": [{"case": case, "rating": rating, "note": ""} for case, rating in ratings]}
    (loop / "job" / "ratings.json").write_text(json.dumps(content))
    found = suggested(loop)
    assert [case.case for case in found.cases] == [names[0], names[3]]
    assert "you rated" in found.cases[0].reasons[0]
    assert len(found.notes) == 4


def test_boxes_need_a_value_to_ignore(loop, capsys):
    assert exit_code(["suggest", str(loop / "job"), "--boxes", "--out", str(loop / "s")]) == 2
    assert '"ignore"' in capsys.readouterr().err


def test_boxes_hold_the_prediction_and_the_rest_is_ignored(loop):
    description = loop / "data" / "dataset.json"
    content = json.loads(description.read_text())
    content["labels"]["ignore"] = 99
    description.write_text(json.dumps(content))
    found = suggested(loop, "--boxes")
    for case in found.cases:
        label = read_label(loop / "s" / "labels" / f"{case.case}.nii.gz").array[0]
        inside = np.zeros(label.shape, bool)
        for box in case.boxes:
            inside[box.slices] = True
        assert inside.any()
        assert (label[~inside] == 99).all()
        assert (label[inside] != 99).all()


def test_without_a_job_kinds_of_scans_are_chosen(loop, capsys):
    bare = loop / "bare"
    (bare / "images").mkdir(parents=True)
    for entry in layouts.find(loop / "data").entries:
        if entry.part == "training":
            shutil.copyfile(entry.images[0], bare / "images" / f"{entry.name}.nii.gz")
    (bare / "labels").mkdir()
    assert exit_code(["suggest", str(bare), "-n", "2", "--out", str(loop / "s")]) == 0
    found = Suggestion.load(loop / "s" / "suggestion.json")
    assert (len(found.cases), found.round) == (2, 0)
    assert "look alike" in found.cases[0].reasons[0]
    shutil.rmtree(loop / "s")
    words = ["suggest", str(bare), "-n", "2", "--out", str(loop / "s"), "--strategy", "random"]
    assert exit_code(words) == 0
    found = Suggestion.load(loop / "s" / "suggestion.json")
    assert all("drawn at random" in case.reasons[0] for case in found.cases)
    assert exit_code(["suggest", str(bare), "-n", "2"]) == 2
    assert "--out" in capsys.readouterr().err


def test_labels_come_back_and_the_next_round_begins(loop, capsys):
    found = suggested(loop)
    first, second, third = (case.case for case in found.cases)
    corrected(loop / "s" / "labels" / f"{first}.nii.gz")
    corrected(loop / "s" / "labels" / f"{second}.nii.gz", 2)
    assert exit_code(["adopt", str(loop / "job"), str(loop / "s")]) == 0
    said = capsys.readouterr().out
    assert f"{first}: corrected" in said
    assert "voxels changed" in said
    assert f"nobody changed the proposal (--unchanged takes it): {third}" in said
    known = origins_of(loop / "data")
    assert set(known) == {first, second}
    assert known[first].dice_to_proposal is not None
    before = Split.load(loop / "job" / "split.json")
    summary = run_rounds(asked(loop / "data", loop / "job"), None)
    this = rounds_of(loop / "job")[-1]
    assert this.number == 2
    assert set(this.split.labeled) == {*before.labeled, first, second}
    assert (this.split.test, this.split.validation) == (before.test, before.validation)
    assert summary.provenance.labeled == len(before.labeled) + 2
    assert RoundRecord.load(this.folder / "round.json").added == {first: "corrected", second: "corrected"}
    assert (this.folder / "plan.json").read_text() == (loop / "job" / "plan.json").read_text()
    assert "Rounds of labeling" in (this.folder / "report.html").read_text(encoding="utf-8")
    run_rounds(asked(loop / "data", loop / "job"), None)  # nothing is new: no third round
    assert len(rounds_of(loop / "job")) == 2


def test_a_warm_round_begins_from_the_weights_of_the_last(loop, monkeypatch):
    suggested(loop)
    adopt(loop / "job", loop / "s", Terms(unchanged=True))
    seen = {}
    from semivox.training import run as training

    begin = training.take_over

    def noted(method, folder, name):
        begin(method, folder, name)
        seen[name] = {key: value.clone() for key, value in method.state_dict().items()}

    monkeypatch.setattr(training, "take_over", noted)
    run_rounds(asked(loop / "data", loop / "job"), "warm")
    for name in ("supervised", "mean_teacher"):
        trained = load_model(loop / "job" / name)[0].state_dict()
        assert all((seen[name][key] == value).all() for key, value in trained.items())
    with pytest.raises(InputError, match="is a round of the job"):
        run_rounds(asked(loop / "data", loop / "job" / "rounds" / "2"), None)
    with pytest.raises(InputError, match="neither warm nor scratch"):
        run_rounds(asked(loop / "data", loop / "job"), "cold")


def test_a_round_with_other_settings_or_split_is_refused(loop):
    suggested(loop)
    adopt(loop / "job", loop / "s", Terms(unchanged=True))
    with pytest.raises(InputError, match="labels alone"):
        run_rounds(asked(loop / "data", loop / "job", method="ua_mt"), None)
    split = Split.load(loop / "job" / "split.json")
    other = split.model_copy(update={"test": split.test[:1]})
    with pytest.raises(InputError, match="leave --split out"):
        run_rounds(asked(loop / "data", loop / "job", split=other), None)


def refused(loop, folder, *more):
    """The files of the data set before and after are the same; returns what was said."""
    before = {path: path.read_bytes() for path in (loop / "data").rglob("*") if path.is_file()}
    with pytest.raises(InputError) as error:
        adopt(loop / "job", folder, *(more or (Terms(),)))
    assert before == {path: path.read_bytes() for path in (loop / "data").rglob("*") if path.is_file()}
    return str(error.value)


def test_labels_that_do_not_fit_are_refused_in_a_sentence_and_nothing_is_written(loop, tmp_path):
    split = Split.load(loop / "job" / "split.json")
    free, other = split.unlabeled[:2]
    data = layouts.find(loop / "data")
    volume = read(data.entry(free).images)
    good = np.zeros(volume.shape, np.uint8)
    good[3:8, 3:8, 3:8] = 1
    bad = tmp_path / "bad"

    def put(name, array, grid=volume.source):
        shutil.rmtree(bad, ignore_errors=True)
        write_label(bad / f"{name}.nii.gz", array, grid)
        write_label(bad / f"{other}.nii.gz", to_source(good, volume), volume.source)

    put("nobody", to_source(good, volume))
    assert "there is no scan 'nobody'" in refused(loop, bad)
    put(split.test[0], to_source(good, volume))
    assert "test or validation scan" in refused(loop, bad)
    put(split.labeled[0], to_source(good, volume))
    assert "--overwrite" in refused(loop, bad)
    put(free, to_source(good * 77, volume))
    assert "holds the value 77" in refused(loop, bad)
    small = type(volume.source)((10, 10, 10), volume.source.affine)
    put(free, np.ones((10, 10, 10), np.uint8), small)
    assert "shape" in refused(loop, bad)
    moved = volume.source.affine.copy()
    moved[:3, 3] += 40
    put(free, to_source(good, volume), type(volume.source)(volume.source.shape, moved))
    assert "mm apart" in refused(loop, bad)
    assert "does not exist" in refused(loop, tmp_path / "nowhere")


def test_a_proposal_that_nobody_changed_is_no_label_unless_said(loop):
    suggested(loop)
    assert "nobody has changed" in refused(loop, loop / "s")
    assert exit_code(["adopt", str(loop / "job"), str(loop / "s"), "--unchanged", "--origin", "pseudo"]) == 0
    assert {one.origin for one in origins_of(loop / "data").values()} == {"pseudo"}
    assert exit_code(["adopt", str(loop / "job"), str(loop / "s"), "--origin", "robot"]) == 2


def test_an_experts_label_is_replaced_when_told(loop, tmp_path, capsys):
    name = Split.load(loop / "job" / "split.json").labeled[0]
    entry = layouts.find(loop / "data").entry(name)
    label = read_label(entry.label)
    array = np.array(label.array[0])
    array[:4, :4, :4] = 1
    write_label(tmp_path / "mine" / f"{name}.nii.gz", to_source(array, label), label.source)
    assert exit_code(["adopt", str(loop / "job"), str(tmp_path / "mine"), "--overwrite", "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert (line["case"], line["origin"], line["replaced"]) == (name, "expert", True)
    np.testing.assert_array_equal(read_label(entry.label).array[0], array)


def test_self_training_that_keeps_nothing_is_the_twin_bit_for_bit(loop, capsys):
    assert exit_code(["rounds", str(loop / "job"), "--rounds", "1", "--keep", "0", "--workers", "0"]) == 0
    assert "self-training" in capsys.readouterr().out
    twin = load_model(loop / "job" / "supervised")[0].state_dict()
    own = load_model(loop / "job" / "self-training" / "round-1")[0].state_dict()
    assert all((own[key] == value).all() for key, value in twin.items())
    assert load_model(loop / "job" / "self-training" / "all-steps")[1].steps == 4
    assert exit_code(["rounds", str(loop / "job"), "--rounds", "1", "--keep", "0.5", "--workers", "0"]) == 2
    assert "was begun with" in capsys.readouterr().err


def test_pseudo_labels_are_the_most_stable_part_of_the_pool(loop, monkeypatch):
    from semivox.rounds import self_training

    frame = self_training._frame(loop / "job", 0, self_training.Quiet())
    folders = (loop / "a", loop / "b")
    names = frame.split.unlabeled
    for place, folder in enumerate(folders):
        for index, name in enumerate(names):
            volume = read(layouts.find(loop / "data").entry(name).images)
            label = np.zeros(volume.shape, np.uint8)
            for info in frame.plan.classes[1:]:
                label[2 * info.value, : 10 - index * place] = info.value
            write_label(folder / f"{name}.nii.gz", to_source(label * (index < 3), volume), volume.source)
    found = self_training._selected(frame, 1, folders, 0.5)
    assert found.kept == tuple(names[:2])
    assert found.rejected_empty == (names[3],)
    assert found.least_stable == pytest.approx(2 * 9 / 19)


def test_a_watch_begins_a_round_when_labels_have_arrived_and_are_whole(loop):
    found = suggested(loop)
    name = found.cases[0].case
    looks = []

    def somebody_labels(seconds):
        looks.append(seconds)
        if len(looks) == 2:
            adopt(loop / "job", loop / "s" / "labels" / f"{name}.nii.gz", Terms(unchanged=True))

    summary = watch(asked(loop / "data", loop / "job"), "warm", None, 5.0, 2, somebody_labels)
    assert looks == [5.0] * 3  # nothing, a label, the same label again
    assert summary.provenance.labeled == 3
    assert RoundRecord.load(loop / "job" / "rounds" / "2" / "round.json").start == "warm"


@pytest.mark.parametrize("command", ["run", "watch"])
def test_a_wrong_word_for_how_rounds_begin_is_told_before_anything_is_done(tmp_path, capsys, command):
    assert exit_code([command, str(tmp_path), "-o", str(tmp_path / "job"), "--begin", "x"]) == 2
    assert "--begin 'x' is neither warm nor scratch" in capsys.readouterr().err


@pytest.mark.slow
def test_the_example_of_three_rounds_runs(tmp_path):
    example = Path(__file__).parents[2] / "examples" / "label_in_rounds.py"
    done = subprocess.run(
        [sys.executable, str(example), str(tmp_path / "x")], check=True, capture_output=True, text=True, timeout=1800
    )
    assert [line.split(":")[1].split()[0] for line in done.stdout.splitlines() if line.startswith("round ")] == [
        "2",
        "4",
        "6",
    ]
    assert "more labels may bring" in done.stdout
    assert (tmp_path / "x" / "job" / "rounds" / "3" / "report.html").exists()
