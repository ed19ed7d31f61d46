"""Somebody's machine in simulated time: real folders, the real daemon, and a service in memory that counts what it is paid for.

The daemon is the product's own (`daemon.supervise.started` and its loop); replaced are the clock, the journal's thread, the network,
and `asyncio.to_thread`, so that whatever blocks is done at once. Every moment at which something changes outside the process is a
*point*: a service call (asked, performed, answered), a commit, a single write of the file system. At any point a test may kill,
stop or freeze the daemon, or do something to its clocks and disks.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from nemo_watch.config import Config, load
from nemo_watch.daemon import supervise
from nemo_watch.daemon.metrics import Metrics
from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox import handles
from nemo_watch.jobs import records, tables
from nemo_watch.model import Credits, FilmRow, FolderIdentity, Overview
from nemo_watch.outbox.mp4 import whole_mp4
from tests.sim.simloop import SimClock, SimLoop
from tests.sim.simstore import SimStore
from tests.sim.world import Answer, Fuse, Killed, SimService, World

LIMIT_S = 2 * 86_400.0  # simulated; what has not happened by then never will
Deed = Callable[[str], None]


def nothing(_name: str) -> None:
    """Nothing is done."""


@dataclass
class Points:
    """Counts the points of one process's life, and does `deed` at the n-th (or, without n, at every one)."""

    at: int | None = None
    deed: Deed = nothing
    names: list[str] = field(default_factory=list)

    def passing(self, name: str) -> None:
        self.names.append(name)
        if self.at is None or len(self.names) == self.at:
            self.deed(name)


@dataclass
class Process:
    """One life of the daemon. When it is killed nothing that it still does has any effect."""

    points: Points
    killed: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def passing(self, name: str) -> None:
        if self.killed.is_set():
            raise Killed(name)
        self.points.passing(name)
        if self.killed.is_set():
            raise Killed(name)


_living: ContextVar[Process] = ContextVar("living")  # whose task this is


def _owned(loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
    """A task that its process takes along when it is killed."""
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **more)
    process = _living.get(None)
    if process is not None:
        process.tasks.add(task)
        task.add_done_callback(process.tasks.discard)
    return task


class HouseService(SimService):
    """The service as the daemon sees it: calls take their time, videos are whole MP4s, `asked` is its log of (time, call)."""

    def __init__(self, house: SimHouse, process: Process) -> None:
        super().__init__(house.world, Fuse())
        self.fuse.burn = self._call  # type: ignore[method-assign]
        self.house = house
        self.process = process
        self.metrics = Metrics()
        self.last_credits: Credits | None = None

    async def _call(self, name: str, effect: Callable[[], Any]) -> Any:
        self.process.passing(f"{name} asked")
        self.house.asked.append((asyncio.get_running_loop().time(), name))
        result = effect()
        if asyncio.iscoroutine(result):
            result = await result
        self.process.passing(f"{name} performed")
        await asyncio.sleep(self.house.call_s)
        self.process.passing(f"{name} answered")
        return result

    async def upload(self, session_id: str, source: Any, progress: Callable[[int], None]) -> Any:
        with source.open() as file:
            data = file.read()
        self.house.uploaded.append((source.name, sha256(data).hexdigest()))
        progress(0)
        return await super().upload(session_id, source, progress)

    async def download(self, render: Answer, part: Path, progress: Callable[[float], None]) -> int:
        def effect() -> int:
            self.world.fault("download")
            data = mp4(json.dumps(self.world.renders[render.id]["draft"]).encode())
            try:
                with self.house.writing(self.process):
                    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                    for piece in (data[:40], data[40:]):
                        os.write(handle, piece)
                    os.close(handle)
            except OSError as error:
                raise Trouble(Cause.NO_SPACE, folder=str(part.parent)) from error
            return len(data)

        size_bytes: int = await self._call("download", effect)
        return size_bytes


def mp4(words: bytes) -> bytes:
    """The smallest file whose boxes are whole."""

    def box(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(data), kind) + data

    index = box(b"moov", box(b"mvhd", bytes(100)) + box(b"trak", b"track"))
    return box(b"ftyp", b"isom\0\0\0\0isom") + index + box(b"mdat", words)


def photo(seed: str) -> bytes:
    """A file with a photo's beginning and end that no other seed gives."""
    return b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xda\0\x02" + seed.encode() * 5 + b"\xff\xd9"


