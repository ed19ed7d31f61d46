"""The timelines that stood in a session, and whose they are: films that share one each find their own again."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from nemo_watch.jobs import tables

Draft = dict[str, Any]


def other_timelines(connection: sa.Connection, job_id: int, session: int) -> tuple[list[Draft], list[Draft]]:
    """Beside this job's: those of which this film's other versions have a video, and all of other films; oldest first."""
    film = _film(connection, job_id)
    rows = [row for row in _timelines(connection, session) if row.id != job_id]
    own = [row.receipt["draft"] for row in rows if row.film == film and row.video is not None]
    return own, [row.receipt["draft"] for row in rows if row.film != film]


def has_unknown_timelines(connection: sa.Connection, job_id: int, session: int) -> bool:
    """Whether another film said something in the session and nobody knows what its timeline is: the journal was lost since."""
    job, step = tables.job, tables.step
    scope = sa.literal("job/") + sa.cast(job.c.id, sa.Text)
    said = sa.exists().where(step.c.scope == scope, step.c.name.startswith("message/"), step.c.state != "void")
    known = sa.exists().where(step.c.scope == scope, step.c.name == "timeline", step.c.state == "done")
    others = job.c.session == session, job.c.film != _film(connection, job_id)
    return connection.execute(sa.select(job.c.id).where(*others, said, ~known).limit(1)).first() is not None


def newest_own_timeline(connection: sa.Connection, job_id: int, session: int) -> Draft | None:
    """The one of which this film has its newest video; None where it has none yet."""
    film = _film(connection, job_id)
    own = [row for row in _timelines(connection, session) if row.film == film and row.video is not None]
    draft: Draft | None = own[-1].receipt["draft"] if own else None
    return draft


def is_shared(connection: sa.Connection, session: int) -> bool:
    """Whether several films may be made in the session."""
    return bool(connection.scalar(sa.select(tables.session.c.shared).where(tables.session.c.id == session)))


def _film(connection: sa.Connection, job_id: int) -> int | None:
    return connection.scalar(sa.select(tables.job.c.film).where(tables.job.c.id == job_id))


def _timelines(connection: sa.Connection, session: int) -> list[Any]:
    job, step = tables.job, tables.step
    rows = connection.execute(
        sa.select(job.c.id, job.c.film, job.c.video, step.c.receipt)
        .join(step, step.c.scope == sa.literal("job/") + sa.cast(job.c.id, sa.Text))
        .where(job.c.session == session, step.c.name == "timeline", step.c.state == "done")
        .order_by(step.c.id)
    ).all()
    return [row for row in rows if row.receipt["draft"] is not None]
