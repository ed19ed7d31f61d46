"""The short calls: asked, and asked once more after the one remedy that its refusal has.

1001 → a new token; 429 → one wait; a missing client id → one is sent along. Every other trouble goes to the caller. Nothing
paid passes through here. Source: API text "Error Codes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.calls import UPLOAD_PATH
from nemo_watch.nemo.transport import deadline, note_unreadable, translated, whole_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from nemo_watch.clock import Clock
    from nemo_watch.config import Pace
    from nemo_watch.nemo.calls import Attribution, Request
    from nemo_watch.nemo.refusals import Answer
    from nemo_watch.nemo.transport import Transport

ANSWER_LIMIT_BYTES: Final = 1024 * 1024
STATE_LIMIT_BYTES: Final = 32 * 1024 * 1024
REDIRECTS_LIMIT: Final = 5
LONGEST_WAIT_S: Final = 300.0  # a longer Retry-After parks the film instead of holding its worker

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD: Final = frozenset({307, 308})

T = TypeVar("T")


class Bearer(Protocol):
    """The account, as the client needs it."""

    async def bearer(self) -> str:
        """The token to send."""
        ...

    async def renew(self, rejected: str) -> str:
        """A token in place of one that was refused. Raises TOKEN_REJECTED when it was given by a person."""
        ...

    def accepted(self, bearer: str) -> None:
        """A call was answered for this token."""
        ...

    async def client_id(self) -> str:
        """The client id, made when there is none yet."""
        ...

    async def learn(self, user_id: str) -> None:
        """Remember the user id that the service told, over restarts too."""
        ...

    def how_to_get_credits(self) -> str:
        """The advice when credits are out: the registration link, or to top up."""
        ...


class Quiet(Protocol):
    """A rate limit that holds for other hosts of the account as well."""

    def left_s(self) -> float:
        """How long nobody is to call, in seconds; 0 when anybody may."""
        ...

    def note(self, seconds: float) -> None:
        """We were told to slow down for so long."""
        ...


class OwnPace:
    """`Quiet` of one who has the account alone: each call waits out its own refusal."""

    def left_s(self) -> float:
        """Never any wait for what another was told."""
        return 0.0

    def note(self, seconds: float) -> None:
        """Nobody else is to hear of it."""


_OF_FILES: Final = frozenset({Cause.FILE_UNSUPPORTED, Cause.FILE_TOO_LARGE})  # elsewhere they speak of no file


class Asker:
    """Asks the service and understands its refusals, for all parts of the client."""

    def __init__(
        self, transport: Transport, attribution: Attribution, account: Bearer, pace: Pace, clock: Clock
    ) -> None:
        self.transport = transport
        self.account = account
        self.clock = clock
        self.pace = pace
        self.quiet: Quiet = OwnPace()
        self._attribution = attribution
        self._client_id: str | None = None  # sent with every call once the service has asked for it

    async def ask(
        self,
        request: Request,
        read: Callable[[Answer], T],
        *,
        limit_bytes: int = ANSWER_LIMIT_BYTES,
        limit_s: float | None = None,
        waits: bool = True,
    ) -> T:
        """What `read` makes of the answer. Raises the trouble that no remedy helped against.

        `waits` False: a rate limit is told at once instead of being waited out.
        """

        async def once(bearer: str | None) -> T:
            return read(await self._answer(request, bearer, limit_bytes, limit_s or self.pace.request_limit_s))

        return await self.with_remedies(once, request.path, signed=request.signed, waits=waits)

    async def with_remedies(
        self, once: Callable[[str | None], Awaitable[T]], call: str, *, signed: bool = True, waits: bool = True
    ) -> T:
        """`once(bearer)`, and again after each remedy, each of which is tried at most once. `waits` as in `ask`."""
        tried: set[Cause] = set()
        while True:
            if waits and (left_s := min(self.quiet.left_s(), LONGEST_WAIT_S)) > 0:
                await self.clock.sleep(left_s)
            bearer = await self.account.bearer() if signed else None
            try:
                value = await once(bearer)
            except Trouble as trouble:
                note_unreadable(trouble, call)
                if trouble.cause in tried:
                    raise self._helpless(trouble) from trouble
                tried.add(trouble.cause)
                if trouble.cause in _OF_FILES and not call.startswith(UPLOAD_PATH):
                    raise Trouble(Cause.REQUEST_REFUSED, reason=trouble.data.get("reason")) from trouble
                if not await self._remedied(trouble, bearer, waits=waits):
                    raise self.explained(trouble) from trouble.__cause__
            else:
                if bearer is not None:
                    self.account.accepted(bearer)
                return value

    def headers(self, bearer: str | None) -> dict[str, str]:
        """The headers of every request to the service itself."""
        headers = self._attribution.headers()
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        if self._client_id is not None:
            headers["X-Client-Id"] = self._client_id
        return headers

    def explained(self, trouble: Trouble) -> Trouble:
        """`trouble` with what only the account knows."""
        if trouble.cause is Cause.OUT_OF_CREDITS:
            trouble.data.setdefault("how_to_get_credits", self.account.how_to_get_credits())
        return trouble

    async def learn_client_id(self) -> None:
        """Send the client id along from now on. Source: API text "Error Codes", 400."""
        self._client_id = await self.account.client_id()

    async def _remedied(self, trouble: Trouble, bearer: str | None, *, waits: bool) -> bool:
        """Whether there was a remedy, and it was applied."""
        if trouble.cause is Cause.TOKEN_EXPIRED and bearer is not None:
            await self.account.renew(bearer)
            return True
        if trouble.cause is Cause.CLIENT_ID_MISSING and bearer is not None:
            await self.learn_client_id()
            return True
        if trouble.cause is Cause.RATE_LIMITED and waits:
            wait_s = self.slowed(trouble)
            if wait_s <= LONGEST_WAIT_S:
                await self.clock.sleep(wait_s)
                return True
        return False

    def slowed(self, trouble: Trouble) -> float:
        """How long a rate limit is to be waited out; whoever shares the account hears of it."""
        wait_s = self.pace.rate_limit_wait_s if trouble.retry_after_s is None else trouble.retry_after_s
        self.quiet.note(wait_s)
        return wait_s

    def _helpless(self, trouble: Trouble) -> Trouble:
        """What a refusal means when its remedy was tried already: no loop, but a later try or a person."""
        reason = str(trouble.data.get("reason", ""))
        if trouble.cause is Cause.TOKEN_EXPIRED:
            return Trouble(Cause.SERVICE_DOWN, reason=f"a new token was refused as well; {reason}")
        if trouble.cause is Cause.CLIENT_ID_MISSING:
            return Trouble(Cause.REQUEST_REFUSED, reason=reason)
        return self.explained(trouble)

    async def _answer(self, request: Request, bearer: str | None, limit_bytes: int, limit_s: float) -> Answer:
        what = f"no whole answer within {limit_s:g} s"
        async with self.transport.call_slots, deadline(limit_s, what):
            with translated():
                response = await self._sent(request, bearer)
                try:
                    secrets = (bearer,) if bearer else ()
                    return await whole_answer(response, limit_bytes, self.clock.now(), secrets)
                finally:
                    await response.aclose()

    async def _sent(self, request: Request, bearer: str | None) -> httpx.Response:
        """The answer's head, redirects on the service's own host followed by hand."""
        client, url, method, body = (
            self.transport.calls,
            self.transport.url(request.path),
            request.method,
            request.body(),
        )
        headers = {"Accept-Encoding": "gzip", **self.headers(bearer), **request.headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        for _ in range(REDIRECTS_LIMIT + 1):
            response = await client.send(client.build_request(method, url, headers=headers, content=body), stream=True)
            target = response.headers.get("location")
            if response.status_code not in _REDIRECTS or target is None:
                return response
            await response.aclose()
            url = url.join(target)
            if not self.transport.is_own(url):
                raise Trouble(Cause.NETWORK_DOWN, reason=f"sent on to another host, {url.host}")
            if method != "GET" and response.status_code not in _SAME_METHOD:
                raise Trouble(Cause.SERVICE_DOWN, reason=f"HTTP {response.status_code}: moved")
        raise Trouble(Cause.ANSWER_UNREADABLE, reason="sent on too often")
