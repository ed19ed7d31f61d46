"""watchdog's own log → silence, and the one thing that it tells nowhere else: the kernel dropped events.

It must never let watchdog's lines through: they hold its whole watch table. Facts (measured): watchdog 7.1 rebuilds its watches after an overflow
without any event to its handlers, and discards events that it had read already.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_TELLER: Final = "watchdog.observers.inotify_c"  # says "Inotify queue overflowed; filesystem events were lost"


class _Overflows(logging.Filter):
    """Lets nothing through, and passes an overflow on to whoever listens."""

    def __init__(self) -> None:
        super().__init__()
        self.listeners: list[Callable[[], None]] = []

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno == logging.WARNING and "overflow" in str(record.msg).lower():
            for listener in tuple(self.listeners):
                with suppress(Exception):  # it runs in watchdog's thread, which an exception would end
                    listener()
        return record.levelno >= logging.CRITICAL


_overflows: Final = _Overflows()


def hush() -> None:
    """Keeps watchdog's lines and warnings to itself; may be called again and again. The listing makes up for what they tell."""
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    teller = logging.getLogger(_TELLER)
    teller.setLevel(logging.WARNING)
    teller.addFilter(_overflows)  # twice is once
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"watchdog\.")  # twice is once


def listen(listener: Callable[[], None]) -> None:
    """From now on an overflow of any watch of this process calls `listener`, in watchdog's thread."""
    _overflows.listeners.append(listener)


def forget(listener: Callable[[], None]) -> None:
    """Ends that; may be called again and again."""
    with suppress(ValueError):
        _overflows.listeners.remove(listener)
