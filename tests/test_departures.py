"""The page of a method names, under Departures, every field in which its default is not what its recipe has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from semivox.methods import METHODS as METHODS_HERE
from semivox.pipeline.recipe import load_recipe, plain, recipe_names
from semivox.training.settings import TrainSettings, configure

PAGES = Path(__file__).parents[1] / "docs" / "methods"
METHODS = tuple(method for method in METHODS_HERE if recipe_names(method))


@pytest.mark.parametrize("method", METHODS)
def test_departures_are_complete(method):
    page = (PAGES / f"{method.replace('_', '-')}.md").read_text(encoding="utf-8")
    told = page.split("## Departures", 1)[1].split("\n## ", 1)[0]
    named = {word for code in re.findall(r"`([^`]+)`", told) for word in re.split(r"[ .]", code)}
    ours = configure(method, {}, TrainSettings()).options
    for name in recipe_names(method):
        theirs = configure(method, {}, TrainSettings(), None, load_recipe(method, name).options).options
        differ = {field for field, value in theirs.items() if plain(value) != plain(ours[field])}
        assert differ <= named, f"{method} {name}: {sorted(differ - named)}"
    assert f"(../reference/recipes.md#{method}-{recipe_names(method)[0]})" in told.replace("\n", "")
