"""The editing session a film is made in: the one it has, its folder's, or a new one; and what becomes of a lost one.

It must never make a film anew by itself in which something was paid. Source: API text "Error Codes" 1002.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import queue, tables
from nemo_watch.jobs.journal import steps_of
from nemo_watch.jobs.run import Run, Session
from nemo_watch.model import Backend, JobState, OrderKind


async def working_session(run: Run) -> Session:
    """The session to work in: the film's own, its folder's, or a new one."""
    found = await run.journal.find("session")
    if found is None:
        row = await run.journal.held(lambda connection: _known_session(connection, run))
        if row is None:
            await run.tell("Setting up...")
            run.report(0.02, "setting up")
            answer = await run.service.create_session(run.language)
            row = await run.journal.held(
                lambda connection: _new_session(connection, run, answer.session_id, answer.task_id)
            )
        await run.journal.write(session=row)
        await run.journal.receipt("session", {"row": row})
        found = await run.journal.find("session")
    assert found is not None  # noqa: S101  just written
    assert found.receipt is not None  # noqa: S101  just written
    row = int(found.receipt["row"])
    kept = await run.journal.held(lambda connection: _read_session(connection, row))
    if kept is None:
        raise Trouble(Cause.SESSION_LOST)
    session = Session(row, kept.session_id, kept.task_id)
    if kept.account != run.service.account_key:
        await _made_ours(run, session, kept.account)
    return session


async def _made_ours(run: Run, session: Session, account: str) -> None:
    """A session of another token: a new token of the same account may open it, and only the service knows. Nothing is changed.

    Raises: Trouble(SESSION_LOST) where this token may not; the session is kept for when the other one is back.
    """
    if _host_of(account) != _host_of(run.service.account_key):
        raise Trouble(Cause.SESSION_LOST)
    await run.service.state(session.session_id)
    await run.journal.held(lambda c: _write_account(c, session.row, run.service.account_key))


def _host_of(account: str) -> str:
    """The service's host in an account's key: what was made on one is never looked for on another."""
    return account.rpartition("@")[2]


def _write_account(connection: sa.Connection, row: int, account: str) -> None:
    session = tables.session
    connection.execute(session.update().where(session.c.id == row).values(account=account))


def _known_session(connection: sa.Connection, run: Run) -> int | None:
    """The session the order names; for films that share their folder's session, the folder's newest live one."""
    session, job = tables.session, tables.job
    if run.order.session is not None and (
        not _is_gone(connection, run.order.session)
        or _was_paid(connection, run.journal.job_id, run.order.session)  # what was paid in it is for a person to decide
    ):
        return run.order.session
    if run.order.bought_again:
        return None
    if (uploaded := _uploaded_before(connection, run)) is not None:
        return uploaded
    if not run.batch:
        return None
    film = connection.scalar(sa.select(job.c.film).where(job.c.id == run.journal.job_id))
    doubted = [number for number, (other, _) in queue.doubted_sessions(connection).items() if other != film]
    held_by_another = sa.exists().where(  # its draft is another film's, of which not all is known yet
        job.c.session == session.c.id,
        job.c.id != run.journal.job_id,
        job.c.state.in_(queue.OPEN_STATES),
    )
    return connection.scalar(
        sa.select(session.c.id)
        .where(
            session.c.project == run.project,
            session.c.shared,
            ~session.c.gone,
            session.c.account == run.service.account_key,
            session.c.id.not_in(doubted),
            ~held_by_another,
        )
        .order_by(session.c.id.desc())
        .limit(1)
    )


def _uploaded_before(connection: sa.Connection, run: Run) -> int | None:
    """The session into which this film's media were brought (`upload`) before its first word, if they are all still wanted."""
    session, job = tables.session, tables.job
    film = sa.select(job.c.film).where(job.c.id == run.journal.job_id).scalar_subquery()
    before = connection.execute(
        sa.select(job.c.session, job.c.order)
        .join(session, job.c.session == session.c.id)
        .where(job.c.film == film, job.c.id < run.journal.job_id, job.c.state == JobState.DONE.value)
        .where(~session.c.gone, session.c.account == run.service.account_key)
        .order_by(job.c.id.desc())
    ).first()
    if before is None or before.order["kind"] != OrderKind.UPLOAD.value:
        return None
    went_up = {medium["sha256"] for medium in before.order["media"]}
    return int(before.session) if went_up <= {medium.sha256 for medium in run.order.media} else None


