"""The page of a job on screens of any width, and on paper."""

import pytest

from tests.reports.printed import A4, printed, words
from tests.reports.viewer.browser import opened


@pytest.fixture(scope="module")
def page(job):
    with opened(f"file://{job}/report.html") as found:
        yield found.page


@pytest.mark.parametrize("width", [400, 800, 1200])
def test_no_page_is_wider_than_its_window(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    details = page.locator("tr.detail:not([hidden]) .shown")
    assert details.count() > 0
    for one in details.all():
        assert one.bounding_box()["x"] + one.bounding_box()["width"] <= width


def test_the_cases_need_no_scrolling_sideways_on_a_desktop(page):
    page.set_viewport_size({"width": 1200, "height": 900})
    assert page.evaluate(
        "Array.from(document.querySelectorAll('.scroll')).every((one) => one.scrollWidth <= one.clientWidth)"
    )


def test_what_is_printed_on_a4_holds_every_column(page):
    """Read back from the PDF: no head is broken or cut, no cell is missing, and nothing reaches into the margin."""
    page.set_viewport_size({"width": 1200, "height": 900})
    heads = page.eval_on_selector_all("thead th:not(.mark)", "all => all.map((one) => one.textContent)")
    cells = page.eval_on_selector_all(
        "tr:not(.detail) > td:last-child:not(.mark), td.said", "all => all.map((one) => one.innerText)"
    )
    sheets = printed(page)
    text = words(sheets)
    assert len(heads) > 15
    for wanted in (*heads, *cells):
        for word in wanted.split():
            assert word in text, wanted
    for sheet in sheets:
        assert sheet.size == pytest.approx(A4, abs=1.5)
        assert sheet.right <= A4[0] - 15 * 72 / 25.4 + 1
        assert sheet.left >= 15 * 72 / 25.4 - 1