_WRITES = ("write", "fsync", "rename", "replace", "link", "unlink", "remove", "mkdir", "rmdir", "truncate", "fchmod")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class SimHouse:
    """The folders, the world, and whoever lives there. Use it inside `simulated`."""

    def __init__(self, root: Path, world: World | None = None, **options: object) -> None:
        self.root = root
        self.world = world or World()
        self.clock = SimClock()
        self.loop: SimLoop = asyncio.get_running_loop()  # type: ignore[assignment]
        self.asked: list[tuple[float, str]] = []
        self.uploaded: list[tuple[str, str]] = []
        self.exits: list[int] = []
        self.call_s = 0.5
        self.refusing: Callable[[bool], str | None] = lambda _wrote: None  # what the journal's disk says to a commit
        self.lives = 0
        self.process: Process | None = None
        self.daemon: Any = None
        self.overview: Overview | None = None
        self.config: Config = load(
            {"HOME": str(root)},
            options={
                "inbox.watch": "polling", "inbox.language": "en", "service.url": "http://127.0.0.1:9",
                **{f"folders.{name}": str(root / name) for name in ("inbox", "outbox", "state")}, **options,
            },
        )  # fmt: skip
        for name in ("inbox", "outbox", "state"):
            (root / name).mkdir(parents=True, exist_ok=True)
        self.known_as: dict[tuple[int, int], FolderIdentity] = {}  # folders that stand for others, by device and inode
        self.journal = SimStore(root / "state" / "journal.db")
        self._writer: Process | None = None
        self._real = {name: getattr(os, name) for name in (*_WRITES, "open")}
        self._rename_new, self._identity_of = handles.rename_new, handles.identity_of

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox"

    # -- what a person does ------------------------------------------------------------------------------------------------

    def write(self, path: str, data: str | bytes) -> Path:
        """A file in the inbox, saved the way editors do."""
        target = self.inbox / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = self.root / "saving"
        beside.write_bytes(data.encode() if isinstance(data, str) else data)
        beside.replace(target)
        return target

    def project(self, name: str, prompt: str | None, count: int = 2) -> None:
        """A folder with photos and words."""
        for number in range(count):
            self.write(f"{name}/{number}.jpg", photo(f"{name}/{number}"))
        if prompt is not None:
            self.write(f"{name}/prompt.txt", prompt)

    def ask(self, verb: str, film: str) -> bool:
        """`nemo-watch retry`, `again` or `cancel`; whether there is such a film."""
        found = [f for f in self.journal.now(records.films) if f.name == film]
        if found:
            self.journal.now(lambda c: records.ask(c, verb, found[-1].id, self.clock.now().timestamp()))
            self.poke()
        return bool(found)

    def poke(self) -> None:
        """What a command's SIGHUP does: look again."""
        if self.daemon is not None:
            self.daemon._rounds.store.generation += 1
            self.daemon._wake.set()

    # -- the daemon --------------------------------------------------------------------------------------------------------

    async def live(
        self, until: Callable[[], Any] | None = None, points: Points | None = None, *, limit_s: float = LIMIT_S
    ) -> None:
        """One life of the daemon, of at most so many simulated seconds: until `until` is so, or until somebody stops it.

        Raises: Killed when it was killed at a point; TimeoutError when `until` never comes true.
        """
        self.lives += 1
        self.process = process = Process(points or Points())
        asyncio.get_running_loop().set_exception_handler(_without_the_killed)
        asyncio.get_running_loop().set_task_factory(_owned)
        with self._without_threads():
            main = asyncio.create_task(self._serve(process, until))
            dead = asyncio.create_task(process.killed.wait())
            await asyncio.wait({main, dead}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            late = not main.done() and not process.killed.is_set()
            process.killed.set()
            dead.cancel()
            while rest := [*process.tasks, *([] if main.done() else [main])]:
                for task in rest:
                    task.cancel()
                await asyncio.gather(*rest, return_exceptions=True)
        self.daemon = None
        if late:
            raise TimeoutError(f"it never happened; {self.told()}")
        if not main.done() or main.cancelled():
            raise Killed
        main.result()

    async def _serve(self, process: Process, until: Callable[[], Any] | None) -> None:
        _living.set(process)

        async def passing(wrote: bool) -> None:
            if process.killed.is_set():
                raise Killed
            if wrote:
                process.passing("commit")

        def show(overview: Overview) -> None:
            self.overview = overview
            if until is not None and until():
                self.daemon._stop()

        store: Any = SimStore(self.root / "state" / "journal.db", passing, self.refusing)
        service: Any = HouseService(self, process)
        try:
            async with supervise.started(self.config, self.clock, store, service, once=False) as self.daemon:
                await self.daemon._loop(show)
        finally:
            store.close()

    @contextmanager
    def _without_threads(self) -> Iterator[None]:
        async def at_once(act: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            process = self.process
            assert process is not None
            await asyncio.sleep(0)
            if process.killed.is_set() and act.__name__ != "close":
                raise Killed(act.__name__)
            with self.writing(process):
                return act(*args, **kwargs)

        with (
            patch("asyncio.to_thread", at_once),
            patch("nemo_watch.inbox.decoding.unfit_reason", lambda *_: "it is cut"),
            patch.object(os, "_exit", self.exits.append),
            patch.multiple("os", **{name: self._tapped(name) for name in self._real}),  # type: ignore[call-overload]
            patch.multiple(handles, rename_new=self._renamed_new, identity_of=self.identity_of),
        ):
            yield

    @contextmanager
    def writing(self, process: Process | None) -> Iterator[None]:
        """Within, every write of the file system is a point of this process, or nobody's."""
        outer, self._writer = self._writer, process
        try:
            yield
        finally:
            self._writer = outer

    def _tapped(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def tapped(*args: Any, **kwargs: Any) -> Any:
            if self._writer is not None and (name != "open" or args[1] & _WRITING):
                self._writer.passing(f"{name} in {self._where(args[0], kwargs)}")
            return (
                None if name == "fsync" else real(*args, **kwargs)
            )  # a power cut is not simulated, and it would cost most

        return tapped

    def _renamed_new(self, source: int, old: str, target: int, new: str) -> None:
        """The rename that the C library does: the one that moves a person's files."""
        if self._writer is not None:
            self._writer.passing(f"move in {self._where(source, {})}")
        self._rename_new(source, old, target, new)

    def identity_of(self, handle: int) -> FolderIdentity:
        """Which folder this is; a folder that stands for another is taken for that one."""
        found = os.fstat(handle)
        return self.known_as.get((found.st_dev, found.st_ino)) or self._identity_of(handle)

    def _where(self, target: Any, handles: dict[str, Any]) -> str:
        """Which of the folders is written: the inbox, the outbox or the state."""
        at = handles.get("dir_fd", handles.get("src_dir_fd"))
        at = target if isinstance(target, int) else at
        path = str(Path(f"/proc/self/fd/{at}").readlink()) if isinstance(at, int) else os.fspath(target)
        return next((name for name in ("inbox", "outbox", "state") if path.startswith(str(self.root / name))), path)

    # -- what a person sees ------------------------------------------------------------------------------------------------

    def rows(self) -> dict[str, FilmRow]:
        return {} if self.overview is None else {row.name: row for row in self.overview.films}

    def row(self, name: str) -> FilmRow | None:
        return self.rows().get(name)

    def is_state(self, name: str, *states: str, version: int | None = None) -> bool:
        row = self.row(name)
        return row is not None and row.state.value in states and version in {None, row.version}

    def messages(self) -> list[str]:
        """Every message that was paid, in order."""
        return [text for _, text in self.world.paid]

    def jobs(self) -> Sequence[Any]:
        found: Sequence[Any] = self.journal.now(
            lambda c: c.execute(sa.select(tables.job).order_by(tables.job.c.id)).all()
        )
        return found

    def told(self) -> str:
        """Everything a failure's reader wants."""
        jobs = [(job.id, job.version, job.state, job.cause, job.due_at) for job in self.jobs()]
        logs = [path.read_text() for path in self.outbox.glob("*/project.log")]
        return f"rows {self.rows()}\njobs {jobs}\npaid {self.world.paid}\nasked {self.asked[-20:]}\n" + "\n".join(logs)

    def videos(self) -> list[str]:
        return sorted(str(path.relative_to(self.outbox)) for path in self.outbox.rglob("*.mp4"))

    # -- what must hold whatever happened ----------------------------------------------------------------------------------

    def leftovers(self) -> list[str]:
        """Temporary files that nobody will come back for."""
        names = [path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file()]
        return [str(n) for n in names if n.name.endswith((".part", ".tmp")) or n.name.startswith(".")]

    def check_always(self) -> None:
        """What holds at every moment: each video is whole."""
        for path in self.outbox.rglob("*.mp4"):
            assert whole_mp4(path) is None, f"{path} is not whole\n{self.told()}"


def _without_the_killed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a killed process leaves undone is nobody's fault."""
    if not isinstance(context.get("exception"), Killed):
        loop.default_exception_handler(context)
