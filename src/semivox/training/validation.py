"""Scoring the validation cases during a run, and keeping the weights that did best on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from semivox.core.case import IGNORE
from semivox.core.errors import InputError
from semivox.core.voxel_codes import classes_of
from semivox.data.dataset import some
from semivox.data.prepared.intensity import padding
from semivox.data.prepared.labels import coded
from semivox.evaluation.score import score
from semivox.inference.window import Window, whole
from semivox.methods.method import Method
from semivox.training.checkpoint import State
from semivox.training.folder import RunFolder
from semivox.training.spec import RunSpec


class BestWeights:
    """The weights with the lowest mean HD95 over validation cases and classes (Xie et al., MIDL 2024); first of ties.

    Scores are taken on the plan's grid. A case without prediction counts with its diagonal. What is best so far is kept
    in the checkpoints and nowhere else, so that a crash, or a log that is lost, cannot change which weights are chosen.
    """

    def __init__(self, spec: RunSpec, saved: State) -> None:
        self.folder, self.store, self.cases, self.plan = spec.folder, spec.store, spec.split.validation, spec.plan
        self.chooses = spec.config.train.selection == "validation"
        self.kept = saved.best
        """``hd95_mm`` and ``weights`` (by name, on the CPU); None before the first validation, or if none chooses."""
        if self.chooses and self.kept is None and saved.step:
            self.kept = _of_early_version(self.folder, saved.step)

    def update(self, step: int, method: Method) -> None:
        """Score the weights after ``step`` steps, log it, and keep them if none was better."""
        with unwrapped(method):
            if (found := self.scores(method)) is None:
                return
            dice, hd95 = found
            if self.chooses and (self.kept is None or hd95 < self.kept["hd95_mm"]):
                weights = {name: value.detach().cpu().clone() for name, value in method.state_dict().items()}
                self.kept = {"hd95_mm": hd95, "weights": weights}
        self.folder.log({"step": step - 1, "player": "validation", "dice": dice, "hd95_mm": hd95})

    def load_into(self, method: Method) -> None:
        """Put the best weights back. Players are unwrapped first: a wrapped one cannot be loaded."""
        assert self.kept is not None, "the last step is always validated"
        with unwrapped(method):
            method.load_state_dict(self.kept["weights"])

    @torch.no_grad()
    def scores(self, method: Method) -> tuple[float, float] | None:
        """Mean Dice and mean HD95 in mm; None where no case has a class, neither in its label nor as predicted."""
        method.eval()
        dice, distances = [], []
        for name in self.cases:
            case = self.store.case(name, label=True)
            prediction = self.predicted(method, np.asarray(case.image, np.float32))
            assert case.label is not None
            label = coded(case.label, case.rest)
            told = label != IGNORE
            diagonal = float(np.linalg.norm(np.multiply(case.shape, case.spacing)))
            for index in range(1, len(self.plan.classes)):
                if case.rest is not None and index in classes_of(case.rest):
                    continue  # nobody looked for it in this case
                one = score((prediction == index) & told, label == index, case.spacing)
                if one.empty == "both":
                    continue
                dice.append(one.dice or 0.0)
                distances.append(diagonal if one.hd95_mm is None else one.hd95_mm)
        method.train()
        if not dice:
            return None
        return float(np.mean(dice)), float(np.mean(distances))

    def predicted(self, method: Method, image: np.ndarray) -> np.ndarray:
        """(C, X, Y, Z), prepared -> (X, Y, Z) class indices."""
        window = Window.overlapping(self.plan.patch)
        device = next(method.parameters()).device
        fill = [padding(intensity) for intensity in self.plan.intensity]
        probabilities = whole(lambda x: method.predict(x.to(device)).cpu(), image, window, fill)
        return probabilities.max(0).indices.numpy()


@contextmanager
def unwrapped(method: Method) -> Iterator[None]:
    """The method with its players as they are, for what one process of several does alone: what distributed training
    puts around a player waits, at each call, for the other processes."""
    players = {name: getattr(method, name) for name in method.players}
    for name, player in players.items():
        setattr(method, name, getattr(player, "module", player))
    try:
        yield
    finally:
        for name, player in players.items():
            setattr(method, name, player)


def require_classes(spec: RunSpec) -> None:
    """Raise InputError where no validation label has a class: whatever finds nothing there would be the best."""
    last = len(spec.plan.classes) - 1
    for name in spec.split.validation:
        label = spec.store.case(name, label=True).label
        if label is not None and bool(((np.asarray(label) > 0) & (np.asarray(label) <= last)).any()):
            return
    raise InputError(
        f"selection 'validation' needs a class in the label of a validation case; there is none in those of "
        f"{some(spec.split.validation)}; give others as validation cases, or choose by --set train.selection=last"
    )


def _of_early_version(folder: RunFolder, step: int) -> Mapping[str, Any] | None:
    """What versions up to 0.1 kept beside the checkpoints of a run; None where it was begun by a later one.

    Raises InputError where their files do not say any more which weights are best.
    """
    path = folder.checkpoints / "best.safetensors"
    if not path.exists():
        return None
    scores = [row["hd95_mm"] for row in folder.logged() if "hd95_mm" in row and row["step"] < step]
    try:
        return {"hd95_mm": min(scores), "weights": load_file(path)}
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(
            f"cannot resume {folder.path}: an early version began it, and {path.name} or {folder.log_file.name} is "
            "damaged, so that it is not known which weights are best; start again with another --out"
        ) from error
