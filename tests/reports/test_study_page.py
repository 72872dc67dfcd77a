"""The page of a study in a browser: an answer first, tables that sort and filter, print that cuts nothing."""

import re
from urllib.parse import unquote

import pytest

from semivox.reports import budget
from semivox.reports.study import report_study
from semivox.reports.study_first import study_first
from tests.experiments import made
from tests.reports.printed import A4, printed, words
from tests.reports.viewer.browser import opened


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return report_study(made.study(tmp_path_factory.mktemp("studies") / "study"))


@pytest.fixture(scope="module")
def page(written):
    with opened(f"file://{written}") as found:
        found.page.said = found.said
        yield found.page


def test_the_answer_and_what_to_do_stand_first(written):
    text = written.read_text(encoding="utf-8")
    first = text[: text.index("<h2>")]
    assert "Helped some, hurt others" in first
    assert "Best, labeled-4" in first
    assert "mean teacher, mean Dice" in first
    assert "0.052 more than its twin, and that is decided" in first
    assert "distances between surfaces" in first


def test_a_study_whose_models_find_nothing_says_so_in_red():
    found = study_first([], ["labeled-4, ua_mt: organ is hardly found (mean Dice 0.02); this model is unfit for use."])
    assert "hardly found" in found.unfit
    assert found.next.startswith("Do not use")
    assert found.word == "Nothing compared yet"


def test_cases_sort_and_filter_without_an_error(page):
    page.locator("section details summary").first.click()
    table = page.locator("table.sortable").first
    names = lambda: table.locator("tbody tr:visible th").all_text_contents()  # noqa: E731
    before = names()
    assert len(before) == 12
    head = table.locator("thead button").first
    head.click()
    assert names() == sorted(before)
    head.click()
    assert names() == sorted(before, reverse=True)
    page.locator("section input[type=search]").first.fill(before[0])
    assert names() == [before[0]]
    page.locator("section input[type=search]").first.fill("")
    assert not [line for line in page.said if line.startswith(("error", "warning"))], page.said


@pytest.mark.parametrize("width", [400, 1200])
def test_no_page_is_wider_than_its_window(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_is_printed_on_a4_holds_every_column(page):
    """Read back from the PDF: no head is broken or cut, and nothing reaches into the margin."""
    heads = page.eval_on_selector_all("thead th", "all => all.map((one) => one.textContent)")
    sheets = printed(page)
    text = words(sheets)
    assert len(heads) > 10
    for wanted in heads:
        for word in wanted.split():
            assert word in text, wanted
    for sheet in sheets:
        assert sorted(sheet.size) == pytest.approx(A4, abs=1.5)  # the widest table lies sideways
        assert sheet.right <= sheet.size[0] - 15 * 72 / 25.4 + 1


def test_pictures_that_a_page_has_no_room_for_lie_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "PICTURES", 0)
    page = report_study(made.study(tmp_path / "study"))
    text = page.read_text(encoding="utf-8")
    assert "data:image/png" not in text
    links = re.findall(r'<a href="(report_data/[^"]+)"', text)
    assert links
    for link in links:
        assert (page.parent / unquote(link)).read_bytes().startswith(b"\x89PNG")
