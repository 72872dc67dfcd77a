"""The built-in data set: CT scans of invented hips, drawn from a seed, for trying everything without any download.

Thin curved cortical bone around textured trabecular bone, muscle, fat and air, with partial volume, blur, noise, and
varied pose and shape, osteoporosis, and now and then a metal screw with its streaks. The patients are drawn at
grown-up size and scaled to fill the field of view (``phantom.anatomy`` holds the anatomy). It is a stand-in to
learn and test with: scores on it say nothing about patients.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from semivox.core.geometry import Shape, Spacing
from semivox.core.randomness import generator
from semivox.data.phantom.anatomy import Patient, Surfaces, draw, patient_frame, surfaces
from semivox.data.phantom.scanners import FIRST, Scanner

PARTS = {"background": 0, "pelvis": 1, "femoral_head": 2}
"""What a scan is drawn from."""
AIR, FAT, METAL = -1000.0, -100.0, 3000.0
"""Hounsfield units."""
FIELD = (340.0, 255.0)
"""Field of view that holds a grown-up's hips, mm along x and y."""
HIP_HEIGHT = -20.0
"""Height of the hips relative to the middle of the field of view, mm of a grown-up."""
STREAM = 0x41B
"""Keeps the phantom's randomness apart from everything else that is drawn from the same seed."""


def scan(
    seed: int, number: int, shape: Shape, spacing: Spacing, scanner: Scanner = FIRST
) -> tuple[np.ndarray, np.ndarray]:
    """One patient: image (X, Y, Z) int16 in HU and parts (X, Y, Z) uint8, RAS+; spacing in mm."""
    patient = scanner.of(draw(generator(seed, STREAM, number), metal=has_metal(number)))
    random = generator(seed, STREAM, number, 1)
    scale = max(full / (count * step) for full, count, step in zip(FIELD, shape, spacing, strict=False))
    voxel = np.array(spacing, np.float32) * np.float32(scale)  # mm of a grown-up
    axes = [(np.arange(n, dtype=np.float32) - (n - 1) / 2) * v for n, v in zip(shape, voxel, strict=True)]
    centers = np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1)
    centers[2] -= np.float32(HIP_HEIGHT)

    straight = patient_frame(patient, centers)
    coarse = surfaces(patient, straight)
    fractions, label = _fractions(patient, centers, coarse, voxel)
    tissue = _soft_tissue(patient, straight, coarse, random, shape, voxel)
    grain = _grain(random, shape, 1.2).ravel()
    cortical = patient.cortical_hu * (1 + 0.06 * grain)
    trabecular = patient.trabecular_hu * (1 + 0.28 * grain)
    empty = 1 - fractions.sum(0)
    image = fractions[0] * cortical + fractions[1] * trabecular + fractions[2] * METAL + empty * tissue
    image = image.reshape(shape)
    if patient.metal:
        image += _streaks(random, fractions[2].reshape(shape), voxel)
    image = gaussian_filter(image, patient.blur) + patient.noise * _grain(random, shape, 0.55)
    image = scanner.darkened(image)
    return np.clip(np.rint(image), -1024, 3071).astype(np.int16), label.reshape(shape)


def has_metal(number: int) -> bool:
    """Whether this patient carries a metal screw: every seventh does, none of the first five."""
    return number % 7 == 5


