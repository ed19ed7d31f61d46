"""`link PROJECT`: a link that opens the project in a browser, made on demand and stored nowhere."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemo_watch.commands.acting import need_state
from nemo_watch.commands.asking import journal, known_films, named, shared
from nemo_watch.commands.configuring import configured
from nemo_watch.commands.speaking import say, tell
from nemo_watch.errors import UsageError
from nemo_watch.shown import shown

if TYPE_CHECKING:
    import argparse

    import sqlalchemy as sa

    from nemo_watch.config import Config


@dataclass(frozen=True, slots=True)
class Place:
    """Where a project lives at the service."""

    task_id: str
    session_id: str


def run(options: argparse.Namespace) -> int:
    """Print the link."""
    config = configured(options)
    if config.service.backend == "studio":
        raise UsageError("The local studio has no editor to open; a link is made for cloud projects only.")
    need_state(config, options)
    with journal(config) as store:
        place = store.submit(lambda connection: newest_place(connection, options.project, config)).result()
    if place is None:
        raise UsageError(f"{shown(options.project)} has no project at NemoVideo yet: nothing was sent for it so far.")
    say(asyncio.run(_claimed(config, place)))
    tell("Whoever has this link can open the project; it works for 7 days.")
    return 0


def newest_place(connection: sa.Connection, project: str, config: Config) -> Place | None:
    """The newest session of these films that still exists, None before the first. Raises: UsageError for an unknown name."""
    import sqlalchemy as sa

    from nemo_watch.jobs import tables

    films = named(project)(known_films(connection, config))
    session = tables.session
    row = connection.execute(
        sa.select(session.c.task_id, session.c.session_id)
        .where(
            session.c.id.in_(_sessions(connection, [film.id for film in films])),
            session.c.backend == "cloud",
            session.c.task_id.is_not(None),
            sa.not_(session.c.gone),
        )
        .order_by(session.c.id.desc())
    ).first()
    return None if row is None else Place(row.task_id, row.session_id)


def _sessions(connection: sa.Connection, films: list[int]) -> list[int]:
    import sqlalchemy as sa

    from nemo_watch.jobs import tables

    job = tables.job
    return list(connection.scalars(sa.select(job.c.session).where(job.c.film.in_(films), job.c.session.is_not(None))))


async def _claimed(config: Config, place: Place) -> str:
    from nemo_watch.daemon.wiring import running_service, take_token

    with shared(config) as store:
        async with running_service(config, token=take_token(os.environ), store=store) as service:
            return await service.client.claim(place.task_id, place.session_id)
