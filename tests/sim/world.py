"""A service, an inbox and an outbox in memory, which outlive the daemon: a kill ends the run, never the world.

The service counts what it was paid for. A fuse may kill the run before or after any call that leaves the process.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nemo_watch.errors import Cause, Trouble
from nemo_watch.model import Credits


class Killed(BaseException):
    """The process is gone: nothing after this line happens."""


@dataclass
class Fuse:
    """Kills the run at its n-th call, before or after the call's effect; counts the calls where n is None.

    With a `deed` that is done instead: what it waits for, the call waits for.
    """

    at: int | None = None
    after: bool = False
    calls: int = 0
    names: list[str] = field(default_factory=list)
    deed: Callable[[str], Awaitable[None]] | None = None

    async def burn(self, name: str, effect: Callable[[], Any]) -> Any:
        self.calls += 1
        self.names.append(name)
        number = self.calls
        if number == self.at and not self.after:
            await self._blow(name)
        result = effect()
        if asyncio.iscoroutine(result):
            result = await result
        if number == self.at and self.after:
            await self._blow(name)
        return result

    async def _blow(self, name: str) -> None:
        if self.deed is None:
            raise Killed(name)
        await self.deed(name)


@dataclass
class Answer:
    """Whatever a port gives back, by attribute."""

    session_id: str = ""
    task_id: str | None = None
    user_id: str | None = None
    text: str = ""
    uploads: tuple[str, ...] = ()
    had_content: bool = True
    draft: dict[str, Any] | None = None
    id: str = ""
    status: str = ""
    progress: float | None = None
    url: str | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass
class World:
    """The service's memory, which survives every kill."""

    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    paid: list[tuple[str, str]] = field(default_factory=list)  # (session, text) of every message taken
    renders: dict[str, dict[str, Any]] = field(default_factory=dict)
    submitted: list[str] = field(default_factory=list)
    uploads: list[tuple[str, str]] = field(default_factory=list)
    credits: float = 100.0
    refill: float = 0.0  # what comes in between two looks at the balance
    silent: bool = False
    mute: bool = False  # the stream closes without a single event
    reply: str = "Your video is ready."
    message_s: float = 90.0
    render_s: float = 65.0
    warnings: tuple[str, ...] = ()  # what a completed render says of the video
    let_go: list[str] = field(default_factory=list)  # renders that nobody waits for any more
    faults: dict[str, list[Trouble]] = field(default_factory=dict)
    finishes_cut_messages: bool = True
    at_work: dict[str, tuple[float, dict[str, Any]]] = field(
        default_factory=dict
    )  # session → when its next draft is there

    def begin(self, session_id: str, text: str) -> asyncio.TimerHandle:
        """A message is taken: it is paid, and its draft is there after `message_s`."""
        self.paid.append((session_id, text))
        number = len([p for p in self.paid if p[0] == session_id])
        segment = {"d": 1000 * number, "m": {"name": text}}
        due = asyncio.get_running_loop().time() + self.message_s
        self.at_work[session_id] = due, {"t": [{"tt": 0, "sg": [segment]}], "d": 1000 * number}
        return self.work_on(session_id)

    def work_on(self, session_id: str) -> asyncio.TimerHandle:
        """Put the draft into the session when it is due."""
        due, draft = self.at_work[session_id]
        session = self.sessions[session_id]

        def finish() -> None:
            session["draft"] = draft
            self.at_work.pop(session_id, None)

        return asyncio.get_running_loop().call_at(due, finish)

    def fault(self, name: str) -> None:
        waiting = self.faults.get(name)
        if waiting:
            raise waiting.pop(0)


