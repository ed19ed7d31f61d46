from __future__ import annotations

import io
import json
from contextlib import ExitStack
from itertools import islice

import pytest
from rich.console import Console
from rich.live import Live

from nemo_watch.commands import snapshot as snapshots
from nemo_watch.commands.snapshot import narrowed, overview, read_snapshot
from nemo_watch.commands.status import Look, changes, plain_lines
from nemo_watch.commands.table import FILES_MAX, live_view, status_view
from nemo_watch.errors import UsageError
from tests.commands.conftest import row, snapshot

HOSTILE = "\x1b]0;pwned\x07\u202egpj.\n[bold]x[/bold]:boom:"


def file(path: str, project: str | None = None, reason: str = "not a format that NemoVideo takes") -> dict[str, object]:
    return {"path": path, "project": project, "reason": reason}


def drawn(found) -> str:
    console = Console(
        width=120, markup=False, emoji=False, highlight=False, force_terminal=True, color_system="standard"
    )
    with console.capture() as said:
        console.print(status_view(overview(found)))
    return said.get()


# -- the command ---------------------------------------------------------------------------------------------------------------


def test_before_any_run_it_says_how_to_start(run, config):
    ended = run("status")
    assert ended.code == 0
    assert "Nothing has run yet" in ended.err
    assert "nemo-watch run" in ended.err


def test_before_any_run_programs_get_an_empty_object_of_the_same_shape(run, config):
    found = json.loads(run("status", "--json", "--studio").out)
    assert found == snapshot(service={"backend": "studio", "credits": None}, watching={"mode": "off", "problems": []})


def test_json_is_exactly_the_object_that_the_daemon_wrote(run, tell):
    tell(row("beach-trip"), row("wedding/a", "needs_you", needs="credits"), files=[file("a.txt")])
    ended = run("status", "--json")
    assert json.loads(ended.out) == snapshot(
        row("beach-trip"), row("wedding/a", "needs_you", needs="credits"), files=[file("a.txt")]
    )


def test_names_survive_json_byte_for_byte_whatever_they_are(run, tell):
    tell(row("caf\udce9 海边 " + HOSTILE))
    ended = run("status", "--json")
    assert ended.out.isascii()
    assert json.loads(ended.out)["projects"][0]["name"] == "caf\udce9 海边 " + HOSTILE


@pytest.mark.parametrize(
    ("states", "code"),
    [(["done", "working"], 0), (["done", "failed"], 1), (["needs_you"], 1), (["cancelled", "queued"], 0)],
)
def test_the_exit_code_says_whether_a_film_failed_or_needs_someone(run, tell, states, code):
    tell(*(row(f"p{number}", state) for number, state in enumerate(states)))
    assert run("status").code == code
    assert run("status", "--json").code == code


def test_a_project_narrows_rows_files_and_the_exit_code(run, tell):
    tell(
        row("wedding/a"),
        row("wedding/b"),
        row("beach", "failed"),
        files=[file("wedding/c.pdf", "wedding"), file("x.pdf")],
    )
    ended = run("status", "wedding/", "--json")
    assert ended.code == 0
    assert [each["name"] for each in json.loads(ended.out)["projects"]] == ["wedding/a", "wedding/b"]
    assert [each["path"] for each in json.loads(ended.out)["files"]] == ["wedding/c.pdf"]
    assert [each["name"] for each in json.loads(run("status", "wedding/b", "--json").out)["projects"]] == ["wedding/b"]


def test_an_unknown_project_is_wrong_usage_and_near_names_are_told(run, tell):
    tell(row("beach-trip"), row("garden"))
    ended = run("status", "beach-tripp")
    assert ended.code == 2
    assert "Did you mean beach-trip?" in ended.err
    assert ended.out == ""


def test_a_daemon_that_does_not_run_is_told_on_stderr_alone(run, tell):
    tell(row("beach"))
    ended = run("status", "--json")
    assert "not running" in ended.err
    json.loads(ended.out)


