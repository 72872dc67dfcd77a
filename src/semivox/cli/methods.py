"""semivox methods: which methods there are, and all numbers of one. The list is read from source, without torch."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from semivox.cli import options as o
from semivox.cli import typed
from semivox.methods import canonical
from semivox.methods.titles import titles


def methods(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="A method, for its paper, fields and ablations.", autocompletion=o.known_methods
        ),
    ] = None,
    json: o.Json = False,
) -> None:
    """List the methods, or describe one: its paper, every number with default and bounds, and its ablations.

    Example: semivox methods embedding_matching
    """
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
    from semivox.methods import find
    from semivox.pipeline.recipe import load_recipe, recipe_names

    kind = find(name)
    schema = kind.Config.model_json_schema()
    return {
        "name": canonical(name),
        "about": inspect.getdoc(sys.modules[kind.__module__]) or "",
        "uses_unlabeled": kind.uses_unlabeled,
        "fields": list(_fields(schema, schema, "")),
        "recipes": {recipe: load_recipe(name, recipe).title for recipe in recipe_names(canonical(name))},
        "ablations": {ablation: dict(values) for ablation, values in kind.ablations.items()},
    }


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
        lines += ["", "Recipes (--recipe NAME):"]
        lines += [f"  {name}: {title}" for name, title in described["recipes"].items()]
    return "\n".join(lines)


def _fields(schema: Mapping[str, Any], whole: Mapping[str, Any], prefix: str, given: Any = None) -> Any:
    """Name, default, bounds and help of every field; fields of nested configs under dotted names."""
    for name, entry in schema.get("properties", {}).items():
        default = given[name] if isinstance(given, Mapping) and name in given else entry.get("default")
        nested = entry.get("$ref") or next((item["$ref"] for item in entry.get("allOf", ()) if "$ref" in item), None)
        inner = whole.get("$defs", {}).get(nested.rpartition("/")[2], {}) if nested else {}
        if inner.get("properties"):
            yield from _fields(inner, whole, f"{prefix}{name}.", default)
            continue
        yield {
            "name": prefix + name,
            "default": default,
            "bounds": _bounds(entry | {key: value for key, value in inner.items() if key == "enum"}),
            "help": entry.get("description", ""),
        }


def _bounds(entry: Mapping[str, Any]) -> str:
    """What values are allowed, in a few characters."""
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    words = [f"{sign} {entry[key]:g}" for key, sign in signs.items() if key in entry]
    if "enum" in entry:
        words.append(" | ".join(map(str, entry["enum"])))
    if "enum" in entry.get("items", {}):
        words.append("any of " + " | ".join(map(str, entry["items"]["enum"])))
    return ", ".join(words)
