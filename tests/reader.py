"""A reader of the documentation who has the folders that its pages name, tiny ones, and runs what they print."""

from __future__ import annotations

import ast
import contextlib
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from semivox.cli import exit_code
from semivox.data import phantom
from semivox.data.planning.options import PlanOptions
from semivox.pipeline import planning
from tests.data.formats.dicom import made_up
from tests.data.layouts.dicom_export import SHAPE, patient
from tests.experiments.here import all_here
from tests.experiments.tiny import draw_nothing
from tests.pages import ROOT, arguments, blocks

TINY = {"spacing": (8.0, 8.0, 8.0), "patch": (16, 16, 8)}
NAMES = {"hip_0000": "anna", "hip_0001": "bert", "hip_0002": "carl", "hip_0003": "dora", "hip_1000": "emil"}
COMPARE = ROOT / "docs" / "how-to" / "compare-methods.md"
TEST = "test = 60                                        # the last 60 by name; all need a label\n"
FEWER = (
    ("labeled = [4, 8]", "labeled = [1]"), ("draws = 3 ", "draws = 1 "), (TEST, 'test = ["bert"]\n'),
    ("seeds = [1, 2]", "seeds = [1]"), ("labeled=(4, 8), draws=(0, 1, 2), test=20", 'labeled=(1,), test=("bert",)'),
    ("--size 96 --spacing 1 --per-scan 18", "--size 8 --spacing 8 --per-scan 3"), ("--steps 6000", "--steps 2"),
    ('"steps": 600', '"steps": 2'), ("--network small --time 0.25", "--network small --steps 2"),
)  # fmt: skip
"""What a page has many of, and tiny scans have few of."""
MAKERS = {
    "job": "semivox run scans/ --out job/",
    "runs/em": "semivox train scans/ -o runs/em",
    "runs/sassnet": "semivox train scans/ -o runs/sassnet --method sassnet",
    "pre": "semivox pretrain scans/ -o pre/",
    "shapes": "semivox pretrain --invented -o shapes/ --network small --steps 2",
    "both": "semivox join livers/ spleens/ -o both/",
    "labels": "semivox predict runs/em -i new_scans/ -o labels/",
    "labels_ct": "semivox predict runs/em -i ct/ -o labels_ct/",
    "onnx": "semivox export job/ -o onnx/ --to onnx",
    "plan.json": "semivox plan scans/ -o plan.json",
    "prepared": "semivox prepare scans/ -o prepared/ --plan plan.json",
    "studies/hippocampus": "semivox study study.toml --out studies/hippocampus",
    "patches": "semivox patches scans/ -o patches/ --size 8 --spacing 8 --per-scan 3",
}
"""What one command leaves for another."""
STANDS_FOR = {"labels/ct.nii.gz": "labels_ct"}
"""A page's labels of one scan are made apart from its labels of many."""
WRITES = {"train": 1, "run": 1, "study": 1, "prepare": 1, "patches": 1, "predict": 2}
"""Which argument of a function of the Python interface is written to."""


@contextlib.contextmanager
def tiny_plans() -> Iterator[None]:
    """Every plan has two steps on a small patch, all work is done in this process, and no figure is drawn."""
    planned = planning.planned

    def tiny(inspected, options: PlanOptions, *rest):
        network = options.network or "small"
        few = options.model_copy(update={**TINY, "steps": 2, "network": network})
        return planned(inspected, few, *rest).model_copy(update={"precision": "32-true", "channels_last": False})

    with pytest.MonkeyPatch.context() as patch:
        all_here(patch)
        draw_nothing(patch)
        patch.setattr(planning, "planned", tiny)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def fewer(text: str) -> str:
    for many, few in FEWER:
        text = text.replace(many, few)
    return text


