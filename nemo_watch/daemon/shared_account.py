"""The anonymous account of several hosts, kept in their journal: one client id, one token, fetched by one of them at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import records
from nemo_watch.jobs.postgres import ACCOUNT_LOCK, NETWORK, shown_address
from nemo_watch.nemo.tokens import KeptToken, as_json, from_json

if TYPE_CHECKING:
    from nemo_watch.jobs.store import Store

_HELD_MAX: Final = "120s"  # fetching a token takes seconds; a host that is frozen meanwhile must not hold up the others


class SharedTokens:
    """`nemo.tokens.TokenStore` in the journal on the server at `url`. Who may read the database may use the account."""

    def __init__(self, store: Store, url: str) -> None:
        self._store = store
        self._url = url

    async def client_id(self) -> tuple[str, datetime] | None:
        """The client id and when it was taken."""
        kept: Any = await self._store.read(lambda c: records.kept(c, "account/client-id"))
        return None if kept is None else (str(kept["id"]), datetime.fromisoformat(kept["taken_at"]))

    async def keep_client_id(self, client_id: str, taken_at: datetime) -> None:
        """Keep a client id in place of the one before."""
        value = {"id": client_id, "taken_at": taken_at.isoformat()}
        await self._store.do(lambda c: records.keep(c, "account/client-id", value))

    async def token(self) -> KeptToken | None:
        """The token kept last."""
        kept = await self._store.read(lambda c: records.kept(c, "account/token"))
        return None if kept is None else from_json(kept)

    async def keep_token(self, token: KeptToken) -> None:
        """Keep a token in place of the one before."""
        await self._store.do(lambda c: records.keep(c, "account/token", as_json(token)))

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold the account's lock on the server. Raises: Trouble(JOURNAL_AWAY) when the server is away."""
        import psycopg

        try:
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **NETWORK)
            await connection.execute("SELECT set_config('idle_session_timeout', %s, false)", (_HELD_MAX,))
            await connection.execute(f"SELECT pg_advisory_lock({ACCOUNT_LOCK})")
        except psycopg.Error as error:
            raise Trouble(Cause.JOURNAL_AWAY, journal=shown_address(self._url), reason=type(error).__name__) from error
        try:
            yield
        finally:
            with suppress(psycopg.Error):
                await connection.close()
