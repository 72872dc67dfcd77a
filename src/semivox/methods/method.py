"""The contract of a method: networks, and ``step``, an iterator of named losses.

The loop minimizes each ``Losses`` it is handed, then lets the step go on, so what stands after a ``yield`` runs on
the updated network. A teacher's update stands after the ``yield``; a discriminator's turn is a second ``yield``.

Rules, each with a law in semivox.testing: no ``yield`` inside a ``with``; networks are called only through
``forward``; state lives in parameters and buffers only; every ramp is a function of ``progress``; a weight of 0
removes its term exactly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, Protocol

import numpy as np
import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from semivox.core.batch import Batch
from semivox.core.frozen import Frozen
from semivox.core.geometry import Spacing
from semivox.core.progress import Progress
from semivox.methods import canonical
from semivox.networks.blueprint import Blueprint

MethodName = Annotated[str, AfterValidator(canonical)]
"""A method's name in a value; whoever reads it finds the canonical one, however it was typed."""


class TargetFunction(Protocol):
    """Derives something from a label patch; run by data workers."""

    def __call__(self, label: np.ndarray, spacing: Spacing, classes: int) -> np.ndarray:
        """(X, Y, Z) class indices with ``IGNORE``, and the codes of ``functional.partial_labels`` where only some
        classes were looked for -> array of any shape."""
        ...


class OptimizerConfig(Frozen):
    """An optimizer and its schedule."""

    kind: Literal["sgd", "adam", "adamw"] = "adamw"
    """AdamW is our default: within the 1000 to 2000 steps that a workstation affords, the left-atrium protocol's SGD
    (rate 0.01, momentum 0.9, ``steps``) and the embedding-matching paper's Adam (rate 1e-4, ``constant``) have not
    arrived."""
    rate: float = Field(0.01, gt=0)
    """Largest learning rate. Three times that of decision 0004: with it, a class that was lost comes back (0012)."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """SGD only."""
    nesterov: bool = False
    """SGD only."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam and AdamW only; 0.99 is the embedding-matching paper's."""
    decay: float = Field(0.01, ge=0)
    """Weight decay; decoupled from the rate for AdamW. The left-atrium protocol has 1e-4."""
    schedule: Literal["constant", "poly", "steps"] = "poly"
    """``poly``: (1 - t/T)^0.9; ``steps``: times ``drop_to`` after every ``drop_every`` steps."""
    drop_every: int = Field(2500, ge=1)
    """``steps`` only; 2500 is the left-atrium protocol's."""
    drop_to: float = Field(0.1, gt=0, le=1)
    """``steps`` only: the share of the rate that is left; a tenth in the left-atrium protocol."""
    warmup: int = Field(20, ge=0)
    """Steps of linear rise to the largest rate; the papers have none."""

    def rate_at(self, progress: Progress) -> float:
        """The learning rate of a step."""
        rise = min(1.0, (progress.step + 1) / (self.warmup + 1))
        match self.schedule:
            case "constant":
                factor = 1.0
            case "poly":
                factor = (1 - progress.step / progress.steps) ** 0.9
            case "steps":
                factor = self.drop_to ** (progress.step // self.drop_every)
        return self.rate * rise * factor

    def build(self, module: nn.Module) -> torch.optim.Optimizer:
        """The optimizer of a module's parameters."""
        parameters = [p for p in module.parameters() if p.requires_grad]
        if self.kind == "sgd":
            return torch.optim.SGD(
                parameters, self.rate, momentum=self.momentum, nesterov=self.nesterov, weight_decay=self.decay
            )
        kind = torch.optim.Adam if self.kind == "adam" else torch.optim.AdamW
        return kind(parameters, self.rate, betas=self.betas, weight_decay=self.decay)


class MethodConfig(Frozen):
    """What every method is configured with; a method's own Config adds its paper's numbers."""

    network: OptimizerConfig = OptimizerConfig()
    """How the network is optimized."""
    balance: float = Field(0.5, ge=0, le=1)
    """Share of the supervised cross-entropy in which each class counts the same, however few voxels it has: at the
    start, from where it falls to 0 with the end of the run. Without it small organs are lost early (decision 0012); 0:
    as in the papers."""


@dataclass(frozen=True)
class Losses:
    """What one player minimizes in one turn: named scalars and their weights."""

    terms: Mapping[str, Tensor]
    weights: Mapping[str, float] = field(default_factory=dict)
    """A missing weight is 1; a weight of 0 removes its term exactly."""
    player: str = "network"
    """Whose optimizer steps."""
    optimizer: str | None = None
    """One of the method's ``further_optimizers``, if not the player's own steps."""
    log: Mapping[str, Tensor | float] = field(default_factory=dict)
    """Logged beside the terms."""

    def __post_init__(self) -> None:
        if unknown := set(self.weights) - set(self.terms):
            raise ValueError(f"weights for unknown terms {sorted(unknown)}; the terms are {sorted(self.terms)}")

    @property
    def moved_by(self) -> str:
        """The name of the optimizer that steps, which is also a field of Config."""
        return self.optimizer or self.player

    @property
    def total(self) -> Tensor:
        """The weighted sum, a scalar."""
        weighted = [(self.weights.get(name, 1.0), term) for name, term in self.terms.items()]
        parts = [term if weight == 1.0 else weight * term for weight, term in weighted if weight]
        return torch.stack(parts).sum()


class Method(nn.Module, ABC):
    """A way to learn from labeled and unlabeled patches."""

    Config: ClassVar[type[MethodConfig]] = MethodConfig
    players: ClassVar[tuple[str, ...]] = ("network",)
    """Attributes that have an optimizer; each is also a field of Config."""
    targets: ClassVar[Mapping[str, TargetFunction]] = {}
    """What data workers derive from labels: name -> function."""
    ablations: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    """The paper's ablation table: name -> overrides of Config."""
    uses_unlabeled: ClassVar[bool] = True
    """False for methods that learn from labeled patches alone."""
    segments: ClassVar[bool] = True
    """False for a pretraining, which gives weights to start from and labels nothing."""
    uses_scans: ClassVar[bool] = True
    """False for a pretraining that invents what it learns from: of a batch it asks the size alone."""

    network: nn.Module
    further_optimizers: Mapping[str, str]
    """Optimizers beside the players' own: name, also a field of Config -> the player whose parameters it moves."""

    def __init__(self, config: MethodConfig, blueprint: Blueprint) -> None:
        super().__init__()
        self.further_optimizers = {}
        self.config = config
        self.blueprint = blueprint

    def balance(self, progress: Progress) -> float:
        """The share of this step's supervised cross-entropy in which each class counts the same."""
        return self.config.balance * (1 - progress.step / progress.steps)

    @abstractmethod
    def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
        """One step of the algorithm; the loop minimizes each yielded Losses before it goes on."""

    def fit_labels(self, labels: Iterable[np.ndarray]) -> None:
        """Look once, before the first step, at the whole labels of the labeled scans: (X, Y, Z) class indices with
        ``IGNORE`` and codes, as of ``TargetFunction``, on the plan's voxels, opened one by one.

        For what a patch cannot tell, such as where in a scan the object lies. What is found goes into buffers: a
        resumed run and a released model have these, and look at none again. ``Batch.patch_to_scan`` leads from the
        voxels of a patch back to its scan. Most methods need nothing of the kind.
        """

    def predict(self, image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z) float32."""
        return self.network(image).logits.float().softmax(1)
