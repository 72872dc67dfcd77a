"""Published numbers beside ours, with what keeps them from being compared.

``docs/reference/published.csv`` holds a number a row, with its source and protocol. Numbers of different protocols
differ by more than most methods do, so each is shown with the protocol it belongs to, and never enters a test.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from semivox.core.errors import InputError
from semivox.core.explanations import explain
from semivox.core.frozen import Frozen
from semivox.core.reading import lines_of
from semivox.evaluation.metrics import METRICS
from semivox.experiments.arms import TWIN
from semivox.experiments.groups import Group
from semivox.experiments.protocols import PROTOCOLS
from semivox.experiments.results import Results
from semivox.reports.page import TextTable
from semivox.reports.provenance import provenance
from semivox.reports.recipe_differences import differences, recipe_of

NAME = "published.csv"
IN_VOXELS = 2
"""Digits of distances in voxels."""
LARGEST = "largest component"
"""Variant of published numbers of which other components than the largest were taken away."""


class Published(Frozen):
    """One published number."""

    protocol: str
    source: str
    table: str
    method: str
    """As we name it; methods that we do not have keep their own name."""
    variant: str
    """Empty for the method itself, else our ablation's name, or the table's words."""
    labeled: int = Field(ge=1)
    score: Literal["dice", "jaccard", "hd95_mm", "hd95_voxels", "asd_voxels"]
    value: float = Field(ge=0)
    """Dice and Jaccard from 0 to 1."""
    evidence: Literal["read", "second-hand", "doubtful"]
    """``read`` in its source; ``second-hand`` from a later paper's table; ``doubtful`` as printed, likely wrong."""
    note: str


def load_published(path: Path | None = None) -> tuple[Published, ...]:
    """All published numbers; of the package, or of a file of the same form. Raises InputError naming the line."""
    text = path.read_text(encoding="utf-8") if path else _text()
    rows = []
    for line, cells in enumerate(csv.DictReader(lines_of(text)), start=2):
        try:
            rows.append(Published.model_validate(cells))
        except ValidationError as error:
            raise InputError(f"{path or NAME}, line {line}, is not a published number:\n{explain(error)}") from error
        if rows[-1].protocol not in PROTOCOLS:
            there = ", ".join(PROTOCOLS)
            raise InputError(f"{path or NAME}, line {line}: unknown protocol {rows[-1].protocol!r}; there are {there}")
    return tuple(rows)


def of_protocol(protocol: str, labeled: Sequence[int]) -> tuple[Published, ...]:
    """The numbers of one protocol at these counts of labeled cases. Raises InputError for an unknown protocol."""
    if protocol not in PROTOCOLS:
        raise InputError(f"there is no protocol {protocol!r}; published numbers are known of {', '.join(PROTOCOLS)}")
    return tuple(row for row in load_published() if row.protocol == protocol and row.labeled in labeled)


def incomparable(protocol: str, ours: Mapping[str, str], files: str, network: str | None = None) -> tuple[str, ...]:
    """Why published numbers of a protocol are not ours to compare with; empty where nothing of that differs.

    ``ours``: the provenance of a row; ``files``: the digest of our data set's files; ``network``: that of the method's
    recipe, where there is one; None: the protocol's.
    """
    theirs, reasons = PROTOCOLS[protocol], []
    network = network or theirs.network
    if ours["weights"] != theirs.weights:
        reasons.append(f"weights: theirs {theirs.weights}, ours {ours['weights']}")
    if ours["steps"] != theirs.steps:
        reasons.append(f"steps: theirs {theirs.steps}, ours {ours['steps']}")
    if ours["network"].split()[0] != network:
        reasons.append(f"network: theirs {network}, ours {ours['network'].split()[0]}")
    if ours["scored"] != str(theirs.scored):
        reasons.append(f"scored cases: theirs {theirs.scored}, ours {ours['scored']}")
    if not theirs.files or files != theirs.files:
        version = f", released files {theirs.files}" if theirs.files else ""
        trained = f"files {files}, {ours['spacing']} in training"
        reasons.append(f"data: theirs {theirs.data}{version}, ours {ours['dataset']} ({trained})")
    if len(ours["seeds"].split(", ")) > 1:
        reasons.append(f"seeds: theirs one, ours {ours['seeds']}")
    if ours["draws"] != "0":  # the first of the order
        reasons.append(f"labeled cases: theirs the first of the released list, ours draws {ours['draws']}")
    return tuple(reasons)


