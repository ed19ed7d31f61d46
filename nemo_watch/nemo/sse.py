"""Bytes of an event stream, cut anywhere → the data of each event, and heartbeats.

Lines end at CR, LF and CRLF only: U+2028 and its kin are text. It must never hold more than `limit_bytes`, nor read a byte
twice, so that one event of 16 MiB in small pieces costs no more than its length. Pure.
Source: WHATWG HTML §9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

from typing import Final, NamedTuple

from nemo_watch.errors import Cause, Trouble

EVENT_LIMIT_BYTES: Final = (
    16 * 1024 * 1024
)  # events of 1 MiB are normal here; sixteen of them are a mistake or an attack

_LINE_COST_BYTES: Final = 16  # what an empty data line costs to hold: a million of them are no event either
_BOM: Final = b"\xef\xbb\xbf"
_CR, _LF = b"\r", b"\n"


class Frame(NamedTuple):  # made for every event: a frozen dataclass costs more to make
    """One event as it was framed: its `event:` name and its data. A comment is a frame without data."""

    name: str
    data: bytes


class FrameReader:
    """The frames of one stream. Feed it what arrives; after a raised trouble it is spent.

    A block is closed by its empty line; `close` gives the block that the end of the stream closes, so that its reader can
    decide whether it is whole.
    """

    __slots__ = ("_after_cr", "_data", "_data_bytes", "_first", "_limit_bytes", "_name", "_tail")

    def __init__(self, limit_bytes: int = EVENT_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._tail = bytearray()  # the line that has not ended yet; grows in place, however small the pieces
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._name = ""
        self._after_cr = False  # the last line ended in CR, so a LF that comes next belongs to it
        self._first = True

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes. Raises ANSWER_UNREADABLE for an event over the limit."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(_LF)
        frames: list[Frame] = []
        if not chunk:
            return frames
        lines = chunk.splitlines()  # bytes know only CR, LF and CRLF as line ends
        unended = b"" if chunk.endswith((_LF, _CR)) else lines.pop()
        if lines and (self._tail or self._first):
            lines[0] = self._whole(lines[0])
        for line in lines:
            self._line(line, frames)
        if unended:
            self._tail += unended
            self._check()
        self._after_cr = chunk.endswith(_CR)
        return frames

    def close(self) -> list[Frame]:
        """The last frame, if the stream ended without the empty line that closes it."""
        frames: list[Frame] = []
        if self._tail:
            self._line(self._whole(b""), frames)
        self._close_block(frames)
        return frames

    @property
    def unfinished(self) -> bool:
        """Whether something came that no empty line has closed yet."""
        return bool(self._tail or self._data)

    def _whole(self, end: bytes) -> bytes:
        """The line that `end` completes."""
        if self._tail:
            self._tail += end
            end, self._tail = bytes(self._tail), bytearray()
        if self._first:
            self._first = False
            end = end.removeprefix(_BOM)
        return end

    def _line(self, line: bytes, frames: list[Frame]) -> None:
        if not line:
            self._close_block(frames)
        elif line.startswith(b"data:"):
            self._add(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b":"):
            frames.append(Frame("comment", b""))
        elif line.startswith(b"event:"):
            self._name = line[6:].strip().decode("utf-8", "replace")
        elif line == b"data":
            self._add(b"")
        elif line.startswith(b"{"):
            self._add(line)  # no field of the standard, but an error body that a proxy slipped into the stream

    def _add(self, value: bytes) -> None:
        self._data.append(value)
        self._data_bytes += len(value) + _LINE_COST_BYTES
        self._check()

    def _close_block(self, frames: list[Frame]) -> None:
        if self._data or self._name:
            frames.append(Frame(self._name, _LF.join(self._data)))
        self._data, self._data_bytes, self._name = [], 0, ""

    def _check(self) -> None:
        if len(self._tail) + self._data_bytes > self._limit_bytes:
            self._tail, self._data = bytearray(), []
            mib = self._limit_bytes // (1024 * 1024)
            raise Trouble(Cause.ANSWER_UNREADABLE, reason=f"an event of more than {mib} MiB")
