"""The left-atrium benchmark as distributed: ``NAME/mri_norm2.h5`` for each scan, ``train.list`` and ``test.list``.

The lists name a scan a line. Their order is kept: the first 4, 8 or 16 scans of ``train.list`` are the labeled ones of
the published tables. They stand beside the scans' folders, or in the folder above, as in github.com/yulequan/UA-MT.
"""

from __future__ import annotations

from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo
from semivox.core.plurals import plural
from semivox.core.reading import lines_of, text_of
from semivox.data.dataset import CaseFiles, Dataset, some
from semivox.data.formats.hdf5 import NAME
from semivox.data.layouts.names import distinct
from semivox.data.remarks import Remark

LISTS = {"train.list": "training", "test.list": "test"}
"""File -> what its scans are for. ``test.list`` may be missing."""
CHANNELS = ("LGE-MRI",)
CLASSES = (ClassInfo(name="background", value=0), ClassInfo(name="left atrium", value=1))


def matches(root: Path) -> bool:
    """Whether there are folders with such files, here or in the only folder that has some; or a list of them."""
    return _folder(root) is not None


def find(root: Path) -> Dataset:
    """List the cases; of a list that is given itself, those it names. Raises InputError for lists that are no good."""
    folder = _folder(root)
    assert folder is not None
    lists = {root.name: "training"} if root.is_file() else LISTS
    home = root.parent if root.is_file() else _home(root, folder)
    named = {file: _names(home / file) for file in lists if (home / file).is_file()}
    order = [name for names in named.values() for name in names]
    if twice := sorted({name for name in order if order.count(name) > 1}):
        holding = " and ".join(file for file, names in named.items() if twice[0] in names)
        raise InputError(f"{home}: {twice[0]!r} stands twice in {holding}; remove one of the lines")
    entries = [
        CaseFiles(name, (folder / name / NAME,), folder / name / NAME, lists[file])
        for file, names in named.items()
        for name in names
    ]
    return Dataset(
        root,
        "left-atrium benchmark",
        distinct(entries),
        CHANNELS,
        CLASSES,
        remarks=() if root.is_file() else _unlisted(folder, set(order)),
        order=tuple(order),
    )


def _folder(root: Path) -> Path | None:
    """The folder that holds the scans' folders; None where there is none, or more than one."""
    if root.is_file():
        return _folder(root.parent) if root.suffix == ".list" else None
    if not root.is_dir():
        return None
    if _holds(root):
        return root
    inside = [path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    found = [path for path in inside if _holds(path)]
    return found[0] if len(found) == 1 else None


def _holds(folder: Path) -> bool:
    return any(True for _ in folder.glob(f"*/{NAME}"))


def _home(root: Path, folder: Path) -> Path:
    """Where the lists are. Raises InputError where there are none."""
    places = tuple(dict.fromkeys((folder, root, folder.parent)))
    found = [place for place in places if (place / "train.list").is_file()]
    if not found:
        raise InputError(
            f"{folder} holds scans of the left-atrium benchmark ({NAME}), but no train.list stands beside them or in "
            "the folder above; put train.list and test.list there, as released in github.com/yulequan/UA-MT (data)"
        )
    return found[0]


def _names(file: Path) -> tuple[str, ...]:
    """The scans that a list names. Raises InputError for one that is no text, or empty."""
    try:
        lines = lines_of(text_of(file))
    except InputError as error:
        raise InputError(f"{error}; it must be a text file with a scan's name a line") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not names:
        raise InputError(f"{file} names no scan; it must hold a scan's name a line")
    return names


def _unlisted(folder: Path, listed: set[str]) -> tuple[Remark, ...]:
    """A note of scans that no list names."""
    others = [path.parent.name for path in sorted(folder.glob(f"*/{NAME}")) if path.parent.name not in listed]
    if not others:
        return ()
    text = f"{plural(len(others), 'scan is', 'scans are')} in no list and not used: {some(others)}"
    return (Remark("not_listed", text, "To train on them too, add their names to train.list.", "note"),)
