"""What one host may do for all: write as the leader of its site while it is that, and slow down for what another was told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import hosts

if TYPE_CHECKING:
    import sqlalchemy as sa

    from nemo_watch.clock import Clock
    from nemo_watch.jobs.hosts import Lead
    from nemo_watch.jobs.store import Result, Store, Work


class Led:
    """The store as the leader of a site writes to it: nothing, once another leads."""

    def __init__(self, store: Store, lead: Callable[[], Lead | None]) -> None:
        self._store = store
        self._lead = lead

    @property
    def trouble(self) -> str | None:
        """As `Store.trouble`."""
        return self._store.trouble

    @property
    def barred(self) -> str:
        """As `Store.barred`."""
        return self._store.barred

    @property
    def generation(self) -> int:
        """As `Store.generation`."""
        return self._store.generation

    async def do(self, work: Work[Result]) -> Result:
        """As `Store.do`. Raises: Trouble(LOST_TO_ANOTHER) when another host leads the site now."""
        lead = self._lead()
        if lead is None:
            raise Trouble(Cause.LOST_TO_ANOTHER)

        def guarded(connection: sa.Connection) -> Result:
            hosts.check_lead(connection, lead)
            return work(connection)

        return await self._store.do(guarded)

    async def prove(self) -> None:
        """Before something is done outside of the journal. Raises: Trouble(LOST_TO_ANOTHER) when another host leads the site now."""
        lead = self._lead()
        if lead is None:
            raise Trouble(Cause.LOST_TO_ANOTHER)
        await self._store.read(lambda c: hosts.check_lead(c, lead))

    async def read(self, work: Work[Result]) -> Result:
        """As `Store.read`."""
        return await self._store.read(work)


@dataclass(slots=True)
class SharedPace:
    """`nemo.asking.Quiet` for all hosts: what one was told of the rate limit, the others heed from their next beat on."""

    clock: Clock
    until_s: float = 0.0  # on this host's monotonic clock
    untold_until_s: float = 0.0  # what the others have not heard yet

    def left_s(self) -> float:
        """How long nobody is to call, in seconds."""
        return max(0.0, self.until_s - self.clock.monotonic())

    def note(self, seconds: float) -> None:
        """We were told to slow down; this host waits by itself, the others hear of it."""
        self.untold_until_s = max(self.untold_until_s, self.clock.monotonic() + seconds)
