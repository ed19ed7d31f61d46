"""What programs and people read of the films."""

from __future__ import annotations

import json
import math
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_watch.errors import FilmState, Need
from nemo_watch.model import Backend, Credits, FilmRow, LeftAlone, Overview, Watching
from nemo_watch.shown import shown, shown_lines
from nemo_watch.status import NEED_WORDS, STATE_WORDS, as_json, dumps, exit_code, needs_text, status_line

ROW = FilmRow(
    "wedding/a", 2, FilmState.WORKING, "rendering", 0.625, None, None, datetime(2026, 11, 22, 15, 42, 7, 999, UTC)
)
OVERVIEW = Overview((ROW,), (), Backend.CLOUD, Credits(120.0, 10.0, 130.0), Watching("events"))


def test_the_object_is_exactly_the_promised_one():
    films = (
        ROW,
        replace(
            ROW, name="trip", state=FilmState.NEEDS_YOU, needs=Need.CREDITS, video="trip/trip-v1.mp4", progress=1.0
        ),
    )
    files = (LeftAlone("trip/notes.docx", "trip", "unsupported"), LeftAlone("x", None, "empty"))
    overview = Overview(films, files, Backend.STUDIO, None, Watching("polling", ("no events",)))
    assert as_json(overview) == {
        "projects": [
            {
                "name": "wedding/a", "version": 2, "state": "working", "detail": "rendering", "progress": 0.625, "needs": None,
                "video": None, "updated_at": "2026-11-22T15:42:07Z",
            },
            {
                "name": "trip", "version": 2, "state": "needs_you", "detail": "rendering", "progress": 1.0, "needs": "credits",
                "video": "trip/trip-v1.mp4", "updated_at": "2026-11-22T15:42:07Z",
            },
        ],
        "files": [
            {"path": "trip/notes.docx", "project": "trip", "reason": "unsupported"},
            {"path": "x", "project": None, "reason": "empty"},
        ],
        "service": {"backend": "studio", "credits": None},
        "watching": {"mode": "polling", "problems": ["no events"]},
    }  # fmt: skip


def test_the_balance_when_it_is_known():
    assert as_json(OVERVIEW)["service"] == {
        "backend": "cloud", "credits": {"available": 120.0, "frozen": 10.0, "total": 130.0},
    }  # fmt: skip


@given(st.text(st.characters(), max_size=40))
def test_names_reach_programs_unchanged_whatever_they_hold(name):
    text = dumps(replace(OVERVIEW, films=(replace(ROW, name=name, video=name),)))
    text.encode("ascii")
    film = json.loads(text)["projects"][0]
    assert (film["name"], film["video"]) == (name, name)


def test_a_moment_of_another_zone_is_told_in_utc():
    moment = datetime(2026, 11, 22, 23, 0, tzinfo=timezone(timedelta(hours=8)))
    assert as_json(replace(OVERVIEW, films=(replace(ROW, updated_at=moment),)))["projects"][0]["updated_at"] == (
        "2026-11-22T15:00:00Z"
    )


@pytest.mark.parametrize(
    ("reported", "told"), [(-1.0, 0.0), (1.5, 1.0), (math.nan, 0.0), (math.inf, 1.0), (-math.inf, 0.0), (0.25, 0.25)]
)
def test_progress_is_a_share_whatever_was_reported(reported, told):
    text = dumps(replace(OVERVIEW, films=(replace(ROW, progress=reported),)))
    assert json.loads(text)["projects"][0]["progress"] == told


@pytest.mark.parametrize("state", FilmState)
def test_the_exit_code_is_1_when_someone_is_needed_or_something_failed(state):
    overview = replace(OVERVIEW, films=(replace(ROW, state=FilmState.DONE), replace(ROW, state=state)))
    assert exit_code(overview) == (1 if state in {FilmState.NEEDS_YOU, FilmState.FAILED} else 0)


def test_nothing_at_all_is_fine():
    assert exit_code(replace(OVERVIEW, films=())) == 0


def test_every_state_and_need_has_its_words():
    assert set(STATE_WORDS) == set(FilmState)
    assert set(NEED_WORDS) == set(Need)


def test_one_film_on_one_line():
    assert status_line(ROW) == "wedding/a  v2  Working 62 %  rendering"
    assert status_line(replace(ROW, version=0, state=FilmState.SETTLING, detail="")) == "wedding/a  Arriving"
    asks = replace(ROW, state=FilmState.NEEDS_YOU, needs=Need.CREDITS, detail="no credits left")
    assert status_line(asks) == "wedding/a  v2  Needs you  no credits left  (needs credits)"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("旅行 Ünïcode 👩‍👩‍👧", "旅行 Ünïcode 👩‍👩‍👧"),
        ("\x1b]0;title\x07\x1b[2J", "\\x1b]0;title\\x07\\x1b[2J"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b31m", "\\x9b31m"),
        ("photo\u202egpj.exe", "photo\\u202egpj.exe"),
        ("\u2066x\u2069\u2028", "\\u2066x\\u2069\\u2028"),
        ("caf\udce9", "caf\\udce9"),
    ],
)
def test_what_could_steer_a_terminal_is_made_visible(text, clean):
    assert shown(text) == clean


@given(st.text(st.characters()))
def test_nothing_shown_steers_a_terminal(text):
    for clean in (shown(text), shown_lines(text).replace("\n", "").replace("\t", "")):
        clean.encode("utf-8")
        assert not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in clean)
        assert not any(
            unicodedata.bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
            for c in clean
        )


@given(st.text(st.characters()), st.text(st.characters()))
def test_a_line_is_one_line(name, detail):
    assert len(status_line(replace(ROW, name=name, detail=detail)).splitlines()) <= 1


def test_lines_stay_where_there_may_be_lines():
    assert shown_lines("a\r\nb\tc\rd\x1b") == "a\nb\tc\\rd\\x1b"


def test_the_words_of_needs_you():
    assert needs_text("No credits\x1b.", "Top up; it goes on by itself.") == (
        "What happened\n  No credits\\x1b.\n\nWhat to do\n  Top up; it goes on by itself.\n\n"
        "This file goes away by itself as soon as nothing is asked of you any more.\n"
    )
