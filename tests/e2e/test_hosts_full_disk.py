"""The disk of the database is full while a film is at work: nothing is paid twice, nothing lost, people are told, and it goes on by itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Server
from tests.e2e.cloud import Cloud
from tests.e2e.hosts import SILENCE_S, WITHIN_S, Host, at_work, cluster, leader, of, receipts, was_made_once

SIZE = "192m"


@contextlib.contextmanager
def small_disk() -> Iterator[Path]:
    """A disk of its own, as small as a server can live on. Skips where none can be mounted."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk."""
    with small_disk() as folder:
        yield folder


class Ballast:
    """What fills a disk to the brim."""

    def __init__(self, disk: Path) -> None:
        self._file = disk / "ballast"

    def load(self) -> None:
        """Leave no block free."""
        with self._file.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(65536)):
                pass

    def drop(self) -> None:
        """Make room."""
        self._file.unlink()


def fill_tables(url: str) -> None:
    """Leave no room in the pages that the tables have: the next step wants another page."""
    for count in (100, 1):
        with contextlib.suppress(psycopg.errors.DiskFull), psycopg.connect(url, autocommit=True) as connection:
            while True:
                connection.execute(
                    "INSERT INTO step (scope, name, state, at) SELECT 'ballast', '', 'void', 0 FROM generate_series(1, %s)",
                    (count,),
                )


def crash(url: str) -> None:
    """Let the server want a new piece of its log, which its disk does not hold: it ends itself."""
    with contextlib.suppress(psycopg.Error):
        while True:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("SELECT pg_switch_wal(), txid_current()")


def start_again(server: Server) -> None:
    """Until it lets somebody in: what was about to end itself may have seemed to run."""
    for _ in range(10):
        server.start()
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(server.url):
            return
    raise AssertionError("the server does not start")


def problems(host: Host) -> list[str]:
    """What the status says is wrong."""
    return host.status()["watching"]["problems"]


WRITES_MORE = [
    ("run_sse", "part"),
    pytest.param("upload", "asked", marks=pytest.mark.slow),
]  # steps that have no row yet


@pytest.mark.parametrize(("call", "moment"), WRITES_MORE)
@pytest.mark.slow
def test_tables_that_cannot_grow_hold_a_film_up_and_it_goes_on_when_there_is_room(
    tmp_path: Path, cloud: Cloud, server: Server, disk: Path, call: str, moment: str
) -> None:
    """The server lives on; only what is on the full disk refuses."""
    shutil.chown(disk, server.folder.owner(), server.folder.group())
    disk.chmod(0o700)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        connection.execute("CREATE DATABASE full_tables TABLESPACE small")
    url, ballast = server.url.replace("/postgres?", "/full_tables?"), Ballast(disk)
    with cluster(tmp_path, cloud, url) as hosts:
        hosts[0].start()
        leader(hosts)
        hook = cloud.hook(call, moment, holds=True)
        hosts[0].project("held", "About held")
        assert hook.happened.wait(WITHIN_S), hosts[0].report()
        hosts[1].start()
        hosts[1].until(lambda: at_work(url, "nas-2") is not None)
        finished = receipts(url)
        ballast.load()
        fill_tables(url)
        hook.released.set()
        hosts[0].until(lambda: "the journal cannot be written (the disk of the database is full)" in problems(hosts[0]))
        assert len(cloud.messages) <= 1
        ballast.drop()
        was_made_once(hosts[0], cloud, "held", ["About held"])
        assert finished.items() <= receipts(url).items()
        hosts[0].until(lambda: problems(hosts[0]) == [])
        hosts[0].project("later", "About later")
        was_made_once(hosts[0], cloud, "later", ["About later"])


@pytest.mark.parametrize(
    ("call", "moment"), [*WRITES_MORE, pytest.param("render", "performed", marks=pytest.mark.slow)]
)
@pytest.mark.slow
def test_a_server_that_a_full_disk_has_ended_is_waited_for(
    tmp_path: Path, cloud: Cloud, disk: Path, call: str, moment: str
) -> None:
    """Its log cannot be written: it ends itself, cannot start, and is started again when there is room."""
    server, ballast = Server(disk), Ballast(disk)
    try:
        url = of(server, "brim")
        with cluster(tmp_path, cloud, url) as hosts:
            for host in hosts:
                host.start()
            leader(hosts)
            hook = cloud.hook(call, moment, holds=True)
            hosts[0].project("held", "About held")
            assert hook.happened.wait(WITHIN_S), hosts[0].report()
            finished = receipts(url)
            ballast.load()
            crash(url)
            hook.released.set()
            hosts[0].until(lambda: any("the journal cannot be written" in problem for problem in problems(hosts[0])))
            end = time.monotonic() + 3 * SILENCE_S
            hosts[0].until(lambda: time.monotonic() > end)  # everybody's lease is over by then
            assert len(cloud.messages) <= 1
            ballast.drop()
            start_again(server)
            was_made_once(hosts[0], cloud, "held", ["About held"])
            assert finished.items() <= receipts(url).items()
            hosts[0].until(lambda: problems(hosts[0]) == [])
            hosts[0].project("later", "About later")
            was_made_once(hosts[0], cloud, "later", ["About later"])
    finally:
        server.close()
