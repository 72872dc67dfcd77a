"""The demonstration says what it is: a job on invented scans, which proves nothing about others."""

from semivox.experiments import demo
from semivox.experiments.demo import run_demo
from semivox.pipeline.progress import Quiet


def test_the_last_word_is_that_invented_scans_prove_nothing_about_others(tmp_path, monkeypatch):
    said = []

    class Listening(Quiet):
        def say(self, text):
            said.append(text)

    def job(asked, progress):
        said.append(f"job on {asked.data.name}")
        return "summary"

    monkeypatch.setattr(demo, "run_job", job)
    assert run_demo(tmp_path, quick=True, progress=Listening()) == "summary"
    assert said[0].startswith("Drawing 2 labeled, 2 unlabeled and 2 test scans")
    assert said[1] == "job on data"
    assert "invented" in said[-1]
    assert "proves nothing about yours" in said[-1]
