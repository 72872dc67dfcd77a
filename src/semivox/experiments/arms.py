"""What is compared: the arms (a method, or one of its ablations) and the supervised twin of each."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.mappings import merged
from semivox.core.plan import NetworkChoice, Plan
from semivox.core.spelling import suggestion
from semivox.experiments.study_file import MethodChoice, OwnBatch, StudyFile
from semivox.methods import find
from semivox.methods.method import MethodConfig
from semivox.pipeline.options import known_options
from semivox.pipeline.recipe import Recipe, load_recipe
from semivox.training.settings import RunConfig, TrainSettings, configure

TWIN = "supervised"
"""What every method is measured against: the labeled scans alone."""


BATCH = ("labeled_per_step", "unlabeled_per_step")
LONGEST = 40
"""Letters of a network's options in a name."""


class Arm(Frozen):
    """One of the things that are compared."""

    name: str
    """Of its run folders: ``ua_mt``, or with an ablation ``ua_mt~no-threshold``."""
    method: str
    ablation: str | None = None
    network: NetworkChoice | None = None
    """None: the plan's."""
    optimizer: Mapping[str, Any] | None = None
    """Of a twin with a network of its own: how the method that it stands beside optimizes that network."""
    twin: str | None = None
    """The supervised arm that it is compared with; None for a supervised arm."""
    minutes_of: str | None = None
    """Of a twin that trains longer: the arm that takes as many minutes as it."""
    steps: int | None = None
    """Its steps, which that takes; None: the plan's."""

    def own(self, study_file: StudyFile) -> tuple[str, ...]:
        """In words, what this arm has instead of what all arms share."""
        choice = study_file.method.get(self.method, MethodChoice())
        listed = [f"recipe {choice.recipe}"] if choice.recipe else []
        listed += [f"network {self.network.name} {dict(self.network.options) or ''}".strip()] if self.network else []
        listed += [f"{name} {value}" for name, value in batch_of(choice, self).items()]
        listed += [f"{self.steps} steps, the minutes of {self.minutes_of}"] if self.steps else []
        own = dict(choice.options) | ({"network": dict(self.optimizer)} if self.optimizer else {})
        return (*listed, *(f"{name} {_shown(value)}" for name, value in own.items()))


def arms_of(study_file: StudyFile) -> tuple[Arm, ...]:
    """What is compared, twins first. Raises InputError for unknown methods, options and ablations."""
    wanted = [name for name in study_file.methods if name != TWIN]
    choices = {method: study_file.method.get(method, MethodChoice()) for method in wanted}
    if study_file.method.get(TWIN, MethodChoice()).ablations not in ((), "all"):
        raise InputError(f"{TWIN} has no ablations; take them out of [method.{TWIN}]")
    if study_file.method.get(TWIN, MethodChoice()).network is not None:
        raise InputError(f"[method.{TWIN}] has no network of its own: give plan.network, or the network of a method")
    networks = _twins(choices)
    others: list[Arm] = []
    for method, choice in choices.items():
        known_options(method, choice.options)
        twin = TWIN if choice.network is None else networks[_twin_key(choice, method)].name
        for ablation in ablations_of(method, choice):
            name = method if ablation is None else f"{method}~{slug(ablation)}"
            others.append(Arm(name=name, method=method, ablation=ablation, network=choice.network, twin=twin))
    plain = TWIN in study_file.methods or any(arm.twin == TWIN for arm in others)
    twins = [*([Arm(name=TWIN, method=TWIN)] if plain else []), *networks.values()]
    arms = [*twins, *others, *_of_same_minutes(study_file, others, {arm.name: arm for arm in twins})]
    if twice := [arm.name for arm in arms if sum(other.name == arm.name for other in arms) > 1]:
        raise InputError(f"two runs of the study would have the name {twice[0]!r}; remove one of them")
    return tuple(arms)


def _of_same_minutes(study_file: StudyFile, methods: Sequence[Arm], twins: Mapping[str, Arm]) -> list[Arm]:
    """The twins that train as long as a method does. Their steps are measured before the first training, and kept."""
    known = study_file.same_minutes
    return [
        twins[arm.twin].model_copy(
            update={
                "name": f"{TWIN}~minutes-of-{arm.name}",
                "minutes_of": arm.name,
                "steps": None if isinstance(known, bool) else known[arm.method],
            }
        )
        for arm in methods
        if arm.twin and arm.ablation is None and (known is True or (known and arm.method in known))
    ]


def _twins(choices: Mapping[str, MethodChoice]) -> dict[str, Arm]:
    """The supervised arms of methods with a network of their own: the same network, optimized in the same way.

    They are named by what they are, whatever other methods there are: ``supervised~uxnet``, with options
    ``supervised~uxnet-width-8``. Where only the optimizer tells two apart, each name ends in a digest of the whole.
    """
    own = {_twin_key(choice, method): (method, choice) for method, choice in choices.items() if choice.network}
    names = {key: _twin_name(choice) for key, (_, choice) in own.items()}
    found = {}
    for key, (method, choice) in own.items():
        alone = list(names.values()).count(names[key]) == 1
        name = names[key] if alone else f"{names[key]}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        found[key] = Arm(name=name, method=TWIN, network=choice.network, optimizer=optimizer_of(choice, method))
    return found


