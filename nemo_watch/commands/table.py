"""An overview → a calm table for a terminal: colours for what needs someone, grey for what does not matter now."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from nemo_watch.commands.status import credits_line
from nemo_watch.errors import FilmState
from nemo_watch.shown import shown
from nemo_watch.status import NEED_WORDS, STATE_WORDS, progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType

    from nemo_watch.model import FilmRow, Overview

FILES_MAX: Final = 20
"""Files listed one by one; a photo card's worth would push the films off the screen."""
_BAR_CELLS: Final = 10
_URGENCY: Final = (
    FilmState.NEEDS_YOU,
    FilmState.FAILED,
    FilmState.WORKING,
    FilmState.WAITING_FOR_PROMPT,
    FilmState.QUEUED,
    FilmState.SETTLING,
    FilmState.DONE,
    FilmState.CANCELLED,
)
_COLOURS: Final[dict[FilmState, str]] = {
    FilmState.SETTLING: "dim",
    FilmState.WAITING_FOR_PROMPT: "cyan",
    FilmState.QUEUED: "dim",
    FilmState.WORKING: "blue",
    FilmState.DONE: "green",
    FilmState.NEEDS_YOU: "bold yellow",
    FilmState.FAILED: "bold red",
    FilmState.CANCELLED: "dim",
}


def live_view(overview: Overview, console: Console) -> RenderableType:
    """As `status_view`; where the terminal has no room for that, a line a film, what needs someone first, under what there is in all."""
    view = status_view(overview)
    if len(console.render_lines(view)) <= console.size.height:
        return view
    films = sorted(overview.films, key=lambda row: _URGENCY.index(row.state))  # of one state by name, as before
    parts: list[RenderableType] = [Text(_counts(overview), style="bold"), *_problems(overview)]
    parts += [_films(films, a_line_each=True)] if films else []
    return Group(*parts, *([_files(overview)] if overview.files else []))


def _counts(overview: Overview) -> str:
    states = Counter(row.state for row in overview.films)
    return " · ".join(f"{STATE_WORDS[state]} {states[state]}" for state in _URGENCY if states[state])


def status_view(overview: Overview) -> RenderableType:
    """The films, then the other files, then what is wrong with watching, then the balance."""
    parts: list[RenderableType] = [_films(overview.films) if overview.films else Text("No projects yet.", style="dim")]
    if overview.files:
        parts += [Text(), _files(overview)]
    parts += _problems(overview)
    if overview.credits is not None:
        parts += [
            Text(),
            Text(f"Credits: {credits_line(overview.credits.available, overview.credits.frozen)}", style="dim"),
        ]
    return Group(*parts)


def _problems(overview: Overview) -> list[Text]:
    return [Text(f"Watching: {shown(problem)}", style="yellow") for problem in overview.watching.problems]


def _films(films: Sequence[FilmRow], *, a_line_each: bool = False) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("Film", "Version", "State", ""):
        table.add_column(name, overflow="fold", no_wrap=a_line_each and name != "")
    for row in films:
        colour = _COLOURS[row.state]
        version = f"v{row.version}" if row.version else ""
        detail = Text(_detail(row), no_wrap=a_line_each, overflow="ellipsis" if a_line_each else None)
        table.add_row(Text(shown(row.name)), Text(version, style="dim"), Text(_state(row), style=colour), detail)
    return table


def _state(row: FilmRow) -> str:
    if row.state is not FilmState.WORKING:
        return STATE_WORDS[row.state]
    done = round(progress(row) * _BAR_CELLS)
    return f"{STATE_WORDS[row.state]} {'━' * done}{'┄' * (_BAR_CELLS - done)} {progress(row) * 100:.0f} %"


def _detail(row: FilmRow) -> str:
    """Why it stands there; for a finished film, where its video lies."""
    needs = f"needs {NEED_WORDS[row.needs]}: " if row.needs is not None else ""
    detail = row.detail or (row.video or "" if row.state is FilmState.DONE else "")
    return needs + shown(detail)


def _files(overview: Overview) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("Other files", overflow="fold")
    table.add_column("", overflow="fold")
    for file in overview.files[:FILES_MAX]:
        table.add_row(Text(shown(file.path), style="dim"), Text(shown(file.reason), style="dim"))
    if (more := len(overview.files) - FILES_MAX) > 0:
        table.add_row(
            Text(f"… and {more} more", style="dim"), Text("all of them: nemo-watch status --json", style="dim")
        )
    return table
