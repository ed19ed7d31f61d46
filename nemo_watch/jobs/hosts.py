"""The hosts that share a journal and the sites they see: who is there, who leads a site, what each has at work.

A site is an inbox with its outbox. One host at a time leads it: it looks at the inbox, decides and tells; the others only carry
jobs out. Every lease is told by the database's clock, and whoever was led before loses every write by the fence.
Every function takes the connection of one transaction and is safe to run twice (`Store.do` repeats a batch).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.jobs import records, tables
from nemo_watch.jobs.news import news
from nemo_watch.model import JobState

if TYPE_CHECKING:
    from collections.abc import Collection

BEATS: Final = 5  # in the time after which a silent host is taken for dead
FORGET_S: Final = 86_400.0

Doing = Mapping[int, tuple[float, str]]
"""Progress (0…1) and words of jobs at work, by the job's number."""


@dataclass(frozen=True, slots=True)
class Host:
    """A daemon that takes part. `owner` is new at every start; `name` is the machine's, for people.

    Without a beat for `silent_s` it is taken for dead, and its jobs are taken over. `mark` and `terms` are those that it joined with.
    """

    owner: str
    name: str
    version: str
    silent_s: float = 15.0
    mark: str | None = None
    terms: tuple[tuple[str, str], ...] = ()

    @property
    def beat_s(self) -> float:
        """How often it beats, in seconds."""
        return self.silent_s / BEATS


@dataclass(frozen=True, slots=True)
class Lead:
    """The right of one host to look at a site's inbox and decide, until another takes it."""

    site: int
    owner: str
    fence: int


def database_now(connection: sa.Connection) -> float:
    """Seconds since 1970 by the database's clock: no host's own decides who is alive."""
    if connection.dialect.name == "sqlite":
        return float(connection.exec_driver_sql("SELECT (julianday('now') - 2440587.5) * 86400.0").scalar() or 0.0)
    return float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar() or 0.0)


# -- taking part -------------------------------------------------------------------------------------------------------------


def join(connection: sa.Connection, host: Host, site: str, mark: str, terms: Mapping[str, str] | None = None) -> int:
    """The number of the site, with the host entered as one that sees it. `mark` is what lies in the site's outbox.

    `terms` are settings, by their names, that the hosts of a site must have in common, for each may go on with what another began.
    Raises: UsageError when the outbox is another site's, the site another outbox's, or a living host of the site has other terms.
    """
    table = tables.site
    owner_of_mark = connection.execute(sa.select(table).where(table.c.mark == mark)).first()
    if owner_of_mark is not None and owner_of_mark.name != site:
        raise UsageError(
            f'journal.site: this outbox is that of the site "{owner_of_mark.name}". Hosts that share inbox and outbox '
            f'give the same name: set journal.site = "{owner_of_mark.name}", or choose another outbox.'
        )
    known = connection.execute(sa.select(table).where(table.c.name == site)).first()
    if known is None:  # the first to come takes the site that every journal begins with
        connection.execute(table.update().where(table.c.name == "").values(name=site))
        known = connection.execute(sa.select(table).where(table.c.name == site)).first()
    if known is None:
        number = int(
            connection.execute(table.insert().values(name=site, mark=mark, fence=0).returning(table.c.id)).scalar_one()
        )
    elif known.mark is not None and known.mark != mark:
        raise UsageError(
            f'journal.site: the hosts of the site "{site}" have another outbox than this one. Give this host the same '
            "inbox and outbox, or a site of its own. If it is the right one and only its hidden file .nemo-watch-site was lost, "
            f"write this one line into that file: {known.mark}"
        )
    else:
        number = int(known.id)
        connection.execute(table.update().where(table.c.id == number).values(mark=mark))
    _agree(connection, host, number, site, dict(terms or {}))
    enter(connection, host, number)
    return number


def _agree(connection: sa.Connection, host: Host, number: int, site: str, terms: dict[str, str]) -> None:
    """What is agreed upon holds while a host of the site lives. Raises: UsageError."""
    table, key = tables.host, f"terms/{number}"
    living = table.c.beat_at + table.c.silent_s > database_now(connection)
    others = sa.select(table.c.name).where(table.c.site == number, table.c.owner != host.owner, living)
    names = ", ".join(sorted(connection.scalars(others).all()))
    agreed = records.kept(connection, key) or {}
    for setting, value in terms.items():
        if names and agreed.get(setting, value) != value:
            raise UsageError(
                f'{setting}: the other hosts of the site "{site}" ({names}) have another one than this host. Give all of them the same; '
                "to change it, stop all of them first."
            )
    records.keep(connection, key, terms)