def _new_session(connection: sa.Connection, run: Run, session_id: str, task_id: str | None) -> int:
    return int(
        connection.execute(
            tables.session.insert()
            .values(
                project=run.project,
                backend=run.order.backend.value,
                account=run.service.account_key,
                session_id=session_id,
                task_id=task_id,
                shared=run.batch and not run.order.bought_again,
                created_at=run.clock.now().timestamp(),
            )
            .returning(tables.session.c.id)
        ).scalar_one()
    )


def _read_session(connection: sa.Connection, row: int) -> sa.Row[Any] | None:
    """The session's row; None when it is gone."""
    session = tables.session
    return connection.execute(sa.select(session).where(session.c.id == row, ~session.c.gone)).first()


async def renew_session(run: Run, lost: Trouble) -> None:
    """Before any paid message of this film: a new session, everything uploaded again. After one: a person decides.

    Source: API text "Error Codes" 1002.
    """
    found = await run.journal.find("session")
    row = int(found.receipt["row"]) if found is not None and found.receipt is not None else None
    paid = await run.journal.held(lambda connection: _was_paid(connection, run.journal.job_id, row))
    gone = row is None or await run.journal.held(lambda c: _forget_session(c, row, run.service.account_key))
    if not gone and run.order.backend is Backend.STUDIO:
        await _begin_anew_for_free(run)
        return
    if paid or (run.order.session is not None and not gone):
        cause = Cause.SESSION_LOST_PAID if gone else Cause.SESSION_OF_ANOTHER
        raise Trouble(cause, messages=len(run.order.wish)) from lost
    await run.tell("The editing session was lost before anything was paid; making a new one.")
    await run.journal.void("session", "before", "timeline", "render/1", "render/2")


async def _begin_anew_for_free(run: Run) -> None:
    """The session is in the studio of another host: everything is said again, in one of this host's, for it costs nothing."""
    await run.tell("This film was begun in the studio of another machine; making it here from the beginning.")
    names = await run.journal.held(lambda c: [step.name for step in steps_of(c, run.journal.scope)])
    await run.journal.void(*names)
    run.order = replace(run.order, send=run.order.wish, session=None)
    run.as_it_stands = False


def _forget_session(connection: sa.Connection, row: int, account: str) -> bool:
    """Whether the session is gone; one of another account is only out of reach, until that account is back."""
    session = tables.session
    connection.execute(session.update().where(session.c.id == row, session.c.account == account).values(gone=True))
    return _is_gone(connection, row)


def _is_gone(connection: sa.Connection, row: int) -> bool:
    return bool(connection.scalar(sa.select(tables.session.c.gone).where(tables.session.c.id == row)))


def _was_paid(connection: sa.Connection, job_id: int, session: int | None) -> bool:
    """Whether a message of this film was, or may have been, taken in the session."""
    job, step = tables.job, tables.step
    film = sa.select(job.c.film).where(job.c.id == job_id).scalar_subquery()
    jobs = connection.scalars(sa.select(job.c.id).where(job.c.film == film, job.c.session == session)).all()
    scopes = [f"job/{number}" for number in jobs]
    return bool(
        connection.scalar(
            sa.select(sa.func.count()).where(
                step.c.scope.in_(scopes), step.c.name.startswith("message/"), step.c.state != "void"
            )
        )
    )
