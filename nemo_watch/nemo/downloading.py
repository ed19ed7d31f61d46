"""A finished video → a part file that is whole: resumed where it broke off, its length checked, its source vetted.

The bearer and the attribution headers go to the service's own host only. It must never write outside the part file and its
note, nor call a short file whole. Source: API text "Export" (download URL); measured here: a piece written in a thread,
while the next one comes, keeps the loop moving on a slow disk; a body without a length that is cut raises nothing.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.addresses import Addresses, fetchable
from nemo_watch.nemo.partfile import PartFile, PartNote
from nemo_watch.nemo.refusals import refusal
from nemo_watch.nemo.transport import READ_BYTES, deadline, is_framed, length_of, raw_chunks, translated, whole_answer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from pathlib import Path

    from nemo_watch.nemo.asking import Asker

VIDEO_LIMIT_BYTES: Final = 20 * 1024**3  # an hour of 1080p at forty times the service's bit rate
PIECE_BYTES: Final = 512 * 1024  # one is gathered while another is written: a kill costs a mebibyte at most
STALL_LIMIT_S: Final = 60.0
REDIRECTS_LIMIT: Final = 5
_ERROR_LIMIT_BYTES: Final = 64 * 1024

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PAGES: Final = ("text/html", "application/json", "application/xml", "text/xml")
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)\Z")
_RANGE_UNMET: Final = re.compile(r"bytes \*/(\d+)\Z")


Had = tuple[int, PartNote] | None  # how many bytes a part file holds already, and of what


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A video that arrived. `announced` tells whether its length was announced and met, so that it is known to be whole."""

    size_bytes: int
    announced: bool


@dataclass(frozen=True, slots=True)
class _Body:
    """A good answer: where its bytes begin in the file, and the length of the whole file where it is told."""

    response: httpx.Response
    offset_bytes: int
    total_bytes: int | None


class _AlreadyWholeError(Exception):
    """The part file holds every byte already."""


class _OtherFileError(Exception):
    """The part file is of another file than the one that is there now."""


async def fetch(
    asker: Asker, address: str, bearer: str | None, render_id: str, path: Path, progress: Callable[[int], None]
) -> Downloaded:
    """Bring the video at `address` into the part file at `path`, on from where it broke off.

    Raises DOWNLOAD_REFUSED, DOWNLOAD_BROKEN, NETWORK_DOWN, NO_SPACE, OUTBOX_UNWRITABLE, and what the server refuses.
    """
    part = PartFile(path, asker.transport.files)
    async with asker.transport.transfer_slots:
        had = await part.resumable(render_id)
        try:
            return await _fetched(asker, address, bearer, render_id, part, had, progress)
        except _OtherFileError:
            return await _fetched(asker, address, bearer, render_id, part, None, progress)
        finally:
            await part.close()


async def _fetched(
    asker: Asker,
    address: str,
    bearer: str | None,
    render_id: str,
    part: PartFile,
    had: Had,
    progress: Callable[[int], None],
) -> Downloaded:
    try:
        with translated():
            async with _answer(asker, address, bearer, had) as body:
                return await _written(body, part, render_id, progress)
    except _AlreadyWholeError:
        size_bytes = had[0] if had else 0
        await part.open_at(size_bytes)
        await part.finish()
        return Downloaded(size_bytes, announced=True)


async def _written(body: _Body, part: PartFile, render_id: str, progress: Callable[[int], None]) -> Downloaded:
    """Write the body into the part file; in the end the length must be the one announced."""
    size_bytes, total_bytes = body.offset_bytes, body.total_bytes
    await part.open_at(size_bytes)
    await part.note(render_id, _validator(body.response), total_bytes)
    async with aclosing(_pieces(body.response)) as pieces:
        async for piece in pieces:
            size_bytes += sum(map(len, piece))
            if size_bytes > VIDEO_LIMIT_BYTES:
                raise Trouble(Cause.DOWNLOAD_REFUSED, reason="it is larger than any video")
            await part.write(piece)
            progress(size_bytes)
    if total_bytes is not None and size_bytes != total_bytes:
        raise Trouble(Cause.DOWNLOAD_BROKEN, reason=f"{size_bytes} of {total_bytes} bytes came")
    if size_bytes == 0:
        raise Trouble(Cause.DOWNLOAD_BROKEN, reason="it is empty")
    await part.finish()
    return Downloaded(size_bytes, announced=total_bytes is not None or is_framed(body.response))


async def _pieces(response: httpx.Response) -> AsyncGenerator[list[bytes]]:
    """The body's chunks, a piece at a time; what came before a break is given first. Raises DOWNLOAD_BROKEN, NETWORK_DOWN."""
    async with aclosing(raw_chunks(response)) as chunks:
        more = True
        while more:
            piece: list[bytes] = []
            broken: Exception | None = None
            try:
                more = await _filled(piece, chunks)
            except (httpx.HTTPError, OSError, Trouble) as error:
                broken = error
            if piece:
                yield piece
            if isinstance(broken, httpx.RemoteProtocolError):
                raise Trouble(Cause.DOWNLOAD_BROKEN, reason="the connection broke off") from broken
            if broken is not None:
                raise broken


