"""What one run of a job holds: the order, the ports, and how it tells what it does. No decision lives here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemo_watch.clock import Clock
    from nemo_watch.config import Pace
    from nemo_watch.jobs.journal import Journal
    from nemo_watch.jobs.ports import Language, Media, Outbox, Service
    from nemo_watch.model import Medium, Order


@dataclass(frozen=True, slots=True)
class Session:
    """The service's session that a film is made in. `row` is the journal's number of it."""

    row: int
    session_id: str
    task_id: str | None

    @property
    def scope(self) -> str:
        """Where the journal keeps what belongs to the session and not to one job: its uploads."""
        return f"session/{self.row}"


@dataclass(slots=True)
class Run:
    """One job being worked on by this process.

    `report` takes the progress (0…1) and what is being done, in words. `paid_a_day` is the daily limit, None where messages
    cost nothing. `paying` is true from the moment a paid message goes out until its receipt is on disk: nothing may cut that.
    """

    order: Order
    film: str
    version: int
    first_version: bool
    batch: bool
    project: int
    prompt_file: str
    as_it_stands: bool
    refused_at: float | None  # the balance at which credits were refused; None when they were not
    language: str
    journal: Journal
    service: Service
    words: Language
    media: Media
    outbox: Outbox
    clock: Clock
    pace: Pace
    uploads: asyncio.Semaphore
    paid_a_day: int | None
    report: Callable[[float, str], None]
    balance_before: float | None = None  # as last read before a message
    paying: bool = False
    halting: bool = False
    left_out: list[tuple[Medium | None, str]] = field(default_factory=list)

    async def tell(self, line: str) -> None:
        """One line of the film's story, for its project.log."""
        await self.outbox.log(line)

    @asynccontextmanager
    async def unbroken(self) -> AsyncIterator[None]:
        """While inside, the run is not to be cancelled; afterwards a halt that was asked for takes effect."""
        self.paying = True
        try:
            yield
        finally:
            self.paying = False
        if self.halting:
            raise asyncio.CancelledError
