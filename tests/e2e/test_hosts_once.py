"""`run --once` among others: it ends, whoever leads, and says what it leaves to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.hosts import cluster, had_by, leader, was_made_once


@pytest.mark.slow
def test_one_that_only_helps_leaves_what_the_leader_has_at_work_and_names_it(
    tmp_path: Path, cloud: Cloud, database: str
) -> None:
    with cluster(tmp_path, cloud, database) as (leads, helps):
        leads.start()
        leader([leads])
        cloud.film.gate.clear()
        leads.project("made", "About made")
        leads.until(lambda: len(cloud.renders) == 1)
        assert helps.once() == 1, "a film is not done"
        said = helps.log.read_text("utf-8")
        assert "once.left_to_others" in said
        assert "made" in said
        assert had_by(database, "made") == "nas-1"
        cloud.film.gate.set()
        was_made_once(leads, cloud, "made", ["About made"])
        assert helps.once() == 0, "every film is done"
        assert leads.rows()["made"]["state"] == "done"


@pytest.mark.slow
def test_one_that_only_helps_makes_what_waits_for_a_place(tmp_path: Path, cloud: Cloud, database: str) -> None:
    with cluster(tmp_path, cloud, database) as (leads, helps):
        leads.configure({"journal": {"projects_here": 1, "silence": "30s"}})
        leads.start()
        leader([leads])
        cloud.film.gate.clear()
        for name in ("one", "two"):
            leads.project(name, f"About {name}")
        leads.until(lambda: len(cloud.renders) == 1)  # and it is looked at until the gate opens
        leads.until(lambda: len(leads.rows()) == 2 and any(row["state"] == "queued" for row in leads.rows().values()))
        (waits,) = [name for name in ("one", "two") if had_by(database, name) is None]
        opens = cloud.hook("render", "performed", cloud.film.gate.set)
        assert helps.once() in {0, 1}
        assert opens.happened.is_set(), "it has made the other"
        for name in ("one", "two"):
            was_made_once(leads, cloud, name, [f"About {name}"])
        assert f'"film": "{waits}"' in helps.log.read_text("utf-8")


def test_one_that_only_helps_does_not_say_that_all_is_done_before_the_leader_has_looked(
    tmp_path: Path, cloud: Cloud, database: str
) -> None:
    with cluster(tmp_path, cloud, database) as (leads, helps):
        leads.start()
        leader([leads])
        leads.until(lambda: leads.rows() == {})
        cloud.film.gate.clear()
        leads.project("new", "About new")  # at rest a second later: until then no journal knows of it
        assert helps.once() == 1, "it has not been made"
        cloud.film.gate.set()
        was_made_once(leads, cloud, "new", ["About new"])
