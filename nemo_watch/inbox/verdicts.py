"""The verdicts on a medium, and what is needed to come to one: its bytes at any place.

It must never know a format: those have modules of their own, and `wholeness` picks among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol


class Wholeness(StrEnum):
    """How far a file is."""

    WHOLE = "whole"
    CUT = "cut"  # its end is missing, as far as the format tells; a full decode may prove otherwise
    HOLLOW = "hollow"  # its size is there, its contents are not: no decoder would notice
    ENDLESS = "endless"  # the format does not tell where it ends: whole when unchanged for long
    WRITING = "writing"  # a process holds it open for writing
    NOT_MEDIA = "not_media"
    UNREADABLE = "unreadable"
    CHANGED = "changed"  # not the file that was sighted any more: the next look sees what it is


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about one sighting. `reason` is for people: why it is not whole, or left alone."""

    wholeness: Wholeness
    reason: str = ""


WHOLE: Final = Verdict(Wholeness.WHOLE)
CUT: Final = Verdict(Wholeness.CUT, "looks cut off; waiting for the rest")
HOLLOW: Final = Verdict(Wholeness.HOLLOW, "parts of it are still empty; waiting for the rest")
CUT_UNSEEN: Final = Verdict(Wholeness.HOLLOW, CUT.reason)  # cut where a decoder shows fewer frames and no error
ENDLESS: Final = Verdict(Wholeness.ENDLESS, "may still be growing")
WRITING: Final = Verdict(Wholeness.WRITING, "is still being written")
NOT_MEDIA: Final = Verdict(Wholeness.NOT_MEDIA, "its contents are not a photo, clip or song that NemoVideo takes")

ZERO_TAIL_BYTES: Final = 512  # a disk sector: what an unwritten tail shows at least
STEPS_MAX: Final = 200_000  # chunks or boxes in one file; more is no photo but a trap


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


def tail_is_zero(source: Source) -> bool:
    """Whether the file ends in a sector of zeros."""
    length = min(ZERO_TAIL_BYTES, source.size)
    return not source.read(source.size - length, length).strip(b"\0")
