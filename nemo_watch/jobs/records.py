"""The journal's rows as values: projects, films, jobs, requests; read and written in whole transactions.

Every function takes the connection of one transaction and is safe to run twice (`Store.do` repeats a batch). No decision lives
here: what a film's past means is `planning`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from nemo_watch.errors import Cause, FilmState, Need
from nemo_watch.jobs import store as tables
from nemo_watch.jobs.planning import Identity, JobNow, KnownProject, Past, Sent, identity
from nemo_watch.model import FolderIdentity, JobState, Order, OrderKind

if TYPE_CHECKING:
    from nemo_watch.model import Backend

OPEN_STATES = (JobState.QUEUED.value, JobState.WORKING.value, JobState.PARKED.value)


def order_to_json(order: Order) -> dict[str, Any]:
    """The order as JSON values."""
    return dict(msgspec.to_builtins(order))


def order_from_json(value: Mapping[str, Any]) -> Order:
    """The order that was put in; fields of later versions are ignored."""
    return msgspec.convert(value, Order)


# -- projects and films ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FilmRecord:
    """A film's row: its place in the outbox, and what people saw of it last."""

    id: int
    project: int
    name: str
    stem: str
    folder: str  # in the outbox
    outbox_stem: str
    state: FilmState
    detail: str
    needs: Need | None
    progress: float
    reply: str
    timeline: Any
    updated_at: float
    held: bool
    released: bool
    words: tuple[str, ...] | None
    answered: tuple[str, ...] | None
    template: str | None
    prompt_file: str


def add_project(connection: sa.Connection, folder: str, found: FolderIdentity, outbox: str, now: float) -> int:
    """A new project's number."""
    return int(
        connection.execute(
            tables.project.insert()
            .values(
                folder=folder,
                device=found.device,
                inode=found.inode,
                birth_ns=found.birth_ns,
                outbox=outbox,
                created_at=now,
            )
            .returning(tables.project.c.id)
        ).scalar_one()
    )


def see_project(connection: sa.Connection, number: int, folder: str, found: FolderIdentity) -> None:
    """The project's folder is here, under this name."""
    project = tables.project
    connection.execute(
        project.update()
        .where(project.c.id == number)
        .values(folder=folder, device=found.device, inode=found.inode, birth_ns=found.birth_ns, gone=False)
    )


def outbox_folders(connection: sa.Connection) -> dict[int, str]:
    """Project number → its folder in the outbox."""
    return {
        row.id: row.outbox for row in connection.execute(sa.select(tables.project.c.id, tables.project.c.outbox)).all()
    }


def films(connection: sa.Connection, project: int | None = None) -> list[FilmRecord]:
    """All films, or a project's."""
    film = tables.film
    query = sa.select(film, tables.project.c.outbox).join(tables.project).order_by(film.c.id)
    if project is not None:
        query = query.where(film.c.project == project)
    return [
        FilmRecord(
            row.id,
            row.project,
            row.name,
            row.stem,
            row.outbox,
            row.outbox_stem,
            FilmState(row.state),
            row.detail,
            None if row.needs is None else Need(row.needs),
            row.progress,
            row.reply,
            row.timeline,
            row.updated_at,
            row.held,
            row.released,
            None if row.words is None else tuple(row.words),
            None if row.answered is None else tuple(row.answered),
            row.template,
            row.prompt_file,
        )
        for row in connection.execute(query).all()
    ]


def hold(connection: sa.Connection, held: Collection[int]) -> None:
    """These films, and no others, are held by the brake of a first start."""
    film = tables.film
    connection.execute(film.update().where(film.c.held, film.c.id.not_in(held)).values(held=False))
    connection.execute(film.update().where(~film.c.held, film.c.id.in_(held)).values(held=True))


def add_film(connection: sa.Connection, project: int, stem: str, outbox_stem: str, now: float, **values: object) -> int:
    """A new film's number; `values` must hold its name."""
    return int(
        connection.execute(
            tables.film.insert()
            .values(
                project=project,
                stem=stem,
                outbox_stem=outbox_stem,
                state=FilmState.SETTLING.value,
                updated_at=now,
                **values,
            )
            .returning(tables.film.c.id)
        ).scalar_one()
    )


