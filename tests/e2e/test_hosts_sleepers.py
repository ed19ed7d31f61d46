"""Hosts that were frozen past their lease: what wakes has nothing more to say, neither in the outbox nor to people."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.hosts import WITHIN_S, cluster, leader, was_made_once


def ready(host) -> int:
    """How often the story says that the video is ready."""
    return host.text("slept/project.log").count("Your video is ready")


@pytest.mark.parametrize("moment", ["performed", pytest.param("part", marks=pytest.mark.slow)])
def test_a_host_that_slept_while_it_fetched_a_video_publishes_and_tells_nothing(
    tmp_path: Path, cloud: Cloud, database: str, moment: str
) -> None:
    with cluster(tmp_path, cloud, database) as (first, second):
        first.start()
        leader([first])
        hook = cloud.hook("download", moment, lambda: first.signal(signal.SIGSTOP))
        first.project("slept", "About slept")
        assert hook.happened.wait(WITHIN_S), first.report()
        second.start()
        was_made_once(second, cloud, "slept", ["About slept"])
        videos = second.videos()
        first.signal(signal.SIGCONT)
        first.until(lambda: "site.lost" in first.log.read_text("utf-8"))
        second.project("later", "About later")
        was_made_once(second, cloud, "later", ["About later"])
        assert ready(second) == 1
        assert {path: found for path, found in second.videos().items() if path in videos} == videos
