"""What the documentation says is true: links lead somewhere, commands parse, snippets compile, nothing is left out."""

import ast
import hashlib
import re
import textwrap
from importlib import import_module

import pytest

from semivox.core.plan import Plan
from semivox.data.augmentation.schemes import SETS, Augmentation
from semivox.evaluation.tables import COLUMNS
from semivox.experiments.protocols import PROTOCOLS
from semivox.experiments.study_file import CaseChoice, LegacyChoice, MethodChoice, PredictChoice, StudyFile
from semivox.methods import METHODS, find
from semivox.pipeline.assignments import parse_overrides
from semivox.pipeline.options import known_options
from semivox.reports.published import Published
from semivox.training.folder import OWN
from semivox.training.settings import TrainSettings
from tests.corpus.every import BAD
from tests.pages import COMMANDS, FENCE, OWN_PACKAGE, PAGES, ROOT, arguments, blocks, command_lines, name_of, text_of

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def anchors(page):
    """The anchors of a page's headings, where GitHub and the site make the same of them."""
    words = [re.sub(r"[^\w\- ]", "", text).lower() for text in re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)]
    return {text.replace(" ", "-") for text in words if text.isascii() and "  " not in text}


@each_page
def test_relative_links_lead_somewhere(page):
    for target in LINK.findall(FENCE.sub("", text_of(page))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(file), f"{target}: no such heading"


@each_page
def test_commands_parse(page):
    lines = [line for line in command_lines(page) if OWN_PACKAGE not in line]
    for line in (line for line in lines if "$" not in line):  # those with variables: tests/test_page_scripts.py
        name, *rest = arguments(line)
        context = COMMANDS[name].make_context(name, rest)  # raises for what does not exist, misses, or has a wrong type
        wanted = parse_overrides(context.params.get("sets") or ())
        method = context.params.get("method") or "embedding_matching"
        known_options(method, wanted.method)
        find(method).Config.model_validate(wanted.method)
        TrainSettings.model_validate(wanted.train)
        if ablation := context.params.get("ablation"):
            assert ablation in find(method).ablations


@each_page
def test_commands_and_options_named_in_sentences_exist(page):
    for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", text_of(page))):
        words = code.split()
        if words[0] != "semivox" or len(words) < 2 or not words[1].isalpha() or words[1].isupper():
            continue
        assert words[1] in COMMANDS, code
        options = {option for parameter in COMMANDS[words[1]].params for option in parameter.opts} | {"--help", "-h"}
        assert {word for word in words[2:] if word.startswith("-")} <= options, code


@each_page
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"^make ([\w-]+)", "\n".join(blocks(page, "sh")), re.MULTILINE)) <= targets


@each_page
def test_python_snippets_compile_and_their_imports_exist(page):
    for code in blocks(page, "python"):
        for node in ast.walk(ast.parse(textwrap.dedent(code))):
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("semivox."):
                for alias in node.names:
                    assert hasattr(import_module(node.module), alias.name), f"{node.module}.{alias.name}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "semivox":
                assert hasattr(import_module("semivox"), node.attr), f"semivox.{node.attr}"


@each_page
def test_no_page_tells_of_the_machine_it_was_written_on(page):
    assert not re.search(r"(?<![\w.])/(work|tmp|home|root)\b", text_of(page))


