"""The hip of an invented patient as implicit surfaces: signed distances to pelvis, femora, metal and skin.

Everything is written for a grown-up lying on the back, in mm, with the origin between the centers of the two hip
joints: x to the patient's right, y to the front, z to the head. Both sides are one side seen in a mirror (``|x|``);
pose, bend and the two femora break the symmetry. Distances are negative inside; they are exact near a surface up to a
few per cent, which is all that a cortex of constant thickness needs. The anatomy is our own drawing after the usual
proportions of a grown-up, not fitted to any scan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semivox.data.phantom.shapes import blend, capsule, chain, column, rotation

HIP = 88.0
"""Distance of a hip joint's center from the mid-plane, mm."""


@dataclass(frozen=True)
class Patient:
    """The numbers that make one patient differ from another: pose, shape, and what the tissues look like in CT."""

    size: float
    pose: np.ndarray
    """(3, 3): rotation of the whole patient in the scanner."""
    shift: np.ndarray
    """(3,): translation in the scanner, mm of a grown-up."""
    waves: np.ndarray
    """(6, 7): the smooth bend; each row is a wave vector (rad / mm), a phase, and an amplitude vector (mm)."""
    tilt: float
    """Pelvic tilt about the axis through both hips, rad."""
    legs: np.ndarray
    """(2, 3, 3): how the left and the right femur are turned about the center of the hip."""
    neck: np.ndarray
    """(3,): unit vector from the center of the femoral head along the neck."""
    opening: np.ndarray
    """(3,): unit vector out of the acetabulum."""
    radius: float
    """Of the femoral head, mm."""
    gap: float
    """Joint space, mm."""
    coverage: float
    """How far the cup reaches over the head's equator, mm; negative for a shallow, dysplastic one."""
    flare: float
    """How far the iliac wings lean outward (1 is usual)."""
    thickness: float
    """Of the iliac wings (1 is usual)."""
    cortex: float
    """Thickness of the cortical shell, mm."""
    bumps: np.ndarray
    """(n, 6): osteophytes: side (-1 or 1), center relative to the hip, height and width in mm."""
    body: np.ndarray
    """(2,): half axes of the trunk along x and y, mm."""
    fat: float
    """Thickness of the fat under the skin, mm."""
    cortical_hu: float
    trabecular_hu: float
    muscle_hu: float
    vessel_hu: float
    blur: float
    """Standard deviation of the scanner's point spread, voxels."""
    noise: float
    """Standard deviation in HU."""
    metal: int
    """Side of a metal screw in the femoral neck: -1 left, 1 right, 0 none."""


@dataclass(frozen=True)
class Surfaces:
    """Signed distances in mm of a grown-up, negative inside, one value per point."""

    pelvis: np.ndarray
    femur: np.ndarray
    beyond_head: np.ndarray
    """Distance along the neck from the plane where the head with its collar ends; positive toward the shaft."""
    spine: np.ndarray
    """The lowest lumbar vertebra: bone that belongs to no class."""
    metal: np.ndarray
    vessel: np.ndarray


def draw(random: np.random.Generator, metal: bool) -> Patient:
    """Draw a patient. Ranges are wide on purpose: four labeled patients do not cover them."""
    uniform = random.uniform
    neck = np.array([0.80, uniform(-0.28, 0.02), uniform(-0.72, -0.46)])
    opening = np.array([0.78, uniform(0.05, 0.35), uniform(-0.68, -0.48)])
    waves = np.concatenate(
        [random.normal(0, 0.013, (6, 3)), uniform(0, 2 * np.pi, (6, 1)), random.normal(0, 2.2, (6, 3))], axis=1
    )
    count = random.integers(0, 7)
    towards = random.normal(size=(count, 3))
    radius = uniform(21, 27)
    rim = radius * 1.05 * towards / np.linalg.norm(towards, axis=1, keepdims=True)
    bumps = np.concatenate(
        [random.choice([-1.0, 1.0], (count, 1)), rim, uniform(2, 6, (count, 1)), uniform(3, 7, (count, 1))], axis=1
    )
    density = float(np.clip(random.normal(0.62, 0.3), 0.08, 1.1))  # below about 0.3: osteoporosis
    enhanced = uniform() < 0.3
    return Patient(
        size=uniform(0.88, 1.06),
        pose=rotation(*np.radians(random.normal(0, (5, 4, 5)))),
        shift=random.normal(0, (5, 4, 7)),
        waves=waves,
        tilt=float(np.radians(random.normal(0, 7))),
        legs=np.stack([rotation(*np.radians(random.normal(0, (7, 6, 10)))) for _ in range(2)]),
        neck=neck / np.linalg.norm(neck),
        opening=opening / np.linalg.norm(opening),
        radius=radius,
        gap=uniform(2.2, 4.0),
        coverage=uniform(-4, 6),
        flare=uniform(0.6, 1.4),
        thickness=uniform(0.75, 1.25) * (0.85 + 0.2 * density),
        cortex=1.6 + 1.3 * density,
        bumps=bumps,
        body=np.array([uniform(158, 170), uniform(104, 118)]),
        fat=uniform(7, 26),
        cortical_hu=520 + 680 * density,
        trabecular_hu=60 + 270 * density,
        muscle_hu=uniform(38, 64),
        vessel_hu=uniform(150, 280) if enhanced else uniform(35, 50),
        blur=uniform(0.35, 0.65),
        noise=uniform(14, 42),
        metal=int(random.choice([-1, 1])) if metal else 0,
    )


