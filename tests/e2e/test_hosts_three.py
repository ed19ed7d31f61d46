"""Three hosts: whatever becomes of one, and then of another, each film is made once, and no step that has its receipt is done again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.hosts import WITHIN_S, Host, at_work, cluster, had_by, leader, receipts, was_made_once, who

STEPS = {
    "session": 1,
    "upload": 2,
    "run_sse": 1,
    "render": 1,
}  # of a film with two photos; a render is asked after, too


@pytest.fixture
def hosts(tmp_path: Path, cloud: Cloud, database: str) -> Iterator[list[Host]]:
    """Three hosts of one site, none started yet."""
    with cluster(tmp_path, cloud, database, 3) as three:
        yield three


def started(hosts: list[Host], **journal: object) -> Host:
    """All of them at work; the one that leads."""
    for host in hosts:
        host.configure({"journal": journal, "service": {"projects_at_once": 6}})
        host.start()
    first = leader(hosts)
    for host in hosts:
        host.until(lambda host=host: at_work(host.database, host.name) is not None)
    return first


def steps(cloud: Cloud) -> dict[str, int]:
    """How often each step was asked of the service."""
    return {call: len(cloud.renders) if call == "render" else cloud.count(call) for call in STEPS}


@pytest.mark.slow
def test_six_films_are_made_by_exactly_one_host_each_and_all_take_part(hosts: list[Host], cloud: Cloud) -> None:
    first = started(hosts, projects_here=2, silence="30s")
    first.project("before", "About before")  # or the brake of a first start holds them all
    was_made_once(first, cloud, "before", ["About before"])
    cloud.film.gate.clear()
    names = [f"film-{n}" for n in range(6)]
    for name in names:
        first.project(name, f"About {name}")
    first.until(lambda: len(cloud.renders) >= 7 and all(had_by(first.database, name) for name in names))
    had = {name: had_by(first.database, name) for name in names}
    assert sorted(had.values()) == sorted([host.name for host in hosts] * 2), "none has more than it may"
    cloud.film.gate.set()
    for name in names:
        was_made_once(first, cloud, name, [f"About {name}"])
    assert {name: who(hosts, "job.ended", name) for name in names} == {name: [by] for name, by in had.items()}
    assert steps(cloud) == {call: 7 * count for call, count in STEPS.items()}


PAIRS = [
    (("run_sse", "part"), ("render", "performed")),
    (("session", "performed"), ("run_sse", "part")),
    (("upload", "asked"), ("download", "part")),
    (("render", "performed"), ("download", "part")),
]


@pytest.mark.parametrize(
    ("once", "again"), [PAIRS[0], *(pytest.param(*pair, marks=pytest.mark.slow) for pair in PAIRS[1:])]
)
def test_two_of_three_killed_one_after_another_in_the_middle_of_a_film_are_followed_by_the_third(
    hosts: list[Host], cloud: Cloud, once: tuple[str, str], again: tuple[str, str]
) -> None:
    started(hosts)
    killed: list[str] = []
    finished: dict[tuple[str, str], tuple[str, float]] = {}

    def kill() -> None:
        finished.update(receipts(hosts[0].database))
        (host,) = [host for host in hosts if host.name == had_by(hosts[0].database, "left")]
        killed.append(host.name)
        host.kill()

    hooks = [cloud.hook(call, moment, kill) for call, moment in (once, again)]
    hosts[0].project("left", "About left")
    for hook in hooks:
        assert hook.happened.wait(WITHIN_S), hosts[0].report()
    (last,) = [host for host in hosts if host.name not in killed]
    was_made_once(last, cloud, "left", ["About left"])
    assert len(set(killed)) == 2
    assert who(hosts, "job.ended", "left") == [last.name]
    assert finished.items() <= receipts(last.database).items(), "what had its receipt was not done again"
    uncut = STEPS.keys() - {call for call, moment in (once, again) if moment == "asked" or call == "session"}
    assert {call: steps(cloud)[call] for call in uncut} == {call: STEPS[call] for call in uncut}


@pytest.mark.parametrize(
    ("call", "moment"),
    [
        ("run_sse", "part"),
        pytest.param("upload", "asked", marks=pytest.mark.slow),
        pytest.param("render", "performed", marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_one_of_three_that_was_frozen_past_its_lease_finds_that_it_has_lost_all(
    hosts: list[Host], cloud: Cloud, call: str, moment: str
) -> None:
    started(hosts)
    frozen: list[Host] = []

    def freeze() -> None:
        frozen.extend(host for host in hosts if host.name == had_by(hosts[0].database, "slept"))
        frozen[0].signal(signal.SIGSTOP)

    hook = cloud.hook(call, moment, freeze)
    hosts[0].project("slept", "About slept")
    assert hook.happened.wait(WITHIN_S), hosts[0].report()
    (asleep,) = frozen
    awake = [host for host in hosts if host is not asleep]
    was_made_once(awake[0], cloud, "slept", ["About slept"])
    videos, asked = awake[0].videos(), steps(cloud)
    asleep.signal(signal.SIGCONT)
    asleep.until(lambda: at_work(asleep.database, asleep.name) == {})
    awake[0].project("later", "About later")
    was_made_once(awake[0], cloud, "later", ["About later"])
    assert cloud.messages == ["About slept", "About later"]
    assert steps(cloud) == {call: asked[call] + count for call, count in STEPS.items()}
    assert {path: found for path, found in awake[0].videos().items() if path in videos} == videos
    assert who([asleep], "job.ended", "slept") == []
    assert len(who(awake, "job.ended", "slept")) == 1
