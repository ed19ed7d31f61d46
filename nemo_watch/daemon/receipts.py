"""The journal's rows ↔ the receipts in the outbox: what was bought is known even when one of the two is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nemo_watch.jobs import records
from nemo_watch.jobs import store as tables
from nemo_watch.jobs.pipeline import VERSION
from nemo_watch.model import (
    Backend,
    BoughtVersion,
    FilmReceipt,
    FolderIdentity,
    JobState,
    MediaKind,
    Medium,
    Order,
    OrderKind,
    ProjectReceipt,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_watch.jobs.store import Store

_NOWHERE = FolderIdentity(0, 0, None)  # a project known from its receipt alone: its folder is found by name or media


class Receipts:
    """Receipts made from the journal, and the journal made from receipts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of_project(self, number: int) -> ProjectReceipt:
        """`project.toml` of one project, as the journal knows it."""
        return await self._store.do(lambda connection: _receipt(connection, number))

    async def restore(self, receipts: Sequence[ProjectReceipt], now: float) -> int:
        """Take over what the outbox knows and the journal does not (a lost journal); how many projects."""
        return await self._store.do(lambda connection: sum(_restored(connection, receipt, now) for receipt in receipts))


def _receipt(connection: sa.Connection, number: int) -> ProjectReceipt:
    project = connection.execute(sa.select(tables.project).where(tables.project.c.id == number)).one()
    films = [
        FilmReceipt(film.name, film.outbox_stem, _versions(connection, film.id))
        for film in records.films(connection, number)
    ]
    return ProjectReceipt(project.folder, project.outbox, tuple(film for film in films if film.versions))


def _versions(connection: sa.Connection, film: int) -> tuple[BoughtVersion, ...]:
    job, session = tables.job, tables.session
    rows = connection.execute(
        sa.select(job, session.c.session_id, session.c.task_id, session.c.account)
        .outerjoin(session, job.c.session == session.c.id)
        .where(job.c.film == film)
        .order_by(job.c.id)
    ).all()
    return tuple(_version(connection, row) for row in rows if row.video is not None)


def _version(connection: sa.Connection, row: Any) -> BoughtVersion:  # noqa: ANN401  a row
    order = records.order_from_json(row.order)
    renders = connection.scalars(
        sa.select(tables.step.c.receipt)
        .where(
            tables.step.c.scope == f"job/{row.id}",
            tables.step.c.name.startswith("render/"),
            tables.step.c.state == "done",
        )
        .order_by(tables.step.c.id)
    ).all()
    return BoughtVersion(
        version=row.version,
        backend=order.backend,
        made_at=datetime.fromtimestamp(row.updated_at, UTC),
        video=row.video,
        video_sha256=row.video_sha256,
        media={m.sha256: m.name for m in order.media},
        urls=order.urls,
        messages=order.wish,
        account=row.account or "",
        session_id=row.session_id or "",
        task_id=row.task_id,
        render_id=str(renders[-1]["id"]) if renders else None,
        paths={m.sha256: m.path for m in order.media},
    )


def _restored(connection: sa.Connection, receipt: ProjectReceipt, now: float) -> int:
    """Take over the versions of one receipt that the journal (lost, or an older copy) does not know; 1 if there were any."""
    known = next((n for n, folder in records.outbox_folders(connection).items() if folder == receipt.folder), None)
    project = (
        records.add_project(connection, receipt.project, _NOWHERE, receipt.folder, now) if known is None else known
    )
    films = {film.outbox_stem: film.id for film in records.films(connection, project)}
    new = 0
    for film in receipt.films:
        number = films.get(film.stem)
        missing = [
            version for version in film.versions if number is None or not _has_version(connection, number, version)
        ]
        if not missing:
            continue
        if number is None:
            stem = film.name.partition("/")[2]
            words = list(missing[-1].messages)
            number = records.add_film(connection, project, stem, film.stem, now, name=film.name, words=words)
        for version in missing:
            _restore_version(connection, project, number, version)
        new = 1
    return new


def _has_version(connection: sa.Connection, film: int, bought: BoughtVersion) -> bool:
    job = tables.job
    return connection.scalar(sa.select(job.c.id).where(job.c.film == film, job.c.video == bought.video)) is not None


def _restore_version(connection: sa.Connection, project: int, film: int, bought: BoughtVersion) -> None:
    """A version as a job that is over; its messages count as sent, its session is gone on with."""
    at = bought.made_at.timestamp()
    session = _session(connection, project, bought, at) if bought.session_id else None
    media = tuple(
        Medium(bought.paths.get(sha, name), name, MediaKind.IMAGE, 0, sha) for sha, name in bought.media.items()
    )
    kind = OrderKind.MESSAGES if session is not None else OrderKind.REUSE
    order = Order(kind, bought.backend, media, bought.urls, bought.messages, bought.messages if session else ())
    job = records.place(connection, film, order, bought.version, None, VERSION, at)
    connection.execute(
        tables.job.update()
        .where(tables.job.c.id == job)
        .values(state=JobState.DONE.value, session=session, video=bought.video, video_sha256=bought.video_sha256)
    )
    for index, text in enumerate(order.send):
        connection.execute(
            tables.step.insert().values(
                scope=f"job/{job}", name=f"message/{index}", state="done", at=at,
                data={"text": text, "paid": bought.backend is Backend.CLOUD}, receipt={"text": "", "restored": True},
            )
        )  # fmt: skip


def _session(connection: sa.Connection, project: int, bought: BoughtVersion, at: float) -> int:
    session = tables.session
    known = connection.scalar(
        sa.select(session.c.id).where(session.c.project == project, session.c.session_id == bought.session_id)
    )
    if known is not None:
        return int(known)
    return int(
        connection.execute(
            session.insert()
            .values(
                project=project, backend=bought.backend.value, account=bought.account, session_id=bought.session_id,
                task_id=bought.task_id, shared=False, created_at=at,
            )
            .returning(session.c.id)
        ).scalar_one()
    )  # fmt: skip
