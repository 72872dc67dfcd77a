"""The planner: from what the training scans are like, and what the machine can do, to every choice, with its reason.

A pure function. Rules of thumb follow nnU-Net (Isensee et al., Nature Methods 2021, doi:10.1038/s41592-020-01008-z)
where nothing else is said.
"""

from __future__ import annotations

import numpy as np

from semivox.core.case import IGNORE
from semivox.core.errors import InputError
from semivox.core.geometry import Spacing
from semivox.core.plan import Fingerprint, Plan
from semivox.core.plurals import plural
from semivox.data.planning import cost, sizing
from semivox.data.planning import intensity as intensity_choice
from semivox.data.planning.options import Machine, PlanOptions
from semivox.data.planning.sides import mirror as mirror_choice

ANISOTROPIC = 3.0
"""An axis this many times coarser than the others, and with that many times fewer voxels, is treated apart."""
LABELED_PER_STEP, UNLABELED_PER_STEP = 2, 2
"""Patches a step, as in the benchmarks of semi-supervised segmentation (Yu et al., arXiv:1907.07034)."""
MOST_VOXELS = 2**30
"""Of a prepared scan: 4 GB while it is resampled."""


def plan(fingerprint: Fingerprint, options: PlanOptions, machine: Machine | None = None) -> Plan:
    """Decide everything, with reasons. Raises InputError where the scans or the options leave nothing to decide."""
    machine = machine or Machine()
    reasons: dict[str, str] = {"classes": _check(fingerprint)}
    spacing, reasons["spacing"] = _spacing(fingerprint, options)
    median = median_size(fingerprint, spacing)
    family = cost.family(options.network or "vnet")
    unlabeled, reasons["unlabeled_per_step"] = _unlabeled(fingerprint)
    patches = LABELED_PER_STEP + unlabeled
    patch, strides, reasons["patch"] = sizing.choose_patch(median, spacing, family, options, machine, patches)
    network, reasons["network"] = sizing.choose_network(family, strides, spacing, patch, options)
    steps, reasons["steps"] = sizing.choose_steps(patch, family, options, machine, patches)
    mirror, reasons["mirror"] = mirror_choice(fingerprint.classes[1:], fingerprint.cases)
    intensity, reasons["intensity"] = intensity_choice.choose(fingerprint)
    reasons["labeled_per_step"] = f"{LABELED_PER_STEP} labeled patches, as in the benchmarks of the field"
    reasons["precision"] = (
        "float32, which every machine computes correctly; measured steps tell whether bfloat16 is faster"
    )
    reasons["channels_last"] = (
        "usually the faster memory format of 3D convolutions on a CPU; measured steps decide"
        if machine.device == "cpu"
        else "the default memory format on a GPU; measured steps decide"
    )
    reasons["augmentation"] = (
        "rotation, scaling, noise, blur, brightness, contrast, low resolution, gamma, as nnU-Net does"
    )
    return Plan(
        dataset=fingerprint.dataset,
        classes=fingerprint.classes,
        ignore=fingerprint.ignore,
        channels=fingerprint.channels,
        spacing=spacing,
        patch=patch,
        intensity=intensity,
        network=network,
        labeled_per_step=LABELED_PER_STEP,
        unlabeled_per_step=unlabeled,
        steps=steps,
        channels_last=machine.device == "cpu",
        mirror=mirror,
        fingerprint=_readable(fingerprint),
        reasons=reasons,
    )


def median_size(fingerprint: Fingerprint, spacing: Spacing) -> tuple[float, float, float]:
    """Median size of the training scans per axis, in voxels of ``spacing``."""
    sizes = [np.multiply(case.shape, case.spacing) / spacing for case in fingerprint.cases]
    x, y, z = np.median(sizes, axis=0)
    return float(x), float(y), float(z)


