"""An open file → the verdict whether it is whole: is anyone writing, are there holes, does its format say that it ended?

It must never read it all where its end tells enough, nor decode in this process. Facts: a read lease is refused while a writer has the file open
(13–16 µs); allocated blocks betray a size set first; both only on a local file system.
"""

from __future__ import annotations

import os
from typing import BinaryIO, Final

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox import decoding, handles
from nemo_watch.inbox.listing import InboxFolder
from nemo_watch.inbox.media import EMPTY, Role, kind_of, role_of
from nemo_watch.inbox.settling import Due
from nemo_watch.inbox.signatures import HEAD_BYTES, format_of
from nemo_watch.inbox.verdicts import HOLLOW, WHOLE, WRITING, Verdict, Wholeness, tail_is_zero
from nemo_watch.inbox.wholeness import verdict_of
from nemo_watch.model import MediaKind, Sighting

_READ_BYTES: Final = 65_536
_BLOCK_BYTES: Final = 8_192  # two blocks: holes are told by whole blocks, so the last one may be reserved in part


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
            return wholeness(file, due.sighting, thorough=due.thorough)
    except Trouble as trouble:
        return _verdict_of_trouble(trouble)
    except OSError as error:
        return _unreadable(error.strerror or "unknown")


def _verdict_of_trouble(trouble: Trouble) -> Verdict:
    if trouble.cause is Cause.FILE_UNREADABLE:
        return _unreadable(str(trouble.data["reason"]))
    return Verdict(Wholeness.CHANGED)


def _unreadable(reason: str) -> Verdict:
    return Verdict(Wholeness.UNREADABLE, f"cannot be read: {reason}")


def wholeness(file: BinaryIO, sighting: Sighting, *, thorough: bool = False) -> Verdict:
    """Whether the open file is whole. `thorough` decodes a picture whose end mark is missing, in a child. Raises OSError."""
    handle = file.fileno()
    has_writer = handles.has_writer(handle)
    if has_writer:
        return WRITING
    if role_of(sighting.path) is not Role.MEDIA:
        return WHOLE  # texts have no end mark, and temporary names are only asked for their writer
    if sighting.size_bytes == 0:
        return Verdict(Wholeness.NOT_MEDIA, EMPTY)
    source = FileBytes(handle, sighting.size_bytes)
    verdict = verdict_of(source)
    if verdict.wholeness in {Wholeness.WHOLE, Wholeness.ENDLESS} and handles.has_hole(handle, sighting.size_bytes):
        return HOLLOW
    if verdict.wholeness is Wholeness.ENDLESS and has_writer is False and not _may_be_reserved(source):
        return WHOLE  # nobody is writing any more
    if thorough and verdict.wholeness is Wholeness.CUT and _is_picture(source) and not tail_is_zero(source):
        return verdict if decoding.unfit_reason(file) else WHOLE
    return verdict


def _may_be_reserved(source: FileBytes) -> bool:
    """Whether zeros at the end may be room that was reserved. More of them than a block, without a hole, are silence."""
    return tail_is_zero(source) and bool(source.read(source.size - _BLOCK_BYTES, _BLOCK_BYTES).strip(b"\0"))


def _is_picture(source: FileBytes) -> bool:
    return kind_of(f"x.{format_of(source.read(0, HEAD_BYTES))}") is MediaKind.IMAGE
