"""Where a job stands after a trouble, and when it goes on."""

from __future__ import annotations

import pytest

from nemo_watch.config import Pace
from nemo_watch.errors import FAILURES, Cause, FilmState, Need, Trouble
from nemo_watch.jobs.parking import parked, tries_before
from nemo_watch.jobs.paying import Read, Verdict, verdict
from nemo_watch.model import JobState


@pytest.mark.parametrize("cause", list(Cause))
def test_what_needs_a_person_waits_and_what_mends_itself_goes_on(cause):
    verdict_ = parked(Trouble(cause), 0, Pace())
    row = FAILURES[cause]
    if (
        row.needs in {None, Need.SPACE}
        and row.state is FilmState.QUEUED
        and cause not in {Cause.BRAKE_FIRST_START, Cause.LOST_TO_ANOTHER}
    ):
        assert verdict_.wait_s is not None
    if row.needs in {Need.ANSWER, Need.DECISION, Need.PLAN, Need.TOKEN, Need.FILE}:
        assert verdict_.wait_s is None
    assert (verdict_.state is JobState.FAILED) == (row.state in {FilmState.FAILED, FilmState.CANCELLED})


def test_waits_grow_and_stay_bounded():
    waits = [parked(Trouble(Cause.NETWORK_DOWN), tries, Pace()).wait_s for tries in range(12)]
    assert waits == sorted(waits)
    assert waits[0] == 30.0
    assert waits[-1] == 1800.0


def test_a_wait_is_never_shorter_than_the_service_asked_for():
    assert parked(Trouble(Cause.RATE_LIMITED, retry_after_s=5000.0), 0, Pace()).wait_s == 5000.0


@pytest.mark.parametrize(
    ("now", "last", "got_on", "tries"),
    [
        (Cause.NETWORK_DOWN, None, False, 0),
        (Cause.NETWORK_DOWN, Cause.NETWORK_DOWN, False, 4),
        (Cause.NETWORK_DOWN, Cause.SERVICE_DOWN, False, 4),
        (Cause.RATE_LIMITED, Cause.TOKEN_EXPIRED, False, 4),
        (Cause.NO_SPACE, Cause.ANSWER_UNREADABLE, False, 4),
        (Cause.NETWORK_DOWN, Cause.SERVICE_DOWN, True, 0),
        (Cause.NETWORK_DOWN, Cause.OUT_OF_CREDITS, False, 0),
        (Cause.SERVICE_ASKS, Cause.NETWORK_DOWN, False, 0),
        (Cause.SURPRISE, Cause.NETWORK_DOWN, False, 0),
    ],
)
def test_tries_are_counted_whatever_the_cause_until_the_job_gets_on(now, last, got_on, tries):
    assert tries_before(now, last, 3, got_on=got_on) == tries


def read(fingerprint: str, *, exportable: bool = True) -> Read:
    return Read(fingerprint, exportable)


@pytest.mark.parametrize(
    ("reads", "since_sent_s", "expected"),
    [
        ([], 0, Verdict.READ_AGAIN),
        ([read("old")], 30, Verdict.READ_AGAIN),
        ([read("old")] * 5, 270, Verdict.UNSURE),
        ([read("new")], 30, Verdict.READ_AGAIN),
        ([read("new"), read("new")], 90, Verdict.TAKEN),
        ([read("old"), read("new"), read("new")], 150, Verdict.TAKEN),
        ([read("stage 1"), read("stage 2")], 90, Verdict.READ_AGAIN),
        ([read("stage 1"), read("stage 2"), read("stage 2")], 150, Verdict.TAKEN),
        ([read("new", exportable=False)] * 2, 90, Verdict.READ_AGAIN),
        ([read("new", exportable=False)] * 2, 901, Verdict.UNSURE),
        ([read("new")], 5000, Verdict.READ_AGAIN),
        ([read("a"), read("b")], 5000, Verdict.UNSURE),
    ],
)
def test_reads_after_doubt(reads, since_sent_s, expected):
    """A changed draft counts when it is exportable and equal in two reads running; five unchanged reads leave it unsure."""
    assert verdict(reads, "old", 5, since_sent_s, 900.0) is expected
