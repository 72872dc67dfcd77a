"""What a study is asked to be: a TOML file that names methods, labeled counts, draws, seeds, ablations and budget.

Everything that decides a score stands once, for all methods: the plan, the steps, the weights that are scored. What a
method may have of its own (numbers of its paper, a network, patches a step) stands under its name and is shown beside
its scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.core.plan import Edge, NetworkChoice
from semivox.core.spelling import suggestion
from semivox.data.planning.options import PlanOptions
from semivox.experiments.protocols import PROTOCOLS
from semivox.methods.method import MethodName
from semivox.pipeline.options import checked
from semivox.training.settings import TrainSettings

MOST_DRAWS = 1000
"""Of the labeled cases, for each number of them."""
ALL = "all"
"""Instead of a number of labeled cases: all that have a label."""
MOST_RUNS = 10_000
"""Of a study, ablations and folds not counted."""
SameMinutes = Annotated[int, Field(ge=1, le=10**7)]
"""Steps of a twin."""
Seed = Annotated[int, Field(ge=0, lt=2**63)]
SHARED_BY_ALL = ("seed", "steps")
"""Training settings that a study file decides elsewhere: ``seeds``, and ``plan.steps``."""


def _several(value: Any) -> Any:
    """One name or number stands for a list of one."""
    return (value,) if isinstance(value, int | str) else value


class CaseChoice(Frozen):
    """Who is trained on and who is scored."""

    split: str | None = None
    """A split.json, beside the study file. With ``labeled``, it gives the test and validation cases, and the pool."""
    labeled: tuple[int | Literal["all"], ...] = ()
    """Numbers of labeled cases, a labeled set each; the rest of the pool is unlabeled. None: the split as it is.
    ``"all"``: every label there is, the ceiling that a gain is measured against."""
    draws: tuple[int, ...] = (0,)
    """Draws of the labeled cases: 0 takes the first of the order, any other the first of a permutation of its own."""
    draw_seed: int = Field(0, ge=0)
    """From which the permutations follow, and the folds."""
    order: str | None = None
    """A text file beside the study file, a case a line: the order of draw 0, and all cases there are. None: by name."""
    test: int | tuple[str, ...] | str = 0
    """Scored cases: their names, a text file of names, or how many from the end of the order. None of these, and no
    order: what the files themselves call test cases."""
    validation: int | tuple[str, ...] | str = 0
    """Cases that choose weights: names, a text file, how many before the test cases, or what the files call so."""
    exclude: tuple[str, ...] = ()
    """Cases to leave out."""
    folds: Annotated[int, Field(ge=2)] | Literal["auto"] | None = None
    """Cross-validate: into how many folds each labeled set is cut, every one of which is held out and scored once;
    ``"auto"``: each labeled case alone up to 6, 3 folds up to 15, 5 above. For data without test cases."""

    _alone = field_validator("labeled", "exclude", mode="before")(_several)

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of labeled cases, smallest first; ``"all"`` is none of them."""
        return tuple(sorted(count for count in self.labeled if isinstance(count, int)))

    @field_validator("draws", mode="before")
    @classmethod
    def _counted(cls, value: Any) -> Any:
        """``draws = 3`` means draws 0, 1 and 2."""
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        if value > MOST_DRAWS:
            raise ValueError(f"must be at most {MOST_DRAWS}")
        return tuple(range(value))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.draws or min(self.draws) < 0 or len(set(self.draws)) < len(self.draws):
            raise ValueError("draws must be a number of at least 1, or different numbers from 0")
        if any(count < 1 for count in self.counts) or len(set(self.labeled)) < len(self.labeled):
            raise ValueError('labeled must hold different numbers of at least 1, and may hold "all"')
        if not self.labeled and self.draws != (0,):
            raise ValueError("draws need labeled = [counts]: a split without counts is one draw")
        for name in ("test", "validation"):
            if isinstance(count := getattr(self, name), int) and count < 0:
                raise ValueError(f"{name} must be a number of cases from 0, or names (received {count})")
        if self.folds is not None and self.test:
            raise ValueError("test cases and folds both say what is scored; give one of them")
        if self.split is not None and (self.order or self.test or self.validation):
            raise ValueError("a split names test and validation cases and the order itself; leave the others out")
        return self


class OwnBatch(Frozen):
    """The batch of one variant of a method, where it differs from the method's."""

    labeled_per_step: int | None = Field(None, ge=1)
    unlabeled_per_step: int | None = Field(None, ge=0)


