"""The page of a job that the command line made: it says what to do, and works in a browser without loading a thing."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pytest

from semivox.data import phantom
from tests.reports.viewer.browser import opened


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    phantom.write(folder / "scans", 2, 1, 2, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    command = [
        *(sys.executable, "-m", "semivox", "run", "scans", "-o", "job", "--method", "mean_teacher", "--network"),
        *("small", "--steps", "2", "--spacing", "8,8,8", "--patch", "16,16,8", "--workers", "0", "--device", "cpu"),
        *("--processes", "1", "--set", "plan.precision=32-true", "--quiet"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "job"


@pytest.fixture(scope="module")
def page(job):
    asked: list[str] = []
    with opened(f"file://{job}/report.html", accept_downloads=True) as found:
        found.page.on("request", lambda request: asked.append(request.url))
        found.page.reload()
        found.page.asked = asked
        found.page.said = found.said
        yield found.page


def names(page):
    return page.eval_on_selector_all("tr.case:not([hidden])", "rows => rows.map((row) => row.dataset.case)")


def test_the_first_screen_says_that_a_model_of_two_steps_is_not_usable(job):
    text = (job / "report.html").read_text(encoding="utf-8")
    assert 'class="unfit"' in text
    assert "hardly found" in text
    assert text.index("Model to use") < text.index("<h2>")
    assert "How this was made" in text
    assert "Tarvainen" in text


def test_the_page_is_small_and_all_its_parts_are_in_it(job):
    assert (job / "report.html").stat().st_size < 15_000_000


def test_sorting_sorts_both_ways(page):
    before = names(page)
    assert len(before) == 2
    head = page.locator("#cases thead th button").first
    head.click()
    assert names(page) == sorted(before)
    head.click()
    assert names(page) == sorted(before, reverse=True)


def test_the_filter_filters(page):
    first, *others = names(page)
    page.fill("#filter", first)
    assert names(page) == [first]
    page.fill("#filter", "")
    assert names(page) == [first, *others]


def test_ratings_are_saved_as_a_file(page):
    name = names(page)[0]
    row = page.locator(f'tr.case[data-case="{name}"]')
    detail = page.locator("#" + row.get_attribute("data-detail"))
    if detail.is_hidden():
        row.locator(".open").click()
    detail.locator("[data-rate=correct]").click()
    detail.locator(".rating-note").fill("tail <cut>")
    with page.expect_download() as kept:
        page.click("#download")
    saved = json.loads(kept.value.path().read_text(encoding="utf-8"))
    assert saved["version"] == 1
    assert saved["ratings"] == [{"case": name, "rating": "correct", "note": "tail <cut>"}]
    assert saved["model"] in ("supervised", "mean_teacher")


def test_flicker_shows_one_column_after_another(page):
    button = page.locator("tr.detail:not([hidden]) .flicker").first
    button.click()
    first = button.locator("+ span").text_content()
    page.wait_for_function("one => one.nextElementSibling.textContent !== 'reference'", arg=button.element_handle())
    assert first == "reference"
    button.click()
    assert button.locator("+ span").text_content() == ""


def test_the_volume_is_shown_on_demand_and_scrolls_and_nothing_is_loaded_from_elsewhere(page):
    assert page.locator("#viewer canvas").count() == 0
    page.locator("tr.detail:not([hidden]) button.volume").first.click()
    page.wait_for_selector("#viewer[data-ready]", state="attached", timeout=90_000)
    page.select_option(".viewer-layout", "axial")
    canvas = page.locator(".viewer-canvas")
    first = canvas.screenshot()
    assert colors(first) > 20, "the canvas is empty"
    size = canvas.bounding_box()
    page.mouse.move(size["x"] + size["width"] / 2, size["y"] + size["height"] / 2)
    page.mouse.wheel(0, 120)
    page.wait_for_function("document.querySelector('.viewer-status').textContent.startsWith('position')")
    assert canvas.screenshot() != first, "scrolling shows the same slice"
    assert not [line for line in page.said if line.startswith(("error", "warning"))], page.said
    assert not [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))]


def colors(png: bytes) -> int:
    """How many different values a picture has."""
    from matplotlib.image import imread

    return len(np.unique((imread(io.BytesIO(png))[..., :3] * 255).astype(np.uint8).reshape(-1, 3), axis=0))


@pytest.mark.parametrize("width", [400, 1200])
def test_no_page_is_wider_than_its_window(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_print_on_a4_cuts_no_column(page):
    page.set_viewport_size({"width": 680, "height": 900})  # A4 within margins of 15 mm, at 96 points an inch
    page.emulate_media(media="print")
    widest = page.evaluate(
        "Math.max(...Array.from(document.querySelectorAll('table')).map((one) => one.getBoundingClientRect().right))"
    )
    page.emulate_media(media="screen")
    assert widest <= 680
