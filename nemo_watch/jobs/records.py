"""The journal's rows of projects, films, requests and files that were read through, as values.

Every function takes the connection of one transaction and is safe to run twice (`Store.do` repeats a batch). No decision lives
here: what a film's past means is `planning`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from nemo_watch.errors import FilmState, Need
from nemo_watch.jobs import tables
from nemo_watch.jobs.news import tell_news
from nemo_watch.model import FolderIdentity

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class FilmRecord:
    """A film's row: its place in the outbox, and what people saw of it last."""

    id: int
    project: int
    name: str
    stem: str
    folder: str  # in the outbox
    outbox_stem: str
    state: FilmState
    detail: str
    needs: Need | None
    progress: float
    reply: str
    timeline: Any
    updated_at: float
    held: bool
    released: bool
    words: tuple[str, ...] | None
    answered: tuple[str, ...] | None
    template: str | None
    prompt_file: str
    site: int


def add_project(
    connection: sa.Connection,
    folder: str,
    found: FolderIdentity,
    outbox: str,
    now: float,
    site: int = tables.FIRST_SITE,
) -> int:
    """A new project's number."""
    return int(
        connection.execute(
            tables.project.insert()
            .values(
                site=site,
                folder=folder,
                device=found.device,
                inode=found.inode,
                birth_ns=found.birth_ns,
                outbox=outbox,
                created_at=now,
            )
            .returning(tables.project.c.id)
        ).scalar_one()
    )


def see_project(
    connection: sa.Connection, number: int, folder: str, found: FolderIdentity, *, is_another: bool = False
) -> None:
    """The project's folder is here, under this name. One that `is_another` takes over the row, but not what the one before asked for."""
    project, film = tables.project, tables.film
    if is_another:
        connection.execute(film.update().where(film.c.project == number).values(words=None, answered=None))
    connection.execute(
        project.update()
        .where(project.c.id == number)
        .values(folder=folder, device=found.device, inode=found.inode, birth_ns=found.birth_ns, gone=False)
    )


def outbox_folders(connection: sa.Connection, site: int = tables.FIRST_SITE) -> dict[int, str]:
    """Project number → its folder in the outbox of that site."""
    project = tables.project
    rows = connection.execute(sa.select(project.c.id, project.c.outbox).where(project.c.site == site)).all()
    return {row.id: row.outbox for row in rows}


def states(connection: sa.Connection, site: int) -> list[FilmState]:
    """How the films of a site stand whose folders are there, as they were told last."""
    film, project = tables.film, tables.project
    query = sa.select(film.c.state).join(project).where(project.c.site == site, ~project.c.gone)
    return [FilmState(state) for state in connection.scalars(query).all()]


def films(connection: sa.Connection, project: int | None = None, site: int | None = None) -> list[FilmRecord]:
    """All films, or a project's, or a site's."""
    query = _films(project is not None, site is not None)
    return [
        FilmRecord(
            row.id,
            row.project,
            row.name,
            row.stem,
            row.outbox,
            row.outbox_stem,
            FilmState(row.state),
            row.detail,
            None if row.needs is None else Need(row.needs),
            row.progress,
            row.reply,
            row.timeline,
            row.updated_at,
            row.held,
            row.released,
            None if row.words is None else tuple(row.words),
            None if row.answered is None else tuple(row.answered),
            row.template,
            row.prompt_file,
            row.site,
        )
        for row in connection.execute(query, {"of_project": project, "of_site": site}).all()
    ]


@cache
def _films(of_project: bool, of_site: bool) -> sa.Select[Any]:
    film, project = tables.film, tables.project
    query = sa.select(film, project.c.outbox, project.c.site).join(project).order_by(film.c.id)
    if of_project:
        query = query.where(film.c.project == sa.bindparam("of_project"))
    return query.where(project.c.site == sa.bindparam("of_site")) if of_site else query


def hold(connection: sa.Connection, held: Collection[int], site: int = tables.FIRST_SITE) -> None:
    """These films, and no others of the site, are held by the brake of a first start."""
    film, project = tables.film, tables.project
    here = film.c.project.in_(sa.select(project.c.id).where(project.c.site == site))
    connection.execute(film.update().where(film.c.held, film.c.id.not_in(held), here).values(held=False))
    connection.execute(film.update().where(~film.c.held, film.c.id.in_(held)).values(held=True))


def add_film(connection: sa.Connection, project: int, stem: str, outbox_stem: str, now: float, **values: object) -> int:
    """A new film's number; `values` must hold its name."""
    return int(
        connection.execute(
            tables.film.insert()
            .values(
                project=project,
                stem=stem,
                outbox_stem=outbox_stem,
                state=FilmState.SETTLING.value,
                updated_at=now,
                **values,
            )
            .returning(tables.film.c.id)
        ).scalar_one()
    )


