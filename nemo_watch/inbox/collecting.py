"""Fewer rounds of the garbage collector while many small values are made that all stay.

It must never switch the collector off: a look may hang on a dead mount for ever, and the rest of the daemon goes on meanwhile.
Facts (measured): each new object counts towards a collection, and every so often all objects are gone through again; a first scan of 100,000 files
spends a fifth of its time in that, for nothing: no sighting is ever part of a cycle.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

OBJECTS_BETWEEN: Final = 1_000_000  # against Python's 700; cycles of other threads wait at most for so many new objects

_lock: Final = threading.Lock()
_within: list[tuple[int, int, int]] = []  # the thresholds to come back to; one entry for each block that is running


@contextmanager
def rare_collections() -> Iterator[None]:
    """Within the block a collection comes after `OBJECTS_BETWEEN` new objects. Blocks of several threads may overlap in any way."""
    with _lock:
        usual = _within[0] if _within else gc.get_threshold()
        _within.append(usual)
        gc.set_threshold(max(OBJECTS_BETWEEN, usual[0]) if usual[0] else 0, *usual[1:])  # 0: someone switched it off
    try:
        yield
    finally:
        with _lock:
            _within.pop()
            if not _within:
                gc.set_threshold(*usual)
