"""Whose credits are spent: the token that a person gave, or an anonymous account with a client id kept for ever.

A given token is never replaced. An anonymous one is renewed under the same client id, one renewal at a time, and used until
the service itself refuses it where it cannot be renewed: the date may be wrong. A new client id is taken only where a token's
first answer was lost, and at most once a day, and none is used that could not be kept: the service counts them per machine.
Source: API text "Authentication" and "Error Codes"; README "The account" for the caps per client id and address.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from errno import EDQUOT, ENOSPC
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.logs import logger
from nemo_watch.masking import mask
from nemo_watch.nemo.refusals import tell_plan
from nemo_watch.nemo.tokens import KeptToken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from nemo_watch.clock import Clock
    from nemo_watch.nemo.tokens import TokenStore
    from nemo_watch.nemo.values import Token

REGISTER_URL: Final = "https://nemovideo.com/register?bind="
NEW_CLIENT_ID_EVERY: Final = timedelta(days=1)
UNPROVEN_MAX: Final = 2
ANOTHER_TOKEN_EVERY_S: Final = 86_400.0
KEEP_AGAIN_S: Final = 60.0  # a disk that refused the token is tried again with the first call after so long
_THE_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)  # the date of an id that replaces none: it may be replaced at once
_TOO_CLOSE: Final = timedelta(seconds=60)  # a token that ends within a minute is not worth a call

_log = logger("nemo")


class Account:
    """The account behind every call. Call `open` before anything else.

    `host` is the service's host: a kept token never goes to another. `fetch_token` asks the service for a token by client
    id, and waits once by itself when it is rate limited. `given_client_id` is the person's own and never replaced.
    """

    def __init__(
        self,
        host: str,
        store: TokenStore,
        clock: Clock,
        fetch_token: Callable[[str], Awaitable[Token]],
        *,
        given_token: str | None = None,
        given_client_id: str | None = None,
    ) -> None:
        self._host = host
        self._store = store
        self._clock = clock
        self._fetch_token = fetch_token
        self._given_token = (given_token or "").strip() or None
        self._given_client_id = (given_client_id or "").strip() or None
        self._client_id: str | None = None
        self._kept: KeptToken | None = None
        self._told_user_id: str | None = None
        self._unproven = 0  # tokens fetched since a call was last answered
        self._fetched_s = float("-inf")  # on the monotonic clock, as the next
        self._unkept_s: float | None = None  # when the disk last refused the token, None when it has it
        self._is_id_kept = True  # a new client id that the disk refused is used for nothing yet
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Read what is kept, and make the client id of an anonymous account.

        Raises: UsageError when what is kept cannot be read: a new account in its place would not have its credits.
        """
        if self._given_token is None:
            await self.client_id()
            with _read():
                self._kept = self._fitting(await self._store.token())
            if self._kept is not None:
                mask(self._kept.token)

    @property
    def is_anonymous(self) -> bool:
        """Whether no person gave a token."""
        return self._given_token is None

    @property
    def has_token(self) -> bool:
        """Whether there is a token already; asking for one starts its days."""
        return self._given_token is not None or self._kept is not None

    @property
    def key(self) -> str:
        """Which account this is, for rows that must not be taken for another's; the token is not in it."""
        if self._given_token is not None:
            return f"token:{hashlib.sha256(self._given_token.encode()).hexdigest()[:12]}@{self._host}"
        return f"client:{self._client_id}@{self._host}"

    @property
    def user_id(self) -> str | None:
        """The user id that the service told with a token or a session."""
        return self._told_user_id or (self._kept.user_id if self._kept else None)

    async def learn(self, user_id: str) -> None:
        """Remember the user id that a session's answer told; the registration link is made of it after a restart too."""
        self._told_user_id = user_id
        async with self._lock:
            if self._kept is not None and self._kept.user_id != user_id:
                self._kept = replace(self._kept, user_id=user_id)
                await self._keep(self._kept)

    def accepted(self, bearer: str) -> None:
        """A call was answered for this token: if it is refused from now on, it has expired."""
        if self._kept is not None and self._kept.token == bearer:
            self._unproven = 0

    def registration_link(self) -> str | None:
        """Where an anonymous account is registered to keep its credits and projects; None for a person's own token."""
        if self._given_token is not None:
            return None
        return REGISTER_URL + quote(self.user_id or self._client_id or "", safe="")

    def how_to_get_credits(self) -> str:
        """The advice when credits are out. Source: API text "Error Codes", 2001."""
        link = self.registration_link()
        if link is None:
            return "Top up your credits at https://nemovideo.com; nemo-watch goes on by itself."
        return f"Register at {link} and top up; nemo-watch goes on by itself when the balance has risen."

    async def client_id(self) -> str:
        """The client id: the person's, the one kept, or a new one that is kept from now on. Raises: UsageError, as `open`."""
        if self._client_id is None:
            async with self._store.alone():
                await self._choose_client_id()
        assert self._client_id is not None  # noqa: S101  just chosen
        return self._client_id

    async def _choose_client_id(self) -> None:
        with _read():
            kept = await self._store.client_id() if self._given_client_id is None else None
        self._client_id = self._given_client_id or (kept[0] if kept else str(uuid.uuid4()))
        self._is_id_kept = self._given_client_id is not None or kept is not None
        with suppress(Trouble):  # a full disk keeps nothing from starting, only the first token from being asked for
            await self._keep_client_id()

    async def bearer(self) -> str:
        """The token to send. Raises what the token call raises, TOKENS_USED_UP when no token is given out."""
        if self._given_token is not None:
            return self._given_token
        async with self._lock:
            if self._kept is None:
                await self._renewed()
            elif self._is_past(self._kept.expires_at):
                await self._renewed_if_possible(self._kept)
            elif self._unkept_s is not None and self._clock.monotonic() - self._unkept_s >= KEEP_AGAIN_S:
                await self._keep(self._kept)
            return self._token()

    async def renew(self, rejected: str) -> str:
        """A token in place of `rejected`; whoever comes second gets what the first one fetched. Raises TOKEN_REJECTED."""
        if self._given_token is not None:
            raise Trouble(Cause.TOKEN_REJECTED)
        async with self._lock:
            if self._kept is None or self._kept.token == rejected:
                self._refuse_to_burn_tokens()
                await self._renewed()
            return self._token()

    def _refuse_to_burn_tokens(self) -> None:
        """Tokens that are refused before they were ever good have not expired: one more a day may help, all use up the cap."""
        since_s = self._clock.monotonic() - self._fetched_s  # the date may be put back by years
        if self._unproven >= UNPROVEN_MAX and since_s < ANOTHER_TOKEN_EVERY_S:
            raise Trouble(Cause.SERVICE_DOWN, not_taken=True, reason="it refuses the token that it has just given out")

    def _token(self) -> str:
        assert self._kept is not None  # noqa: S101  just renewed
        return self._kept.token

    async def _renewed_if_possible(self, kept: KeptToken) -> None:
        """Renew a token whose date is over. Where that is refused it is used on, until the service itself refuses it.

        A date that jumped ahead makes every token look old, and would hold everything up for as long as it is wrong.
        """
        try:
            await self._renewed()
        except Trouble as refused:
            _log.info("token.used_on", reason=str(refused))
            self._kept = replace(kept, expires_at=None)

    async def _renewed(self) -> None:
        """The token that another host has fetched since, or a new one."""
        async with self._store.alone():
            kept = await self._others()
            if kept is None:
                await self._renewed_alone()
            else:
                mask(kept.token)
                self._kept = kept

    async def _others(self) -> KeptToken | None:
        """The token of this account that somebody else who shares the store has fetched, None where there is none but ours."""
        with _read():
            chosen, kept = await self._store.client_id(), await self._store.token()
        if chosen is not None and self._given_client_id is None:
            self._client_id = chosen[0]  # another host may have had to take a new one
        fitting = self._fitting(kept)
        if fitting is None or self._is_past(fitting.expires_at) or (self._kept and self._kept.token == fitting.token):
            return None
        return fitting

    async def _renewed_alone(self) -> None:
        """Fetch a token under the client id; if none was ever kept for it, an answer was lost: take a new client id."""
        client_id = await self.client_id()
        await self._keep_client_id()
        try:
            token = await self._fetched(client_id)
        except Trouble as trouble:
            if trouble.cause is not Cause.RATE_LIMITED:
                raise
            if not await self._may_take_another(client_id):
                raise _used_up(trouble) from trouble
            client_id = self._client_id = await self._new_client_id(self._clock.now())
            try:
                token = await self._fetched(client_id)
            except Trouble as again:
                raise (_used_up(again) if again.cause is Cause.RATE_LIMITED else again) from again
        # A date that is over already tells of a clock, not of the token: nobody gives out dead ones, and a new one at
        # every call would soon use up what this machine may have.
        expires_at = None if self._is_past(token.expires_at) else token.expires_at
        self._kept = KeptToken(self._host, client_id, token.token, token.user_id, expires_at)
        mask(token.token)
        self._unproven += 1
        self._fetched_s = self._clock.monotonic()
        await self._keep(self._kept)

    async def _fetched(self, client_id: str) -> Token:
        """A token; a client id that the service does not take for one is replaced, once, unless a person gave it."""
        try:
            return await self._asked_for(client_id)
        except Trouble as trouble:
            if trouble.cause is not Cause.CLIENT_ID_MISSING or self._given_client_id is not None:
                raise
        self._client_id = await self._new_client_id(self._clock.now())
        return await self._asked_for(self._client_id)

    async def _asked_for(self, client_id: str) -> Token:
        try:
            return await self._fetch_token(client_id)
        except Trouble as trouble:
            tell_plan(trouble)
            raise

    async def _may_take_another(self, client_id: str) -> bool:
        """Whether the first token of this client id was lost on its way, and no other id was taken within a day.

        An id that is dated in the future was taken before the date was put back: it holds nothing up.
        """
        had = (self._kept, await self._store.token())
        if self._given_client_id is not None or any(kept is not None and kept.client_id == client_id for kept in had):
            return False
        kept_id = await self._store.client_id()
        return kept_id is None or not timedelta(0) <= self._clock.now() - kept_id[1] < NEW_CLIENT_ID_EVERY

    # -- what is kept --------------------------------------------------------------------------------------------------

    async def _new_client_id(self, taken_at: datetime) -> str:
        """A client id in place of one that got no token, kept before it is used. Raises: Trouble when the disk refuses."""
        client_id = str(uuid.uuid4())
        with _written():
            await self._store.keep_client_id(client_id, taken_at)
        return client_id

    async def _keep_client_id(self) -> None:
        """Keep the first client id. Raises: Trouble when the disk refuses; a token for an id that is lost again is a token lost."""
        if not self._is_id_kept and self._client_id is not None:
            with _written():
                await self._store.keep_client_id(self._client_id, _THE_FIRST)
            self._is_id_kept = True

    async def _keep(self, token: KeptToken) -> None:
        """Keep the token for the next start. A disk that refuses is told once and tried again: the token is good all the same."""
        try:
            await self._store.keep_token(token)
        except OSError as error:
            if self._unkept_s is None:
                _log.warning("token.unkept", reason=error.strerror)
            self._unkept_s = self._clock.monotonic()
        else:
            self._unkept_s = None

    def _fitting(self, kept: KeptToken | None) -> KeptToken | None:
        """What is kept, if it was made for this host and client id."""
        fits = kept is not None and kept.host == self._host and kept.client_id == self._client_id
        return kept if fits else None

    def _is_past(self, expires_at: datetime | None) -> bool:
        return expires_at is not None and expires_at - self._clock.now() < _TOO_CLOSE


def _used_up(trouble: Trouble) -> Trouble:
    return Trouble(Cause.TOKENS_USED_UP, retry_after_s=trouble.retry_after_s, reason=trouble.data.get("reason"))


@contextmanager
def _written() -> Iterator[None]:
    """Tell what the store throws when it is written: it passes."""
    try:
        yield
    except OSError as error:
        if error.errno in {ENOSPC, EDQUOT}:
            raise Trouble(Cause.NO_SPACE, folder="the state folder") from error
        raise Trouble(Cause.OUTBOX_UNWRITABLE, folder="The state folder", reason=error.strerror) from error


@contextmanager
def _read() -> Iterator[None]:
    """Tell what the store throws when it is read: that is for a person."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{error.filename or 'The account in the state folder'} cannot be read ({error.strerror}). "
            "Give nemo-watch the right to read it."
        ) from error
