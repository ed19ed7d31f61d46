"""The three connections' pools to the service, and the line at which every foreign error becomes one of ours.

Streams, short calls and transfers have clients of their own: held streams make short calls slow, and httpx 0.28's pool
loses slots when a request is cancelled, so no pool has a limit and semaphores count instead. It must never follow a
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
from typing import TYPE_CHECKING, Final

import httpx

from nemo_watch import __version__
from nemo_watch.errors import Cause, Trouble
from nemo_watch.logs import logger
from nemo_watch.nemo.refusals import Answer
from nemo_watch.nemo.unpacking import Unpacker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

CONNECT_LIMIT_S: Final = 15.0
CALLS_AT_ONCE: Final = 32
STREAMS_AT_ONCE: Final = 500
TRANSFERS_AT_ONCE: Final = 16
FILE_THREADS: Final = 16

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
        client = httpx.AsyncClient(
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
