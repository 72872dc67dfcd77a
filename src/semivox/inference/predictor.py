"""Turns a scan as read from disk into labels and maps on the scan's own grid.

Scan -> plan's grid and intensities -> probabilities of overlapping windows -> back to the scan's grid -> label values.
All after the first arrow is a stream of slabs, so memory is bounded by the scan and what was asked for, not by the
number of classes times the scan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from semivox.core.case import Volume
from semivox.core.errors import InputError
from semivox.core.geometry import Shape
from semivox.core.plan import Plan, Precision
from semivox.core.plurals import plural
from semivox.data.formats.volume import to_source
from semivox.data.prepared.intensity import padding
from semivox.data.prepared.normalize import normalize
from semivox.functional.components import largest_components
from semivox.inference.confidence import expected_dice
from semivox.inference.maps import disagreement, entropy, require_maps
from semivox.inference.mirror import mirrored
from semivox.inference.regrid import regrid
from semivox.inference.unlike import unlike
from semivox.inference.window import Blend, Predict, Window, slide


@dataclass(frozen=True)
class Prediction:
    """What a model says about one scan, on the grid and in the orientation of the scan's file."""

    label: np.ndarray
    """(X, Y, Z) uint8 or uint16, the label values of the data set."""
    probabilities: np.ndarray | None = None
    """(K, X, Y, Z) float32, in the order of the plan's classes; None if not asked for."""
    entropy: np.ndarray | None = None
    """(X, Y, Z) float32 in nats: 0 certain, ln K undecided; None if not asked for."""
    disagreement: np.ndarray | None = None
    """(X, Y, Z) float32, total variation of ``predict`` and ``other``, 0 to 1; None if not asked for."""
    expected_dice: tuple[float | None, ...] = ()
    """Of each class, background first, as its own probabilities have it; None for one that is predicted nowhere."""
    unlike: tuple[str, ...] = ()
    """In which ways the scan lies outside what the model was trained on, in words."""


@dataclass(frozen=True)
class ScanPredictor:
    """A trained network, ready for any scan."""

    plan: Plan
    predict: Predict
    """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z), in evaluation mode and on ``device``."""
    other: Predict | None = None
    """A second network, such as the teacher, for the disagreement map."""
    blend: Blend = "gaussian"
    overlap: float = 0.5
    """Fraction of a window that is shared with the next."""
    stride: Shape | None = None
    """Voxels between windows, instead of ``overlap``."""
    mirror: bool = False
    """Average over mirrorings along the axes on which the plan allows it: up to 8 times the work."""
    largest_component: bool = False
    """Keep the largest connected piece of each class."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    window_batch: int = 1
    """Windows predicted at once."""
    channels_last: bool | None = None
    """Memory format of windows; None: the plan's."""
    model: str = ""
    """Digest of weights, options and plan; stands beside every result."""
    precision: Precision = "32-true"
    """``bf16-mixed`` predicts under autocast: faster where the processor has it, probabilities to about 0.01."""

    def __post_init__(self) -> None:
        values = [info.value for info in self.plan.classes]
        if min(values) < 0 or max(values) > np.iinfo(np.uint16).max:
            raise InputError(f"label values must lie between 0 and 65535 to be written, the plan has {values}")
        _ = self.window  # refuses impossible windows now, not at the first scan

    @property
    def window(self) -> Window:
        """How scans are cut."""
        window = Window.overlapping(self.plan.patch, self.overlap, self.blend)
        return replace(
            window,
            stride=self.stride or window.stride,
            batch=self.window_batch,
            device=self.device,
            channels_last=self.plan.channels_last if self.channels_last is None else self.channels_last,
        )

    def options(self) -> dict[str, object]:
        """What else than model and scan decides a label, as it stands beside every result."""
        return {
            "blend": self.blend,
            "overlap": self.overlap,
            "stride": None if self.stride is None else list(self.stride),
            "mirror": self.mirror,
            "largest_component": self.largest_component,
            "precision": self.precision,
            "device": self.device.type,
        }

    def __call__(self, volume: Volume, maps: Collection[str] = ()) -> Prediction:
        """Label a scan; ``maps`` names further results: "probabilities", "entropy", "disagreement".

        Raises InputError for a scan with other channels than the plan's, for maps that cannot be made, and where the
        network gives numbers that are not finite.
        """
        self._check(volume, maps)
        canvas = _Canvas(volume.shape, len(self.plan.classes), maps)
        for slab in self._stream(volume, paired="disagreement" in maps):
            canvas.add(slab)
        if not np.isfinite(canvas.total).all():
            raise InputError(
                "the network's output is not finite, so that there is no label: the model's weights are damaged, or "
                "the values of the scan are far from all that it was trained on"
            )
        index = largest_components(canvas.index) if self.largest_component else canvas.index
        largest = max(info.value for info in self.plan.classes)
        values = np.array([info.value for info in self.plan.classes], np.uint8 if largest < 256 else np.uint16)
        # popped one by one: turning a map into the file's orientation may copy it
        results = {name: to_source(canvas.maps.pop(name), volume) for name in list(canvas.maps)}
        expected = expected_dice(canvas.inside, canvas.total, canvas.size)
        outside = unlike(volume, self.plan)
        return Prediction(to_source(values[index], volume), **results, expected_dice=expected, unlike=outside)

    def _check(self, volume: Volume, maps: Collection[str]) -> None:
        channels = len(self.plan.channels)
        if len(volume.array) != channels:
            raise InputError(
                f"the scan has {plural(len(volume.array), 'channel')}, the model was trained on {channels}: "
                f"{', '.join(self.plan.channels)}"
            )
        require_maps(maps)
        if "disagreement" in maps and self.other is None:
            raise InputError("a disagreement map needs a second network; this model has only one")

    def _stream(self, volume: Volume, paired: bool) -> Iterator[Tensor]:
        """Slabs (K, dx, Y, Z) on the scan's canonical grid; (2K, ...) with the second network's after the first's."""
        image = normalize(volume, self.plan)
        x, y, z = image.shape[1:]
        fill = [padding(intensity) for intensity in self.plan.intensity]  # what training showed outside a scan
        slabs = slide(self._network(paired), image, self.window, fill)
        return regrid(slabs, (x, y, z), volume.shape)

    def _network(self, paired: bool) -> Predict:
        """What is called on windows: one or both networks, at the chosen precision, mirrored if wanted."""
        networks = [self.predict]
        if paired and self.other is not None:
            networks.append(self.other)

        def joint(image: Tensor) -> Tensor:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16-mixed"):
                return torch.cat([self._checked(network(image)) for network in networks], dim=1)

        return mirrored(joint, self.plan.mirror) if self.mirror else joint

    def _checked(self, probabilities: Tensor) -> Tensor:
        if probabilities.shape[1] != len(self.plan.classes):
            raise InputError(
                f"the network gives {probabilities.shape[1]} classes, the plan has {len(self.plan.classes)}; "
                "they are not from the same training"
            )
        return probabilities.float()


