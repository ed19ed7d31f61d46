"""The table of failures: complete, and every sentence can be told."""

from __future__ import annotations

import os
import subprocess

import pytest

from nemo_watch.errors import FAILURES, Cause, FilmState, Move, Need, Trouble, advice, argument, sentence


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


# -- a film's name in a command -----------------------------------------------------------------------------------------------


NAMES = [
    "garden",
    "odd files",
    "x;y",
    'q"$(id)',
    "it's",
    "海滩/a",
    "~x",
    "--all",
    "-rf",
    "a\nb",
    "a\x9bb\u202ec",
    "caf\udce9",
    "\\n'\x1b",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_command_that_is_pasted_means_the_film_and_nothing_else(name):
    """As bash reads it: one word, which is the name, and no option."""
    words = advice(Cause.RENDER_UNKNOWN, {"film": name}).partition("nemo-watch retry ")[2]
    assert words.isprintable()
    read = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {words}"],
        capture_output=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/bin:/usr/bin"},
    )
    *options, last = os.fsdecode(read.stdout).split("\0")[:-1]
    assert last == name
    assert options == (["--"] if name.startswith("-") else [])


def test_a_plain_name_stays_plain():
    assert argument("海滩/a_1.b") == "海滩/a_1.b"
