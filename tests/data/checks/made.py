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


def organs(seed: int) -> np.ndarray:
    """A label of two organs, of somewhat different places and sizes: 1 lies lower and is larger than 2."""
    random = np.random.default_rng([5, seed])
    label = np.zeros((SIZE,) * 3, np.uint8)
    for value, (x, y, z), half in ((1, (7, 9, 7), 4), (2, (9, 16, 16), 3)):
        first = np.array([x, y, z]) + random.integers(-1, 2, 3) - half
        label[tuple(slice(start, start + 2 * half) for start in first)] = value
    return label


def shown(label: np.ndarray, seed: int) -> np.ndarray:
    """A scan that shows a label's organs: 1 dark, 2 bright, in noise."""
    noise = np.random.default_rng([6, seed]).normal(0, 8, label.shape)
    return np.rint(np.array([100, 60, 180])[label] + noise).astype(np.int16)


def organ_set(root: Path, count: int = 6) -> None:
    """So many labeled scans of two organs, two unlabeled ones and one for test."""
    for seed in range(count):
        corpus.save(root / "images" / f"l{seed}.nii.gz", shown(organs(seed), seed))
        corpus.save(root / "labels" / f"l{seed}.nii.gz", organs(seed))
    for seed in (20, 21):
        corpus.save(root / "images" / f"u{seed}.nii.gz", shown(organs(seed), seed))
    corpus.save(root / "test_images" / "t.nii.gz", shown(organs(30), 30))
    corpus.save(root / "test_labels" / "t.nii.gz", organs(30))
    corpus.describe(root, {"channel_names": {"0": "MR"}, "labels": {"background": 0, "one": 1, "two": 2}})
