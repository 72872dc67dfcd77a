"""A file is about one idea, a function does one thing, a value is not handed on for ever: it has to fit into a head."""

import ast
from functools import cache
from pathlib import Path

import pytest
from benchmarks import walk

ROOT = Path(__file__).parents[1]
PLACES = ("src", "tests", "benchmarks", "results", "examples", "docs")
FILE, LONG_FILE, FUNCTION = 250, 400, 60
"""Lines of a file without a reason, with one, and of a function."""
ONE_PAPER = "the numbers of one method's paper, each worked out by hand"
REASONS = {
    "tests/bad_methods.py": "a method that breaks each law of the contract, in the order of the laws",
    "tests/mutation/mutants.py": "a table: one entry a mutant",
    "tests/mutation/mutants_of_data_sets.py": "a table: one entry a mutant",
    "tests/mutation/mutants_of_promises.py": "a table: one entry a mutant",
    "tests/methods/test_asdnet.py": ONE_PAPER,
    "tests/methods/test_caml.py": ONE_PAPER,
    "tests/methods/test_dap.py": ONE_PAPER,
    "tests/methods/test_dkuxnet.py": ONE_PAPER,
    "tests/methods/test_mtc.py": ONE_PAPER,
    "tests/methods/test_sassnet.py": ONE_PAPER,
    "tests/methods/test_tcse.py": ONE_PAPER,
    "tests/methods/test_gold_parts.py": "the numbers of the authors' code, a test for each part",
    "tests/pipeline/published_values.py": "a table: what papers and code have for every recipe",
    "tests/networks/test_kmax.py": "one network, layer by layer, against slow restatements of each",
    "tests/functional/test_losses.py": "each loss against a slow restatement, and numbers by hand",
    "tests/data/test_patches.py": "which patches are drawn: the laws of one class",
    "tests/data/prepared/test_prepare.py": "one function: what it stores, and when it makes it again",
    "tests/data/formats/test_volume.py": "reading and writing scans: the same laws for each format",
    "tests/data/formats/dicom/test_stack.py": "which slices are one scan, fault by fault",
    "tests/data/formats/dicom/test_labels.py": "labels of DICOM, kind by kind",
    "tests/core/processes/test_other_systems.py": "what each system lacks, branch by branch",
    "tests/training/test_resume.py": "one promise, the same bits after a stop, for each way of stopping",
}
"""Why a file is longer than others; where no reason comes to mind, it holds two ideas."""


THROUGH = {"train_run": 8, "run_job": 8, "report": 6}
"""Files that the parameters of a function may be handed on through, by ``benchmarks/walk.py``."""


def sources() -> list[Path]:
    return [path for place in PLACES for path in sorted((ROOT / place).rglob("*.py"))]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_files_are_short_or_say_why_not():
    long = {named(path): lines(path) for path in sources() if lines(path) > FILE}
    assert long, "no file was looked at"
    assert {name: count for name, count in long.items() if count > LONG_FILE} == {}
    assert sorted(long.keys() - REASONS.keys()) == []
    assert sorted(REASONS.keys() - long.keys()) == [], "these need no reason any more"


@pytest.mark.parametrize("place", PLACES)
def test_functions_are_short(place):
    found = [
        f"{named(path)}: {node.name} has {(node.end_lineno or 0) - node.lineno + 1} lines"
        for path in sorted((ROOT / place).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= FUNCTION
    ]
    assert found == []


@cache
def package() -> walk.Source:
    return walk.Source(ROOT / "src" / "semivox")


@pytest.mark.parametrize("function", THROUGH)
def test_a_value_passes_through_few_files(function):
    source = package()
    starts = [place for place in source.defined if place[1] == function]
    assert starts
    for start in starts:
        through = sorted(module for module, on in walk.walk(source, start).items() if on)
        assert len(through) <= THROUGH[function], through