class SimService:
    """`jobs.ports.Service` over a World."""

    def __init__(self, world: World, fuse: Fuse) -> None:
        self.world = world
        self.fuse = fuse
        self.account_key = "sim"

    async def how_to_get_credits(self) -> str:
        return "Register."

    async def create_session(self, language: str) -> Answer:
        def effect() -> Answer:
            self.world.fault("session")
            sid = str(10**18 + len(self.world.sessions))
            self.world.sessions[sid] = {"draft": None, "media": []}
            return Answer(session_id=sid, task_id=f"task-{sid}")

        return await self.fuse.burn("session", effect)

    async def upload(
        self, session_id: str, source: Any, progress: Callable[[int], None]
    ) -> Sequence[Mapping[str, Any]]:
        def effect() -> Sequence[Mapping[str, Any]]:
            self.world.fault("upload")
            self.known(session_id)["media"].append(source.name)
            self.world.uploads.append((session_id, source.name))
            return [{"filename": source.name}]

        return await self.fuse.burn("upload", effect)

    async def upload_urls(self, session_id: str, urls: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        return await self.fuse.burn("urls", lambda: [{"filename": url} for url in urls])

    def known(self, session_id: str) -> dict[str, Any]:
        if session_id not in self.world.sessions:
            raise Trouble(Cause.SESSION_LOST, not_taken=True)
        return self.world.sessions[session_id]

    async def send_message(self, session_id: str, text: str, heard: Callable[[Any], None]) -> Answer:
        async def effect() -> Answer:
            self.world.fault("message")
            self.known(session_id)
            handle = self.world.begin(session_id, text)
            try:
                await asyncio.sleep(self.world.message_s + 1)
            except BaseException:
                if not self.world.finishes_cut_messages:
                    handle.cancel()
                    self.world.at_work.pop(session_id, None)
                raise
            self.world.fault("stream")
            return Answer(text="" if self.world.silent else self.world.reply, had_content=not self.world.mute)

        return await self.fuse.burn("message", effect)

    async def balance(self) -> Credits:
        self.world.credits += self.world.refill
        return await self.fuse.burn("balance", lambda: Credits(self.world.credits, 0, self.world.credits))

    async def state(self, session_id: str) -> Answer:
        def effect() -> Answer:
            self.world.fault("state")
            session = self.known(session_id)
            return Answer(draft=session["draft"], uploads=tuple(session["media"]))

        return await self.fuse.burn("state", effect)

    async def submit_render(self, render_id: str, session_id: str, draft: Mapping[str, Any]) -> Answer:
        def effect() -> Answer:
            self.world.fault("submit")
            if render_id in self.world.renders:
                raise Trouble(Cause.REQUEST_REFUSED, not_taken=True, reason="repeated id")
            self.world.submitted.append(render_id)
            done_at = asyncio.get_running_loop().time() + self.world.render_s
            self.world.renders[render_id] = {"done_at": done_at, "draft": draft}
            self.world.fault("submitted")
            return Answer(id=render_id, status="pending")

        return await self.fuse.burn("submit", effect)

    def let_go(self, render_id: str) -> None:
        self.world.let_go.append(render_id)

    async def render(self, render_id: str) -> Answer:
        def effect() -> Answer:
            self.world.fault("render")
            render = self.world.renders.get(render_id)
            if render is None:
                return Answer(id=render_id, status="unknown")
            if render.get("failed"):
                return Answer(id=render_id, status="failed", error="no GPU")
            if asyncio.get_running_loop().time() < render["done_at"]:
                return Answer(id=render_id, status="processing", progress=0.5)
            url = "https://cdn.example/v.mp4"
            return Answer(id=render_id, status="completed", url=url, warnings=self.world.warnings)

        return await self.fuse.burn("render", effect)

    async def download(self, render: Answer, part: Path, progress: Callable[[float], None]) -> int:
        def effect() -> int:
            self.world.fault("download")
            data = json.dumps(self.world.renders[render.id]["draft"]).encode()
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            return len(data)

        return await self.fuse.burn("download", effect)


class SimLanguage:
    """`jobs.ports.Language`, as plain as can be."""

    def exportable(self, draft: Any) -> bool:
        return bool(draft and draft.get("t"))

    def fingerprint(self, draft: Any) -> str:
        return hashlib.sha256(json.dumps(draft, sort_keys=True).encode()).hexdigest()

    def tracks(self, draft: Any) -> tuple[Any, ...]:
        return ()

    def summary(self, draft: Any) -> str:
        return "Timeline"

    def changes(self, before: Any, after: Any) -> Sequence[str]:
        return [] if before == after else ["something"]

    def shown(self, text: str) -> str:
        return text

    def edit_asked_for(self, text: str) -> str | None:
        return text.removeprefix("drag ") if text.startswith("drag ") else None

    def question(self, text: str) -> str | None:
        return text if text.endswith("?") else None

    def language_of(self, text: str) -> str:
        return "en"

    def tip(self, text: str) -> str | None:
        return None


@dataclass
class SimSource:
    name: str
    size_bytes: int = 3

    def open(self) -> Any:
        raise AssertionError("the simulated service reads no bytes")


class SimMedia:
    """`jobs.ports.Media`: every medium is there."""

    @asynccontextmanager
    async def source(self, medium: Any):
        yield SimSource(medium.name)


@dataclass
class SimOutbox:
    """`jobs.ports.Outbox` on a real folder, whole files by rename."""

    folder: Path
    fuse: Fuse
    lines: list[str] = field(default_factory=list)
    reply: str = ""
    receipts: int = 0

    def part_path(self, version: int) -> Path:
        return self.folder / f".v{version}.part"

    async def publish(self, version: int, part: Path) -> tuple[str, str]:
        def effect() -> tuple[str, str]:
            target = self.folder / f"film-v{version}.mp4"
            data = part.read_bytes()
            assert not target.exists() or target.read_bytes() == data
            part.replace(target)
            return target.name, hashlib.sha256(data).hexdigest()

        return await self.fuse.burn("publish", effect)

    async def hand_over(self, version: int, source: str) -> tuple[str, str]:
        return f"film-v{version}.mp4", "0"

    async def write_reply(self, text: str) -> None:
        self.reply = text

    async def write_timeline(self, text: str, tracks: Any) -> None:
        pass

    async def write_receipt(self) -> None:
        self.receipts += 1

    async def log(self, line: str) -> None:
        self.lines.append(line)