def enter(connection: sa.Connection, host: Host, site: int) -> None:
    """The host is there, in place of what it was before."""
    table, now = tables.host, database_now(connection)
    connection.execute(table.delete().where(table.c.owner == host.owner))
    connection.execute(
        table.insert().values(
            owner=host.owner,
            name=host.name,
            site=site,
            version=host.version,
            doing={},
            began_at=now,
            beat_at=now,
            silent_s=host.silent_s,
        )
    )


def leave(connection: sa.Connection, owner: str) -> None:
    """The host has stopped in order: what it had is free at once."""
    connection.execute(tables.host.delete().where(tables.host.c.owner == owner))
    connection.execute(tables.site.update().where(tables.site.c.leader == owner).values(leader=None))


def beat(connection: sa.Connection, owner: str, doing: Doing) -> bool:
    """The host is alive, and this is what it does; whether it was still entered."""
    table = tables.host
    values = {"beat_at": database_now(connection), "doing": {str(job): list(said) for job, said in doing.items()}}
    return connection.execute(table.update().where(table.c.owner == owner).values(values)).rowcount > 0


def alive(connection: sa.Connection) -> dict[str, tuple[str, Doing]]:
    """Owner → name and work of the hosts whose last beat is young."""
    table, now = tables.host, database_now(connection)
    rows = connection.execute(sa.select(table).where(table.c.beat_at + table.c.silent_s > now)).all()
    return {row.owner: (row.name, _doing(row.doing)) for row in rows}


def _doing(value: Any) -> Doing:  # noqa: ANN401  JSON
    return {int(job): (float(progress), str(words)) for job, (progress, words) in (value or {}).items()}


def sites(connection: sa.Connection) -> dict[int, tuple[str, bool]]:
    """Number → name of every site, and whether a host of it lives."""
    host, site = tables.host, tables.site
    now = database_now(connection)
    living = set(connection.scalars(sa.select(host.c.site).where(host.c.beat_at + host.c.silent_s > now)).all())
    return {row.id: (row.name, row.id in living) for row in connection.execute(sa.select(site)).all()}


def forget(connection: sa.Connection) -> None:
    """Drop hosts that have long been dead."""
    table = tables.host
    connection.execute(table.delete().where(table.c.beat_at < database_now(connection) - FORGET_S))


def exchanged(
    connection: sa.Connection, host: Host, site: int, mine: Doing, lead: Lead | None
) -> tuple[int, dict[str, tuple[str, Doing]], bool, str | None, list[int]]:
    """A beat, and what there is to hear: the news' number, who lives and does what, whether we lead, who does, and what to cancel.

    Raises: UsageError when this host was taken for dead, and its site is another by now, or has agreed on other terms.
    """
    if host.owner not in alive(connection):
        _rejoin(connection, host, site)
    if not beat(connection, host.owner, mine):
        enter(connection, host, site)  # we were asleep for a day
    still_leads = lead is not None and leads(connection, lead)
    cancels = [number for number in mine if records.wants_cancel(connection, number)]
    return news(connection), alive(connection), still_leads, leader_name(connection, site), cancels


def _rejoin(connection: sa.Connection, host: Host, site: int) -> None:
    """Whether a host that was silent may take part as before. Raises: UsageError."""
    row = connection.execute(sa.select(tables.site).where(tables.site.c.id == site)).first()
    if host.mark is not None and (row is None or row.mark != host.mark):
        raise UsageError(
            "journal.url: while this host was silent, another journal was moved to where its own stood. It has stopped; start it again to "
            "take part in the one that is there now."
        )
    if row is not None and host.terms:
        _agree(connection, host, site, row.name, dict(host.terms))


# -- the rate limit ------------------------------------------------------------------------------------------------------------

_QUIET: Final = "quiet_until"


def quiet_left_s(connection: sa.Connection, noted_s: float) -> float:
    """How long, in seconds, no host is to call the service. `noted_s` is what this host was told since it asked last."""
    now = database_now(connection)
    until = float(records.kept(connection, _QUIET) or 0.0)
    if now + noted_s > until and noted_s > 0:
        until = now + noted_s
        records.keep(connection, _QUIET, until)
    return max(0.0, until - now)


# -- leading a site ----------------------------------------------------------------------------------------------------------


