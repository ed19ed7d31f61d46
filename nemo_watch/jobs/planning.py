"""Films and what was bought for them → wait, answer, hand over, or order: the money decision.

Pure: every rule of versions, common beginnings, additions, copies and the spending brake is a function of its arguments. It must
never order anything twice: what was *sent* is compared, not what was wished.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from nemo_watch.errors import FAILURES, Cause, FilmState, Need, advice, sentence
from nemo_watch.jobs.decisions import (
    READING,
    Answer,
    Decision,
    Identity,
    JobNow,
    Keep,
    Market,
    Past,
    Place,
    Routed,
    Rules,
    Sent,
    Wait,
    Wish,
    Withdraw,
    WritePrompt,
)
from nemo_watch.model import Backend, JobState, MediaKind, Order, OrderKind, Words, url_key

FIRST_START_MAX: Final = 5  # more films than that on a first start are not bought unasked
_MOVED: Final = frozenset({Cause.MEDIA_GONE, Cause.FILE_CHANGED})


def identity(backend: Backend, media: Collection[str], urls: Sequence[str], messages: Sequence[str]) -> Identity:
    """What makes two films the same purchase: backend, media by content (in any order), URLs and messages."""
    return (backend.value, tuple(sorted(set(media))), tuple(map(url_key, urls)), tuple(messages))


def decision(wish: Wish, past: Past, rules: Rules, market: Market, routed: Routed | None) -> Decision:
    """What to do for one film now. `routed` is what the whole prompt asks for where it is a routing word."""
    decided = _decided(wish, past, rules, market, routed)
    return (_moved(wish, past) or decided) if isinstance(decided, Keep) else decided


def _decided(wish: Wish, past: Past, rules: Rules, market: Market, routed: Routed | None) -> Decision:
    if past.job is not None and _is_busy(past.job):
        return Keep()
    if wish.trouble is not None:
        cause, data = wish.trouble
        return Wait(
            FAILURES[cause].state, sentence(cause, dict(data)), FAILURES[cause].needs, advice(cause, dict(data))
        )
    words = wish.words or _remembered(wish, past)
    if not wish.ready:
        return _unready(wish, past)
    if words is None:
        return _missing_media(wish, past, rules) or WritePrompt()
    if not words.messages:
        return _kept_or(past, Wait(FilmState.WAITING_FOR_PROMPT, f"{wish.prompt_file} has no words yet"))
    if waiting := _wait_for_edit(wish, words, past, rules):
        return waiting
    if routed is not None:
        return _routed(wish, past, rules, words, routed)
    if missing := _missing_media(wish, past, rules):
        return _kept_or(past, missing)
    if past.sent is None:
        return _first(wish, past, rules, words, market)
    return _next(wish, past, rules, words, past.sent)


def _moved(wish: Wish, past: Past) -> Place | None:
    """The order of a job that waits for files which lie elsewhere now (renamed, moved with their folder), with their places of today."""
    job = past.job
    if job is None or job.state is not JobState.PARKED or job.cause not in _MOVED or job.sent_any or not wish.ready:
        return None
    now, then = ({m.path: m.sha256 for m in media} for media in (wish.media, job.order.media))
    if now == then or set(now.values()) != set(then.values()):
        return None
    return _placed(replace(job.order, media=wish.media), past)


def _is_busy(job: JobNow) -> bool:
    """Edits wait while a version is being made and while a person's decision is asked."""
    if job.state in {JobState.QUEUED, JobState.WORKING, JobState.CANCELLED}:
        return True
    if job.state is not JobState.PARKED or job.cause is None:
        return False
    failure = FAILURES[job.cause]
    # A wait that mends itself after something was taken goes on where it stands; before that an edit may replace it.
    return failure.needs is Need.DECISION or (failure.needs is None and job.sent_any)


def _remembered(wish: Wish, past: Past) -> Words | None:
    """A prompt that was deleted changes nothing: the words last seen still hold."""
    return None if past.words is None else Words(past.words, template=past.sent is None and past.template is not None)


def _kept_or(past: Past, wait: Wait) -> Decision:
    return Keep() if past.job is not None else wait


def _unready(wish: Wish, past: Past) -> Decision:
    if past.job is not None and past.job.state in {JobState.DONE, JobState.FAILED, JobState.PARKED}:
        held_up = past.job.state is JobState.DONE and wish.busy_with not in {None, READING}
        if not held_up:
            return Keep()
    detail = f"{wish.busy_with}" if wish.busy_with else "waiting until nothing more arrives"
    return Wait(FilmState.SETTLING, detail)


