"""The part file of a download: written in threads, resumed only where it is provably the same file.

A small note beside it says of which file it is (the server's validator) and in which boot it was written, because a power
cut may leave a file longer than what reached the disk. It must never touch any other path. Source: RFC 9110 §13.1.5, §14.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.cleaning import cleaned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")

NOTE_ENDING: Final = ".note"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOTE_LIMIT_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class PartNote:
    """Of which file a part is: the render, the server's validator (a strong ETag or a date), the whole length, the boot."""

    render_id: str
    validator: str
    total_bytes: int | None
    boot: str


class PartFile:
    """One part file and its note. Every method that touches the disk does so in a thread."""

    def __init__(self, path: Path, threads: ThreadPoolExecutor) -> None:
        self.path = path
        self._note_path = path.with_name(path.name + NOTE_ENDING)
        self._threads = threads
        self._file: BinaryIO | None = None
        self._writing: asyncio.Future[None] | None = None

    async def resumable(self, render_id: str) -> tuple[int, PartNote] | None:
        """How many bytes are there, and of what; None when there is nothing to go on with."""
        return await self._run(lambda: self._resumable(render_id))

    async def open_at(self, offset_bytes: int) -> None:
        """Make the file ready for bytes from `offset_bytes` on; what stood behind is cut off."""
        self._file = await self._run(lambda: _opened(self.path, offset_bytes))

    async def note(self, render_id: str, validator: str | None, total_bytes: int | None) -> None:
        """Remember of what the part is; without a validator it cannot be resumed, and an older note is taken away."""
        note = None if validator is None else PartNote(render_id, validator, total_bytes, _boot())
        await self._run(lambda: self._write_note(note))

    async def write(self, chunks: Sequence[bytes]) -> None:
        """Append `chunks` while the caller goes on; one such write is under way at a time. Raises what the last one raised."""
        assert self._file is not None  # noqa: S101  opened before it is written
        file = self._file
        await self._written()
        self._writing = self._submitted(lambda: _write_all(file, chunks))

    async def finish(self) -> None:
        """Put the bytes on the disk for good and take the note away."""
        await self._written()
        await self._run(self._finish)

    async def close(self) -> None:
        """Let go of the file; what was written stays. Raises what the last write raised."""
        file, self._file = self._file, None
        if file is not None:
            try:
                await self._written()
            finally:
                await self._run(file.close)

    async def _written(self) -> None:
        """Wait for the write that is under way. A caller that is cancelled leaves it running, and `close` waits for it."""
        if self._writing is not None:
            if not self._writing.done():
                await asyncio.wait({self._writing})
            writing, self._writing = self._writing, None
            writing.result()

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._submitted(work)

    def _submitted(self, work: Callable[[], T]) -> asyncio.Future[T]:
        def guarded() -> T:
            with _translated(self.path):
                return work()

        return asyncio.get_running_loop().run_in_executor(self._threads, guarded)

    def _resumable(self, render_id: str) -> tuple[int, PartNote] | None:
        try:
            note = PartNote(**json.loads(self._note_path.read_bytes()[:_NOTE_LIMIT_BYTES]))
            size_bytes = self.path.lstat().st_size
        except (OSError, ValueError, TypeError):
            return None
        same = note.render_id == render_id and note.boot == _boot()
        return (size_bytes, note) if same and size_bytes > 0 else None

    def _write_note(self, note: PartNote | None) -> None:
        if note is None:
            self._note_path.unlink(missing_ok=True)
            return
        temporary = self._note_path.with_name(self._note_path.name + ".new")
        temporary.write_text(json.dumps(asdict(note)))
        temporary.replace(self._note_path)

    def _finish(self) -> None:
        assert self._file is not None  # noqa: S101  opened before it is finished
        os.fsync(self._file.fileno())
        self._note_path.unlink(missing_ok=True)


def _opened(path: Path, offset_bytes: int) -> BinaryIO:
    """The file at `path`, never through a link, open for bytes from `offset_bytes` on."""
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    file = os.fdopen(os.open(path, flags, 0o644), "wb", buffering=0)
    file.truncate(offset_bytes)
    file.seek(offset_bytes)
    return file


def _write_all(file: BinaryIO, chunks: Sequence[bytes]) -> None:
    """Write `chunks` to their last byte: a disk that is nearly full takes a part of one and says no more about it."""
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            rest = rest[file.write(rest) :]


def _boot() -> str:
    """The name of this boot; the same text everywhere where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        folder = str(path.parent)
        if error.errno in _FULL:
            raise Trouble(Cause.NO_SPACE, folder=folder) from error
        reason = cleaned(error.strerror or type(error).__name__)
        raise Trouble(Cause.OUTBOX_UNWRITABLE, folder=folder, reason=reason) from error
