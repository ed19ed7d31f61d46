"""credits and link: what is asked of the service, with the service played by a test."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from nemo_watch.daemon import wiring
from nemo_watch.jobs import tables
from nemo_watch.model import Credits


class Service:
    """What a command may ask; remembers what was asked."""

    def __init__(self, link: str | None) -> None:
        self.account = SimpleNamespace(registration_link=lambda: link)
        self.client = SimpleNamespace(claim=self._claim)
        self.claimed: list[tuple[str, str]] = []
        self.token: str | None = None

    async def balance(self) -> Credits:
        return Credits(60.0, 10.0, 100.0)

    async def _claim(self, task_id: str, session_id: str) -> str:
        self.claimed.append((task_id, session_id))
        return "https://nemovideo.com/workspace/claim?ct=clm_1"


@pytest.fixture
def service(monkeypatch):
    service = Service("https://nemovideo.com/register?bind=u1")

    @asynccontextmanager
    async def running(_config, *, token=None, clock=None, store=None):
        service.token = token
        yield service

    monkeypatch.setattr(wiring, "running_service", running)
    return service


def test_credits_tells_the_balance_and_where_more_comes_from(run, config, service):
    ended = run("credits")
    assert ended.code == 0
    assert ended.out == (
        "Credits: 60 available, 10 reserved for work in progress, 100 in total\nRegister for more: https://nemovideo.com/register?bind=u1\n"
    )


def test_credits_uses_the_persons_token_and_takes_it_out_of_the_environment(run, config, service, monkeypatch):
    import os

    monkeypatch.setenv("NEMO_TOKEN", "nmv_usr_secret")
    ended = run("credits")
    assert service.token == "nmv_usr_secret"
    assert "NEMO_TOKEN" not in os.environ
    assert "nmv_usr_secret" not in ended.out + ended.err


def test_the_studio_needs_no_credits(run, config, service):
    assert "free" in run("credits", "--studio").out


def sessions(films, film: int, *rows: dict[str, object]) -> None:
    """Sessions of a film, each with a job."""

    def work(connection):
        project = connection.execute(tables.film.select().where(tables.film.c.id == film)).one().project
        for found in rows:
            session = connection.execute(
                tables.session.insert()
                .values(project=project, account="a", shared=False, created_at=0.0, **found)
                .returning(tables.session.c.id)
            ).scalar_one()
            connection.execute(
                tables.job.insert().values(
                    film=film,
                    version=1,
                    state="done",
                    order={"media": []},
                    session=session,
                    pipeline=1,
                    created_at=0.0,
                    updated_at=0.0,
                )
            )

    films.store.submit(work).result()


def test_a_link_is_made_for_the_newest_session_and_kept_nowhere(run, films, config, service):
    film = films.add("beach")
    cloud = {"backend": "cloud", "gone": False}
    sessions(
        films, film, cloud | {"session_id": "1", "task_id": "t1"}, cloud | {"session_id": "2", "task_id": "t2"},
        cloud | {"session_id": "3", "task_id": "t3", "gone": True}, {"backend": "studio", "gone": False, "session_id": "4", "task_id": "t4"},
    )  # fmt: skip
    ended = run("link", "beach")
    assert ended.out == "https://nemovideo.com/workspace/claim?ct=clm_1\n"
    assert service.claimed == [("t2", "2")]
    kept = b"".join(path.read_bytes() for path in config.folders.state.rglob("*") if path.is_file())
    assert b"clm_1" not in kept


def test_a_link_of_another_film_of_the_project_is_not_given(run, films, config, service):
    films.add("wedding/a")
    sessions(films, films.add("wedding/b"), {"backend": "cloud", "gone": False, "session_id": "2", "task_id": "t2"})
    ended = run("link", "wedding/a")
    assert ended.code == 2
    assert "nothing was sent" in ended.err
    assert service.claimed == []


def test_the_studio_has_no_editor_to_link_to(run, films, service):
    films.add("beach")
    assert run("link", "beach", "--studio").code == 2
