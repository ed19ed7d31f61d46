"""One message at work: the director is asked, the draft changes, credits move, and events go out to whoever listens.

The work does not hang on the stream: a cut stream leaves it running, or gives it up, as the settings say.
Source: README "What the service says" (two stages of generation, silent edits, deltas then the full text, GUI phrases).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from nemo_watch.studio.events import HEARTBEATS, TEMPORARY_ISSUE, Event, Invocation, crashed, framed, pieces
from nemo_watch.studio.script import Fault
from nemo_watch.studio.settings import Settings
from nemo_watch.studio.world import Session, Upload, World, raw_video

log = logging.getLogger(__name__)

PROMPT_CHARS_KEPT: Final = 500
RAW_READY: Final = {
    "en": "The raw video is ready. Now adding background music, title and effects.",
    "zh": "原始视频已生成，正在添加背景音乐、标题和效果。",
}
BUTTONS: Final = {
    "en": "Preview it in the timeline, then click Export to download your video.",
    "zh": "您可以在时间线中预览，然后点击“导出”下载视频。",
}
"""The service talks as if there were a screen with buttons. Source: API text "Translating GUI Instructions"."""


class Directed(Protocol):
    """What a director hands back."""

    @property
    def draft(self) -> dict[str, Any]:
        """The timeline as it is from now on."""

    @property
    def said(self) -> str:
        """The reply to the message; may be empty."""

    @property
    def asks(self) -> bool:
        """True when the reply is a question and the draft stands as it was."""


Director = Callable[[str, Sequence[Upload], Mapping[str, Any] | None, str], Directed]


@dataclass(frozen=True, slots=True)
class _Turn:
    """A message and what the director made of it; `draft` is None when nothing changes."""

    session: Session
    text: str
    draft: dict[str, Any] | None
    said: str
    chance: int


class Agent:
    """Takes messages, one at a time for each session."""

    def __init__(
        self,
        world: World,
        direct: Director,
        settings: Callable[[], Settings],
        now: Callable[[], float],
        keep: Callable[[], Awaitable[None]],
    ) -> None:
        self._world = world
        self._direct = direct
        self._settings = settings
        self._now = now
        self._keep = keep
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._works: set[asyncio.Task[None]] = set()

    def take(self, session: Session, text: str, fault: Fault) -> MessageFrames:
        """Begin the work on a message; the frames of its stream. Raises `RefusedError` 2001 when it cannot be paid."""
        settings = self._settings()
        price = settings.edit_cost if session.draft else settings.generation_cost
        self._world.reserve(session.user_id, price)
        out: asyncio.Queue[bytes | None] = asyncio.Queue()
        work = asyncio.create_task(self._work(session, text, fault, price, out))
        self._works.add(work)
        work.add_done_callback(self._works.discard)
        cancels = (fault.on_cut or settings.on_cut) == "cancel"
        return MessageFrames(work, out, settings.heartbeat_s, cancels=cancels)

    async def close(self) -> None:
        """Give up what is being worked on, uncharged."""
        works = list(self._works)
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)

    async def _work(
        self, session: Session, text: str, fault: Fault, price: int, out: asyncio.Queue[bytes | None]
    ) -> None:
        """The whole life of a message: work, money, memory, and the end of the stream, whatever happens."""
        charged = False
        try:
            async with self._locks.setdefault(session.session_id, asyncio.Lock()):
                turn = await self._turn(session.session_id, text, fault)
                voice = self._voice(turn, fault, out)
                if turn.draft is not None:
                    await self._change(turn, turn.draft, voice)
                    charged = True  # the film is there: it is paid for even if its announcement is cut off
                await voice.say(turn.said + _buttons(turn))
                if fault.noise:
                    await voice.say(f"{TEMPORARY_ISSUE}.")
        except Exception as error:  # as the agent server does: a crash is an event inside the stream
            log.exception("message.crashed")
            out.put_nowait(crashed(f"{type(error).__name__}: {error}"))
        finally:
            self._world.settle(session.user_id, price, charged=charged)
            out.put_nowait(None)
        try:
            await self._keep()
        except OSError:  # the film itself is safe; the money is in memory and goes to disk with the next change
            log.exception("world.not_kept")

    async def _turn(self, session_id: str, text: str, fault: Fault) -> _Turn:
        """What the director makes of a message; a scripted question or sentence in its place."""
        session = self._world.sessions[session_id]
        number = self._world.take_message(session_id, self._now())
        chance = _chance(self._settings().seed, text, number)
        if fault.ask is not None:
            return _Turn(session, text, None, fault.ask, chance)
        directed = await asyncio.to_thread(self._direct, text, session.uploads, session.draft, session.language)
        unchanged = directed.asks or directed.draft == (session.draft or {})
        said = directed.said if fault.say is None else fault.say
        return _Turn(session, text, None if unchanged else directed.draft, said, chance)

    def _voice(self, turn: _Turn, fault: Fault, out: asyncio.Queue[bytes | None]) -> _Voice:
        """The voice for a message: mute for the edits that end without a word, unless the script says otherwise."""
        settings = self._settings()
        edits = turn.session.draft is not None and turn.draft is not None
        silent = edits and turn.chance < settings.silent_percent if fault.silent is None else fault.silent
        return _Voice(out, settings.pace_s if fault.pace_s is None else fault.pace_s, self._now, silent=silent)

    async def _change(self, turn: _Turn, draft: dict[str, Any], voice: _Voice) -> None:
        """Change the film: a later one at once, a first one in two stages, each a state of its own."""
        session = turn.session
        if session.draft is None:
            await self._generate(turn, raw_video(draft), voice)
            if raw_video(draft) == draft:
                return
            await voice.say(_spoken(RAW_READY, session.language))
        instruction = {"instruction": turn.text}
        await voice.use("edit_multitrack", instruction, {"draft": draft}, lambda: self._set(session, draft))

    async def _generate(self, turn: _Turn, raw: dict[str, Any], voice: _Voice) -> None:
        """The first stage: the raw video."""
        await voice.use("generate_video", {"prompt": turn.text}, {"draft": raw}, lambda: self._set(turn.session, raw))
        made = {"type": "video", "id": secrets.token_hex(8), "prompt": turn.text[:PROMPT_CHARS_KEPT]}
        self._world.add_generated(turn.session.session_id, made)

    async def _set(self, session: Session, draft: dict[str, Any]) -> None:
        self._world.set_draft(session.session_id, draft, self._now())
        await self._keep()


class MessageFrames:
    """What one message puts on the wire, as it comes, with a heartbeat wherever that is nothing for `heartbeat_s`."""

    def __init__(
        self, work: asyncio.Task[None], out: asyncio.Queue[bytes | None], heartbeat_s: float, *, cancels: bool
    ) -> None:
        self._work = work
        self._out = out
        self._heartbeat_s = heartbeat_s
        self._cancels = cancels

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            frame = await asyncio.wait_for(self._out.get(), self._heartbeat_s)
        except TimeoutError:
            return HEARTBEATS[0]
        if frame is None:
            raise StopAsyncIteration
        return frame

    async def aclose(self) -> None:
        """Nobody listens any more. The work goes on, or is given up where cut streams cancel it."""
        if self._cancels:
            self._work.cancel()


class _Voice:
    """Puts one message's events out, each after the pace's pause."""

    def __init__(
        self, out: asyncio.Queue[bytes | None], pace_s: float, now: Callable[[], float], *, silent: bool
    ) -> None:
        self._out = out
        self._silent = silent
        self._pace_s = pace_s
        self._now = now
        self._invocation = Invocation(f"e-{secrets.token_hex(16)}")

    async def say(self, text: str) -> None:
        """Speak, unless silent: deltas, then the whole text once more. There is no event for an empty text."""
        if self._silent or not text:
            return
        for piece in pieces(text):
            await self._put(self._invocation.words(piece, *self._stamp(), partial=True))
        await self._put(self._invocation.words(text, *self._stamp()))

    async def use(
        self, tool: str, args: dict[str, Any], delta: dict[str, Any], deed: Callable[[], Awaitable[None]]
    ) -> None:
        """Use a tool: the call, the deed itself, then its result with the state it left."""
        call_id = f"call-{secrets.token_hex(4)}"
        await self._put(self._invocation.call(tool, args, call_id, *self._stamp()))
        await deed()
        await self._put(self._invocation.result(tool, call_id, delta, *self._stamp()))

    async def _put(self, event: Event) -> None:
        await asyncio.sleep(self._pace_s)
        self._out.put_nowait(framed(event))

    def _stamp(self) -> tuple[str, float]:
        return secrets.token_hex(16), self._now()


def _chance(seed: int, text: str, number: int) -> int:
    """A number from 0 to 99 that is the same for the same seed, message and place in the session."""
    digest = hashlib.sha256(f"{seed}\n{number}\n{text}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % 100


def _buttons(turn: _Turn) -> str:
    """Every other reply about a changed film ends with talk of buttons."""
    if turn.draft is None or not turn.said or turn.chance % 2:
        return ""
    return f" {_spoken(BUTTONS, turn.session.language)}"


def _spoken(sentences: Mapping[str, str], language: str) -> str:
    return sentences.get(language.partition("-")[0].lower(), sentences["en"])
