"""The journal's jobs: placed, claimed under a fence, parked, ended; an order becomes a row and a row an order.

Every function takes the connection of one transaction and is safe to run twice (`Store.do` repeats a batch).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from nemo_watch.errors import FAILURES, Cause, Move
from nemo_watch.jobs import tables
from nemo_watch.jobs.news import tell_news
from nemo_watch.model import Backend, JobState, Order

UNSURE_CAUSES = tuple(cause.value for cause, failure in FAILURES.items() if failure.move is Move.UNSURE)
OPEN_STATES = (JobState.QUEUED.value, JobState.WORKING.value, JobState.PARKED.value)


def order_to_json(order: Order) -> dict[str, Any]:
    """The order as JSON values."""
    return dict(msgspec.to_builtins(order))


def order_from_json(value: Mapping[str, Any]) -> Order:
    """The order that was put in; fields of later versions are ignored."""
    return msgspec.convert(value, Order)


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
    return _records_of(connection, connection.execute(_open_jobs()).all())


def open_jobs_of(connection: sa.Connection, site: int, backend: Backend) -> list[JobRecord]:
    """The jobs of a site that are not over, oldest first. One that was decided for another backend waits until that is in force again."""
    jobs = _records_of(connection, connection.execute(_open_jobs_of_site(), {"site": site}).all())
    return [job for job in jobs if job.order.backend is backend]


def _records_of(connection: sa.Connection, rows: Sequence[Any]) -> list[JobRecord]:
    return [_job_record(row, _is_first(connection, row.film, row.id)) for row in rows]


@cache
def _open_jobs() -> sa.Select[Any]:
    return _jobs_query().where(tables.job.c.state.in_(OPEN_STATES)).order_by(tables.job.c.id)


@cache
def _open_jobs_of_site() -> sa.Select[Any]:
    return _open_jobs().where(tables.project.c.site == sa.bindparam("site"))


def doubted_sessions(connection: sa.Connection) -> dict[int, tuple[int, str]]:
    """Sessions in which a film's newest message is in doubt, and that film (number, name): nobody else is to work in them.

    In doubt is what a person has to decide, and what was cut off (cancelled, failed) before its timeline was known.
    """
    return {row.session: (row.film, row.name) for row in connection.execute(_doubted_sessions()).all()}


@cache
def _doubted_sessions() -> sa.Select[Any]:
    job, step, film = tables.job, tables.step, tables.film
    newest = (
        sa.select(sa.func.max(job.c.id))
        .where(job.c.state != JobState.REPLACED.value)
        .group_by(job.c.film)
        .scalar_subquery()
    )
    scope = sa.literal("job/") + sa.cast(job.c.id, sa.Text)
    said = sa.exists().where(step.c.scope == scope, step.c.name.startswith("message/"), step.c.state != "void")
    known = sa.exists().where(step.c.scope == scope, step.c.name == "timeline", step.c.state == "done")
    asked = sa.and_(job.c.state == JobState.PARKED.value, job.c.cause.in_(UNSURE_CAUSES))
    cut_off = sa.and_(job.c.state.in_([JobState.CANCELLED.value, JobState.FAILED.value]), said, ~known)
    return (
        sa.select(job.c.session, job.c.film, film.c.name)
        .join(film, job.c.film == film.c.id)
        .where(job.c.id.in_(newest), job.c.session.is_not(None), sa.or_(asked, cut_off))
    )


def job_numbered(connection: sa.Connection, number: int) -> JobRecord | None:
    """The job of that number."""
    row = connection.execute(_jobs_query().where(tables.job.c.id == number)).first()
    return None if row is None else _job_record(row, _is_first(connection, row.film, row.id))


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
    before = connection.scalars(_jobs_before(), {"film": film, "number": number}).all()
    return not (before and connection.scalar(_any_message(), {"scopes": [f"job/{one}" for one in before]}))


@cache
def _jobs_before() -> sa.Select[Any]:
    job = tables.job
    return sa.select(job.c.id).where(job.c.film == sa.bindparam("film"), job.c.id < sa.bindparam("number"))


@cache
def _any_message() -> sa.Select[Any]:
    step = tables.step
    in_them = step.c.scope.in_(sa.bindparam("scopes", expanding=True))
    return sa.select(step.c.id).where(in_them, step.c.name.startswith("message/"), step.c.state != "void").limit(1)


@dataclass(frozen=True, slots=True)
class JobShown:
    """A film's newest job as the status shows it. `left_out`: files by their path (None: an address of urls.txt), and why."""

    id: int
    version: int
    state: JobState
    cause: Cause | None
    data: dict[str, Any]
    due_at: float | None
    video: str | None
    left_out: tuple[tuple[str | None, str], ...] = ()


def jobs_shown(connection: sa.Connection) -> dict[int, JobShown]:
    """Each film's newest job that was not replaced, by the film's number."""
    left_out = _left_out(connection)
    return {
        row.film: JobShown(
            row.id,
            row.version,
            JobState(row.state),
            None if row.cause is None else Cause(row.cause),
            row.data or {},
            row.due_at,
            row.video,
            tuple(left_out.get(f"job/{row.id}", ())),
        )
        for row in connection.execute(_newest_jobs()).all()
    }


@cache
def _newest_jobs() -> sa.Select[Any]:
    job = tables.job
    newest = (
        sa.select(sa.func.max(job.c.id))
        .where(job.c.state != JobState.REPLACED.value)
        .group_by(job.c.film)
        .scalar_subquery()
    )
    columns = (job.c.film, job.c.id, job.c.version, job.c.state, job.c.cause, job.c.data, job.c.due_at, job.c.video)
    return sa.select(*columns).where(job.c.id.in_(newest))


def _left_out(connection: sa.Connection) -> dict[str, list[tuple[str | None, str]]]:
    """What did not go up, by the scope of the job, with the reasons."""
    found: dict[str, list[tuple[str | None, str]]] = {}
    for row in connection.execute(_left_out_steps()).all():
        found.setdefault(row.scope, []).append((row.receipt.get("path"), str(row.receipt["reason"])))
    return found


@cache
def _left_out_steps() -> sa.Select[Any]:
    step = tables.step
    return sa.select(step.c.scope, step.c.receipt).where(step.c.name.startswith("left-out/"), step.c.state == "done")


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


def give_way(connection: sa.Connection, film: int, version: int, now: float) -> None:
    """Jobs of the film that are open for this version or an earlier one are over: it was made, as a receipt tells."""
    job = tables.job
    connection.execute(
        job.update()
        .where(job.c.film == film, job.c.version <= version, job.c.state.in_(OPEN_STATES))
        .values(state=JobState.REPLACED.value, updated_at=now)
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
    tell_news(connection)
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


PUT_RIGHT_MEANWHILE = (
    Cause.TOKEN_REJECTED,
    Cause.SESSION_OF_ANOTHER,
    Cause.NO_SPACE,
    Cause.OUTBOX_UNWRITABLE,
    Cause.NETWORK_DOWN,
    Cause.SERVICE_DOWN,
    Cause.BRAKE_DAILY,
)
"""What may have been put right before a start: a token, rights, space, the network, the configuration."""


def release_parked(connection: sa.Connection, causes: Sequence[Cause], now: float) -> None:
    """Jobs that wait with one of these causes are tried at once."""
    job = tables.job
    found = [cause.value for cause in causes]
    connection.execute(
        job.update().where(job.c.state == JobState.PARKED.value, job.c.cause.in_(found)).values(due_at=now, tries=0)
    )
