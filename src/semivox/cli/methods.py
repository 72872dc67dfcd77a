"""semivox methods: which methods there are, and all numbers of one. The list is read from source, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from semivox.cli import options as o
from semivox.cli import typed
from semivox.core.errors import InputError
from semivox.methods import canonical, place_of
from semivox.methods.titles import docstring, titles


def methods(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="A method, for its paper, fields and ablations.", autocompletion=o.known_methods
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="One of its recipes: every value, and where it is printed.")
    ] = None,
    json: o.Json = False,
) -> None:
    """List the methods, or describe one: its paper, every number with default and bounds, its ablations and recipes.

    Example: semivox methods embedding_matching
    """
    if recipe is not None:
        if name is None:
            raise InputError("--recipe shows a recipe of a method: semivox methods NAME --recipe RECIPE")
        shown = values_of(name, recipe)
        if json:
            typed.put(shown)
        else:
            print(recipe_text(shown))
        return
    if name is None:
        listed = titles()
        if json:
            typed.put([{"name": key, "title": title} for key, title in listed.items()])
        else:
            width = max(map(len, listed))
            print("\n".join(f"{key:<{width}}  {title}" for key, title in listed.items()))
        return
    described = description(name)
    if json:
        typed.put(described)
    else:
        print(text_of(described))


def description(name: str) -> dict[str, Any]:
    """Everything about one method, as plain values. Raises InputError for an unknown one."""
    from semivox.methods.fields import settable
    from semivox.pipeline.recipe import load_recipe, recipe_names, tables_with

    found, name = settable(name), canonical(name)
    return {
        "name": name,
        "about": docstring(place_of(name).partition(":")[0]),
        "uses_unlabeled": found["uses_unlabeled"],
        "fields": found["fields"],
        "recipes": {recipe: load_recipe(name, recipe).title for recipe in recipe_names(name)},
        "tables": tables_with(name),
        "ablations": found["ablations"],
    }


def values_of(method: str, recipe: str) -> dict[str, Any]:
    """A recipe as plain values. Raises InputError for one that the method has not."""
    from semivox.pipeline.recipe import load_recipe

    found, names = load_recipe(method, recipe), ("field", "value", "source")
    return {
        "method": canonical(method),
        "recipe": found.name,
        "title": found.title,
        "labeled": list(found.labeled),
        "values": [dict(zip(names, line, strict=True)) for line in found.lines()],
        "not_repeated": list(found.not_repeated),
    }


def recipe_text(shown: Mapping[str, Any]) -> str:
    """The same for a person."""
    lines = [f"{shown['method']} {shown['recipe']}: {shown['title']}", ""]
    lines += [f"  labeled scans: {', '.join(map(str, shown['labeled']))}"] if shown["labeled"] else []
    lines += [f"  {one['field']} = {one['value']}  [{one['source']}]" for one in shown["values"]]
    return "\n".join([*lines, *(f"  not repeated: {line}" for line in shown["not_repeated"])])


def text_of(described: Mapping[str, Any]) -> str:
    """The description for a person."""
    lines = [described["name"], "", described["about"], "", "Fields (--set method.FIELD=VALUE):"]
    for field in described["fields"]:
        bounds = f"  [{field['bounds']}]" if field["bounds"] else ""
        lines.append(f"  {field['name']} = {field['default']}{bounds}")
        lines += [f"      {line}" for line in (field["help"] or "").splitlines()]
    if described["ablations"]:
        lines += ["", "Ablations (--ablation NAME):"]
        lines += [
            f"  {name!r}: " + ", ".join(f"{field} = {value}" for field, value in values.items())
            for name, values in described["ablations"].items()
        ]
    if described["recipes"]:
        lines += [
            "",
            f"Recipes (--recipe NAME; each value with its source: semivox methods {described['name']} --recipe NAME):",
        ]
        lines += [f"  {name}: {title}" for name, title in described["recipes"].items()]
    if described["tables"]:
        lines += ["", "Tables of papers with a row of it (semivox study --recipe NAME --data SCANS):"]
        lines += [f"  {name}: {title}" for name, title in described["tables"].items()]
    return "\n".join(lines)
