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
_NAME_SHARE: Final = 0.4  # of a line, at most
_BAR_LINE_CELLS_MIN: Final = 60  # a shorter line has room for names and reasons alone
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


def live_view(overview: Overview, console: Console, note: str | None = None) -> RenderableType:
    """As `status_view` under the `note`; where the terminal has no room for that, a line a film, what needs someone first, under what
    there is in all.
    """
    parts: list[RenderableType] = [] if note is None else [Text(note, style="yellow")]
    view = Group(*parts, status_view(overview))
    if len(console.render_lines(view)) <= console.size.height:
        return view
    films = sorted(overview.films, key=lambda row: _URGENCY.index(row.state))  # of one state by name, as before
    parts += [Text(_counts(overview), style="bold"), *_problems(overview)]
    parts += [_films(films, line_cells=console.size.width)] if films else []
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


def _films(films: Sequence[FilmRow], *, line_cells: int | None = None) -> Table:
    """A row a film; with `line_cells` each is one line of so many cells, in which names and details give way to the rest and end in `…`."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    cut = line_cells is not None
    name_cells = None if line_cells is None else int(_NAME_SHARE * line_cells)
    bar_cells = _BAR_CELLS if line_cells is None or line_cells >= _BAR_LINE_CELLS_MIN else 0
    table.add_column("Film", overflow="fold", max_width=name_cells)
    table.add_column("Version", overflow="fold", no_wrap=cut)
    table.add_column("State", overflow="fold", no_wrap=cut)
    table.add_column("", overflow="fold")
    for row in films:
        version = f"v{row.version}" if row.version else ""
        state = Text(_state(row, bar_cells), style=_COLOURS[row.state])
        table.add_row(_words(row.name, cut=cut), Text(version, style="dim"), state, _words(_detail(row), cut=cut))
    return table


def _words(text: str, *, cut: bool) -> Text:
    return Text(shown(text), no_wrap=cut, overflow="ellipsis" if cut else None)


def _state(row: FilmRow, bar_cells: int) -> str:
    if row.state is not FilmState.WORKING:
        return STATE_WORDS[row.state]
    done = round(progress(row) * bar_cells)
    bar = f"{'━' * done}{'┄' * (bar_cells - done)} " if bar_cells else ""
    return f"{STATE_WORDS[row.state]} {bar}{progress(row) * 100:.0f} %"


def _detail(row: FilmRow) -> str:
    """Why it stands there; for a finished film, where its video lies."""
    needs = f"needs {NEED_WORDS[row.needs]}: " if row.needs is not None else ""
    detail = row.detail or (row.video or "" if row.state is FilmState.DONE else "")
    return needs + detail


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