def write_film(connection: sa.Connection, number: int, **values: object) -> None:
    """Change a film's row."""
    connection.execute(tables.film.update().where(tables.film.c.id == number).values(values))


# -- everything at once ------------------------------------------------------------------------------------------------------


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


def known(connection: sa.Connection, backend: Backend) -> Known:
    """Everything that is known, for one backend: what another made or was paid for is not this one's."""
    project, job = tables.project, tables.job
    records = {film.id: film for film in films(connection)}
    jobs: dict[int, list[tuple[Any, Order]]] = {}
    for row in connection.execute(sa.select(job).order_by(job.c.id)).all():
        jobs.setdefault(row.film, []).append((row, order_from_json(row.order)))
    taken = messages_by_job(connection)
    media: dict[int, set[str]] = {}
    for number, rows in jobs.items():
        media.setdefault(records[number].project, set()).update(m.sha256 for _, order in rows for m in order.media)
    projects = connection.execute(sa.select(project).order_by(project.c.id.desc())).all()
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
            if row.state in OPEN_STATES
            and order.backend is backend
            and order.session is None
            and not order.bought_again
        },
        held=frozenset(number for number, film in records.items() if film.held),
        ever_paid=ever_paid(connection),
    )


_WHOLE = frozenset({OrderKind.MESSAGES, OrderKind.REUSE})


def identity_of(order: Order) -> Identity:
    """What makes the order's film the same purchase as another's."""
    return identity(order.backend, [m.sha256 for m in order.media], order.urls, order.wish)


def _past(film: FilmRecord, jobs: list[tuple[Any, Order]], taken: Mapping[int, set[str]], backend: Backend) -> Past:
    sent: Sent | None = None
    for row, order in jobs:
        if order.backend is backend:
            sent = _sent(order, row, taken.get(row.id, set()), sent)
    newest = next(((row, order) for row, order in reversed(jobs) if row.state != JobState.REPLACED), None)
    return Past(
        version=max((row.version for row, _ in jobs if row.video is not None), default=0),
        sent=sent,
        job=None if newest is None else _job_now(*newest, bool(taken.get(newest[0].id))),
        template=None if film.template is None else film.template.encode(),
        words=film.words,
        answered=film.answered,
        released=film.released,
    )


def messages_by_job(connection: sa.Connection) -> dict[int, set[str]]:
    """The names of the message steps of each job that were, or may have been, taken."""
    step = tables.step
    rows = connection.execute(
        sa.select(step.c.scope, step.c.name).where(step.c.name.startswith("message/"), step.c.state != "void")
    ).all()
    found: dict[int, set[str]] = {}
    for row in rows:
        found.setdefault(int(row.scope.removeprefix("job/")), set()).add(row.name)
    return found


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
    if entry.state != JobState.DONE or order.kind is not OrderKind.UPLOAD:
        return before
    if before is None:  # uploaded before a word was said: the film goes on in that session
        return Sent((), media, order.urls, entry.session)
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
    step, film = tables.step, tables.film
    rows = connection.execute(sa.select(step.c.data, step.c.receipt).where(step.c.name.startswith("message/"))).all()
    if any(row.data and row.data.get("paid") and not (row.receipt or {}).get("restored") for row in rows):
        return True
    return bool(connection.scalar(sa.select(sa.func.count()).where(film.c.released)))


# -- jobs ------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as the dispatcher needs it."""

    id: int
    film: int
    project: int
    film_name: str
    stem: str
    folder: str  # in the outbox
    outbox_stem: str
    version: int
    state: JobState
    order: Order
    cause: Cause | None
    data: dict[str, Any] | None
    due_at: float | None
    updated_at: float
    tries: int
    as_it_stands: bool
    video: str | None
    fence: int
    first_version: bool
    prompt_file: str
    shares_session: bool  # one of several films of its folder, or the first with a sidecar
    session: int | None  # the journal's number of the session it works in, or is to work in


