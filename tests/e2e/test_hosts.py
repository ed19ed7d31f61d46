"""Several hosts, one queue: whatever becomes of one of them, a film is made once, by whoever is left. The judge is the service's own log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Server
from tests.e2e.cloud import Cloud
from tests.e2e.hosts import WITHIN_S, Host, cluster, frozen_and_followed, leader, of, was_made_once, who
from tests.e2e.house import House
from tests.wire import Wire


@pytest.fixture
def hosts(tmp_path: Path, cloud: Cloud, database: str) -> Iterator[list[Host]]:
    """Two hosts of one site, none started yet."""
    with cluster(tmp_path, cloud, database) as both:
        yield both


def test_two_hosts_share_the_work_and_each_film_is_made_once(hosts: list[Host], cloud: Cloud) -> None:
    for host in hosts:
        host.configure({"journal": {"projects_here": 2}})
        host.start()
    leader(hosts)
    names = [f"film-{n}" for n in range(5)]
    for name in names:
        hosts[0].project(name, f"About {name}")
    for name in names:
        was_made_once(hosts[0], cloud, name, [f"About {name}"])
    made_by = {name: who(hosts, "job.ended", name) for name in names}
    assert all(len(by) == 1 for by in made_by.values()), made_by
    assert {by[0] for by in made_by.values()} == {"nas-1", "nas-2"}
    tokens = [asked for asked in cloud.calls if asked.path.endswith("/anonymous-token")]
    assert len(tokens) == 1, "one account for all"
    assert [host.stop() for host in hosts] == [0, 0]


@pytest.mark.slow
def test_loose_files_are_gathered_and_prompts_are_written_by_one(hosts: list[Host], cloud: Cloud) -> None:
    for host in hosts:
        host.start()
    hosts[0].photos("a.jpg", "b.jpg", "c.jpg")
    hosts[0].until(lambda: [row for row in hosts[0].rows().values() if row["state"] == "done"])
    assert len(hosts[0].rows()) == 1
    assert len(cloud.messages) == 1
    assert [path.name for path in hosts[0].inbox.iterdir() if path.is_file()] == []
    (project,) = hosts[0].inbox.iterdir()
    assert {path.name for path in project.iterdir()} == {"a.jpg", "b.jpg", "c.jpg", "prompt.txt"}


@pytest.mark.parametrize(
    ("call", "nth", "moment"),
    [pytest.param("session", 1, "performed", marks=pytest.mark.slow), pytest.param("upload", 2, "asked", marks=pytest.mark.slow), ("run_sse", 1, "part"), pytest.param("render", 1, "performed", marks=pytest.mark.slow), pytest.param("download", 1, "part", marks=pytest.mark.slow)],
)  # fmt: skip
def test_a_host_killed_for_good_at_a_call_is_followed_by_the_other(
    hosts: list[Host], cloud: Cloud, call: str, nth: int, moment: str
) -> None:
    first, second = hosts
    first.start()
    leader([first])
    hook = cloud.hook(call, moment, first.kill, nth)
    first.project("left", "About left")
    assert hook.happened.wait(WITHIN_S), first.report()
    second.start()
    was_made_once(second, cloud, "left", ["About left"])
    assert who(hosts, "job.ended", "left") == ["nas-2"]


def test_a_host_frozen_past_its_lease_writes_and_pays_nothing_when_it_wakes(hosts: list[Host], cloud: Cloud) -> None:
    first, second = hosts
    frozen_and_followed(first, second, cloud, "run_sse", "part")
    assert cloud.messages == ["About slept", "About later"]
    assert who([first], "job.ended", "slept") == []


@pytest.mark.slow
def test_each_host_with_folders_of_its_own_makes_its_own_films_and_shows_the_others(
    tmp_path: Path, cloud: Cloud, database: str
) -> None:
    with cluster(tmp_path, cloud, database, shared=False) as (first, second):
        for host in (first, second):
            host.start()
        first.project("attic", "About attic")
        second.project("cellar", "About cellar")
        was_made_once(first, cloud, "attic", ["About attic"])
        was_made_once(second, cloud, "cellar", ["About cellar"])
        for host in (first, second):
            host.until(
                lambda host=host: (
                    {name: row["state"] for name, row in host.rows().items()} == {"attic": "done", "cellar": "done"}
                )
            )
        assert first.row("cellar")["video"] is None
        assert first.row("attic")["video"] == "attic/attic.mp4"
        hook = cloud.hook("session", "asked", second.kill)
        second.project("waits", "About waits")
        assert hook.happened.wait(WITHIN_S)
        first.until(lambda: "waiting for a host of nas-2" in first.row("waits").get("detail", ""))
        second.start()
        was_made_once(second, cloud, "waits", ["About waits"])


def test_hosts_that_say_they_share_a_site_and_do_not_are_refused(tmp_path: Path, cloud: Cloud, database: str) -> None:
    with cluster(tmp_path, cloud, database, shared=False) as (first, second):
        for host in (first, second):
            host.configure({"journal": {"site": "home"}})
        first.start()
        leader([first])
        refused = second.command("run")
        assert refused.returncode == 2
        assert 'the hosts of the site "home" have another outbox' in refused.stderr


def test_retry_again_and_cancel_reach_a_film_that_another_host_has_at_work(hosts: list[Host], cloud: Cloud) -> None:
    first, second = hosts
    first.start()
    leader([first])
    hook = cloud.hook("render", "asked", holds=True)
    first.project("held", "About held")
    assert hook.happened.wait(WITHIN_S), first.report()
    second.start()
    second.until((second.state / "host").exists)
    assert second.command("cancel", "held").returncode == 0
    first.until_state("held", "cancelled")
    hook.released.set()
    assert second.command("retry", "held").returncode == 0
    was_made_once(first, cloud, "held", ["About held"])


@pytest.mark.parametrize(
    ("call", "moment"),
    [
        ("run_sse", "part"),
        pytest.param("upload", "asked", marks=pytest.mark.slow),
        pytest.param("render", "performed", marks=pytest.mark.slow),
    ],
)
def test_a_database_that_restarts_cuts_nothing_short(
    tmp_path: Path, cloud: Cloud, server: Server, call: str, moment: str
) -> None:
    with cluster(tmp_path, cloud, of(server, "restarted")) as hosts:
        for host in hosts:
            host.start()
        leader(hosts)
        hook = cloud.hook(call, moment, holds=True)
        hosts[0].project("held", "About held")
        assert hook.happened.wait(WITHIN_S), hosts[0].report()
        server.stop()
        hosts[0].until(lambda: any("held_up" in h.log.read_text("utf-8") for h in hosts))
        server.start()
        hook.released.set()
        was_made_once(hosts[0], cloud, "held", ["About held"])
        hosts[0].project("later", "About later")
        was_made_once(hosts[0], cloud, "later", ["About later"])


def test_a_host_that_is_cut_off_from_the_database_is_followed_and_pays_nothing_meanwhile(
    tmp_path: Path, cloud: Cloud, database: str
) -> None:
    way = Wire(database)
    with cluster(tmp_path, cloud, database) as (first, second):
        first.database = way.url
        first.configure()
        first.start()
        leader([first])
        hook = cloud.hook("upload", "asked", holds=True)
        first.project("cut", "About cut")
        assert hook.happened.wait(WITHIN_S), first.report()
        second.start()
        way.cut()
        hook.released.set()
        was_made_once(second, cloud, "cut", ["About cut"])
        assert who([second], "job.ended", "cut") == ["nas-2"]
        way.open = True
        first.until(lambda: "site.lost" in first.log.read_text("utf-8"))
        second.project("later", "About later")
        was_made_once(second, cloud, "later", ["About later"])
        assert cloud.messages == ["About cut", "About later"]
    way.close()


@pytest.mark.slow
def test_a_journal_moved_to_the_database_and_back_knows_what_was_bought(
    tmp_path: Path, make_house: Callable[..., House], cloud: Cloud, database: str
) -> None:
    house = make_house(cloud)
    house.start()
    house.project("trip", "About trip")
    was_made_once(house, cloud, "trip", ["About trip"])
    refused = house.command("journal", "move", database)
    assert refused.returncode == 2
    assert "already running" in refused.stderr
    assert house.stop() == 0
    edits = {"sqlite": "Then make it 20 seconds long", database: 'Then give it the title "End"'}
    words = ["About trip"]
    for target, changes in ((database, {"journal": {"url": database, "silence": "2s"}}), ("sqlite", {})):
        moved = house.command("journal", "move", target)
        assert moved.returncode == 0, moved.stderr
        left = house.command("run", "--once")
        assert left.returncode == 2
        assert "this journal was moved to" in left.stderr
        house.configure(changes)
        house.start()
        words.append(edits[target])
        house.write("trip/prompt.txt", "\n---\n".join(words))
        house.until_done("trip", version=len(words))
        assert house.stop() == 0
    assert cloud.messages == words, "each once, on the timeline that was there"
    assert len({asked.session for asked in cloud.asked("run_sse")}) == 1
    tokens = [asked for asked in cloud.calls if asked.path.endswith("/anonymous-token")]
    assert len(tokens) == 1, "the account goes along"
