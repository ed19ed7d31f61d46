"""A version's media on their way up: begun in the order of the film, several at once, each once for a session.

It must never send a file that is not the one that was counted, and never let one bad file end the film.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nemo_watch.errors import Cause, Move, Trouble, advice
from nemo_watch.jobs.journal import steps_of
from nemo_watch.masking import masked
from nemo_watch.model import MediaKind, url_key

if TYPE_CHECKING:
    import sqlalchemy as sa

    from nemo_watch.jobs.journal import Receipt
    from nemo_watch.jobs.run import Run, Session
    from nemo_watch.model import Medium


async def upload_media(run: Run, session: Session) -> None:
    """Bring every medium and URL of the order up that this session does not have yet.

    Raises: Trouble(NOTHING_LEFT) when no picture is left; any other Trouble that is not about one file alone.
    """
    order = run.order
    if order.send == () and order.kind.value == "messages" and run.as_it_stands:
        return
    sent = {"count": 0}
    run.left_out.clear()

    async def one(medium: Medium, turn: _Turn) -> None:
        async with run.uploads:  # fair: who holds the turn came before those who wait for it, so it is inside
            await _upload(run, session, medium, turn)
        await turn.mine.wait()
        turn.pass_on()  # where nothing had to be sent, too
        sent["count"] += 1
        run.report(0.05 + 0.25 * sent["count"] / len(order.media), f"uploading ({sent['count']} of {len(order.media)})")

    await _all([one(medium, turn) for medium, turn in zip(order.media, _turns(len(order.media)), strict=True)])
    refused = await _hand_over_urls(run, session) if order.urls else 0
    pictures = [m for m in order.media if m.kind is not MediaKind.AUDIO]
    out = {medium for medium, _ in run.left_out}
    if (pictures or order.urls) and out.issuperset(pictures) and refused == len(order.urls):
        raise Trouble(Cause.NOTHING_LEFT, reason=run.left_out[-1][1])


@dataclass(frozen=True, slots=True)
class _Turn:
    """One upload's place in the order: `mine` is set once the one before has begun, `next` once this one has."""

    mine: asyncio.Event
    next: asyncio.Event

    def pass_on(self, _sent_bytes: int = 0) -> None:
        """Say that the upload has begun on the wire, or need not."""
        self.next.set()


def _turns(count: int) -> list[_Turn]:
    events = [asyncio.Event() for _ in range(count + 1)]
    events[0].set()
    return [_Turn(mine, after) for mine, after in pairwise(events)]


