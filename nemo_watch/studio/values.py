"""JSON of unknown make → values that are sure to fit: what is missing, of another type or beyond its limits has a default. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def volume(value: object, otherwise: float) -> float:
    """0…1; a number above 1 is a percentage."""
    level = number(value, otherwise, 0, 100)
    return level / 100 if level > 1 else level


def number(value: object, otherwise: float, low: float, high: float) -> float:
    """A finite number between the limits; what is no number is `otherwise`, what is outside is moved inside."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return otherwise
    if isinstance(value, bool) or not isinstance(value, int | float):
        return otherwise
    if isinstance(value, float) and not math.isfinite(value):
        return otherwise
    return float(min(max(value, low), high))


def choice(value: object, known: Sequence[str], otherwise: str) -> str:
    """The value if it is one of the known ones."""
    return value if isinstance(value, str) and value in known else otherwise


def words(value: object) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def objects(value: object) -> list[Any]:
    """The objects of a JSON list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
