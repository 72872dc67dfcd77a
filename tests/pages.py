"""The pages of the documentation, and what they print: code, commands, and which kind a command is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from typer.main import get_command

from semivox.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = get_command(app).commands
OWN_PACKAGE = "--method agreement"
"""A method whose package has to be installed first."""
APART = {
    OWN_PACKAGE: "tests/test_outside_method.py",
    "--labeled 16": "tests/test_cli_released.py",  # the left-atrium benchmark has to be there
    "--data data --out STUDIES/sassnet": "tests/test_cli_released.py",
    "-i data/test.list": "tests/test_cli_released.py",
    "-r data/test.list": "tests/test_cli_released.py",
    "report STUDIES/sassnet-table-1": "tests/reports/viewer/test_study_volumes.py",  # after the study above
    '"runs/$METHOD"': "tests/test_page_scripts.py",  # a task of a job array
    "adopt job/ job/suggested": "tests/rounds/test_next_round.py",  # somebody has to correct labels first
}
"""Part of a command -> where that command is run, since it needs more than the folders that pages name."""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[str]:
    return [code for language, code in FENCE.findall(text_of(page)) if language in languages]


def command_lines(page: Path) -> list[str]:
    """Every ``semivox ...`` line of a shell block, continued lines joined."""
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if re.match(r"(\S+=\S+ )*(torchrun .*|srun |exec )?semivox ", line)]


def arguments(line: str) -> list[str]:
    """The words behind ``semivox``."""
    words = shlex.split(re.sub(r" > \S+$", "", line), comments=True)
    return words[words.index("semivox") + 1 :]


def kind(line: str) -> tuple[str, ...]:
    """The launcher, the verb, and the options that are given, whatever their values."""
    verb, *words = arguments(line)
    names = {option: parameter.name for parameter in COMMANDS[verb].params for option in parameter.opts}
    launcher = line.split()[0] if not line.startswith("semivox") else ""
    return launcher, verb, *sorted({names[word] for word in words if word in names})
