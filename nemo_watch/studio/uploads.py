"""Uploads into a session: multipart to disk as it comes, never whole in memory; or fetched from this machine by URL.

All files of one call are stored, or none. Source: README "The service's answers" (field `files`; formats; 500 MB).
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final
from urllib.parse import unquote, urlsplit

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from nemo_watch.studio.answers import Code, InvalidBodyError, RefusedError
from nemo_watch.studio.settings import MEGABYTE, Settings
from nemo_watch.studio.world import Upload

FORMATS: Final = frozenset(
    ("mp4", "mov", "avi", "webm", "mkv", "jpg", "jpeg", "png", "gif", "webp", "mp3", "wav", "m4a", "aac")
)
"""Source: README "The service's answers"; `jpeg` is `jpg`."""
ACCEPTED: Final = "Accepted are mp4, mov, avi, webm, mkv, jpg, png, gif, webp, mp3, wav, m4a and aac."
BATCH_BYTES: Final = MEGABYTE
"""Written to disk in pieces of this size: a thread for every 64 KiB from the wire costs more than the writing."""
OFFLINE: Final = "This studio works offline: it fetches only from http://127.0.0.1 on this machine."
LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
FETCH_TIMEOUT_S: Final = 30.0
NAME_CHARS_MAX: Final = 200

Probe = Callable[[Path, str, str], Upload]
"""What a stored file (path, key, name) is; raises `ValueError` with a sentence for one that cannot be read."""
NextKey = Callable[[], int]


@dataclass(slots=True)
class Incoming:
    """One file on its way to disk. `refusal` says why it is not wanted; the rest of it is then dropped."""

    key: str
    name: str
    path: Path
    size: int = 0
    refusal: RefusedError | None = None
    file: BinaryIO | None = None

    def write(self, data: bytes, limit: int) -> None:
        """Add bytes, up to the limit in bytes."""
        self.size += len(data)
        if self.size > limit:
            self.refusal = self.refusal or RefusedError(Code.FILE_SIZE, f"{self.name} is larger than {limit} bytes.")
        if self.refusal:
            return
        if self.file is None:
            self.file = self.path.open("xb")
        self.file.write(data)

    def close(self) -> None:
        """Finish the file."""
        if self.file:
            self.file.close()


@dataclass(slots=True)
class Batch:
    """The files of one call, stored under `folder`. `number` gives each its place in the session."""

    folder: Path
    settings: Settings
    number: NextKey
    files: list[Incoming] = field(default_factory=list)

    def begin(self, name: str) -> Incoming:
        """The next file; one of a format that is not accepted is refused from the start."""
        if len(self.files) >= self.settings.max_files:
            raise InvalidBodyError("files", f"At most {self.settings.max_files} files in one call.")
        name = clean_name(name)
        extension = PurePosixPath(name).suffix.lower()
        key = f"{self.number():04d}-{secrets.token_hex(8)}{extension if extension[1:] in FORMATS else ''}"
        incoming = Incoming(key, name, self.folder / key)
        if extension[1:] not in FORMATS:
            incoming.refusal = RefusedError(Code.FILE_TYPE, f"{name} has a format that is not supported. {ACCEPTED}")
        self.files.append(incoming)
        return incoming

    def stored(self, probe: Probe) -> list[Upload]:
        """What was stored. Raises the first `RefusedError`, of a file that cannot be read too."""
        if not self.files:
            raise InvalidBodyError("files", "Field required")
        for incoming in self.files:
            incoming.close()
            if incoming.refusal:
                raise incoming.refusal
        return [_probed(probe, incoming) for incoming in self.files]

    def discard(self) -> None:
        """Remove every file of the call."""
        for incoming in self.files:
            incoming.close()
            incoming.path.unlink(missing_ok=True)


def _probed(probe: Probe, incoming: Incoming) -> Upload:
    if not incoming.size:
        raise RefusedError(Code.FILE_TYPE, f"{incoming.name} is empty.")
    try:
        return probe(incoming.path, incoming.key, incoming.name)
    except ValueError as error:
        raise RefusedError(Code.FILE_TYPE, f"{incoming.name}: {error}") from error


def clean_name(name: str) -> str:
    """The last part of a file name as sent, without control characters, at most 200 characters, its end kept."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(char for char in last if char.isprintable())[-NAME_CHARS_MAX:] or "file"


