"""The parts of a message that nothing was made of, so that no wish is passed over in silence. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nemo_watch.studio.directing.clauses import LEAVING
from nemo_watch.studio.directing.neutral import HAN, NEUTRAL, NEUTRAL_ZH
from nemo_watch.studio.directing.places import unmasked
from nemo_watch.studio.directing.quoting import MARK
from nemo_watch.studio.directing.reading import Span

_EDGE = re.compile(
    r"[,，。;；!！?？\n、]+|[.:：](?=\s|$)|\b(?:and|but|then|also|with|while|plus|so)\b|并且|然后|同时"
    r"|(?<=film)\s(?=of|about|on|showing)|(?<=video)\s(?=of|about|on|showing)|(?<=show)\s(?=of|about)",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_\x00]+(?:['’]\w+)?")
_DEED = re.compile(
    r"\b(?:rotat|crop|flip|mirror|brighten|darken|sharpen|resiz|merg|swap|insert|animat|draw|paint|overlay|highlight|split|undo"
    r"|duplicat|repeat|loop)\w*\b|替换|交换|旋转",
    re.IGNORECASE,
)
"""Deeds that are asked for beside what was understood, and are none of ours."""
_LEAD = re.compile(r"^(?:(?:please|and|then|also|of|about|with|showing|for|on)\s+)+|\s+please$", re.IGNORECASE)
_CHARS_MAX = 60


def leftovers(text: str, spans: Sequence[Span], files: Sequence[str], texts: Sequence[str]) -> tuple[str, ...]:
    """The clauses of `text` that hold words of their own and were not understood, as they were written; neighbours are joined.

    A clause that was understood in part is left over only where it still asks for a deed.
    """
    rest = list(text)
    for start, end in [*spans, *(match.span() for match in _LINK.finditer(text))]:
        rest[start:end] = "\x00" * (end - start)
    plain = "".join(rest)
    found: list[list[int]] = []
    for start, end in _clauses(text, spans):
        if _is_left(plain[start:end]):
            if found and found[-1][1] >= start - 6 and not text[found[-1][1] : start].strip(" ,，、andwith"):
                found[-1][1] = end
            else:
                found.append([start, end])
    return tuple(_as_written(text, start, end, files, texts) for start, end in found[:3])


def _clauses(text: str, spans: Sequence[Span]) -> list[Span]:
    """The stretches between the edges; an edge inside of what was understood divides nothing."""
    edges = [
        edge
        for edge in _EDGE.finditer(text)
        if not any(start < edge.end() and edge.start() < end for start, end in spans)
    ]
    starts = [0, *(edge.end() for edge in edges)]
    return list(zip(starts, [*(edge.start() for edge in edges), len(text)], strict=True))


def _is_left(clause: str) -> bool:
    if LEAVING.search(clause):
        return False  # nothing is asked for
    words = re.sub(r"⟦\d+⟧", " ", clause)
    han = len(HAN.findall(NEUTRAL_ZH.sub("", words)))
    own = [word for word in _WORD.findall(words) if not HAN.search(word) and word.lower() not in NEUTRAL]
    if "\x00" in clause or MARK in clause:
        return bool(_DEED.search(words)) and MARK not in clause
    return han >= 2 or any(len(word) > 1 for word in own)


def _as_written(text: str, start: int, end: int, files: Sequence[str], texts: Sequence[str]) -> str:
    """The clause with its file names and quoted texts back, cut short where it is long."""
    mine = iter(texts[text.count(MARK, 0, start) :])
    said = re.sub(rf"\s*{MARK}\s*", lambda _: f" ‘{next(mine, '')}’ ", text[start:end])
    said = " ".join(unmasked(said, files).split())
    said = _LEAD.sub("", said)
    return said if len(said) <= _CHARS_MAX else said[: _CHARS_MAX - 1].rstrip() + "…"
