"""What somebody said of predictions decides what is suggested: within the number asked for, and of this job alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.core.randomness import generator
from semivox.data.dataset import CaseFiles, Dataset
from semivox.experiments.summary import Summary
from semivox.pipeline.progress import Quiet
from semivox.rounds import asking
from semivox.rounds.asking import Asking
from semivox.rounds.folder import Round
from semivox.rounds.pool import Pool, Wanted, pool_of, rated
from semivox.rounds.ratings import ratings_of

NAMES = tuple("abcdef")
POOL = Pool(Dataset(Path("scans"), "made up", tuple(CaseFiles(name, (Path(name),), None) for name in NAMES)), NAMES)


def saved(path, ratings, **more):
    rows = [{"case": name, "rating": rating, "note": ""} for name, rating in ratings.items()]
    path.write_text(json.dumps({"version": 1, "ratings": rows, **more}), encoding="utf-8")
    return path


def test_a_scan_with_a_note_and_no_rating_is_not_rated(tmp_path):
    assert ratings_of(POOL, saved(tmp_path / "r.json", {"a": None, "b": "use"})) == ({"b": "use"}, [])


def test_what_is_good_or_of_no_use_is_left_out_and_no_more_are_asked_for_than_wanted():
    ratings = {"a": "use", "b": "reject", "c": "correct", "d": "correct", "e": "correct"}
    pool, asked, notes = rated(POOL, ratings, Wanted(count=2))
    assert (pool.names, asked) == (("c", "d", "e", "f"), ["c", "d"])
    assert [("good enough" in note, "of no use" in note, note.rpartition(": ")[2]) for note in notes] == [
        (True, False, "a."),
        (False, True, "b."),
    ]


@pytest.mark.parametrize("strategy", ["random", "mixture"])
def test_scans_to_correct_come_first_count_and_are_not_drawn_again(monkeypatch, strategy):
    monkeypatch.setattr(asking, "read", lambda images: images)
    monkeypatch.setattr(asking, "description_of", lambda _: np.zeros(133))
    for seed in range(9):
        work = Asking(POOL, Wanted(count=4, strategy=strategy), generator(seed), Quiet())
        names = [pick.case for pick in work.picks(["c", "a"])]
        assert names[:2] == ["c", "a"]
        assert len(set(names)) == len(names) == 4


def test_a_scan_that_has_a_label_now_and_one_that_is_gone_are_not_suggested(loop):
    before = pool_of(loop / "job")
    new, gone, *left = before.names
    labels = loop / "data" / "labelsTr"
    shutil.copyfile(next(labels.iterdir()), labels / f"{new}.nii.gz")
    before.dataset.entry(gone).images[0].unlink()
    assert pool_of(loop / "job").names == tuple(left)


def further_round(job, number, **made):
    """A finished round whose labels another split and plan made, as far as ratings ask."""
    folder = job / "rounds" / str(number)
    folder.mkdir(parents=True)
    for name in ("job.json", "split.json"):
        shutil.copyfile(job / name, folder / name)
    summary = Summary.load(job / "summary.json")
    summary.model_copy(update={"provenance": summary.provenance.model_copy(update=made)}).save(folder / "summary.json")
    return Round(number, folder)


def test_ratings_are_of_one_split_and_plan(loop):
    made = Summary.load(loop / "job" / "summary.json").provenance
    first = Round(1, loop / "job")
    own = {"split": made.split, "plan": made.plan}
    file = loop / "r.json"

    def told(last, **of):
        return ratings_of(Pool(POOL.dataset, NAMES, last=last), saved(file, {"a": "use"}, **(own | of)))[1]

    assert told(first) == []
    for wrong in own:
        with pytest.raises(InputError, match="saved from the report of another job"):
            told(first, **{wrong: "0" * 12})
    second = further_round(loop / "job", 2, split="1" * 12)
    assert told(second) == [f"{file} rates the labels of round 1; those of round 2 are others."]
    assert told(second, split="1" * 12) == []
    with pytest.raises(InputError, match="another job"):  # which the first round's page cannot know of
        told(first, split="1" * 12)


def test_nothing_is_suggested_while_a_round_is_unfinished(loop):
    (further_round(loop / "job", 2).folder / "summary.json").unlink()
    with pytest.raises(InputError, match=r"round 2 of .* is not finished"):
        pool_of(loop / "job")


def test_of_a_large_pool_some_are_looked_at_and_those_to_correct_among_them(loop, monkeypatch):
    from semivox.rounds import suggest as suggesting

    class Noted:
        classes = ()

        def __init__(self, pool, wanted, stream, progress):
            pools.append(pool.names)

        def picks(self, asked):
            return []

        def write(self, picks, out, picture):
            out.mkdir()
            return []

    pools = []
    monkeypatch.setattr(suggesting, "Asking", Noted)
    wanted = pool_of(loop / "job").names[-1]
    ratings = saved(loop / "r.json", {wanted: "correct"})
    for seed in range(4):
        asked = Wanted(count=1, look_at=2, seed=seed, ratings=ratings)
        found, _ = suggesting.suggest(loop / "job", loop / f"s{seed}", asked, None)
        assert "2 of 4 unlabeled scans were looked at, drawn at random." in found.notes
    assert {len(names) for names in pools} <= {2, 3}
    assert all(wanted in names for names in pools)
    assert len(set(pools)) > 1
