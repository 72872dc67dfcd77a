"""What a user asks of a training, a job or a study: options by name, checked before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from semivox.core.errors import InputError
from semivox.core.explanations import explain, unknown
from semivox.core.frozen import Frozen
from semivox.core.mappings import merged
from semivox.core.plan import Plan
from semivox.core.spelling import suggestion
from semivox.core.split import Split
from semivox.data.planning.options import PlanOptions
from semivox.methods import DEFAULT, find
from semivox.methods.method import MethodName
from semivox.networks.blueprint import architecture
from semivox.pipeline.possible import require_trainable
from semivox.pipeline.recipe import Recipe, for_labeled, load_recipe
from semivox.training.settings import RunConfig, TrainSettings, configure
from semivox.training.start import require_start
from semivox.training.together import require_here


class RunOptions(Frozen):
    """What a training or a job is asked to be. The command line builds it, and everything passes it on."""

    method: MethodName = DEFAULT
    ablation: str | None = None
    options: Mapping[str, Any] = {}
    """Fields of the method's Config; in a job, those that every method has go to the twin too."""
    train: TrainSettings = TrainSettings()
    plan: PlanOptions = PlanOptions()
    split: Split | int | None = None
    """None: what the files themselves suggest; a number: so many of their training cases are labeled."""
    exclude: tuple[str, ...] = Field((), description="Cases to leave out.")
    recipe: str | None = None
    """Name of the recipe that gave what the user left open."""
    overruled: tuple[str, ...] = ()
    """What the user has set otherwise than the recipe, in words."""

    @classmethod
    def of(
        cls,
        train: Mapping[str, Any],
        plan: Mapping[str, Any],
        split: Split | Path | int | None = None,
        recipe: str | None = None,
        **others: Any,
    ) -> Self:
        """From fields by name, a split or its file, and the name of a recipe, which the fields overrule.

        Raises InputError naming the field, with the nearest name.
        """
        overruled: tuple[str, ...] = ()
        if recipe is not None:
            found, ablation = load_recipe(others.get("method", DEFAULT), recipe), others.get("ablation")
            overruled = found.overruled(plan, train, others.get("options", {}), ablation)
            plan, train = found.settings_with(plan, train, ablation)
        return cls(
            train=checked(TrainSettings, "training settings", **train),
            plan=checked(PlanOptions, "options of the plan", **plan),
            split=Split.load(split) if isinstance(split, Path) else split,
            recipe=recipe,
            overruled=overruled,
            **others,
        )

    @property
    def published(self) -> Recipe | None:
        """The recipe that gave what the user left open. Raises InputError where the method has none of this name."""
        return load_recipe(self.method, self.recipe) if self.recipe else None

    @property
    def patch(self) -> Sequence[int] | None:
        """The patch that is asked for, in voxels; None: the planner's."""
        return self.plan.fields.get("patch", self.plan.patch)

    @model_validator(mode="after")
    def _network_exists(self) -> Self:
        network = self.plan.fields.get("network")
        if isinstance(network, Mapping) and "name" in network:
            kind = type(architecture(str(network["name"]), {}))
            for name in network.get("options", {}):
                if name not in kind.model_fields:
                    raise InputError(f"network {network['name']}: {unknown(name, list(kind.model_fields))}")
        return self

    def config(self) -> RunConfig:
        """The method's resolved configuration, for this machine.

        Raises InputError naming what is unknown, out of bounds, or not to be had here.
        """
        require_here(self.train)
        if self.train.start is not None:
            require_start(Path(self.train.start))
        known_options(self.method, self.options)
        published = {} if self.published is None else self.published.options
        return configure(self.method, self.options, self.train, self.ablation, published)

    def told(self) -> str:
        """What recipe this follows, and where it does not; empty without one."""
        found = self.published
        if found is None:
            return ""
        lines = [f"Recipe {self.method} {self.recipe}: {found.title}"]
        lines += [f"  overruled: {line}" for line in (*self.overruled, *self._other_labels(found))]
        lines += [f"  not repeated: {line}" for line in found.not_repeated]
        if predicted := found.prediction_options(self.patch):
            as_published = (
                "as published" if found.prediction(self.patch) == found.prediction() else "as nearly as can be"
            )
            lines.append(f"  scans are labeled {as_published} by: semivox predict ... {predicted}")
        return "\n".join(lines)

    def _other_labels(self, recipe: Recipe) -> tuple[str, ...]:
        """That the recipe was published for another number of labeled scans, with those for this one."""
        count = self.split if isinstance(self.split, int) or self.split is None else len(self.split.labeled)
        if count is None or recipe.is_for(count):
            return ()
        others = for_labeled(self.method, count)
        instead = f"; published for {count}: {', '.join(others)}" if others else ""
        return (f"labeled scans {count} (recipe: {', '.join(map(str, recipe.labeled))}{instead})",)


Value = TypeVar("Value", bound=Frozen)


def checked(kind: type[Value], what: str, elsewhere: Collection[str] = (), **fields: Any) -> Value:
    """The value of these fields. Raises InputError that names the field and the nearest right name.

    ``elsewhere``: fields that are said in another place, which an error does not offer.
    """
    offered = [name for name in kind.model_fields if name not in elsewhere]
    for name in fields:
        if name not in kind.model_fields:
            known = ", ".join(offered)
            raise InputError(f"{what}: there is no {name!r}{suggestion(name, offered)}; choose from {known}")
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise InputError(f"{what}:\n{explain(error, kind)}") from error


def known_options(method: str, options: Mapping[str, Any]) -> None:
    """Raise InputError with the nearest right name where the method has no such option."""
    known = find(method).Config.model_fields
    for name in options:
        if name not in known:
            there = ", ".join(known)
            raise InputError(f"{method} has no option {name!r}{suggestion(name, known)}; it has {there}")


def with_fields(plan: Plan, fields: Mapping[str, Any]) -> Plan:
    """The plan with fields as the user wants them, and that as their reason.

    Raises InputError naming the field, and where the plan cannot be trained.
    """
    reasons = dict(plan.reasons) | dict.fromkeys(fields, "set by the user")
    content = merged(plan.model_dump(), {**fields, "reasons": reasons})
    try:
        changed = Plan.model_validate(content) if fields else plan
        require_trainable(changed)
        return changed
    except ValidationError as error:
        raise InputError(f"the plan cannot be changed like this:\n{explain(error, Plan)}") from error
