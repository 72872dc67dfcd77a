"""From checked scans and the user's choices to a plan."""

from __future__ import annotations

from semivox.core.plan import Plan
from semivox.core.processes.cores import usable_cores
from semivox.data.planning.fingerprint import fingerprint
from semivox.data.planning.options import Machine, PlanOptions
from semivox.data.planning.plan import plan
from semivox.pipeline.checked import CheckedDataset
from semivox.pipeline.options import with_fields
from semivox.training.device import device_here


def planned(checked: CheckedDataset, options: PlanOptions, device: str = "auto") -> Plan:
    """The planner's plan for these options on this machine, then the user's own fields. Raises InputError."""
    facts = [case.facts for case in checked.report.cases if case.facts is not None]
    found = fingerprint(checked.dataset, checked.split, facts)
    cores = usable_cores()
    machine = Machine(cores=cores, device="cuda" if device_here(device) == "cuda" else "cpu")
    return with_fields(plan(found, options, machine), options.fields)
