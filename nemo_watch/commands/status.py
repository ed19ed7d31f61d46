"""`status`: every film and every other file, from what the daemon last wrote into the outbox."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nemo_watch import status as words
from nemo_watch.commands import snapshot
from nemo_watch.commands.acting import become_owner, may_use
from nemo_watch.commands.configuring import configured
from nemo_watch.commands.speaking import console, on_terminal, say, tell
from nemo_watch.shown import shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from nemo_watch.commands.snapshot import Snapshot
    from nemo_watch.config import Config

LOOK_EVERY_S: Final = 1.0
"""Seconds between two looks of `--watch`; the daemon writes at most about that often."""


def run(options: argparse.Namespace) -> int:
    """Show where everything stands; 1 when a film shown failed or needs someone."""
    config = configured(options)
    become_owner(config)
    if options.watch:
        return _watch(config, options)
    found = shown_part(config, options.project)
    if found is None:
        return _nothing_yet(config, options)
    if note := daemon_note(config):
        tell(note)
    if options.json:
        _say_json(found)
    elif on_terminal(sys.stdout):
        from nemo_watch.commands.table import status_view

        console().print(status_view(snapshot.overview(found)))
    else:
        for line in plain_lines(found):
            say(line)
    return words.exit_code(snapshot.overview(found))


def shown_part(config: Config, project: str | None) -> Snapshot | None:
    """What to show: everything, or one project's part; None before any run. Raises: UsageError for an unknown name."""
    found = snapshot.read_snapshot(config.folders.outbox)
    if found is None or project is None:
        return found
    return snapshot.narrowed(found, project)


def _nothing_yet(config: Config, options: argparse.Namespace) -> int:
    tell(f"Nothing has run yet: {config.folders.outbox} holds no status. Start with: nemo-watch run")
    if options.json:
        from nemo_watch.model import Backend

        _say_json(snapshot.empty(Backend(config.service.backend)))
    return 0


def daemon_note(config: Config) -> str | None:
    """A word of warning when these are old news, as far as this account may know."""
    from nemo_watch.daemon.wiring import daemon_is_running

    if not may_use(config.folders.state) or daemon_is_running(config):
        return None
    return "nemo-watch is not running; this is how things stood when it stopped. Start it with: nemo-watch run"


def _say_json(found: Snapshot) -> None:
    say(json.dumps(found, ensure_ascii=True, allow_nan=False, indent=2))


def plain_lines(found: Snapshot) -> list[str]:
    """The snapshot for a pipe or a file: one line a film, one line a file, what is wrong, the balance."""
    overview = snapshot.overview(found)
    lines = [words.status_line(row) for row in overview.films] or ["No projects yet."]
    lines += [f"{shown(file.path)}: {shown(file.reason)}" for file in overview.files]
    lines += [f"Watching: {shown(problem)}" for problem in overview.watching.problems]
    if overview.credits is not None:
        lines.append(f"Credits: {credits_line(overview.credits.available, overview.credits.frozen)}")
    return lines


def credits_line(available: float, frozen: float) -> str:
    """A balance in words."""
    return f"{available:g} available" + (f", {frozen:g} reserved for work in progress" if frozen else "")


# -- --watch ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """What one look of `--watch` found, None before any run; `note` when these are old news."""

    found: Snapshot | None
    note: str | None = None


def _watch(config: Config, options: argparse.Namespace) -> int:
    show = _live_table if on_terminal(sys.stdout) and not options.json else _changes
    last: list[Snapshot] = []

    def look() -> Look:
        found = shown_part(config, options.project)
        return Look(found, None if found is None else daemon_note(config))

    with contextlib.suppress(KeyboardInterrupt):  # the one way out, so no error
        show(changes(look, last, time.sleep), options)
    return words.exit_code(snapshot.overview(last[0])) if last else 0


def changes(look: Callable[[], Look], last: list[Snapshot], sleep: Callable[[float], None]) -> Iterator[Look]:
    """What `look` finds, whenever it is another thing than before; for ever. `last` holds the newest, for the exit code."""
    before: Look | None = None
    while True:
        now = look()
        if now != before:
            before = now
            last[:] = [] if now.found is None else [now.found]
            yield now
        sleep(LOOK_EVERY_S)


def _live_table(looks: Iterator[Look], _options: argparse.Namespace) -> None:
    from rich.live import Live
    from rich.text import Text

    from nemo_watch.commands.table import live_view

    with Live(console=console(), auto_refresh=False, vertical_overflow="ellipsis") as live:
        for look in looks:
            view = (
                Text("Nothing has run yet.")
                if look.found is None
                else live_view(snapshot.overview(look.found), live.console, look.note)
            )
            live.update(view, refresh=True)


def _changes(looks: Iterator[Look], options: argparse.Namespace) -> None:
    before: Look | None = None
    for look in looks:
        if look.note is not None and (before is None or look.note != before.note):
            tell(look.note)
        if before is None or look.found != before.found:
            _show(look.found, options)
        before = look
        sys.stdout.flush()


def _show(found: Snapshot | None, options: argparse.Namespace) -> None:
    if found is None:
        tell("Nothing has run yet.")
    elif options.json:
        _say_json(found)
    else:
        for line in [*plain_lines(found), ""]:
            say(line)
