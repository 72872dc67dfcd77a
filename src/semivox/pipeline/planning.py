"""From checked scans and the user's choices to a plan."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from semivox.core.plan import Plan
from semivox.core.processes.cores import usable_cores
from semivox.core.split import Split
from semivox.data.checks.findings import CheckReport
from semivox.data.dataset import Dataset
from semivox.data.planning.fingerprint import fingerprint
from semivox.data.planning.options import Machine, PlanOptions
from semivox.data.planning.plan import plan
from semivox.pipeline.options import with_fields


@dataclass(frozen=True)
class CheckedDataset:
    """A data set that has been looked at."""

    dataset: Dataset
    split: Split
    report: CheckReport


def planned(inspected: CheckedDataset, options: PlanOptions, device: str = "auto") -> Plan:
    """The planner's plan for these options on this machine, then the user's own fields. Raises InputError."""
    facts = [case.facts for case in inspected.report.cases if case.facts is not None]
    found = fingerprint(inspected.dataset, inspected.split, facts)
    cores = usable_cores()
    place = "cuda" if device == "cuda" or (device == "auto" and torch.cuda.is_available()) else "cpu"
    machine = Machine(cores=cores, device="cuda" if place == "cuda" else "cpu")
    return with_fields(plan(found, options, machine), options.fields)