def test_a_daemon_that_runs_is_not_worth_a_word(run, tell, config):
    from nemo_watch.daemon.wiring import only_daemon

    tell(row("beach"))
    with only_daemon(config):
        assert run("status").err == ""


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"projects": 1}', '{"projects": [{"name": "x"}]}', "\xff"])
def test_a_damaged_status_is_told_and_not_shown(run, tell, config, damage):
    tell()
    (config.folders.outbox / "status.json").write_bytes(damage.encode("latin-1"))
    ended = run("status")
    assert ended.code == 2
    assert "damaged" in ended.err


# -- for people ----------------------------------------------------------------------------------------------------------------


def test_plain_lines_tell_films_files_watching_and_credits():
    found = snapshot(
        row("beach", "working", progress=0.4, detail="rendering"),
        files=[file("a.pdf")],
        service={"backend": "cloud", "credits": {"available": 60, "frozen": 10, "total": 100}},
        watching={"mode": "polling", "problems": ["too many folders"]},
    )
    assert plain_lines(found) == [
        "beach  v1  Working 40 %  rendering",
        "a.pdf: not a format that NemoVideo takes",
        "Watching: too many folders",
        "Credits: 60 available, 10 reserved for work in progress",
    ]


def test_nothing_in_a_name_steers_a_pipe_or_a_terminal():
    found = snapshot(
        row(HOSTILE, detail=HOSTILE),
        files=[file(HOSTILE, reason=HOSTILE)],
        watching={"mode": "x", "problems": [HOSTILE]},
    )
    shown = "\n".join(plain_lines(found)) + drawn(found)
    assert "\x1b]" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert "[bold]x[/bold]:boom:" in shown


def test_the_table_shows_what_needs_someone_and_where_a_finished_video_lies():
    text = drawn(
        snapshot(
            row("海边", video="海边/海边.mp4"),
            row("b", "needs_you", needs="credits", detail="none left"),
            row("c", "working", progress=0.5),
        )
    )
    assert "海边/海边.mp4" in text
    assert "needs credits: none left" in text
    assert "━━━━━┄┄┄┄┄ 50 %" in text


def test_the_table_does_not_drown_in_files():
    text = drawn(snapshot(files=[file(f"{number}.pdf") for number in range(FILES_MAX + 7)]))
    assert "… and 7 more" in text
    assert f"{FILES_MAX}.pdf" not in text


# -- --watch -------------------------------------------------------------------------------------------------------------------


def test_watching_shows_each_change_once():
    looks = iter(
        [None, None, snapshot(row("a", "working")), snapshot(row("a", "working")), snapshot(row("a", "failed"))]
    )
    slept: list[float] = []
    last: list[dict[str, object]] = []
    seen = list(islice(changes(lambda: Look(next(looks)), last, slept.append), 3))
    assert [each.found and each.found["projects"][0]["state"] for each in seen] == [None, "working", "failed"]
    assert len(slept) == 4
    assert last == [snapshot(row("a", "failed"))]


def test_ctrl_c_ends_watching_with_the_code_of_what_was_shown_last(run, tell, monkeypatch):
    tell(row("a", "failed"))

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)
    ended = run("status", "--watch")
    assert ended.code == 1
    assert "Failed" in ended.out


def test_a_daemon_that_dies_while_it_is_watched_is_told_and_so_is_nothing_else(run, tell, config, monkeypatch):
    from nemo_watch.daemon.wiring import only_daemon

    tell(row("beach"))
    daemon = ExitStack()
    daemon.enter_context(only_daemon(config))
    told: list[str] = []
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            daemon.close()
        if len(slept) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("nemo_watch.commands.status.tell", lambda line: told.append((len(slept), line)))
    ended = run("status", "--watch", "--json")
    assert [when for when, _ in told] == [2]
    assert "not running" in told[0][1]
    json.loads(ended.out)  # one object


