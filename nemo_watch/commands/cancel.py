"""`cancel PROJECT`: stop before the next step; receipts and media stay, and `retry` takes it up again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nemo_watch.commands.acting import need_state
from nemo_watch.commands.asking import ask, journal, named, say_asked
from nemo_watch.commands.configuring import configured
from nemo_watch.commands.speaking import say
from nemo_watch.errors import FilmState, argument
from nemo_watch.shown import shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from nemo_watch.jobs.records import FilmRecord


def run(options: argparse.Namespace) -> int:
    """Ask for it; the daemon does it."""
    config = configured(options)
    need_state(config, options)

    def choose(films: Sequence[FilmRecord]) -> list[FilmRecord]:
        return cancellable(named(options.project)(films))

    with journal(config) as store:
        films = ask(store, "cancel", choose, time.time(), config)
        if not films:
            say(f"{shown(options.project)} is done or cancelled already; there is nothing to cancel.")
        again = f"nemo-watch retry {argument(options.project)}"
        say_asked(films, f"it stops before its next step; to take it up again: {again}", config, store)
    return 0


def cancellable(films: Sequence[FilmRecord]) -> list[FilmRecord]:
    """Those that are not over."""
    return [film for film in films if film.state not in {FilmState.DONE, FilmState.CANCELLED}]
