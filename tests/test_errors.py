"""The table of failures: complete, and every sentence can be told."""

from __future__ import annotations

import pytest

from nemo_watch.errors import FAILURES, Cause, FilmState, Move, Need, Trouble, advice, sentence


def test_every_cause_has_its_row():
    assert set(FAILURES) == set(Cause)


@pytest.mark.parametrize("cause", list(Cause))
def test_every_row_tells_what_happened_and_what_to_do(cause):
    row = FAILURES[cause]
    for text in (sentence(cause, {}), advice(cause, {})):
        assert text
        assert "{" not in text
    assert row.state is not FilmState.NEEDS_YOU or row.needs is not None
    assert row.needs is None or row.state is FilmState.NEEDS_YOU


def test_what_needs_a_decision_names_the_command():
    for cause, row in FAILURES.items():
        if row.needs is Need.DECISION:
            assert "nemo-watch again" in row.advice
            assert row.move in {Move.ASK, Move.UNSURE}, cause


def test_a_trouble_reads_as_its_sentence():
    assert str(Trouble(Cause.FILE_TOO_LARGE, file="a.mov")) == "a.mov is too large for NemoVideo (at most 500 MB)."
