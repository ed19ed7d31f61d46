"""A trouble and how often it has come → where the job stands now, and when it goes on by itself.

Pure. Waits grow, and what needs a person never goes on alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemo_watch.errors import Cause, Move, Trouble
from nemo_watch.model import JobState

if TYPE_CHECKING:
    from nemo_watch.config import Pace


@dataclass(frozen=True, slots=True)
class Parked:
    """The job's state after a trouble; `wait_s` is None where only a person, an edit or a restart moves it."""

    state: JobState
    wait_s: float | None


def parked(trouble: Trouble, tries: int, pace: Pace) -> Parked:
    """Where a job stands after `trouble`, which has come `tries` times running before."""
    match trouble.failure.move:
        case Move.GIVE_UP:
            return Parked(JobState.FAILED, None)
        case Move.WATCH_BALANCE:
            return Parked(JobState.PARKED, pace.balance_check_s)
        case Move.RETRY_LATER | Move.RENEW_TOKEN | Move.RENEW_SESSION:
            return Parked(JobState.PARKED, _wait_s(trouble, tries, pace))
        case Move.ASK | Move.UNSURE | Move.LEAVE_OUT | Move.STOP:
            return Parked(JobState.PARKED, None)


def _wait_s(trouble: Trouble, tries: int, pace: Pace) -> float:
    """Twice as long each time, up to the longest; never shorter than what the service asked for."""
    first = 2 * pace.rate_limit_wait_s if trouble.cause is Cause.RATE_LIMITED else pace.retry_wait_s
    growing = min(first * float(2 ** min(tries, 16)), pace.retry_wait_longest_s)
    return max(growing, trouble.retry_after_s or 0.0)
