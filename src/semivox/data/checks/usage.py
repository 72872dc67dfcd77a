"""What will happen with a data set, in few lines: who is trained on, which classes there are, what is mirrored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from semivox.core.frozen import Frozen
from semivox.core.plan import ClassInfo
from semivox.data.planning.sides import AXES, is_named


class DataSummary(Frozen):
    """What a data set will be used for."""

    parts: Mapping[str, tuple[str, ...]]
    """``labeled``, ``unlabeled``, ``validation``, ``test`` -> names of cases."""
    patients: int
    """How many patients these cases are of, as far as names and tables tell."""
    channels: tuple[str, ...] | None
    """None: not named."""
    classes: tuple[ClassInfo, ...]
    """Without background; where no description names them, those that occur in labels of training scans."""
    declared: bool
    """Whether a description names the classes."""
    looked_for: Mapping[str, int] = {}
    """Class -> labeled scans in which it was looked for; empty where all were looked for in all."""
    ignore: int | None
    """The label value of voxels that are not used."""
    mirrored: tuple[bool, bool, bool]
    """Axes x, y, z along which training mirrors patches."""
    mirror_reason: str

    def lines(self) -> list[str]:
        """For people."""
        counts = [f"{len(names)} {part}" for part, names in self.parts.items() if names or part != "validation"]
        cases = sum(map(len, self.parts.values()))
        of = f" (of {self.patients} patients)" if self.patients < cases else ""
        lines = [f"Cases:    {', '.join(counts)}{of}."]
        lines += [f"  {part + ':':<11} {_first(names)}" for part, names in self.parts.items() if names]
        lines.append(f"Classes:  {self._classes()}.")
        if self.looked_for:
            sought = ", ".join(f"{name} in {count}" for name, count in self.looked_for.items())
            lines.append(
                f"Looked for: {_cut(sought)} of {len(self.parts['labeled'])} labeled scans; not background elsewhere."
            )
        if self.channels:
            lines.append(f"Channels: {', '.join(self.channels)}.")
        return [*lines, f"Mirrored: {self._mirroring()}"] if self.classes else lines

    def _classes(self) -> str:
        if not self.classes and not self.declared:
            return "none yet, as no label shows one; dataset.json can name them"
        named = ", ".join(f"{item.value} {item.name}" if self.declared else str(item.value) for item in self.classes)
        ignored = "" if self.ignore is None else f"; {self.ignore} is not used"
        found = "" if self.declared else " (values found in the labels; dataset.json can name them)"
        return f"{_cut(named) or 'none'}{found}{ignored}"

    def _mirroring(self) -> str:
        on = [axis for axis, allowed in zip(AXES, self.mirrored, strict=True) if allowed]
        off = [axis for axis, allowed in zip(AXES, self.mirrored, strict=True) if not allowed]
        if not off:
            return "along all axes in training, as no class names a side."
        unnamed = any(not is_named(item) for item in self.classes)
        why = "classes without a name could be sides" if unnamed else "sides are classes"
        return f"{why}: no mirroring {', '.join(off)}{'; ' + ', '.join(on) + ' only' if on else ''}."


def _first(names: Sequence[str], width: int = 90) -> str:
    """As many names as fit into a line."""
    shown, length = list[str](), 0
    for name in names:
        length += len(name) + 2
        if shown and length > width:
            return f"{', '.join(shown)}, ... ({len(names)})"
        shown.append(name)
    return ", ".join(shown)


def _cut(text: str, width: int = 400) -> str:
    return text if len(text) <= width else text[:width].rsplit(",", 1)[0] + ", ..."
