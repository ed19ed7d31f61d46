"""`demo`: the whole thing on sample photos with the local studio, in a temporary folder that is kept.

The configuration of the machine has no say in it: the demonstration brings its own, and no token, so it can cost nothing.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nemo_watch.commands.speaking import on_terminal, say, tell
from nemo_watch.commands.studio import need_studio
from nemo_watch.config import load
from nemo_watch.errors import FilmState
from nemo_watch.status import status_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from nemo_watch.config import Config
    from nemo_watch.model import FilmRow, Overview

    Show = Callable[[Overview], None]

PROJECT: Final = "by-the-sea"
PROMPT: Final = 'Make a film from my photos with a title "By the sea", crossfades and calm background music.\n'
SETTINGS: Final = {
    "service": {"backend": "studio", "pace": {"render_poll": "500ms", "render_polls": 1000}},
    "inbox": {"settle": "500ms", "project_settle": "1s", "prompt_wait": "0s", "rescan": "1s"},
    "outbox": {"gallery": True},
}
"""Short waits: the photos lie still from the start, and nobody edits the prompt."""


def run(_options: argparse.Namespace) -> int:
    """Make a film of painted photos; 0 when its MP4 is there."""
    need_studio()
    folder = Path(tempfile.mkdtemp(prefix="nemo-watch-demo-"))
    config = prepared(folder)
    say(f"A demonstration in {folder}, with the local studio: free, offline, nothing is sent anywhere.")
    from nemo_watch import logs
    from nemo_watch.daemon import supervise

    last: list[Overview] = []
    with (folder / "demo.log").open("w", encoding="utf-8") as log, _progress() as show:
        logs.configure(log)

        def on_change(overview: Overview) -> None:
            last[:] = [overview]
            show(overview)

        asyncio.run(supervise.run(config, once=True, on_change=on_change))
    return _ended(folder, config, last[0].films[0] if last and last[0].films else None)


def prepared(folder: Path) -> Config:
    """The demonstration's own folders, photos, prompt and configuration, and what they amount to."""
    import tomli_w

    from nemo_watch.studio.painting.samples import write_samples

    say("Painting sample photos…")
    sys.stdout.flush()
    write_samples(folder / "inbox" / PROJECT)
    (folder / "inbox" / PROJECT / "prompt.txt").write_text(PROMPT, "utf-8")
    folders = {"folders": {name: str(folder / name) for name in ("inbox", "outbox", "state")}}
    file = folder / "nemo-watch.toml"
    file.write_text(tomli_w.dumps(folders | SETTINGS), "utf-8")
    return load({}, path=file)


def _ended(folder: Path, config: Config, film: FilmRow | None) -> int:
    if film is not None and film.state is FilmState.DONE and film.video is not None:
        outbox = config.folders.outbox
        say("\nThis is what the studio was told:")
        say(f"  {PROMPT.strip()}")
        say(f"The gallery, the reply and the timeline lie beside it: {outbox}")
        say("\nYour film:")
        say(str(outbox / film.video))
        return 0
    tell(
        "The demonstration was stopped." if film is None else f"The demonstration did not end well: {status_line(film)}"
    )
    tell(f"What happened stands in {folder / 'demo.log'}; clean up with: rm -r {folder}")
    return 1


def _progress() -> AbstractContextManager[Show]:
    return _bars() if on_terminal(sys.stdout) else _lines()


class _lines:  # noqa: N801  reads as the block it is
    """Every change as a plain line."""

    def __enter__(self) -> Show:
        said: list[str] = []

        def show(overview: Overview) -> None:
            for line in map(status_line, overview.films):
                if line not in said[-1:]:
                    said.append(line)
                    say(line)
                    sys.stdout.flush()

        return show

    def __exit__(self, *_exc: object) -> None:
        """Nothing is left on the screen that would have to go."""


class _bars:  # noqa: N801  reads as the block it is
    """A bar for each film."""

    def __enter__(self) -> Show:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        from nemo_watch.commands.speaking import console

        self._progress = Progress(
            TextColumn("{task.fields[name]}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", style="dim", markup=False),
            console=console(),
        )
        self._progress.start()
        bars: dict[str, int] = {}

        def show(overview: Overview) -> None:
            for row in overview.films:
                if row.name not in bars:
                    bars[row.name] = self._progress.add_task("", total=1.0, name=row.name, detail="")
                done = 1.0 if row.state is FilmState.DONE else row.progress
                self._progress.update(bars[row.name], completed=done, detail=row.detail)  # type: ignore[arg-type]

        return show

    def __exit__(self, *_exc: object) -> None:
        self._progress.stop()
