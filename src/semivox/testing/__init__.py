"""What every method must satisfy, for authors of methods: ``semivox.testing.check_method(MyMethod)``.

Each law is a function in ``semivox.testing.laws``, on a ``Subject``, and can be called alone; ``LAWS`` lists them. They
run on invented patches with networks of a few hundred parameters, and raise ``AssertionError`` with a sentence that
names what is wrong. Our own methods are held to the same laws by the project's tests.
"""

from __future__ import annotations

from collections.abc import Collection

from semivox.methods.method import Method
from semivox.testing.laws import LAWS
from semivox.testing.subject import Known, Options, Subject

__all__ = ["LAWS", "Known", "Subject", "check_method"]


def check_method(
    kind: type[Method], options: Options | None = None, skip: Collection[str] = (), known: Known | None = None
) -> None:
    """Hold a method to every law. Raises AssertionError naming the law and what is wrong.

    ``options``: of its Config, where the defaults do not suit tiny patches and a run of a few steps; ``skip``: names of
    laws that do not apply; ``known``: what the laws cannot see for themselves, such as a value with which a field
    matters, or which terms a weight weighs.
    """
    if unknown := set(skip) - {law.__name__ for law in LAWS}:
        raise ValueError(f"there is no law {sorted(unknown)[0]!r}; there are {', '.join(law.__name__ for law in LAWS)}")
    subject = Subject(kind, options or {}, known or Known())
    for law in LAWS:
        if law.__name__ not in skip:
            try:
                law(subject)
            except AssertionError as error:
                raise AssertionError(f"{kind.__name__}, {law.__name__}: {error}") from error
