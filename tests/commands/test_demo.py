"""The demonstration, with the daemon played by a test; the real one is run in tests/e2e."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nemo_watch.commands import demo
from nemo_watch.daemon import supervise
from nemo_watch.errors import FilmState
from nemo_watch.model import Backend, FilmRow, Overview, Watching


def shown(state: FilmState, progress: float, video: str | None = None, detail: str = "") -> Overview:
    row = FilmRow(demo.PROJECT, 1, state, detail, progress, None, video, datetime(2026, 11, 22, tzinfo=UTC))
    return Overview((row,), (), Backend.STUDIO, None, Watching("events"))


@pytest.fixture
def daemon(monkeypatch, tmp_path):
    """A daemon that shows these overviews; the configurations it was given."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    given = []

    def plays(*overviews: Overview) -> list[object]:
        async def run(config, *, once, on_change, **_more):
            assert once
            given.append(config)
            for overview in overviews:
                on_change(overview)
            return 0

        monkeypatch.setattr(supervise, "run", run)
        return given

    return plays


def paint(monkeypatch) -> None:
    """Sample photos that take no time."""
    from nemo_watch.studio.painting import samples

    monkeypatch.setattr(samples, "write_samples", lambda folder: folder.mkdir(parents=True))


def test_it_ends_by_telling_where_the_film_lies(run, daemon, monkeypatch):
    paint(monkeypatch)
    [given] = [
        daemon(
            shown(FilmState.WORKING, 0.5, detail="rendering"), shown(FilmState.DONE, 1.0, "by-the-sea/by-the-sea.mp4")
        )
    ]
    ended = run("demo")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[-1] == str(given[0].folders.outbox / "by-the-sea/by-the-sea.mp4")
    assert "by-the-sea  v1  Working 50 %  rendering" in lines


def test_the_machines_configuration_has_no_say_and_nothing_can_cost(run, daemon, monkeypatch, home, tmp_path):
    paint(monkeypatch)
    (home / ".config/nemo-watch").mkdir(parents=True)
    (home / ".config/nemo-watch/config.toml").write_text(
        f'[folders]\ninbox = "{home}/mine"\n[notify]\nurls = ["json://x"]\n'
    )
    monkeypatch.setenv("NEMO_API_URL", "https://elsewhere.example")
    given = daemon(shown(FilmState.DONE, 1.0, "x.mp4"))
    run("demo")
    [config] = given
    assert config.service.backend == "studio"
    assert config.notify.urls == ()
    assert "elsewhere" not in config.service.url
    assert all(
        folder.is_relative_to(tmp_path)
        for folder in (config.folders.inbox, config.folders.outbox, config.folders.state)
    )
    assert (config.folders.inbox / demo.PROJECT / "prompt.txt").read_text() == demo.PROMPT
    assert config.path.parent == config.folders.inbox.parent


def test_a_film_that_failed_ends_it_with_1_and_where_to_look(run, daemon, monkeypatch):
    paint(monkeypatch)
    daemon(shown(FilmState.FAILED, 0.5, detail="no ffmpeg"))
    ended = run("demo")
    assert ended.code == 1
    assert "Failed  no ffmpeg" in ended.err
    assert "demo.log" in ended.err


def test_a_demonstration_that_was_stopped_says_so(run, daemon, monkeypatch):
    paint(monkeypatch)
    daemon()
    ended = run("demo")
    assert ended.code == 1
    assert "stopped" in ended.err


def test_without_the_studio_it_says_how_to_install_it_and_makes_nothing(run, daemon, monkeypatch, tmp_path):
    monkeypatch.setattr("nemo_watch.commands.studio.missing_parts", lambda: ["cv2", "numpy"])
    before = set(Path(tmp_path).iterdir())
    ended = run("demo")
    assert ended.code == 2
    assert "pip install 'nemo-watch[studio]'" in ended.err
    assert set(Path(tmp_path).iterdir()) == before


def test_bars_follow_a_film_to_its_end(monkeypatch, capsys):
    monkeypatch.setenv("TERM", "xterm")
    with demo._bars() as show:
        show(shown(FilmState.WORKING, 0.5, detail="[bold]rendering"))
        show(shown(FilmState.DONE, 1.0, "x.mp4"))
    assert "by-the-sea" in capsys.readouterr().out
