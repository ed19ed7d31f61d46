"""The three connections' pools to the service, and the line at which every foreign error becomes one of ours.

Streams, short calls and transfers have clients of their own: held streams make short calls slow, and httpx 0.28's pool
loses slots when a request is cancelled, so no pool has a limit, semaphores count instead, and what was lost is closed. It must never follow a
redirect by itself, keep a cookie, or wait without a deadline. Source: encode/httpcore #1093, PR #1035.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

from nemo_watch import __version__
from nemo_watch.errors import Cause, Trouble
from nemo_watch.logs import logger
from nemo_watch.nemo.refusals import Answer
from nemo_watch.nemo.unpacking import Unpacker

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator
    from datetime import datetime

CONNECT_LIMIT_S: Final = 15.0
CALLS_AT_ONCE: Final = 32
STREAMS_AT_ONCE: Final = 500
TRANSFERS_AT_ONCE: Final = 16
FILE_THREADS: Final = 16
READ_BYTES: Final = 256 * 1024  # asyncio itself takes no more from a socket at once

# What httpx and what it stands on may throw while a request is under way. Anything else is a mistake of ours.
FOREIGN: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ssl.SSLError, UnicodeError)

_log = logger("nemo")


class Transport:
    """The clients, made off the loop by `start` (the certificates alone take 200 ms) and closed by `aclose`.

    `wire` takes the network's place in tests. Environment proxies are used, but never towards this machine itself.
    """

    streams: httpx.AsyncClient
    calls: httpx.AsyncClient
    transfers: httpx.AsyncClient

    def __init__(self, base_url: str, wire: httpx.AsyncBaseTransport | None = None) -> None:
        self.base = httpx.URL(base_url.rstrip("/"))
        self.trust_env = not is_loopback(self.base.host)
        self.call_slots = asyncio.Semaphore(CALLS_AT_ONCE)
        self.stream_slots = asyncio.Semaphore(STREAMS_AT_ONCE)
        self.transfer_slots = asyncio.Semaphore(TRANSFERS_AT_ONCE)
        self.files = ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="nemo-files")
        self._wire = wire

    async def start(self) -> None:
        """Make the clients."""
        self.streams, self.calls, self.transfers = await asyncio.to_thread(self._clients)

    async def aclose(self) -> None:
        """Close every connection; reads and writes of files that still hang are left to their threads."""
        for client in (self.streams, self.calls, self.transfers):
            await client.aclose()
        self.files.shutdown(wait=False, cancel_futures=True)

    def url(self, path: str) -> httpx.URL:
        """The address of an endpoint."""
        return httpx.URL(f"{self.base}{path}" if not str(self.base).endswith("/") else f"{self.base}{path[1:]}")

    def is_own(self, url: httpx.URL) -> bool:
        """Whether `url` is on the service's own scheme, host and port: only there the bearer may go."""
        return (url.scheme, url.host, port_of(url)) == (self.base.scheme, self.base.host, port_of(self.base))

    def _clients(self) -> tuple[httpx.AsyncClient, httpx.AsyncClient, httpx.AsyncClient]:
        context = httpx.create_ssl_context(trust_env=self.trust_env)
        return self._client(context, 0), self._client(context, 8), self._client(context, 0)

    def _client(self, context: ssl.SSLContext, kept_alive: int) -> httpx.AsyncClient:
        """A client whose paid and long requests never meet a connection that the server is just closing."""
        client = _Client(
            verify=context,
            trust_env=self.trust_env,
            transport=self._wire,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=kept_alive, keepalive_expiry=15.0),
            timeout=httpx.Timeout(None, connect=CONNECT_LIMIT_S),
            headers={"User-Agent": f"nemo-watch/{__version__}"},
        )
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return client


class _Client(httpx.AsyncClient):
    """A client whose cancelled requests leave no connection behind. Source: encode/httpcore #1093, open."""

    async def send(self, *arguments: Any, **options: Any) -> httpx.Response:  # noqa: ANN401  as httpx has it
        """Send a request. A body that is being closed is closed to the end, whoever is cancelled meanwhile."""
        try:
            response = await super().send(*arguments, **options)
        except BaseException:
            await asyncio.shield(self._swept())
            raise
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Body(response.stream)
        return response

    async def _swept(self) -> None:
        """Close the connections that a pool holds for nobody: made for a request that was gone before it could use them."""
        pools = [getattr(wire, "_pool", None) for wire in (self._transport, *self._mounts.values())]
        for pool in filter(None, pools):
            served = [request.connection for request in pool._requests]  # noqa: SLF001  the pool itself does not look
            lost = [one for one in pool.connections if one not in served and not one.is_idle()]
            for connection in lost:
                pool._connections.remove(connection)  # noqa: SLF001
            for connection in lost:
                await connection.aclose()