def live(found, height: int, width: int = 80, note: str | None = None) -> list[str]:
    """The lines of `--watch` on a terminal of this height and width."""
    console = Console(width=width, height=height, record=True, file=io.StringIO())
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as shown:
        shown.update(live_view(overview(found), console, note), refresh=True)
        return [
            "".join(segment.text for segment in line).rstrip() for line in console.render_lines(shown.get_renderable())
        ]


def test_a_short_terminal_shows_first_what_needs_someone_and_counts_the_rest():
    long = "it is not known whether NemoVideo took your message; " * 4
    films = [row(f"film-{n:02}", "done") for n in range(40)]
    films += [row("y", "failed", detail=long), row("z", "needs_you", needs="decision", detail=long)]
    lines = live(snapshot(*films, watching={"mode": "polling", "problems": ["the inbox is away"]}), 24)
    assert lines[0] == "Needs you 1 · Failed 1 · Done 40"
    assert lines[1] == "Watching: the inbox is away"
    assert [line.split()[0] for line in lines[3:6]] == ["z", "y", "film-00"]
    assert "needs a decision: it is not" in lines[3]


@pytest.mark.parametrize("width", [80, 40])
def test_one_long_name_hides_no_version_and_no_reason(width):
    films = [row(f"film-{n:02}", "done") for n in range(40)]
    films += [row("x" * 120, "needs_you", needs="answer", detail="NemoVideo asks: Which song?")]
    films += [row("work", "working", progress=0.5, detail="rendering")]
    _, head, asks, works, *done = live(snapshot(*films), 24, width)
    assert head.split() == ["Film", "Version", "State"]
    name, version, *rest = asks.split()
    assert name.endswith("…")
    assert len(name) <= 0.4 * width
    assert [version, *rest[:2]] == ["v1", "Needs", "you"]
    assert rest[2].startswith("needs")
    assert "50 %" in works
    assert works.split()[-1].startswith("rend")
    assert all("v1" in line for line in done[:-1])


@pytest.mark.parametrize("films", [1, 40])
def test_what_is_old_news_is_told_above_the_films(films):
    lines = live(snapshot(*(row(f"film-{n:02}") for n in range(films))), 24, note="nemo-watch is not running.")
    assert lines[0] == "nemo-watch is not running."
    assert any("film-00" in line for line in lines)


def test_a_terminal_with_room_shows_everything_by_name():
    lines = live(snapshot(row("a", "done"), row("z", "needs_you", needs="token", detail="a new one")), 24)
    assert [line.split()[0] for line in lines[1:3]] == ["a", "z"]


# -- the snapshot --------------------------------------------------------------------------------------------------------------


def test_an_outbox_without_a_status_is_no_error(tmp_path):
    assert read_snapshot(tmp_path) is None
    assert read_snapshot(tmp_path / "absent") is None


def test_a_project_known_by_a_file_alone_can_be_named():
    found = narrowed(snapshot(files=[file("new/a.part", "new")]), "new")
    assert found["projects"] == []
    assert len(found["files"]) == 1


def test_an_unknown_name_is_cleaned_when_it_is_told():
    with pytest.raises(UsageError) as told:
        narrowed(snapshot(), "\x1b[2J")
    assert "\x1b" not in str(told.value)


def test_a_snapshot_is_what_the_daemons_words_say(tmp_path):
    from datetime import UTC, datetime

    from nemo_watch import status
    from nemo_watch.errors import FilmState, Need
    from nemo_watch.model import Backend, Credits, FilmRow, LeftAlone, Overview, Watching

    written = Overview(
        films=(
            FilmRow(
                "a\udce9", 2, FilmState.NEEDS_YOU, "x", 0.25, Need.PLAN, "a/a.mp4", datetime(2026, 1, 2, tzinfo=UTC)
            ),
        ),
        files=(LeftAlone("b", None, "why"),),
        backend=Backend.STUDIO,
        credits=Credits(1, 2, 3),
        watching=Watching("polling", ("p",)),
    )
    (tmp_path / snapshots.NAME).write_text(status.dumps(written))
    found = read_snapshot(tmp_path)
    assert found is not None
    assert overview(found) == written
