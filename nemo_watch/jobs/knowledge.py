"""The whole journal as a round needs it: projects, films and what each was bought with, read in one transaction.

It joins what `records` and `queue` hold, and tells what of it counts as sent; what follows from that is `planning`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nemo_watch.errors import Cause
from nemo_watch.jobs import tables
from nemo_watch.jobs.decisions import Identity, JobNow, Past, Sent
from nemo_watch.jobs.planning import identity
from nemo_watch.jobs.queue import OPEN_STATES, order_from_json
from nemo_watch.jobs.recognising import KnownProject
from nemo_watch.jobs.records import FilmRecord, films
from nemo_watch.model import FolderIdentity, JobState, Order, OrderKind

if TYPE_CHECKING:
    from nemo_watch.model import Backend


@dataclass(frozen=True, slots=True)
class Known:
    """The whole journal as a round needs it, read in one transaction.

    `bought` maps identities of films whose whole text was sent and whose video exists to that video, relative to the outbox;
    `making` maps those that are being bought now to the film. `pasts` and `films` are by the film's number.
    """

    projects: tuple[KnownProject, ...]
    folders: Mapping[int, str]  # in the outbox, by project
    films: Mapping[int, FilmRecord]
    pasts: Mapping[int, Past]
    bought: Mapping[Identity, str]
    making: Mapping[Identity, int]
    held: frozenset[int]
    ever_paid: bool

    def film(self, project: int, stem: str) -> FilmRecord | None:
        """A project's film by its stem."""
        return next((f for f in self.films.values() if f.project == project and f.stem == stem), None)


def known(connection: sa.Connection, backend: Backend, site: int = tables.FIRST_SITE) -> Known:
    """Everything that is known of a site, for one backend: what another made or was paid for is not this one's."""
    records = {film.id: film for film in films(connection, site=site)}
    jobs: dict[int, list[tuple[Any, Order]]] = {}
    for row in connection.execute(_jobs_of_site(), {"site": site}).all():
        jobs.setdefault(row.film, []).append((row, order_from_json(row.order)))
    taken = messages_by_job(connection)
    media: dict[int, set[str]] = {}
    for number, rows in jobs.items():
        media.setdefault(records[number].project, set()).update(m.sha256 for _, order in rows for m in order.media)
    projects = connection.execute(_projects_of_site(), {"site": site}).all()
    return Known(
        projects=tuple(
            KnownProject(
                row.id,
                row.folder,
                FolderIdentity(row.device, row.inode, row.birth_ns),
                frozenset(media.get(row.id, ())),
            )
            for row in projects
        ),
        folders={row.id: row.outbox for row in projects},
        films=records,
        pasts={number: _past(film, jobs.get(number, []), taken, backend) for number, film in records.items()},
        bought={
            identity_of(order): str(row.video)
            for rows in jobs.values()
            for row, order in rows
            if row.video is not None and order.backend is backend and order.kind in _WHOLE and order.wish
        },
        making={
            identity_of(order): row.film
            for rows in jobs.values()
            for row, order in rows
            if row.state in OPEN_STATES and order.backend is backend and order.kind in _WHOLE
        },
        held=frozenset(number for number, film in records.items() if film.held),
        ever_paid=ever_paid(connection),
    )


@cache
def _jobs_of_site() -> sa.Select[Any]:
    project, job, film = tables.project, tables.job, tables.film
    of_site = sa.select(film.c.id).join(project).where(project.c.site == sa.bindparam("site"))
    return sa.select(job).where(job.c.film.in_(of_site)).order_by(job.c.id)


@cache
def _projects_of_site() -> sa.Select[Any]:
    project = tables.project
    return sa.select(project).where(project.c.site == sa.bindparam("site")).order_by(project.c.id.desc())


_WHOLE = frozenset({OrderKind.MESSAGES, OrderKind.REUSE})


def identity_of(order: Order) -> Identity:
    """What makes the order's film the same purchase as another's."""
    return identity(order.backend, [m.sha256 for m in order.media], order.urls, order.wish)


def _past(film: FilmRecord, jobs: list[tuple[Any, Order]], taken: Mapping[int, set[str]], backend: Backend) -> Past:
    sent: Sent | None = None
    for row, order in jobs:
        if order.backend is backend:
            sent = _sent(order, row, taken.get(row.id, set()), sent)
    newest = _newest(jobs, backend)
    return Past(
        version=max((row.version for row, o in jobs if row.video is not None or o.backend is not backend), default=0),
        sent=sent,
        job=None if newest is None else _job_now(*newest, bool(taken.get(newest[0].id))),
        newest=next((row.id for row, _ in reversed(jobs) if row.state != JobState.REPLACED), None),
        template=None if film.template is None else film.template.encode(),
        words=film.words,
        answered=film.answered,
        released=film.released,
    )


def _newest(jobs: Sequence[tuple[Any, Order]], backend: Backend) -> tuple[Any, Order] | None:
    """The backend's newest job. What another began waits for that one; but what a person cancelled is cancelled everywhere."""
    left = [(row, order) for row, order in reversed(jobs) if row.state != JobState.REPLACED]
    if left and left[0][0].state == JobState.CANCELLED:
        return left[0]
    return next(((row, order) for row, order in left if order.backend is backend), None)


def messages_by_job(connection: sa.Connection) -> dict[int, set[str]]:
    """The names of the message steps of each job that were, or may have been, taken."""
    found: dict[int, set[str]] = {}
    for row in connection.execute(_messages()).all():
        if row.state != "void":
            found.setdefault(int(row.scope.removeprefix("job/")), set()).add(row.name)
    return found


@cache
def _messages() -> sa.Select[Any]:
    step = tables.step
    return sa.select(step.c.scope, step.c.name, step.c.state, step.c.data, step.c.receipt).where(
        step.c.name.startswith("message/")
    )


def _sent(order: Order, entry: Any, taken: Collection[str], before: Sent | None) -> Sent | None:  # noqa: ANN401  a row
    """What is in force after this job: its messages as far as they were taken (all, where a person let it stand)."""
    media = {m.sha256: m.path for m in order.media}
    if order.kind is OrderKind.REUSE:
        return Sent(order.wish, media, order.urls, None) if entry.video is not None else before
    if order.kind is OrderKind.MESSAGES:
        count = sum(1 for name in taken if name != "message/edit")
        if not count:
            return before
        kept = len(order.wish) - len(order.send)
        reached = order.wish if entry.as_it_stands else order.wish[: kept + count]
        return Sent(reached, media, order.urls, entry.session)
    if before is None or entry.state != JobState.DONE or order.kind is not OrderKind.UPLOAD:
        return before
    return Sent(before.messages, {**before.media, **media}, order.urls, before.session)


def _job_now(row: Any, order: Order, sent_any: bool) -> JobNow:  # noqa: ANN401  a row
    return JobNow(
        id=row.id,
        version=row.version,
        state=JobState(row.state),
        order=order,
        cause=None if row.cause is None else Cause(row.cause),
        data=row.data,
        sent_any=sent_any,
        video=row.video,
    )


def ever_paid(connection: sa.Connection) -> bool:
    """Whether a message was ever paid for in this journal, or a person has released a film from the brake."""
    rows = connection.execute(_messages()).all()
    if any(row.data and row.data.get("paid") and not (row.receipt or {}).get("restored") for row in rows):
        return True
    return bool(connection.scalar(sa.select(sa.func.count()).where(tables.film.c.released)))
