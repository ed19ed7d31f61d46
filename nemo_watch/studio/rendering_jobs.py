"""The render queue: fair between sessions, each render in a child process, stopped with its whole process group.

The world says what is to be made and hears how it went: pending, processing, then completed or failed.
Source: README "The service's answers".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from nemo_watch.studio.storage import Storage
from nemo_watch.studio.world import Render, World, fair_next

log = logging.getLogger(__name__)

NICENESS: Final = 10
"""A render takes what the machine has left over."""
LINE_BYTES_MAX: Final = 1024 * 1024
REASON_CHARS_MAX: Final = 300


class RenderFailedError(Exception):
    """The renderer gave up; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a renderer is asked for: `work` is a folder of its own in which `output` is to appear.

    `names` leads from what files were called when they came to their keys in the media folder.
    """

    draft: dict[str, Any]
    media_folder: Path
    names: dict[str, str]
    output: Path
    work: Path


Progress = Callable[[float], None]
"""Told how far a render is, from 0 to 1."""
Renderer = Callable[[Order, Progress], Awaitable[Sequence[str]]]
"""Makes `order.output` and returns warnings, or raises `RenderFailedError`; cancelled, it leaves no process behind."""


class RenderQueue:
    """Works off the world's unfinished renders, at most `parallel()` at once."""

    def __init__(
        self,
        world: World,
        storage: Storage,
        render: Renderer,
        parallel: Callable[[], int],
        keep: Callable[[], Awaitable[None]],
    ) -> None:
        self._world = world
        self._storage = storage
        self._render = render
        self._parallel = parallel
        self._keep = keep
        self._running: dict[str, asyncio.Task[None]] = {}
        self._served: list[str] = []
        self._resting: set[str] = set()
        self._closed = False

    def look(self) -> None:
        """Start what may start: to be called when something was submitted, ended, or read from disk."""
        while not self._closed and len(self._running) < self._parallel():
            idle = self._resting | self._running.keys()
            waiting = [r for r in self._world.unfinished_renders() if r.link not in idle]
            render = fair_next(waiting, self._served)
            if render is None:
                return
            self._served = [s for s in self._served if s != render.session_id] + [render.session_id]
            task = self._running[render.link] = asyncio.create_task(self._make(render))
            task.add_done_callback(
                partial(self._ended, render.link)
            )  # a task that is cancelled at once runs nothing itself

    def rest(self, link: str) -> None:
        """Stop a render that nobody waits for, and give its place to the next; it rests until it is `wanted`."""
        self._resting.add(link)
        if task := self._running.get(link):
            task.cancel()

    def wanted(self, link: str) -> None:
        """Somebody asks how this render stands: one that rests is due again."""
        if link in self._resting:
            self._resting.discard(link)
            self.look()

    async def close(self) -> None:
        """Stop every render; they are due again when the studio next opens."""
        self._closed = True
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _make(self, render: Render) -> None:
        try:
            self._world.advance_render(render.link, 0)
            try:
                warnings = await self._outcome(render)
            except RenderFailedError as error:
                self._world.fail_render(render.link, str(error)[:REASON_CHARS_MAX])
            else:
                self._world.complete_render(render.link, warnings)
            await self._keep()
        except OSError:  # the outcome is in memory and goes to disk with the next change
            log.exception("world.not_kept")

    def _ended(self, link: str, _: asyncio.Task[None]) -> None:
        del self._running[link]
        self._world.rest_render(link)
        self.look()

    async def _outcome(self, render: Render) -> Sequence[str]:
        """Make a render in a work folder of its own; the renderer's warnings. Raises `RenderFailedError`."""
        if render.doom:
            raise RenderFailedError(render.doom)
        work = self._storage.work / secrets.token_hex(8)
        try:
            await asyncio.to_thread(work.mkdir, mode=0o700)
            return await self._video(render, work)
        except RenderFailedError:
            raise
        except Exception as error:  # a renderer's bug fails its own render, never the queue
            log.exception("render.crashed")
            raise RenderFailedError("The renderer crashed.") from error
        finally:
            await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)

    async def _video(self, render: Render, work: Path) -> Sequence[str]:
        """Make the video under a name of its own, so that a half one never stands where a whole one belongs."""
        output = work / "video.mp4"

        def progress(part: float) -> None:
            # 100 is said only when the file stands where the download finds it.
            self._world.advance_render(render.link, max(0, min(99, int(part * 100))))

        names = {upload.name: upload.key for upload in self._world.sessions[render.session_id].uploads}
        order = Order(render.draft, self._storage.media(render.session_id), names, output, work)
        warnings = await self._render(order, progress)
        await asyncio.to_thread(_put_in_place, output, self._storage.renders / render.file_name)
        return warnings


def _put_in_place(output: Path, target: Path) -> None:
    """Move a finished video to where downloads find it, safe on disk. Raises `RenderFailedError` when there is none."""
    if not output.is_file() or not output.stat().st_size:
        raise RenderFailedError("The renderer ended without a video.")
    with output.open("rb") as file:
        os.fsync(file.fileno())
    output.replace(target)


def child_renderer(command: Sequence[str] = (sys.executable, "-m", "nemo_watch.studio.drawing.render")) -> Renderer:
    """A renderer that runs `command JOB.json` and reads its JSON lines: `progress`, then `done` or `error`.

    The child leads a process group of its own and is killed with it: an encoder that blocks on a pipe does not heed
    SIGTERM. A studio that is killed itself leaves the child without a reader, and it ends at its next line.
    """

    async def render(order: Order, progress: Progress) -> Sequence[str]:
        job = order.work / "job.json"
        job.write_text(json.dumps(_job(order)), encoding="utf-8")
        errors = order.work / "stderr.txt"
        with errors.open("wb") as stderr:
            child = await asyncio.create_subprocess_exec(
                *command,
                str(job),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
                limit=LINE_BYTES_MAX,
            )
        try:
            with contextlib.suppress(OSError):  # it may be gone already, or a container may forbid it
                os.setpriority(os.PRIO_PROCESS, child.pid, NICENESS)
            last = await _last_word(child, progress)
            code = await child.wait()
        finally:
            await _killed(child)
        if code == 0 and last.get("done"):
            return [str(warning) for warning in last.get("warnings") or ()]
        raise RenderFailedError(str(last.get("error") or _reason(code, errors)))

    return render


def _job(order: Order) -> dict[str, Any]:
    """An order as the renderer program reads it."""
    folder, output = str(order.media_folder), str(order.output)
    return {"draft": order.draft, "media_folder": folder, "names": order.names, "output": output}


async def _last_word(child: asyncio.subprocess.Process, progress: Progress) -> dict[str, Any]:
    """Pass on the child's progress until it falls silent; its last line that was not progress."""
    last: dict[str, Any] = {}
    if child.stdout is None:
        return last
    async for line in child.stdout:
        try:
            word = json.loads(line)
        except ValueError:
            continue
        if isinstance(word, dict) and isinstance(word.get("progress"), (int, float)):
            progress(word["progress"])
        elif isinstance(word, dict):
            last = word
    return last


async def _killed(child: asyncio.subprocess.Process) -> None:
    """End the child's process group, members that outlived their leader included."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()


def _reason(code: int, errors: Path) -> str:
    """What to say of a child that ended without a word of its own."""
    log.warning(
        "render.child_failed", extra={"exit_code": code, "stderr": errors.read_bytes()[-2000:].decode(errors="replace")}
    )
    how = f"was stopped by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"The renderer {how}."