def _twin_key(choice: MethodChoice, method: str) -> str:
    """What two methods must have in common to be measured against the same supervised runs."""
    network = choice.network.model_dump(mode="json") if choice.network else None
    return json.dumps([network, optimizer_of(choice, method)], sort_keys=True)


def _twin_name(choice: MethodChoice) -> str:
    """Network and options, in a name that a folder may have."""
    assert choice.network is not None
    options = slug(json.dumps(dict(choice.network.options), sort_keys=True))
    if len(options) > LONGEST:
        options = hashlib.sha256(options.encode()).hexdigest()[:8]
    return "-".join([f"{TWIN}~{choice.network.name}", *([options] if options else [])])


def ablations_of(method: str, choice: MethodChoice) -> list[str | None]:
    """The full method (None), then its ablations. Raises InputError for one that does not exist."""
    published = list(find(method).ablations)
    named = published if choice.ablations == "all" else list(choice.ablations)
    if unknown := [name for name in named if name not in published]:
        there = ", ".join(map(repr, published)) or "none"
        raise InputError(f"{method} has no ablation {unknown[0]!r}{suggestion(unknown[0], published)}; it has {there}")
    whole: list[str | None] = [] if choice.only_ablations else [None]
    return [*whole, *named]


def config_of(study_file: StudyFile, arm: Arm, seed: int, workers: int) -> RunConfig:
    """What a run is asked to do. ``workers`` prepare its patches unless the file says how many: no result changes.

    Options of the study file that only some methods have go to those; options of every method go to all.
    """
    choice = study_file.method.get(arm.method, MethodChoice())
    known = find(arm.method).Config.model_fields
    common: dict[str, Any] = {name: value for name, value in study_file.options.items() if name in known}
    if strange := [name for name in study_file.options if name not in MethodConfig.model_fields and name not in known]:
        others = [find(name).Config.model_fields for name in study_file.methods]
        if missing := [name for name in strange if not any(name in fields for fields in others)]:
            raise InputError(f"no method of the study has the option {missing[0]!r} that is under [options]")
    settings: dict[str, Any] = {"workers": workers, **study_file.train, "seed": seed}
    settings |= batch_of(choice, arm) | ({"steps": arm.steps} if arm.steps else {})
    own = merged(choice.options, {"network": arm.optimizer} if arm.optimizer else {})
    recipe = _published(choice, arm.method).options
    return configure(arm.method, merged(common, own), TrainSettings.model_validate(settings), arm.ablation, recipe)


def batch_of(choice: MethodChoice, arm: Arm) -> dict[str, int]:
    """Patches a step that an arm has of its own: of its ablation, else of its method, else of its method's recipe."""
    own = choice.of_ablation.get(arm.ablation or "", OwnBatch())
    recipe = _published(choice, arm.method).train_of(arm.ablation)
    found = {}
    for name in BATCH:
        values = (getattr(own, name), getattr(choice, name), recipe.get(name))
        if (value := next((v for v in values if v is not None), None)) is not None:
            found[name] = value
    return found


def optimizer_of(choice: MethodChoice, method: str) -> Mapping[str, Any] | None:
    """How a method with a network of its own optimizes it, if not as all others do."""
    recipe = _published(choice, method)
    return merged(recipe.options.get("network", {}), choice.options.get("network", {})) or None


def _published(choice: MethodChoice, method: str) -> Recipe:
    """The method's recipe in this study; an empty one where it has none."""
    return load_recipe(method, choice.recipe) if choice.recipe else Recipe(name="", title="")


def shared_config(study_file: StudyFile, arm: Arm) -> RunConfig:
    """What dry steps of the study's plan do: the arm's method and options, with the batch that all arms share."""
    own = config_of(study_file, arm, study_file.seeds[0], 0)
    batch = {name: getattr(study_file.settings, name) for name in BATCH}
    return own.model_copy(update={"train": own.train.model_copy(update=batch)})


def plan_of(arm: Arm, plan: Plan) -> Plan:
    """The plan that all share, with the arm's own network if it has one."""
    if arm.network is None:
        return plan
    reasons = dict(plan.reasons) | {"network": f"the study gives {arm.name} a network of its own"}
    return plan.model_copy(update={"network": arm.network, "reasons": reasons})


def _shown(value: Any) -> str:
    """An option's value; nested ones as ``name=value``."""
    return " ".join(f"{key}={inner}" for key, inner in value.items()) if isinstance(value, Mapping) else str(value)


def slug(text: str) -> str:
    """A name of an ablation as part of a folder name."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-")
