"""A way to a database server that a test can cut, in the middle of a request too."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


class Wire:
    """A way to the server that can be cut. `cut_after`: the next request that holds these bytes arrives, its answer never comes."""

    def __init__(self, database: str, address: str = "127.0.0.1") -> None:
        parts = urlsplit(database)
        self._target = next(Path(parse_qs(parts.query)["host"][0]).glob(".s.PGSQL.*[0-9]"))
        self._listener = socket.create_server((address, 0))
        self.url = f"postgresql://postgres@{address}:{self._listener.getsockname()[1]}{parts.path}"
        self.cut_after: bytes | None = None
        self.open = True
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self.open:
                    client.close()
                    continue
                behind = socket.socket(socket.AF_UNIX)
                behind.connect(str(self._target))
                self._sockets += [client, behind]
                lost = threading.Event()
                threading.Thread(target=self._forward, args=(client, behind, lost), daemon=True).start()
                threading.Thread(target=self._answer, args=(client, behind, lost), daemon=True).start()

    def _forward(self, client: socket.socket, behind: socket.socket, lost: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self.cut_after is not None and self.cut_after in data:
                    self.cut_after = None
                    lost.set()
                behind.sendall(data)

    def _answer(self, client: socket.socket, behind: socket.socket, lost: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := behind.recv(65536):
                if lost.is_set():
                    break  # the server has done it, and says so to nobody
                client.sendall(data)
        _end(client, behind)

    def cut(self) -> None:
        """Every connection ends, and no new one is let through."""
        self.open = False
        _end(*self._sockets)
        self._sockets.clear()

    def close(self) -> None:
        _end(self._listener)
        self.cut()


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