def _job_record(row: Any, first: bool) -> JobRecord:  # noqa: ANN401  a row
    return JobRecord(
        id=row.id,
        film=row.film,
        project=row.project,
        film_name=row.name,
        stem=row.stem,
        folder=row.outbox,
        outbox_stem=row.outbox_stem,
        version=row.version,
        state=JobState(row.state),
        order=order_from_json(row.order),
        cause=None if row.cause is None else Cause(row.cause),
        data=row.data,
        due_at=row.due_at,
        updated_at=row.updated_at,
        tries=row.tries,
        as_it_stands=row.as_it_stands,
        video=row.video,
        fence=row.fence,
        first_version=first,
        prompt_file=row.prompt_file,
        shares_session=row.siblings > 1 or bool(row.stem),
        session=row.session if row.session is not None else row.order.get("session"),
    )


def _jobs_query() -> sa.Select[Any]:
    job, film, project = tables.job, tables.film, tables.project
    sibling = film.alias()
    siblings = sa.select(sa.func.count()).where(sibling.c.project == film.c.project).scalar_subquery()
    return (
        sa.select(
            job,
            film.c.project,
            film.c.name,
            film.c.stem,
            film.c.outbox_stem,
            film.c.prompt_file,
            project.c.outbox,
            siblings.label("siblings"),
        )
        .join(film, job.c.film == film.c.id)
        .join(project, film.c.project == project.c.id)
    )


def open_jobs(connection: sa.Connection) -> list[JobRecord]:
    """All jobs that are not over, oldest first."""
    job = tables.job
    rows = connection.execute(_jobs_query().where(job.c.state.in_(OPEN_STATES)).order_by(job.c.id)).all()
    return [_job_record(row, _is_first(connection, row.film, row.id)) for row in rows]


def newest_job(connection: sa.Connection, film: int) -> JobRecord | None:
    """The film's newest job that was not replaced."""
    job = tables.job
    row = connection.execute(
        _jobs_query()
        .where(job.c.film == film, job.c.state != JobState.REPLACED.value)
        .order_by(job.c.id.desc())
        .limit(1)
    ).first()
    return None if row is None else _job_record(row, _is_first(connection, row.film, row.id))


def _is_first(connection: sa.Connection, film: int, number: int) -> bool:
    """Whether no job before this one has sent a message for the film."""
    job, step = tables.job, tables.step
    before = connection.scalars(sa.select(job.c.id).where(job.c.film == film, job.c.id < number)).all()
    return not connection.scalar(
        sa.select(step.c.id)
        .where(
            step.c.scope.in_([f"job/{one}" for one in before]),
            step.c.name.startswith("message/"),
            step.c.state != "void",
        )
        .limit(1)
    )


@dataclass(frozen=True, slots=True)
class JobShown:
    """A film's newest job as the status shows it."""

    id: int
    version: int
    state: JobState
    cause: Cause | None
    data: dict[str, Any]
    due_at: float | None
    video: str | None


def jobs_shown(connection: sa.Connection) -> dict[int, JobShown]:
    """Each film's newest job that was not replaced, by the film's number."""
    job = tables.job
    newest = (
        sa.select(sa.func.max(job.c.id))
        .where(job.c.state != JobState.REPLACED.value)
        .group_by(job.c.film)
        .scalar_subquery()
    )
    columns = (job.c.film, job.c.id, job.c.version, job.c.state, job.c.cause, job.c.data, job.c.due_at, job.c.video)
    return {
        row.film: JobShown(
            row.id,
            row.version,
            JobState(row.state),
            None if row.cause is None else Cause(row.cause),
            row.data or {},
            row.due_at,
            row.video,
        )
        for row in connection.execute(sa.select(*columns).where(job.c.id.in_(newest))).all()
    }


def place(
    connection: sa.Connection, film: int, order: Order, version: int, replaces: int | None, pipeline: int, now: float
) -> int:
    """A new job's number; the job it replaces is over. Repeated with the same arguments it would place a second job."""
    job = tables.job
    if replaces is not None:
        connection.execute(
            job.update().where(job.c.id == replaces).values(state=JobState.REPLACED.value, updated_at=now)
        )
    return int(
        connection.execute(
            job.insert()
            .values(
                film=film,
                version=version,
                state=JobState.QUEUED.value,
                order=order_to_json(order),
                pipeline=pipeline,
                created_at=now,
                updated_at=now,
            )
            .returning(job.c.id)
        ).scalar_one()
    )


