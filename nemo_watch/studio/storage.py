"""The studio's folder: the world as one JSON file, media and videos beside it. One studio at a time per folder."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from pathlib import Path
from typing import IO

import msgspec

from nemo_watch.studio.world import Render, Session, World


class FolderBusyError(OSError):
    """Another studio works in this folder."""


class FolderUnreadableError(OSError):
    """The folder's `world.json` is none of ours, or damaged."""


class Storage:
    """Reads and keeps a world under `folder`. `world.json` holds tokens: only its owner may read it (0600)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.renders = folder / "renders"
        self.work = folder / "work"
        self._file = folder / "world.json"
        self._lock: IO[str] | None = None
        self._writing = asyncio.Lock()
        self._writes: set[asyncio.Task[None]] = set()
        self._written = b""

    def media(self, session_id: str) -> Path:
        """Where a session's uploads are."""
        return self.folder / "sessions" / session_id / "media"

    def open(self) -> World:
        """Lock the folder, empty its work space, and read the world.

        Raises `FolderBusyError` or `FolderUnreadableError`.
        """
        for folder in (self.folder, self.renders):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (self.folder / "studio.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            raise FolderBusyError(f"Another studio works in {self.folder}") from error
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(mode=0o700)
        return self._read()

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def _read(self) -> World:
        try:
            world = msgspec.json.decode(self._file.read_bytes(), type=World)
        except FileNotFoundError:
            return World()
        except ValueError as error:
            raise FolderUnreadableError(f"{self._file} cannot be read: {error}") from error
        world.wake()
        return world

    async def keep(self, world: World) -> None:
        """Return when the world as it is now, or later, is safe on disk. Calls that come together share one write.

        A caller that is cancelled leaves the write going: its thread cannot be stopped, and the next must wait for it.
        """
        write = asyncio.create_task(self._write(world))
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)
        await asyncio.shield(write)

    async def _write(self, world: World) -> None:
        async with self._writing:
            # Encoded under the lock: whoever waited finds the snapshot that includes its own change already written.
            data = msgspec.json.encode(world)
            if data != self._written:
                await asyncio.to_thread(self._replace, data)
                self._written = data

    def _replace(self, data: bytes) -> None:
        temporary = self._file.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._file)

    def remove(self, sessions: list[Session], renders: list[Render]) -> None:
        """Delete what these sessions and renders have on disk."""
        for session in sessions:
            shutil.rmtree(self.media(session.session_id).parent, ignore_errors=True)
        for render in renders:
            (self.renders / render.file_name).unlink(missing_ok=True)
