"""What of each reference can be scored, as its data set says: what nobody looked for is unlabeled there, not absent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semivox.core.plurals import plural
from semivox.data.dataset import some
from semivox.data.layouts.described import described
from semivox.evaluation.pairs import Pair


@dataclass(frozen=True)
class Sought:
    """What can be scored."""

    ignore: int | None
    """Label value of voxels that are not scored."""
    values: Mapping[str, Collection[int]]
    """Case -> the values that were looked for in its reference, where these are not all."""
    sentences: tuple[str, ...]
    """What of it nobody has asked for, and must be told."""


def sought_of(reference: Path, pairs: Sequence[Pair], ignore: int | None) -> Sought:
    """What the data set of the references says of them. ``ignore``: what was asked for, which wins over it.

    Raises InputError for a data set that says it wrongly.
    """
    said, sentences = described(reference), []
    values = {}
    for pair in pairs:
        if (known := said.values_in(pair.reference)) is not None:
            values[pair.case] = known
    if values:
        sentences.append(
            f"In {len(values)} of {plural(len(pairs), 'reference')} only some classes were looked for "
            f"({some(values, 3)}); the others are not scored there."
        )
    if ignore is None and said.ignore is not None:
        ignore = said.ignore
        sentences.append(f"Voxels with the value {ignore} are not scored: the data set says that it is to be ignored.")
    return Sought(ignore, values, tuple(sentences))
