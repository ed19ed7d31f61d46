"""Which characters a font file can draw, read from its `cmap` table. Pillow draws empty boxes for the others and says nothing.

Source: OpenType 1.9.1, `cmap` formats 4 and 12 and the TTC header.
"""

from __future__ import annotations

import struct
from pathlib import Path


def characters(path: Path) -> frozenset[int]:
    """The code points of a TTF, OTF or of the first font of a TTC; empty for a file that is none of them."""
    try:
        data = path.read_bytes()
        start = struct.unpack_from(">I", data, 12)[0] if data[:4] == b"ttcf" else 0
        table = _table(data, start)
        return frozenset().union(*(_read(data, offset) for offset in _subtables(data, table))) if table else frozenset()
    except (OSError, struct.error, IndexError):
        return frozenset()


def _table(data: bytes, start: int) -> int:
    """The offset of the cmap table, 0 where there is none."""
    for number in range(struct.unpack_from(">H", data, start + 4)[0]):
        record = start + 12 + 16 * number
        if data[record : record + 4] == b"cmap":
            return int(struct.unpack_from(">I", data, record + 8)[0])
    return 0


def _subtables(data: bytes, table: int) -> list[int]:
    """The offsets of the Unicode subtables of formats 4 and 12."""
    found = []
    for number in range(struct.unpack_from(">H", data, table + 2)[0]):
        platform, encoding, offset = struct.unpack_from(">HHI", data, table + 4 + 8 * number)
        if platform == 0 or (platform == 3 and encoding in (1, 10)):
            found.append(table + offset)
    return [place for place in found if struct.unpack_from(">H", data, place)[0] in (4, 12)]


def _read(data: bytes, place: int) -> set[int]:
    return _segments(data, place) if struct.unpack_from(">H", data, place)[0] == 4 else _groups(data, place)


def _segments(data: bytes, place: int) -> set[int]:
    """Format 4. Gaps inside a segment are rare in text fonts and cost one box at worst, so glyph ids are not looked up."""
    count = struct.unpack_from(">H", data, place + 6)[0] // 2
    ends = struct.unpack_from(f">{count}H", data, place + 14)
    starts = struct.unpack_from(f">{count}H", data, place + 16 + 2 * count)
    return {code for start, end in zip(starts, ends, strict=True) if start != 0xFFFF for code in range(start, end + 1)}


def _groups(data: bytes, place: int) -> set[int]:
    """Format 12."""
    codes: set[int] = set()
    for number in range(struct.unpack_from(">I", data, place + 12)[0]):
        start, end = struct.unpack_from(">II", data, place + 16 + 12 * number)
        codes.update(range(start, min(end, 0x10FFFF) + 1))
    return codes
