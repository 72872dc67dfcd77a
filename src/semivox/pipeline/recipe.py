"""Recipes: a method exactly as its paper or its authors' code has it, as data files of the package.

``semivox/recipes/METHOD/NAME.toml`` says what one paper has of its own and names a base, ``recipes/bases/NAME.toml``,
for what a family of papers shares. ``[source]`` says of each value where it is printed, or that it is ours.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from importlib import resources
from typing import Any

from pydantic import Field

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.mappings import merged
from semivox.core.spelling import suggestion
from semivox.methods import canonical

PERIODS = ("ramp", "staircase", "drop_every", "validate_every", "epoch")
"""Numbers of steps, which should shrink with the number of steps."""


PARTS = {name: name for name in ("plan", "train", "of_ablation", "predict", "legacy")} | {"options": "method"}
"""Fields of a recipe that hold values, and what a user calls them."""


class Recipe(Frozen):
    """What a paper did, as far as it can be repeated."""

    name: str
    title: str
    """The paper."""
    protocol: str = ""
    """The family of published numbers beside which its scores may stand."""
    not_repeated: tuple[str, ...] = ()
    """What the paper or its code did and this does not."""
    plan: Mapping[str, Any] = {}
    """Fields of PlanOptions."""
    train: Mapping[str, Any] = {}
    """Fields of TrainSettings."""
    options: Mapping[str, Any] = {}
    """Fields of the method's Config."""
    of_ablation: Mapping[str, Mapping[str, Any]] = {}
    """Ablation -> fields of TrainSettings that it has instead."""
    predict: Mapping[str, Any] = {}
    """How scans are labeled: blend, stride, largest_component."""
    legacy: Mapping[str, Any] = {}
    """Quirks of the published scores."""
    source: Mapping[str, str] = Field(default={}, description="Dotted name of a value -> where it is printed.")

    def overruled(
        self, plan: Mapping[str, Any], train: Mapping[str, Any], options: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """What the user has set otherwise, a line each; last, the periods that no longer fit the number of steps."""
        plan = merged({name: value for name, value in plan.items() if name != "fields"}, plan.get("fields", {}))
        theirs = merged({name: v for name, v in self.plan.items() if name != "fields"}, self.plan.get("fields", {}))
        told = []
        for kind, ours, recipe in (
            ("plan", plan, theirs),
            ("train", train, self._train()),
            ("method", options, self.options),
        ):
            published = dict(leaves(recipe))
            for name, value in leaves(ours):
                if name in published and plain(published[name]) != plain(value):
                    told.append(f"{kind}.{name} {shown(value)} (recipe: {shown(published[name])})")
                elif name not in published and kind == "method":
                    told.append(f"{kind}.{name} {shown(value)} (recipe: not named)")
        steps = train.get("steps", plan.get("steps"))
        if steps is not None and steps != self.plan.get("steps"):
            kept = [
                n
                for n, v in leaves(self.options)
                if n.split(".")[-1] in PERIODS and v and n not in dict(leaves(options))
            ]
            if kept:
                told.append(
                    f"these periods do not follow the number of steps: {', '.join(f'method.{name}' for name in kept)}"
                )
        return tuple(told)

    def plan_with(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of PlanOptions: the recipe's, overruled by these. Another network has options of its own."""
        mine = deepcopy(dict(self.plan))
        if plan.get("network") not in (None, mine.get("network")):
            mine.get("fields", {}).pop("network", None)
        return merged(mine, plan)

    def prediction(self, patch: Sequence[int] | None = None) -> dict[str, Any]:
        """How scans are labeled; where the user took a smaller patch, windows stand a patch apart at most."""
        found = dict(self.predict)
        if patch is not None and "stride" in found:
            found["stride"] = [min(ours, theirs) for ours, theirs in zip(patch, found["stride"], strict=True)]
        return found

    def prediction_options(self, patch: Sequence[int] | None = None) -> str:
        """The same as options of ``semivox predict``; empty where the recipe does not say."""
        found = self.prediction(patch)
        told = [f"--blend {found['blend']}"] if "blend" in found else []
        if "stride" in found:
            told.append(f"--stride {','.join(map(str, found['stride']))}")
        if found.get("largest_component"):
            told.append("--largest-component")
        return " ".join(told)

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """Each value that it names: ``method.adversarial``, the value in words, where it is printed."""
        for part in PARTS:
            for field, value in leaves(getattr(self, part)):
                name = f"{PARTS[part]}.{field}".replace("plan.fields.", "plan.")
                yield name, shown(value), self.source_of(f"{part}.{field}")

    def source_of(self, field: str) -> str:
        """Where a value is printed: of itself, or of what holds it; empty where that is not said."""
        parts = field.split(".")
        found = (self.source.get(".".join(parts[:end])) for end in range(len(parts), 0, -1))
        return next((one for one in found if one), "")

    def train_of(self, ablation: str | None) -> dict[str, Any]:
        """Fields of TrainSettings of an ablation; None: of the whole method."""
        return {**self.train, **self.of_ablation.get(ablation or "", {})}

    def _train(self) -> Mapping[str, Any]:
        shared = ("steps",)
        batch = {name: value for name, value in self.plan.get("fields", {}).items() if name.endswith("_per_step")}
        return {**{n: self.plan[n] for n in shared if n in self.plan}, **batch, **self.train}


def recipe_names(method: str) -> tuple[str, ...]:
    """The recipes of a method."""
    folder = resources.files("semivox").joinpath("recipes", method)
    if not folder.is_dir():
        return ()
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_recipe(method: str, name: str) -> Recipe:
    """A recipe with its base. Raises InputError listing the method's recipes."""
    method = canonical(method)
    there = recipe_names(method)
    if name not in there:
        listed = f"it has {', '.join(there)}" if there else "it has none"
        raise InputError(f"{method} has no recipe {name!r}{suggestion(name, there)}; {listed}")
    own = _read(method, name)
    base = _read("bases", own.pop("base")) if "base" in own else {}
    if own.get("plan", {}).get("network") not in (None, base.get("plan", {}).get("network")):
        base.get("plan", {}).get("fields", {}).pop("network", None)  # options of another network
    return Recipe(name=name, **merged(base, own))


def _read(folder: str, name: str) -> dict[str, Any]:
    place = resources.files("semivox").joinpath("recipes", folder, f"{name}.toml")
    return tomllib.loads(place.read_text(encoding="utf-8"))


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and value of everything in nested mappings."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def plain(value: Any) -> Any:
    """Lists for tuples, numbers as floats, so that equal values compare equal however they were written."""
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def shown(value: Any) -> str:
    """A value in words; three numbers as a size, ``32 x 32 x 16``."""
    if isinstance(value, tuple | list):
        sizes = len(value) == 3 and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)
        return " x ".join(map(shown, value)) if sizes else ", ".join(map(shown, value)) or "none"
    if isinstance(value, Mapping):
        return " ".join(f"{name}={shown(one)}" for name, one in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
