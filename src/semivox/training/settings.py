"""What a run is asked to do: the method and its numbers, and how to train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from semivox.core.errors import InputError
from semivox.core.explanations import explain
from semivox.core.frozen import Frozen
from semivox.core.mappings import merged
from semivox.core.plan import Patches, Precision, Steps
from semivox.core.spelling import suggestion
from semivox.data.augmentation import schemes
from semivox.methods import find
from semivox.methods.method import MethodConfig, MethodName

Selection = Literal["last", "validation"]
Device = Literal["auto", "cpu", "cuda", "mps"]


def _augmentation(name: str) -> str:
    schemes.find(name)
    return name


class TrainSettings(Frozen):
    """How to train, whatever the method."""

    steps: Steps | None = None
    """Optimization steps; none: the plan's."""
    seed: int = Field(1, ge=0, lt=2**63)
    """From which all randomness follows: initial weights, patches, augmentation, dropout."""
    clip: float = Field(12.0, gt=0)
    """Gradients of a player longer than this are shortened to it; 12 as in nnU-Net."""
    labeled_per_step: Patches | None = None
    """Labeled patches a step and process; none: the plan's."""
    unlabeled_per_step: int | None = Field(None, ge=0, le=1024)
    """Unlabeled patches a step and process; none: the plan's."""
    augmentation: Annotated[str, AfterValidator(_augmentation)] | None = None
    """Name of the augmentation set; none: the plan's."""
    workers: int = Field(2, ge=0, le=256)
    """Processes that prepare batches; 0: none, the training process does it. Changes no result."""
    readers: int | None = Field(None, ge=0, le=256)
    """Processes that read scans before the training, a scan each; none given: one a core, 4 at most, and 0 where
    ``workers`` is 0. Changes no result."""
    device: Device = "auto"
    """``auto`` takes a GPU if there is one."""
    devices: int = Field(1, ge=1, le=1024)
    """Processes on each machine that train together, one a GPU."""
    nodes: int = Field(1, ge=1, le=1024)
    """Machines that train together; more than one needs a launcher (torchrun, srun)."""
    split_batch: bool = False
    """Share the patches of a step among all processes. Else each takes as many, so that n of them learn from n times as
    many patches a step."""
    precision: Precision | None = None
    """None: the plan's."""
    warm_start: str | None = None
    """Run folder, or a job whose run of this method (and fold), with all of whose weights training begins; none: random
    ones."""
    save_every: float = Field(5.0, gt=0, le=1e5)
    """Minutes between checkpoints."""
    validate_every: int = Field(0, ge=0, le=10**8)
    """Steps between scorings of the validation cases; 0: never."""
    selection: Selection = "last"
    """Which weights are released: the last, or those with the lowest mean HD95 on the validation cases."""
    start: str | None = None
    """Folder of a finished ``semivox pretrain``, whose weights the networks begin with, the twin's too; none: random
    weights. Heads are fresh in any case."""
    lost_classes: Literal["tell", "stop"] = "tell"
    """What happens to a run that finds a class nowhere, not even where a training label shows it, at a look after a
    third of its steps: it is told at once with what to change, and goes on; ``stop``: at two looks in a row, it saves
    and stops. Changes no result."""
    tensorboard: bool = False
    """Also write TensorBoard events into the run folder (needs ``semivox[tracking]``)."""
    mlflow: str = ""
    """Also log to MLflow: the address of a server, or the folder of a store (needs ``semivox[tracking]``)."""
    wandb: bool = False
    """Also keep a run of Weights & Biases in the run folder, offline (needs ``semivox[wandb]``)."""
    keep_names: bool = False
    """Also name the training cases in the released model; they are numbered there otherwise, as names may be
    patients' numbers."""


class RunConfig(Frozen):
    """All that was asked of a run; stands in its folder as config.json."""

    called = "configuration of a run"
    method: MethodName
    ablation: str | None = None
    """Name of the ablation whose overrides are in ``options``."""
    options: Mapping[str, Any]
    """The method's Config, every field resolved."""
    train: TrainSettings = TrainSettings()

    def method_config(self) -> MethodConfig:
        """The options as the method's own Config. Raises InputError naming field, bound and what was received."""
        return validated(self.method, self.options)


def configure(
    method: str,
    overrides: Mapping[str, Any],
    settings: TrainSettings,
    ablation: str | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> RunConfig:
    """The resolved configuration of a run: our defaults, a recipe's options, the ablation's overrides, the user's."""
    kind = find(method)
    options: dict[str, Any] = dict(recipe or {})
    if ablation is not None:
        if ablation not in kind.ablations:
            known = ", ".join(repr(name) for name in kind.ablations) or "none"
            raise InputError(
                f"{method} has no ablation {ablation!r}{suggestion(ablation, kind.ablations)}; it has {known}"
            )
        options = merged(options, kind.ablations[ablation])
    config = validated(method, merged(options, overrides))
    return RunConfig(method=method, ablation=ablation, options=config.model_dump(mode="json"), train=settings)


def validated(method: str, options: Mapping[str, Any]) -> MethodConfig:
    """Options as the method's Config. Raises InputError naming field, bound and what was received."""
    try:
        return find(method).Config.model_validate(dict(options))
    except ValidationError as error:
        raise InputError(f"options of method {method!r}:\n{explain(error, find(method).Config)}") from error
