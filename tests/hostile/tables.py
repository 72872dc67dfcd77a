"""Tables of cases, descriptions and lists of data sets, as spreadsheets and scripts of others write them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from tests import corpus
from tests.hostile.kinds import CHECK, Words, hostile

HEAD = "case_id,image,label,split\n"
A = "a,images/a.nii.gz,labels/a.nii.gz,train\n"
B = "b,images/b.nii.gz,labels/b.nii.gz,train\n"
C = "c,images/c.nii.gz,labels/c.nii.gz,train\n"
TABLES: dict[str, bytes] = {
    "a zero byte in a field": (HEAD + A.replace("train", "tr\0ain")).encode(),
    "a zero byte after each character": (HEAD + A + B).encode("utf-16-le"),
    "a field of 5 MB": (HEAD + A + f'b,images/b.nii.gz,"{"x" * 5_000_000}",train\n').encode(),
    "a quote that never ends": (HEAD + A + 'b,"images/b.nii.gz,labels/b.nii.gz,train\n' + C).encode(),
    "a hundred thousand columns": ",".join(f"image_{n}" for n in range(2, 100_000)).encode() + b"\n" + A.encode(),
    "columns that all are unnamed": b",,,\n" + A.encode(),
    "a header and nothing": HEAD.encode(),
    "a header twice": (HEAD + HEAD + A).encode(),
    "no header": (A + B).encode(),
    "two columns of labels": b"case_id,image,label,label\na,images/a.nii.gz,labels/a.nii.gz,labels/b.nii.gz\n",
    "an image twice": b"case_id,image,image\na,images/a.nii.gz,images/b.nii.gz\n",
    "a row with too many cells": (HEAD + A.replace("train", "train,x,y,z")).encode(),
    "a row with too few cells": (HEAD + A + "b\n").encode(),
    "semicolons and a decimal comma": (HEAD + A + B).replace(",", ";").encode() + b"c;1,5\n",
    "the image as its own label": (HEAD + A + "b,images/b.nii.gz,images/b.nii.gz,train\n").encode(),
    "labels that are another case's": (HEAD + A + "b,images/b.nii.gz,labels/gone.nii.gz,train\n").encode(),
    "words for what is missing": (HEAD + A + "b,images/b.nii.gz,NaN,train\n").encode(),
    "an image of no name": (HEAD + A + "b,,labels/b.nii.gz,train\n").encode(),
    "a folder for an image": (HEAD + A + "b,images,labels/b.nii.gz,train\n").encode(),
    "a table for an image": (HEAD + A + "b,cases.csv,labels/b.nii.gz,train\n").encode(),
    "an address for an image": (HEAD + A + "b,https://127.0.0.1:1/b.nii.gz,labels/b.nii.gz,train\n").encode(),
    "a home for an image": (HEAD + A + "b,~root/b.nii.gz,labels/b.nii.gz,train\n").encode(),
    "a variable for an image": (HEAD + A + "b,$HOME/b.nii.gz,labels/b.nii.gz,train\n").encode(),
    "a device for an image": (HEAD + A + "b,/dev/zero,labels/b.nii.gz,train\n").encode(),
    "the memory of the process for an image": (HEAD + A + "b,/proc/self/mem,labels/b.nii.gz,train\n").encode(),
    "a split of words": (HEAD + A.replace("train", "train;test")).encode(),
    "a group on two sides": (
        b"case_id,image,label,split,group\na,images/a.nii.gz,labels/a.nii.gz,train,1\n"
        b"t,test_images/t.nii.gz,test_labels/t.nii.gz,test, 1 \n"
    ),
    "one name in two forms of Unicode": (HEAD + A.replace("a,", "\u00e9,") + B.replace("b,", "e\u0301,")).encode(),
    "a byte that is no text": (HEAD + A).encode() + b"\xff\xfe,images/b.nii.gz,labels/b.nii.gz,train\n",
    "an image beyond the longest path": (HEAD + A + f"b,{'x/' * 3000}b.nii.gz,labels/b.nii.gz,train\n").encode(),
    "an image of a long name": (HEAD + A + f"b,{'x' * 3000}.nii.gz,labels/b.nii.gz,train\n").encode(),
    "parts that nobody trains on": (HEAD + A.replace("train", "test") + B.replace("train", "test")).encode(),
    "only unlabeled cases": b"case_id,image\na,images/a.nii.gz\nb,images/b.nii.gz\n",
    "two hundred thousand times one case": (HEAD + A * 200_000).encode(),
}
STILL_READ: dict[str, bytes] = {
    "one label for two cases": (HEAD + A + "b,images/b.nii.gz,labels/a.nii.gz,train\n").encode(),
    "an image of two cases": (HEAD + A + "b,images/a.nii.gz,labels/b.nii.gz,train\n").encode(),
    "a byte order mark": (HEAD + A + B).encode("utf-8-sig"),
    "UTF-16 with its mark": (HEAD + A + B).encode("utf-16"),
    "ends of lines of old Macs": (HEAD + A + B).replace("\n", "\r").encode(),
    "ends of lines of Windows and none at the end": (HEAD + A + B[:-1]).replace("\n", "\r\n").encode(),
    "empty rows and a column of nothing": (HEAD[:-1] + ",\n\n,,,,\n" + A[:-1] + ",\n\n").encode(),
    "blanks around all": (HEAD + A + B).replace(",", " , ").encode(),
    "capitals": (HEAD.upper() + A + B).encode(),
    "a formula as a remark": b"case_id,image,label,remark\na,images/a.nii.gz,labels/a.nii.gz,=cmd|'/c calc'!A1\n"
    b"b,images/b.nii.gz,labels/b.nii.gz,<script>\n",
    "a column of patients with numbers of floats": b"case_id,image,label,group\na,images/a.nii.gz,labels/a.nii.gz,1.0\n"
    b"b,images/b.nii.gz,labels/b.nii.gz,1\n",
    "dots within paths": (HEAD + A + "b,./images/../images/b.nii.gz,labels/b.nii.gz,train\n").encode(),
    "semicolons": (HEAD + A + B).replace(",", ";").encode(),
    "tabs": (HEAD + A + B).replace(",", "\t").encode(),
}


def table(content: bytes, root: Path) -> Words:
    (root / "scans" / "cases.csv").write_bytes(content)
    return ("check", "scans/cases.csv", "--workers", "0")


for _table, _may in ((TABLES, False), (STILL_READ, True)):
    for _name, _content in _table.items():
        hostile("tables", f"table: {_name}", partial(table, _content), may_pass=_may)

LABELS = {"background": 0, "one": 1, "two": 2}
GOOD: dict[str, Any] = {"channel_names": {"0": "MR"}, "labels": LABELS}


def _text(**changed: Any) -> bytes:
    return json.dumps(GOOD | changed).encode()


DESCRIPTIONS: dict[str, bytes] = {
    "a class of NaN": b'{"labels": {"background": 0, "one": NaN}}',
    "a class of infinity": b'{"labels": {"background": 0, "one": Infinity}}',
    "a class of 1e400": b'{"labels": {"background": 0, "one": 1e400}}',
    "a class of 10**5000": b'{"labels": {"background": 0, "one": 1' + b"0" * 5000 + b"}}",
    "a class of a truth": _text(labels=LABELS | {"two": True}),
    "a class of a class": _text(labels=LABELS | {"two": {"two": 2}}),
    "a class of nothing": _text(labels=LABELS | {"two": None}),
    "a class twice": b'{"labels": {"background": 0, "one": 1, "one": 2}}',
    "a region of regions": _text(labels=LABELS | {"two": [[2]]}),
    "an empty region": _text(labels=LABELS | {"two": []}),
    "background that is 1": _text(labels={"background": 1, "one": 0, "two": 2}),
    "a hundred thousand classes": _text(labels={"background": 0} | {f"c{n}": n for n in range(1, 100_000)}),
    "a class of 70,000": _text(labels=LABELS | {"three": 70_000}),
    "a channel that is missing": _text(channel_names={"0": "MR", "2": "CT"}),
    "a channel of -1": _text(channel_names={"-1": "MR"}),
    "ten thousand channels": _text(channel_names={str(n): "MR" for n in range(10_000)}),
    "a list of lists": _text(training=[["images/a.nii.gz", "labels/a.nii.gz"]]),
    "an image of a list that is a number": _text(training=[{"image": 5, "label": "labels/a.nii.gz"}]),
    "an image of a list that is elsewhere": _text(training=[{"image": "../../../etc/passwd"}]),
    "an image of a list from the root": _text(training=[{"image": "/etc/passwd"}]),
    "an image of a list that is a device": _text(training=[{"image": "/dev/zero"}]),
    "an image of a list with a zero byte": _text(training=[{"image": "images/a\0.nii.gz"}]),
    "an image of a list that is a surrogate": b'{"training": [{"image": "images/\\ud800.nii.gz"}]}',
    "twenty thousand images that are not there": _text(
        training=[{"image": f"images/x{n}.nii.gz"} for n in range(20_000)]),
}  # fmt: skip
HARMLESS: dict[str, bytes] = {
    "lists that are none": _text(training="all"),
    "no channel": _text(channel_names={}),
    "a channel of a number": _text(channel_names={"0": 7}),
    "no background": _text(labels={"one": 1, "two": 2}),
    "a byte order mark": b"\xef\xbb\xbf" + _text(),
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "classes by words of numbers": _text(labels={"background": "0", "one": "1", "two": "2"}),
    "values before names": _text(labels={"0": "background", "1": "one", "2": "two"}),
    "a count that is wrong": _text(numTraining=10**9),
    "an ending that is a program": _text(file_ending=".exe"),
    "an ending that leads out": _text(file_ending="/../../x"),
    "a name of 5 MB": _text(name="x" * 5_000_000),
    "a name of markup": _text(name="<img src=x onerror=alert(1)>\u202e\x1b[2J", description=["=1+1"]),
    "a reader of a package": _text(overwrite_image_reader_writer="os.system"),
    "a license of numbers": _text(licence=5, reference={"a": [1]}, release=None),
    "a float that is whole": _text(labels={"background": 0.0, "one": 1.0, "two": 2.0}),
}


def described(content: bytes, root: Path) -> Words:
    (root / "scans" / "dataset.json").write_bytes(content)
    return CHECK


for _table, _may in ((DESCRIPTIONS, False), (HARMLESS, True)):
    for _name, _content in _table.items():
        hostile("tables", f"description: {_name}", partial(described, _content), may_pass=_may)


def _participants(content: bytes, root: Path) -> Words:
    """A data set in BIDS with its table of people."""
    bids = root / "bids"
    for number, case in enumerate("abc", 1):
        (bids / f"sub-{number:02d}" / "anat").mkdir(parents=True)
        (bids / "derivatives" / "manual" / f"sub-{number:02d}" / "anat").mkdir(parents=True)
        corpus.save(bids / f"sub-{number:02d}" / "anat" / f"sub-{number:02d}_T1w.nii.gz", corpus.gray(number))
        corpus.save(bids / "derivatives" / "manual" / f"sub-{number:02d}" / "anat" / f"sub-{number:02d}_dseg.nii.gz",
                    corpus.box())  # fmt: skip
        assert case
    (bids / "dataset_description.json").write_bytes(content)
    (bids / "participants.tsv").write_bytes(content)
    return ("check", "bids", "--workers", "0")


for _name, _content in {
    "nothing": b"", "noise": bytes(range(256)) * 9, "zeros": bytes(5000), "deep lists": b"[" * 200_000,
    "a line of 5 MB": b"participant_id\tage\nsub-01\t" + b"9" * 5_000_000,
}.items():  # fmt: skip
    hostile("tables", f"BIDS: descriptions of {_name}", partial(_participants, _content), may_pass=True)
