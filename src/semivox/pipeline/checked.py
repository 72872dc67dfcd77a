"""A data set that has been looked at: what stands between the checks and the plan."""

from __future__ import annotations

from dataclasses import dataclass

from semivox.core.split import Split
from semivox.data.checks.findings import CheckReport
from semivox.data.dataset import Dataset


@dataclass(frozen=True)
class CheckedDataset:
    """A data set that has been looked at."""

    dataset: Dataset
    split: Split
    report: CheckReport
