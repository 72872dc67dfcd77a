"""The report: self-contained, safe with hostile names, and saying what it was given; its pictures and curves."""

import base64
import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from semivox.experiments.groups import Estimate
from semivox.reports.curves import HEIGHT, WIDTH, smooth, ticks, training_curves
from semivox.reports.overlay import color, data_uri, overlay
from semivox.reports.page import PairedCase, Picture, ReportData, ScoreRow, number, render, write_report
from tests.reports.parsed_page import HOSTILE, Page


def ball(shape, center, radius):
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"))
    return (np.linalg.norm(grid - np.array(center)[:, None, None, None], axis=0) < radius).astype(np.uint8)


def rows(steps, **terms):
    return [
        {"step": step, "player": "network", "total": 1.0 / (1 + step), "terms": dict(terms), "weights": {}, "log": {}}
        for step in range(steps)
    ]


@pytest.fixture(scope="module")
def png():
    label = ball((20, 18, 16), (10, 9, 8), 5)
    image = label * 100.0 + np.random.default_rng(0).normal(size=label.shape)
    return overlay(image, label, {"supervised": label, "mean_teacher": np.roll(label, 2, 0)}, (1.0, 1.0, 2.0))


def report(png, name="hip_001"):
    estimate = Estimate(0.8711, 0.8402, 0.9013, 0, None)
    scores = {
        "dice": estimate,
        "hd95_mm": Estimate(3.2, 2.5, 4.125, 2, 21.5),
        "volume_error_ml": Estimate(-1.5, None, None, 0, None),
    }
    return ReportData(
        title=f"Report of {name}",
        verdict=f"The unlabeled scans helped on {name}.",
        outcome="better",
        details=(f"One seed of {name}.",),
        rows=(
            ScoreRow(name, name, 10, scores),
            ScoreRow("supervised", "pelvis", 10, {"dice": Estimate(None, None, None, 0, None)}),
        ),
        candidate=name,
        paired=(
            PairedCase("even", "pelvis", 0.5, 0.5),
            PairedCase("gains", "pelvis", 0.5, 0.75),
            PairedCase(name, name, 0.8, 0.7),
            PairedCase("unknown", "pelvis", None, 0.7),
        ),
        curves=training_curves({name: rows(20, **{name: 0.5})}),
        pictures=(Picture(f"Worst: {name}", png),),
        provenance={name: f"split of {name}"},
        warnings=(f"{name} is odd",),
        reasons={name: f"because of {name}"},
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_text_and_add_no_markup(png, name):
    harmless, page = Page(render(report(png, "harmless"))), Page(render(report(png, name)))
    assert page.tags == harmless.tags
    assert [(tag, key) for tag, key, _ in page.attributes] == [(tag, key) for tag, key, _ in harmless.attributes]
    assert page.text.count(name) == harmless.text.count("harmless") > 10


def test_the_page_runs_nothing_and_loads_nothing(png):
    text = render(report(png))
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    assert not [key for _, key, _ in page.attributes if key.startswith("on") or key == "style"]
    sources = [value for _, key, value in page.attributes if key in ("src", "href", "xlink:href")]
    assert len(sources) == 1
    assert sources[0].startswith("data:image/png;base64,")
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text


def test_the_policy_allows_nothing_but_data_pictures_and_this_very_style(png):
    page = Page(render(report(png)))
    policy = next(value for _, key, value in page.attributes if key == "content" and "default-src" in value)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy


def test_control_and_direction_characters_and_broken_names_do_not_reach_the_page(png, tmp_path):
    write_report(report(png, "a\x00b\u202ec\udcffd"), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "a\ufffdb\ufffdc\ufffdd" in text
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_scores_come_with_interval_undefined_count_and_definition(png):
    text = Page(render(report(png))).text
    for words in ("0.871", "0.840 to 0.901", "3.20", "2.50 to 4.12", "2 undefined; 21.50 with diagonal", "−1.50", "–"):
        assert words in text
    assert "HD95, mm ↓" in text
    assert "distance that 95 % of all surface points" in text


def test_cases_are_listed_from_the_largest_loss_to_the_largest_gain_whichever_way_a_score_counts(png):
    def order(data):
        text = render(data)
        return sorted(("even", "gains", "hip_001", "unknown"), key=lambda case: text.index(f'"row">{case}<', 4000))

    data = replace(report(png), provenance={}, reasons={}, rows=())
    assert order(data) == ["hip_001", "even", "gains", "unknown"]
    assert order(replace(data, paired_score="hd95_mm")) == ["gains", "even", "hip_001", "unknown"]


def test_many_cases_fold_in_the_middle_and_none_is_lost(png):
    paired = tuple(PairedCase(f"case{i:03d}", "a", 0.5, 0.5 + i / 1000) for i in range(75))
    page = Page(render(replace(report(png), paired=paired)))
    assert page.tags.count("details") == 1
    assert "45 more in between" in page.text
    assert all(page.text.count(f"case{i:03d}") == 1 for i in range(75))


def test_a_report_with_nothing_but_a_verdict_is_a_page():
    page = Page(render(ReportData("Empty", "Inconclusive.")))
    assert "Inconclusive." in page.text
    assert "table" not in page.tags


def test_numbers_keep_digits_that_mean_something():
    assert number(0.87149, "dice") == "0.871"
    assert number(0.5, "nsd_1mm") == "0.500"
    assert number(3.456, "hd95_mm") == "3.46"
    assert number(-0.25, "dice", signed=True) == "−0.250"
    assert number(None, "dice") == number(float("nan"), "dice") == "–"


def test_an_overlay_draws_each_class_in_its_own_color_wherever_it_is_predicted():
    shape = (24, 24, 24)
    reference = ball(shape, (8, 12, 12), 4) + 2 * ball(shape, (17, 12, 12), 3)
    image = np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)
    both = _colors(overlay(image, reference, {"same": reference}, (1.0, 1.0, 1.0)))
    one = _colors(overlay(image, None, {"first": (reference == 1).astype(np.uint8)}, (1.0, 1.0, 1.0)))
    assert {color(1), color(2)} <= both
    assert color(1) in one
    assert color(2) not in one


def _colors(png):
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
    return {"#{:02x}{:02x}{:02x}".format(*pixel) for pixel in np.unique(pixels, axis=0)}


def test_a_map_is_a_column_of_its_own_and_bright_where_it_is_high():
    label = ball((24, 24, 24), (12, 12, 12), 6)
    doubt = np.zeros(label.shape, np.float32)
    doubt[12:, :, :] = 1.0
    plain = Image.open(io.BytesIO(overlay(label * 1.0, label, {}, (1.0, 1.0, 1.0))))
    png = overlay(label * 1.0, label, {}, (1.0, 1.0, 1.0), maps={"doubt": doubt})
    both = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    assert both.shape[1] > 1.5 * plain.size[0]
    warm = both[..., 0] - both[..., 2] > 60  # inferno at its end: much red, little blue
    left, right = np.split(warm, [warm.shape[1] // 2], axis=1)
    contour = np.all(both == (0xE6, 0x9F, 0x00), axis=2).sum()
    assert right.sum() > 20 * (left.sum() - contour if left.sum() > contour else 1)
    with pytest.raises(ValueError, match="shape"):
        overlay(label * 1.0, label, {}, (1.0, 1.0, 1.0), maps={"doubt": doubt[1:]})


def test_the_names_of_many_classes_have_room_below_the_pictures():
    """In two rows, where four fit into one; the planes stay as large as they are."""

    def drawn(classes):
        label = np.zeros((24, 24, 24), np.uint8)
        label[4:20, 4:20, 4:20] = np.arange(16)[:, None, None] % classes + 1
        png = overlay(label * 1.0, label, {}, (1.0, 1.0, 1.0), [f"class {value}" for value in range(classes + 1)])
        return np.asarray(Image.open(io.BytesIO(png)).convert("L"))

    few, many = drawn(4), drawn(5)
    assert many.shape[0] == few.shape[0] + 25
    gray = [np.flatnonzero(((picture > 90) & (picture < 110)).sum(1) > 20) for picture in (few, many)]
    assert abs(len(gray[0]) - len(gray[1])) <= 2


def test_an_overlay_is_true_to_millimeters():
    label = np.zeros((40, 40, 10), np.uint8)
    label[10:30, 10:30, 2:8] = 1  # 20 x 20 x 24 mm
    flat = Image.open(io.BytesIO(overlay(label * 1.0, label, {}, (1.0, 1.0, 4.0)))).convert("RGB")
    ink = np.all(np.asarray(flat) == (0xE6, 0x9F, 0x00), axis=2)
    ink[-30:] = False  # the legend
    rows_of_ink = np.flatnonzero(np.diff(np.concatenate([[0], ink.any(1).astype(int), [0]])))
    heights = rows_of_ink[1::2] - rows_of_ink[::2]
    assert len(heights) == 3
    assert heights[1] / heights[0] == pytest.approx(24 / 20, rel=0.05)
    assert heights[2] == pytest.approx(heights[1], abs=2)


def test_an_overlay_survives_empty_masks_constant_and_broken_images():
    empty = np.zeros((8, 8, 8), np.uint8)
    full = np.ones((8, 8, 8), np.uint8)
    hollow = np.full((8, 8, 8), np.nan, np.float32)
    for image in (empty.astype(float), hollow):
        assert overlay(image, empty, {"a": full}, (1.0, 1.0, 1.0)).startswith(b"\x89PNG")
        assert overlay(image, None, {"$x_1 <&": empty}, (1.0, 1.0, 1.0)).startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="shape"):
        overlay(empty, full[:4], {}, (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="must be a PNG"):
        data_uri(b"<svg onload=alert(1)>")


def test_smoothing_keeps_a_constant_and_matches_the_slow_form():
    values = np.random.default_rng(2).normal(size=50)
    weights = np.exp(-np.arange(50) / 7.0)
    slow = [np.average(values[: i + 1], weights=weights[: i + 1][::-1]) for i in range(50)]
    np.testing.assert_allclose(smooth(values, 7.0), slow)
    np.testing.assert_allclose(smooth(np.full(9, 3.0), 4.0), 3.0)


def test_curves_have_a_panel_per_quantity_and_a_line_per_run_inside_the_panel():
    logs = {"a": rows(500, dice=0.5, match=float("nan")), "b": rows(100, dice=0.25)}
    panels = training_curves(logs)
    assert [panel.title for panel in panels] == ["total loss", "loss: dice"]
    for panel in panels:
        assert [(line.run, line.index) for line in panel.lines] == [("a", 0), ("b", 1)]
        points = np.array([[p.split(",") for p in line.points.split()] for line in panel.lines[:1]], float)[0]
        assert len(points) <= 240
        assert points[:, 0].min() == 0
        assert points[:, 0].max() == WIDTH
        assert points[:, 1].min() >= 0
        assert points[:, 1].max() <= HEIGHT
    assert training_curves({}) == training_curves({"a": []}) == ()
    assert len(training_curves({"a": rows(1, x=1.0)})) == 2  # a single row is a dot, not an error


def test_ticks_are_round_and_span_the_range():
    assert ticks(0, 600) == [0, 200, 400, 600]
    assert ticks(0.02, 0.96) == [0, 0.5, 1]
    assert ticks(-1.2, 3.1) == [-2, 0, 2, 4]
    assert ticks(5, 5)[0] < 5 < ticks(5, 5)[-1]
