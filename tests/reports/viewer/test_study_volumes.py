"""The volumes of a study's page: what the command line made, opened in a browser."""

import json

import pytest

from semivox.cli import exit_code
from semivox.reports import budget
from tests.experiments.here import all_here
from tests.experiments.on_engines import words, write
from tests.experiments.tiny import draw_nothing
from tests.reports.viewer.browser import colors, opened


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = write(tmp_path_factory.mktemp("viewed"))
    with pytest.MonkeyPatch.context() as patch:
        all_here(patch)
        draw_nothing(patch)
        assert exit_code(words(root, root / "out", "--processes", "1")) == 0
    return root / "out"


@pytest.fixture(scope="module")
def text(finished):
    assert exit_code(["report", str(finished)]) == 0
    return (finished / "report" / "report.html").read_text(encoding="utf-8")


def test_a_case_opens_with_the_label_of_every_method(finished, text):
    with opened(f"file://{finished / 'report' / 'report.html'}") as found:
        page = found.page
        page.locator("section details summary").first.click()
        assert page.locator("#viewer canvas").count() == 0
        page.locator("button.volume").first.click()
        page.wait_for_selector("#viewer[data-ready]", state="attached", timeout=90_000)
        page.select_option(".viewer-layout", "axial")
        assert colors(page.locator(".viewer-canvas").screenshot()) > 20, "the canvas is empty"
        shown = page.locator("#viewer").inner_text()
        assert all(name in shown for name in ("reference", "supervised", "mean teacher"))
        page.locator("table.sortable thead button").first.click()  # a column without a button disturbs no sorting
        assert not [line for line in found.said if line.startswith(("error", "warning"))], found.said
    assert "connect-src data: blob:" in text


def test_what_the_page_has_no_room_for_lies_beside_it_and_is_chosen(finished, text, monkeypatch):
    monkeypatch.setattr(budget, "VOLUMES", 0)
    assert exit_code(["report", str(finished)]) == 0
    path = finished / "report" / "report.html"
    assert len(path.read_text(encoding="utf-8")) < len(text)
    (beside,) = sorted((finished / "report" / budget.BESIDE).iterdir())
    content = json.loads(beside.read_text(encoding="utf-8"))
    assert [layer["name"] for layer in content["layers"]] == [
        *("scan", "reference", "supervised", "mean teacher", "models differ", "entropy, mean teacher")
    ]
    assert f"Open: choose {budget.BESIDE}/{beside.name}" in path.read_text(encoding="utf-8")
    with opened(f"file://{path}") as found:
        found.page.locator("section details summary").first.click()
        found.page.locator("input[type=file]").first.set_input_files(beside)
        found.page.wait_for_selector("#viewer[data-ready]", state="attached", timeout=90_000)
        found.page.select_option(".viewer-layout", "axial")
        assert colors(found.page.locator(".viewer-canvas").screenshot()) > 20, "the canvas is empty"


def test_scans_that_are_gone_leave_a_page_without_volumes(finished, text, tmp_path):
    scans = finished.parent / "scans"
    scans.rename(tmp_path / "elsewhere")
    try:
        assert exit_code(["report", str(finished)]) == 0
    finally:
        (tmp_path / "elsewhere").rename(scans)
    page = (finished / "report" / "report.html").read_text(encoding="utf-8")
    assert 'class="volume"' not in page
    assert "viewer-scenes" not in page
