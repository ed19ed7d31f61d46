"""Which way each character of a line runs, and how pieces of both directions stand side by side.

A short form of the Unicode bidirectional algorithm that knows letters, numbers and neutrals, enough for titles; marks
of explicit embedding are not obeyed. Source: Unicode UAX #9, rules P2, W2-W7, N1-N2, L2.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import TypeVar

Piece = TypeVar("Piece")

LTR, RTL, NUMBER, _NEUTRAL = "L", "R", "N", "?"


def is_rtl(line: str) -> bool:
    """Whether a line as a whole runs from right to left: its first letter decides (P2)."""
    return next((way == RTL for way in map(_own, line) if way in (LTR, RTL)), False)


def ways(line: str) -> list[str]:
    """The way of each character: LTR, RTL, or NUMBER for digits among letters that run from right to left."""
    found = [_own(char) for char in line]
    for place, char in enumerate(line):
        if char in ".,:/" and found[place - 1 : place] == [NUMBER] and found[place + 1 : place + 2] == [NUMBER]:
            found[place] = NUMBER
    base = RTL if is_rtl(line) else LTR
    return _settled(_numbers_among(found, base), base)


def visual(pieces: Sequence[tuple[Piece, str]], base_rtl: bool) -> list[Piece]:
    """Pieces with their ways, from left to right as they stand on the line (L2).

    Pieces of one way stand in order where that way is left to right; what runs the other way is turned as a whole.
    """
    blocks = [(way, [piece for piece, _ in group]) for way, group in groupby(pieces, key=lambda pair: pair[1])]
    laid = [(way, block[::-1] if way == RTL else block) for way, block in blocks]
    if base_rtl:
        return [piece for _, block in laid[::-1] for piece in block]
    out: list[Piece] = []
    turned: list[Piece] = []
    for way, block in laid:
        # A stretch that runs against the line grows to the left, until letters that go with the line end it.
        turned = [] if way == LTR else [*block, *turned]
        at = len(out) - (len(turned) - len(block)) if way != LTR else len(out)
        out[at:] = block if way == LTR else turned
    return out


def _own(char: str) -> str:
    kind = unicodedata.bidirectional(char)
    if kind in ("R", "AL"):
        return RTL
    return {"L": LTR, "EN": NUMBER, "AN": NUMBER}.get(kind, _NEUTRAL)


def _numbers_among(found: list[str], base: str) -> list[str]:
    """Digits after letters from left to right belong to them (W7)."""
    strong, out = base, []
    for way in found:
        strong = way if way in (LTR, RTL) else strong
        out.append(LTR if way == NUMBER and strong == LTR else way)
    return out


def _settled(found: list[str], base: str) -> list[str]:
    """Neutrals between two of one way go with them, others with the line; a number counts as right to left (N1, N2)."""
    out = list(found)
    place = 0
    while place < len(out):
        end = place
        while end < len(out) and out[end] == _NEUTRAL:
            end += 1
        if end > place:
            before = RTL if place and out[place - 1] in (RTL, NUMBER) else LTR if place else base
            after = RTL if end < len(out) and out[end] in (RTL, NUMBER) else LTR if end < len(out) else base
            out[place:end] = [before if before == after else base] * (end - place)
        place = end + 1
    return out