def withdraw(connection: sa.Connection, number: int, now: float) -> None:
    """A job that waits is over: what it would send was taken back."""
    job = tables.job
    waiting = [JobState.PARKED.value, JobState.FAILED.value]
    connection.execute(
        job.update()
        .where(job.c.id == number, job.c.state.in_(waiting))
        .values(state=JobState.REPLACED.value, updated_at=now)
    )


def claim(connection: sa.Connection, number: int, owner: str, now: float) -> int | None:
    """The fence under which `owner` now holds the job, None when it is not to be had."""
    job = tables.job
    fence = connection.scalar(
        job.update()
        .where(job.c.id == number, job.c.state.in_([JobState.QUEUED.value, JobState.PARKED.value]))
        .values(state=JobState.WORKING.value, owner=owner, fence=job.c.fence + 1, due_at=None, updated_at=now)
        .returning(job.c.fence)
    )
    return None if fence is None else int(fence)


def end(
    connection: sa.Connection, number: int, fence: int, owner: str, now: float, state: JobState, **values: object
) -> bool:
    """Write how a run ended, if this owner still holds the job; whether it did."""
    job = tables.job
    held = connection.execute(
        job.update()
        .where(job.c.id == number, job.c.owner == owner, job.c.fence == fence)
        .values(state=state.value, updated_at=now, **values)
        .returning(job.c.id)
    ).first()
    return held is not None


def requeue_orphans(connection: sa.Connection, owner: str, now: float) -> int:
    """Put the jobs of runners that are no more back into the queue; how many. Only where one daemon holds the whole journal."""
    job = tables.job
    rows = connection.execute(
        job.update()
        .where(job.c.state == JobState.WORKING.value, job.c.owner != owner)
        .values(state=JobState.QUEUED.value, updated_at=now)
        .returning(job.c.id)
    ).all()
    return len(rows)


def known_before(connection: sa.Connection) -> bool:
    """Whether this journal has ever seen a project."""
    return connection.scalar(sa.select(tables.project.c.id).limit(1)) is not None


def forget(connection: sa.Connection, before: float) -> None:
    """Drop what is older than that moment and can be found out again or is over; jobs and their steps are kept."""
    connection.execute(tables.request.delete().where(tables.request.c.handled_at < before))
    connection.execute(tables.study.delete().where(tables.study.c.at < before))


def studies(connection: sa.Connection) -> list[tuple[Any, Any]]:
    """Files that were read through before: pairs of JSON values, the sighting and what it told."""
    study = tables.study
    return [(row.sighting, row.study) for row in connection.execute(sa.select(study)).all()]


def keep_studies(connection: sa.Connection, found: Collection[tuple[Any, Any]], now: float) -> None:
    """Remember what reading these files through told."""
    study = tables.study
    for sighting, told in found:
        connection.execute(study.delete().where(study.c.sighting == sighting))
        connection.execute(study.insert().values(sighting=sighting, study=told, at=now))


def release_parked(connection: sa.Connection, now: float) -> None:
    """At a start what may have been put right meanwhile (a token, rights, space, the network) is tried at once."""
    job = tables.job
    causes = [
        Cause.TOKEN_REJECTED.value,
        Cause.SESSION_OF_ANOTHER.value,
        Cause.NO_SPACE.value,
        Cause.OUTBOX_UNWRITABLE.value,
        Cause.NETWORK_DOWN.value,
        Cause.SERVICE_DOWN.value,
    ]
    connection.execute(
        job.update().where(job.c.state == JobState.PARKED.value, job.c.cause.in_(causes)).values(due_at=now, tries=0)
    )


# -- what people ask for ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """A person's retry, again or cancel, for one film."""

    id: int
    verb: str
    film: int


def ask(connection: sa.Connection, verb: str, film: int, now: float) -> None:
    """Put a request down; whoever runs the daemon carries it out."""
    connection.execute(tables.request.insert().values(verb=verb, film=film, created_at=now))


def open_requests(connection: sa.Connection) -> list[Request]:
    """All requests not carried out yet, oldest first."""
    request = tables.request
    rows = connection.execute(sa.select(request).where(request.c.handled_at.is_(None)).order_by(request.c.id)).all()
    return [Request(row.id, row.verb, row.film) for row in rows]


def close_request(connection: sa.Connection, number: int, now: float) -> None:
    """The request is carried out."""
    connection.execute(tables.request.update().where(tables.request.c.id == number).values(handled_at=now))
