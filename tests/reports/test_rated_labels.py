"""The page rates the labels of unlabeled scans, and the suggestion goes by it."""

from __future__ import annotations

import json
from contextlib import chdir

from semivox.cli import exit_code
from tests.reports.viewer.browser import opened


def test_a_rating_of_an_unlabeled_scan_is_saved_and_the_suggestion_goes_by_it(job, tmp_path, capsys):
    file = tmp_path / "ratings.json"
    with opened(f"file://{job}/report.html", accept_downloads=True) as found:
        row = found.page.locator("tr.unlabeled")
        assert row.count() == 1
        name = row.get_attribute("data-case")
        row.locator("[data-rate=correct]").click()
        assert row.locator("[data-rate=correct]").get_attribute("aria-pressed") == "true"
        with found.page.expect_download() as kept:
            found.page.click("#download")
        kept.value.save_as(file)
    assert json.loads(file.read_text())["ratings"] == [{"case": name, "rating": "correct", "note": ""}]
    with chdir(job.parent):
        command = ["suggest", "job", "-n", "1", "--ratings", str(file), "--out", str(tmp_path / "s"), "--device", "cpu"]
        assert exit_code(command) == 0
    said = capsys.readouterr().out
    assert f"**{name}**, about" in said
    assert "you rated that its label should be corrected" in said