def take_lead(connection: sa.Connection, site: int, owner: str) -> Lead | None:
    """The lead of the site for this host; None while the host that has it is alive."""
    table = tables.site
    row = connection.execute(sa.select(table).where(table.c.id == site)).one()
    if row.leader not in {None, owner} and row.leader in alive(connection):
        return None
    fence = row.fence + 1
    connection.execute(table.update().where(table.c.id == site).values(leader=owner, fence=fence))
    return Lead(site, owner, fence)


def check_lead(connection: sa.Connection, lead: Lead) -> None:
    """Raises: Trouble(LOST_TO_ANOTHER) when another host leads the site now."""
    if not leads(connection, lead):
        raise Trouble(Cause.LOST_TO_ANOTHER)


def leads(connection: sa.Connection, lead: Lead) -> bool:
    """Whether no other host has taken the lead since."""
    table = tables.site
    held = table.c.id == lead.site, table.c.leader == lead.owner, table.c.fence == lead.fence
    return connection.scalar(sa.select(table.c.id).where(*held)) is not None


def hand_over(connection: sa.Connection, lead: Lead) -> bool:
    """Give the lead up where another host of the site lives; whether it was given up."""
    host, table = tables.host, tables.site
    living = host.c.beat_at + host.c.silent_s > database_now(connection)
    others = sa.select(host.c.owner).where(host.c.site == lead.site, host.c.owner != lead.owner, living).limit(1)
    if connection.scalar(others) is None:
        return False
    held = table.c.id == lead.site, table.c.leader == lead.owner, table.c.fence == lead.fence
    return connection.execute(table.update().where(*held).values(leader=None, fence=lead.fence + 1)).rowcount > 0


def leader_name(connection: sa.Connection, site: int) -> str | None:
    """The name of the host that leads the site, None while none does."""
    host, table = tables.host, tables.site
    return connection.scalar(
        sa.select(host.c.name).join(table, table.c.leader == host.c.owner).where(table.c.id == site)
    )


# -- jobs across hosts -------------------------------------------------------------------------------------------------------


def orphans(connection: sa.Connection, site: int) -> list[int]:
    """Jobs of the site that a dead host, or one that was started anew since, had at work."""
    job, film, project = tables.job, tables.film, tables.project
    rows = connection.execute(
        sa.select(job.c.id, job.c.owner)
        .join(film, job.c.film == film.c.id)
        .join(project, film.c.project == project.c.id)
        .where(project.c.site == site, job.c.state == JobState.WORKING.value)
        .order_by(job.c.id)
    ).all()
    living = alive(connection)
    return [row.id for row in rows if row.owner not in living]


def adopt(connection: sa.Connection, number: int, owner: str, limit: int, now: float) -> int | None:
    """The fence under which this host now has the job: free, or a dead host's. None when it is not to be had.

    Not more than `limit` jobs are at work on all hosts together, and one of a project.
    """
    job, film = tables.job, tables.film
    living = alive(connection)
    at_work = connection.execute(
        sa.select(job.c.id, job.c.owner, film.c.project)
        .join(film, job.c.film == film.c.id)
        .where(job.c.state == JobState.WORKING.value, job.c.id != number)
    ).all()
    busy = [row for row in at_work if row.owner in living]
    wanted = connection.execute(
        sa.select(job.c.state, job.c.owner, film.c.project)
        .join(film, job.c.film == film.c.id)
        .where(job.c.id == number)
    ).first()
    if wanted is None or wanted.state not in _TO_BE_HAD or len(busy) >= limit:
        return None
    if wanted.state == JobState.WORKING and wanted.owner in living:
        return None
    if any(row.project == wanted.project for row in busy):
        return None
    fence = connection.scalar(
        job.update()
        .where(job.c.id == number)
        .values(state=JobState.WORKING.value, owner=owner, fence=job.c.fence + 1, due_at=None, updated_at=now)
        .returning(job.c.fence)
    )
    return None if fence is None else int(fence)


_TO_BE_HAD: Final = frozenset({JobState.QUEUED.value, JobState.PARKED.value, JobState.WORKING.value})


def hosts_of_jobs(connection: sa.Connection, numbers: Collection[int]) -> dict[int, str]:
    """Job number → the name of the host that has, or last had, it."""
    job, host = tables.job, tables.host
    rows = connection.execute(
        sa.select(job.c.id, host.c.name).join(host, job.c.owner == host.c.owner).where(job.c.id.in_(numbers))
    ).all()
    return {row.id: row.name for row in rows}
