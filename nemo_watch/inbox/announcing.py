"""Problems, look after look → log lines: one when a problem arises, one when it is over.

It must never write a line for each file, nor one for each look: a disk that is away for a night is two lines.
Facts: a watcher that logged every junk file filled hundreds of gigabytes (immich #6826, spksrc #7428).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from nemo_watch.logs import logger

LINES_MAX: Final = 5  # of the problems that arise in one look; the rest is counted, the status names them all

_NUMBERS: Final = re.compile(r"\d+")
_COUNTS: Final = re.compile(r"^The inbox holds \d+|^Only \d+ of \d+")
_UNREAD: Final = re.compile(r"^\d+ files? cannot be read: ")  # which is the first of them is no news either

log = logger("inbox")


class Announcer:
    """What was logged of one source of problems, and stands."""

    def __init__(self) -> None:
        self._standing: dict[str, str] = {}

    def tell(self, problems: Iterable[str]) -> None:
        """Logs what has changed since the last time. A problem whose count alone has changed is the same."""
        now = {_key(problem): problem for problem in problems}
        new = [problem for key, problem in now.items() if key not in self._standing]
        over = [problem for key, problem in self._standing.items() if key not in now]
        self._standing = now
        for problem in new[:LINES_MAX]:
            log.warning("inbox.troubled", problem=problem, brake=problem)
        if len(new) > LINES_MAX:
            log.warning("inbox.troubled", more_problems=len(new) - LINES_MAX, brake="more")
        for problem in over[:LINES_MAX]:
            log.info("inbox.healed", problem=problem, brake=problem)
        if len(over) > LINES_MAX:
            log.info("inbox.healed", more_problems=len(over) - LINES_MAX, brake="more")


def _key(problem: str) -> str:
    if _UNREAD.match(problem):
        return _UNREAD.pattern
    counted = _COUNTS.match(problem)
    return _NUMBERS.sub("", counted[0]) + problem[counted.end() :] if counted else problem
