"""Classes that a run loses: which they are, since when, and what to do, by what is measured of them.

Looks (``training.probe``) judge classes from a third of a run on. What they find is read back from warnings.jsonl, so
that a resumed run knows it; nothing here is random, and a run that loses no class is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from semivox.core.errors import SemivoxError
from semivox.core.plurals import plural
from semivox.training.health import RETURNED, STOPPED, VANISHED, HealthWarning
from semivox.training.probe import Seen

SPOKEN = 3
"""Classes of one look that are told on the terminal; all stand in warnings.jsonl and in the report."""
Advise = Callable[[Sequence[int], int], Sequence[str]]
"""Classes, by index, and the steps that are done -> what is known of each, and what to do."""


class LostClass(SemivoxError):
    """A class was found nowhere at two looks in a row, and the settings ask to stop then."""


class LostClasses:
    """Follows what each look found, and tells it once."""

    def __init__(
        self, names: Sequence[str], asked: Literal["tell", "stop"], advise: Advise, warned: Iterable[Mapping[str, Any]]
    ) -> None:
        """``names``: of all classes; ``asked``: ``train.lost_classes``; ``warned``: rows of warnings.jsonl."""
        self.names, self.asked, self.advise = names, asked, advise
        self.since: dict[str, int] = {}
        """Class that is lost now -> step of the look at which it was first found nowhere."""
        self.stopped = ""
        """Why the run was stopped before; empty if it was not."""
        for row in warned:
            self._remember(row.get("code"), row.get("about", ""), row["step"], row["text"])

    def see(self, step: int, seen: Seen) -> list[HealthWarning]:
        """What the look after this step gives reason to say: classes that vanished, and that are back."""
        names = self.names
        found = [
            HealthWarning(
                step, RETURNED, f"{name} is drawn again: it was found nowhere from step {begin} to {step}", name
            )
            for name, begin in self.since.items()
            if any(names[index] == name for index in seen.drawn)
        ]
        new = [index for index in sorted(seen.lost) if names[index] not in self.since]
        for index, advice in zip(new, self.advise(new, step + 1), strict=True):
            found.append(HealthWarning(step, VANISHED, f"{names[index]} has vanished: {advice}", names[index]))
        twice = [names[index] for index in sorted(seen.lost) if names[index] in self.since]
        if twice and self.asked == "stop" and not self.stopped:
            found.append(HealthWarning(step, STOPPED, self._why(step, twice)))
        for warning in found:
            self._remember(warning.code, warning.about, warning.step, warning.text)
        return found

    @property
    def reason_to_stop(self) -> str:
        """Why the run must stop, if the settings ask for it: again on each resume, until they no longer do."""
        return self.stopped if self.asked == "stop" else ""

    def _why(self, step: int, names: Sequence[str]) -> str:
        some = ", ".join(names[:SPOKEN]) + (f" and {len(names) - SPOKEN} more" if len(names) > SPOKEN else "")
        return (
            f"stopped and saved at step {step + 1}, as train.lost_classes=stop asks: {some} found nowhere at two looks "
            "in a row, not even where a training label shows it. What to change stands in the run's warnings.jsonl; "
            "--set train.lost_classes=tell resumes the run"
        )

    def _remember(self, code: object, name: str, step: int, text: str) -> None:
        if code == VANISHED:
            self.since.setdefault(name, step)
        elif code == RETURNED:
            self.since.pop(name, None)
        elif code == STOPPED:
            self.stopped = text


def spoken(warnings: Sequence[HealthWarning]) -> Iterable[str]:
    """What a terminal is told of the warnings of one look: of many classes only the first ones, and their number."""
    for code in (RETURNED, VANISHED):
        texts = [warning.text for warning in warnings if warning.code == code]
        yield from texts[:SPOKEN]
        if more := texts[SPOKEN:]:
            yield f"the same of {plural(len(more), 'further class', 'further classes')} (warnings.jsonl names them)"
