"""A network of its own for one host: a cable to the database that can be pulled, and the cloud at its usual address.

Source: ip-netns(8), veth(4), setns(2): a thread that enters a namespace opens its sockets there and gives it to its children.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

_CLONE_NEWNET = 0x40000000


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Network:
    """A namespace that is joined to ours by one cable."""

    def __init__(self) -> None:
        number = os.getpid() % 16384
        self.name = f"nw{os.getpid()}"
        self._cable = f"nwa{os.getpid()}"
        subnet = f"198.{18 + number // 8192}.{number // 32 % 256}.{number % 32 * 8}".rpartition(".")
        self.here, there = (f"{subnet[0]}.{int(subnet[2]) + n}" for n in (1, 2))
        self._sockets: list[socket.socket] = []
        _ip("netns", "add", self.name)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "nwb", "netns", self.name)
        _ip("addr", "add", f"{self.here}/30", "dev", self._cable)
        _ip("link", "set", self._cable, "up")
        _ip("-n", self.name, "addr", "add", f"{there}/30", "dev", "nwb")
        for link in ("lo", "nwb"):
            _ip("-n", self.name, "link", "set", link, "up")

    def pull(self) -> None:
        """The cable is out: whatever is sent comes to nobody, and nobody is told."""
        _ip("link", "set", self._cable, "down")

    def plug(self) -> None:
        """The cable is in again."""
        _ip("link", "set", self._cable, "up")

    def inside(self, deed: Callable[[], Any]) -> Any:
        """What the deed gives, done in the namespace."""
        results: list[Any] = []

        def enter() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            with Path("/run/netns", self.name).open() as namespace:
                if libc.setns(namespace.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            results.append(deed())

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        return results[0]

    def bring(self, url: str) -> None:
        """What listens at this address of ours is found at the same address in there, whatever becomes of the cable."""
        address = ("127.0.0.1", urlsplit(url).port or 80)
        listener = self.inside(lambda: socket.create_server(address))
        self._sockets.append(listener)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    behind = socket.create_connection(address)
                    for pair in ((client, behind), (behind, client)):
                        threading.Thread(target=_forward, args=pair, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()

    def close(self) -> None:
        """Take it all away."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        _ip("link", "del", self._cable)
        _ip("netns", "del", self.name)


def _forward(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def a_network() -> Iterator[Network]:
    """A network while the block runs. Skips where none can be made."""
    try:
        network = Network()
    except (OSError, subprocess.CalledProcessError) as error:
        with contextlib.suppress(OSError):
            subprocess.run(["ip", "netns", "del", f"nw{os.getpid()}"], check=False, capture_output=True)
        pytest.skip(f"no network namespace can be made here ({error})")
    try:
        yield network
    finally:
        network.close()
