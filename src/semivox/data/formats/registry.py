"""The formats there are. A format is a class in one file and one line in ``FORMATS``, or an installed entry point."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from semivox.core.errors import InputError
from semivox.data.formats.format import Format
from semivox.data.formats.scan import ScanError

FORMATS: dict[str, str] = {
    "nifti": "semivox.data.formats.nifti:Nifti",
    "nrrd": "semivox.data.formats.nrrd:Nrrd",
    "metaimage": "semivox.data.formats.metaimage:MetaImage",
    "dicom": "semivox.data.formats.dicom_format:Dicom",
    "hdf5": "semivox.data.formats.hdf5:Hdf5",
}
"""Name -> module and class. The modules import ITK and h5py only when a file is opened."""
GROUP = "semivox.formats"
"""The group of entry points by which other packages add formats."""
DEFAULT_RESULTS = ".nii.gz"
"""The ending of results of scans whose format has none of its own."""


@cache
def formats() -> tuple[Format, ...]:
    """Every format: ours first, then those of installed packages. Raises InputError for one that cannot be used."""
    found = [_load(name, place, "semivox") for name, place in FORMATS.items()]
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        package = point.dist.name if point.dist is not None else point.value
        added = _load(point.name, point.value, package)
        _require_new(added, package, found)
        found.append(added)
    return tuple(found)


@cache
def endings() -> tuple[str, ...]:
    """All endings of file names that are read, in the order of the formats."""
    return tuple(ending for one in formats() for ending in one.endings)


@cache
def written() -> tuple[str, ...]:
    """All endings of file names that are written."""
    return tuple(ending for one in formats() for ending in one.writes)


def suffix_of(path: Path) -> str:
    """The readable ending of a file name, the longest that fits, such as ``.nii.gz``; empty if there is none."""
    name = path.name.lower()
    return max((ending for ending in endings() if name.endswith(ending)), key=len, default="")


def find(path: Path) -> Format | None:
    """The format of a file or folder; None if no format knows it."""
    suffix = suffix_of(path)
    if suffix:
        return next(one for one in formats() if suffix in one.endings)
    return next((one for one in formats() if one.recognizes(path)), None)


def require(path: Path) -> Format:
    """The format of a file or folder. Raises ScanError if there is none."""
    found = find(path)
    if found is None:
        if not path.exists():
            raise ScanError("missing_file", f"{path} does not exist.", "Correct the path or restore the file.")
        raise ScanError("unreadable", f"{path} is not in a format that can be read.", f"Readable: {readable()}.")
    return found


def writer(path: Path) -> Format:
    """The format that writes files of this name. Raises InputError if none does."""
    suffix = suffix_of(path)
    for one in formats():
        if suffix in one.writes:
            return one
    raise InputError(f"cannot write {path}: the suffix must be one of {', '.join(written())}")


def results_ending(path: Path) -> str:
    """The ending of labels and maps that are made from a scan."""
    found = find(path)
    return DEFAULT_RESULTS if found is None else found.results


def readable() -> str:
    """What can be read, in words."""
    return f"{', '.join(endings())}, and folders of DICOM slices"


def _load(name: str, place: str, package: str) -> Format:
    """One object of the class at ``module:Class``. Raises InputError naming the package."""
    module, _, attribute = place.partition(":")
    try:
        kind = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"the format {name!r} of the package {package} cannot be loaded: {error}; repair or uninstall the package"
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, Format)):
        raise InputError(
            f"the format {name!r} of the package {package} is {place}, which is no subclass of Format; "
            "repair or uninstall the package"
        )
    return kind()


def _require_new(added: Format, package: str, found: Iterable[Format]) -> None:
    """No ending belongs to two formats: which of them reads a file would be chance. Raises InputError."""
    for other in found:
        if both := sorted(set(added.endings) & set(other.endings)):
            raise InputError(
                f"the format {added.name} of the package {package} claims the ending {both[0]}, which belongs to "
                f"{other.name}; uninstall the package"
            )