@dataclass
class Reader:
    """Has the folders that pages name in ``home``; each command works in a folder of its own that shows them."""

    home: Path
    made: set[str] = field(default_factory=set)
    codes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scans, home = self.home / "scans", self.home
        phantom.write(scans, 2, 2, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
        phantom.write(home / "all", 4, 0, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
        for path in [*scans.glob("*T[rs]/*.nii.gz"), *(home / "all").glob("*Tr/*.nii.gz")]:
            path.rename(path.with_name(re.sub(r"hip_\d+", lambda number: NAMES[number[0]], path.name)))
        for name, path in {
            "new_scans/dora.nii.gz": "all/imagesTr/dora_0000.nii.gz",
            "scan.nii.gz": "all/imagesTr/dora_0000.nii.gz",
            "references/dora.nii.gz": "all/labelsTr/dora.nii.gz",
            "labels_a/dora.nii.gz": "all/labelsTr/dora.nii.gz",
            "labels_b/dora.nii.gz": "all/labelsTr/dora.nii.gz",
        }.items():
            (home / name).parent.mkdir(exist_ok=True)
            shutil.copy(home / path, home / name)
        shutil.copytree(home / "all" / "labelsTr", home / "first")
        for organ in ("livers", "spleens"):
            phantom.write(home / organ, 3, 0, 1, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0), seed=len(organ))
        (study,) = (block for block in blocks(COMPARE, "toml") if block.startswith("# study.toml"))
        (home / "study.toml").write_text(fewer(study), encoding="utf-8")
        for number, (name, label) in enumerate({"p1": "RTSTRUCT", "p2": "SEG", "p3": "SEG", "p4": ""}.items()):
            patient(home / "export", name, label, number)
        made_up.series(home / "ct", made_up.noise(SHAPE))
        shutil.copytree(home / "ct", home / "new" / "ct")
        for number in (4, 5):
            made_up.series(
                home / "mixed", made_up.noise(SHAPE), ending=f".{number}", SeriesInstanceUID=f"1.2.55.{number}"
            )
        self.made = {path.name for path in home.iterdir()}

    def run(self, line: str, place: Path) -> int:
        """The exit code of a printed command. What it reads is there; what it writes is not."""
        words = arguments(fewer(line))
        if (maker := f"semivox {shlex.join(words)}") in MAKERS.values():
            self.require(next(name for name in MAKERS if MAKERS[name] == maker))
            return self.codes[maker]
        written = {words[words.index(option) + 1] for option in ("-o", "--out") if option in words}
        for word in set(words) - written:
            self.show(word.partition("#")[0].rstrip("/"), place)
        if "patches/" in words:  # their parts decide what is tested
            study = (place / "study.toml").read_text(encoding="utf-8")
            (place / "study.toml").write_text(study.replace('test = ["bert"]\n', ""), encoding="utf-8")
        return self.command(words, place)

    def execute(self, code: str, place: Path) -> set[Path]:
        """Run a printed program; returns what it was to write. What it reads is there."""
        code = fewer(code)
        written = {
            node.args[WRITES[name]].value
            for node in ast.walk(ast.parse(code))
            if isinstance(node, ast.Call) and (name := ast.unparse(node.func).rpartition(".")[2]) in WRITES
            and not ast.unparse(node.func).startswith("self")
        }  # fmt: skip
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in written:
                self.show(node.value, place)
        with contextlib.chdir(place), tiny_plans():
            exec(compile(code, "<page>", "exec"), {"__name__": "__main__"})  # the pages are ours
        return {place / name for name in written}

    def command(self, words: list[str], place: Path) -> int:
        with contextlib.chdir(place), tiny_plans():
            return exit_code(words)

    def require(self, name: str) -> None:
        """Make what a page supposes to be there."""
        if name not in MAKERS or name in self.made:
            return
        self.made.add(name)
        words = arguments(MAKERS[name])
        for word in words:
            self.require(word.rstrip("/"))
        self.codes[MAKERS[name]] = self.command(words, self.home)

    def show(self, name: str, place: Path) -> None:
        """Put a copy of what is at home where a command works."""
        made = next((one for one in MAKERS if name == one or name.startswith(f"{one}/")), name)
        at_home = self.home / STANDS_FOR.get(name, made)
        self.require(STANDS_FOR.get(name, made))
        shown = place / (Path(name).parent if name in STANDS_FOR else made)
        if not name or not at_home.exists() or shown.exists():
            return
        shown.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if at_home.is_dir() else shutil.copy)(at_home, shown)
