"""PgQueuer on the journal's server: its tables, its connections, and how it is joined."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from nemo_watch.jobs.postgres import NETWORK, QUEUE_LOCK

if TYPE_CHECKING:
    from pgqueuer import PgQueuer


@asynccontextmanager
async def joined_queue(url: str) -> AsyncIterator[PgQueuer]:
    """The queue while its connections hold. Raises: what `database_errors` names."""
    import psycopg
    from pgqueuer import PgQueuer

    async with AsyncExitStack() as stack:
        asking, hearing = [
            await stack.enter_async_context(await psycopg.AsyncConnection.connect(url, autocommit=True, **NETWORK))
            for _ in range(2)
        ]
        await _installed(asking)
        yield PgQueuer(_driver(asking, hearing))


def _driver(asking: Any, hearing: Any) -> Any:  # noqa: ANN401  the driver's
    """PgQueuer's driver on two connections: who listens on the one that asks holds every question up for a second."""
    from pgqueuer.db import PsycopgDriver

    class Driver(PsycopgDriver):
        def __init__(self) -> None:
            super().__init__(asking)
            self._ear = PsycopgDriver(hearing)
            self.add_listener = self._ear.add_listener  # type: ignore[method-assign]
            self.remove_listener = self._ear.remove_listener  # type: ignore[method-assign]

        async def __aenter__(self) -> Self:
            await self._ear.__aenter__()
            return await super().__aenter__()

        async def __aexit__(self, *error: object) -> None:
            await super().__aexit__(*error)
            await self._ear.__aexit__(*error)

    return Driver()


async def _installed(connection: Any) -> None:  # noqa: ANN401  the driver's
    """PgQueuer's own tables, of today's version; hosts that start at once do this one after the other."""
    from pgqueuer.queries import Queries

    await connection.execute(f"SELECT pg_advisory_lock({QUEUE_LOCK})")
    try:
        queries = Queries.from_psycopg_connection(connection)
        await (queries.upgrade() if await queries.schema_is_installed() else queries.install())
    finally:
        with contextlib.suppress(*database_errors()):
            await connection.execute(f"SELECT pg_advisory_unlock({QUEUE_LOCK})")


def database_errors() -> tuple[type[BaseException], ...]:
    """What the driver throws when the server is away."""
    import psycopg

    return (psycopg.Error, OSError, TimeoutError)
