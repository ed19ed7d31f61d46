"""`retry PROJECT|--all`: go on without paying for anything that was possibly taken; releases the spending brake."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from nemo_watch.commands.acting import need_state
from nemo_watch.commands.asking import ask, journal, named, say_asked
from nemo_watch.commands.configuring import configured
from nemo_watch.commands.speaking import say
from nemo_watch.errors import FilmState, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from nemo_watch.jobs.records import FilmRecord

STOPPED: Final = frozenset({FilmState.FAILED, FilmState.NEEDS_YOU, FilmState.QUEUED})
"""What `--all` means. A film that a person cancelled is taken up again only by name."""


def run(options: argparse.Namespace) -> int:
    """Ask for it; the daemon does it."""
    if bool(options.project) == options.all:
        raise UsageError("retry: say which project, or --all")
    config = configured(options)
    need_state(config, options)
    with journal(config) as store:
        films = ask(store, "retry", stopped if options.all else named(options.project), time.time(), config)
        if not films:
            say("There is nothing to try again.")
        say_asked(films, "it is tried again; nothing that may have been paid is paid twice", config, store)
    return 0


def stopped(films: Sequence[FilmRecord]) -> list[FilmRecord]:
    """The films that a retry can help: failed, waiting for someone, or held in the queue."""
    return [film for film in films if film.state in STOPPED]
