"""Write docs/reference/recipes.md: every recipe field by field, from the recipes as they resolve.

python docs/make_recipes.py
"""

from __future__ import annotations

from pathlib import Path

from semivox.methods import METHODS
from semivox.pipeline.recipe import Recipe, leaves, load_recipe, recipe_names, shown
from semivox.training.settings import TrainSettings, configure

PAGE = Path(__file__).parent / "reference" / "recipes.md"
HEAD = """# Recipes, field by field

A recipe is a method as its paper or its authors' code has it: `semivox train SCANS -o RUN --method sassnet --recipe
la-2020`. `semivox methods NAME` lists those of a method. What you set yourself overrules a recipe and is named in the
output. The same in Python: `semivox.train(..., recipe="la-2020")`. A study file takes one by `recipe = "la-2020"` under
`[method.sassnet]`, and whole tables of papers by `semivox study --recipe sassnet-table-1 --data SCANS`.

Where a value is ours, since the paper or its code does not say or cannot be repeated, its source says so. "Default" is
what the method does without a recipe. This page is made by `python docs/make_recipes.py`.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for method in METHODS:
        for name in recipe_names(method):
            parts.append(section(method, load_recipe(method, name)))
    return "\n".join(parts)


def section(method: str, recipe: Recipe) -> str:
    """One recipe as a table."""
    ours = dict(leaves(configure(method, {}, TrainSettings()).options))
    theirs = dict(leaves(configure(method, {}, TrainSettings(), None, recipe.options).options))
    only = f" For {', '.join(map(str, recipe.labeled))} labeled scans." if recipe.labeled else ""
    lines = [
        f"## {method} {recipe.name}",
        "",
        recipe.title + "." + only,
        "",
        "| field | recipe | default | source |",
        "|---|---|---|---|",
    ]
    for part in ("plan", "train", "predict"):
        for field, value in leaves(getattr(recipe, part)):
            told = f"{part}.{field}".replace("plan.fields.", "plan.")
            lines.append(f"| `{told}` | {shown(value)} | | {recipe.source_of(f'{part}.{field}')} |")
    for field, value in leaves(recipe.of_ablation):
        ablation, name = field.rsplit(".", 1)
        lines.append(
            f"| `train.{name}` of `{ablation}` | {shown(value)} | | {recipe.source_of(f'of_ablation.{field}')} |"
        )
    for field, value in theirs.items():
        where = recipe.source_of(f"options.{field}")
        if where or value != ours.get(field):
            lines.append(f"| `method.{field}` | {shown(value)} | {shown(ours.get(field))} | {where} |")
    if recipe.not_repeated:
        lines += ["", "Not repeated: " + "; ".join(recipe.not_repeated) + "."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
