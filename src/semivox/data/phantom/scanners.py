"""Two invented scanners: what a labeled set from one of them does not show of scans from the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from semivox.data.phantom.anatomy import Patient

INSIDE = -500.0
"""Hounsfield units above which a voxel is of the body, not of the air around it."""


@dataclass(frozen=True)
class Scanner:
    """How a scanner changes what it scans; the defaults change nothing."""

    blur: float = 0.0
    """Added to the standard deviation of the point spread, voxels."""
    noise: float = 1.0
    """Factor of the noise, as a lower dose has it."""
    bone: float = 1.0
    """Factor of the Hounsfield units of bone, which follow the tube voltage."""
    muscle: float = 0.0
    """Added to muscle, HU."""
    cupping: float = 0.0
    """HU that the middle of the body is too dark, as where beam hardening is not corrected."""

    def of(self, patient: Patient) -> Patient:
        """The patient as this scanner shows him."""
        return replace(
            patient,
            blur=patient.blur + self.blur,
            noise=patient.noise * self.noise,
            cortical_hu=patient.cortical_hu * self.bone,
            trabecular_hu=patient.trabecular_hu * self.bone,
            muscle_hu=patient.muscle_hu + self.muscle,
        )

    def darkened(self, image: np.ndarray) -> np.ndarray:
        """Image (X, Y, Z) in HU with the middle of each axial slice too dark, air left alone."""
        if not self.cupping:
            return image
        x, y = (np.linspace(-1, 1, size, dtype=np.float32) for size in image.shape[:2])
        middle = np.clip(1 - np.hypot(x[:, None], y[None, :]), 0, 1)[..., None]
        return np.where(image > INSIDE, image - self.cupping * middle, image)


FIRST = Scanner()
"""That of the labeled patients."""
SECOND = Scanner(blur=0.12, noise=1.45, bone=0.895, muscle=4.5, cupping=45.0)
"""Lower dose, higher tube voltage, a softer kernel, beam hardening not corrected."""