def _check(fingerprint: Fingerprint) -> str:
    """That there is something to learn from; a sentence on how much. Raises InputError."""
    foreground = fingerprint.classes[1:]
    if not foreground:
        raise InputError(f"{fingerprint.dataset} has no class besides background; name the classes in its dataset.json")
    if len(fingerprint.classes) > IGNORE:
        raise InputError(f"{len(fingerprint.classes)} classes are too many; at most {IGNORE} fit, background included")
    for case in fingerprint.cases:
        if len(case.channels) != len(fingerprint.channels):
            raise InputError(
                f"case {case.name!r} has {plural(len(case.channels), 'channel')}, the data set "
                f"{len(fingerprint.channels)} "
                f"({', '.join(fingerprint.channels)}); add what is missing or leave the case out"
            )
    labeled = [case for case in fingerprint.cases if case.labeled]
    if not labeled:
        raise InputError(f"{fingerprint.dataset} has no labeled training scan; at least one is needed")
    seen = {item.name: sum(case.voxels.get(item.value, 0) > 0 for case in labeled) for item in foreground}
    if not any(seen.values()):
        values = ", ".join(f"{item.name} = {item.value}" for item in foreground)
        raise InputError(f"none of the {len(labeled)} labels holds a class of {fingerprint.dataset} ({values})")
    sought = {item.name: sum(case.looked_for(item.name) for case in labeled) for item in foreground}
    sentence = ", ".join(f"{name} in {count} of {sought[name]}" for name, count in seen.items())
    if any(number < len(labeled) for number in sought.values()):
        sentence += f" in which it was looked for (of {len(labeled)} in all)"
    absent = [name for name, count in seen.items() if count == 0]
    warning = f"; WARNING: {', '.join(absent)} cannot be learned: no labeled scan shows it" if absent else ""
    return f"labeled scans that show each class: {sentence}{warning}"


def _spacing(fingerprint: Fingerprint, options: PlanOptions) -> tuple[Spacing, str]:
    """The median voxel, but a finer one along a much coarser axis; rounded to three digits."""
    if options.spacing is not None:
        return options.spacing, "chosen by the user"
    spacings = np.array([case.spacing for case in fingerprint.cases])
    wanted = np.median(spacings, axis=0)
    size = np.median([case.shape for case in fingerprint.cases], axis=0)
    coarse = int(wanted.argmax())
    others = [axis for axis in range(3) if axis != coarse]
    low, high = (" x ".join(f"{value:.3g}" for value in edge) for edge in (spacings.min(axis=0), spacings.max(axis=0)))
    reason = f"median of {plural(len(spacings), 'training scan')}, " + (
        f"all {low} mm" if low == high else f"{low} to {high} mm"
    )
    if wanted[coarse] > ANISOTROPIC * wanted[others].max() and ANISOTROPIC * size[coarse] < size[others].min():
        finer = max(float(np.percentile(spacings[:, coarse], 10)), float(wanted[others].max()))
        reason += f"; along {'xyz'[coarse]} the 10th percentile, {finer:.3g} instead of {wanted[coarse]:.3g} mm"
        wanted[coarse] = finer
    x, y, z = (float(f"{value:.3g}") for value in wanted)
    return (x, y, z), reason


def require_affordable(fingerprint: Fingerprint, spacing: Spacing) -> None:
    """Raise InputError where a spacing leaves most scans no voxels, or one scan more than a machine can hold."""
    edges = " x ".join(f"{edge:g}" for edge in spacing)
    for case in fingerprint.cases:
        size = np.multiply(case.shape, case.spacing) / spacing
        if size.prod() > MOST_VOXELS:
            raise InputError(
                f"at {edges} mm, {case.name} would have {size.prod():.2g} voxels, "
                f"more than the {MOST_VOXELS:.2g} that a scan may have; give a coarser --spacing"
            )
    if fingerprint.cases and min(median_size(fingerprint, spacing)) < 1:
        raise InputError(f"at {edges} mm, most scans would be thinner than a voxel; give a finer --spacing")


def _unlabeled(fingerprint: Fingerprint) -> tuple[int, str]:
    """Unlabeled patches a step: none where there is no unlabeled scan."""
    count = sum(not case.labeled for case in fingerprint.cases)
    if count == 0:
        return 0, "there is no unlabeled scan"
    return (
        UNLABELED_PER_STEP,
        f"{UNLABELED_PER_STEP} patches of the {plural(count, 'unlabeled scan')}, as many as labeled ones",
    )


def _readable(fingerprint: Fingerprint) -> Fingerprint:
    """Without the values that stood for labeled voxels: the window is decided, and they would fill the plan's file."""
    cases = [
        case.model_copy(update={"foreground": tuple(f.model_copy(update={"sample": ()}) for f in case.foreground)})
        for case in fingerprint.cases
    ]
    return fingerprint.model_copy(update={"cases": tuple(cases)})
