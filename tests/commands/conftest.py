"""A person's home with folders, and the program run inside this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nemo_watch.commands.main import main
from nemo_watch.config import Config, load
from nemo_watch.errors import FilmState
from nemo_watch.jobs import records, tables
from nemo_watch.jobs.opening import open_sqlite
from nemo_watch.jobs.store import Store
from nemo_watch.model import FolderIdentity

ENVIRONMENT = (
    "NEMO_TOKEN", "NEMO_API_URL", "NEMO_CLIENT_ID", "NEMO_WATCH_CONFIG", "SKILL_SOURCE", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY",
    "XDG_CONFIG_HOME", "XDG_STATE_HOME", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "SUDO_USER",
)  # fmt: skip


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def _run(*arguments: str) -> Ended:
        try:
            code = main(list(arguments))
        except SystemExit as ended:  # argparse's way out
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return _run


@pytest.fixture
def config(home: Path) -> Config:
    """The built-in configuration of that home, its folders made."""
    config = load()
    for folder in (config.folders.inbox, config.folders.outbox):
        folder.mkdir(parents=True)
    config.folders.state.mkdir(parents=True, mode=0o700)
    return config


def row(name: str, state: str = "done", **more: Any) -> dict[str, Any]:
    """A film's row in the status."""
    return {
        "name": name, "version": 1, "state": state, "detail": "", "progress": 1.0, "needs": None,
        "video": None, "updated_at": "2026-11-22T15:42:07Z",
    } | more  # fmt: skip


def snapshot(*rows: dict[str, Any], files: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """The object of `status --json`."""
    return {
        "projects": list(rows), "files": files or [], "service": {"backend": "cloud", "credits": None},
        "watching": {"mode": "events", "problems": []},
    } | more  # fmt: skip


@pytest.fixture
def tell(config: Config) -> Callable[..., None]:
    """Put a status into the outbox, as the daemon would."""

    def _tell(*rows: dict[str, Any], **more: Any) -> None:
        (config.folders.outbox / "status.json").write_text(json.dumps(snapshot(*rows, **more)), "utf-8")

    return _tell


@dataclass
class Films:
    """A journal with films in it, and what has been asked for them."""

    store: Store

    def add(self, name: str, state: FilmState = FilmState.DONE, stem: str | None = None) -> int:
        """A film's number."""
        folder, _, own = name.partition("/")

        def work(connection: Any) -> int:
            rows = connection.execute(tables.project.select()).all()
            project = next((row.id for row in rows if row.folder == folder), None)
            if project is None:
                inode = len(rows) + 1
                project = records.add_project(
                    connection, folder, FolderIdentity(1, inode, None), f"{folder}-{inode}", 0.0
                )
            prompt = f"{own}.txt" if own else "prompt.txt"
            number = records.add_film(
                connection, project, own if stem is None else stem, own or folder, 0.0, name=name, prompt_file=prompt
            )
            records.write_film(connection, number, state=state.value)
            return number

        return self.store.submit(work).result()

    def asked(self) -> list[tuple[str, str]]:
        """Verb and film of every open request."""

        def work(connection: Any) -> list[tuple[str, str]]:
            names = {film.id: film.name for film in records.films(connection)}
            return [(request.verb, names[request.film]) for request in records.open_requests(connection)]

        return self.store.submit(work).result()


@pytest.fixture
def films(config: Config) -> Iterator[Films]:
    store = open_sqlite(config.folders.state / "journal.db")
    yield Films(store)
    store.close()