def _fractions(
    patient: Patient, centers: np.ndarray, coarse: Surfaces, voxel: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How much of each voxel is cortical bone, trabecular bone, metal (3, N), and its label (N,) by majority.

    Voxels that a surface may cross are rendered at twice the resolution, eight points each; the others are all one
    thing, so that their center decides.
    """
    inside, label = _materials(patient, coarse)
    fractions = inside.astype(np.float32)
    reach = np.float32(np.linalg.norm(voxel) / 2)
    bone = np.minimum(np.minimum(coarse.pelvis, coarse.femur), coarse.spine)
    mixed = np.flatnonzero(((bone < reach) & (bone > -(3 * patient.cortex + reach))) | (np.abs(coarse.metal) < reach))
    corners = np.stack(np.meshgrid(*[(-0.25, 0.25)] * 3, indexing="ij")).reshape(3, 1, 8).astype(np.float32)
    points = centers[:, mixed, None] + corners * voxel[:, None, None]
    fine = surfaces(patient, patient_frame(patient, points.reshape(3, -1)))
    inside, votes = _materials(patient, fine)
    fractions[:, mixed] = inside.reshape(3, -1, 8).mean(2, dtype=np.float32)
    counts = np.stack([(votes.reshape(-1, 8) == value).sum(1) for value in PARTS.values()])
    label[mixed] = counts.argmax(0)
    return fractions, label


def _materials(patient: Patient, at: Surfaces) -> tuple[np.ndarray, np.ndarray]:
    """(3, N) bool: cortical, trabecular, metal; and (N,) uint8 label, at each point."""
    shaft = np.clip(at.beyond_head / 25, 0, 1)  # the cortex of the shaft is several times as thick
    depth = np.minimum(np.minimum(at.pelvis, at.spine), at.femur + 2.2 * patient.cortex * shaft * (at.femur < 0))
    bone = np.minimum(np.minimum(at.pelvis, at.spine), at.femur) < 0
    metal = at.metal < 0
    trabecular = (depth < -patient.cortex) & bone & ~metal
    label = np.zeros(len(bone), np.uint8)
    label[at.pelvis < 0] = PARTS["pelvis"]
    label[(at.femur < 0) & (at.beyond_head < 0)] = PARTS["femoral_head"]
    return np.stack([bone & ~metal & ~trabecular, trabecular, metal]), label


def _soft_tissue(
    patient: Patient,
    straight: np.ndarray,
    at: Surfaces,
    random: np.random.Generator,
    shape: Shape,
    voxel: np.ndarray,
) -> np.ndarray:
    """(N,) HU of everything that is not bone: air, skin, fat, muscles, fat between them, bowel, bladder, vessels."""
    x, y, z = straight
    folds = _grain(random, shape, tuple(9 / voxel)).ravel()
    texture = _grain(random, shape, tuple(5 / voxel)).ravel()
    half_x, half_y = patient.body
    trunk = (np.hypot(x / half_x, (y + 8) / half_y) - 1) * half_y
    muscle = patient.muscle_hu + 7 * texture
    between = np.exp(-((folds / 0.16) ** 2)) * 0.8  # fat follows the zero level of a smooth field: thin winding sheets
    tissue = muscle + between * (FAT - muscle)

    cavity = np.sqrt((x / 62) ** 2 + ((y - 6) / 56) ** 2 + ((z - 52) / 74) ** 2) - 1
    bowel = np.where(texture > 1.9, -650.0, np.where(texture > 0.1, 35.0, FAT))
    tissue = np.where(cavity < 0, bowel, tissue)
    bladder = np.sqrt((x / 31) ** 2 + ((y - 22) / 25) ** 2 + ((z + 2) / 24) ** 2) - 1
    tissue = np.where(bladder < 0, 8.0, tissue)
    tissue = np.where(at.vessel < 0, patient.vessel_hu, tissue)
    tissue = np.where((at.femur < patient.gap) & (at.pelvis < 2 * patient.gap), 75.0, tissue)  # cartilage
    edge = float(voxel[:2].mean())
    under_skin = np.clip(0.5 + (trunk + patient.fat * (1 + 0.15 * texture)) / edge, 0, 1)
    tissue = tissue + under_skin * (FAT - tissue)
    skin = np.exp(-(((trunk + 1.5) / 1.5) ** 2)) * 0.7
    tissue = tissue + skin * (20 - tissue)
    outside = np.clip(0.5 + trunk / edge, 0, 1)
    return tissue + outside * (AIR - tissue)


def _streaks(random: np.random.Generator, metal: np.ndarray, voxel: np.ndarray) -> np.ndarray:
    """(X, Y, Z) HU to add: dark and bright rays in each axial slice, from the metal outward."""
    rays = np.zeros(metal.shape, np.float32)
    orders = np.arange(1, 15)
    strength = random.normal(0, 1, 14) * np.exp(-orders / 9)
    strength /= np.sqrt((strength**2).sum() / 2)  # a pattern of standard deviation 1
    phase = random.uniform(0, 2 * np.pi, 14)
    drift = random.normal(0, 0.12, 14)  # the pattern changes slowly from slice to slice
    for k in np.flatnonzero(metal.sum((0, 1)) > 0.5):
        weight = metal[:, :, k]
        center = [(np.arange(n) * weight.sum(1 - axis)).sum() / weight.sum() for axis, n in enumerate(weight.shape)]
        dx = ((np.arange(metal.shape[0]) - center[0]) * voxel[0])[:, None]
        dy = ((np.arange(metal.shape[1]) - center[1]) * voxel[1])[None, :]
        angle, distance = np.arctan2(dy, dx), np.hypot(dx, dy)
        pattern = np.cos(2 * orders * angle[..., None] + phase + drift * k) @ strength
        pattern = np.sign(pattern) * np.abs(pattern) ** 1.5  # narrow rays
        rays[:, :, k] = 230 * pattern * np.exp(-distance / 70) * (1 - np.exp(-distance / 8))
        rays[:, :, k] -= 120 * np.exp(-distance / 22)
    return rays * (metal < 0.5)


def _grain(random: np.random.Generator, shape: Shape, sigma: float | tuple[float, ...]) -> np.ndarray:
    """Smooth random field (X, Y, Z) of mean 0 and standard deviation 1; ``sigma`` in voxels."""
    field = gaussian_filter(random.standard_normal(shape, dtype=np.float32), sigma)
    return (field - field.mean()) / field.std()
