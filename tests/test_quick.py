"""Commands that a person waits for load only what they need, and start a process only where it saves time."""

import subprocess
import sys

import pytest

from semivox.data import layouts, phantom
from semivox.data.dataset import CaseFiles, Dataset
from semivox.pipeline import stages
from tests.fresh import printed

HEAVY = "{'torch', 'lightning_fabric', 'matplotlib', 'skimage', 'monai', 'ray'}"


def loaded(code: str) -> str:
    """What of the heavy packages is loaded after some lines."""
    told = f"import sys\n{code}\nprint(sorted({HEAVY} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, encoding="utf-8", check=True)
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quick") / "scans"
    phantom.write(folder, 2, 1, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


def test_a_look_at_scans_loads_nothing_that_trains(scans):
    assert loaded(f"from semivox.cli import exit_code\nassert exit_code(['check', {str(scans)!r}]) == 0") == "[]"


def test_nobody_waits_for_looks_at_everything_that_is_loaded():
    """Python would look for garbage among all objects, time and again, while more of them are loaded."""
    program = (
        "import gc\nfrom semivox.cli import main\n"
        "try:\n    main(['--version'])\n"
        "except SystemExit:\n    before = gc.get_stats()[2]['collections']\n"
        "kept = [[] for _ in range(400_000)]\n"
        "print(gc.get_stats()[2]['collections'] - before)"
    )
    assert printed(program).splitlines()[-1] == "0"


def test_looking_for_a_finished_job_loads_nothing_that_trains(tmp_path):
    code = (
        "from pathlib import Path\nfrom semivox.experiments.asked_again import answer\n"
        f"assert answer({{}}, Path({str(tmp_path)!r}), Path({str(tmp_path)!r})) is None"
    )
    assert loaded(code) == "[]"


def test_what_leads_trainings_and_predicts_does_not_wait_for_what_trains():
    """lightning_fabric, which loads torch's compiler, takes as long as torch itself."""
    code = "import semivox.experiments.job, semivox.pipeline.predict, semivox.rounds.self_training"
    assert "lightning_fabric" not in loaded(code)
    assert printed(f"import sys\n{code}\nprint('torch._dynamo' in sys.modules)").splitlines()[-1] == "False"


def test_processes_read_what_takes_longer_than_their_start(scans, tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "usable_cores", lambda: 8)
    assert stages.spare_cores(layouts.find(scans)) == 0
    large, folder = tmp_path / "large.nii", tmp_path / "series"
    folder.mkdir()
    with large.open("wb") as file:
        file.truncate(stages.SMALL)
    for image in (large, folder, tmp_path / "absent.nii"):
        assert stages.spare_cores(Dataset(tmp_path, "made up", (CaseFiles("a", (image,), None),))) == 4
    monkeypatch.setattr(stages, "usable_cores", lambda: 1)
    assert stages.spare_cores(Dataset(tmp_path, "made up", (CaseFiles("a", (large,), None),))) == 0
