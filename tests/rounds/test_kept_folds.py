"""What a fold holds out stays held out of it in all rounds, so that a warm one's weights have never seen it."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from semivox.cli import exit_code
from semivox.core.split import Split
from semivox.data import phantom
from semivox.data.dataset import CaseFiles, Dataset
from semivox.experiments.folds import folds_in, split_of_fold
from semivox.rounds import kept_folds
from semivox.rounds.folder import Round, RoundRecord
from semivox.rounds.kept_folds import next_folds, not_scored
from semivox.training.settings import RunConfig, TrainSettings

SIZE = [w for f in ("spacing=[8,8,8]", "patch=[16,16,8]", "precision=32-true") for w in ("--set", f"plan.{f}")]
HOW = ["--steps", "1", "--workers", "0", "--device", "cpu", *SIZE]
PATIENTS = {"a": "p1", "b": "p2", "c": "p3", "d": "p1", "e": "p4", "f": "p5", "g": "p6"}
"""The scans ``a`` and ``d`` are of one patient."""


def write_table(base, labeled, patients=PATIENTS, names="abcdefg"):
    """A table of cases in which those of these names have a label."""
    lines = ["case_id,image,label,split,group"]
    for name in names:
        scan = base / "scans" / "{}" / f"hip_{'abcdefgh'.index(name):04d}{{}}.nii.gz"
        label = str(scan).format("labelsTr", "") if name in labeled else ""
        lines.append(f"{name},{str(scan).format('imagesTr', '_0000')},{label},training,{patients.get(name, name)}")
    (base / "cases.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(base, *more):
    method = ("--method", "mean_teacher", "--network", "small")
    return exit_code(["run", str(base / "cases.csv"), "-o", str(base / "job"), *HOW, *method, *more])


@pytest.fixture(scope="module")
def cross_validated(tmp_path_factory):
    """A finished job of three folds, of the scans a, b and c; tests take copies."""
    base = tmp_path_factory.mktemp("folds")
    phantom.write(base / "scans", 8, 0, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    write_table(base, "abc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)
        assert run(base, "--no-labels") == 0
    return base


@pytest.fixture
def lab(cross_validated, tmp_path):
    shutil.copytree(cross_validated / "job", tmp_path / "job")
    (tmp_path / "scans").symlink_to(cross_validated / "scans")
    write_table(tmp_path, "abc")
    record = tmp_path / "job" / "job.json"
    text = record.read_text(encoding="utf-8")
    record.write_text(text.replace(str(cross_validated.resolve()), str(tmp_path.resolve())), encoding="utf-8")
    return tmp_path


def held_out(folder):
    """Of each fold: what it does not train on although it has a label, and what it scores."""
    labeled = set(Split.load(folder / "split.json").labeled)
    return [(labeled - {*fold.labeled}, {*fold.test}) for fold in folds_in(folder)]


def trained_on(run_folder):
    return {name for part in Split.load(run_folder / "split.json").for_training() for name in part}


def scored(folder):
    """Case -> fold that scored it, in the first method of a job."""
    found = {}
    for path in folder.glob("folds/*/mean_teacher/scores.json"):
        found |= {row["case"]: path.parts[-3] for row in json.loads(path.read_text(encoding="utf-8"))["rows"]}
    return found


def test_a_round_from_scratch_keeps_the_folds_and_scores_what_is_new_too(lab, capsys):
    assert [{*fold.test} for fold in folds_in(lab / "job")] == [{"a"}, {"b"}, {"c"}]
    write_table(lab, "abcde")
    assert run(lab, "--no-labels") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "2 new labels (d: unknown, e: unknown), 5 labeled scans in all, from scratch; folds and plan stay. " in said
    second = lab / "job" / "rounds" / "2"
    whole = held_out(second)
    assert [members for members, _ in whole] == [test for _, test in whole]
    assert [test & {*"abcd"} for _, test in whole] == [{"a", "d"}, {"b"}, {"c"}]  # d stays with its patient
    assert whole[1][1] | whole[2][1] == {"b", "c", "e"}  # e to one of the smaller folds
    assert set(scored(second)) == {*"abcde"}
    assert run(lab, "--no-labels") == 0  # nothing is new: what is there is what was asked for
    assert not (lab / "job" / "rounds" / "3").exists()


def test_a_warm_fold_scores_only_what_its_weights_have_not_seen(lab, capsys):
    write_table(lab, "abcde")
    assert run(lab, "--begin", "warm", "--no-labels") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "from the last weights; folds and plan stay. Held out but not scored: e, which the last models have" in said
    second = lab / "job" / "rounds" / "2"
    assert RoundRecord.load(second / "round.json").not_scored == ("e",)
    assert set(scored(second)) == {*"abcd"}
    for index, (members, test) in enumerate(held_out(second)):
        assert members - {"e"} == test
        for method in ("supervised", "mean_teacher"):
            begun = RunConfig.load(second / f"folds/{index}/{method}/config.json").train.warm_start
            assert begun == str((lab / "job" / "folds" / str(index)).resolve())
            patients = {PATIENTS[name] for name in trained_on(Path(begun) / method)}
            assert not patients & {PATIENTS[name] for name in test}
    page = (second / "report.html").read_text(encoding="utf-8")
    assert "over the 3 scans that every round scored, by the fold that held them out" in page
    assert "Round 2 held out 1 scan without scoring it" in page
    write_table(lab, "abcdef")
    assert run(lab, "--begin", "warm", "--no-labels") == 0  # from weights that were warm already
    third = lab / "job" / "rounds" / "3"
    assert RoundRecord.load(third / "round.json").not_scored == ("e", "f")
    assert [test for _, test in held_out(third)] == [{"a", "d"}, {"b"}, {"c"}]
    assert all(now >= before for (now, _), (before, _) in zip(held_out(third), held_out(second), strict=True))


def refused(lab, capsys, *more):
    """What is said where a round cannot be; nothing is written."""
    (lab / "job" / "asked.json").unlink(missing_ok=True)  # what the last command was answered: forgotten by any other
    before = {path: path.stat().st_mtime_ns for path in (lab / "job").rglob("*") if path.is_file()}
    capsys.readouterr()
    assert run(lab, "--no-labels", *more) == 2
    assert before == {path: path.stat().st_mtime_ns for path in (lab / "job").rglob("*") if path.is_file()}
    return " ".join(capsys.readouterr().err.split())


def test_folds_that_cannot_be_kept_are_told_in_a_sentence(lab, capsys):
    write_table(lab, "abde")
    assert "the label of c is gone, with which the job was trained; restore it" in refused(lab, capsys)
    write_table(lab, "abcde", names="abdefg")
    assert "the label of c is gone, with which the job was trained; restore it" in refused(lab, capsys)
    write_table(lab, "abcde", {**PATIENTS, "c": "p2"})
    told = refused(lab, capsys)
    assert "folds cannot be kept: 'b' and 'c', of one patient now, were held out of different folds. Undo" in told
    write_table(lab, "abcde", {**PATIENTS, "f": "p2"})
    told = refused(lab, capsys, "--begin", "warm")
    assert "the last model of fold 1 has seen scans of all patients that it is to be scored on ('b' is of one)" in told
    write_table(lab, "abcde")
    shutil.rmtree(lab / "job" / "folds" / "2")
    told = refused(lab, capsys)
    assert "the folds of round 1 cannot be kept: 'c' is held out of 0 of the 2 in" in told
    assert "Restore that folder, or begin another job in another --out" in told


def test_the_first_cross_validated_round_cannot_be_warm(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)
    phantom.write(tmp_path / "scans", 3, 0, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    write_table(tmp_path, "a", names="abc")
    assert run(tmp_path, "--no-labels") == 0  # one patient: no scan can be scored
    write_table(tmp_path, "ab", names="abc")
    told = refused(tmp_path, capsys, "--begin", "warm")
    assert "--begin warm: the models of round 1 have seen every labeled scan, and this round holds some out" in told
    assert run(tmp_path, "--no-labels", "--begin", "scratch") == 0
    assert set(scored(tmp_path / "job" / "rounds" / "2")) == {"a", "b"}


def test_weights_that_have_seen_what_is_scored_are_refused(lab, capsys):
    fold = lab / "job" / "folds" / "0"
    split = Split.load(fold / "supervised" / "split.json")
    split.model_copy(update={"labeled": ("b",), "test": ("c",)}).save(lab / "other.json")
    words = ["train", str(lab / "cases.csv"), "-o", str(lab / "run"), "--split", str(lab / "other.json"), *HOW[2:6]]
    words += ["--method", "supervised", "--plan", str(lab / "job" / "plan.json"), "--set"]
    assert exit_code([*words, f"train.warm_start={fold}"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"the model in {fold / 'supervised'} was trained on 1 scan to be scored here, 'c' among them" in said
    assert exit_code([*words, f"train.warm_start={lab / 'job' / 'folds' / '2'}"]) == 0


@pytest.mark.parametrize(("second", "scored"), [("warm", {"a"}), ("scratch", {"a", "d"})])
def test_weights_have_seen_what_they_were_trained_on_since_they_were_random(tmp_path, monkeypatch, second, scored):
    """``d`` was unlabeled in round 1 and held out of the first fold of round 2; ``e`` is new in round 3."""
    monkeypatch.setattr(kept_folds, "load_record", lambda _: SimpleNamespace(scored_on="cross-validation"))
    splits = {1: Split(labeled=("a", "b"), unlabeled=("d", "e")), 2: Split(labeled=("a", "b", "d"), unlabeled=("e",))}
    done = []
    for number, split in splits.items():
        folder = tmp_path / str(number)
        for index, out in enumerate(("ad", "b")):
            fold = split_of_fold(folder, index)
            fold.parent.mkdir(parents=True)
            labeled, test = (tuple(n for n in split.labeled if (n in out) is held) for held in (False, True))
            Split(labeled=labeled, unlabeled=split.unlabeled, test=test).save(fold)
        split.save(folder / "split.json")
        done.append(Round(number, folder))
    RoundRecord(number=2, start=second, added={"d": "expert"}).save(done[1].folder / "round.json")
    dataset = Dataset(tmp_path, "made up", tuple(CaseFiles(name, (Path(name),), Path(name)) for name in "abde"))
    first, other = next_folds(done, Split(labeled=(*"abde",)), dataset, "warm", TrainSettings())
    assert set(first.test) == scored
    assert set(other.test) == {"b"}  # e, which both have seen, is held out of it and not scored
    assert not_scored(Split(labeled=(*"abde",)), (first, other)) == tuple(n for n in "de" if n not in scored)
