"""Paths as tables and lists give them: relative, from Windows, from the machine where the list was written."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from semivox.data.layouts.tags import composed
from semivox.data.remarks import Remark

DRIVE = re.compile(r"^[A-Za-z]:/")


class Paths:
    """Finds the files that a table or list names; what had to be guessed is noted in ``remarks``."""

    def __init__(self, base: Path, source: str) -> None:
        self.base, self.source = base, source
        self.elsewhere: list[tuple[str, Path]] = []
        self._names: dict[Path, dict[str, list[Path]]] = {}

    def find(self, text: str) -> Path:
        """The file that is meant: as given, else with Windows' separators, letters composed, or in another place."""
        plain = self.base / text.strip()
        if plain.exists():
            return plain
        posix = text.strip().replace("\\", "/")
        if (found := self._under(self.base, PurePosixPath(posix))) is not None:
            return found
        if posix.startswith("/") or DRIVE.match(posix):
            parts = PurePosixPath(DRIVE.sub("", posix)).parts
            for first in range(1 if parts[:1] == ("/",) else 0, len(parts) - 1):  # folder and name must agree
                if (found := self._under(self.base, PurePosixPath(*parts[first:]))) is not None:
                    self.elsewhere.append((text, found))
                    return found
        return self.base / posix

    def remarks(self) -> tuple[Remark, ...]:
        """One note where files were not where the list says."""
        if not self.elsewhere:
            return ()
        given, found = self.elsewhere[0]
        text = f"{self.source} names {given!r}, which is not here; {found} is used"
        text += f" ({len(self.elsewhere)} files so)" if len(self.elsewhere) > 1 else ""
        return (Remark("moved_files", text, "No action, if these are the same files.", "note"),)

    def _under(self, folder: Path, path: PurePosixPath) -> Path | None:
        """The file below the folder, however its accents and capitals are written."""
        if path.is_absolute():
            return None
        for part in path.parts:
            if part == ".." or (folder / part).exists():
                folder /= part
                continue
            named = self._listing(folder).get(composed(part).casefold(), [])
            if len(named) != 1:
                return None
            folder = named[0]
        return folder if folder.exists() else None

    def _listing(self, folder: Path) -> dict[str, list[Path]]:
        if folder not in self._names:
            names: dict[str, list[Path]] = {}
            for child in sorted(folder.iterdir()) if folder.is_dir() else []:
                names.setdefault(composed(child.name).casefold(), []).append(child)
            self._names[folder] = names
        return self._names[folder]
