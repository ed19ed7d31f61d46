"""Slow examinations beside the looks: a picture to decode, a file to read through. One at a time, in a thread of its own.

It must never let a look wait for the end of one: a decoder may take minutes, and a look that takes minutes is blind to all else.
Facts: a truncated GIF of 1 MB with 700 frames decodes for a minute (measured).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemo_watch.inbox.standings import Due
    from nemo_watch.inbox.verdicts import Verdict


class SlowExamination:
    """The examination that is under way, if any. Ask for the running one first: the others wait for its end."""

    def __init__(self, examine: Callable[[Due], Verdict]) -> None:
        self._examine = examine
        self._due: Due | None = None
        self._verdict: Future[Verdict] = Future()
        self.begun_s = 0.0  # on the clock of the looks

    def is_of(self, due: Due) -> bool:
        """Whether it is this very question that is being looked into."""
        running = self._due
        if running is None or running.sighting is not due.sighting:
            return False
        return (running.thorough, running.read_through) == (due.thorough, due.read_through)

    @property
    def is_pending(self) -> bool:
        """Whether one is under way, or has come to its end and was not asked for yet."""
        return self._due is not None

    @property
    def is_running(self) -> bool:
        """Whether one has not come to its end."""
        return self._due is not None and not self._verdict.done()

    def verdict(self, due: Due, now_s: float, patience_s: float) -> Verdict | None:
        """The verdict, where it is there, or comes within `patience_s` seconds of its beginning; None: ask again later."""
        if not self.is_of(due):
            if self.is_running:
                return None
            self._begin(due, now_s)  # what is done by now and was not asked for was of a file that has changed since
        elif self.is_running:
            return None
        wait([self._verdict], patience_s)
        if self.is_running:
            return None
        self._due = None
        return self._verdict.result()

    def forget(self) -> None:
        """Drops a verdict that nobody asks for any more: its file has changed, or is gone."""
        if not self.is_running:
            self._due = None

    def _begin(self, due: Due, now_s: float) -> None:
        verdict: Future[Verdict] = Future()
        self._due, self._verdict, self.begun_s = due, verdict, now_s
        threading.Thread(target=self._run, args=(due, verdict), name="slow-examination", daemon=True).start()

    def _run(self, due: Due, verdict: Future[Verdict]) -> None:
        try:
            verdict.set_result(self._examine(due))
        except Exception as error:  # noqa: BLE001  told by the look that asks for it
            verdict.set_exception(error)
