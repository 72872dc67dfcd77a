"""Which files of a folder of results are labels, and which are maps: the records beside them tell."""

from __future__ import annotations

from pathlib import Path

from semivox.core.errors import InputError
from semivox.data.formats.volume import stem
from semivox.data.origins import FOLDER, Origin


def map_files(folder: Path) -> list[str]:
    """Names of the maps in a folder that ``predict`` wrote; none where it has no records."""
    found: list[str] = []
    for record in sorted((folder / FOLDER).glob("*.json")):
        try:
            made = Origin.load(record).files
        except InputError:  # another kind of record, or a damaged one
            continue
        found += [name for name in made if stem(Path(name)) != record.stem]
    return found