def write_film(connection: sa.Connection, number: int, **values: object) -> None:
    """Change a film's row."""
    connection.execute(tables.film.update().where(tables.film.c.id == number).values(values))


def known_before(connection: sa.Connection) -> bool:
    """Whether this journal has ever seen a project."""
    return connection.scalar(sa.select(tables.project.c.id).limit(1)) is not None


def forget(connection: sa.Connection, before: float) -> None:
    """Drop what is older than that moment and can be found out again or is over; jobs and their steps are kept."""
    connection.execute(tables.request.delete().where(tables.request.c.handled_at < before))
    connection.execute(tables.study.delete().where(tables.study.c.at < before))


def inbox_root(connection: sa.Connection, folder: str, site: int = tables.FIRST_SITE) -> FolderIdentity | None:
    """Which folder the inbox at that path was when it last held anything, so that an empty mount point is told from it."""
    found = kept(connection, _root_key(site))
    return msgspec.convert(found["root"], FolderIdentity) if found is not None and found["folder"] == folder else None


def keep_inbox_root(
    connection: sa.Connection, folder: str, root: FolderIdentity, site: int = tables.FIRST_SITE
) -> None:
    """Remember it for the next process."""
    keep(connection, _root_key(site), {"folder": folder, "root": msgspec.to_builtins(root)})


def _root_key(site: int) -> str:
    return "inbox_root" if site == tables.FIRST_SITE else f"inbox_root/{site}"


def kept(connection: sa.Connection, key: str) -> Any:  # noqa: ANN401  any JSON
    """What was kept under a key, None when nothing was."""
    return connection.scalar(sa.select(tables.meta.c.value).where(tables.meta.c.key == key))


def keep(connection: sa.Connection, key: str, value: object) -> None:
    """Keep a JSON value under a key, in place of the one before."""
    meta = tables.meta
    if connection.execute(meta.update().where(meta.c.key == key).values(value=value)).rowcount == 0:
        connection.execute(meta.insert().values(key=key, value=value))


def studies(connection: sa.Connection) -> list[tuple[Any, Any]]:
    """Files that were read through before: pairs of JSON values, the sighting and what it told."""
    study = tables.study
    return [(row.sighting, row.study) for row in connection.execute(sa.select(study)).all()]


def keep_studies(connection: sa.Connection, found: Collection[tuple[Any, Any]], now: float) -> None:
    """Remember what reading these files through told."""
    study = tables.study
    for sighting, told in found:
        connection.execute(study.delete().where(study.c.sighting == sighting))
        connection.execute(study.insert().values(sighting=sighting, study=told, at=now))


@dataclass(frozen=True, slots=True)
class Request:
    """A person's retry, again or cancel, for one film."""

    id: int
    verb: str
    film: int


def ask(connection: sa.Connection, verb: str, film: int, now: float) -> None:
    """Put a request down; whoever runs the daemon carries it out."""
    connection.execute(tables.request.insert().values(verb=verb, film=film, created_at=now))
    tell_news(connection)


def wants_cancel(connection: sa.Connection, job: int) -> bool:
    """Whether a person has asked to cancel the film that this job works on."""
    request, film = tables.request, sa.select(tables.job.c.film).where(tables.job.c.id == job).scalar_subquery()
    wanted = sa.and_(request.c.verb == "cancel", request.c.film == film, request.c.handled_at.is_(None))
    return connection.scalar(sa.select(request.c.id).where(wanted).limit(1)) is not None


def open_requests(connection: sa.Connection, site: int | None = None) -> list[Request]:
    """All requests not carried out yet, or those for the films of a site, oldest first."""
    rows = connection.execute(_open_requests(site is not None), {"site": site}).all()
    return [Request(row.id, row.verb, row.film) for row in rows]


@cache
def _open_requests(of_site: bool) -> sa.Select[Any]:
    request, film = tables.request, tables.film
    query = sa.select(request).where(request.c.handled_at.is_(None)).order_by(request.c.id)
    if not of_site:
        return query
    films_of_site = sa.select(film.c.id).join(tables.project).where(tables.project.c.site == sa.bindparam("site"))
    return query.where(request.c.film.in_(films_of_site))


def close_request(connection: sa.Connection, number: int, now: float) -> None:
    """The request is carried out."""
    connection.execute(tables.request.update().where(tables.request.c.id == number).values(handled_at=now))
