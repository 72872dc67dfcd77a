"""Names of cases, classes and files that are markup, formulas, commands, paths, or no text at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests import corpus
from tests.hostile.kinds import CHECK, Words, hostile

NAMES = {
    "a newline": "a\nb",
    "a tab": "a\tb",
    "a bell": "a\x07b",
    "an escape": "a\x1b[2Jb",
    "a line separator": "a\u2028b",
    "right to left": "a\u202eb",
    "a zero-width space": "a\u200bb",
    "only a blank": " ",
    "a blank at its end": "a ",
    "a dash first": "-rf",
    "an option": "--out=x",
    "a dot first": ".hidden",
    "dots": "..",
    "a backslash": "a\\b",
    "a command": "$(touch evil)",
    "ticks": "`touch evil`",
    "a semicolon": "a;touch evil",
    "a pipe": "a|touch evil",
    "markup": "<img src=x onerror=alert(1)>",
    "a script's end": "<|script>alert(1)<|script>",
    "a formula": "=1+1",
    "an at sign": "@SUM(1)",
    "a quote": "a\"b'c",
    "a percent": "%s%n%d",
    "braces": "{0.__class__}",
    "jinja": "{{ 7*7 }}",
    "LaTeX": "\\input{x}_^#&$%",
    "255 bytes": "a" * 240,
    "an emoji": "🩻",
    "combining marks": "e\u0301" * 20,
    "a comma": "a,b",
    "a star": "*",
    "a reserved name": "CON",
    "a null word": "null",
    "a number": "1e5",
    "labeled": "labels",
}
TOO_MUCH = {
    "nothing": "",
    "a path": "../../evil",
    "an absolute path": "/etc/passwd",
    "a zero byte": "a\0b",
    "300 bytes": "a" * 300,
    "a surrogate": "a\udc80b",
    "a path within": "a/b",
}


def file_name(name: str, root: Path) -> Words:
    """A scan and its label of this name."""
    for part in ("images", "labels"):
        (root / "scans" / part / "a.nii.gz").rename(root / "scans" / part / f"{name.replace('/', '|')}.nii.gz")
    return CHECK


def in_table(name: str, root: Path) -> Words:
    """The case of a table."""
    text = name.replace('"', '""')
    content = f'case_id,image,label,split\n"{text}",images/a.nii.gz,labels/a.nii.gz,train\n'
    (root / "scans" / "cases.csv").write_bytes(content.encode("utf-8", "surrogateescape"))
    return CHECK


def as_class(name: str, root: Path) -> Words:
    """A class of the description."""
    corpus.describe(root / "scans", {"channel_names": {"0": "MR"}, "labels": {"background": 0, name: 1, "two": 2}})
    return CHECK


def in_split(name: str, root: Path) -> Words:
    """A case of a split, which nobody has."""
    (root / "split.json").write_text(json.dumps({"labeled": [f"x{name}"], "unlabeled": ["u"]}))
    return ("check", "scans", "--split", "split.json", "--workers", "0")


def as_out(name: str, root: Path) -> Words:
    """The folder of results; nothing is written before scans are found unfit."""
    (root / "scans" / "images" / "a.nii.gz").write_bytes(b"")
    return ("prepare", "scans", "-o", name or ".", "--plan", "plan.json", "--workers", "0")


def as_data(name: str, root: Path) -> Words:
    """The folder of scans."""
    return ("check", name, "--workers", "0")


def as_image(name: str, root: Path) -> Words:
    """The image that a table names."""
    text = name.replace('"', '""')
    (root / "scans" / "cases.csv").write_bytes(
        f'case_id,image,label\na,"{text}",labels/a.nii.gz\n'.encode("utf-8", "surrogateescape")
    )
    return CHECK


ROLES: dict[str, tuple[Callable[[str, Path], Words], bool, tuple[str, ...]]] = {
    "file": (file_name, True, ("scans",)),
    "case of a table": (in_table, True, ("scans",)),
    "class": (as_class, True, ("scans",)),
    "case of a split": (in_split, False, ("scans",)),
    "output": (as_out, False, ("scans", "plan.json")),
    "data": (as_data, False, ("scans",)),
    "image of a table": (as_image, False, ("scans",)),
}
for _role, (_make, _may, _needs) in ROLES.items():
    for _name, _text in NAMES.items():
        hostile("names", f"{_role}: {_name}", partial(_make, _text), *_needs, may_pass=_may)
for _role in ("case of a table", "class", "case of a split", "data", "image of a table"):
    _make, _may, _needs = ROLES[_role]
    for _name, _text in TOO_MUCH.items():
        if not (_role == "data" and _name == "a zero byte"):
            hostile("names", f"{_role}: {_name}", partial(_make, _text), *_needs, may_pass=_role == "class")


def bytes_name(root: Path) -> Words:
    """A name that is no text in UTF-8."""
    folder = os.fsencode(root / "scans" / "images")
    os.rename(folder + b"/u.nii.gz", folder + b"/u\xff\xfe.nii.gz")
    return CHECK


def twice(first: str, second: str, root: Path) -> Words:
    """Two scans whose names are one for some systems."""
    images = root / "scans" / "images"
    (images / "a.nii.gz").rename(images / f"{first}.nii.gz")
    corpus.save(images / f"{second}.nii.gz", corpus.gray(50))
    return CHECK


hostile("names", "file: bytes that are no text", bytes_name, may_pass=True)
hostile("names", "files: one name in two forms of Unicode", partial(twice, "\u00e9", "e\u0301"), may_pass=True)
hostile("names", "files: one name in capitals and not", partial(twice, "Aa", "aA"), may_pass=True)
hostile("names", "files: one name in two formats", lambda root: _formats(root))


def _formats(root: Path) -> Words:
    corpus.save(root / "scans" / "images" / "a.nii", corpus.gray(50))
    return CHECK
