"""What systemd is told: READY, STATUS, WATCHDOG, over the socket in NOTIFY_SOCKET; nothing where there is none.

Source: sd_notify(3). A datagram is the whole protocol, so no library is asked for.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nemo_watch.clock import Clock


_PATIENCE_S: Final = (
    0.2  # the manager's queue holds ten datagrams: a READY must not be lost to a full one, nor hold the loop
)


def notify(*lines: str) -> None:
    """Send the lines (`READY=1`, `STATUS=…`) to the service manager, if there is one. Never fails."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.settimeout(_PATIENCE_S)
        sender.sendto("\n".join(line.replace("\n", " ") for line in lines).encode("utf-8", "replace"), target)


async def keep_alive(clock: Clock) -> None:
    """Tell the watchdog, at half its interval, that the event loop turns; at once done where no watchdog is set."""
    interval_us = os.environ.get("WATCHDOG_USEC", "")
    if not interval_us.isdigit() or not int(interval_us):
        return
    while True:
        notify("WATCHDOG=1")
        await clock.sleep(int(interval_us) / 2_000_000)
