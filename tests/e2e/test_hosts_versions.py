"""Two versions of nemo-watch at once, as during an upgrade: nobody's journal is changed under its feet, and nothing is paid twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from nemo_watch.jobs.tables import SCHEMA_VERSION
from tests.e2e.cloud import Cloud
from tests.e2e.hosts import WITHIN_S, Host, at_work, cluster, leader, was_made_once, who

NEWER = f"""
from nemo_watch.jobs import tables
tables.SCHEMA_VERSION = {SCHEMA_VERSION + 1}
tables.MIGRATIONS[tables.SCHEMA_VERSION] = ("ALTER TABLE project ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'",)
"""


@pytest.fixture
def hosts(tmp_path: Path, cloud: Cloud, database: str) -> Iterator[list[Host]]:
    """An older host and a newer one, none started yet."""
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "sitecustomize.py").write_text(NEWER)
    with cluster(tmp_path, cloud, database) as both:
        both[1].env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(newer), os.environ.get("PYTHONPATH"))))
        yield both


def schema_of(database: str) -> int:
    """The schema that the journal has."""
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.slow
def test_a_newer_one_waits_until_the_older_have_stopped_and_an_older_one_is_not_let_in_again(
    hosts: list[Host], cloud: Cloud
) -> None:
    older, newer = hosts
    older.start()
    leader([older])
    hook = cloud.hook("run_sse", "part", holds=True)
    older.project("made", "About made")
    assert hook.happened.wait(WITHIN_S), older.report()
    waits = newer.command("run")
    assert waits.returncode == 1, "a service manager tries again"
    assert "an older nemo-watch still works on it: nas-1; stop it there" in waits.stderr
    assert schema_of(older.database) == SCHEMA_VERSION
    hook.released.set()
    was_made_once(older, cloud, "made", ["About made"])
    assert who([older], "job.ended", "made") == ["nas-1"], "it was not disturbed"
    assert older.stop() == 0
    newer.start()
    newer.project("later", "About later")
    was_made_once(newer, cloud, "later", ["About later"])
    assert schema_of(older.database) == SCHEMA_VERSION + 1
    refused = older.command("run")
    assert refused.returncode == 2
    assert "was written by a newer nemo-watch" in refused.stderr
    assert cloud.messages == ["About made", "About later"]


@pytest.mark.parametrize(
    ("call", "moment"), [("run_sse", "part"), pytest.param("render", "performed", marks=pytest.mark.slow)]
)
@pytest.mark.slow
def test_an_older_one_that_slept_through_the_upgrade_stops_and_says_why(
    hosts: list[Host], cloud: Cloud, call: str, moment: str
) -> None:
    older, newer = hosts
    older.start()
    leader([older])
    hook = cloud.hook(call, moment, lambda: older.signal(signal.SIGSTOP))
    older.project("slept", "About slept")
    assert hook.happened.wait(WITHIN_S), older.report()
    newer.until(lambda: at_work(older.database, "nas-1") is None)
    newer.start()
    was_made_once(newer, cloud, "slept", ["About slept"])
    older.signal(signal.SIGCONT)
    assert older.ended() == 2
    assert "A newer nemo-watch on another host has changed the journal" in older.log.read_text("utf-8")
    assert who([older], "job.ended", "slept") == []
    newer.project("later", "About later")
    was_made_once(newer, cloud, "later", ["About later"])
    assert cloud.messages == ["About slept", "About later"]
