"""What a person asks for (`retry`, `again`, `cancel`) → rows in the journal, which the daemon carries out.

It works with and without a running daemon; a request that is open already is not put down twice.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from nemo_watch.commands import snapshot
from nemo_watch.commands.speaking import say
from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.shown import shown
from nemo_watch.status import STATE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import sqlalchemy as sa

    from nemo_watch.config import Config
    from nemo_watch.jobs.records import FilmRecord
    from nemo_watch.jobs.store import Store

    Choice = Callable[[Sequence[FilmRecord]], list[FilmRecord]]


PATIENCE_S: Final = 10.0
"""How long a command waits for a journal that can be read and not written; a daemon waits until it can."""


@contextlib.contextmanager
def journal(config: Config, *, also_left: bool = False) -> Iterator[Store]:
    """The journal while the block runs, `also_left` where it was left by a move. Raises: UsageError when nothing has run yet, Trouble when it cannot be used for a while."""
    from sqlalchemy.exc import DBAPIError

    from nemo_watch.daemon.wiring import journal_path, open_journal, opened_anew
    from nemo_watch.jobs.holdups import held_up
    from nemo_watch.jobs.postgres import shown_address

    if not config.journal.url and not journal_path(config).exists():
        raise UsageError(f"Nothing has run here yet: there is no {journal_path(config)}. Start with: nemo-watch run")
    store = opened_anew(config) if also_left else open_journal(config)
    store.patience_s = PATIENCE_S
    try:
        yield store
    except DBAPIError as error:
        where = shown_address(config.journal.url) if config.journal.url else str(journal_path(config))
        raise Trouble(Cause.JOURNAL_AWAY, journal=where, reason=held_up(error) or type(error.orig).__name__) from error
    finally:
        store.close()


@contextlib.contextmanager
def shared(config: Config) -> Iterator[Store | None]:
    """The journal, where several hosts share it and their account with it; None where the account is this host's own."""
    if not config.journal.url:
        yield None
        return
    with journal(config) as store:
        yield store


def own_site(connection: sa.Connection, config: Config) -> int | None:
    """The site of this host's inbox and outbox; None when no host of it has ever run."""
    from nemo_watch.daemon.membership import site_name
    from nemo_watch.jobs import hosts, tables

    if not config.journal.url:
        return tables.FIRST_SITE
    own = site_name(config)
    return next((number for number, (name, _) in hosts.sites(connection).items() if name == own), None)


def known_films(connection: sa.Connection, config: Config) -> list[FilmRecord]:
    """All films of all sites. Those of this host's own come last, and the newer after the older: see `named`."""
    from nemo_watch.jobs import records

    own = own_site(connection, config)
    return sorted(records.films(connection), key=lambda film: (film.site == own, film.id))


def ask(store: Store, verb: str, choose: Choice, now: float, config: Config) -> list[FilmRecord]:
    """Put `verb` down for the films that `choose` picks out of all; those films."""
    from nemo_watch.jobs import records

    def work(connection: sa.Connection) -> list[FilmRecord]:
        films = choose(known_films(connection, config))
        asked = {(request.verb, request.film) for request in records.open_requests(connection)}
        for film in films:
            if (verb, film.id) not in asked:
                records.ask(connection, verb, film.id, now)
        return films

    return store.submit(work).result()


def named(project: str) -> Choice:
    """Chooses the film of that name, the last of several, or all films of the project. Raises: UsageError when there are none."""

    def choose(films: Sequence[FilmRecord]) -> list[FilmRecord]:
        newest = {film.name: film for film in films}
        found = [film for film in newest.values() if snapshot.means(project.rstrip("/"), film.name)]
        if not found:
            raise snapshot.unknown(project, newest)
        return found

    return choose


def say_asked(films: Sequence[FilmRecord], what: str, config: Config, store: Store) -> None:
    """Tell what was asked for which film, and have it done: at once by a running daemon, else when one starts."""
    from nemo_watch.daemon.wiring import daemon_is_running, poke_daemon

    for film in films:
        say(f"{shown(film.name)} ({STATE_WORDS[film.state].lower()}): {what}")
    if not films:
        return
    runs = poke_daemon(config) or daemon_is_running(config)
    if not config.journal.url and not runs:
        say("nemo-watch is not running; this is carried out as soon as it starts: nemo-watch run")
    if config.journal.url and (silent := store.submit(lambda connection: _silent(connection, films)).result()):
        say(
            f"No host of {shown(', '.join(silent))} is running; this is carried out as soon as one starts there: nemo-watch run"
        )


def _silent(connection: sa.Connection, films: Sequence[FilmRecord]) -> list[str]:
    """The sites of these films that no living host sees."""
    from nemo_watch.jobs import hosts

    sites = hosts.sites(connection)
    return sorted({sites[film.site][0] for film in films if not sites[film.site][1]})
