"""Every network at the patches that real scans are cut into, and every method, says the same as an ONNX file."""

from __future__ import annotations

import pytest
import torch

from semivox.core.errors import SemivoxError
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


@pytest.mark.slow
@pytest.mark.parametrize("network", ARCHITECTURES)
def test_a_network_of_default_size_at_a_real_patch(tmp_path, network):
    torch.manual_seed(0)
    kind = find("supervised")
    method = kind(kind.Config(), Blueprint(ARCHITECTURES[network](), 1, 3)).eval()
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
