"""What can be set of a method: every number with its default, bounds and help, and the paper's ablations.

Loading a method loads torch, which takes a second; so what stands in a source file is kept beside it, in
``fields.json``, with a digest of the sources that it was read from. Where they have changed, and for methods of other
packages, the method itself is asked. ``make fields`` writes the file again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from semivox.core.files import write_text
from semivox.methods import METHODS, PRETRAININGS, canonical, find

KEPT = Path(__file__).with_suffix(".json")
"""Method -> its settable numbers, and the modules and digest that they were read from."""


def settable(name: str) -> dict[str, Any]:
    """``uses_unlabeled``, ``fields`` and ``ablations`` of a method, as plain values. Raises InputError."""
    kept = _kept().get(canonical(name))
    if kept is None or digest_of(kept["modules"]) != kept["digest"]:
        return asked(name)
    return {key: kept[key] for key in ("uses_unlabeled", "fields", "ablations")}


def asked(name: str) -> dict[str, Any]:
    """The same, from the method itself. Raises InputError for an unknown one."""
    kind = find(name)
    schema = kind.Config.model_json_schema()
    found = {
        "uses_unlabeled": kind.uses_unlabeled,
        "fields": list(_fields(schema, schema, "")),
        "ablations": {ablation: dict(values) for ablation, values in kind.ablations.items()},
    }
    return dict(json.loads(json.dumps(found)))


def described() -> dict[str, Any]:
    """What ``fields.json`` should hold. Loads every method."""
    found = {}
    for name in (*METHODS, *PRETRAININGS):
        modules = modules_of(name)
        found[name] = {"modules": modules, "digest": digest_of(modules), **asked(name)}
    return found


def modules_of(name: str) -> list[str]:
    """The modules of ours in which a method, and what its fields are made of, is written."""
    kind = find(name)
    return sorted({*_modules([kind, kind.Config], set())})


def digest_of(modules: Iterable[str]) -> str:
    """Of the sources but for their functions, which decide no field; "" where one is gone."""
    total = hashlib.sha256()
    for module in modules:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            return ""
        total.update(_without_functions(Path(spec.origin).read_text(encoding="utf-8")).encode())
    return total.hexdigest()


def _kept() -> dict[str, Any]:
    return dict(json.loads(KEPT.read_text(encoding="utf-8"))) if KEPT.exists() else {}


def _modules(kinds: Iterable[type], seen: set[type]) -> Iterator[str]:
    """Modules of classes, their bases, and the configs that are their fields."""
    for kind in kinds:
        if kind in seen or not kind.__module__.startswith("semivox."):
            continue
        seen.add(kind)
        yield kind.__module__
        yield from _modules(kind.__mro__, seen)
        for field in getattr(kind, "model_fields", {}).values():
            yield from _modules(_classes(field.annotation), seen)


def _classes(annotation: Any) -> list[type]:
    """The classes that an annotation is made of: ``Mapping[str, Segmentation] | None`` -> str, Segmentation, ..."""
    parts = [one for part in getattr(annotation, "__args__", ()) for one in _classes(part)]
    return [annotation, *parts] if isinstance(annotation, type) else parts


def _without_functions(source: str) -> str:
    """A module's lines without those of its functions and methods."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            lines[first - 1 : node.end_lineno] = [""] * ((node.end_lineno or first) - first + 1)
    return "\n".join(line for line in lines if line.strip())


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


if __name__ == "__main__":
    write_text(KEPT, json.dumps(described(), indent=1) + "\n")
    print(f"{KEPT.name}: {len(METHODS) + len(PRETRAININGS)} methods", file=sys.stderr)