class MethodChoice(Frozen):
    """What one method has of its own; the report shows it beside the method's scores."""

    recipe: str | None = None
    """A recipe of the method (``semivox methods NAME`` lists them): its options, and the batch where the recipe has one
    of its own. ``[options]``, ablations and what stands here overrule it."""
    options: Mapping[str, Any] = {}
    """Fields of the method's Config."""
    ablations: tuple[str, ...] | Literal["all"] = ()
    """Its published variants to run too."""
    only_ablations: bool = False
    """Leave the full method out."""
    network: NetworkChoice | None = None
    """Another network than the plan's; its supervised twin gets the same."""
    labeled_per_step: int | None = Field(None, ge=1)
    """Labeled patches a step, where its protocol differs from the others'."""
    unlabeled_per_step: int | None = Field(None, ge=0)
    """Unlabeled patches a step."""
    of_ablation: Mapping[str, OwnBatch] = {}
    """Ablation -> its own patches a step."""


class PredictChoice(Frozen):
    """How test scans are labeled."""

    blend: Literal["gaussian", "uniform"] = "gaussian"
    overlap: float = Field(0.5, ge=0, le=0.95)
    """Part of a window shared with the next."""
    stride: tuple[Edge, Edge, Edge] | None = None
    """Voxels between windows, instead of ``overlap``."""
    mirror: bool = False
    """Average over mirror images."""
    largest_component: bool = False
    """Keep the largest connected piece of each class."""


class LegacyChoice(Frozen):
    """Quirks of published protocols, for numbers that are to stand beside theirs; further scores, never instead."""

    voxels: bool = False
    """Also score in voxels, with ASD from prediction to reference only (``voxels.csv`` of each run)."""
    missed_is_zero: bool = False
    """In voxels.csv a missed object has all scores 0, so a perfect distance, as the left-atrium codes record it."""


class StudyFile(Frozen):
    """A study: every method on every labeled set and with every seed."""

    title: str = ""
    protocol: str = ""
    """Name of the protocol this follows; published numbers of the same name are printed beside the scores."""
    data: str | None = None
    """Data folder, beside the study file unless it is absolute; the command's --data wins."""
    methods: tuple[MethodName, ...] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field((1,), min_length=1, max_length=MOST_RUNS)
    """From each of which all randomness of a run follows."""
    same_minutes: bool | Mapping[MethodName, SameMinutes] = False
    """Beside each method also a twin that trains as long as the method does, with more steps: measured once, before the
    first training, or named here (method -> steps)."""
    cases: CaseChoice = CaseChoice()
    plan: PlanOptions = PlanOptions()
    """One plan for all labeled sets and methods; ``steps`` and ``hours`` are the budget of a run."""
    train: Mapping[str, Any] = {}
    """Training settings of all runs."""
    options: Mapping[str, Any] = {}
    """Options of all methods, such as ``network.rate``."""
    method: Mapping[MethodName, MethodChoice] = {}
    """By name, what a method has of its own."""
    predict: PredictChoice = PredictChoice()
    legacy: LegacyChoice = LegacyChoice()

    @property
    def settings(self) -> TrainSettings:
        """Training settings of all runs, with those that nobody named."""
        return TrainSettings.model_validate(dict(self.train))

    _alone = field_validator("methods", mode="before")(_several)

    @field_validator("seeds", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """``seeds = 3`` is refused: as ``draws = 3`` means three draws, it would be taken for three seeds."""
        if isinstance(value, int):
            raise ValueError(
                f"seeds must be a list, to leave no doubt: seeds = [{int(value)}] for one run with the "
                f"seed {int(value)}, or such as seeds = [1, 2, 3] for three runs"
            )
        return value

    @field_validator("methods")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if idle := sorted(set(self.method) - set(self.methods)):
            raise ValueError(f"[method.{idle[0]}] is not among the methods of the study; add it there, or remove this")
        named = set() if isinstance(self.same_minutes, bool) else set(self.same_minutes)
        if idle := sorted(named - set(self.methods)):
            raise ValueError(f"same_minutes names {idle[0]}, which is not among the methods of the study")
        if wrong := sorted(set(self.train) & set(SHARED_BY_ALL)):
            instead = {"seed": "seeds = [...]", "steps": "steps under [plan]"}[wrong[0]]
            raise ValueError(f"train.{wrong[0]} would differ from what the study says elsewhere; use {instead}")
        try:
            checked(TrainSettings, "[train]", SHARED_BY_ALL, **self.train)
        except InputError as error:
            raise ValueError(str(error)) from error
        if self.protocol and self.protocol not in PROTOCOLS:
            near = suggestion(self.protocol, PROTOCOLS)
            raise ValueError(f"there is no protocol {self.protocol!r}{near}; choose from {', '.join(PROTOCOLS)}")
        runs = len(self.seeds) * len(self.cases.draws) * max(1, len(self.cases.labeled)) * len(self.methods)
        if runs > MOST_RUNS:
            raise ValueError(
                f"these seeds, draws and numbers of labeled cases are {runs} runs, at most {MOST_RUNS} fit"
            )
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds must be different numbers from 0")
        return self