def test_every_page_is_reached_from_the_index():
    seen, waiting = set(), [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        waiting += [(page.parent / target.partition("#")[0]).resolve() for target in LINK.findall(text_of(page))
                    if "://" not in target and not target.startswith("#")]  # fmt: skip
    assert set((ROOT / "docs").rglob("*.md")) <= seen


def test_the_readme_counts_the_methods():
    """All that stand beside a supervised twin, which is a method itself."""
    assert f"yes, {len(METHODS) - 1} methods, each beside its supervised twin" in text_of(ROOT / "README.md")


def test_the_readme_names_every_command():
    """But for those of which ``run`` consists, and two that few need."""
    named = re.findall(r"(?:semivox|make) (\w+)", text_of(ROOT / "README.md"))
    assert set(COMMANDS) - set(named) - {"plan", "prepare", "train", "evaluate", "patches", "methods"} == set()


def test_every_example_is_mentioned():
    everything = "\n".join(text_of(page) for page in PAGES)
    for example in sorted((ROOT / "examples").glob("*.py")):
        assert f"examples/{example.name}" in everything


def options_of(name):
    return [option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")]


STUDY_FILE = (StudyFile, CaseChoice, MethodChoice, PredictChoice, LegacyChoice)
SECTIONS = ("cases", "plan", "train", "predict", "legacy")
REFERENCE = {
    "reference/cli.md": [*COMMANDS, *(option for name in COMMANDS for option in options_of(name)), *METHODS],
    "reference/plan.md": [*Plan.model_fields],
    "reference/run-folder.md": [*OWN, *TrainSettings.model_fields],
    "reference/scores.md": [*COLUMNS],
    "reference/study.md": [
        f"[{field}]" if field in SECTIONS else field
        for model in STUDY_FILE
        for field in model.model_fields
        if field not in ("method", "options")  # [method.NAME], shown by its fields
    ],
    "reference/published.md": [*Published.model_fields, *PROTOCOLS],
    "reference/augmentation.md": [*SETS, *Augmentation.model_fields],
    "how-to/read-the-check.md": sorted({bad.code for bad in BAD if bad.level not in ("refused", "option")}),
}


@pytest.mark.parametrize("page", REFERENCE)
def test_the_reference_leaves_nothing_out(page):
    named = set(re.findall(r"`([^`\n]+)`", text_of(ROOT / "docs" / page)))
    words = {word.strip(",.:/") for code in named for word in code.split()}
    assert [name for name in REFERENCE[page] if name.strip("/") not in words] == []


EVERYWHERE = {"--quiet", "--verbose", "--report", "--out"}
"""Options that the page gives for all commands, or all that write."""


def test_the_table_of_options_names_the_commands_that_take_each():
    rows = text_of(ROOT / "docs/reference/cli.md").partition("## Options")[2].partition("## Values")[0]
    told: dict[str, set[str]] = {}
    for option, commands in re.findall(r"^\| (`-.+?) \| (.+?) \| ", rows, re.MULTILINE):
        for name in re.findall(r"--[a-z-]+", option):
            told.setdefault(name, set()).update(commands.split(", "))
    taken: dict[str, set[str]] = {}
    for command in COMMANDS:
        for option in options_of(command):
            taken.setdefault(option, set()).add(command)
    assert {option: told.get(option) for option in taken.keys() - EVERYWHERE} == {
        option: taken[option] for option in taken.keys() - EVERYWHERE
    }


@pytest.mark.parametrize("name", METHODS)
def test_the_page_of_a_method_names_its_numbers_and_ablations(name):
    kind = find(name)
    text = text_of(ROOT / "docs" / "methods" / f"{name.replace('_', '-')}.md")
    assert [field for field in kind.Config.model_fields if f"`{field}`" not in text and field != "network"] == []
    assert [ablation for ablation in kind.ablations if f"`{ablation}`" not in text] == []


@pytest.mark.parametrize("name", METHODS)
def test_the_page_of_a_method_shows_the_defaults(name):
    text = text_of(ROOT / "docs" / "methods" / f"{name.replace('_', '-')}.md")
    for field, info in find(name).Config.model_fields.items():
        if not isinstance(info.default, (int, float, str)):
            continue
        shown = info.default if isinstance(info.default, str) else f"{info.default:g}"
        row = next(line for line in text.splitlines() if line.startswith("|") and f"`{field}`" in line.split("|")[1])
        assert shown in re.split(r"[^\w.]+", row.split("|")[2]), f"{field}: default {shown}, documented {row}"


def test_the_license_is_the_standard_text():
    published = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == published
