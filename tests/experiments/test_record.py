"""One record of what was begun, for jobs and studies; those of version 0.1.0 are read or refused by name."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from semivox.api import report
from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.data.dataset import CaseFiles, Dataset
from semivox.experiments.as_study import study_file_of
from semivox.experiments.record import Record, Start, check_same, claim, kind_of, load_record
from semivox.pipeline.options import RunOptions
from semivox.training.settings import TrainSettings
from tests.experiments import made

NONE = Dataset(Path(), "nothing", ())


class First(Frozen):
    """job.json as version 0.1.0 wrote it."""

    settings: RunOptions
    files: str


def job(**changes):
    options = RunOptions(**({"method": "ua_mt", "train": TrainSettings(workers=0, seed=3)} | changes))
    return Record(kind="job", study_file=study_file_of(options), data="scans", files="abc")


def begun(folder, record):
    """A folder in which something was made."""
    record.save_in(folder)
    made.PLAN.save(folder / "plan.json")
    return folder


def test_a_record_comes_back_from_the_file_of_its_kind(tmp_path):
    for kind, name in (("job", "job.json"), ("study", "study.json")):
        folder = tmp_path / kind
        folder.mkdir()
        record = Record(kind=kind, study_file=made.study_file(), data="scans", files="abc")
        record.save_in(folder)
        assert "grid" in json.loads((folder / name).read_text())  # as earlier versions called it
        assert (kind_of(folder), load_record(folder)) == (kind, record)
    with pytest.raises(InputError, match="no job and no study"):
        load_record(tmp_path)


def test_a_job_of_the_first_version_resumes_under_the_same_settings_only(tmp_path):
    options = RunOptions(method="ua_mt", train=TrainSettings(workers=2, seed=3))
    First(settings=options, files="abc").save(tmp_path / "job.json")
    made.PLAN.save(tmp_path / "plan.json")
    check_same(tmp_path, job(), NONE)  # workers change no result
    with pytest.raises(InputError, match=r"seeds: was \[3\], is \[4\]"):
        check_same(tmp_path, job(train=TrainSettings(seed=4)), NONE)
    with pytest.raises(InputError, match=r"made by semivox 0\.1\.0(.|\n)*the page is written"):
        report(tmp_path)


def test_a_job_of_the_first_version_that_cannot_be_read_is_refused_by_name(tmp_path):
    (tmp_path / "job.json").write_text('{"settings": {"methods": 1}, "files": "abc"}')
    with pytest.raises(InputError, match=r"written by semivox 0\.1\.0, and this version cannot read it"):
        load_record(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "mean_teacher"}, "methods: was"),
        ({"options": {"decay": 0.9}}, r"options.decay: was None, is 0.9"),
        ({"train": TrainSettings(seed=3, clip=1.0)}, "train.clip: was 12.0, is 1.0"),
        ({"exclude": ("a",)}, "cases.exclude"),
    ],
)
def test_a_job_with_other_settings_is_refused(tmp_path, changes, said):
    begun(tmp_path, job())
    check_same(tmp_path, job(), NONE)
    with pytest.raises(InputError, match=said) as error:
        check_same(tmp_path, job(**changes), NONE)
    assert "draw_seed" not in str(error.value)


def test_until_something_was_made_a_wrong_word_is_not_held_against_the_corrected_command(tmp_path):
    job(options={"decay": 0.1}).save_in(tmp_path)
    check_same(tmp_path, job(), NONE)
    begun(tmp_path, job(options={"decay": 0.1}))
    with pytest.raises(InputError, match=r"options\.decay"):
        check_same(tmp_path, job(), NONE)


def test_a_folder_of_the_other_kind_is_not_claimed(tmp_path):
    begun(tmp_path, job())
    claim(tmp_path, "job")
    with pytest.raises(InputError, match="holds no study"):
        claim(tmp_path, "study")


def test_scans_are_known_again_by_the_digest_of_the_first_version(tmp_path):
    """Of a gzip file it took size and checksum; a record of today, which names its starts, has the digest of today."""
    scan = tmp_path / "a.nii.gz"
    scan.write_bytes(gzip.compress(b"voxels"))
    dataset = Dataset(tmp_path, "toy", (CaseFiles("a", (scan,), None),))
    content = scan.read_bytes()
    early = hashlib.sha256(f"a a.nii.gz {len(content)} {content[-8:].hex()}".encode()).hexdigest()[:12]
    (tmp_path / "job").mkdir()
    begun(tmp_path / "job", job().model_copy(update={"files": early}))
    check_same(tmp_path / "job", job(), dataset)
    scan.write_bytes(gzip.compress(b"others"))
    with pytest.raises(InputError, match="holds a job of other scans"):
        check_same(tmp_path / "job", job(), dataset)
    scan.write_bytes(content)
    begun(tmp_path / "job", job().model_copy(update={"files": early, "starts": (Start(command="x", semivox="1"),)}))
    with pytest.raises(InputError, match="holds a job of other scans"):
        check_same(tmp_path / "job", job(), dataset)
