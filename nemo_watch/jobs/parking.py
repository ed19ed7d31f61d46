"""A trouble and how often it has come → where the job stands now, and when it goes on by itself.

Pure. Waits grow, and what needs a person never goes on alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nemo_watch.errors import FAILURES, Cause, Move, Trouble
from nemo_watch.model import JobState

if TYPE_CHECKING:
    from nemo_watch.config import Pace

_MENDS_ITSELF: Final = frozenset({Move.RETRY_LATER, Move.RENEW_TOKEN, Move.RENEW_SESSION})


@dataclass(frozen=True, slots=True)
class Parked:
    """The job's state after a trouble; `wait_s` is None where only a person, an edit or a restart moves it."""

    state: JobState
    wait_s: float | None


def parked(trouble: Trouble, tries: int, pace: Pace) -> Parked:
    """Where a job stands after `trouble`, before which it was stopped `tries` times running (`tries_before`)."""
    match trouble.failure.move:
        case Move.GIVE_UP:
            return Parked(JobState.FAILED, None)
        case Move.WATCH_BALANCE:
            return Parked(JobState.PARKED, pace.balance_check_s)
        case Move.RETRY_LATER | Move.RENEW_TOKEN | Move.RENEW_SESSION:
            return Parked(JobState.PARKED, _wait_s(trouble, tries, pace))
        case Move.ASK | Move.UNSURE | Move.LEAVE_OUT | Move.STOP:
            return Parked(JobState.PARKED, None)


def tries_before(now: Cause, last: Cause | None, tries: int, *, got_on: bool) -> int:
    """How often running a job was stopped by what mends itself, before it was stopped by `now`; `tries` was so for `last`.

    The cause does not matter: a gateway that answers 502 and then refuses the connection is one outage. 0 for a job that
    got on meanwhile, by a new receipt.
    """
    waited = last is not None and FAILURES[last].move in _MENDS_ITSELF
    return tries + 1 if waited and FAILURES[now].move in _MENDS_ITSELF and not got_on else 0


def growing_s(first_s: float, tries: int, pace: Pace) -> float:
    """Twice as long each time, up to the longest wait."""
    return min(first_s * float(2 ** min(tries, 16)), pace.retry_wait_longest_s)


def _wait_s(trouble: Trouble, tries: int, pace: Pace) -> float:
    """A growing wait; never shorter than what the service asked for."""
    first_s = 2 * pace.rate_limit_wait_s if trouble.cause is Cause.RATE_LIMITED else pace.retry_wait_s
    return max(growing_s(first_s, tries, pace), trouble.retry_after_s or 0.0)