def patient_frame(patient: Patient, points: np.ndarray) -> np.ndarray:
    """Points (3, N) of the scanner, mm of a grown-up -> (3, N) in the frame of the straight patient."""
    turned = patient.pose.T.astype(np.float32) @ (points - patient.shift.astype(np.float32)[:, None])
    turned /= np.float32(patient.size)
    bent = turned.copy()
    for wave in patient.waves.astype(np.float32):
        bent += wave[4:, None] * np.sin(wave[:3] @ turned + wave[3])
    return bent


def surfaces(patient: Patient, points: np.ndarray) -> Surfaces:
    """Points (3, N) in the frame of the straight patient, mm -> distances to all surfaces, (N,) each."""
    right = points[0] > 0
    folded = np.concatenate([np.abs(points[:1]), points[1:]])
    from_hip = folded - column(HIP, 0, 0)
    bumps = _bumps(patient, from_hip, right)

    in_leg = np.empty_like(from_hip)
    for side, matrix in zip((~right, right), patient.legs.astype(np.float32), strict=True):
        in_leg[:, side] = matrix @ from_hip[:, side]
    femur = _femur(patient, in_leg) - bumps

    cosine, sine = np.float32(np.cos(patient.tilt)), np.float32(np.sin(patient.tilt))
    x, y, z = folded
    tilted = np.stack([x, cosine * y + sine * z, cosine * z - sine * y])
    pelvis = _pelvis(patient, tilted) - bumps
    clearance = np.float32(patient.gap) - femur  # the joint space, wherever the femur turns
    pelvis = np.maximum(pelvis, clearance)

    along = patient.neck.astype(np.float32) @ in_leg
    metal = np.full_like(femur, np.inf)
    if patient.metal:
        tip, end = -0.35 * patient.radius * patient.neck, 58 * patient.neck
        screw = capsule(in_leg, tuple(tip), tuple(end), 4.2, 4.2)
        metal = np.where(right == (patient.metal > 0), screw, np.float32(np.inf))
    upper = capsule(folded, (34, -14, 120), (50, 38, 18), 6, 6.5)
    vessel = np.minimum(upper, capsule(folded, (50, 38, 18), (64, 44, -110), 6.5, 5.5))
    disc = np.hypot(x / 27, (y + 42) / 19) - 1
    spine = np.maximum(disc * 19, 108 - tilted[2])
    return Surfaces(pelvis, femur, along - np.float32(1.25 * patient.radius), spine, metal, vessel)


def _femur(patient: Patient, p: np.ndarray) -> np.ndarray:
    """Head, neck, trochanters and the upper shaft; points relative to the center of the head."""
    neck = patient.neck
    base = 50 * neck
    head = np.sqrt(np.einsum("in,in->n", p, p)) - np.float32(patient.radius)
    shape = blend(head, capsule(p, tuple(8 * neck), tuple(base), 14.5, 17), 7)
    knee = (base[0] - 8, base[1] + 6, -150.0)
    shape = blend(shape, capsule(p, (base[0] + 1, base[1], base[2] - 6), knee, 16.5, 13), 8)
    greater = capsule(p, (base[0] + 7, base[1] - 9, base[2] - 4), (base[0] + 9, base[1] - 8, base[2] + 15), 12, 8)
    shape = blend(shape, greater, 8)
    lesser = capsule(p, (base[0] - 12, base[1] - 10, base[2] - 28), (base[0] - 15, -16, base[2] - 27), 8, 5)
    return blend(shape, lesser, 6)


