"""What a user asks of a training, a job or a study: options by name, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import Field, ValidationError

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen, explain
from semivox.core.mappings import merged
from semivox.core.plan import Plan
from semivox.core.spelling import suggestion
from semivox.core.split import Split
from semivox.data.planning.options import PlanOptions
from semivox.methods import DEFAULT, find
from semivox.methods.method import MethodName
from semivox.training.settings import RunConfig, TrainSettings, configure


class RunOptions(Frozen):
    """What a training or a job is asked to be. The command line builds it, and everything passes it on."""

    method: MethodName = DEFAULT
    ablation: str | None = None
    options: Mapping[str, Any] = {}
    """Fields of the method's Config; in a job, those that every method has go to the twin too."""
    train: TrainSettings = TrainSettings()
    plan: PlanOptions = PlanOptions()
    split: Split | None = None
    """None: what the files themselves suggest."""
    exclude: tuple[str, ...] = Field((), description="Cases to leave out.")

    @classmethod
    def of(
        cls, train: Mapping[str, Any], plan: Mapping[str, Any], split: Split | Path | None = None, **others: Any
    ) -> Self:
        """From fields by name and a split or its file. Raises InputError naming the field, with the nearest name."""
        return cls(
            train=checked(TrainSettings, "training settings", **train),
            plan=checked(PlanOptions, "options of the plan", **plan),
            split=Split.load(split) if isinstance(split, Path) else split,
            **others,
        )

    def config(self) -> RunConfig:
        """The method's resolved configuration. Raises InputError naming what is unknown or out of bounds."""
        known_options(self.method, self.options)
        return configure(self.method, self.options, self.train, self.ablation)


Value = TypeVar("Value", bound=Frozen)


def checked(kind: type[Value], what: str, **fields: Any) -> Value:
    """The value of these fields. Raises InputError that names the field and the nearest right name."""
    for name in fields:
        if name not in kind.model_fields:
            known = ", ".join(kind.model_fields)
            raise InputError(f"{what}: there is no {name!r}{suggestion(name, kind.model_fields)}; there are {known}")
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise InputError(f"{what}:\n{explain(error)}") from error


def known_options(method: str, options: Mapping[str, Any]) -> None:
    """Raise InputError with the nearest right name where the method has no such option."""
    known = find(method).Config.model_fields
    for name in options:
        if name not in known:
            there = ", ".join(known)
            raise InputError(f"{method} has no option {name!r}{suggestion(name, known)}; it has {there}")


def with_fields(plan: Plan, fields: Mapping[str, Any]) -> Plan:
    """The plan with fields as the user wants them, and that as their reason. Raises InputError naming the field."""
    if not fields:
        return plan
    reasons = dict(plan.reasons) | dict.fromkeys(fields, "set by the user")
    content = merged(plan.model_dump(), {**fields, "reasons": reasons})
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        raise InputError(f"the plan cannot be changed so:\n{explain(error)}") from error
