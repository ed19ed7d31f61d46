"""Hosts with folders of their own: each sees only its own inbox and outbox, and what is asked on one reaches the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.hosts import Host, cluster, was_made_once


def handled(host: Host) -> int:
    """How many requests of people it has carried out."""
    return host.log.read_text("utf-8").count('"event": "request.handled"')


@pytest.mark.slow
def test_what_is_asked_for_a_film_of_another_site_is_carried_out_by_its_own_host(
    tmp_path: Path, cloud: Cloud, database: str
) -> None:
    with cluster(tmp_path, cloud, database, shared=False) as (first, second):
        for host in (first, second):
            host.start()
        second.project("cellar", "About cellar")
        was_made_once(second, cloud, "cellar", ["About cellar"])
        first.until_done("cellar")
        renders = len(cloud.renders)
        asked = first.command("retry", "cellar")
        assert (asked.returncode, "is running" in asked.stdout) == (0, False)
        second.until(lambda: handled(second) == 1)  # its video is there: the first host cannot see that
        assert second.rows()["cellar"]["state"] == "done"
        assert first.command("again", "cellar").returncode == 0
        second.until_done("cellar", version=2)
        assert (cloud.messages, len(cloud.renders)) == (["About cellar", "About cellar"], renders + 1)
        assert handled(first) == 0
        second.stop()
        asked = first.command("retry", "cellar")
        assert "No host of nas-2 is running; this is carried out as soon as one starts there" in asked.stdout
        second.start()
        second.until(lambda: handled(second) == 3)
        assert (second.rows()["cellar"]["state"], len(cloud.renders)) == ("done", renders + 1)


@pytest.mark.slow
def test_a_name_that_two_sites_bear_means_the_film_of_the_host_that_is_asked(
    tmp_path: Path, cloud: Cloud, database: str
) -> None:
    with cluster(tmp_path, cloud, database, shared=False) as (first, second):
        for host in (first, second):
            host.start()
        first.project("same", "About same attic")
        first.until(lambda: first.rows().get("same", {}).get("state") == "done")
        second.project("same", "About same cellar")
        second.until(lambda: any(path.startswith("same/") for path in second.videos()))
        second.until(lambda: len(cloud.renders) == 2)
        assert first.command("again", "same").returncode == 0
        first.until(lambda: "same/same-v2.mp4" in first.videos())
        assert cloud.messages == ["About same attic", "About same cellar", "About same attic"]
        assert "same/same-v2.mp4" not in second.videos()
