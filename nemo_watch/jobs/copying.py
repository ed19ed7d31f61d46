"""One journal's rows → another, empty journal: whole or not at all.

A journal that was left is marked, so that nobody goes on with it by mistake; a move that was cut short is finished by doing it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import sqlalchemy as sa

from nemo_watch.errors import UsageError
from nemo_watch.jobs import records, tables

if TYPE_CHECKING:
    from nemo_watch.jobs.store import Store

MOVED_TO: Final = "moved_to"
_MOVE: Final = "move"  # the number of the move, in both journals
_NOT_COPIED: Final = frozenset({"host"})  # who took part there takes no part here
_OF_THE_JOURNAL: Final = frozenset({"schema", MOVED_TO})  # of `meta`: each journal has its own

Rows = dict[str, list[dict[str, Any]]]


def copied(source: Store, target: Store, own: str, site: str, mark: str | None) -> int:
    """Copy everything into the `target`, which is empty or was left; its only site gets the name `site` and its outbox's mark; how many rows.

    `own` is what this host calls its site so far.

    Raises: UsageError when the target holds another journal, or the source films of another site than ours where there can be one.
    """
    move = source.submit(_begun).result()
    rows = source.submit(_read).result()
    return target.submit(lambda c: _written(c, rows, own, site, mark, move)).result()


def leave(source: Store, target: str) -> None:
    """Mark the journal as left: what is true stands in `target` from now on."""
    source.submit(lambda c: records.keep(c, MOVED_TO, target)).result()


def left_for(journal: Store) -> str | None:
    """Where the journal went, None while it is the true one."""
    target: str | None = journal.submit(lambda c: records.kept(c, MOVED_TO)).result()
    return target


def is_copy(source: Store, target: Store) -> bool:
    """Whether the target holds the copy of a move of the source that was not finished."""
    moves = [store.submit(lambda c: records.kept(c, _MOVE)).result() for store in (source, target)]
    return moves[0] is not None and moves[0] == moves[1]


def take_up(target: Store) -> None:
    """Forget that this journal was left once: it is the true one again."""
    target.submit(lambda c: c.execute(tables.meta.delete().where(tables.meta.c.key.in_([MOVED_TO, _MOVE])))).result()


def _begun(connection: sa.Connection) -> str:
    number = records.kept(connection, _MOVE) or uuid4().hex
    records.keep(connection, _MOVE, number)
    return str(number)


def _read(connection: sa.Connection) -> Rows:
    found = {
        table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings().all()]
        for table in tables.metadata.sorted_tables
        if table.name not in _NOT_COPIED
    }
    found["meta"] = [row for row in found["meta"] if row["key"] not in _OF_THE_JOURNAL]
    return found


def _written(connection: sa.Connection, rows: Rows, own: str, site: str, mark: str | None, move: str) -> int:
    was_left = records.kept(connection, MOVED_TO) is not None  # what it holds is old …
    was_cut = (
        records.kept(connection, _MOVE) == move
    )  # … or the copy of a move that was cut short, which nobody has used
    if not was_left and not was_cut and connection.scalar(sa.select(tables.project.c.id).limit(1)) is not None:
        raise UsageError("The target holds a journal already; a journal moves into an empty one only.")
    used = {row["site"] for row in rows["project"]}
    sites = rows["site"]
    names = {row["name"] for row in sites if row["id"] in used}
    if connection.dialect.name == "sqlite" and names - {own, ""}:
        raise UsageError(
            f"The journal holds the films of {', '.join(sorted(names))}; SQLite is for one host alone, and this one is of the "
            f'site "{own}". A journal with the films of one site is moved by a host of that site.'
        )
    if len(used) < 2:
        rows["site"] = [{"id": tables.FIRST_SITE, "name": site, "mark": mark, "leader": None, "fence": 0}]
        rows["project"] = [row | {"site": tables.FIRST_SITE} for row in rows["project"]]
    for table in reversed(tables.metadata.sorted_tables):
        copied_too = table.c.key.not_in(_OF_THE_JOURNAL) if table.name == "meta" else sa.true()
        connection.execute(table.delete().where(copied_too))
    for table in tables.metadata.sorted_tables:
        if rows.get(table.name):
            connection.execute(table.insert(), rows[table.name])
        _count_on(connection, table)
    assert records.kept(connection, _MOVE) == move  # noqa: S101  it came with `meta`
    return sum(map(len, rows.values()))


def _count_on(connection: sa.Connection, table: sa.Table) -> None:
    """New rows are numbered after those that were brought with their numbers."""
    if connection.dialect.name == "sqlite" or "id" not in table.c:
        return
    connection.exec_driver_sql(
        f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM \"{table.name}\"), false)"  # noqa: S608
    )