def _wait_for_edit(wish: Wish, words: Words, past: Past, rules: Rules) -> Wait | None:
    """The prompt is still what the daemon wrote: it waits for an edit, but not for ever (unless told so)."""
    begun = past.job is not None and past.job.order.kind is not OrderKind.UPLOAD
    if not words.template or past.sent is not None or begun:
        return None
    if rules.prompt_wait_s == float("inf"):
        return Wait(FilmState.WAITING_FOR_PROMPT, f"write what you want into {wish.prompt_file}")
    left_s = rules.prompt_wait_s - wish.quiet_s
    if rules.once or left_s <= 0:
        return None
    return Wait(
        FilmState.WAITING_FOR_PROMPT,
        f"edit {wish.prompt_file} if you like; without an edit it starts as it stands",
        again_in_s=left_s,
    )


def _missing_media(wish: Wish, past: Past, rules: Rules) -> Wait | None:
    """A film needs a picture: a photo, a clip, a URL, or the person's word (an empty urls.txt) that words are enough."""
    if len(wish.media) > rules.max_files:
        data: dict[str, object] = {"count": len(wish.media), "limit": rules.max_files}
        cause = Cause.TOO_MANY_FILES
        return Wait(FAILURES[cause].state, sentence(cause, data), FAILURES[cause].needs, advice(cause, data))
    if past.sent is not None or wish.urls or wish.from_words or any(m.kind is not MediaKind.AUDIO for m in wish.media):
        return None
    return Wait(FilmState.SETTLING, "only music so far; waiting for a picture" if wish.media else "no photos yet")


def _routed(wish: Wish, past: Past, rules: Rules, words: Words, routed: Routed) -> Decision:
    """Routing words are obeyed once each time they are written, and are no part of the film's words."""
    if past.answered == words.messages:
        return _kept_or(past, Wait(FilmState.DONE, f'"{words.messages[0]}" is answered in reply.txt'))
    if routed in {Routed.CREDITS, Routed.STATUS}:
        return Answer(routed, words.messages)
    sent = past.sent
    if routed is Routed.EXPORT and (sent is None or sent.session is None):
        data: dict[str, object] = {"film": wish.name, "prompt_file": wish.prompt_file}
        cause = Cause.NOTHING_TO_EXPORT
        return Wait(FAILURES[cause].state, sentence(cause, data), FAILURES[cause].needs, advice(cause, data))
    order = Order(
        kind=OrderKind.EXPORT if routed is Routed.EXPORT else OrderKind.UPLOAD,
        backend=rules.backend,
        media=wish.media,
        urls=wish.urls,
        wish=() if sent is None else sent.messages,
        send=(),
        session=None if sent is None else sent.session,
    )
    return _placed(order, past, answers=words.messages)


def _first(wish: Wish, past: Past, rules: Rules, words: Words, market: Market) -> Decision:
    """A film of which no message was sent yet: bought before as a copy, being bought as a copy, or bought now."""
    order = Order(
        kind=OrderKind.MESSAGES,
        backend=rules.backend,
        media=wish.media,
        urls=wish.urls,
        wish=words.messages,
        send=words.messages,
    )
    if past.job is not None and past.job.order.kind is OrderKind.MESSAGES and not _differs(order, past.job.order):
        return Keep()
    if past.job is None or past.job.order.kind is OrderKind.UPLOAD:
        which = identity(rules.backend, [m.sha256 for m in wish.media], wish.urls, words.messages)
        if which in market.bought:
            return _placed(replace(order, kind=OrderKind.REUSE, send=(), source=market.bought[which]), past)
        if which in market.making:
            return Wait(
                FilmState.QUEUED, f"the same film is being made as {market.making[which]}; its video will do for both"
            )
    return _placed(order, past)


def _differs(order: Order, other: Order) -> bool:
    return identity(order.backend, [m.sha256 for m in order.media], order.urls, order.wish) != identity(
        other.backend, [m.sha256 for m in other.media], other.urls, other.wish
    )


