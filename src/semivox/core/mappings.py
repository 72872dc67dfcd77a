"""Options within options: mappings whose values may be mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings joined; ``over`` wins, and its neighbors stay.

    >>> merged({"plan": {"steps": 10, "seed": 1}}, {"plan": {"steps": 20}})
    {'plan': {'steps': 20, 'seed': 1}}
    """
    result = dict(base)
    for key, value in over.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result
