"""Every network at the patches that real scans are cut into, and every method, says the same as an ONNX file."""

from __future__ import annotations

import pytest
import torch

from semivox.core.errors import SemivoxError
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.export.onnx_file import CLOSE, Averaged, write_onnx
from semivox.methods import METHODS, find
from semivox.networks.blueprint import ARCHITECTURES, Blueprint
from tests.contract.examples import configured
from tests.training import tiny

pytest.importorskip("onnx")

PATCH = (96, 96, 96)
"""Near what plans choose for CT and MR on a usual graphics card."""
FIXED = {"dkuxnet"}
"""Whose network fixes the batch, so that the file, which runs with no other batch, is refused."""


def plan_of(network):
    classes = tuple(ClassInfo(name=name, value=value) for value, name in enumerate(("background", "a", "b")))
    return Plan(
        dataset="none",
        classes=classes,
        channels=("CT",),
        spacing=(1.0, 1.0, 1.0),
        patch=PATCH,
        intensity=(Intensity(scheme="zscore"),),
        network=NetworkChoice(name=network, options={}),
        steps=1,
        fingerprint=Fingerprint(dataset="none", channels=("CT",), classes=classes, cases=()),
        reasons={},
    )


@pytest.mark.slow
@pytest.mark.parametrize("network", ARCHITECTURES)
def test_a_network_of_default_size_at_a_real_patch(tmp_path, network):
    torch.manual_seed(0)
    kind = find("supervised")
    method = kind(kind.Config(), Blueprint.of(plan_of(network))).eval()
    found = write_onnx(tmp_path / "model.onnx", Averaged([method]), 1, PATCH, {})
    assert found <= CLOSE
    assert (tmp_path / "model.onnx").stat().st_size > 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_exported_or_refused_in_a_sentence(tmp_path, method):
    torch.manual_seed(0)
    plan = tiny.plan()
    made = find(method)(configured(method), Blueprint.of(plan)).eval()
    target = tmp_path / "model.onnx"
    if method in FIXED:
        with pytest.raises(SemivoxError, match="was not kept"):
            write_onnx(target, Averaged([made]), 1, plan.patch, {})
        assert list(tmp_path.iterdir()) == []
        return
    assert write_onnx(target, Averaged([made]), 1, plan.patch, {}) <= CLOSE
