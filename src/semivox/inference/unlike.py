"""Is a scan like those that a model was trained on? By voxel size, field of view and intensities, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from semivox.core.case import Volume
from semivox.core.plan import CaseFacts, ChannelFacts, Plan
from semivox.data.measurements import channel_facts

AXES = ("x", "y", "z")
ROOM = 1.25
"""Lengths and voxel sizes may be beyond those of the training scans by this factor."""
STEPS = 0.5
"""Intensities may lie beyond those of the training scans by this part of their range, or of their usual spread."""


def unlike(volume: Volume, plan: Plan) -> tuple[str, ...]:
    """In which ways a scan lies outside what the model has seen; a sentence each, none where it is like them."""
    cases = plan.fingerprint.cases
    return (*_lengths(volume, cases), *_intensities(channel_facts(volume), plan)) if cases else ()


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
                f"{_span(f'{low[axis]:.3g}', f'{high[axis]:.3g}')} mm"
            )


def _intensities(channels: Sequence[ChannelFacts], plan: Plan) -> Iterator[str]:
    for index, (own, intensity) in enumerate(zip(channels, plan.intensity, strict=False)):
        known = [case.channels[index] for case in plan.fingerprint.cases if index < len(case.channels)]
        if not known:
            continue
        relative = intensity.scheme in ("zscore", "range")  # each scan is brought to one scale: only the shape counts
        facts, of_cases = _facts(own, relative), [_facts(each, relative) for each in known]
        typical = 1.0 if relative else float(np.median([each.std for each in known]))
        for name, value in facts.items():
            values = np.array([each[name] for each in of_cases])
            room = STEPS * max(float(np.ptp(values)), typical)
            if not values.min() - room <= value <= values.max() + room:
                where = f" of {plan.channels[index]}" if len(plan.channels) > 1 else ""
                unit = " (in spreads from the mean)" if relative else ""
                yield (
                    f"its {name} intensity{where} is {value:.4g}{unit}, that of the training scans "
                    f"{_span(f'{values.min():.4g}', f'{values.max():.4g}')}"
                )
                break


def _span(low: str, high: str) -> str:
    """``1 to 2``, and ``1`` where both are that."""
    return low if low == high else f"{low} to {high}"


def _facts(channel: ChannelFacts, relative: bool) -> dict[str, float]:
    """What is compared of a channel, by what it is called."""
    ends = {"darkest (0.5 %)": channel.lower, "brightest (99.5 %)": channel.upper}
    if not relative:
        return {"mean": channel.mean, "spread of": channel.std, **ends}
    spread = channel.std or 1.0
    return {name: (value - channel.mean) / spread for name, value in ends.items()}
