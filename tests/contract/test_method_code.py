"""How the files of methods are written."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator

import pytest

from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods import find
from semivox.methods.method import Losses
from tests.contract.examples import (
    build,
    odd_batch,
    odd_blueprint,
)
from tests.contract.known import NAMES

pytestmark = pytest.mark.parametrize("name", NAMES)


def tree(name: str) -> ast.Module:
    return ast.parse(source(name))


def written(name: str) -> Iterator[ast.AST]:
    """Every node of the method's file, and of those that it is built on."""
    modules = {inspect.getmodule(kind) for kind in find(name).__mro__ if kind.__module__.startswith("semivox.")}
    return itertools.chain.from_iterable(ast.walk(ast.parse(inspect.getsource(module))) for module in modules)


def source(name: str) -> str:
    return inspect.getsource(inspect.getmodule(find(name)))


def test_no_yield_inside_a_with(name):
    """Autocast, no_grad or a lock would stay open while the loop runs."""
    for block in written(name):
        if isinstance(block, ast.With | ast.AsyncWith):
            assert not any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in ast.walk(block)), block.lineno


def test_networks_are_called_only_through_forward(name):
    inside = {"forward", "encoder", "decoder", "decoders", "heads", "module"}
    reached = [
        f"{n.attr} in line {n.lineno}" for n in written(name) if isinstance(n, ast.Attribute) and n.attr in inside
    ]
    assert not reached


def test_no_attribute_is_set_during_a_step(name):
    for function in written(name):
        if isinstance(function, ast.FunctionDef) and function.name != "__init__":
            for node in ast.walk(function):
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                assert not any(isinstance(t, ast.Attribute) for t in targets), f"line {getattr(node, 'lineno', '?')}"


def test_the_file_is_short_and_cites_its_paper(name):
    assert len(source(name).splitlines()) <= 200
    assert re.search(r"arXiv:\d{4}\.\d{4,5}|doi\.org/10\.|DOI:? ?10\.", ast.get_docstring(tree(name)))


def test_step_yields_losses_for_players_it_has(name):
    method = build(name, odd_blueprint())
    seed_step(0, 0, 0)
    for losses in method.step(odd_batch(type(method)), Progress(0, 2)):
        assert isinstance(losses, Losses)
        assert losses.player in method.players
        assert losses.total.requires_grad
        losses.total.backward()
