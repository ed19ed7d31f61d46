"""A journal at a start: made whole, taken up, or refused with the real reason and not a byte of it changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.jobs import opening, queue, records
from nemo_watch.jobs.holdups import held_up
from nemo_watch.jobs.opening import open_sqlite
from nemo_watch.jobs.tables import SCHEMA_VERSION
from nemo_watch.model import Backend


def statements(path: Path, *sql: str, wal: bool = False) -> None:
    """Run these on the file as another program would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for one in (*(["PRAGMA journal_mode=WAL"] if wal else []), *sql):
            connection.execute(one)


def versions(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM meta WHERE key = 'schema'")]


def files(folder: Path) -> dict[str, bytes]:
    """What lies in the folder. The index of a write-ahead log is only a cache of it."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def whole(journal_file: Path) -> Path:
    """A journal with many pages, closed."""
    open_sqlite(journal_file).close()
    row = "INSERT INTO project(folder, device, inode, outbox, gone, created_at) VALUES ('f', 1, {n}, '{o}', 0, 0.0)"
    statements(journal_file, *(row.format(n=n, o=f"{n}" * 100) for n in range(300)))
    return journal_file


# -- made --------------------------------------------------------------------------------------------------------------------


def test_a_new_journal_is_there_whole_for_its_owner_alone_and_nothing_lies_beside_it(journal_file):
    open_sqlite(journal_file).close()
    assert [path.name for path in journal_file.parent.iterdir()] == ["journal.db"]
    assert stat.S_IMODE(journal_file.stat().st_mode) == 0o600
    assert versions(journal_file) == [str(SCHEMA_VERSION)]


@pytest.mark.parametrize("when", ["before it is filled", "before it has its name"])
def test_a_kill_while_it_is_made_leaves_no_half_journal_and_the_next_start_makes_it(journal_file, monkeypatch, when):
    class KilledError(BaseException):
        pass

    def kill(*_arguments):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(opening, "_remove", lambda _database: None)  # nobody tidies up after a kill
        patch.setattr(*((opening, "prepared", kill) if when == "before it is filled" else (Path, "rename", kill)))
        with pytest.raises(KilledError):
            open_sqlite(journal_file)
    assert not journal_file.exists()
    assert files(journal_file.parent)
    open_sqlite(journal_file, lambda: True).close()
    assert [path.name for path in journal_file.parent.iterdir()] == ["journal.db"]
    assert versions(journal_file) == [str(SCHEMA_VERSION)]


@pytest.mark.parametrize("name", ["a?mode=memory", "a%23b#c", "bytes \udcff", "with space"])
def test_a_state_folder_of_any_name_holds_its_journal(tmp_path, name):
    journal_file = tmp_path / name / "journal.db"
    for _ in range(2):
        open_sqlite(journal_file).close()
    assert os.listdir(journal_file.parent) == ["journal.db"]  # noqa: PTH208  names that are no UTF-8
    assert os.listdir(tmp_path) == [name]  # noqa: PTH208


# -- empty -------------------------------------------------------------------------------------------------------------------


def nothing(journal_file: Path) -> None:
    journal_file.touch()


def no_table(journal_file: Path) -> None:
    statements(journal_file, wal=True)
    assert journal_file.stat().st_size > 0


@pytest.mark.parametrize("begun", [nothing, no_table])
def test_what_an_older_one_began_and_never_filled_is_filled_where_no_film_was_made(journal_file, begun):
    journal_file.parent.mkdir()
    begun(journal_file)
    open_sqlite(journal_file).close()
    assert versions(journal_file) == [str(SCHEMA_VERSION)]


@pytest.mark.parametrize("begun", [nothing, no_table])
def test_an_empty_journal_where_films_were_made_has_lost_what_it_held_and_is_refused(journal_file, begun):
    journal_file.parent.mkdir()
    begun(journal_file)
    before = files(journal_file.parent)
    with pytest.raises(UsageError, match="although films were made"):
        open_sqlite(journal_file, lambda: True)
    after = files(journal_file.parent)
    assert after.pop("journal.db-wal", b"") == b""
    assert after == before


def test_an_empty_journal_beside_its_log_is_refused_for_sqlite_would_delete_the_log(journal_file):
    journal_file.parent.mkdir()
    journal_file.touch()
    log = journal_file.with_name("journal.db-wal")
    log.write_bytes(b"what was written last")
    with pytest.raises(UsageError, match="is damaged"):
        open_sqlite(journal_file)
    assert log.read_bytes() == b"what was written last"


# -- damaged, another's, newer -------------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 100)


def overwritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(os.urandom(3 * 4096))


def without_meta(path: Path) -> None:
    statements(path, "DROP TABLE meta")


def without_schema(path: Path) -> None:
    statements(path, "DELETE FROM meta")


def garbled(path: Path) -> None:
    statements(path, "UPDATE meta SET value = '{' WHERE key = 'schema'")


def others(path: Path) -> None:
    path.unlink()
    statements(path, "CREATE TABLE bookmarks(url)", "INSERT INTO bookmarks VALUES ('x')")


def others_with_a_table_of_that_name(path: Path) -> None:
    path.unlink()
    statements(path, "CREATE TABLE meta(id, version)")


def newer(path: Path) -> None:
    statements(path, "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'schema'")


@pytest.mark.parametrize(
    "spoil",
    [cut, overwritten, without_meta, without_schema, garbled, others, others_with_a_table_of_that_name, newer],
)
def test_what_is_damaged_or_not_ours_is_refused_and_not_a_byte_of_it_is_changed(journal_file, spoil):
    spoil(whole(journal_file))
    before = files(journal_file.parent)
    with pytest.raises(UsageError, match="left as it is"):
        open_sqlite(journal_file)
    after = files(journal_file.parent)
    assert after.pop("journal.db-wal", b"") == b""
    assert after == before


def test_what_only_the_log_holds_after_a_kill_is_taken_up(journal_file):
    whole(journal_file)
    killed = journal_file.parent.with_name("killed")
    with closing(sqlite3.connect(journal_file, isolation_level=None)) as connection:
        connection.execute("INSERT INTO meta VALUES ('late', '1')")
        shutil.copytree(journal_file.parent, killed)
    (killed / "journal.db-shm").unlink()
    assert (killed / "journal.db-wal").stat().st_size > 0
    open_sqlite(killed / "journal.db").close()
    with closing(sqlite3.connect(killed / "journal.db")) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'late'").fetchone() == ("1",)


# -- what passes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "PRAGMA locking_mode=EXCLUSIVE"])
def test_a_journal_that_another_program_has_locked_is_no_damage(journal_file, monkeypatch, lock):
    monkeypatch.setattr(opening, "_LOCK_WAIT_S", 0.01)
    whole(journal_file)
    with closing(sqlite3.connect(journal_file, isolation_level=None)) as other:
        other.execute(lock)
        other.execute("UPDATE meta SET value = value")
        with pytest.raises(Trouble) as raised:
            open_sqlite(journal_file)
    told = f"The journal {journal_file} cannot be written (another program has locked it)."
    assert (raised.value.cause, str(raised.value)) == (Cause.OUTBOX_UNWRITABLE, told)
    open_sqlite(journal_file).close()


FULL = (Cause.NO_SPACE, "The disk that holds the journal {file} is full.")
REFUSALS = [
    # SQLite's name, bytes left on the disk, what is told
    ("SQLITE_FULL", 10**9, FULL),  # a quota, say
    ("SQLITE_IOERR_SHMSIZE", 0, FULL),
    ("SQLITE_CANTOPEN", 4096, FULL),
    ("SQLITE_IOERR_READ", 10**9, (Cause.OUTBOX_UNWRITABLE, "The journal {file} cannot be written (the disk reports an error).")),
    ("SQLITE_READONLY_DBMOVED", 10**9, (Cause.OUTBOX_UNWRITABLE, "The journal {file} cannot be written (it may not be changed, or its disk is read-only).")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "free", "told"), REFUSALS)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_disk_that_refuses_is_told_as_what_it_is_and_nothing_is_moved_away(
    journal_file, monkeypatch, is_there, name, free, told
):
    if is_there:
        whole(journal_file)

    def refuse(*_arguments, **_options):
        error = sqlite3.OperationalError("no")
        error.sqlite_errorname = name
        raise error

    usage = shutil.disk_usage("/")._replace(free=free)
    with monkeypatch.context() as patch:
        patch.setattr(opening, "_sqlite_connection", refuse)
        patch.setattr(shutil, "disk_usage", lambda _folder: usage)
        with pytest.raises(Trouble) as raised:
            open_sqlite(journal_file)
    assert (raised.value.cause, str(raised.value)) == (told[0], told[1].format(file=journal_file))
    assert os.listdir(journal_file.parent) == (["journal.db"] if is_there else [])  # noqa: PTH208
    open_sqlite(journal_file).close()


def test_what_python_stumbles_over_in_a_damaged_row_does_not_pass_by_itself():
    """A text that is no UTF-8 has no name among SQLite's errors; waiting for it would be for ever."""
    assert held_up(OperationalError("SELECT", {}, sqlite3.OperationalError("Could not decode to UTF-8"))) is None
    assert held_up(OperationalError("SELECT", {}, OSError("the server is away"))) == "the database does not answer"


# -- a journal of the first schema ---------------------------------------------------------------------------------------------


def test_a_journal_of_the_first_schema_is_taken_over_with_every_row(journal_file):
    """As it was made then, not as today's code would make it."""
    journal_file.parent.mkdir()
    with closing(sqlite3.connect(journal_file)) as connection:
        connection.executescript((Path(__file__).parent / "journal-1.sql").read_text())
    for _ in range(2):
        store = open_sqlite(journal_file)
        films, jobs, requests = store.submit(
            lambda c: (records.films(c, site=1), queue.open_jobs_of(c, 1, Backend.CLOUD), records.open_requests(c))
        ).result(10)
        store.close()
        assert [(film.name, film.site) for film in films] == [("trip", 1)]
        assert [(job.state, job.order.send) for job in jobs] == [("queued", ("one",))]
        assert [request.verb for request in requests] == ["retry"]
    assert versions(journal_file) == [str(SCHEMA_VERSION)]
