"""`again PROJECT`: buys a new version on purpose, with the whole text, in a new session; says how many messages that pays."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from nemo_watch.commands.acting import need_state
from nemo_watch.commands.asking import ask, journal, known_films, named, own_site, say_asked
from nemo_watch.commands.configuring import configured
from nemo_watch.errors import FilmState, Trouble, UsageError, argument
from nemo_watch.shown import shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import sqlalchemy as sa

    from nemo_watch.config import Config
    from nemo_watch.jobs.records import FilmRecord

PROMPT_BYTES_MAX: Final = 1_000_000


def run(options: argparse.Namespace) -> int:
    """Ask for it; the daemon does it."""
    config = configured(options)
    need_state(config, options)

    def choose(films: Sequence[FilmRecord]) -> list[FilmRecord]:
        return [only_one(options.project, named(options.project)(films))]

    with journal(config) as store:
        [film] = store.submit(lambda connection: choose(known_films(connection, config))).result()
        messages = store.submit(lambda connection: message_count(connection, film, config)).result()
        if not messages:
            raise UsageError(
                f"{shown(film.name)} has no words yet. Write what you want into its prompt.txt and save it."
            )
        ask(store, "again", lambda _films: [film], time.time(), config)
        say_asked([film], price(messages, config), config, store)
    return 0


def only_one(project: str, films: Sequence[FilmRecord]) -> FilmRecord:
    """The one film that is meant: money is spent film by film. Raises: UsageError when it cannot be told, or is at work."""
    exact = [film for film in films if film.name == project.rstrip("/")]
    found = exact or list(films)
    if len(found) > 1:
        listed = ", ".join(shown(film.name) for film in found)
        raise UsageError(f"{shown(project)} has several films, and each is paid by itself. Name one: {listed}")
    if found[0].state is FilmState.WORKING:
        raise UsageError(
            f"{shown(found[0].name)} is being made right now. Wait for it, or run: nemo-watch cancel {argument(found[0].name)}"
        )
    return found[0]


def message_count(connection: sa.Connection, film: FilmRecord, config: Config) -> int:
    """How many messages the film's whole text is: as its prompt says now, else (also for a routing word) as the journal last saw it."""
    from nemo_watch.inbox import prompt
    from nemo_watch.jobs import knowledge
    from nemo_watch.model import Backend
    from nemo_watch.nemo import phrases

    data = _prompt(config, film) if film.site == own_site(connection, config) else None
    if data is not None:
        try:
            messages = prompt.words(data).messages
        except Trouble as trouble:
            raise UsageError(str(trouble)) from trouble
        if len(messages) != 1 or phrases.routed(messages[0]) is phrases.Action.MESSAGE:
            return len(messages)
    if film.words is not None:
        return len(film.words)
    past = knowledge.known(connection, Backend(config.service.backend), film.site).pasts[film.id]
    return 0 if past.sent is None else len(past.sent.messages)


def _prompt(config: Config, film: FilmRecord) -> bytes | None:
    """The film's prompt file, None where it is not to be had."""
    from nemo_watch.inbox.listing import InboxFolder

    folder = film.name.partition("/")[0]
    try:
        with InboxFolder(config.folders.inbox).open_path(f"{folder}/{film.prompt_file}") as file:
            return file.read(PROMPT_BYTES_MAX)
    except Trouble:
        return None


def price(messages: int, config: Config) -> str:
    """What it costs, in words."""
    what = "1 message" if messages == 1 else f"{messages} messages"
    if config.service.backend == "studio":
        return f"a new version is made in a new session with {what}; the local studio is free"
    return f"a new version is bought in a new session; this pays {what}"
