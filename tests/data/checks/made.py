"""Small data sets for the checks that compare scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semivox.data.checks.findings import CheckReport
from semivox.data.checks.run import check
from semivox.data.layouts.recognize import find
from tests import corpus

SIZE = corpus.SIZE


def ct(seed: int) -> np.ndarray:
    """Air, a body, and in it the two boxes of ``corpus.box``."""
    values = np.full((SIZE,) * 3, -1000.0)
    values[3:21, 3:21, 3:21] = 40
    values = np.where(corpus.box() == 1, 90, np.where(corpus.box() == 2, 300, values))
    return np.rint(values + np.random.default_rng(seed).normal(0, 10, values.shape)).astype(np.int16)


def ct_set(root: Path) -> None:
    """Three labeled, two unlabeled and one test scan, all in Hounsfield units."""
    corpus.good(root)
    for seed, place in enumerate(("images/a", "images/b", "images/c", "images/u", "test_images/t")):
        corpus.save(root / f"{place}.nii.gz", ct(seed))
    corpus.save(root / "images" / "v.nii.gz", ct(9))
    corpus.describe(root, {"channel_names": {"0": "CT"}, "labels": {"background": 0, "one": 1, "two": 2}})


def told(root: Path) -> set[tuple[str, str, str]]:
    """(case, level, code) of all findings; the case is empty for those on the whole set."""
    return told_by(check(find(root)))


def told_by(report: CheckReport) -> set[tuple[str, str, str]]:
    """The same of a report."""
    return {("", finding.level, finding.code) for finding in report.findings} | {
        (case.case, finding.level, finding.code) for case in report.cases for finding in case.findings
    }
