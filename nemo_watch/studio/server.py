"""Starts a studio on loopback: inside the running loop (the daemon, tests), or as a command until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Scope

from nemo_watch.studio.agent import Directed, Director
from nemo_watch.studio.app import create_app
from nemo_watch.studio.rendering_jobs import Renderer, child_renderer
from nemo_watch.studio.script import Script
from nemo_watch.studio.settings import Settings
from nemo_watch.studio.studio import Studio
from nemo_watch.studio.uploads import Probe
from nemo_watch.studio.world import Upload

HOST: Final = "127.0.0.1"
GRACE_S: Final = 2
"""For answers that are being written at the stop; open streams have been ended before."""


class _Server(uvicorn.Server):
    """A uvicorn that leaves signals to its host, does not tick, and says when it listens and when to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.ending = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signal handlers alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """Wait for the end; the original wakes ten times a second to look for it."""
        await self.ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close idle connections, give answers that are being written `GRACE_S`, then cut them; no polling."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            _, late = await asyncio.wait(set(self.server_state.tasks), timeout=GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def hang_up(self, scope: Scope, reset: bool) -> None:
        """End a request's connection: a reset, or a close after what was written is out."""
        connections: list[Any] = list(self.server_state.connections)
        for connection in connections:
            if connection.client == tuple(scope["client"]):
                transport = connection.transport
                if not reset:
                    transport.close()
                    return
                # A linger of 0 s turns the close into a reset (RST), as a crashed gateway would leave it.
                transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                transport.abort()


@dataclass(frozen=True, slots=True)
class Serving:
    """A studio that runs: its base URL, and how to stop a render by its id until somebody asks for it again.

    The stop is no part of the API: the service has no such call.
    """

    url: str
    rest: Callable[[str], None]


@contextlib.asynccontextmanager
async def running_studio(
    folder: Path,
    *,
    port: int = 0,
    settings: Settings | None = None,
    script: Script | None = None,
    control: bool = False,
    direct: Director | None = None,
    probe: Probe | None = None,
    render: Renderer | None = None,
) -> AsyncIterator[Serving]:
    """A studio that lives in `folder` and listens on 127.0.0.1 while the block runs.

    Port 0 takes a free one. `direct`, `probe` and `render` default to the real ones. At the end open streams are
    ended, renderer processes killed, and the world kept: the next studio on this folder goes on from there.
    Raises `OSError` when the port is taken, another studio has the folder, or its memory cannot be read.
    """
    studio = Studio(
        folder, direct=direct or _direct, probe=probe or _probe, render=render or child_renderer(), settings=settings
    )
    with _listening_socket(port) as listener:
        await studio.open()
        try:
            async with _served(studio, listener, script, control):
                yield Serving(f"http://{HOST}:{listener.getsockname()[1]}", studio.rest)
        finally:
            await studio.close()


@contextlib.asynccontextmanager
async def _served(studio: Studio, listener: socket.socket, script: Script | None, control: bool) -> AsyncIterator[None]:
    server: _Server | None = None

    def hang_up(scope: Scope, reset: bool) -> None:
        if server:
            server.hang_up(scope, reset)

    app = create_app(studio, hang_up=hang_up, script=script, with_control=control)
    server = _Server(_config(app))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    listening = asyncio.create_task(server.listening.wait())
    try:
        await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        yield
    finally:
        listening.cancel()
        await studio.agent.close()  # ends the streams, so that the server need not wait for them
        server.ending.set()
        await serving


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
    )


def _listening_socket(port: int) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it each answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A studio that starts again at once on the same port must not wait for the old connections to time out.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
    except OSError:
        listener.close()
        raise
    return listener


async def serve_forever(
    folder: Path,
    *,
    port: int = 0,
    settings: Settings | None = None,
    script: Script | None = None,
    control: bool = False,
    announce: Callable[[str], None],
) -> None:
    """Run a studio until SIGTERM or SIGINT; `announce` is told its base URL once it listens."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with running_studio(folder, port=port, settings=settings, script=script, control=control) as serving:
            announce(serving.url)
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


# -- the real hands; imported when used, for they are heavy ---------------------------------------------------------


def _direct(prompt: str, uploads: Sequence[Upload], draft: Mapping[str, Any] | None, language: str) -> Directed:
    from nemo_watch.studio.directing.director import direct
    from nemo_watch.studio.drawing.material import Material

    return direct(prompt, [Material(**asdict(upload)) for upload in uploads], draft, language)


def _probe(path: Path, key: str, name: str) -> Upload:
    from nemo_watch.studio.drawing.material import probed

    return Upload(**asdict(probed(path, key, name)))
