"""One file → one multipart request, read off the loop and sent in pieces of a mebibyte, one ahead.

It must never send a file that is not the one that was measured: more or fewer bytes end in FILE_CHANGED, before the body
is whole. Source: measured here: httpx's own `files=` reads in the loop in 64 KiB pieces, at 0.4 of curl's pace and with
the loop standing still on a slow disk; pieces below 1 MiB cost more than they save, above 2 MiB they only cost memory.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.asking import ANSWER_LIMIT_BYTES
from nemo_watch.nemo.cleaning import cleaned
from nemo_watch.nemo.early import EarlyAnswer
from nemo_watch.nemo.multipart import Part, file_part
from nemo_watch.nemo.transport import deadline, translated, whole_answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from concurrent.futures import Future, ThreadPoolExecutor

    import httpx

    from nemo_watch.nemo.asking import Asker
    from nemo_watch.nemo.refusals import Answer

FILE_LIMIT_BYTES: Final = 500_000_000  # Source: API text, "Max file size is 500MB"
R = TypeVar("R")

PIECE_BYTES: Final = 1024 * 1024
STALL_LIMIT_S: Final = 120.0  # one piece must leave within this: slower than 9 KB/s is no upload
ANSWER_LIMIT_S: Final = 300.0  # the service looks into a file before it answers


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file to send: the name it goes under, its measured size, how to open it, and whom to tell the bytes sent (0: begun)."""

    name: str
    size_bytes: int
    open_file: Callable[[], BinaryIO]
    progress: Callable[[int], None]


async def send_file(asker: Asker, path: str, bearer: str, parcel: Parcel) -> Answer:
    """The answer to one upload of `parcel`, an early one included. Raises FILE_CHANGED, FILE_UNREADABLE, NETWORK_DOWN."""
    part = file_part(parcel.name, secrets.token_hex(16))
    early = EarlyAnswer(asker.clock.now(), (bearer,))
    reader = _Reader(asker.transport.files, parcel)
    async with asker.transport.transfer_slots, deadline(STALL_LIMIT_S, "the upload stood still") as limit:
        request = _request(asker, path, bearer, part, parcel, _content(reader, part, early, limit), early)
        sending = asyncio.create_task(_sent(asker, request, bearer))
        watching = asyncio.create_task(early.watched())
        try:
            await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
            answer = watching.result() if watching.done() else None
            return answer if answer is not None else await sending
        finally:
            sending.cancel()
            watching.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)
            reader.close()


def _request(
    asker: Asker, path: str, bearer: str, part: Part, parcel: Parcel, content: AsyncIterator[bytes], early: EarlyAnswer
) -> httpx.Request:
    headers = {
        "Accept-Encoding": "gzip",
        "Content-Type": part.content_type,
        "Content-Length": str(part.length(parcel.size_bytes)),
        **asker.headers(bearer),
    }
    return asker.transport.transfers.build_request(
        "POST", asker.transport.url(path), headers=headers, content=content, extensions={"trace": early.trace}
    )


async def _sent(asker: Asker, request: httpx.Request, bearer: str) -> Answer:
    with translated():
        response = await asker.transport.transfers.send(request, stream=True)
        try:
            return await whole_answer(response, ANSWER_LIMIT_BYTES, asker.clock.now(), (bearer,))
        finally:
            await response.aclose()


async def _content(reader: _Reader, part: Part, early: EarlyAnswer, limit: asyncio.Timeout) -> AsyncIterator[bytes]:
    """The body, piece by piece; each piece that leaves puts the deadline off."""
    loop = asyncio.get_running_loop()
    parcel, sent_bytes = reader.parcel, 0
    parcel.progress(0)  # the body is asked for when the request's head is out: from here on the service knows of it
    yield part.head
    while piece := await reader.piece():
        sent_bytes += len(piece)
        if sent_bytes > parcel.size_bytes:
            raise Trouble(Cause.FILE_CHANGED, file=parcel.name)
        yield piece
        limit.reschedule(loop.time() + STALL_LIMIT_S)
        parcel.progress(sent_bytes)
    if sent_bytes != parcel.size_bytes:
        raise Trouble(Cause.FILE_CHANGED, file=parcel.name)
    await early.ended()
    limit.reschedule(loop.time() + ANSWER_LIMIT_S)
    yield part.tail


class _Reader:
    """Reads a parcel's file in threads: while one piece is being sent, the next is read."""

    def __init__(self, threads: ThreadPoolExecutor, parcel: Parcel) -> None:
        self.parcel = parcel
        self._threads = threads
        self._file: BinaryIO | None = None
        self._opening: Future[BinaryIO] | None = None
        self._reading: Future[bytes] | None = None

    async def piece(self) -> bytes:
        """The next piece; empty at the end. Raises MEDIA_GONE and FILE_UNREADABLE."""
        if self._file is None:
            self._opening = self._threads.submit(self.parcel.open_file)
            self._file = await self._done(self._opening)
        if self._reading is None:
            self._reading = self._threads.submit(self._file.read, PIECE_BYTES)
        piece = await self._done(self._reading)
        self._reading = self._threads.submit(self._file.read, PIECE_BYTES) if piece else None
        return piece

    def close(self) -> None:
        """Close the file, but not before its last read has come back: it would read from a stranger's file."""
        last: Future[Any] | None = self._reading or self._opening
        if last is not None:
            last.add_done_callback(lambda _: self._close_opened())

    def _close_opened(self) -> None:
        opening = self._opening
        if opening is not None and not opening.cancelled() and opening.exception() is None:
            opening.result().close()

    async def _done(self, reading: Future[R]) -> R:
        try:
            if reading.done() and not reading.cancelled():
                return reading.result()  # a piece that was read ahead costs no turn of the loop
            read = asyncio.wrap_future(reading)
            read.add_done_callback(_heard)  # where we are cancelled, a shield lets go of what it shielded
            return await asyncio.shield(read)
        except FileNotFoundError as error:
            raise Trouble(Cause.MEDIA_GONE, file=self.parcel.name) from error
        except OSError as error:
            reason = cleaned(error.strerror or type(error).__name__)
            raise Trouble(Cause.FILE_UNREADABLE, file=self.parcel.name, reason=reason) from error


def _heard(read: asyncio.Future[Any]) -> None:
    """A read that nobody waits for any more may fail: that is no error of anybody."""
    if not read.cancelled():
        read.exception()