async def _all(works: list[Any]) -> None:
    """All of them, or the first Trouble with the others ended: an ExceptionGroup would hide which it was."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _upload(run: Run, session: Session, medium: Medium, turn: _Turn) -> None:
    """One medium: its receipt belongs to the session; that it was left out belongs to the job."""
    out = await run.journal.find(f"left-out/{medium.sha256}")
    if out is not None and out.receipt is not None:
        run.left_out.append((medium, str(out.receipt["reason"])))
        return
    try:
        await run.journal.step(f"upload/{medium.sha256}", lambda: _send(run, session, medium, turn), session.scope)
    except Trouble as trouble:
        if trouble.failure.move is not Move.LEAVE_OUT:
            raise
        reason = f"{trouble} {advice(trouble.cause, trouble.data)}"
        await run.journal.receipt(f"left-out/{medium.sha256}", {"reason": reason, "path": medium.path})
        await run.tell(f"Left out: {reason}")
        run.left_out.append((medium, reason))


async def _send(run: Run, session: Session, medium: Medium, turn: _Turn) -> Receipt:
    async with run.media.source(medium) as source:  # made ready beside the others; only the request waits for its turn
        await turn.mine.wait()
        if await _has_arrived(run, session, medium, source.name):
            return {"name": source.name, "files": [], "found": True}
        await run.journal.intent(f"upload/{medium.sha256}", {"name": source.name}, session.scope)
        await run.tell(f"Uploading {medium.name}")
        try:
            files = await run.service.upload(session.session_id, source, turn.pass_on)
        except Trouble as trouble:
            trouble.data.setdefault("file", medium.name)
            raise
    return {"name": source.name, "files": [dict(file) for file in files]}


async def _has_arrived(run: Run, session: Session, medium: Medium, name: str) -> bool:
    """Whether an upload whose answer was lost (a cut, a kill) lies in the session all the same; where it cannot be told, it does not.

    The state names what lies there: one more of that name than we have receipts for, and one alone is in doubt.
    """
    begun = await run.journal.find(f"upload/{medium.sha256}", session.scope)
    if begun is None or begun.data is None:
        return False
    found: tuple[int | None, int] = await run.journal.held(lambda c: _uploads_named(c, session.scope, name))
    receipts, doubts = found
    if receipts is None or doubts != 1:
        return False
    there = (await run.service.state(session.session_id)).uploads
    return sum(other == name for other in there) > receipts


def _uploads_named(connection: sa.Connection, scope: str, name: str) -> tuple[int | None, int]:
    """How many uploads of that name the session has receipts for (None: not known since a lost journal), and how many are in doubt."""
    uploads = [step for step in steps_of(connection, scope) if step.name.startswith("upload/")]
    receipts = [step.receipt for step in uploads if step.receipt is not None]
    if any("name" not in receipt for receipt in receipts):
        return None, 0
    doubts = [step for step in uploads if step.receipt is None and (step.data or {}).get("name") == name]
    return sum(receipt["name"] == name for receipt in receipts), len(doubts)


async def _hand_over_urls(run: Run, session: Session) -> int:
    """Hand over the addresses that the session does not have yet: in one call, or, where that is refused, each in its own.

    How many of the film's addresses were refused, now or before. Each has a receipt of its own, as each file has.
    """
    missing, refused = [], 0
    for url in run.order.urls:
        out = await run.journal.find(f"left-out/{url_key(url)}")
        if out is not None and out.receipt is not None:
            run.left_out.append((None, str(out.receipt["reason"])))
            refused += 1
        elif await run.journal.find(f"urls/{url_key(url)}", session.scope) is None:
            missing.append(url)
    if not missing:
        return refused
    try:
        await _upload_urls(run, session, missing)
    except Trouble as trouble:
        if trouble.failure.move is not Move.LEAVE_OUT:
            raise
        if len(missing) == 1:
            await _leave_out_url(run, missing[0], trouble)
            return refused + 1
        return refused + sum([await _is_refused(run, session, url) for url in missing])
    return refused


async def _is_refused(run: Run, session: Session, url: str) -> bool:
    try:
        await _upload_urls(run, session, [url])
    except Trouble as trouble:
        if trouble.failure.move is not Move.LEAVE_OUT:
            raise
        await _leave_out_url(run, url, trouble)
        return True
    return False


async def _leave_out_url(run: Run, url: str, trouble: Trouble) -> None:
    trouble.data["file"] = masked(url)  # for the status and the log: its password is nobody's business
    why = [f"It said: {masked(str(said)).rstrip('.')}."] if (said := trouble.data.get("reason")) else []
    if trouble.cause is Cause.FILE_UNSUPPORTED:
        why.append("The address must open without a login.")
    reason = " ".join((str(trouble), *why, advice(trouble.cause, trouble.data)))
    await run.journal.receipt(f"left-out/{url_key(url)}", {"reason": reason, "path": None})
    await run.tell(f"Left out: {reason}")
    run.left_out.append((None, reason))


async def _upload_urls(run: Run, session: Session, urls: list[str]) -> None:
    await run.tell(f"Handing over {len(urls)} address(es) from urls.txt")
    files = await run.service.upload_urls(session.session_id, urls)
    for url in urls:
        await run.journal.receipt(f"urls/{url_key(url)}", {"files": [dict(file) for file in files]}, session.scope)
