"""A file → whether it is a whole MP4, by its boxes alone.

It reads a few bytes of each box and never the film itself, so it costs the same for a minute and an hour. It cannot
see a wrong byte inside the film; the length announced by the server and the checks of the download are for that.
Source: ISO/IEC 14496-12 §4.2 (boxes, `size` 0 and 1), §8.2 (`moov`).
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOXES_MAX: Final = 100_000
"""A fragmented film has two boxes for each fragment of a second or so: this is more than half a day of it."""


_FIRST: Final = frozenset({b"ftyp", b"free", b"skip", b"wide"})


class _NotWhole(Exception):  # noqa: N818  the reason, on its way to the caller
    pass


def whole_mp4(path: Path | int) -> str | None:
    """None when the file (a path, or an open descriptor) is a complete MP4; else what is missing, in words.

    Raises: OSError when it cannot be read.
    """
    handle = path if isinstance(path, int) else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _problem(handle)
    except _NotWhole as reason:
        return str(reason)
    finally:
        if not isinstance(path, int):
            os.close(handle)


def _problem(handle: int) -> str | None:
    size_bytes = os.fstat(handle).st_size
    if size_bytes == 0:
        return "it is empty"
    if os.pread(handle, 4, 4) not in _FIRST:  # an error page, most likely
        return "it does not begin like an MP4"
    spans: dict[bytes, tuple[int, int]] = {}
    for kind, start, end in _boxes(handle, 0, size_bytes):
        known = spans.get(kind, (start, start))
        spans[kind] = max(known, (start, end), key=lambda span: span[1] - span[0])  # of several, the largest
    for kind, what in ((b"ftyp", "its beginning"), (b"moov", "its index"), (b"mdat", "its pictures")):
        if kind not in spans:
            return f"{what} ({kind.decode()}) is missing"
    if spans[b"mdat"][0] == spans[b"mdat"][1]:
        return "it holds no pictures (mdat is empty)"
    inside = {kind for kind, _, _ in _boxes(handle, *spans[b"moov"])}
    return None if {b"mvhd", b"trak"} <= inside else "its index (moov) is not complete"


def _boxes(handle: int, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two offsets: kind, and where the contents begin and end.

    Raises: _NotWhole where they do not add up.
    """
    for _ in range(BOXES_MAX):
        if start == end:
            return
        kind, header_bytes, box_bytes = _header(handle, start, end)
        if box_bytes < header_bytes:
            raise _NotWhole("its structure is damaged")
        if start + box_bytes > end:
            raise _NotWhole(f"it ends {start + box_bytes - end} bytes too early")
        yield kind, start + header_bytes, start + box_bytes
        start += box_bytes
    raise _NotWhole("it has too many parts")


def _header(handle: int, start: int, end: int) -> tuple[bytes, int, int]:
    head = os.pread(handle, 16, start)
    if len(head) < 8 or end - start < 8:
        raise _NotWhole("it ends in the middle of a box")
    box_bytes, kind = struct.unpack(">I4s", head[:8])
    if box_bytes == 1 and len(head) == 16:
        return kind, 16, struct.unpack(">Q", head[8:])[0]
    if box_bytes == 0 and kind == b"mdat":  # "to the end of the file"
        return kind, 8, end - start
    return kind, 8, box_bytes
