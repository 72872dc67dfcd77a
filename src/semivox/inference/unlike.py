"""Is a scan like those that a model was trained on? By voxel size, field of view and intensities, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from semivox.core.case import Volume
from semivox.core.plan import CaseFacts, ChannelFacts, Fingerprint
from semivox.data.measurements import channel_facts

AXES = ("x", "y", "z")
ROOM = 1.25
"""Lengths and voxel sizes may be beyond those of the training scans by this factor."""
STEPS = 0.5
"""Intensities may lie beyond those of the training scans by this part of their range, or of their usual spread."""
SHOWN = {"mean": "mean", "std": "spread", "lower": "darkest (0.5 %)", "upper": "brightest (99.5 %)"}
"""Fact of a channel -> what it is called."""


def unlike(volume: Volume, trained_on: Fingerprint) -> tuple[str, ...]:
    """In which ways a scan lies outside what the model has seen; a sentence each, none where it is like them."""
    if not trained_on.cases:
        return ()
    return (*_lengths(volume, trained_on.cases), *_intensities(channel_facts(volume), trained_on))


def _lengths(volume: Volume, cases: Sequence[CaseFacts]) -> Iterator[str]:
    spacings = np.array([case.spacing for case in cases])
    fields = spacings * np.array([case.shape for case in cases])
    own = np.array(volume.spacing) * np.array(volume.shape)
    for what, value, known in (("voxels are", np.array(volume.spacing), spacings), ("field of view is", own, fields)):
        low, high = known.min(0), known.max(0)
        wrong = [axis for axis in range(3) if not low[axis] / ROOM <= value[axis] <= high[axis] * ROOM]
        if wrong:
            axis = wrong[0]
            yield (
                f"its {what} {value[axis]:.3g} mm along {AXES[axis]}, those of the training scans "
                f"{low[axis]:.3g} to {high[axis]:.3g} mm"
            )


def _intensities(channels: Sequence[ChannelFacts], trained_on: Fingerprint) -> Iterator[str]:
    for index, own in enumerate(channels):
        known = [case.channels[index] for case in trained_on.cases if index < len(case.channels)]
        if not known:
            continue
        typical = float(np.median([facts.std for facts in known]))
        for name, called in SHOWN.items():
            values = np.array([getattr(facts, name) for facts in known])
            room = STEPS * max(float(np.ptp(values)), typical)
            value = float(getattr(own, name))
            if not values.min() - room <= value <= values.max() + room:
                where = f" of {trained_on.channels[index]}" if len(trained_on.channels) > 1 else ""
                yield (
                    f"its {called} intensity{where} is {value:.4g}, that of the training scans {values.min():.4g} to "
                    f"{values.max():.4g}"
                )
                break
