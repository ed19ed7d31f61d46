"""The paid message: intent, one attempt, receipt; and when that stays unknown, the recovery rule.

It must never send a message that may have been taken. *Not taken* means only what `Trouble.not_taken` says; everything else goes
to recovery: wait, read the state, compare. Source: API text §"SSE Event Handling", "Error Codes"; the waits are the vendor's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.errors import Cause, Trouble, argument
from nemo_watch.jobs.journal import Receipt, Step
from nemo_watch.model import Backend

if TYPE_CHECKING:
    from nemo_watch.jobs.ports import ReplyAnswer
    from nemo_watch.jobs.run import Run, Session

_REMEDIES: Final = {  # how often each is taken before the job is parked: a token renewed, one rate limit waited out
    Cause.TOKEN_EXPIRED: 1,
    Cause.CLIENT_ID_MISSING: 1,
    Cause.RATE_LIMITED: 1,
}
_WAIT_MAX_S: Final = 300.0  # a longer wait is not slept through at work: the job is parked until then
_READS_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Said:
    """What the service said to one message; `text` is empty for a silent edit, and for one that only a receipt tells of."""

    text: str
    restored: bool = False


async def saying(run: Run, session: Session) -> tuple[Said, ...]:
    """Send the order's messages, one after another, each its own paid step; then at most one edit the reply asks for."""
    said: list[Said] = []
    for index, text in enumerate(run.order.send):
        receipt = await _message(run, session, f"message/{index}", text)
        if receipt is None:
            return tuple(said)
        said.append(Said(receipt["text"], bool(receipt.get("restored"))))
        if index + 1 < len(run.order.send):
            await _stop_for_a_question(run, session, f"message/{index}", said[-1])
    if said and (edit := run.words.edit_asked_for(said[-1].text)) and not run.as_it_stands:
        said += await _edit_once(run, session, edit)
    return tuple(said)


async def _stop_for_a_question(run: Run, session: Session, name: str, said: Said) -> None:
    """A reply that asks and has changed nothing wants an answer before the next message is paid. Raises: Trouble(SERVICE_ASKS)."""
    question = run.words.question(said.text)
    step = await run.journal.find(name)
    if question is None or run.as_it_stands or step is None or step.data is None:
        return
    draft = (await run.service.state(session.session_id)).draft
    if run.words.fingerprint(draft) == step.data["before"]:
        await run.outbox.write_reply(said_for(run, [said], draft, draft))
        raise Trouble(Cause.SERVICE_ASKS, question=question, prompt_file=run.prompt_file)


async def _edit_once(run: Run, session: Session, edit: str) -> list[Said]:
    """When the reply says to drag something: the deed is a message, paid, at most one a version, only if nothing changed yet."""
    if await run.journal.find("message/edit") is None:
        before = await run.journal.find("before")
        now = (await run.service.state(session.session_id)).draft
        if before is None or before.receipt is None:
            return []
        if run.words.fingerprint(now) != run.words.fingerprint(before.receipt["draft"]):
            return []
    receipt = await _message(run, session, "message/edit", edit)
    return [] if receipt is None else [Said(receipt["text"])]


async def _message(run: Run, session: Session, name: str, text: str) -> Receipt | None:
    """The receipt of one message, from the journal, by sending it, or by finding out. None: not sent, as a person asked."""
    found = await run.journal.find(name)
    if found is not None and found.receipt is not None:
        return found.receipt
    if run.as_it_stands:
        return None
    receipt = await (_pay(run, session, name, text) if found is None else _recovered(run, session, found, "", None))
    await run.outbox.write_receipt()  # from here on not even a lost journal buys it again
    return receipt


