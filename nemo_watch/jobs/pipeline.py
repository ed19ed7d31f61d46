"""THE STORY: one version's way to a video, the steps in order.

Each step's receipt is in the journal before the next begins, so that a run that is cut short goes on where it was. It must never
send a message that may have been taken (`paying`), start a render twice (`rendering`), or write a video that is not whole.
Facts: API text "Common Workflows" (upload → one message → export), "SSE Event Handling", "Error Codes".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import queue
from nemo_watch.jobs import store as tables
from nemo_watch.jobs.paying import Said, said_for, saying
from nemo_watch.jobs.rendering import rendered
from nemo_watch.jobs.run import Run, Session
from nemo_watch.jobs.uploading import upload_media
from nemo_watch.model import Backend, JobState, OrderKind

if TYPE_CHECKING:
    from nemo_watch.jobs.journal import Receipt

VERSION: Final = 1  # of the steps' names; a job remembers under which it began
_SESSIONS_MAX: Final = 3  # sessions lost one after another, before anything was paid

Draft = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a version: the video's path in the outbox (None: nothing new to render) and the line that says so."""

    video: str | None
    sha256: str | None
    detail: str


async def make_version(run: Run) -> Made:
    """Carry out one order, from where the journal says it stands.

    Raises: Trouble, to park or end the job; asyncio.CancelledError when the run is halted.
    """
    if run.order.kind is OrderKind.REUSE:
        return await _hand_over(run)
    for _ in range(_SESSIONS_MAX):
        try:
            return await _walk(run)
        except Trouble as trouble:
            if trouble.cause is Cause.OUT_OF_CREDITS:
                raise await _with_balance(run, trouble) from trouble
            if trouble.cause is not Cause.SESSION_LOST:
                raise
            await _renew_session(run, trouble)
    raise Trouble(Cause.SERVICE_DOWN, reason="it forgets every new session")


async def _walk(run: Run) -> Made:
    session = await _session(run)
    await _look_at_balance(run)
    if run.order.kind is not OrderKind.EXPORT:
        await upload_media(run, session)
    if run.order.kind is OrderKind.UPLOAD:
        return await _uploaded(run)
    before = await _before(run, session)
    await _refuse_anothers_timeline(run, session, before)
    said = await saying(run, session)
    draft = await _draft(run, session, before, said)
    if draft is None:
        return Made(None, None, "the service changed nothing")
    async with _balance_noted(run):
        render = await rendered(run, session, draft)
    video = await run.journal.step("video", lambda: _deliver(run, render))
    return Made(video["video"], video["sha256"], "")


# -- the session -----------------------------------------------------------------------------------------------------------


async def _session(run: Run) -> Session:
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
    if host_of(account) != host_of(run.service.account_key):
        raise Trouble(Cause.SESSION_LOST)
    await run.service.state(session.session_id)
    await run.journal.held(lambda c: _write_account(c, session.row, run.service.account_key))


def host_of(account: str) -> str:
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


async def _renew_session(run: Run, lost: Trouble) -> None:
    """Before any paid message of this film: a new session, everything uploaded again. After one: a person decides.

    Source: API text "Error Codes" 1002.
    """
    found = await run.journal.find("session")
    row = int(found.receipt["row"]) if found is not None and found.receipt is not None else None
    paid = await run.journal.held(lambda connection: _was_paid(connection, run.journal.job_id, row))
    gone = row is None or await run.journal.held(lambda c: _forget_session(c, row, run.service.account_key))
    if paid or (run.order.session is not None and not gone):
        cause = Cause.SESSION_LOST_PAID if gone else Cause.SESSION_OF_ANOTHER
        raise Trouble(cause, messages=len(run.order.wish)) from lost
    await run.tell("The editing session was lost before anything was paid; making a new one.")
    await run.journal.void("session", "before", "timeline", "render/1", "render/2")


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


# -- before the message ----------------------------------------------------------------------------------------------------