def _next(wish: Wish, past: Past, rules: Rules, words: Words, sent: Sent) -> Decision:
    """A film of which something was sent: only what is new is sent, and nothing when nothing is."""
    new = _new_messages(words.messages, sent)
    order = Order(
        kind=OrderKind.MESSAGES,
        backend=rules.backend,
        media=wish.media,
        urls=wish.urls,
        wish=words.messages,
        send=new,
        session=sent.session,
        removed=_removed(wish, sent),
    )
    if new:
        job = past.job
        if job is not None and job.state in {JobState.PARKED, JobState.FAILED} and not _differs(order, job.order):
            return Keep()  # it failed or waits with these very words: no edit, nothing to try again by itself
        return _placed(order, past)
    added = _added(wish, sent)
    if not added:
        return Withdraw(past.job.id) if past.job is not None and _was_taken_back(past.job) else Keep()
    if not rules.once and rules.prompt_wait_s != float("inf") and wish.quiet_s < rules.prompt_wait_s:
        return Wait(
            FilmState.WAITING_FOR_PROMPT,
            f"new: {_listed(added)}; edit {wish.prompt_file} to say what to do with it",
            again_in_s=rules.prompt_wait_s - wish.quiet_s,
        )
    if rules.prompt_wait_s == float("inf"):
        return Wait(
            FilmState.WAITING_FOR_PROMPT, f"new: {_listed(added)}; say in {wish.prompt_file} what to do with it"
        )
    again = words.messages if sent.session is None else (f"{sent.messages[-1]}\n\n{_listed(added)}",)
    job = past.job
    waits = job is not None and job.state in {JobState.PARKED, JobState.FAILED}
    if job is not None and waits and job.order.send == again and not _differs(order, job.order):
        return Keep()
    return _placed(replace(order, send=again), past)


def _was_taken_back(job: JobNow) -> bool:
    """Whether a job waits with messages of which none was taken, although nothing is left to send: the last text wins."""
    unsent = job.order.kind is OrderKind.MESSAGES and bool(job.order.send) and not job.sent_any
    return unsent and not job.order.bought_again and job.state in {JobState.PARKED, JobState.FAILED}


def _new_messages(messages: tuple[str, ...], sent: Sent) -> tuple[str, ...]:
    """What follows the longest common beginning; all of it where there is no session that knows the beginning (a copy)."""
    if sent.session is None:
        return () if messages == sent.messages else messages
    return messages[_common_beginning(sent.messages, messages) :]


def _common_beginning(before: Sequence[str], now: Sequence[str]) -> int:
    length = 0
    while length < min(len(before), len(now)) and before[length] == now[length]:
        length += 1
    return length


def _added(wish: Wish, sent: Sent) -> tuple[str, ...]:
    """Names of media and URLs that came new. A file replaced under its old name is not added; neither is a renamed one."""
    known_paths = set(sent.media.values())
    names = [m.name for m in wish.media if m.sha256 not in sent.media and m.path not in known_paths]
    known = set(map(url_key, sent.urls))
    return (*dict.fromkeys(names), *(url for url in wish.urls if url_key(url) not in known))


def _removed(wish: Wish, sent: Sent) -> tuple[str, ...]:
    now = {m.sha256 for m in wish.media}
    return tuple(sorted({path.rpartition("/")[2] for sha, path in sent.media.items() if sha not in now}))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _placed(order: Order, past: Past, answers: tuple[str, ...] | None = None) -> Place:
    """The order as the next version, in the place of a job that waits with another text."""
    job = past.job
    replaces = (
        job.id if job is not None and job.state in {JobState.PARKED, JobState.FAILED} and job.video is None else None
    )
    return Place(order, past.version + 1, replaces, answers)


def again(wish: Wish, past: Past, rules: Rules) -> Place | None:
    """A version bought on purpose: the whole text, in a new session, with the media that are there now.

    None while it cannot be: nothing to say or to show yet, a prompt that cannot be read, or a job that has sent something and
    waits for its turn. A job that has not begun is replaced.
    """
    words = wish.words or _remembered(wish, past)
    messages = (
        past.sent.messages if words is None and past.sent is not None else () if words is None else words.messages
    )
    unseen = replace(past, sent=None)
    if not messages or wish.trouble is not None or _missing_media(wish, unseen, rules) is not None:
        return None
    order = Order(
        OrderKind.MESSAGES, rules.backend, wish.media, wish.urls, messages, messages, session=None, bought_again=True
    )
    job = past.job
    if job is not None and job.state is JobState.QUEUED:
        return None if job.sent_any else replace(_placed(order, past), replaces=job.id)
    return _placed(order, past)


# -- the spending brake ------------------------------------------------------------------------------------------------------


def held_by_brake(to_pay: Collection[int], *, ever_paid: bool, held: Collection[int]) -> frozenset[int]:
    """The films that a first start holds back.

    `to_pay` are all films (by number) in the inbox that are not known to be free; `ever_paid` is whether this journal has seen a paid
    message or a release; `held` are those held already. A first start that finds more than FIRST_START_MAX holds them all;
    once something was released or bought, only those held before stay held.
    """
    if ever_paid:
        return frozenset(held)
    if held or len(to_pay) > FIRST_START_MAX:
        return frozenset(held) | frozenset(to_pay)
    return frozenset()


def is_paid(order: Order) -> bool:
    """Whether carrying out the order costs credits."""
    return order.backend is Backend.CLOUD and order.kind is OrderKind.MESSAGES and bool(order.send)
