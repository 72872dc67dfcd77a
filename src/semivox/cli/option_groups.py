"""Options that several commands take together, as one value."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple


class OptionGroup(NamedTuple):
    """Options that a command takes together, as one value."""

    options: Mapping[str, Any]
    """Name -> its type and help."""
    value: Callable[..., Any]
    """From the options by name."""
    defaults: Mapping[str, Any] = {}
    """Of options that have one; the others are None where they are not given."""


def takes(**groups: OptionGroup) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command all options of a group in the place of its parameter of that name, which gets the group's value.

    So an option of the plan stands once here, and not in every command that passes it on.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for name, parameter in signature.parameters.items():
            one = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            parameters += _of_group(groups[name]) if name in groups else [one]

        @wraps(command)
        def with_groups(**given: Any) -> None:
            values = {
                name: group.value(**{option: given.pop(option) for option in group.options})
                for name, group in groups.items()
            }
            command(**given, **values)

        with_groups.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        with_groups.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return with_groups

    return decorate


def _of_group(group: OptionGroup) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=group.defaults.get(name),
            annotation=kind,
        )
        for name, kind in group.options.items()
    ]