async def _look_at_balance(run: Run) -> None:
    """A balance of 0 is said before time is spent on uploads. One that cannot be read holds no film up.

    A film that was refused for want of credits goes on only when the balance has risen above what it was then: no endpoint
    tells prices, so anything less would be the same refusal again.
    """
    if run.paid_a_day is None or not run.order.send or run.as_it_stands:
        return
    if run.refused_at is None and await run.journal.find("message/0"):
        return
    try:
        available = (await run.service.balance()).available
    except Trouble as trouble:
        if trouble.cause is Cause.TOKEN_REJECTED:
            raise
        if run.refused_at is None:
            return
        # Not known to have risen: it waits on as it did.
        raise Trouble(Cause.OUT_OF_CREDITS, not_taken=True, available=run.refused_at) from trouble
    run.balance_before = available
    await run.journal.receipt("credits/before", {"available": available})
    if available <= (run.refused_at or 0.0):
        bar = available if run.refused_at is None else run.refused_at
        raise Trouble(Cause.OUT_OF_CREDITS, not_taken=True, available=bar)


@asynccontextmanager
async def _balance_noted(run: Run) -> AsyncIterator[None]:
    """Beside the render, whose looks wait anyway: what the balance says now, for the receipt. It holds nothing up."""

    async def note() -> None:
        with suppress(Trouble):
            balance = await run.service.balance()
            await run.journal.receipt("credits/after", {"available": balance.available})

    noting = None if run.paid_a_day is None or not run.order.send else asyncio.ensure_future(note())
    try:
        yield
    finally:
        if noting is not None:
            noting.cancel()
            await asyncio.gather(noting, return_exceptions=True)


async def _with_balance(run: Run, refused: Trouble) -> Trouble:
    """The refusal with what is needed to mend it: the balance at which it came, and how to get credits.

    Of the looks right before and after the refusal the lower counts: a top-up in between must not raise what has to be exceeded.
    """
    if "available" not in refused.data:
        seen = [] if run.balance_before is None else [run.balance_before]
        try:
            seen.append((await run.service.balance()).available)
        except Trouble:
            seen = seen or [run.refused_at or 0.0]
        refused.data["available"] = min(seen)
    refused.data["how_to_get_credits"] = await run.service.how_to_get_credits()
    return refused


async def _uploaded(run: Run) -> Made:
    names = ", ".join(medium.name for medium in run.order.media)
    await run.outbox.write_reply(f"Uploaded: {names}\nNothing was sent; write what you want into {run.prompt_file}.\n")
    return Made(None, None, "uploaded; nothing was sent")


async def _before(run: Run, session: Session) -> Draft | None:
    """The draft as it was before this version's first message."""

    async def read() -> Receipt:
        return {"draft": (await run.service.state(session.session_id)).draft}

    receipt = await run.journal.step("before", read)
    draft: Draft | None = receipt["draft"]
    return draft


async def _refuse_anothers_timeline(run: Run, session: Session, before: Draft | None) -> None:
    """A message that builds on earlier ones must find their timeline, and not that of a film made in the session since.

    Raises: Trouble(SESSION_MOVED_ON). The service offers no way back to an earlier timeline.
    """
    builds_on = len(run.order.send) < len(run.order.wish) or run.order.send != run.order.wish
    if not run.batch or not run.order.send or not builds_on or run.as_it_stands:
        return
    if await run.journal.find("message/0") is not None:
        return
    own, others = await run.journal.held(lambda c: _timelines(c, run.journal.job_id, session.row))
    now = run.words.fingerprint(before)
    if now in map(run.words.fingerprint, others) and now not in map(run.words.fingerprint, own):
        raise Trouble(Cause.SESSION_MOVED_ON, film=run.film, messages=len(run.order.wish))


# -- after the message -----------------------------------------------------------------------------------------------------


