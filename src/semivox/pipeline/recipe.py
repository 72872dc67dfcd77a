"""Recipes: a method exactly as its paper or its authors' code has it, as data files of the package.

``semivox/recipes/METHOD/NAME.toml`` says what one paper has of its own and names a base, ``recipes/bases/NAME.toml``,
for what a family of papers shares. ``[source]`` says of each value where it is printed, or that it is ours; ``read_in``
where the base's values stand in the method's own code, in place of the base's ``read_in``.
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
from semivox.methods import canonical, place_of

PERIODS = ("ramp", "staircase", "drop_every", "validate_every", "epoch")
"""Numbers of steps, which should shrink with the number of steps."""


PARTS = {name: name for name in ("plan", "train", "of_ablation", "predict", "legacy")} | {"options": "method"}
"""Fields of a recipe that hold values, and what a user calls them."""


UNNAMED: dict[str, Any] = {"devices": 1, "nodes": 1, "start": None, "warm_start": None}
"""Training settings that decide what is learned, as all recipes have them: one process, random weights."""


class Recipe(Frozen):
    """What a paper did, as far as it can be repeated."""

    name: str
    title: str
    """The paper."""
    protocol: str = ""
    """The family of published numbers beside which its scores may stand."""
    labeled: tuple[int, ...] = ()
    """The numbers of labeled scans for which its values were published; empty: for all."""
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

    def is_for(self, count: int) -> bool:
        """Whether its values were published for so many labeled scans, or for any number."""
        return not self.labeled or count in self.labeled

    def overruled(
        self,
        plan: Mapping[str, Any],
        train: Mapping[str, Any],
        options: Mapping[str, Any],
        ablation: str | None = None,
    ) -> tuple[str, ...]:
        """What the user has set otherwise, a line each; last, the periods that no longer fit the number of steps."""
        from semivox.training.spec import SETTLED  # takes a while to load

        plan, train, theirs = _flat(plan), dict(train), _flat(self.plan)
        trained = UNNAMED | self.train_of(ablation)
        for name in SETTLED:  # stand in both; what the training settings say holds
            if (value := trained.get(name, theirs.get(name))) is not None:
                theirs[name] = trained[name] = value
            if name in train:
                plan.pop(name, None)
        told = []
        for kind, ours, recipe in (
            ("plan", plan, theirs),
            ("train", train, trained),
            ("method", options, self.options),
        ):
            published = dict(leaves(recipe))
            for name, value in leaves(ours):
                if name in published and plain(published[name]) != plain(value):
                    told.append(f"{kind}.{name} {shown(value)} (recipe: {shown(published[name])})")
                elif name not in published and kind == "method":
                    told.append(f"{kind}.{name} {shown(value)} (recipe: not named)")
        processes = train.get("devices", 1) * train.get("nodes", 1)
        if processes > 1 and not train.get("split_batch"):
            told.append(
                f"{processes} processes see {processes} times as many patches a step; train.split_batch shares them"
            )
        steps = train.get("steps", plan.get("steps"))
        if self._by_the_clock(plan, train):
            told.append(f"steps: as many as {plan['hours']:g} hours allow (recipe: {self.plan['steps']})")
        elif steps is None or steps == self.plan.get("steps"):
            return tuple(told)
        chosen = dict(leaves(options))
        kept = [n for n, v in leaves(self.options) if n.split(".")[-1] in PERIODS and v and n not in chosen]
        if kept:
            told.append(f"these periods do not follow the number of steps: {', '.join(f'method.{n}' for n in kept)}")
        return tuple(told)

    def _by_the_clock(self, plan: Mapping[str, Any], train: Mapping[str, Any]) -> bool:
        """Whether the user has given hours, and no steps, where the recipe has steps."""
        named = train.get("steps", plan.get("steps", plan.get("fields", {}).get("steps")))
        return plan.get("hours") is not None and named is None and "steps" in self.plan

    def settings_with(
        self, plan: Mapping[str, Any], train: Mapping[str, Any], ablation: str | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fields of PlanOptions and of TrainSettings: the recipe's, overruled by these.

        A field that both have is the user's wherever it was set.
        """
        mine = self.plan_with(plan)
        if self._by_the_clock(plan, train):
            del mine["steps"]
        chosen = _flat(plan)
        trained = {name: value for name, value in self.train_of(ablation).items() if name not in chosen}
        return mine, merged(trained, train)

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


def for_labeled(method: str, count: int) -> tuple[str, ...]:
    """The method's recipes that were published for this number of labeled scans."""
    there = recipe_names(canonical(method))
    return tuple(name for name in there if count in load_recipe(method, name).labeled)


def recipe_names(method: str) -> tuple[str, ...]:
    """The recipes of a method."""
    folder = resources.files("semivox").joinpath("recipes", method)
    if not folder.is_dir():
        return ()
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def tables_with(method: str) -> dict[str, str]:
    """The tables of papers in which the method has a row, with their titles."""
    tables = {name: _read("tables", name) for name in recipe_names("tables")}
    return {name: table["title"] for name, table in tables.items() if canonical(method) in table["methods"]}


def load_recipe(method: str, name: str) -> Recipe:
    """A recipe with its base. Raises InputError for an unknown method, and listing the method's recipes."""
    place_of(method)
    method = canonical(method)
    there = recipe_names(method)
    if name not in there:
        listed = f"it has {', '.join(there)}" if there else "it has none"
        raise InputError(f"{method} has no recipe {name!r}{suggestion(name, there)}; {listed}")
    own = _read(method, name)
    base = _read("bases", own.pop("base")) if "base" in own else {}
    if own.get("plan", {}).get("network") not in (None, base.get("plan", {}).get("network")):
        base.get("plan", {}).get("fields", {}).pop("network", None)  # options of another network
    shared = base.pop("read_in", None)
    if (mine := own.pop("read_in", None)) and shared:  # the base's values, found again in the method's own code
        base["source"] = {field: where.replace(shared, mine) for field, where in base["source"].items()}
    return Recipe(name=name, **merged(base, own))


def _read(folder: str, name: str) -> dict[str, Any]:
    place = resources.files("semivox").joinpath("recipes", folder, f"{name}.toml")
    return tomllib.loads(place.read_text(encoding="utf-8"))


def _flat(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of PlanOptions, with those of the plan beside them."""
    return merged({name: value for name, value in plan.items() if name != "fields"}, plan.get("fields", {}))


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
