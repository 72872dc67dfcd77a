"""The page of a job that the command line made: it says what to do, and works in a browser without loading a thing."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager

import pytest

from semivox.data.formats.volume import read_label
from semivox.experiments.summary import Summary
from semivox.reports.job import report_job
from tests.reports.parsed_page import Page
from tests.reports.viewer.browser import colors, opened


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
    summary = Summary.load(job / "summary.json")
    said = [warning for warning in summary.warnings if "hardly found" in warning]
    shown = Page(text).text
    assert said
    for warning in said:  # of the model to use in the red box alone, of the other one in the list
        assert (warning in shown) == (not warning.startswith(f"{summary.chosen}:"))
        assert warning.partition(": ")[2].partition(";")[0] in shown
    (findings, *_) = re.findall(r'<td class="said"[^>]*>(.*?)</td>', text)
    assert findings.count("supervised, hardly found (Dice): ") <= 1
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
    seen = {first}
    for _ in range(4):  # the maps take no part
        page.wait_for_function(
            "([one, was]) => one.nextElementSibling.textContent !== was",
            arg=[button.element_handle(), last := button.locator("+ span").text_content()],
        )
        seen.add(last)
    assert first == "reference"
    assert seen == {"reference", "supervised", "mean teacher"}
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


@contextmanager
def another(page, url, script=""):
    """A second page in the same browser, with what its console says; ``script`` runs before the page's own."""
    new, said = page.context.browser.new_page(viewport={"width": 1200, "height": 900}), []
    new.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    new.on("pageerror", lambda error: said.append(f"error: {error}"))
    if script:
        new.add_init_script(script)
    new.goto(url)
    try:
        yield new
    finally:
        new.close()
    assert not [line for line in said if line.startswith(("error", "warning"))], said


def test_a_browser_without_webgl2_is_told_so_in_a_sentence(page, job):
    lacking = (
        "const own = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return kind === 'webgl2' ? null : own.call(this, kind, ...more); };"
    )
    with another(page, f"file://{job}/report.html", lacking) as bare:
        bare.locator("button.volume").first.click()
        bare.wait_for_function("document.querySelector('.viewer-status').textContent.includes('no WebGL2')")


def test_cases_come_worst_median_or_best_first(page):
    column = "rows => rows.map((row) => Number(row.cells[2].dataset.value))"
    for order, wanted in (("best", -1), ("worst", 1)):
        page.select_option("#order", order)
        dice = page.eval_on_selector_all("tr.case", column)
        assert dice == sorted(dice)[::wanted]
    page.select_option("#order", "median")
    dice = page.eval_on_selector_all("tr.case", column)
    assert dice[0] == sorted(dice)[len(dice) // 2]
    page.select_option("#order", "worst")


def test_every_case_has_its_uncertainty_and_maps_of_where_to_doubt_it(job, page):
    for row in page.locator("tr.case").all():
        case = row.get_attribute("data-case")
        record = json.loads((job / "mean_teacher" / "predictions" / "origins" / f"{case}.json").read_text())
        expected = [dice or 0.0 for dice in record["expected_dice"].values()]
        value = float(row.locator("[data-name=Uncertainty]").get_attribute("data-value"))
        assert value == pytest.approx(1 - sum(expected) / len(expected))
        picture = page.locator(f"#{row.get_attribute('data-detail')} img").get_attribute("alt")
        assert (
            picture
            == f"{case}: reference, supervised, mean teacher, models differ, entropy, mean teacher, three planes"
        )
        map_of = read_label(job / "mean_teacher" / "maps" / f"{case}_entropy.nii.gz").array
        assert 0 < map_of.max() <= 255
    assert (
        page.evaluate("JSON.parse(document.getElementById('viewer-scenes').textContent).scenes[0].layers.length") == 6
    )


@pytest.fixture(scope="module")
def crowded(job, tmp_path_factory):
    """The same job, as if pictures and volumes were too large for the page."""
    copied = shutil.copytree(job, tmp_path_factory.mktemp("crowded") / "job")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("semivox.reports.budget.PICTURES", 0)
        patch.setattr("semivox.reports.budget.VOLUMES", 0)
        report_job(copied)
    return copied


def test_what_the_page_has_no_room_for_lies_beside_it_and_opens_by_choosing_it(page, crowded, tmp_path):
    files = sorted((crowded / "report_data").iterdir())
    assert {path.suffix for path in files} == {".json", ".png"}
    assert len(files) == 4
    assert (crowded / "report.html").stat().st_size < 4_000_000
    with another(page, f"file://{crowded}/report.html") as bare:
        row = bare.locator("tr.detail:not([hidden])").first
        assert (crowded / row.locator("a").get_attribute("href")).read_bytes().startswith(b"\x89PNG")
        name = row.locator("button.volume-file").text_content().rpartition(" ")[2]
        chooser = row.locator("input[type=file]")
        (tmp_path / "other.json").write_text('{"mine": 1}')
        chooser.set_input_files(tmp_path / "other.json")
        bare.wait_for_function("document.querySelector('#cases').textContent.includes('no volume of this report')")
        assert bare.locator("#viewer canvas").count() == 0
        chooser.set_input_files(crowded / name)
        bare.wait_for_selector("#viewer[data-ready]", state="attached", timeout=90_000)
        bare.select_option(".viewer-layout", "axial")
        assert colors(bare.locator(".viewer-canvas").screenshot()) > 20, "the canvas is empty"


def test_surfaces_are_in_the_page_and_in_files(job):
    assert "Surfaces of the worst, middle and best case" in (job / "report.html").read_text(encoding="utf-8")
    assert (job / "figures" / "surfaces.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (job / "figures" / "surfaces.svg").read_bytes()[:2000]


def test_the_first_screen_says_in_words_what_became_of_surfaces(job):
    text = (job / "report.html").read_text(encoding="utf-8")
    first = text[: text.index("<h2>")]
    assert "distances between surfaces" in first
    assert "signed-rank" not in first
    assert "signed-rank" in text


def test_the_unlabeled_scans_are_listed_with_what_to_expect(job):
    text = (job / "report.html").read_text(encoding="utf-8")
    listed = text[text.index("Labels of the unlabeled scans") :]
    assert "hip_0002" in listed[: listed.index("</table>")]


def test_the_page_says_that_no_score_tells_whether_more_steps_would_give_more(job):
    text = (job / "report.html").read_text(encoding="utf-8")
    assert "Whether more steps would give more was not measured" in text[text.index("<h2>Training</h2>") :]
