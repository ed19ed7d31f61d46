"""Lines for people and for journald; no secret in any of them, and no flood."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from nemo_watch import logs, masking
from nemo_watch.logs import FloodBrake, Kind, configure, logger, stream_kind
from nemo_watch.masking import mask, masked

SECRET = "s3cr3t/value+that=is long"


class Clock:
    """Seconds that pass when they are told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """Logging is global: whatever a test set up is gone after it."""
    monkeypatch.setattr(masking, "_SECRETS", set())
    monkeypatch.setattr(logs, "_configured", False)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lines(clock):
    """A function that sets up logging of a kind, and the stream it writes to."""

    def set_up(kind: Kind = Kind.JSON, **options) -> io.StringIO:
        stream = io.StringIO()
        configure(stream, kind=kind, monotonic=clock, **options)
        return stream

    return set_up


def told(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


# -- kinds -------------------------------------------------------------------------------------------


def test_a_line_for_programs_has_journalds_fields(lines):
    stream = lines()
    logger("outbox").bind(film="旅行").info("video.published", version=2)
    (line,) = told(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", str(line.pop("time")))
    assert line == {
        "priority": 6, "identifier": "nemo-watch", "level": "info", "room": "outbox", "event": "video.published",
        "film": "旅行", "version": 2,
    }  # fmt: skip


@pytest.mark.parametrize(("level", "priority"), [("info", 6), ("warning", 4), ("error", 3), ("critical", 2)])
def test_journald_gets_the_priority_before_the_line(lines, level, priority):
    stream = lines(Kind.JOURNAL)
    getattr(logger("jobs"), level)("step.failed", film="a")
    found = re.fullmatch(r"<(\d)>(\{.*\})\n", stream.getvalue())
    assert found
    assert (int(found[1]), json.loads(found[2])["priority"]) == (priority, priority)


def test_a_person_gets_words_without_colours_where_there_is_no_terminal(lines):
    stream = lines(Kind.HUMAN)
    logger("outbox").info("video.published", film="beach-trip", version=2)
    assert "\x1b" not in stream.getvalue()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d \[info +\] video\.published +room=outbox film=beach-trip version=2\n", stream.getvalue()
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("env", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)
def test_a_terminal_gets_colours_unless_it_asks_for_none(monkeypatch, env, coloured):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    assert configure(stream) is Kind.HUMAN
    logger("outbox").info("video.published", film="a\x1b[31mb")
    assert ("\x1b[" in stream.getvalue()) is coloured
    assert "\x1b[31mb" not in stream.getvalue()


def test_what_reads_a_stream(tmp_path):
    with (tmp_path / "log").open("w") as stream:
        found = os.fstat(stream.fileno())
        same = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert stream_kind(stream, same) is Kind.JOURNAL
        assert stream_kind(stream, {"JOURNAL_STREAM": "1:2"}) is Kind.JSON  # systemd's, but turned elsewhere since
        assert stream_kind(stream, {}) is Kind.JSON
    assert stream_kind(Terminal(), same) is Kind.HUMAN
    assert stream_kind(io.StringIO(), same) is Kind.JSON


def test_lines_below_the_level_are_not_written(lines):
    stream = lines(level="warning")
    logger("x").info("a.happened")
    logger("x").debug("b.happened")
    logger("x").warning("c.failed")
    assert [line["event"] for line in told(stream)] == ["c.failed"]


# -- secrets and foreign text ------------------------------------------------------------------------


def fail(error: Exception, cause: Exception | None = None) -> None:
    raise error from cause


def say_everywhere(secret: str) -> None:
    voice = logger("nemo").bind(bound=secret)
    nested = {"deep": [secret, {"deeper": (secret, secret.encode())}]}
    voice.info("a.happened", value=secret, nested=nested, **{"k" + secret: 1})
    voice.warning("b.failed " + secret, error=ValueError(secret), padded="x" * 250 + secret, Token="abc", Cookie="xyz")
    try:
        fail(RuntimeError(secret), KeyError(secret))
    except RuntimeError:
        voice.exception("c.failed", brake=secret)
    logging.getLogger("library").warning("connected with %s", secret)
    try:
        fail(OSError(secret))
    except OSError:
        logging.getLogger("library").exception("failed")


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "secret",
    [SECRET, "nmv_AbC-123.def", "clm_0123456789abcdef", "Bearer abc.def-ghi", "https://user:hunter22@example.org/x"],
)
def test_no_secret_reaches_any_line(lines, kind, secret):
    mask(SECRET)
    stream = lines(kind, level="debug")
    say_everywhere(secret)
    text = stream.getvalue()
    assert text.count("happened") + text.count("failed") >= 4
    for piece in (secret, secret[:12], secret[-9:] if "example" not in secret else "hunter22"):
        assert piece not in text, (piece, text)
    assert "***" in text
    assert "xyz" not in text


def test_a_secret_is_masked_percent_encoded_and_inside_a_longer_one():
    mask("abcdef/ghi")
    mask("abcdef/ghi-jkl")
    assert masked("x=abcdef/ghi-jkl y=abcdef%2Fghi z=abcdef/ghi") == "x=*** y=*** z=***"


def test_what_is_too_short_to_be_a_secret_masks_nothing():
    mask("")
    mask("a")
    assert masked("a banana") == "a banana"


def test_ordinary_words_stay():
    text = "https://example.org/a?b=1 token of love, film nmv, tokens=5, https://host/@user"
    assert masked(text) == text


@given(st.text(st.characters()), st.text(st.characters(), min_size=6))
def test_a_masked_text_never_holds_the_secret(text, secret):
    masking._SECRETS.clear()
    mask(secret)
    if secret not in "***" and "*" not in secret:
        assert secret not in masked(text + secret + text)


@given(st.text(st.characters(), max_size=400), st.sampled_from(Kind))
def test_any_text_makes_one_harmless_line(text, kind):
    stream = io.StringIO()
    configure(stream, kind=kind)
    logger("x").info("a.happened", text=text, **{"k" + text: text})
    line = stream.getvalue()
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", line)
    assert len(line) < 20_000


def test_foreign_text_is_cut(lines):
    stream = lines()
    logger("x").info("a.happened", text="x" * 10_000, many=["y" * 1000] * 1000)
    (line,) = told(stream)
    assert line["text"] == "x" * 256 + "…"
    assert len(line["many"]) == 50


def test_a_traceback_keeps_its_lines_and_its_end(lines, monkeypatch):
    monkeypatch.setattr(logs, "TRACEBACK_CHARACTERS_MAX", 200)
    stream = lines()
    try:
        fail(ValueError("x" * 500 + "\x1b[2J the end"))
    except ValueError:
        logger("x").exception("a.failed")
    (line,) = told(stream)
    assert str(line["exception"]).startswith("…")
    assert str(line["exception"]).endswith("\\x1b[2J the end")


# -- floods ------------------------------------------------------------------------------------------


def test_the_same_trouble_is_told_once_and_then_how_often(lines, clock):
    stream = lines(brake_s=60)
    for _time in range(5):
        logger("inbox").warning("scan.failed", folder="x", reason="EIO")
        clock.now += 10
    clock.now += 10
    logger("inbox").warning("scan.failed", folder="x", reason="EIO")
    assert [line.get("left_out") for line in told(stream)] == [None, 4]


def test_other_troubles_and_the_story_are_not_braked(lines):
    stream = lines()
    for film in ("a", "b", "a"):
        logger("jobs").warning("step.failed", film=film)
        logger("jobs").info("message.sent", film=film)
    assert [(line["event"], line["film"]) for line in told(stream)] == [
        ("step.failed", "a"), ("message.sent", "a"), ("step.failed", "b"), ("message.sent", "b"), ("message.sent", "a"),
    ]  # fmt: skip


def test_an_event_may_ask_for_the_brake(lines):
    stream = lines()
    for _time in range(3):
        logger("inbox").info("file.left_alone", brake="junk", path="x")
    (line,) = told(stream)
    assert "brake" not in line


def test_the_brake_remembers_a_bounded_number(clock):
    brake = FloodBrake(60, clock)
    for number in range(3000):
        brake(None, "warning", {"event": "x.failed", "film": str(number)})
    assert len(brake._seen) == FloodBrake.IDENTITIES_MAX


# -- the rest ----------------------------------------------------------------------------------------


def test_a_stream_that_is_gone_hurts_nobody(lines):
    class Broken(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    configure(Broken(), kind=Kind.JSON)
    logger("x").error("a.failed")
    closed = io.StringIO()
    configure(closed, kind=Kind.JSON)
    closed.close()
    logger("x").error("a.failed")


def test_a_stream_of_another_encoding_gets_what_it_can_show():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    configure(stream, kind=Kind.HUMAN)
    logger("x").info("a.happened", film="旅行")
    assert b"\\u65c5\\u884c" in raw.getvalue()


def test_set_up_twice_a_library_speaks_once(lines):
    lines()
    stream = lines()
    logging.getLogger("library").warning("hello")
    logging.getLogger("library").info("not worth a line")
    assert [(line["event"], line["room"], line["said"]) for line in told(stream)] == [
        ("library.spoke", "library", "hello")
    ]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )


def test_nothing_heavy_is_imported_before_the_first_line():
    code = (
        "import sys; from nemo_watch.logs import logger; import nemo_watch.status; log = logger('x').bind(a=1); "
        "print([m for m in ('structlog', 'logging', 'asyncio') if m in sys.modules]); log.info('a.happened'); "
        "print('structlog' in sys.modules)"
    )
    assert run(code).stdout == "[]\nTrue\n"


def test_what_nobody_set_up_speaks_on_stderr_only():
    done = run("from nemo_watch.logs import logger; logger('x').warning('a.failed', film='b')")
    assert done.stdout == ""
    assert json.loads(done.stderr)["event"] == "a.failed"


def test_events_are_named_noun_and_verb():
    """The same shape everywhere: `video.published`."""
    for path in (Path(__file__).parents[1] / "nemo_watch").rglob("*.py"):
        for event in re.findall(
            r"_?log\.(?:debug|info|warning|error|critical|exception)\(\s*f?\"([^\"]+)\"", path.read_text()
        ):
            assert re.fullmatch(r"[a-z_]+\.[a-z_]+", event), (path.name, event)
