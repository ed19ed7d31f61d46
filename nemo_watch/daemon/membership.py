"""Whether this daemon has the journal for itself, or is one host of several; and what it does first when it leads."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import sqlalchemy as sa

from nemo_watch import __version__
from nemo_watch.errors import Cause, FilmState, Trouble
from nemo_watch.jobs import hosts, queue, records
from nemo_watch.jobs.hosts import Host
from nemo_watch.jobs.news import news, tell_news
from nemo_watch.jobs.turns import is_held, waiting_for_another
from nemo_watch.logs import logger
from nemo_watch.model import Backend, JobState

if TYPE_CHECKING:
    from pathlib import Path

    from nemo_watch.config import Config
    from nemo_watch.jobs.cluster import Cluster
    from nemo_watch.jobs.queue import JobRecord
    from nemo_watch.jobs.store import Store

log = logger("daemon")

ENDED: Final = frozenset({FilmState.DONE, FilmState.CANCELLED})
"""Films to which nothing more happens by itself, and about which nobody is asked."""

_PATIENCE_S: Final = 120.0
"""How long one that only helps, and is to end, waits for the host that leads to look at the inbox."""

MARK: Final = ".nemo-watch-site"
"""The hidden file of the outbox by which hosts know that they see the same one."""


@dataclass(frozen=True, slots=True)
class Left:
    """What one that only helped leaves to the others, by the name of the host that leads and the films they have at work."""

    leader: str
    at_work: tuple[str, ...]
    is_all_done: bool


@dataclass(slots=True)
class Leading:
    """Whether this daemon looks at the inbox and decides. `begin` is done first, each time it begins to."""

    cluster: Cluster | None
    backend: Backend
    begin: Callable[[], Awaitable[None]]
    is_blind: Callable[[], bool]  # the inbox was away at the last look
    _begun: object = None
    _heard: int = -1  # the news that was known when the round began
    _rested: int = -1
    _asked: int | None = None
    _asked_at_s: float = 0.0

    async def leads(self) -> bool:
        """Whether it does now. Who has the journal alone always does."""
        lead = 0 if self.cluster is None else self.cluster.lead
        if lead is None:
            return False
        if self.cluster is not None and self.is_blind():
            await self.cluster.hand_over()
            if self.cluster.lead is None:
                return False
        if lead != self._begun:
            await self.begin()
            self._begun = lead
        self._heard = -1 if self.cluster is None else self.cluster.news
        return True

    async def rest(self) -> None:
        """Nothing can move here until something new comes: those that only help, and end when all is done, may hear it."""
        cluster, heard = self.cluster, self._heard
        if cluster is not None and cluster.lead is not None and heard != self._rested:
            rests = {"owner": cluster.host.owner, "heard": heard}
            with suppress(Trouble):  # another leads now
                await cluster.led().do(lambda c: records.keep(c, _rest_key(cluster.site), rests))
                self._rested = heard

    async def left_to(self) -> Left | None:
        """What is left to the host that leads, for one that only helps; None while something waits here or for a host, or we lead."""
        cluster = self.cluster
        if cluster is None or cluster.lead is not None or cluster.leader is None or cluster.dispatcher.running:
            return None
        site = cluster.site
        jobs, doubted, films, states = await cluster.store.read(
            lambda c: (
                queue.open_jobs_of(c, site, self.backend), queue.doubted_sessions(c), records.films(c, site=site), records.states(c, site)
            )
        )  # fmt: skip
        waiting = waiting_for_another(jobs, doubted)
        held = frozenset(film.id for film in films if film.held and not film.released)
        if any(job.state is JobState.QUEUED and job.id not in waiting and not is_held(job, held) for job in jobs):
            return None
        at_work = tuple(job.film_name for job in jobs if job.state is JobState.WORKING)
        if at_work or await self._has_rested(cluster):
            return Left(cluster.leader, at_work, is_all_done=not jobs and all(state in ENDED for state in states))
        if cluster.clock.monotonic() - self._asked_at_s < _PATIENCE_S:
            return None
        return Left(cluster.leader, (), is_all_done=False)  # nobody knows

    async def _has_rested(self, cluster: Cluster) -> bool:
        """Whether the host that leads has looked, and found nothing that can move, since we came."""
        if self._asked is None:
            self._asked = await cluster.store.do(_asked_to_look)
            self._asked_at_s = cluster.clock.monotonic()
        rested, alive = await cluster.store.read(
            lambda c: (records.kept(c, _rest_key(cluster.site)) or {}, hosts.alive(c))
        )
        return rested.get("owner") in alive and rested["heard"] >= self._asked

    @property
    def may_tell(self) -> bool:
        """Whether what this daemon tells without asking the journal overwrites nobody."""
        return self.cluster is None or self.cluster.surely_leads

    @property
    def following(self) -> str:
        """What is done here while another leads, in words."""
        if self.cluster is None:
            return ""
        leader = self.cluster.leader or "no host"
        return f"{leader} looks at the inbox; {len(self.cluster.dispatcher.running)} films at work here"


def _rest_key(site: int) -> str:
    return f"rest/{site}"


def _asked_to_look(connection: sa.Connection) -> int:
    tell_news(connection)
    return news(connection)


def able(config: Config) -> Callable[[JobRecord, bool], Awaitable[bool]]:
    """Whether this host can carry a job out: it was decided for our backend, and some of its media is in our inbox, or we lead.

    An empty or another inbox would take every file for lost; what really is lost, the host that leads has seen. No more is asked of an
    inbox that does not answer until it has.
    """
    backend, inbox = Backend(config.service.backend), config.folders.inbox
    stuck: set[asyncio.Future[bool]] = set()

    def is_here(job: JobRecord) -> bool:
        return not job.order.media or any((inbox / medium.path).is_file() for medium in job.order.media)

    async def answer(job: JobRecord, leads: bool) -> bool:
        if job.order.backend is not backend or stuck:
            return False
        look = asyncio.ensure_future(asyncio.to_thread(is_here, job))
        done, _ = await asyncio.wait([look], timeout=config.journal.silence_s)
        if not done:
            stuck.add(look)
            look.add_done_callback(stuck.discard)
        found = bool(done) and (leads or look.result())
        if not found:
            log.warning("film.not_here", film=job.film_name, inbox=str(inbox))
        return found

    return answer


async def joined(config: Config, store: Store, account: str) -> tuple[Host, int]:
    """The daemon as a host of its site, entered in place of the one that ran on this state folder before, and the site's number.

    `account` is the key of its account: one with a token of its own is another than one without.

    Raises: UsageError as `hosts.join`; Trouble when the outbox or the state folder refuses.
    """
    name = host_name(config)
    mark = outbox_mark(config.folders.outbox)
    own_token = account if account.startswith("token:") else "none"
    url = config.service.url if config.service.backend == "cloud" else ""  # each has a studio of its own
    terms = {"service.backend": config.service.backend, "NEMO_TOKEN": own_token, "service.url": url}
    host = Host(uuid4().hex, name, __version__, config.journal.silence_s, mark, tuple(terms.items()))
    before = _replaced(config.folders.state / "host", host.owner)

    def work(connection: sa.Connection) -> int:
        if before:
            hosts.leave(connection, before)  # the lock of the state folder proves that it is no more
        hosts.forget(connection)
        return hosts.join(connection, host, site_name(config), mark, terms)

    return host, await store.do(work)


def host_name(config: Config) -> str:
    """What this host is called in the status."""
    return config.journal.host or socket.gethostname()


def site_name(config: Config) -> str:
    """What the site of this host's inbox and outbox is called."""
    return config.journal.site or host_name(config)


def outbox_mark(outbox: Path) -> str:
    """What stands in the outbox's mark, which the first host makes."""
    path = outbox / MARK
    new = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        if not path.exists():
            new.write_text(uuid4().hex)
            with suppress(FileExistsError):
                os.link(new, path)  # whole or not at all, and never over another host's
            new.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise Trouble(Cause.OUTBOX_UNWRITABLE, folder=str(outbox), reason=error.strerror) from error


def _replaced(path: Path, owner: str) -> str:
    """The owner that stood in the file, which now holds this one."""
    try:
        before = path.read_text().strip() if path.exists() else ""
        path.write_text(owner)
    except OSError as error:
        raise Trouble(
            Cause.OUTBOX_UNWRITABLE, folder=f"The state folder {path.parent}", reason=error.strerror
        ) from error
    return before
