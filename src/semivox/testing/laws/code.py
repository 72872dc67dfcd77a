"""How the code of a method is written."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

from torch import nn

from semivox.methods.method import Method
from semivox.testing.subject import Subject

INSIDE = {"forward", "encoder", "decoder", "decoders", "heads", "module"}
"""Parts of a network that a method does not reach for: wrappers act on ``forward`` alone."""


def no_yield_stands_inside_a_with(subject: Subject) -> None:
    """Autocast, no_grad or a lock would stay open while the loop runs."""
    for place, node in _written(subject):
        if isinstance(node, ast.With | ast.AsyncWith):
            inside = any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in ast.walk(node))
            assert not inside, f"a yield stands inside the `with` of {place}:{node.lineno}"


def networks_are_called_through_forward(subject: Subject) -> None:
    """Distributed training, mixed precision and compilation act on ``forward``."""
    for place, node in _written(subject):
        if isinstance(node, ast.Attribute):
            assert node.attr not in INSIDE, f"{place}:{node.lineno} reaches for .{node.attr}; call the network instead"


def no_attribute_is_set_during_a_step(subject: Subject) -> None:
    """It would be lost with the process."""
    for place, function in _written(subject):
        if isinstance(function, ast.FunctionDef) and function.name != "__init__":
            for node in ast.walk(function):
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                kept = any(isinstance(target, ast.Attribute) for target in targets)
                assert not kept, f"{place}:{getattr(node, 'lineno', '?')} sets an attribute; fill a buffer instead"


def the_module_cites_its_paper(subject: Subject) -> None:
    """The module's docstring names its source."""
    said = _module(subject.kind).__doc__ or ""
    assert re.search(r"doi|arxiv|https?://|\b(19|20)\d\d\b", said, re.IGNORECASE), "its module names no paper"


def _written(subject: Subject) -> Iterator[tuple[str, ast.AST]]:
    """Every node of the modules of the method and of those that it is built on, with the file's name; but for networks
    and other methods that stand there too."""
    for module in dict.fromkeys(_module(kind) for kind in subject.kind.__mro__ if issubclass(kind, Method)):
        try:
            tree = ast.parse(inspect.getsource(module))
        except (OSError, TypeError) as error:
            said = f"the source of {module.__name__} cannot be read; write the method to a file"
            raise AssertionError(said) from error
        place = (module.__file__ or module.__name__).rpartition("/")[2]
        for node in tree.body:
            named = vars(module).get(node.name) if isinstance(node, ast.ClassDef) else None
            foreign = isinstance(named, type) and issubclass(named, nn.Module) and named not in subject.kind.__mro__
            if not foreign:
                yield from ((place, inner) for inner in ast.walk(node))


def _module(kind: type) -> ModuleType:
    module = inspect.getmodule(kind)
    assert module is not None, f"{kind.__name__} stands in no module"
    return module
