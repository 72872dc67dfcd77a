"""Label descriptions of ITK-SNAP: a line a class with number, color and name."""

from __future__ import annotations

from collections.abc import Sequence

from semivox.data.formats.scan import Segment

HEAD = "################################################\n# ITK-SnAP Label Description File\n"


def description(segments: Sequence[Segment]) -> str:
    """The text of a description file, with the background as ITK-SNAP wants it."""
    lines = ['    0     0    0    0        0  0  0    "Clear Label"']
    for one in segments:
        red, green, blue = (round(255 * part) for part in one.color or (1.0, 0.0, 0.0))
        name = one.name.replace('"', "'").replace("\n", " ")
        lines.append(f'{one.value:5d} {red:5d} {green:4d} {blue:4d}        1  1  1    "{name}"')
    return HEAD + "################################################\n" + "\n".join(lines) + "\n"
