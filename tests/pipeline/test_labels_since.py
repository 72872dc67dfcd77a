"""Labels that come after a training began are told, and the command that the sentence names trains on them."""

import shutil

from semivox.cli import exit_code
from semivox.data import phantom

SIZE = [w for f in ("spacing=[8,8,8]", "patch=[16,16,8]", "precision=32-true") for w in ("--set", f"plan.{f}")]
TRAIN = ["--method", "supervised", "--steps", "1", "--workers", "0", "--device", "cpu", *SIZE]


def test_a_label_that_came_since_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("semivox.training.forecast.forecast", lambda plan, *_, **__: plan)
    scans, run, other = tmp_path / "scans", tmp_path / "run", tmp_path / "other"
    phantom.write(scans, 1, 1, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    command = ["train", str(scans), "-o", str(run), *TRAIN]

    def said(words, code=0):
        assert exit_code(words) == code
        return " ".join(capsys.readouterr().err.split())

    assert "does not use" not in said(command)
    assert "does not use" not in said(command)
    label = next((scans / "labelsTr").iterdir())
    names = {path.name.replace("_0000.nii.gz", "") for path in (scans / "imagesTr").iterdir()}
    unlabeled = (names - {label.name.replace(".nii.gz", "")}).pop()
    shutil.copy(label, label.with_name(f"{unlabeled}.nii.gz"))
    told = said(command)
    assert "already finished" in told
    assert f"1 scan has a label which this run does not use, as there was none when it began: {unlabeled}" in told
    assert f"--set train.warm_start={run}" in told
    again = ["train", str(scans), "-o", str(other), *TRAIN, "--set", f"train.warm_start={run}"]
    assert "does not use" not in said(again)
    assert "does not use" not in said([*command, "--labeled", "1"])  # the user said which labels count
