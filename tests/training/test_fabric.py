"""Libraries that train say nothing to users: what is said is said by us."""

from tests.fresh import printed


def test_lightning_says_nothing_of_precision():
    program = """
from semivox.core.plan import Plan
from semivox.training.fabric import fabric_of, single_process
from semivox.training.settings import TrainSettings
single_process("cpu", "bf16-mixed")
fabric_of(TrainSettings(device="cpu"), "bf16-mixed")
"""
    said = printed(f"import sys\nsys.stderr = sys.stdout\n{program}")
    assert "Precision" not in said
    assert said.strip() == ""