async def _pay(run: Run, session: Session, name: str, text: str) -> Receipt:
    """Send one message. After an explicit refusal it may go again, once the remedy is taken."""
    await run.tell(
        f"Sending: {text}"
    )  # before the intent: an outbox that refuses the line must not look like a message on its way
    left = dict(_REMEDIES)
    while True:
        step = await _intended(run, session, name, text)
        try:
            async with run.unbroken():
                reply = await _send(run, session, text)
                if await _heard_surely(run, session, step, reply):
                    await run.journal.receipt(name, {"text": reply.text})
                    return {"text": reply.text}
        except Trouble as trouble:
            if trouble.cause is Cause.LOST_TO_ANOTHER:
                raise
            if not trouble.not_taken:
                if run.halting:
                    raise asyncio.CancelledError from trouble  # the next start finds out: the intent is there
                heard = getattr(trouble, "reply", None)
                return await _recovered(run, session, step, "" if heard is None else heard.text, trouble)
            await run.journal.void(name)
            if run.halting:
                raise asyncio.CancelledError from trouble
            if left.get(trouble.cause, 0) == 0:
                raise _helpless(trouble) from trouble
            left[trouble.cause] -= 1
            await _remedy(run, trouble)
        else:
            return await _recovered(run, session, step, reply.text, None)


def _helpless(trouble: Trouble) -> Trouble:
    """What a refusal of a message means when its remedy was tried already."""
    reason = str(trouble.data.get("reason", ""))
    if trouble.cause is Cause.TOKEN_EXPIRED:
        return Trouble(Cause.SERVICE_DOWN, not_taken=True, reason=f"a new token was refused as well; {reason}")
    if trouble.cause is Cause.CLIENT_ID_MISSING:
        return Trouble(Cause.MESSAGE_REFUSED, not_taken=True, reason=reason)
    return trouble


async def _intended(run: Run, session: Session, name: str, text: str) -> Step:
    """The intent on disk. A halt that comes while it is written takes it back: nothing was sent, so nobody is to be asked."""
    before = (await run.service.state(session.session_id)).draft
    paid = run.order.backend is Backend.CLOUD
    data = {"text": text, "before": run.words.fingerprint(before), "paid": paid}
    async with run.unbroken():
        step = await run.journal.intent(name, data, paid_a_day=run.paid_a_day)
        if run.halting:
            await run.journal.void(name)
    return step


async def _send(run: Run, session: Session, text: str) -> ReplyAnswer:
    run.report(0.3, "your message is being worked on")
    await run.journal.sure()
    async with _still_working(run):
        return await run.service.send_message(session.session_id, text, lambda _reply: None)


async def _heard_surely(run: Run, session: Session, step: Step, reply: ReplyAnswer) -> bool:
    """`_is_heard`, where a refusal of that look at the state is no refusal of the message: only the sending proves "not taken"."""
    try:
        return await _is_heard(run, session, step, reply)
    except Trouble as trouble:
        if trouble.cause is Cause.LOST_TO_ANOTHER:
            raise
        return False


async def _is_heard(run: Run, session: Session, step: Step, reply: ReplyAnswer) -> bool:
    """Whether the stream's end is the reply's. One that closed without a single word or deed may have been cut on the way.

    Then only a changed draft tells that the work is done; a silent edit has at least its tool events.
    """
    if reply.had_content:
        return True
    draft = (await run.service.state(session.session_id)).draft
    return step.data is not None and run.words.fingerprint(draft) != step.data["before"]


@asynccontextmanager
async def _still_working(run: Run) -> AsyncIterator[None]:
    """Every two minutes of waiting one line says so. Source: API text "SSE Event Handling"."""

    async def note() -> None:
        while True:
            await run.clock.sleep(run.pace.still_working_s)
            run.report(0.4, "⏳ Still working...")
            await run.tell("⏳ Still working...")

    task = asyncio.ensure_future(note())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _remedy(run: Run, refusal: Trouble) -> None:
    """What makes an explicitly refused message worth sending again. Tokens and client ids the client has renewed already."""
    if refusal.cause is not Cause.RATE_LIMITED:
        return
    wait_s = run.pace.rate_limit_wait_s if refusal.retry_after_s is None else refusal.retry_after_s
    if wait_s > _WAIT_MAX_S:
        raise refusal
    run.report(0.3, "NemoVideo asks us to slow down")
    await run.clock.sleep(wait_s)


# -- recovery --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """One look at the state after doubt."""

    fingerprint: str
    exportable: bool


class Verdict(Enum):
    """What the reads so far mean."""

    TAKEN = "taken"  # the result is there
    UNSURE = "unsure"  # a person decides
    READ_AGAIN = "read again"


