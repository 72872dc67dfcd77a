"""No page weighs more than is promised, however many cases and pictures there are."""

from __future__ import annotations

import base64

from semivox.reports import budget
from semivox.reports.case_lines import CaseLine
from semivox.reports.cases import Cases
from semivox.reports.page import PairedCase, Picture, ReportData, TextTable, render
from semivox.reports.viewer.scenes import Layer, Scene

CASES = 1000
PNG = b"\x89PNG\r\n\x1a\n"


def line(number, png):
    name = f"a case with a long name, {number:04d}"
    said = ("mean teacher missed the left adrenal gland",) if number % 3 == 0 else ()
    return CaseLine(
        name, 0.5, 0.6, 3.0, 10.0, 11.0, 12.0, 0.1, said, said, png, ("reference", "a", "b"), ("differ",), 0
    )


def test_a_page_that_is_full_of_pictures_volumes_and_cases_stays_within_its_budget():
    each = PNG + bytes(budget.PICTURES // 200 - len(PNG))
    lines = tuple(line(number, each if number < 200 else None) for number in range(CASES))
    scenes = tuple(Scene(f"case {n}", (Layer("scan", {"id": f"volume-{n}-0"}, "image"),)) for n in range(100))
    content = base64.b64encode(bytes(budget.VOLUMES // 100)).decode()
    volumes = {f"volume-{n}-0": content for n in range(100)}
    data = ReportData(
        "full",
        "Helped.",
        cases=Cases(lines, scenes, volumes),
        paired=tuple(
            PairedCase(f"a case with a long name, {n:04d}", "left adrenal gland", 0.5, 0.6) for n in range(500)
        ),
        surfaces=(Picture("surfaces", PNG + bytes(300_000)),),
        labels=TextTable("labels", ("Case", "Dice", "Why"), tuple((f"scan {n:04d}", "0.8", "-") for n in range(CASES))),
    )
    assert 12_000_000 < len(render(data).encode()) < budget.PAGE


def test_pictures_without_room_become_files_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "PICTURES", 100)
    album = budget.Album(tmp_path / "beside")
    assert album.put(PNG, "first") == (PNG, "")
    assert album.put(PNG + bytes(100), "a/b") == (b"", f"beside/{(file := next((tmp_path / 'beside').iterdir())).name}")
    assert file.read_bytes() == PNG + bytes(100)
    assert album.put(PNG, "third") == (PNG, "")  # a smaller one still fits
