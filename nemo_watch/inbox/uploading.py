"""A medium → the bytes that go up: its own, or a JPEG for HEIC.

It must never send other bytes than those that were judged: they are hashed again while they are read, and what differs stops the sending
before its last byte. Facts: a service may have taken a body that came whole, and never one that was cut.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Final, cast

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox import decoding
from nemo_watch.inbox.listing import reading_trouble
from nemo_watch.inbox.media import CONVERTED, extension, true_name
from nemo_watch.inbox.signatures import HEAD_BYTES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from nemo_watch.inbox.listing import InboxFolder
    from nemo_watch.model import Medium

_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """One file on its way up. `open` gives its bytes from the start, as often as asked; `close` ends it and frees its space.

    Reading raises Trouble(FILE_CHANGED) in place of the last bytes if they are not those of the medium.
    """

    name: str
    size_bytes: int
    open: Callable[[], BinaryIO]
    close: Callable[[], None]


def upload_source(medium: Medium, folder: InboxFolder, temp_folder: Path) -> Upload:
    """The medium as it goes up: byte for byte, or a JPEG for HEIC. Blocks while that is made: off the event loop.

    Raises: Trouble(FILE_CHANGED, MEDIA_GONE, INBOX_ABSENT, FILE_UNREADABLE) as `InboxFolder.open_file`; FILE_UNREADABLE also for a HEIC
    that cannot be decoded; NO_SPACE when `temp_folder`, which is made where it is missing, is full.
    """
    file = folder.open_path(medium.path)
    if os.fstat(file.fileno()).st_size != medium.size_bytes:
        file.close()
        raise Trouble(Cause.FILE_CHANGED, file=medium.path)
    try:
        is_heif = _is_heif(file)
    except OSError as error:
        file.close()
        raise reading_trouble(error, medium.path, folder.path) from error
    if is_heif:
        with file, _writing(temp_folder):
            return _as_jpeg(medium, file, folder.path, temp_folder)
    return Upload(medium.name, medium.size_bytes, lambda: _checked(file, medium, folder.path), file.close)


def _is_heif(file: BinaryIO) -> bool:
    return extension(true_name("x", os.pread(file.fileno(), HEAD_BYTES, 0)) or "") in CONVERTED


def _checked(file: BinaryIO, medium: Medium, inbox: Path) -> BinaryIO:
    return cast("BinaryIO", CheckedReader(file, medium, inbox))


def _as_jpeg(medium: Medium, file: BinaryIO, inbox: Path, temp_folder: Path) -> Upload:
    """Decodes a copy whose hash was checked: so what is decoded is what was judged."""
    temp_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.ExitStack() as on_failure:
        jpeg = on_failure.enter_context(tempfile.TemporaryFile(dir=temp_folder))
        with tempfile.TemporaryFile(dir=temp_folder) as copy:
            source = _checked(file, medium, inbox)
            while chunk := source.read(_CHUNK_BYTES):
                copy.write(chunk)
            copy.flush()
            reason = decoding.converted(copy, jpeg)
        if reason is not None:
            raise Trouble(Cause.FILE_UNREADABLE, file=medium.path, reason=reason)
        on_failure.pop_all()  # from here on it lives as long as the upload
    size = os.fstat(jpeg.fileno()).st_size
    return Upload(medium.name, size, lambda: cast("BinaryIO", HandleReader(jpeg)), jpeg.close)


@contextlib.contextmanager
def _writing(temp_folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise Trouble(Cause.NO_SPACE, folder=str(temp_folder)) from error
        raise


class HandleReader(io.RawIOBase):
    """Reads an open file from a place of its own, so that one file serves many readers. Closing it closes only itself."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file  # not its number: that may be another file's after the close
        self._at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to another place; nothing is read."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._file.fileno()).st_size}[whence]
        self._at = start + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fills the buffer as far as the file reaches."""
        count = os.preadv(self._file.fileno(), [buffer], self._at)
        self._at += count
        return count


class CheckedReader(HandleReader):
    """Reads a file from its start to its end and checks on the way that it is the one that was judged.

    The last bytes are held back until the whole is known to be right; else Trouble(FILE_CHANGED) stands in their place.
    """

    def __init__(self, file: IO[bytes], medium: Medium, inbox: Path) -> None:
        super().__init__(file)
        self._path, self._inbox = medium.path, inbox
        self._size_bytes = medium.size_bytes
        self._sha256 = medium.sha256
        self._digest = hashlib.sha256()
        self._hashed = 0

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fills the buffer. Raises: Trouble(FILE_CHANGED; INBOX_ABSENT where the disk fails, for that may pass; FILE_UNREADABLE)."""
        start = self._at
        view = memoryview(buffer).cast("B")
        try:
            count = super().readinto(view[: max(self._size_bytes - start, 0)])
        except OSError as error:
            raise reading_trouble(error, self._path, self._inbox) from error
        if start == 0:
            self._digest, self._hashed = hashlib.sha256(), 0
        if start == self._hashed:
            self._digest.update(view[:count])
            self._hashed += count
        if count == 0 and start < self._size_bytes and len(view):
            raise Trouble(Cause.FILE_CHANGED, file=self._path)  # it was cut short
        if count and self._at == self._size_bytes:
            self._check()
        return count

    def _check(self) -> None:
        right = self._hashed == self._size_bytes and self._digest.hexdigest() == self._sha256
        if not right or os.fstat(self._file.fileno()).st_size != self._size_bytes:
            raise Trouble(Cause.FILE_CHANGED, file=self._path)
