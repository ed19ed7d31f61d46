"""A host that leaves in order gives back at once what it had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.hosts import Host, at_work, cluster, had_by, leader, was_made_once, who

NAMES = ("one", "two")


@pytest.fixture
def hosts(tmp_path: Path, cloud: Cloud, database: str) -> Iterator[list[Host]]:
    """Two hosts of one site, at work; none of them is taken for dead while the case lasts."""
    with cluster(tmp_path, cloud, database) as both:
        for host in both:
            host.configure({"journal": {"silence": "10m", "projects_here": 1}})
            host.start()
            leader(both[:1])
            host.until(lambda host=host: at_work(host.database, host.name) is not None)
        yield both


@pytest.mark.parametrize("leads", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_what_a_host_has_that_stops_in_order_is_gone_on_with_at_once(
    hosts: list[Host], cloud: Cloud, *, leads: bool
) -> None:
    leaving, staying = hosts if leads else reversed(hosts)
    cloud.film.gate.clear()
    for name in NAMES:
        leaving.project(name, f"About {name}")
    leaving.until(lambda: len(cloud.renders) == len(NAMES))
    (left,) = [name for name in NAMES if had_by(leaving.database, name) == leaving.name]
    assert leaving.stop() == 0
    cloud.film.gate.set()
    for name in NAMES:
        was_made_once(staying, cloud, name, [f"About {name}"])
    assert who(hosts, "job.ended", left) == [staying.name]
    assert len(cloud.renders) == len(NAMES)
