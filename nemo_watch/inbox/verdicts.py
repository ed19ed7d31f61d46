"""The verdicts on a medium, and what is needed to come to one: its bytes at any place.

It must never know a format: those have modules of their own, and `wholeness` picks among them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Final, Protocol


class Wholeness(StrEnum):
    """How far a file is."""

    WHOLE = "whole"
    CUT = "cut"  # its end is missing, as far as the format tells; a full decode may prove otherwise
    HOLLOW = "hollow"  # its size is there, its contents are not: no decoder would notice. It waits for as long as it stays so
    SPARSE = "sparse"  # all that tells its end is there, but with holes inside: whole when nothing comes for minutes
    ENDLESS = "endless"  # the format does not tell where it ends: whole when unchanged for long
    WRITING = "writing"  # a process holds it open for writing
    NOT_MEDIA = "not_media"
    UNREADABLE = "unreadable"  # the disk or its server fails: that may pass at any moment
    REFUSED = "refused"  # the right to read it is missing: a person may give it
    CHANGED = "changed"  # not the file that was sighted any more: the next look sees what it is


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about one sighting. `reason` is for people: why it is not whole, or left alone."""

    wholeness: Wholeness
    reason: str = ""


WHOLE: Final = Verdict(Wholeness.WHOLE)
CUT: Final = Verdict(Wholeness.CUT, "looks cut off; waiting for the rest")
HOLLOW: Final = Verdict(Wholeness.HOLLOW, "parts of it are still empty; waiting for the rest")
SPARSE: Final = Verdict(Wholeness.SPARSE, "has empty stretches; waiting to see whether they are filled")
CUT_UNSEEN: Final = Verdict(Wholeness.HOLLOW, CUT.reason)  # cut where a decoder shows fewer frames and no error
ENDLESS: Final = Verdict(Wholeness.ENDLESS, "may still be growing")
WRITING: Final = Verdict(Wholeness.WRITING, "is still being written")
NOT_MEDIA: Final = Verdict(Wholeness.NOT_MEDIA, "its contents are not a photo, clip or song that NemoVideo takes")

ZERO_TAIL_BYTES: Final = 512  # a disk sector: what an unwritten tail shows at least
BLOCK_BYTES: Final = 8_192  # two blocks: holes are told by whole blocks, so the last one may be reserved in part
STEPS_MAX: Final = 200_000  # chunks or boxes in one file; more is no photo but a trap


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a file, from `start` up to `end` (which is not part of it)."""

    start: int
    end: int


class Source(Protocol):
    """A file's bytes at any place."""

    size: int

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes from `at`; fewer only at the end."""
        ...


class Bytes:
    """A source in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes from `at`."""
        return self._data[at : at + length]


def tail_is_zero(source: Source, end: int | None = None) -> bool:
    """Whether what comes before `end` (the file's end) is a sector of zeros."""
    end = source.size if end is None else end
    length = min(ZERO_TAIL_BYTES, end)
    return not source.read(end - length, length).strip(b"\0")


def end_before(spans: Iterable[Span], end: int) -> int:
    """Where the contents end that come before `end`, if the spans are padding."""
    for span in sorted(spans, reverse=True):
        if span.end == end:
            end = span.start
    return end


def outside(holes: Iterable[Span], spans: Iterable[Span]) -> tuple[Span, ...]:
    """The holes that do not lie wholly in one of the spans; no span overlaps another."""
    spans = sorted(spans)
    covers = ((hole, bisect_right(spans, hole.start, key=attrgetter("start")) - 1) for hole in holes)
    return tuple(hole for hole, at in covers if at < 0 or spans[at].end < hole.end)
