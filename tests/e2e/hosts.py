"""Several machines that share one journal: each a daemon of its own on a state folder of its own; inbox and outbox shared, or not."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.conftest import Server
from tests.e2e.cloud import Cloud
from tests.e2e.house import House

SILENCE_S = 2.0
WITHIN_S = 120.0


class Host(House):
    """One of them. It sees the inbox and the outbox by another path than the others."""

    def __init__(self, root: Path, cloud: Cloud, name: str, database: str, shared: Path | None) -> None:
        self.name = name
        self.database = database
        self.shared = shared
        super().__init__(root, cloud)

    def configure(self, changes=None) -> None:
        """Write the config: the folders as this host sees them, and the journal."""
        if self.shared is not None and not (self.root / "mnt").exists():
            for folder in ("inbox", "outbox"):
                (self.shared / folder).mkdir(parents=True, exist_ok=True)
            self.inbox.rmdir()
            (self.root / "mnt").symlink_to(self.shared)
            self.inbox, self.outbox = self.root / "mnt" / "inbox", self.root / "mnt" / "outbox"
        journal = {"url": self.database, "host": self.name, "silence": f"{SILENCE_S:g}s"}
        if self.shared is not None:
            journal["site"] = "home"
        tables = {name: dict(keys) for name, keys in (changes or {}).items()}
        tables["journal"] = journal | tables.get("journal", {})
        super().configure(tables)


@contextlib.contextmanager
def cluster(root: Path, cloud: Cloud, database: str, count: int = 2, *, shared: bool = True) -> Iterator[list[Host]]:
    """So many hosts, none started yet."""
    hosts = [
        Host(root / f"nas-{n}", cloud, f"nas-{n}", database, root / "share" if shared else None)
        for n in range(1, count + 1)
    ]
    try:
        yield hosts
    finally:
        for host in hosts:
            host.close()


# -- what there is to see of them ------------------------------------------------------------------------------------------


def who(hosts: list[Host], event: str, film: str) -> list[str]:
    """The hosts whose log tells this event of the film."""
    return [
        host.name
        for host in hosts
        for line in (host.log.read_text("utf-8").splitlines() if host.log.exists() else [])
        if f'"event": "{event}"' in line and f'"film": "{film}"' in line
    ]


def leader(hosts: list[Host]) -> Host:
    """The host that looks at the inbox; waits until there is one."""

    def found() -> list[Host]:
        return [host for host in hosts if host.log.exists() and "site.led" in host.log.read_text("utf-8")]

    return hosts[0].until(found, daemon=False)[0]


def was_made_once(host: Host, cloud: Cloud, name: str, words: list[str]) -> None:
    """Done, each message sent once, one whole video."""
    row = host.until_done(name)
    assert (row["version"], row["needs"]) == (1, None)
    assert [message for message in cloud.messages if name in message] == words, host.report()
    videos = {path: found for path, found in host.videos().items() if path.startswith(f"{name}/")}
    assert set(videos) == {f"{name}/{name}.mp4", f"{name}/{name}-v1.mp4"}
    assert set(videos.values()) <= cloud.video_sums
    host.until(lambda: not host.leftovers(), daemon=False)


def frozen_and_followed(first: Host, second: Host, cloud: Cloud, call: str, moment: str) -> None:
    """The first freezes at the call and the second makes the film "slept" in its place; the first wakes, knows, and another film is made.

    The videos that were there when it woke stay what they were.
    """
    first.start()
    leader([first])
    hook = cloud.hook(call, moment, lambda: first.signal(signal.SIGSTOP))
    first.project("slept", "About slept")
    assert hook.happened.wait(WITHIN_S), first.report()
    second.start()
    was_made_once(second, cloud, "slept", ["About slept"])
    videos = second.videos()
    first.signal(signal.SIGCONT)
    first.until(lambda: "site.lost" in first.log.read_text("utf-8"))
    second.project("later", "About later")
    was_made_once(second, cloud, "later", ["About later"])
    assert {path: found for path, found in second.videos().items() if path in videos} == videos


def of(server: Server, name: str) -> str:
    """A new database on a server of the test's own."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.url.replace("/postgres?", f"/{name}?")


def had_by(database: str, film: str) -> str | None:
    """The name of the host that has the film at work, as the journal has it."""
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT host.name FROM job JOIN host ON job.owner = host.owner JOIN film ON film.id = job.film "
            "WHERE job.state = 'working' AND film.name = %s",
            (film,),
        ).fetchone()
    return None if row is None else str(row[0])


def at_work(database: str, name: str) -> dict[str, list[object]] | None:
    """What a host last told that it does, None while it is taken for dead."""
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT doing FROM host WHERE name = %s AND beat_at + silent_s > extract(epoch FROM clock_timestamp())",
            (name,),
        ).fetchone()
    return None if row is None else json.loads(row[0])


def receipts(database: str) -> dict[tuple[str, str], tuple[str, float]]:
    """The steps that are finished, with their receipts and when these were written."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT scope, name, receipt, at FROM step WHERE state = 'done'").fetchall()
    return {(scope, name): (receipt, at) for scope, name, receipt, at in rows}