def verdict(reads: Sequence[Read], before: str, unchanged_max: int, since_sent_s: float, limit_s: float) -> Verdict:
    """What a sequence of reads says of a message of which nothing else is known.

    A changed draft counts when it is exportable and equal in two reads running (the first change may be stage one of two). So many
    unchanged reads as `unchanged_max`, or no end within `limit_s` of sending, leave it unsure.
    """
    if not reads:
        return Verdict.READ_AGAIN
    last = reads[-1]
    changed = last.fingerprint != before
    if changed and last.exportable and len(reads) > 1 and reads[-2].fingerprint == last.fingerprint:
        return Verdict.TAKEN
    if sum(read.fingerprint == before for read in reads) >= unchanged_max or len(reads) >= _READS_MAX:
        return Verdict.UNSURE
    seen_twice = len(reads) > 1 and reads[-2].fingerprint != before
    if changed and seen_twice and since_sent_s > limit_s:
        return Verdict.UNSURE
    return Verdict.READ_AGAIN


async def _recovered(run: Run, session: Session, step: Step, heard: str, trouble: Trouble | None) -> Receipt:
    """Find out what became of a message: the receipt where its result is there.

    Raises: Trouble(MESSAGE_UNSURE) where it cannot be known; nothing is sent.
    """
    await run.journal.prove()  # a host that slept meanwhile has lost the film to another
    await run.tell(f"{_what_broke_off(trouble)}; looking whether NemoVideo has done the work.")
    before = "" if step.data is None else str(step.data["before"])
    waits = run.pace.recovery_waits_s
    reads: list[Read] = []
    while True:
        run.report(0.4, "finding out whether NemoVideo took the message")
        await run.clock.sleep(waits[min(len(reads), len(waits) - 1)])
        draft = (await run.service.state(session.session_id)).draft
        reads.append(Read(run.words.fingerprint(draft), run.words.exportable(draft)))
        since_sent_s = run.clock.now().timestamp() - step.at
        match verdict(reads, before, len(waits), since_sent_s, run.pace.message_limit_s):
            case Verdict.TAKEN:
                await run.tell("NemoVideo had taken it; going on.")
                receipt = {"text": heard, "recovered": True}
                await run.journal.receipt(step.name, receipt)
                return receipt
            case Verdict.UNSURE:
                raise _unsure(run, trouble) from trouble
            case Verdict.READ_AGAIN:
                continue


def _what_broke_off(trouble: Trouble | None) -> str:
    match None if trouble is None else trouble.cause:
        case Cause.OUT_OF_CREDITS:
            return "The credits ran out in the middle of the message"
        case Cause.AGENT_FAILED:
            return "NemoVideo reported an error of its own"
        case _:
            return "The connection broke off"


_TOLD_AS: Final = {Cause.AGENT_FAILED: Cause.AGENT_FAILED, Cause.OUT_OF_CREDITS: Cause.CREDITS_RAN_OUT}


def _unsure(run: Run, trouble: Trouble | None) -> Trouble:
    """What a person has to decide; what is known of how it broke off is told."""
    cause = Cause.MESSAGE_UNSURE if trouble is None else _TOLD_AS.get(trouble.cause, Cause.MESSAGE_UNSURE)
    reason = trouble.data.get("reason") if trouble is not None else None
    return Trouble(cause, film=run.film, messages=len(run.order.wish), reason=reason)


# -- what the person reads ---------------------------------------------------------------------------------------------------


def said_for(run: Run, said: Sequence[Said], before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    """The reply as people read it: what the service said in their terms, what changed, and what they should know."""
    parts = [run.words.shown(s.text) for s in said if s.text.strip()]
    changes = run.words.changes(before, after)
    if changes:
        parts.append("What changed:\n" + "\n".join(f"- {change}" for change in changes))
    elif said:
        parts.append("The service changed nothing.")
    if run.order.removed:
        names = ", ".join(run.order.removed)
        parts.append(
            f"No longer in the folder but still part of the edit: {names}. To leave them out: nemo-watch again {argument(run.film)}"
        )
    parts += [f"Left out: {reason}" for _, reason in run.left_out]
    if run.order.wish and (tip := run.words.tip(run.order.wish[-1])):
        parts.append(tip)
    return "\n\n".join(parts) + "\n"
