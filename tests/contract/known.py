"""Our methods as subjects of the laws: what is known of each stands in tests/contract/fields/<method>.py."""

from __future__ import annotations

from importlib import import_module

from semivox.methods import METHODS, find
from semivox.testing import Known, Subject
from tests.contract.fields import COMMON, PLAIN

NAMES = sorted(METHODS)
KNOWN = {name: import_module(f"tests.contract.fields.{name}") for name in NAMES}


def subject(name: str) -> Subject:
    """A method with its defaults, the papers' loss and its ``TESTED`` options."""
    module = KNOWN[name]
    fields = (field for field in Known.__dataclass_fields__ if hasattr(module, field.upper()))
    told = {field: getattr(module, field.upper()) for field in fields}
    told["alternatives"] = COMMON | told["alternatives"]
    return Subject(find(name), PLAIN | getattr(module, "TESTED", {}), Known(**told))


SUBJECTS = {name: subject(name) for name in NAMES}
CONSTANT: dict[str, set[str]] = {name: getattr(known, "CONSTANT", set()) for name, known in KNOWN.items()}
"""Weights (fields) that do not rise."""
