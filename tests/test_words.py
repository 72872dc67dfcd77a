"""What users read is plain English in our own words: in every string of the package, and in what commands answer."""

import ast
import re
from pathlib import Path

import pytest

import semivox
from semivox.cli import exit_code
from semivox.core.errors import InputError
from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.data.checks.findings import CheckReport
from semivox.data.origins import Origin
from semivox.data.prepared.store import CaseRecord
from semivox.evaluation.tables import ScoreFile
from semivox.experiments.cost import Cost
from semivox.experiments.record import Record
from semivox.experiments.summary import Summary
from semivox.training.model import ModelCard
from semivox.training.settings import RunConfig

PACKAGE = Path(semivox.__file__).parent
ODD = re.compile(
    r"\w\((s|es)\)"  # 1 error(s)
    r"|\bmend(ed|s)?\b|\bgone? on with\b|\bgoes on\b|\bguessed at\b|\bworth while\b|\bnone of it\b|\b[Mm]ind the\b"
    r"|\bby itself\b|\bin this process\?|\bnobody knows\b|\bthe one or the other\b|\bno word\b|\bstands? on both\b"
)
"""What no native speaker would write here."""
THEIRS = re.compile(
    r"Input should|valid (integer|number|string|boolean)|unable to parse|validation error|String should|Traceback"
    r"|Field required|Extra inputs|type=|pydantic|\b(RunConfig|Record|ModelCard|CheckReport|CaseRecord|ScoreFile)\b"
)
"""Words of libraries, and names of our classes."""
FILES = [CaseRecord, CheckReport, Cost, ModelCard, Origin, Plan, Record, RunConfig, ScoreFile, Split, Summary]


def strings(path):
    """Line and text of every string that is no docstring; of an f-string, with {} for each value."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    skipped |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_no_string_of_the_package_is_odd():
    odd = [
        f"{path.relative_to(PACKAGE)}:{line}: {text}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, text in strings(path)
        if ODD.search(text) and " " in text
    ]
    assert odd == []


def test_no_page_is_odd():
    pages = [*PACKAGE.rglob("*.j2"), *(Path(__file__).parents[1] / "docs").rglob("*.md")]
    assert [
        f"{page.name}: {found[0]}"
        for page in pages
        if (found := re.search(r"(error|case|scan|file|value|channel)\(s\)", page.read_text(encoding="utf-8")))
    ] == []


@pytest.mark.parametrize("kind", FILES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"x": 1}', '{"version": "x", "seed": [], "cases": 3, "labeled": "a"}', "\0"]
)
def test_a_damaged_file_is_named_in_our_words(tmp_path, kind, content):
    path = tmp_path / "file.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=f"not a valid {re.escape(kind.called)}") as error:
        kind.load(path)
    assert str(path) in str(error.value)
    assert THEIRS.search(str(error.value)) is None


WRONG = [
    ("train x -o y --steps abc", "--steps abc: it must be a whole number"),
    ("train x -o y --steps 0", "--steps 0: it must be at least 1"),
    ("train x -o y --seed -1", "--seed -1: it must be at least 0"),
    ("train x -o y --device gpu", "did you mean 'cuda'"),
    ("train x -o y --precision 16", "--precision 16: it must be '32-true' or 'bf16-mixed'"),
    ("train x -o y --workers many", "--workers many: it must be a whole number"),
    ("train x -o y --stepz 3", "did you mean '--steps'"),
    ("train x -o y --steps", "--steps needs a value"),
    ("plan x -o y --time -3", "--time -3"),
    ("plan x -o y --time abc", "--time abc: it must be a number"),
    ("plan x -o y --memory 0", "--memory 0"),
    ("plan x -o y --patch a,b,c", "--patch 'a,b,c'"),
    ("predict x -i a -o b --overlap 3", "--overlap 3: it must be at most 0.95"),
    ("predict x -i a -o b --processes 0", "--processes 0: it must be at least 1"),
    ("evaluate -r x -p y --workers -3", "--workers -3: it must be at least 0"),
    ("patches x -o y --per-scan 0", "--per-scan 0: it must be at least 1"),
    ("view x --port 99999999", "--port 99999999: it must be at most 65535"),
    ("run x -o y --on rey", "did you mean 'ray'"),
    ("run x", "--out is missing"),
    ("check", "DATA is missing"),
    ("check x --all=3", "--all takes no value"),
    ("predit", "did you mean 'predict'"),
    ("methods mc-nte", "did you mean 'mc_net'"),
    ("study", "give a study file"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[words for words, _ in WRONG])
def test_a_wrong_word_is_told_by_its_option_in_one_sentence(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert exit_code(words.split()) == 2
    heard = capsys.readouterr()
    assert said in heard.err
    assert heard.err.startswith("semivox: ")
    assert heard.out == ""
    assert THEIRS.search(heard.err) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["mc-net+", "MC-Net+", "mc_net_plus", "MC Net plus", "mc_net+"])
def test_a_method_is_found_however_its_name_is_written(name, capsys):
    assert exit_code(["methods", name]) == 0
    assert capsys.readouterr().out.startswith("mc_net_plus\n")


def test_no_command_at_all_prints_the_help(capsys):
    assert exit_code([]) == 2
    assert "semivox check DATA" in " ".join(capsys.readouterr().err.split())