async def _filled(piece: list[bytes], chunks: AsyncGenerator[bytes]) -> bool:
    """Fill `piece` with what comes; whether more may come. What came stays in it, whatever is raised."""
    loop, held_bytes = asyncio.get_running_loop(), 0
    async with deadline(STALL_LIMIT_S, "the download stood still") as limit:
        while held_bytes + READ_BYTES <= PIECE_BYTES:
            chunk = await anext(chunks, None)
            if chunk is None:
                return False
            piece.append(chunk)
            held_bytes += len(chunk)
            limit.reschedule(loop.time() + STALL_LIMIT_S)
    return True


@asynccontextmanager
async def _answer(asker: Asker, address: str, bearer: str | None, had: Had) -> AsyncIterator[_Body]:
    """The good answer to a GET of `address`, redirects followed by hand, each host vetted."""
    addresses = Addresses(asker.transport)
    url = fetchable(address, asker.transport.base)
    for _ in range(REDIRECTS_LIMIT + 1):
        response = await _sent(asker, addresses, url, bearer, had)
        try:
            target = response.headers.get("location")
            if response.status_code not in _REDIRECTS or target is None:
                yield await _checked(asker, response, bearer if asker.transport.is_own(url) else None, had)
                return
        finally:
            await response.aclose()
        url = fetchable(target, url)
    raise Trouble(Cause.DOWNLOAD_REFUSED, reason="it was sent on too often")


async def _sent(asker: Asker, addresses: Addresses, url: httpx.URL, bearer: str | None, had: Had) -> httpx.Response:
    """The answer's head, from one of the vetted numbers of `url`'s host."""
    client = asker.transport.transfers
    headers = {"Accept-Encoding": "identity", "Host": url.netloc.decode("ascii")}
    if had is not None:
        headers |= {"Range": f"bytes={had[0]}-", "If-Range": had[1].validator}
    if asker.transport.is_own(url):
        headers |= asker.headers(bearer)
    failed: Exception | None = None
    for number in await addresses.pins(url):
        pinned = url if number is None else url.copy_with(host=number)
        extensions = {} if number in {None, url.host} else {"sni_hostname": url.raw_host.decode("ascii")}
        try:
            async with deadline(STALL_LIMIT_S, "the video's host did not answer"):
                request = client.build_request("GET", pinned, headers=headers, extensions=extensions)
                return await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            failed = error
    raise failed if failed is not None else Trouble(Cause.NETWORK_DOWN, reason=f"{url.host} has no address")


async def _checked(asker: Asker, response: httpx.Response, bearer: str | None, had: Had) -> _Body:
    """What a good answer brings. Raises what a bad one says."""
    status, headers = response.status_code, response.headers
    if status == 416 and had is not None:
        unmet = _RANGE_UNMET.match(headers.get("content-range", ""))
        if unmet and int(unmet[1]) == had[0] == had[1].total_bytes:
            raise _AlreadyWholeError
        raise _OtherFileError
    kind = headers.get("content-type", "").split(";", 1)[0].strip().casefold()
    if status not in {200, 206} or kind in _PAGES:
        raise await _refused(asker, response, bearer)
    if headers.get("content-encoding", "identity").casefold() not in {"", "identity"}:
        raise Trouble(Cause.DOWNLOAD_BROKEN, reason="it came packed, though that was not asked for")
    body = _partial(response, had) if status == 206 else _Body(response, 0, length_of(response))
    if body.total_bytes is not None and body.total_bytes > VIDEO_LIMIT_BYTES:
        raise Trouble(Cause.DOWNLOAD_REFUSED, reason="it is larger than any video")
    return body


def _partial(response: httpx.Response, had: Had) -> _Body:
    """A 206 that goes on exactly where the part ends, in a file of the same length that is told by nothing from the first.

    Raises _OtherFileError. A host may ignore If-Range, so its validator is compared here, too.
    """
    told = _RANGE.match(response.headers.get("content-range", ""))
    if had is None:
        raise Trouble(Cause.DOWNLOAD_BROKEN, reason="a part came, though the whole was asked for")
    if told is None or int(told[1]) != had[0] or _validator(response) not in {None, had[1].validator}:
        raise _OtherFileError
    total_bytes = int(told[3]) if told[3] != "*" else int(told[2]) + 1
    if had[1].total_bytes not in {None, total_bytes}:
        raise _OtherFileError
    return _Body(response, had[0], total_bytes)


async def _refused(asker: Asker, response: httpx.Response, bearer: str | None) -> Trouble:
    """What the service refuses, where a bearer was sent; another host's refusal says nothing of our account."""
    if bearer is None:
        return Trouble(Cause.DOWNLOAD_BROKEN, reason=f"its host answered with HTTP {response.status_code}")
    async with deadline(STALL_LIMIT_S, "the video's host did not finish its answer"):
        answer = await whole_answer(response, _ERROR_LIMIT_BYTES, asker.clock.now(), (bearer,))
    return refusal(answer) or Trouble(Cause.DOWNLOAD_BROKEN, reason="something else than a video came")


def _validator(response: httpx.Response) -> str | None:
    """What tells this file from every later one: a strong ETag, else its date. Source: RFC 9110 §8.8."""
    etag = response.headers.get("etag", "").strip()
    if etag and not etag.startswith("W/"):
        return str(etag)
    return response.headers.get("last-modified") or None