async def _draft(run: Run, session: Session, before: Draft | None, said: tuple[Said, ...]) -> Draft | None:
    """The timeline to render, None when there is nothing new in it; the person is told what was said and what changed.

    Raises: Trouble(SERVICE_ASKS) when the reply asks and changed nothing, Trouble(NOTHING_TO_EXPORT) without a timeline.
    """

    async def read() -> Receipt:
        if run.order.kind is OrderKind.EXPORT and run.batch:
            return await _own_timeline(run, session)
        return {"draft": (await run.service.state(session.session_id)).draft}

    draft: Draft | None = (await run.journal.step("timeline", read))["draft"]
    restored = any(
        s.restored for s in said
    )  # by a receipt in the outbox: what was said and what stood before is not known
    unchanged = not restored and run.words.fingerprint(draft) == run.words.fingerprint(before)
    exportable = run.words.exportable(draft)
    question = next((q for s in reversed(said) if (q := run.words.question(s.text))), None)
    if not restored:
        await run.outbox.write_reply(said_for(run, said, before, draft))
    if exportable:
        await run.outbox.write_timeline(run.words.summary(draft) + "\n", run.words.tracks(draft))
    if question is not None and (unchanged or not exportable):
        raise Trouble(Cause.SERVICE_ASKS, question=question, prompt_file=run.prompt_file)
    if not exportable:
        if run.as_it_stands and not restored:
            raise Trouble(Cause.MESSAGE_UNSURE, film=run.film, messages=len(run.order.wish))
        raise Trouble(Cause.NOTHING_TO_EXPORT, prompt_file=run.prompt_file)
    if run.order.send and (unchanged or run.as_it_stands):
        own, others = await run.journal.held(lambda c: _timelines(c, run.journal.job_id, session.row))
        stands = run.words.fingerprint(draft)
        if run.as_it_stands and stands in map(run.words.fingerprint, others):
            raise Trouble(Cause.MESSAGE_UNSURE, film=run.film, messages=len(run.order.wish))
        if said and not run.as_it_stands and stands in map(run.words.fingerprint, (*own, *others)):
            await run.tell("The service changed nothing; no new video is rendered.")
            return None  # one that was paid for and never rendered (its export was blocked, say) is rendered now
    return draft


def _timelines(connection: sa.Connection, job_id: int, session: int) -> tuple[list[Draft], list[Draft]]:
    """The timelines in the session: those of which this film's other versions have a video, and all of other films."""
    job, step = tables.job, tables.step
    film = connection.scalar(sa.select(job.c.film).where(job.c.id == job_id))
    rows = connection.execute(
        sa.select(job.c.film, job.c.video, step.c.receipt)
        .join(step, step.c.scope == sa.literal("job/") + sa.cast(job.c.id, sa.Text))
        .where(job.c.session == session, job.c.id != job_id, step.c.name == "timeline", step.c.state == "done")
        .order_by(step.c.id)
    ).all()
    drafts = [(row.film, row.video, row.receipt["draft"]) for row in rows if row.receipt["draft"] is not None]
    own = [draft for owner, video, draft in drafts if owner == film and video is not None]
    return own, [draft for owner, _, draft in drafts if owner != film]


async def _own_timeline(run: Run, session: Session) -> Receipt:
    """For an export in a session that several films share: the film's own timeline, for the session's newest is another's."""
    own, _ = await run.journal.held(lambda c: _timelines(c, run.journal.job_id, session.row))
    return {"draft": own[-1] if own else None}


# -- the video -------------------------------------------------------------------------------------------------------------


async def _deliver(run: Run, render: Any) -> Receipt:  # noqa: ANN401  a RenderAnswer
    """Fetch the video and publish it; both may be repeated, so one receipt is enough."""
    run.report(0.9, "fetching the video")
    part = run.outbox.part_path(run.version)
    await run.service.download(render, part, lambda share: run.report(0.9 + 0.09 * share, "fetching the video"))
    video, sha256 = await run.outbox.publish(run.version, part)
    await run.tell(f"Your video is ready: {video}")
    return {"video": video, "sha256": sha256}


async def _hand_over(run: Run) -> Made:
    """The very same film was bought before: its video is handed over, and nothing is paid."""
    source = run.order.source
    assert source is not None  # noqa: S101  an order of this kind names it

    async def act() -> Receipt:
        video, sha256 = await run.outbox.hand_over(run.version, source)
        await run.outbox.write_reply(
            f"This film was made before; here is that video again ({source}). Nothing was paid.\n"
        )
        await run.tell(f"Made before: {source} is handed over, nothing is paid.")
        return {"video": video, "sha256": sha256}

    receipt = await run.journal.step("video", act)
    detail = "made before; nothing was paid" if run.order.backend is Backend.CLOUD else "made before"
    return Made(receipt["video"], receipt["sha256"], detail)
