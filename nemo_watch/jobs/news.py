"""News for a leader on another host: a number in the database that moves when it should look at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa


def tell_news(connection: sa.Connection) -> None:
    """A leader on another host should look at once. Whoever has the journal for itself is told by its own process."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("SELECT nextval('journal_news')")


def news(connection: sa.Connection) -> int:
    """A number that changes when somebody has told news; on a server only."""
    return int(connection.exec_driver_sql("SELECT last_value + is_called::int FROM journal_news").scalar() or 0)
