"""The paid message: sent once, heard to its end, and never twice.

`not_taken` stands only where it is proven: no byte of the body was written, or an explicit refusal came before any content.
Everything else is MESSAGE_UNSURE, and whoever reads it decides; nothing here repeats anything.
Source: API text "Send message (SSE)"; README "Never paid twice".
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.asking import ANSWER_LIMIT_BYTES
from nemo_watch.nemo.refusals import NOT_TAKEN_STATUSES, Answer, refusal
from nemo_watch.nemo.stream import Reply, StreamReader, ended, heard
from nemo_watch.nemo.transport import FOREIGN, deadline, lowered, translated, whole_answer
from nemo_watch.nemo.unpacking import Unpacker

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    import httpx

    from nemo_watch.nemo.asking import Asker
    from nemo_watch.nemo.calls import Request

STREAM_LIMIT_BYTES: Final = 512 * 1024 * 1024  # of one reply, unpacked: a hundred times the longest
_REFUSAL_LIMIT_S: Final = 30.0  # to read the words of a refusal, whose status is known already
_PAGES: Final = ("application/json", "text/html", "application/problem+json")

# What a refusal of other calls means for a message: its words are at fault.
_MESSAGE_CAUSES: Final = {
    Cause.REQUEST_REFUSED: Cause.MESSAGE_REFUSED,
    Cause.FILE_TOO_LARGE: Cause.MESSAGE_REFUSED,
    Cause.FILE_UNSUPPORTED: Cause.MESSAGE_REFUSED,
}


class MessageTrouble(Trouble):
    """The trouble of a message, with what was heard before it came. `not_taken` is False wherever there is any doubt."""

    def __init__(self, trouble: Trouble, reply: Reply, *, cause: Cause | None = None, not_taken: bool = False) -> None:
        super().__init__(
            cause or trouble.cause, not_taken=not_taken, retry_after_s=trouble.retry_after_s, **trouble.data
        )
        self.reply = reply


@dataclass(slots=True)
class _Spoken:
    """One message on its way: whether its body has begun to go out, and what was heard of it."""

    body: bytes
    on_wire: Callable[[], Awaitable[None]] | None
    begun: bool = False
    reply: Reply = field(default_factory=Reply)

    async def content(self) -> AsyncIterator[bytes]:
        """The body, once: whoever asks for it again, asks for a second message."""
        if self.begun:
            raise RuntimeError("the body of a message is never written twice")
        if self.on_wire is not None:
            await self.on_wire()
        self.begun = True
        yield self.body


async def speak(
    asker: Asker,
    request: Request,
    hear: Callable[[Reply], None],
    on_wire: Callable[[], Awaitable[None]] | None,
) -> Reply:
    """What the agent said, when its stream has ended well. Raises MessageTrouble for everything else.

    After TOKEN_EXPIRED and CLIENT_ID_MISSING the remedy has been applied: the caller may send again at once.
    """
    spoken = _Spoken(request.body() or b"", on_wire)
    bearer = None
    try:
        async with asker.transport.stream_slots:
            bearer = await asker.account.bearer()
            spoken.reply = Reply(secrets=(bearer,))
            await _exchange(asker, request, bearer, spoken, hear)
    except Trouble as trouble:
        raise await _judged(asker, trouble, spoken, bearer) from trouble
    except Exception as error:
        # Whatever it is, the message may be on its way: it must not look like one that may be sent again.
        reason = f"{type(error).__name__} while it was sent"
        raise await _judged(asker, Trouble(Cause.SURPRISE, reason=reason), spoken, bearer) from error
    if spoken.reply.error is not None:
        raise await _judged(asker, spoken.reply.error, spoken, bearer) from spoken.reply.error
    return spoken.reply


async def _exchange(
    asker: Asker, request: Request, bearer: str, spoken: _Spoken, hear: Callable[[Reply], None]
) -> None:
    """Send the message and hear its reply, within the message's and the heartbeats' limits."""
    pace, client = asker.pace, asker.transport.streams
    headers = {
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "Content-Length": str(len(spoken.body)),
        **asker.headers(bearer),
        **request.headers,
    }
    url = asker.transport.url(request.path)
    async with deadline(pace.message_limit_s, "the reply did not come to its end in time") as limit:
        patience = _Patience(limit, pace.heartbeat_limit_s)
        with translated():
            sending = client.build_request(request.method, url, headers=headers, content=spoken.content())
            response = await client.send(sending, stream=True)
            try:
                await _refuse(asker, response, bearer)
                async with aclosing(_replies(response, spoken.reply)) as replies:
                    async for reply, is_content in replies:
                        patience.heard(is_content=is_content)
                        if reply is not spoken.reply:
                            spoken.reply = reply
                            hear(reply)
            finally:
                await response.aclose()


class _Patience:
    """How long a stream is waited for: to the message's limit while it is silent, because the service may be at work
    without a word; but not longer than the heartbeats' limit while it says nothing except that it is there.
    """

    def __init__(self, limit: asyncio.Timeout, heartbeat_limit_s: float) -> None:
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._heartbeat_limit_s = heartbeat_limit_s
        self._last_s = limit.when() or self._loop.time()
        self._content_s = self._loop.time()

    def heard(self, *, is_content: bool) -> None:
        """Something came: content, or what only tells that the connection lives."""
        if is_content:
            self._content_s = self._loop.time()
            self._limit.reschedule(self._last_s)
        else:
            self._limit.reschedule(min(self._last_s, self._content_s + self._heartbeat_limit_s))


async def _replies(response: httpx.Response, reply: Reply) -> AsyncGenerator[tuple[Reply, bool]]:
    """The growing reply after all that came, and whether it was more than a heartbeat. Raises ANSWER_UNREADABLE for a cut."""
    unpacker = Unpacker(response.headers.get("content-encoding", ""))
    reader, size_bytes = StreamReader(secrets=reply.secrets), 0
    async for chunk in response.aiter_raw():
        yield reply, False
        for piece in unpacker.pieces(chunk):
            size_bytes += len(piece)
            if size_bytes > STREAM_LIMIT_BYTES:
                raise Trouble(Cause.ANSWER_UNREADABLE, reason="the reply does not stop growing")
            for event in reader.feed(piece):
                reply = heard(reply, event)
                yield reply, not event.heartbeat
    for event in reader.close():
        reply = heard(reply, event)
    if reply.unfinished and reply.error is None:
        raise Trouble(Cause.ANSWER_UNREADABLE, reason="the stream was closed before its text was whole")
    yield ended(reply), True


async def _refuse(asker: Asker, response: httpx.Response, bearer: str) -> None:
    """Raise what an answer that is no stream says."""
    kind = response.headers.get("content-type", "").split(";", 1)[0].strip().casefold()
    if response.status_code == 200 and kind not in _PAGES:
        return
    try:
        async with asyncio.timeout(_REFUSAL_LIMIT_S):
            answer = await whole_answer(response, ANSWER_LIMIT_BYTES, asker.clock.now(), (bearer,))
    except (Trouble, TimeoutError, *FOREIGN):
        if response.status_code not in NOT_TAKEN_STATUSES:
            raise
        answer = Answer(response.status_code, lowered(response.headers), b"", asker.clock.now(), (bearer,))
    trouble = refusal(answer) or Trouble(Cause.ANSWER_UNREADABLE, reason=f"HTTP {answer.status} and no stream")
    raise trouble


async def _judged(asker: Asker, trouble: Trouble, spoken: _Spoken, bearer: str | None) -> MessageTrouble:
    """What a trouble means for the message: not taken where that is proven, unsure everywhere else."""
    reply = spoken.reply
    refused = reply.error if reply.error is not None and reply.error.not_taken else trouble
    if not spoken.begun:
        return MessageTrouble(asker.explained(trouble), reply, not_taken=True)
    if refused.not_taken and not reply.had_work:
        refused = await _remedied(asker, asker.explained(refused), bearer)
        return MessageTrouble(refused, reply, cause=_MESSAGE_CAUSES.get(refused.cause), not_taken=True)
    if reply.error is not None:
        return MessageTrouble(asker.explained(reply.error), reply)
    return MessageTrouble(trouble, reply, cause=Cause.MESSAGE_UNSURE)


async def _remedied(asker: Asker, trouble: Trouble, bearer: str | None) -> Trouble:
    """A refusal after its remedy, so that the next try has what this one lacked; the remedy's own trouble if it failed."""
    try:
        if trouble.cause is Cause.TOKEN_EXPIRED and bearer is not None:
            await asker.account.renew(bearer)
        elif trouble.cause is Cause.CLIENT_ID_MISSING:
            await asker.learn_client_id()
        elif trouble.cause is Cause.RATE_LIMITED:
            asker.slowed(trouble)
    except Trouble as failed:
        return failed
    return trouble
