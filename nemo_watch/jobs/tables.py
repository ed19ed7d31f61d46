"""The journal's tables, the same in SQLite and PostgreSQL. What a row means is `journal`, `records` and `queue`."""

from __future__ import annotations

import json
from typing import Any, Final

import sqlalchemy as sa

SCHEMA_VERSION: Final = 2
FIRST_SITE: Final = 1
"""The one site of a journal of one host."""


class Name(sa.TypeDecorator[str]):
    """A file name in a text column: lone surrogates (bytes that are no UTF-8) survive as JSON escapes."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """The escaped form for the database."""
        return None if value is None else json.dumps(value)[1:-1]

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """The name as the file system has it."""
        return None if value is None else str(json.loads(f'"{value}"'))


class Json(sa.TypeDecorator[Any]):
    """JSON in a text column; ASCII, so that lone surrogates survive."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: sa.Dialect) -> str | None:
        """The JSON text for the database."""
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401  any JSON
        """The value that was put in."""
        return None if value is None else json.loads(value)


class Moment(sa.TypeDecorator[float]):
    """A date as seconds since 1970 (UTC): the same in both databases."""

    impl = sa.Float
    cache_ok = True


metadata = sa.MetaData()
Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")

stamp = sa.Sequence("journal_stamp", metadata=metadata)  # moved by whoever writes; SQLite counts by itself
news = sa.Sequence("journal_news", metadata=metadata)  # moved where a leader should look at once

meta = sa.Table("meta", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", Json))

site = sa.Table(  # an inbox with its outbox; several hosts may see the same one
    "site", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("mark", sa.Text),  # what lies in its outbox, by which hosts know that they mean the same
    sa.Column("leader", sa.Text),  # the host that looks at its inbox and decides, one at a time
    sa.Column("fence", sa.Integer, nullable=False, default=0),
)  # fmt: skip

host = sa.Table(  # a daemon that takes part; its name is for people
    "host", metadata,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("site", Id, sa.ForeignKey("site.id"), nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("doing", Json),  # job number → progress and words, of what it has at work
    sa.Column("began_at", Moment, nullable=False),
    sa.Column("beat_at", Moment, nullable=False),  # by the database's clock, as every lease
    sa.Column("silent_s", sa.Float, nullable=False),  # after so long without a beat it is taken for dead
)  # fmt: skip

project = sa.Table(
    "project", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("site", Id, sa.ForeignKey("site.id"), nullable=False, default=FIRST_SITE, server_default="1"),
    sa.Column("folder", Name, nullable=False),  # the inbox folder's name as it is now
    sa.Column("device", sa.BigInteger, nullable=False),
    sa.Column("inode", sa.BigInteger, nullable=False),
    sa.Column("birth_ns", sa.BigInteger),
    sa.Column("outbox", sa.Text, nullable=False),
    sa.Column("gone", sa.Boolean, nullable=False, default=False),  # its folder has left the inbox
    sa.Column("created_at", Moment, nullable=False),
    sa.UniqueConstraint("site", "outbox"),
)  # fmt: skip

film = sa.Table(
    "film", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("project", Id, sa.ForeignKey("project.id"), nullable=False),
    sa.Column("name", Name, nullable=False),
    sa.Column("stem", Name, nullable=False),  # "" for the folder's own film
    sa.Column("outbox_stem", sa.Text, nullable=False),
    sa.Column("prompt_file", Name, nullable=False, default="prompt.txt"),  # the name people know it by
    sa.Column("template", sa.Text),  # the prompt file as the daemon wrote it
    sa.Column("words", Json),  # the messages last seen, for a prompt that was deleted
    sa.Column("answered", Json),  # the routing words last obeyed
    sa.Column("held", sa.Boolean, nullable=False, default=False),  # by the brake of a first start
    sa.Column("released", sa.Boolean, nullable=False, default=False),  # `retry` lifted that brake for it
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False, default=""),
    sa.Column("needs", sa.Text),
    sa.Column("progress", sa.Float, nullable=False, default=0.0),
    sa.Column("reply", sa.Text, nullable=False, default=""),
    sa.Column("timeline", Json),
    sa.Column("updated_at", Moment, nullable=False),
    sa.UniqueConstraint("project", "stem"),
)  # fmt: skip

session = sa.Table(
    "session", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("project", Id, sa.ForeignKey("project.id"), nullable=False),
    sa.Column("backend", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("session_id", sa.Text, nullable=False),
    sa.Column("task_id", sa.Text),
    sa.Column("shared", sa.Boolean, nullable=False),  # the folder's, for films one after the other
    sa.Column("gone", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", Moment, nullable=False),
)  # fmt: skip

job = sa.Table(
    "job", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("film", Id, sa.ForeignKey("film.id"), nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("order", Json, nullable=False),
    sa.Column("session", Id, sa.ForeignKey("session.id")),
    sa.Column("cause", sa.Text),  # of the table of failures, while parked or failed
    sa.Column("data", Json),
    sa.Column("due_at", Moment),  # when it goes on by itself
    sa.Column("tries", sa.Integer, nullable=False, default=0),  # growing waits
    sa.Column("as_it_stands", sa.Boolean, nullable=False, default=False),  # a person's `retry`: nothing more is sent
    sa.Column("video", sa.Text),
    sa.Column("video_sha256", sa.Text),
    sa.Column("owner", sa.Text),
    sa.Column("fence", sa.Integer, nullable=False, default=0),
    sa.Column("pipeline", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)  # fmt: skip

step = sa.Table(
    "step", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),  # "job/7" or "session/3"
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # intent, done, void
    sa.Column("data", Json),  # what was intended
    sa.Column("receipt", Json),  # what came of it
    sa.Column("at", Moment, nullable=False),  # of the intent, or of the receipt where there was none
    sa.Index("step_now", "scope", "name", unique=True, sqlite_where=sa.text("state != 'void'"), postgresql_where=sa.text("state != 'void'")),
)  # fmt: skip

request = sa.Table(
    "request", metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("verb", sa.Text, nullable=False),  # retry, again, cancel
    sa.Column("film", Id, sa.ForeignKey("film.id"), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("handled_at", Moment),
)  # fmt: skip

study = sa.Table(
    "study", metadata,
    sa.Column("sighting", Json, primary_key=True),  # a file as it was sighted …
    sa.Column("study", Json, nullable=False),  # … and what reading it through told: not to be done again after a restart
    sa.Column("at", Moment, nullable=False),
)  # fmt: skip

# -- one migration a schema version, forward only; the journal of version 1 is what `metadata` says ------------------------
MIGRATIONS: Final[dict[int, tuple[str, ...]]] = {
    2: (  # several hosts. Version 1 was kept by SQLite alone
        "CREATE TABLE site (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, mark TEXT, leader TEXT, fence INTEGER NOT NULL)",
        "INSERT INTO site (id, name, fence) VALUES (1, '', 0)",
        """CREATE TABLE host (owner TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, site INTEGER NOT NULL REFERENCES site (id),
           version TEXT NOT NULL, doing TEXT, began_at FLOAT NOT NULL, beat_at FLOAT NOT NULL, silent_s FLOAT NOT NULL)""",
        "ALTER TABLE project ADD COLUMN site INTEGER NOT NULL DEFAULT 1",
    ),
}
