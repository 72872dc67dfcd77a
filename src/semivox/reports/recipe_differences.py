"""In what a run differs from the recipe of its method: what keeps its scores from standing beside published ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from semivox.core.mappings import merged
from semivox.core.plan import Intensity
from semivox.experiments.groups import Group
from semivox.experiments.results import Results
from semivox.pipeline.recipe import Recipe, leaves, load_recipe, plain, recipe_names, shown
from semivox.training.settings import TrainSettings, configure

OPTIMIZER = "network."
"""Options of a method that begin so are its optimizer and schedule; all others decide its losses."""


def recipe_of(group: Group, results: Results, protocol: str) -> Recipe | None:
    """The recipe that a group's runs are held against.

    One of this protocol for this number of labeled scans, where its options are exactly the runs'; else the one that
    the study names for the method; else the method's first one of this protocol, such a number's before others.
    """
    method = group.arm.method
    every = [load_recipe(method, name) for name in recipe_names(method)]
    fit = [recipe for recipe in every if recipe.protocol == protocol]
    of_number = [recipe for recipe in fit if group.labeled in recipe.labeled]
    had = next(iter(group.runs.values())).config.options
    if (same := next((r for r in of_number if _options(method, None, r) == had), None)) is not None:
        return same
    choice = results.record.study_file.method.get(method)
    if choice is not None and choice.recipe is not None:
        return load_recipe(method, choice.recipe)
    return next(iter([*of_number, *fit]), None)


def differences(
    group: Group, results: Results, recipe: Recipe, of_row: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """What is not as in the recipe, a line each: ``optimizer network.rate: theirs 0.01, ours 0.003``.

    ``of_row``: how the scans behind the published row were labeled, where the recipe has it otherwise.
    """
    predict = results.record.study_file.predict.model_dump()
    told: list[str] = []
    for run in group.runs.values():
        told += _lines(
            "loss or optimizer", _options(run.config.method, run.config.ablation, recipe), run.config.options
        )
        train = recipe.train_of(run.config.ablation)
        told += _lines("plan", _plan(recipe, train), run.plan.model_dump(mode="json"))
        told += _lines("training", _training(train), run.config.train.model_dump(mode="json"))
    told += _lines("prediction", {**recipe.predict, **(of_row or {})}, predict)
    if not recipe.is_for(group.labeled):
        told.append(f"labeled scans: theirs {', '.join(map(str, recipe.labeled))}, ours {group.labeled}")
    told += _lines("scores", recipe.legacy, results.record.study_file.legacy.model_dump())
    return tuple(dict.fromkeys(told))


def _options(method: str, ablation: str | None, recipe: Recipe) -> Mapping[str, Any]:
    """The method's whole Config as the recipe has it, defaults included."""
    return configure(method, {}, TrainSettings(), ablation, recipe.options).options


def _plan(recipe: Recipe, train: Mapping[str, Any]) -> Mapping[str, Any]:
    """The plan's fields that a recipe decides, under their names in a settled plan."""
    given = {name: value for name, value in recipe.plan.items() if name != "fields"}
    if "network" in given:
        given["network"] = {"name": given["network"]}
    fields = dict(recipe.plan.get("fields", {}))
    if "intensity" in fields:  # a recipe names no defaults, a settled plan has them
        fields["intensity"] = [Intensity.model_validate(one).model_dump() for one in fields["intensity"]]
    settled = {name: train[name] for name in SETTLED if name in train}
    return merged(merged(given, fields), settled)


SETTLED = ("augmentation", "labeled_per_step", "unlabeled_per_step", "precision")
"""Training settings that stand in the settled plan."""


def _training(train: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in train.items() if name not in SETTLED}


def _lines(kind: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    have = dict(leaves(ours))
    for name, value in leaves(theirs):
        if plain(have.get(name)) != plain(value):
            of = (
                "optimizer"
                if name.startswith(OPTIMIZER) and kind.startswith("loss")
                else kind.replace(" or optimizer", "")
            )
            yield f"{of} {name}: theirs {shown(value)}, ours {shown(have.get(name))}"
