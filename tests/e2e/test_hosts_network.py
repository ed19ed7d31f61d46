"""The cable between a host and the database is pulled, in a network of its own: nobody is told, nothing answers, nothing ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.hosts import WITHIN_S, at_work, cluster, leader, was_made_once, who
from tests.e2e.netns import a_network
from tests.wire import Wire


@pytest.mark.parametrize(
    ("call", "moment"),
    [
        ("upload", "asked"),
        pytest.param("run_sse", "part", marks=pytest.mark.slow),
        pytest.param("render", "performed", marks=pytest.mark.slow),
    ],
)
def test_a_host_whose_cable_is_pulled_is_followed_and_finds_that_it_has_lost_all(
    tmp_path: Path, cloud: Cloud, database: str, call: str, moment: str
) -> None:
    with a_network() as network, cluster(tmp_path, cloud, database) as (first, second):
        way = Wire(database, network.here)
        network.bring(cloud.url)
        first.database = way.url
        first.configure()
        network.inside(first.start)
        leader([first])
        hook = cloud.hook(call, moment, network.pull, holds=True)
        first.project("cut", "About cut")
        assert hook.happened.wait(WITHIN_S), first.report()
        second.start()
        second.until(lambda: at_work(database, "nas-1") is None)
        hook.released.set()
        was_made_once(second, cloud, "cut", ["About cut"])
        videos = second.videos()
        network.plug()
        first.until(lambda: at_work(database, "nas-1") == {})
        second.project("later", "About later")
        was_made_once(second, cloud, "later", ["About later"])
        assert cloud.messages == ["About cut", "About later"]
        assert {path: found for path, found in second.videos().items() if path in videos} == videos
        assert who([first, second], "job.ended", "cut") == ["nas-2"]
        way.close()
