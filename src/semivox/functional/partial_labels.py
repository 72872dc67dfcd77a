"""Labels that leave a voxel to several classes: where only some classes were looked for, the rest may be any other.

Such a voxel is told by a code below 0 (``core.voxel_codes``); it says all by itself
what the voxel may be, so that patches can be mixed and pasted voxel by voxel. In a loss, the classes that a voxel may
be are **one class**: their probabilities are added up. That is the marginal loss of Shi et al., Medical Image Analysis
70, 2021, 101979, and the target-adaptive loss of Fang & Yan, IEEE TMI 39(11), 2020: a scan in which only the liver was
looked for still shows, at each of its voxels, liver or something else.

Shapes: labels (..., X, Y, Z) of whole numbers; scores (B, K, X, Y, Z).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from semivox.core.case import IGNORE
from semivox.core.voxel_codes import classes_of
from semivox.functional.classes import most_probable

Label = TypeVar("Label", np.ndarray, Tensor)


def known(label: Label) -> Label:
    """Whether each voxel has one class: neither IGNORE nor a code. Any shape -> bool, the same shape."""
    return (label >= 0) & (label != IGNORE)  # pyrefly: ignore[bad-return]


def not_of(label: Label, index: int) -> Label:
    """Whether each voxel may be told from a class: it has another one, or its code leaves that one out."""
    return known(label) & (label != index) | (label < 0) & ((~label >> index) & 1 == 0)  # pyrefly: ignore[bad-return]


def open_classes(label: Tensor, classes: int) -> Tensor:
    """(L, X, Y, Z) -> (L, K) bool: the classes that some voxel of a patch may be without being known to be."""
    found = torch.zeros(len(label), classes, dtype=torch.bool, device=label.device)
    for code in _codes(label):
        here = (label == code).flatten(1).any(1)  # (L,)
        for index in classes_of(code):
            found[:, index] |= here
    return found


def merged_logs(scores: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities in which the classes that a voxel may be are one, and the label of that one class.

    (B, K, X, Y, Z) and (B, X, Y, Z) -> the same shapes; the one class stands at the place of the first of them, which
    is the background in scans where some classes were looked for; the others get -inf. Without codes: what was given.
    """
    return _merged(scores, label, lambda values: values.logsumexp(1), -torch.inf)


def merged_probabilities(scores: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """The same of probabilities; the others get 0."""
    return _merged(scores, label, lambda values: values.sum(1), 0.0)


def as_one(label: Tensor) -> Tensor:
    """The label that belongs to merged scores: the first class of each code in its place. Any shape -> the same."""
    for code in _codes(label):
        label = torch.where(label == code, classes_of(code)[0], label)
    return label


def filled(label: Tensor, scores: Tensor) -> Tensor:
    """The label, where it leaves a voxel to several classes that of them with the largest score: pseudo-labels that
    contradict no expert. (B, X, Y, Z) and (B, K, X, Y, Z) -> (B, X, Y, Z); no gradient passes."""
    for code in _codes(label):
        of = classes_of(code)
        guess = torch.tensor(of, device=label.device)[most_probable(scores[:, of])]
        label = torch.where(label == code, guess, label)
    return label


def _codes(label: Tensor) -> list[int]:
    """The codes that stand in a label: most often none."""
    below = label < 0
    return label[below].unique().tolist() if below.any() else []


def _merged(scores: Tensor, label: Tensor, join: Callable[[Tensor], Tensor], nothing: float) -> tuple[Tensor, Tensor]:
    codes = _codes(label)
    if not codes:
        return scores, label
    maps = list(scores.unbind(1))
    for code in codes:
        here, of = label == code, classes_of(code)
        together = join(scores[:, of])
        for index in of:
            maps[index] = torch.where(here, together if index == of[0] else nothing, maps[index])
    return torch.stack(maps, 1), as_one(label)
