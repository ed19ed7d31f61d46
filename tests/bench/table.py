"""What a benchmark has found, as a markdown table: the median, what it is aimed at, and the spread of the rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what was measured, its median, the unit (`x` is a ratio), the aim in words, and every round's value."""

    what: str
    median: float
    unit: str
    aim: str
    rounds: Sequence[float] = ()


def print_table(rows: Sequence[Row]) -> None:
    """Prints it."""
    print("| what | median | aim | rounds (least–most) |\n|---|---|---|---|")
    for row in rows:
        spread = f"{min(row.rounds):.3g}–{max(row.rounds):.3g}, {len(row.rounds)}" if row.rounds else ""
        print(f"| {row.what} | {row.median:.3g} {row.unit} | {row.aim} | {spread} |")
