"""Is what is called CT in Hounsfield units at all? A name copied from an example gives all scans one window."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from semivox.core.plan import CaseFacts, ChannelFacts
from semivox.data.checks.findings import Finding
from semivox.data.planning.intensity import CT_NAMES, words_of


def not_hounsfield(channels: Sequence[str] | None, cases: Sequence[CaseFacts]) -> list[Finding]:
    """A warning for each channel whose name says CT and of which most scans hold nothing below 0.

    ``cases``: training scans. CT shows air near -1000 Hounsfield units, fat near -100; MR holds neither.
    """
    found = []
    for index, name in enumerate(channels or ()):
        measured = [case.channels[index] for case in cases if len(case.channels) > index]
        if not in_doubt(name, measured):
            continue
        low, high = median(one.minimum for one in measured), median(one.maximum for one in measured)
        text = (
            f"channel {name!r} is named as CT, and most scans hold nothing below 0 (typically {low:g} to {high:g}): in "
            "Hounsfield units air is near -1000, fat near -100"
        )
        fix = (
            'If the scans are no CT, give the channel another name in dataset.json, such as {"channel_names": {"0": '
            '"MR"}}: each scan is then standardized on its own, instead of all by one window. If they are, export them '
            "in Hounsfield units."
        )
        found.append(Finding.of("warning", "not_hounsfield", text, fix))
    return found


def in_doubt(name: str, measured: Sequence[ChannelFacts]) -> bool:
    """Whether a channel is named as CT, and most of its scans hold nothing below 0."""
    return bool(words_of(name) & CT_NAMES and measured and median(one.minimum for one in measured) >= 0)
