"""Scoring the validation cases during a run, and keeping the weights that did best on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from semivox.data.batches.patches import padding
from semivox.evaluation.score import score
from semivox.inference.window import Window, whole
from semivox.methods.method import Method
from semivox.training.model import save_weights
from semivox.training.spec import RunSpec


class BestWeights:
    """The weights with the lowest mean HD95 over validation cases and classes (Xie et al., MIDL 2024); first of ties.

    Scores are taken on the plan's grid. A case without prediction counts with its diagonal.
    """

    def __init__(self, spec: RunSpec) -> None:
        self.folder, self.store, self.cases, self.plan = spec.folder, spec.store, spec.split.validation, spec.plan

    @property
    def path(self) -> Path:
        """The file of the best weights."""
        return self.folder.checkpoints / "best.safetensors"

    def update(self, step: int, method: Method) -> None:
        """Score the weights after ``step`` steps, log it, and keep them if none was better."""
        earlier = [row["hd95_mm"] for row in self.folder.logged() if "hd95_mm" in row]
        with unwrapped(method):
            dice, hd95 = self.scores(method)
            if not earlier or hd95 < min(earlier):
                save_weights(self.path, method)
        self.folder.log({"step": step - 1, "player": "validation", "dice": dice, "hd95_mm": hd95})

    def load_into(self, method: Method) -> None:
        """Put the best weights back. Players are unwrapped first: a wrapped one cannot be loaded."""
        with unwrapped(method):
            method.load_state_dict(load_file(self.path))

    @torch.no_grad()
    def scores(self, method: Method) -> tuple[float, float]:
        """Mean Dice and mean HD95 in mm."""
        method.eval()
        dice, distances = [], []
        window = Window.overlapping(self.plan.patch)
        device = next(method.parameters()).device
        fill = [padding(intensity) for intensity in self.plan.intensity]
        for name in self.cases:
            case = self.store.case(name, label=True)
            image = np.asarray(case.image, np.float32)
            probabilities = whole(lambda x: method.predict(x.to(device)).cpu(), image, window, fill)
            prediction = probabilities.max(0).indices.numpy()
            assert case.label is not None
            diagonal = float(np.linalg.norm(np.multiply(case.shape, case.spacing)))
            for index in range(1, len(self.plan.classes)):
                one = score(prediction == index, np.asarray(case.label) == index, case.spacing)
                if one.empty == "both":
                    continue
                dice.append(one.dice or 0.0)
                distances.append(diagonal if one.hd95_mm is None else one.hd95_mm)
        method.train()
        return float(np.mean(dice)), float(np.mean(distances))


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
