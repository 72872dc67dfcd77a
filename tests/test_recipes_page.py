"""The page on recipes is what its script makes of them."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_is_made_of_the_recipes_as_they_are():
    made = runpy.run_path(str(DOCS / "make_recipes.py"))["page"]()
    assert made == (DOCS / "reference" / "recipes.md").read_text(encoding="utf-8"), "run: python docs/make_recipes.py"
    assert "| `method.adversarial` | 0.015 | 0.01 | code: README, 8 labels |" in made
    assert "| `plan.patch` | 112 x 112 x 80 | |" in made