def _pelvis(patient: Patient, p: np.ndarray) -> np.ndarray:
    """Both hip bones and the sacrum; points in the tilted, folded frame."""
    from_hip = p - column(HIP, 0, 0)
    distance = np.sqrt(np.einsum("in,in->n", from_hip, from_hip))
    inner = patient.radius + patient.gap
    shell = np.abs(distance - np.float32(inner + 4.5)) - np.float32(5.0)
    cup = np.maximum(shell, patient.opening.astype(np.float32) @ from_hip - np.float32(patient.coverage + 4))
    wing = _wing(patient, p)
    roof = capsule(p, (84, -6, 33), (86, -5, 52), 11, 7)
    ilium = blend(blend(cup, roof, 8), wing, 9)
    ischium = capsule(p, (76, -27, -18), (60, -36, -70), 11, 14)
    upper = chain(p, ((70, 24, 2), (44, 45, -2), (8, 55, -20)), (10, 7.5, 8.5))
    pubis = capsule(p, (10, 53, -20), (11, 48, -42), 9, 8)
    lower = chain(p, ((11, 48, -44), (32, 14, -68), (56, -26, -78)), (7, 6, 9))
    hip_bone = ilium
    for part in (ischium, upper, pubis, lower):
        hip_bone = blend(hip_bone, part, 8)
    hip_bone = np.maximum(hip_bone, np.float32(2.8) - p[0])  # the symphysis
    sacrum = np.maximum(_sacrum(p), 2.6 - wing)  # the sacroiliac joint
    return np.minimum(hip_bone, sacrum)


def _wing(patient: Patient, p: np.ndarray) -> np.ndarray:
    """The iliac wing: a thin curved plate with a thicker crest, bent outward and backward."""
    x, y, z = p
    up = np.clip((z - 22) / 100, 0, 1.2)
    middle = 83 + up * (np.float32(14 * patient.flare) + 0.52 * y - 0.0036 * y * y)
    slope_y, slope_z = up * (0.52 - 0.0072 * y), (14 * patient.flare + 0.52 * y) / 100
    ellipse = (np.hypot((y + 7) / 76, (z - 80) / 47) - 1) * 47
    stem_along = np.clip((z - 22) / 48, 0, 1)
    stem = np.hypot(y + 5, z - 22 - 48 * stem_along) - (22 + 16 * stem_along)
    outline = blend(ellipse, stem, 14)
    crest = np.exp(-((outline / 7) ** 2))
    back = np.clip((-35 - y) / 30, 0, 1)
    half = 0.5 * patient.thickness * (6.0 + 5.0 * crest + 7.0 * back + 9.0 * np.exp(-(((z - 24) / 20) ** 2)))
    plate = np.abs(x - middle) / np.sqrt(1 + slope_y**2 + slope_z**2) - half
    return np.maximum(plate, outline).astype(np.float32)


def _sacrum(p: np.ndarray) -> np.ndarray:
    """A wedge, concave to the front, with holes for the nerves."""
    x, y, z = p
    front = np.abs(y + 88 - 0.010 * (z - 45) ** 2) / np.sqrt(1 + (0.02 * (z - 45)) ** 2)
    wide, thick = np.maximum(14 + 0.40 * z, 6), np.maximum(6 + 0.13 * z, 4)
    oval = (np.sqrt(np.sqrt((x / wide) ** 4 + (front / thick) ** 4)) - 1) * thick
    wedge = -blend(-oval, 52 - np.abs(z - 46), 12)  # a rounded intersection
    for height in (25, 50, 75):
        wedge = np.maximum(wedge, 3.6 - np.hypot(x - 10 - 0.14 * height, z - height))
    return wedge.astype(np.float32)


def _bumps(patient: Patient, from_hip: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Height of the osteophytes at each point, mm."""
    height = np.zeros(from_hip.shape[1], np.float32)
    for side, *center, tall, wide in patient.bumps:
        near = np.flatnonzero((right == (side > 0)) & (np.abs(from_hip[0] - center[0]) < 3 * wide))
        square = ((from_hip[:, near] - column(*center)) ** 2).sum(0)
        height[near] += (tall * np.exp(-square / (2 * wide**2))).astype(np.float32)
    return height