class _Body(httpx.AsyncByteStream):
    """A body whose end no cancellation cuts: httpcore shields it from anyio's only."""

    def __init__(self, body: httpx.AsyncByteStream) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body.__aiter__()

    async def aclose(self) -> None:
        """Let go of the connection."""
        await asyncio.shield(self._body.aclose())


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the network throws into NETWORK_DOWN (or ANSWER_UNREADABLE, REQUEST_REFUSED), its cause kept."""
    try:
        yield
    except (httpx.DecodingError, httpx.TooManyRedirects) as error:
        raise Trouble(Cause.ANSWER_UNREADABLE, reason=named(error)) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise Trouble(Cause.REQUEST_REFUSED, reason=named(error)) from error
    except FOREIGN as error:
        raise Trouble(Cause.NETWORK_DOWN, reason=named(error)) from error


@asynccontextmanager
async def deadline(seconds: float, what: str) -> AsyncIterator[asyncio.Timeout]:
    """End what runs inside after `seconds` with NETWORK_DOWN; it may be put off with `reschedule`."""
    try:
        async with asyncio.timeout(seconds) as limit:
            yield limit
    except TimeoutError as error:
        raise Trouble(Cause.NETWORK_DOWN, reason=what) from error


async def whole_answer(
    response: httpx.Response, limit_bytes: int, now: datetime, secrets: tuple[str, ...] = ()
) -> Answer:
    """The whole answer, unpacked. Raises ANSWER_UNREADABLE when it is larger than `limit_bytes`."""
    unpacker = Unpacker(response.headers.get("content-encoding", ""))
    body = bytearray()
    async for chunk in response.aiter_raw():
        for piece in unpacker.pieces(chunk):
            body += piece
            if len(body) > limit_bytes:
                raise Trouble(Cause.ANSWER_UNREADABLE, reason=f"an answer of more than {limit_bytes // 1024} KiB")
    return Answer(response.status_code, lowered(response.headers), bytes(body), now, secrets)


async def raw_chunks(response: httpx.Response) -> AsyncGenerator[bytes]:
    """The body as it comes, unpacked by nobody. Raises httpx.ReadError and httpx.RemoteProtocolError when it is cut.

    What follows the first chunk of a body of known length is read off the connection itself: on the way through h11 and
    httpx each 64 KiB are copied many times; measured here, a download that goes that way costs more than twice the CPU. The connection is not used
    again. Source: httpcore "Extensions", `network_stream`; h11's reader by length keeps nothing back (`_readers.py`).
    """
    wire: httpcore.AsyncNetworkStream | None = response.extensions.get("network_stream")
    rest_bytes = None if is_framed(response) else length_of(response)
    chunks = response.aiter_raw()  # kept to the end: httpx closes the connection with it
    async for chunk in chunks:
        yield chunk
        if wire is not None and rest_bytes is not None:
            rest_bytes -= len(chunk)
            break
    else:
        return
    while rest_bytes:
        try:
            chunk = await wire.read(min(rest_bytes, READ_BYTES))
        except httpcore.NetworkError as error:
            raise httpx.ReadError(str(error)) from error
        if not chunk:
            raise httpx.RemoteProtocolError(f"closed {rest_bytes} bytes before the end")
        rest_bytes -= len(chunk)
        yield chunk


def length_of(response: httpx.Response) -> int | None:
    """The length that an answer announces for its body."""
    told = response.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() else None


def is_framed(response: httpx.Response) -> bool:
    """Whether the end of the body is marked by its chunks, so that a cut is noticed and no length counts."""
    return "chunked" in response.headers.get("transfer-encoding", "").casefold()


def lowered(headers: httpx.Headers) -> dict[str, str]:
    """The headers by lower-case name."""
    return {name.lower(): value for name, value in headers.items()}


def note_unreadable(trouble: Trouble, call: str) -> None:
    """Keep the sample of an answer that could not be understood, in the debug log only."""
    if trouble.cause is Cause.ANSWER_UNREADABLE:
        _log.debug("answer.not_understood", call=call, **trouble.data)


def port_of(url: httpx.URL) -> int:
    """The port of an address, the scheme's own when it names none."""
    return url.port or (443 if url.scheme == "https" else 80)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or number alone."""
    if host.casefold() == "localhost" or host.casefold().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def named(error: BaseException) -> str:
    """A foreign error in a few words that a person understands; its own words stay with it as the cause."""
    for root in _roots(error):
        if words := next((words for kind, words in _ROOTS if isinstance(root, kind)), None):
            return words
    return next((words for kind, words in _WORDS if isinstance(error, kind)), "the connection failed")


def _roots(error: BaseException) -> Iterator[BaseException]:
    """What an error comes from, the parts of a group included: several addresses may have been tried."""
    seen: list[BaseException] = [error]
    for one in seen:
        causes = [one.__cause__ or one.__context__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]
        seen += [cause for cause in causes if cause is not None and cause not in seen]
    yield from seen


_ROOTS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (socket.gaierror, "its name cannot be resolved"),
    (ConnectionRefusedError, "the connection was refused"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
)

_WORDS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (httpx.ConnectTimeout, "no connection within the time"),
    (httpx.TimeoutException, "no answer within the time"),
    (httpx.ConnectError, "no connection"),
    (httpx.RemoteProtocolError, "the connection was cut in the middle of an answer"),
    (httpx.LocalProtocolError, "the request could not be written"),
    (httpx.DecodingError, "the answer could not be unpacked"),
    (httpx.InvalidURL, "the address is no address"),
    (httpx.UnsupportedProtocol, "the address is neither http nor https"),
    (httpx.ReadError, "the connection was cut while an answer was read"),
    (httpx.WriteError, "the connection was cut while a request was written"),
    (OSError, "the connection failed"),
)
