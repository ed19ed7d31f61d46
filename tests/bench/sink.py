"""A service that only takes uploads, and forgets them faster than any client can send: the kernel throws the bytes away.

    python -m tests.bench.sink      prints its address, then serves until it is killed

A process a connection, which ends with it; other requests are answered with a balance.
"""

from __future__ import annotations

import json
import os
import signal
import socket

BALANCE = {"code": 0, "data": {"available": 1000, "frozen": 0, "total": 1000}}
UPLOADED = {"code": 0, "data": {"files": [{"filename": "a", "file_type": "image"}]}}
READ_BYTES = 1 << 20


def serve(connection: socket.socket) -> None:
    """Request after request, until the other side goes."""
    with connection:
        held, scratch = b"", bytearray(READ_BYTES)
        while True:
            while b"\r\n\r\n" not in held:
                if not (data := connection.recv(65_536)):
                    return
                held += data
            head, _, held = held.partition(b"\r\n\r\n")
            rest = _length(head) - len(held)
            held = b""
            while rest > 0:
                rest -= connection.recv_into(scratch, min(rest, READ_BYTES), socket.MSG_TRUNC) or rest
            body = json.dumps(UPLOADED if head.startswith(b"POST") else BALANCE).encode()
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def main() -> None:
    """Serves."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        print(f"http://127.0.0.1:{server.getsockname()[1]}", flush=True)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                serve(connection)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    main()
