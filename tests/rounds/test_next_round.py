"""New labels begin the next round: by the same command, by a watch, and in the example."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.core.split import Split
from semivox.pipeline.progress import Terminal
from semivox.rounds.adopt import Terms, adopt
from semivox.rounds.folder import RoundRecord, rounds_of
from semivox.rounds.next_round import run_rounds
from semivox.rounds.origins import origins_of
from semivox.rounds.watch import watch
from semivox.training.folder import differences
from semivox.training.model import load_model
from tests.rounds.loop import asked, suggested
from tests.rounds.tiny import corrected


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
    page = (this.folder / "report.html").read_text(encoding="utf-8")
    assert "Rounds of labeling" in page
    assert "Dice of each round&#39;s better model over the number of labeled scans" in page
    (this.folder / "report.html").unlink()
    capsys.readouterr()
    assert exit_code(["report", str(loop / "job")]) == 0  # the page with the curve, not that of the first round
    assert capsys.readouterr().out.strip() == str(loop / "job" / "rounds" / "2" / "report.html")
    assert (this.folder / "report.html").is_file()
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
    (loop / "job").rename(loop / "elsewhere")
    run_rounds(asked(loop / "data", loop / "elsewhere"), None)  # finished, wherever it stands
    assert len(rounds_of(loop / "elsewhere")) == 2


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("/gone/job", "/here/moved", True),
        ("/gone/job/rounds/2/folds/1", "/here/rounds/2/folds/1", True),
        ("/gone/job/rounds/2", "/here/rounds/3", False),
        ("/gone/job/folds/0", "/here/folds/1", False),
        (None, "/here/job", False),
        ("/", "/here/job", False),  # still there: other weights
    ],
)
def test_weights_in_a_job_that_has_moved_are_the_same_weights(before, now, same):
    found = list(differences({"train": {"warm_start": before}}, {"train": {"warm_start": now}}))
    assert bool(found) is not same


def test_a_round_with_other_settings_or_split_is_refused(loop):
    suggested(loop)
    adopt(loop / "job", loop / "s", Terms(unchanged=True))
    with pytest.raises(InputError, match="nor begin its next round: the job was begun with other settings"):
        run_rounds(asked(loop / "data", loop / "job", method="ua_mt"), None)
    split = Split.load(loop / "job" / "split.json")
    other = split.model_copy(update={"test": split.test[:1]})
    with pytest.raises(InputError, match="leave --split out"):
        run_rounds(asked(loop / "data", loop / "job", split=other), None)


def test_once_every_scan_is_labeled_a_command_is_named_that_trains_on_all(loop):
    suggested(loop, "-n", "4")
    adopt(loop / "job", loop / "s", Terms(unchanged=True))
    with pytest.raises(InputError, match=r"every scan in .* is labeled now, so round 2 would") as refused:
        run_rounds(asked(loop / "data", loop / "job"), None)
    assert not (loop / "job" / "rounds").exists()
    words = shlex.split(re.search(r"semivox (train .*?)\. Or put", str(refused.value))[1])
    assert exit_code([*words, "--device", "cpu", "--workers", "0"]) == 0
    trained = Split.load(loop / "job" / "supervised" / "rounds" / "2" / "split.json")
    first = Split.load(loop / "job" / "split.json")
    assert (set(trained.labeled), trained.unlabeled) == ({*first.labeled, *first.unlabeled}, ())
    assert trained.test == first.test


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


def test_a_watch_tells_a_label_that_cannot_be_trained_on_once_and_waits_for_a_better_one(loop, capsys):
    name = suggested(loop).cases[0].case
    proposal, place = (loop / folder / f"{name}.nii.gz" for folder in ("s/labels", "data/labelsTr"))
    looks = []

    def somebody_labels(seconds):
        looks.append(seconds)
        if len(looks) == 1:
            place.write_bytes(proposal.read_bytes()[:-40])  # a copy that stalls
        if len(looks) == 5:
            place.write_bytes(proposal.read_bytes())

    summary = watch(asked(loop / "data", loop / "job"), None, Terminal(), 5.0, 2, somebody_labels)
    assert len(looks) == 6  # half of it, that again, two looks in which nothing changes, the whole twice
    assert summary.provenance.labeled == 3
    said = capsys.readouterr().err
    assert said.count("Waiting until that is done") == 1
    assert ".." not in said.replace("...", "")


@pytest.mark.parametrize("command", ["run", "watch"])
def test_a_wrong_word_for_how_rounds_begin_is_told_before_anything_is_done(tmp_path, capsys, command):
    assert exit_code([command, str(tmp_path), "-o", str(tmp_path / "job"), "--begin", "x"]) == 2
    assert "--begin 'x' is neither warm nor scratch" in capsys.readouterr().err


@pytest.mark.slow
def test_the_example_of_three_rounds_runs(tmp_path):
    example = Path(__file__).parents[2] / "examples" / "label_in_rounds.py"
    done = subprocess.run(
        [sys.executable, str(example), str(tmp_path / "x")],
        check=True,
        capture_output=True,
        encoding="utf-8",
        timeout=1800,
    )
    assert [line.split(":")[1].split()[0] for line in done.stdout.splitlines() if line.startswith("round ")] == [
        "2",
        "4",
        "6",
    ]
    assert "more labels may bring" in done.stdout
    assert (tmp_path / "x" / "job" / "rounds" / "3" / "report.html").exists()
