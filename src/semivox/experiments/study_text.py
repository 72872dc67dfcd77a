"""A study file from its text: TOML as a person wrote it, and what a command sets otherwise."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from semivox.core.errors import InputError
from semivox.core.explanations import explain
from semivox.core.mappings import merged
from semivox.core.reading import text_of
from semivox.core.spelling import suggestion
from semivox.experiments.study_file import StudyFile
from semivox.methods import canonical
from semivox.pipeline.assignments import assigned
from semivox.pipeline.recipe import leaves, plain, shown

LONGEST = 1_000_000
"""Letters of a study file."""
KEYS = "key=value with a key of the study file, such as plan.steps=100"
DEEP = re.compile(r"(?<![\w\-])(?:[\w\-]++\s*+\.\s*+){50}")
"""A key of fifty parts, which takes a reader of TOML very long."""


def table_recipe(name: str) -> Path:
    """The study file of a paper's table, by its name. Raises InputError listing the tables there are."""
    folder = Path(str(resources.files("semivox").joinpath("recipes", "tables")))
    there = sorted(path.stem for path in folder.glob("*.toml"))
    if name not in there:
        raise InputError(
            f"there is no recipe {name!r} of a table{suggestion(name, there)}; choose from {', '.join(there)}"
        )
    return folder / f"{name}.toml"


def followed(name: str, sets: Iterable[str] = ()) -> str:
    """Which table's recipe a study follows, and a line for each value that ``sets`` has otherwise."""
    content = tomllib.loads(text_of(table_recipe(name)))
    published, lines = dict(leaves(content)), [f"Recipe {name}: {content['title']}"]
    for key, value in leaves(assigned(sets, 1, KEYS)):
        theirs = _listed(key, published[key]) if key in published else "not named"
        if key not in published or plain(published[key]) != plain(value):
            lines.append(f"  overruled: {key} {_listed(key, value)} (recipe: {theirs})")
    return "\n".join(lines)


def _listed(key: str, value: Any) -> str:
    """A value in words; three numbers are a size, but for those that are counted or drawn."""
    counted = key in ("cases.labeled", "cases.draws", "seeds") and isinstance(value, list | tuple)
    return ", ".join(map(shown, value)) if counted else shown(value)


def load_study_file(path: Path, sets: Iterable[str] = ()) -> StudyFile:
    """Read a study file. ``sets``: ``"plan.steps=100"`` and the like, instead of what it says.

    Raises InputError naming the file, the key and the nearest right name.
    """
    text = text_of(path)
    if len(text) > LONGEST or DEEP.search(text):
        raise InputError(f"{path} is too long, or nested too deeply, to be a study")
    try:
        content = tomllib.loads(text)
    except ValueError as error:  # also a number of too many digits
        raise InputError(f"{path} is not TOML: {error}") from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply to be read") from error
    instead = assigned(sets, 1, KEYS)
    if "methods" in instead:  # fewer of them: what the file says of the others has no meaning
        content["method"] = _of_methods(content.get("method", {}), instead["methods"])
    try:
        return StudyFile.model_validate(merged(content, instead))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except ValidationError as error:
        said = " with these --set" if instead else ""
        raise InputError(f"{path}{said} is not a valid study:\n{explain(error, StudyFile)}") from error


def _of_methods(sections: Any, methods: Any) -> Any:
    """The sections of these methods; as they are where either is not what it should be, which is told later."""
    if not isinstance(sections, Mapping) or not isinstance(methods, list | tuple):
        return sections
    wanted = {canonical(name) for name in methods if isinstance(name, str)}
    return {name: section for name, section in sections.items() if canonical(name) in wanted}