def _text() -> str:
    """The table as the wheel carries it, or as it stands in the repository."""
    packed = resources.files("semivox.reports").joinpath(NAME)
    if packed.is_file():
        return packed.read_text(encoding="utf-8")
    return (Path(__file__).parents[3] / "docs" / "reference" / NAME).read_text(encoding="utf-8")


def beside(protocol: str, results: Results) -> tuple[TextTable, ...]:
    """A table per labeled set: published numbers for as many labeled cases, and ours where there are any."""
    tables = []
    for labeled_set in results.labeled_sets:
        groups = results.of(labeled_set)
        rows = of_protocol(protocol, [groups[0].labeled])
        if not rows:
            continue
        scores = list(dict.fromkeys(row.score for row in rows))
        ours = {(group.arm.method, _variant(group, results)): group for group in reversed(groups) if _as_all(group)}
        lines = []
        for key in dict.fromkeys((row.source, row.table, row.method, row.variant) for row in rows):
            of_line = {row.score: row for row in rows if (row.source, row.table, row.method, row.variant) == key}
            first, group = next(iter(of_line.values())), ours.get((key[2], key[3]))
            cells = [cell for score in scores for cell in _pair(of_line.get(score), score, group)]
            name = f"{first.method}{f' ({first.variant})' if first.variant else ''}"
            table = f", table {first.table}" if first.table else ""
            lines.append(
                (name, *cells, f"{first.source}{table}{'' if first.evidence == 'read' else ', ' + first.evidence}")
            )
        heads = tuple(head for score in scores for head in (score.replace("_", " "), "ours"))
        apart = {
            group.arm.name: incomparable(
                protocol, provenance(group, results), results.record.files, _network(group, results, protocol)
            )
            for group in ours.values()
        }
        shared = [line for line in next(iter(apart.values()), ()) if all(line in lines for lines in apart.values())]
        remarks = dict.fromkeys(row.note for row in rows if row.note)
        tables.append(
            TextTable(
                caption=f"{labeled_set}: protocol {protocol}",
                heads=("Method", *heads, "Source"),
                rows=tuple(lines),
                notes=(
                    *(["Not to be compared number by number: " + "; ".join(shared) + "."] if shared else []),
                    *(_apart(group, results, protocol, apart[group.arm.name], shared) for group in ours.values()),
                    "Of all numbers of this protocol: " + "; ".join(PROTOCOLS[protocol].conditions) + ".",
                    *remarks,
                ),
            )
        )
    return tuple(tables)


def _apart(group: Group, results: Results, protocol: str, told: Sequence[str], shared: Sequence[str]) -> str:
    """All in which our runs of a method differ from what was published of it, but what is ``shared`` by all rows."""
    own, recipe = [line for line in told if line not in shared], recipe_of(group, results, protocol)
    if recipe is None:
        none = f"{group.arm.name}: there is no recipe of it for {protocol}; loss, optimizer and batch are ours"
        return "; ".join([none, *own]) + "."
    of_row = {"largest_component": True} if _variant(group, results) == LARGEST else {}
    own += differences(group, results, recipe, of_row)
    if own:
        return f"{group.arm.name} differs from its recipe {recipe.name}: {'; '.join(own)}."
    return f"{group.arm.name}: its recipe {recipe.name}, and nothing else{' but what is said above' if told else ''}."


def _network(group: Group, results: Results, protocol: str) -> str | None:
    recipe = recipe_of(group, results, protocol)
    return None if recipe is None else recipe.plan.get("network")


def _variant(group: Group, results: Results) -> str:
    """What the published tables call this variant of a method: its ablation, or what was done to its predictions."""
    if group.arm.ablation:
        return group.arm.ablation
    return LARGEST if results.record.study_file.predict.largest_component else ""


def _as_all(group: Group) -> bool:
    """Whether it is no further twin, which has the network of one method."""
    return group.arm.method != TWIN or group.arm.network is None


def _pair(row: Published | None, score: str, group: Group | None) -> tuple[str, str]:
    """The published number and ours, as text."""
    digits = METRICS[score].digits if score in METRICS else IN_VOXELS
    theirs = "" if row is None else f"{row.value:.{digits}f}"
    if group is None:
        return theirs, ""
    mean = group.in_voxels(score) if score.endswith("_voxels") else group.estimate(score).mean
    return theirs, "" if mean is None else f"{mean:.{digits}f}"
