"""Packed bytes of an answer → its bytes, never more at a time than asked for, so that no small answer swells without end.

httpx unpacks a whole chunk at once; here each piece is bounded, and the readers bound their sum. Pure.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from nemo_watch.errors import Cause, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE_BYTES: Final = 1024 * 1024

_IDENTITY: Final = frozenset({"", "identity", "none"})
_EITHER: Final = 47  # zlib's window bits for a gzip or a zlib header, whichever comes
_RAW: Final = -15  # some servers say "deflate" and send no header at all


class Unpacker:
    """Unpacks one body of the given Content-Encoding. Raises ANSWER_UNREADABLE for an encoding that was not asked for."""

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().casefold()
        if encoding not in _IDENTITY and encoding not in {"gzip", "x-gzip", "deflate"}:
            raise Trouble(Cause.ANSWER_UNREADABLE, reason="packed in a way that was not asked for")
        self._inflater = None if encoding in _IDENTITY else zlib.decompressobj(_EITHER)
        self._head: bytes | None = b"" if encoding == "deflate" else None  # until its first two bytes tell the kind

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What `chunk` unpacks to, in pieces of at most PIECE_BYTES. Raises ANSWER_UNREADABLE for a damaged body."""
        if self._inflater is None:
            yield chunk
            return
        chunk = self._judged(chunk)
        while chunk:
            try:
                piece = self._inflater.decompress(chunk, PIECE_BYTES)
            except zlib.error as error:
                raise Trouble(Cause.ANSWER_UNREADABLE, reason="the packed answer is damaged") from error
            if piece:
                yield piece
            chunk = self._inflater.unconsumed_tail
            if self._inflater.eof:
                chunk = self._inflater.unused_data
                self._inflater = zlib.decompressobj(_EITHER)  # gzip members may follow one another

    def _judged(self, chunk: bytes) -> bytes:
        """`chunk`, once it is known whether a "deflate" body has zlib's header. Source: RFC 1950 §2.2."""
        if self._head is None:
            return chunk
        self._head += chunk
        if len(self._head) < 2:
            return b""
        chunk, self._head = self._head, None
        if chunk[0] & 0x0F != 8 or int.from_bytes(chunk[:2], "big") % 31:
            self._inflater = zlib.decompressobj(_RAW)
        return chunk
