"""The contract that ships holds for our methods, and names what is wrong with a bad one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.data import phantom
from semivox.methods import METHODS, find
from semivox.methods.method import Losses
from semivox.methods.supervised import Supervised
from semivox.testing import LAWS, check_method
from tests.bad_methods import (
    BatchNeighbors,
    FieldWithoutEffect,
    Forgetful,
    Good,
    IdleParameter,
    Infinite,
    NotNormalized,
    Still,
    TrainedTeacher,
    Unseeded,
)

ROOT = Path(__file__).parents[1]
FIELDS = "every_field_changes_something"
"""Tested for our methods in tests/contract, where each field's company is known."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "dkuxnet")) for name in sorted(METHODS)]
)
def test_our_methods_satisfy_the_contract_that_ships(name):
    check_method(find(name), skip=[FIELDS])


def test_a_good_method_passes_every_law():
    check_method(Good)


@pytest.mark.parametrize(
    ("kind", "law", "said"),
    [
        (TrainedTeacher, "parameters_are_trained_or_follow", "teacher can be trained"),
        (IdleParameter, "parameters_are_trained_or_follow", "nobody trains forgotten"),
        (Infinite, "any_batch_gives_finite_losses", "is nan"),
        (Still, "training_moves_the_network", "stood still"),
        (Unseeded, "the_same_seed_gives_the_same_bits", "differ"),
        (Forgetful, "a_resumed_run_ends_with_the_same_bits", "register_buffer"),
        (NotNormalized, "predictions_are_probabilities", "do not sum to 1"),
        (BatchNeighbors, "predictions_are_probabilities", "neighbors"),
        (FieldWithoutEffect, FIELDS, "'idle' changes nothing"),
    ],
)
def test_what_is_wrong_with_a_method_is_named(kind, law, said):
    with pytest.raises(AssertionError, match=rf"{kind.__name__}, {law}: .*{said}"):
        check_method(kind)


def test_a_method_that_ignores_unlabeled_patches_must_say_so():
    class Ignores(Supervised):
        uses_unlabeled = True

        def step(self, batch: Batch, progress: Progress) -> Iterator[Losses]:
            logits = self.network(batch.image[: len(batch.label)]).logits
            yield Losses({"supervised": torch.nn.functional.cross_entropy(logits, batch.label)})

    with pytest.raises(AssertionError, match="unlabeled patches change nothing"):
        check_method(Ignores, skip=["the_module_cites_its_paper"])


def test_a_law_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="there is no law 'all'"):
        check_method(Good, skip=["all"])
    assert len({law.__name__ for law in LAWS}) == len(LAWS)


def test_the_method_of_the_page_passes_and_is_known_by_its_entry_point(tmp_path):
    """The page's method, in a package outside, is checked and trained through the command line."""
    page = (ROOT / "docs" / "how-to" / "add-a-method.md").read_text(encoding="utf-8")
    method, check = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[:2]
    entry = re.search(r"```toml\n(.*?)```", page, re.DOTALL).group(1)
    package = tmp_path / "site" / "my_package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "agreement.py").write_text(method, encoding="utf-8")
    metadata = tmp_path / "site" / "my_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        entry.replace('[project.entry-points."semivox.methods"]', "[semivox.methods]").replace('"', "")
    )
    path = os.pathsep.join([str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}

    def done(*command):
        ended = subprocess.run(
            [sys.executable, *map(str, command)], env=environment, capture_output=True, encoding="utf-8", check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended

    done("-c", f"from my_package.agreement import Agreement\n{check}")
    assert "agreement" in done("-m", "semivox", "methods").stdout
    phantom.write(tmp_path / "scans", 1, 1, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    sets = [
        word
        for item in ("plan.spacing=8,8,8", "plan.patch=16,16,8", "plan.precision=32-true")
        for word in ("--set", item)
    ]
    command = [
        "train",
        tmp_path / "scans",
        "-o",
        tmp_path / "run",
        "--method",
        "agreement",
        "--steps",
        "2",
        "--workers",
        "0",
    ]
    done("-m", "semivox", *command, *sets)
    assert (tmp_path / "run" / "done").exists()
