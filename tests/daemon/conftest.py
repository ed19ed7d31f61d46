"""A daemon in this process, with real folders, and a studio with quick hands as its service."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from PIL import Image

from nemo_watch.clock import SystemClock
from nemo_watch.config import Config, load
from nemo_watch.daemon import supervise
from nemo_watch.daemon.wiring import open_journal, running_service
from nemo_watch.jobs import records
from nemo_watch.model import FilmRow, Overview
from nemo_watch.studio.rendering_jobs import Order, Progress
from nemo_watch.studio.server import running_studio
from nemo_watch.studio.settings import Settings

QUICK = {
    "inbox.settle": "10ms", "inbox.project_settle": "20ms", "inbox.prompt_wait": "50ms", "inbox.rescan": "100ms",
    "service.pace.render_poll": "20ms", "service.pace.recovery_waits": ["20ms", "20ms", "20ms", "20ms", "20ms"],
    "service.pace.rate_limit_wait": "20ms", "service.pace.balance_check": "500ms", "service.pace.stop_wait": "2s",
    "service.pace.retry_wait": "50ms",
}  # fmt: skip
LIMIT_S = 120.0  # a bound for a machine that has much else to do


def mp4(words: bytes) -> bytes:
    """The smallest file whose boxes are whole."""

    def box(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(data), kind) + data

    return (
        box(b"ftyp", b"isom\0\0\0\0isom")
        + box(b"moov", box(b"mvhd", bytes(100)) + box(b"trak", b"track"))
        + box(b"mdat", words)
    )


async def render(order: Order, progress: Progress) -> Sequence[str]:
    """A renderer that writes what it was told instead of drawing it."""
    progress(0.5)
    order.output.write_bytes(mp4(repr(order).encode()))
    return []


@dataclass
class House:
    """The three folders, the service's log, and the daemon's overviews as they come."""

    config: Config
    overviews: list[Overview] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: Callable[[str], None] = lambda _: None
    task: asyncio.Task[int] | None = None

    @property
    def inbox(self) -> Path:
        return self.config.folders.inbox

    @property
    def outbox(self) -> Path:
        return self.config.folders.outbox

    def photo(self, path: str, colour: str = "teal") -> Path:
        """A small real photo in the inbox."""
        file = self.inbox / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48), colour).save(file)
        return file

    def prompt(self, path: str, text: str) -> None:
        file = self.inbox / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def row(self, name: str) -> FilmRow | None:
        return next((row for row in self.overviews[-1].films if row.name == name), None) if self.overviews else None

    def show(self, overview: Overview) -> None:
        self.overviews.append(overview)
        self.told.set()

    async def until(self, true: Callable[[], Any]) -> Any:
        """Wait until it is so, told by the daemon itself."""
        async with asyncio.timeout(LIMIT_S):
            while not (value := true()):
                self.told.clear()
                await self.told.wait()
        return value

    async def until_state(self, name: str, state: str, version: int | None = None) -> FilmRow:
        def reached() -> FilmRow | None:
            row = self.row(name)
            fits = row is not None and row.state.value == state and version in {None, row.version}
            return row if fits else None

        return await self.until(reached)

    async def log(self) -> list[dict[str, Any]]:
        """What the service was asked."""
        async with httpx.AsyncClient() as client:
            answer = (await client.get(f"{self.config.service.url}/__studio/log")).json()
        return answer["log"] if isinstance(answer, dict) else answer

    async def until_sent(self, path: str, times: int) -> None:
        """Wait until the service was asked so often on this path."""
        async with asyncio.timeout(LIMIT_S):
            while len([entry for entry in await self.log() if entry["path"] == path]) < times:
                pass  # each look at the log is a turn of the loop

    async def script(self, *rules: dict[str, Any]) -> None:
        async with httpx.AsyncClient() as client:
            (
                await client.post(f"{self.config.service.url}/__studio/script", json={"rules": list(rules)})
            ).raise_for_status()

    async def ask(self, verb: str, name: str) -> None:
        """A command's request, put down as the commands do."""
        store = open_journal(self.config)
        try:

            def work(connection: sa.Connection) -> None:
                film = next(f for f in records.films(connection) if f.name == name)
                records.ask(connection, verb, film.id, 0.0)

            await store.do(work)
        finally:
            store.close()

    @contextlib.asynccontextmanager
    async def daemon(
        self, *, once: bool = False, reload: Callable[[], Config] | None = None
    ) -> AsyncIterator[supervise.Daemon]:
        """The daemon, running while the block does; stopped as by SIGTERM."""
        clock = SystemClock()
        store = open_journal(self.config)
        try:
            async with (
                running_service(self.config, clock=clock, let_go=self.let_go) as service,
                supervise.started(self.config, clock, store, service, once=once) as daemon,
            ):
                self.task = asyncio.create_task(daemon.serve(self.show, reload))
                try:
                    yield daemon
                finally:
                    if not self.task.done():
                        daemon._stop()
                    await self.task
        finally:
            store.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = Settings(credits=1000, pace_s=0.0, silent_percent=0)
    async with running_studio(tmp_path / "service", settings=settings, control=True, render=render) as serving:
        options = QUICK | {f"folders.{name}": str(tmp_path / name) for name in ("inbox", "outbox", "state")}
        config = load({"HOME": str(tmp_path)}, options=options | {"service.url": serving.url})
        for folder in (config.folders.inbox, config.folders.outbox):
            folder.mkdir()
        yield House(config)
