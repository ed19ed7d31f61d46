"""A finding: what was checked, what was found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How much a finding matters."""

    FINE = "ok"
    NOTE = "note"  # good to know; nothing is wrong
    WRONG = "WRONG"  # something will not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`. `todo` is filled for everything that is wrong. No secret is ever put in."""

    grade: Grade
    what: str
    found: str
    todo: str = ""


def fine(what: str, found: str) -> Finding:
    """All is well."""
    return Finding(Grade.FINE, what, found)


def note(what: str, found: str, todo: str = "") -> Finding:
    """Good to know."""
    return Finding(Grade.NOTE, what, found, todo)


def wrong(what: str, found: str, todo: str) -> Finding:
    """Broken until somebody does something."""
    return Finding(Grade.WRONG, what, found, todo)
