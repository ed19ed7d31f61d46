"""A journal moved: every row, whole or not at all, and nobody goes on with the one that was left."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from nemo_watch.errors import UsageError
from nemo_watch.jobs import copying, hosts, queue, records, tables
from nemo_watch.jobs.hosts import Host
from nemo_watch.jobs.opening import open_sqlite
from nemo_watch.jobs.postgres import open_postgres
from nemo_watch.model import Backend, FolderIdentity, Order, OrderKind


def filled(c: sa.Connection) -> None:
    for name in ("trip", "newline\nname", "\udcff.jpg"):
        project = records.add_project(c, name, FolderIdentity(1, 2**63 - 1, 3), f"o{len(name)}", 0.0)
        film = records.add_film(c, project, "", "o", 0.0, name=name, words=["one", "zwei"])
        order = Order(OrderKind.MESSAGES, Backend.CLOUD, (), (), ("x",), ("x",))
        job = queue.place(c, film, order, 1, None, 1, 0.0)
        c.execute(
            tables.step.insert().values(
                scope=f"job/{job}", name="message/0", state="intent", data={"text": "x"}, at=1.5
            )
        )
        records.ask(c, "retry", film, 0.0)
    records.keep_inbox_root(c, "/inbox", FolderIdentity(7, 8, 9))


def everything(c: sa.Connection) -> dict[str, list[tuple[object, ...]]]:
    """All rows but what each journal has of its own."""
    own = {"schema", "moved_to", "move"}
    found = {
        t.name: [tuple(row) for row in c.execute(sa.select(t).order_by(*t.primary_key)).all()]
        for t in tables.metadata.sorted_tables
    }
    found["meta"] = [row for row in found["meta"] if row[0] not in own]
    found["site"] = [(row[0], row[-1]) for row in found["site"]]
    del found["host"]
    return found


@pytest.fixture
def pair(tmp_path, database):
    stores = [
        open_sqlite(tmp_path / "a" / "journal.db"),
        open_postgres(database),
        open_sqlite(tmp_path / "b" / "journal.db"),
    ]
    yield stores
    for store in stores:
        store.close()


async def test_every_row_goes_there_and_back(pair):
    here, there, back = pair
    await here.do(filled)
    before = await here.read(everything)
    assert copying.copied(here, there, "", "home", "mark") > 10
    copying.take_up(there)
    assert await there.read(everything) == before
    assert copying.copied(there, back, "home", "", None) > 10
    assert await back.read(everything) == before
    new = await there.do(lambda c: records.add_project(c, "new", FolderIdentity(1, 2, 3), "new", 0.0))
    assert new == 4, "it is numbered on"


async def test_a_move_that_was_cut_short_is_finished_by_doing_it_again(pair):
    here, there, _ = pair
    await here.do(filled)
    copying.copied(here, there, "", "home", "mark")
    await here.do(lambda c: records.add_project(c, "since", FolderIdentity(1, 2, 3), "since", 0.0))
    copying.copied(here, there, "", "home", "mark")
    assert await there.read(everything) == await here.read(everything)


async def test_a_copy_that_fails_leaves_the_target_as_it_was(pair, monkeypatch):
    here, there, _ = pair
    await here.do(filled)
    before = await there.read(everything)

    def fail(*_: object) -> None:
        raise KeyError("cut")

    monkeypatch.setattr(copying, "_count_on", fail)
    with pytest.raises(KeyError):
        copying.copied(here, there, "", "home", "mark")
    assert await there.read(everything) == before


async def test_a_journal_that_holds_something_is_not_written_over(pair):
    here, there, _ = pair
    await here.do(filled)
    await there.do(filled)
    before = await there.read(everything)
    with pytest.raises(UsageError, match="empty"):
        copying.copied(here, there, "", "home", "mark")
    assert await there.read(everything) == before


async def test_the_films_of_several_sites_do_not_go_into_one(pair):
    here, there, _ = pair
    for site in ("home", "attic"):
        number = await there.do(lambda c, site=site: hosts.join(c, Host(site, site, "0"), site, site))
        await there.do(lambda c, at=number: records.add_project(c, "trip", FolderIdentity(1, 2, 3), "trip", 0.0, at))
    with pytest.raises(UsageError, match="the films of attic, home"):
        copying.copied(there, here, "home", "", None)


async def test_the_films_of_another_site_are_not_taken_along(pair):
    here, there, _ = pair
    number = await there.do(lambda c: hosts.join(c, Host("a1", "attic", "0"), "attic", "attic"))
    await there.do(lambda c: records.add_project(c, "trip", FolderIdentity(1, 2, 3), "trip", 0.0, number))
    with pytest.raises(UsageError, match="moved by a host of that site"):
        copying.copied(there, here, "home", "", None)
    assert copying.copied(there, here, "attic", "", None) > 1