class _Canvas:
    """The results of one scan on its canonical grid, filled from x = 0 on."""

    def __init__(self, shape: Shape, classes: int, maps: Collection[str]) -> None:
        self.classes, self.filled = classes, 0
        self.index = np.empty(shape, np.uint8 if classes <= 256 else np.uint16)
        """(X, Y, Z) class indices."""
        self.maps = {
            name: np.empty((classes, *shape) if name == "probabilities" else shape, np.float32) for name in maps
        }
        self.inside, self.total = np.zeros(classes), np.zeros(classes)
        """Of each class, its probabilities summed over the voxels that it won, and over all."""
        self.size = np.zeros(classes, np.int64)
        """Voxels that each class won."""

    def add(self, slab: Tensor) -> None:
        """The next planes, (K, dx, Y, Z) or (2K, dx, Y, Z)."""
        planes = slice(self.filled, self.filled + slab.shape[1])
        own, other = slab[: self.classes], slab[self.classes :]
        # on a tie the lower class, so background first; argmax would be seven times slower on a CPU
        won = own.max(0)
        self.index[planes] = won.indices.cpu().numpy()
        self._sum(own, won.values, won.indices)
        for name, array in self.maps.items():
            match name:
                case "probabilities":
                    array[:, planes] = own.cpu().numpy()
                case "entropy":
                    array[planes] = entropy(own).cpu().numpy()
                case "disagreement":
                    array[planes] = disagreement(own, other).cpu().numpy()
        self.filled = planes.stop

    def _sum(self, own: Tensor, best: Tensor, index: Tensor) -> None:
        """What the expected Dice is made of, plane by plane so that nothing is as large as the slab in float64."""
        for values, largest, which in zip(own.unbind(1), best, index, strict=True):
            flat = which.flatten()
            self.total += values.sum((1, 2), dtype=torch.float64).cpu().numpy()
            self.inside += torch.bincount(flat, largest.flatten().double(), self.classes).cpu().numpy()
            self.size += torch.bincount(flat, minlength=self.classes).cpu().numpy()
