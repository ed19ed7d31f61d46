"""`journal move`: refused where somebody is at work, and finished by doing it again wherever it was cut."""

from __future__ import annotations

import pytest

from nemo_watch.errors import FilmState
from nemo_watch.jobs import copying, hosts, records
from nemo_watch.jobs.hosts import Host
from nemo_watch.jobs.postgres import open_postgres


@pytest.fixture
def there(database):
    store = open_postgres(database)
    yield store
    store.close()


def names(store):
    return [film.name for film in store.submit(records.films).result()]


def test_a_journal_does_not_move_where_a_host_is_at_work(run, films, database, there):
    films.add("beach", FilmState.DONE)
    films.store.close()
    there.submit(lambda c: hosts.join(c, Host("b1", "nas-2", "0", 600.0), "attic", "m")).result()
    ended = run("journal", "move", database)
    assert (ended.code, "still runs on nas-2" in ended.err) == (2, True)
    there.submit(lambda c: hosts.leave(c, "b1")).result()
    assert run("journal", "move", database).code == 0
    assert names(there) == ["beach"]


@pytest.mark.parametrize("at", ["_account_moved", "leave", "take_up"])
def test_a_move_that_was_cut_is_finished_by_doing_it_again(run, films, database, there, monkeypatch, at):
    from nemo_watch.commands import journal

    films.add("beach", FilmState.DONE)
    films.store.close()
    with monkeypatch.context() as cut:

        def ends(*_: object) -> None:
            raise KeyboardInterrupt

        cut.setattr(journal if at == "_account_moved" else copying, at, ends)
        assert run("journal", "move", database).code not in {0, 2}
    assert run("journal", "move", database).code == 0
    assert names(there) == ["beach"]
    again = run("journal", "move", database)
    assert (again.code, "was moved to" in again.err) == (2, True)