class _Parts:
    """Multipart bytes in, (file, bytes) pairs out: the parser calls back, the caller writes."""

    def __init__(self, boundary: bytes, batch: Batch) -> None:
        self._batch = batch
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._current: Incoming | None = None
        self.pending: list[tuple[Incoming, bytes]] = []
        self.pending_bytes = 0
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
            },
        )

    def write_out(self) -> None:
        """Put what is pending on disk."""
        for incoming, data in self.pending:
            incoming.write(data, self._batch.settings.max_file_bytes)
        self.pending.clear()
        self.pending_bytes = 0

    def _part_begin(self) -> None:
        self._disposition = b""
        self._current = None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"filename" not in options:
            return  # a plain field means nothing here
        if options.get(b"name") != b"files":
            raise InvalidBodyError("files", "Field required")
        self._current = self._batch.begin(options[b"filename"].decode("utf-8", "replace"))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current:
            self.pending.append((self._current, data[start:end]))
            self.pending_bytes += end - start


async def store_multipart(content_type: str, stream: AsyncIterator[bytes], batch: Batch) -> None:
    """Write the files of a multipart body to disk as they come.

    A body with an unwanted file is read to its end all the same: a client that is still sending would
    otherwise lose the answer with the connection. Raises `InvalidBodyError` for a body that is no multipart of `files`.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise InvalidBodyError("files", "Field required")
    try:
        parts = _Parts(options[b"boundary"], batch)
        async for chunk in stream:
            parts.parser.write(chunk)
            if parts.pending_bytes >= BATCH_BYTES:
                await asyncio.to_thread(parts.write_out)
        parts.parser.finalize()
    except FormParserError as error:
        raise InvalidBodyError("files", "The multipart body is damaged.") from error
    await asyncio.to_thread(parts.write_out)


async def store_urls(body: dict[str, object], batch: Batch) -> None:
    """Fetch the media of a by-URL upload. The studio works offline: only this machine's own addresses are fetched.

    Raises `InvalidBodyError` for another body, `RefusedError` 4001 for an address elsewhere or one without a file.
    """
    urls = body.get("urls")
    if not isinstance(urls, list) or not urls or not all(isinstance(url, str) for url in urls):
        raise InvalidBodyError("urls", "Field required")
    if body.get("source_type") != "url":
        raise InvalidBodyError("source_type", "Input should be 'url'")
    for url in urls:
        await _fetch(url, batch)


async def _fetch(url: str, batch: Batch) -> None:
    import httpx

    try:
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in LOCAL_HOSTS
    except ValueError:
        local = False
    if not local:
        raise RefusedError(Code.FILE_TYPE, OFFLINE)
    incoming = batch.begin(unquote(parts.path))
    if incoming.refusal:
        return
    try:
        # No proxies of the environment, no redirects: both could lead elsewhere. No CA bundle either: it is slow to
        # read, and this is plain http.
        no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with (
            httpx.AsyncClient(trust_env=False, timeout=FETCH_TIMEOUT_S, verify=no_tls) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != 200:
                raise RefusedError(Code.FILE_TYPE, f"The address answered with status {answer.status_code}.")
            async for chunk in answer.aiter_bytes(BATCH_BYTES):
                await asyncio.to_thread(incoming.write, chunk, batch.settings.max_file_bytes)
                if incoming.refusal:
                    return
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RefusedError(Code.FILE_TYPE, "The address could not be fetched.") from error
