"""Hosts that were frozen past their lease: what wakes has nothing more to say, neither in the outbox nor to people."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.hosts import cluster, frozen_and_followed


def ready(host) -> int:
    """How often the story says that the video is ready."""
    return host.text("slept/project.log").count("Your video is ready")


@pytest.mark.parametrize("moment", ["performed", pytest.param("part", marks=pytest.mark.slow)])
def test_a_host_that_slept_while_it_fetched_a_video_publishes_and_tells_nothing(
    tmp_path: Path, cloud: Cloud, database: str, moment: str
) -> None:
    with cluster(tmp_path, cloud, database) as (first, second):
        frozen_and_followed(first, second, cloud, "download", moment)
        assert ready(second) == 1
