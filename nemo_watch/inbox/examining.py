"""An open file → the verdict whether it is whole: is anyone writing, are there holes, does its format say that it ended?

It must never read it all where its end tells enough, nor decode in this process. Facts: a read lease is refused while a writer has the file open
(13–16 µs); allocated blocks betray a size set first; both only on a local file system.
"""

from __future__ import annotations

import errno
import os
from typing import BinaryIO, Final

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox import decoding, handles
from nemo_watch.inbox.listing import InboxFolder
from nemo_watch.inbox.media import EMPTY, Role, kind_of, role_of
from nemo_watch.inbox.signatures import HEAD_BYTES, format_of
from nemo_watch.inbox.standings import Due
from nemo_watch.inbox.tracking import SPARSE_BLIND_S, SPARSE_PATIENCE_S
from nemo_watch.inbox.verdicts import BLOCK_BYTES, HOLLOW, SPARSE, WHOLE, WRITING, Verdict, Wholeness, tail_is_zero
from nemo_watch.inbox.wholeness import verdict_of, verdict_with_holes
from nemo_watch.model import MediaKind

_READ_BYTES: Final = 65_536
_READ_THROUGH_BYTES: Final = 1 << 20


class FileBytes:
    """An open file as a source, read in pieces that one walk along the boxes needs only once."""

    def __init__(self, handle: int, size_bytes: int) -> None:
        self._handle = handle
        self.size = size_bytes
        self._at = 0
        self._piece = b""

    def read(self, at: int, length: int) -> bytes:
        """Up to `length` bytes from `at`. Raises OSError."""
        if at < 0 or length <= 0 or at >= self.size:
            return b""
        if length >= _READ_BYTES:
            return os.pread(self._handle, length, at)
        if not self._at <= at <= at + length <= self._at + len(self._piece):
            self._at, self._piece = at, os.pread(self._handle, max(length, 4096), at)
        return self._piece[at - self._at : at - self._at + length]


def examined(due: Due, folder: InboxFolder) -> Verdict:
    """The verdict on one sighting. Never raises: what stands in the way is a verdict too."""
    try:
        with folder.open_file(due.sighting) as file:
            if due.read_through:
                _read_through(file)
            return wholeness(file, due)
    except Trouble as trouble:
        return verdict_of_trouble(trouble)
    except OSError as error:
        return _unreadable(error.errno, error.strerror or "unknown")


def _read_through(file: BinaryIO) -> None:
    """Reads it all, for nothing but to see whether that can be done. Raises OSError."""
    at = 0
    while piece := os.pread(file.fileno(), _READ_THROUGH_BYTES, at):
        at += len(piece)


def verdict_of_trouble(trouble: Trouble) -> Verdict:
    """What a trouble with one file makes of it: unread, with the reason; CHANGED where the trouble is no reading of a file's."""
    if trouble.cause not in {Cause.FILE_UNREADABLE, Cause.INBOX_ABSENT} or "file" not in trouble.data:
        return Verdict(
            Wholeness.CHANGED
        )  # another file stands there, or the inbox itself has gone: the next look sees that
    error = trouble.__cause__
    return _unreadable(error.errno if isinstance(error, OSError) else None, str(trouble.data["reason"]))


def _unreadable(code: int | None, reason: str) -> Verdict:
    refused = code in {errno.EACCES, errno.EPERM}
    return Verdict(Wholeness.REFUSED if refused else Wholeness.UNREADABLE, f"cannot be read: {reason}")


def wholeness(file: BinaryIO, due: Due) -> Verdict:
    """Whether the open file is whole. Raises OSError.

    `due.thorough` decodes a picture whose end mark is missing, or that has holes, in a child. A hole that may be a sparse copy's is believed when
    the file has not changed for `SPARSE_PATIENCE_S` and nobody holds it open for writing, or, where that cannot be told, for `SPARSE_BLIND_S`.
    """
    handle, sighting = file.fileno(), due.sighting
    has_writer = handles.has_writer(handle)
    if has_writer:
        return WRITING
    if role_of(sighting.path) is not Role.MEDIA:
        return WHOLE  # texts have no end mark, and temporary names are only asked for their writer
    if sighting.size_bytes == 0:
        return Verdict(Wholeness.NOT_MEDIA, EMPTY)
    source = FileBytes(handle, sighting.size_bytes)
    verdict = verdict_of(source)
    if verdict.wholeness in {Wholeness.WHOLE, Wholeness.ENDLESS} and (holes := handles.holes(handle, source.size)):
        verdict = verdict_with_holes(source, verdict, holes)
    if verdict.wholeness is Wholeness.ENDLESS and has_writer is False and not _may_be_reserved(source):
        return WHOLE  # nobody is writing any more
    if verdict.wholeness is Wholeness.SPARSE:
        patience_s = SPARSE_PATIENCE_S if has_writer is False else SPARSE_BLIND_S
        return _after_patience(file, source) if due.unchanged_s >= patience_s else SPARSE
    if due.thorough and verdict.wholeness is Wholeness.CUT and _is_picture(source) and not tail_is_zero(source):
        return verdict if decoding.unfit_reason(file) else WHOLE
    return verdict


def _after_patience(file: BinaryIO, source: FileBytes) -> Verdict:
    """What a file with holes is when nothing has come for long: whole, but for a picture that does not decode."""
    return HOLLOW if _is_picture(source) and decoding.unfit_reason(file) else WHOLE


def _may_be_reserved(source: FileBytes) -> bool:
    """Whether zeros at the end may be room that was reserved. More of them than a block, without a hole, are silence."""
    return tail_is_zero(source) and bool(source.read(source.size - BLOCK_BYTES, BLOCK_BYTES).strip(b"\0"))


def _is_picture(source: FileBytes) -> bool:
    return kind_of(f"x.{format_of(source.read(0, HEAD_BYTES))}") is MediaKind.IMAGE
