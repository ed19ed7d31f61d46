"""THE STORY: one version's way to a video, the steps in order.

Each step's receipt is in the journal before the next begins, so that a run that is cut short goes on where it was. It must never
send a message that may have been taken (`paying`), start a render twice (`rendering`), or write a video that is not whole.
Facts: API text "Common Workflows" (upload → one message → export), "SSE Event Handling", "Error Codes".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs.balance import balance_noted, look_at_balance, with_balance
from nemo_watch.jobs.paying import Said, said_for, saying
from nemo_watch.jobs.rendering import rendered
from nemo_watch.jobs.run import Run, Session
from nemo_watch.jobs.sessions import renew_session, working_session
from nemo_watch.jobs.timelines import has_unknown_timelines, newest_own_timeline, other_timelines
from nemo_watch.jobs.uploading import upload_media
from nemo_watch.model import Backend, OrderKind

if TYPE_CHECKING:
    from collections.abc import Sequence

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
                raise await with_balance(run, trouble) from trouble
            if trouble.cause is not Cause.SESSION_LOST:
                raise
            await renew_session(run, trouble)
    raise Trouble(Cause.SERVICE_DOWN, reason="it forgets every new session")


async def _walk(run: Run) -> Made:
    session = await working_session(run)
    await look_at_balance(run)
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
    async with balance_noted(run):
        render = await rendered(run, session, draft)
    run.journal.passed("render")
    video = await run.journal.step("video", lambda: _deliver(run, render))
    return Made(video["video"], video["sha256"], _about(video.get("warnings", ())))


# -- before the message ----------------------------------------------------------------------------------------------------


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
    own, others = await run.journal.held(lambda c: other_timelines(c, run.journal.job_id, session.row))
    unknown = await run.journal.held(lambda c: has_unknown_timelines(c, run.journal.job_id, session.row))
    now = run.words.fingerprint(before)
    if now not in map(run.words.fingerprint, own) and (unknown or now in map(run.words.fingerprint, others)):
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
        own, others = await run.journal.held(lambda c: other_timelines(c, run.journal.job_id, session.row))
        stands = run.words.fingerprint(draft)
        if run.as_it_stands and stands in map(run.words.fingerprint, others):
            raise Trouble(Cause.MESSAGE_UNSURE, film=run.film, messages=len(run.order.wish))
        if said and not run.as_it_stands and stands in map(run.words.fingerprint, (*own, *others)):
            await run.tell("The service changed nothing; no new video is rendered.")
            return None  # one that was paid for and never rendered (its export was blocked, say) is rendered now
    return draft


async def _own_timeline(run: Run, session: Session) -> Receipt:
    """For an export in a session that several films share: the film's own timeline, for the session's newest is another's."""
    return {"draft": await run.journal.held(lambda c: newest_own_timeline(c, run.journal.job_id, session.row))}


# -- the video -------------------------------------------------------------------------------------------------------------


async def _deliver(run: Run, render: Any) -> Receipt:  # noqa: ANN401  a RenderAnswer
    """Fetch the video and publish it; both may be repeated, so one receipt is enough."""
    run.report(0.9, "fetching the video")
    part = run.outbox.part_path(run.version)
    await run.service.download(render, part, lambda share: run.report(0.9 + 0.09 * share, "fetching the video"))
    await run.journal.prove()  # a host that slept meanwhile has lost the film to another
    video, sha256 = await run.outbox.publish(run.version, part)
    await run.tell(f"Your video is ready: {video}")
    for warning in render.warnings:
        await run.tell(f"About this video: {warning}")
    return {"video": video, "sha256": sha256, "warnings": list(render.warnings)}


def _about(warnings: Sequence[str]) -> str:
    """What a video lacks, for its line in the status; the whole of it stands in project.log."""
    more = f" (and {len(warnings) - 1} more, see project.log)" if len(warnings) > 1 else ""
    return f"{warnings[0]}{more}" if warnings else ""


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
