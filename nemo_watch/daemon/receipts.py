"""The journal's rows ↔ the receipts in the outbox: what was bought is known even when one of the two is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nemo_watch.errors import Cause
from nemo_watch.jobs import knowledge, queue, records, tables
from nemo_watch.jobs.pipeline import VERSION
from nemo_watch.masking import masked
from nemo_watch.model import (
    FINGERPRINT,
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
    url_key,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from nemo_watch.jobs.store import Store

_NOWHERE = FolderIdentity(0, 0, None)  # a project known from its receipt alone: its folder is found by name or media


class Receipts:
    """Receipts made from the journal, and the journal made from receipts."""

    def __init__(self, store: Store, site: int = tables.FIRST_SITE) -> None:
        self._store = store
        self._site = site

    async def of_project(self, number: int) -> ProjectReceipt:
        """`project.toml` of one project, as the journal knows it."""
        return await self._store.do(lambda connection: _receipt(connection, number))

    async def restore(self, receipts: Sequence[ProjectReceipt], now: float) -> int:
        """Take over what the outbox knows and the journal does not (a lost journal); how many projects."""
        return await self._store.do(
            lambda connection: sum(_restored(connection, receipt, now, self._site) for receipt in receipts)
        )


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
    taken = knowledge.messages_by_job(connection)
    return tuple(
        _version(connection, row, taken.get(row.id, set()))
        for row in rows
        if row.video is not None or taken.get(row.id)
    )


def _version(connection: sa.Connection, row: Any, taken: Collection[str]) -> BoughtVersion:  # noqa: ANN401  a row
    order = queue.order_from_json(row.order)
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
        urls=tuple(map(_told, order.urls)),
        messages=_messages(row, order, taken),
        account=row.account or "",
        session_id=row.session_id or "",
        task_id=row.task_id,
        render_id=str(renders[-1]["id"]) if renders else None,
        credits_before=_credits(connection, row.id, "before"),
        credits_after=_credits(connection, row.id, "after"),
        paths={m.sha256: m.path for m in order.media},
        finished=row.video is not None or row.state in {JobState.DONE, JobState.REPLACED},
        unsure=_is_unsure(connection, row.id),
        left_out=_left_out(connection, row.id, order),
    )


def _messages(row: Any, order: Order, taken: Collection[str]) -> tuple[str, ...]:  # noqa: ANN401  a row
    """What is in force after a job: all of its words where it is made, else those that were, or may have been, taken."""
    sent = len(order.wish) - len(order.send) + sum(name != "message/edit" for name in taken)
    return order.wish if row.video is not None or row.as_it_stands else order.wish[:sent]


def _is_unsure(connection: sa.Connection, job: int) -> bool:
    """Whether a message of the job was begun of which nothing else is known."""
    step = tables.step
    begun = step.c.name.startswith("message/"), step.c.state == "intent"
    return connection.scalar(sa.select(step.c.id).where(step.c.scope == f"job/{job}", *begun).limit(1)) is not None


def _left_out(connection: sa.Connection, job: int, order: Order) -> tuple[str, ...]:
    step = tables.step
    names = set(
        connection.scalars(
            sa.select(step.c.name).where(
                step.c.scope == f"job/{job}", step.c.name.startswith("left-out/"), step.c.state == "done"
            )
        )
    )
    media = [m.sha256 for m in order.media if f"left-out/{m.sha256}" in names]
    return (*media, *(_told(url) for url in order.urls if f"left-out/{url_key(url)}" in names))


def _told(url: str) -> str:
    """An address as the receipt has it: one that holds a secret by its fingerprint, which is all that knowing it again takes."""
    told = masked(url)
    return url if told == url else f"{told}{FINGERPRINT}{url_key(url)}"


def _credits(connection: sa.Connection, job: int, when: str) -> float | None:
    step = tables.step
    receipt = connection.scalar(
        sa.select(step.c.receipt).where(
            step.c.scope == f"job/{job}", step.c.name == f"credits/{when}", step.c.state == "done"
        )
    )
    return None if receipt is None else float(receipt["available"])


def _restored(connection: sa.Connection, receipt: ProjectReceipt, now: float, site: int) -> int:
    """Take over the versions of one receipt that the journal (lost, or an older copy) does not know; 1 if there were any."""
    known = next(
        (n for n, folder in records.outbox_folders(connection, site).items() if folder == receipt.folder), None
    )
    project = (
        records.add_project(connection, receipt.project, _NOWHERE, receipt.folder, now, site)
        if known is None
        else known
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
            _restore_version(connection, project, number, film.name, version, _is_shared(receipt, version))
        new = 1
    return new


def _is_shared(receipt: ProjectReceipt, bought: BoughtVersion) -> bool:
    """Whether several films of the folder were made in the version's session."""
    return sum(any(v.session_id == bought.session_id for v in film.versions) for film in receipt.films) > 1


def _has_version(connection: sa.Connection, film: int, bought: BoughtVersion) -> bool:
    job, session = tables.job, tables.session
    query = sa.select(job).outerjoin(session, job.c.session == session.c.id).where(job.c.film == film)
    if bought.video is not None:
        return connection.execute(query.where(job.c.video == bought.video).limit(1)).first() is not None
    taken = knowledge.messages_by_job(connection)
    rows = connection.execute(query.where(job.c.version == bought.version, session.c.session_id == bought.session_id))
    known = [_messages(row, queue.order_from_json(row.order), taken.get(row.id, set())) for row in rows.all()]
    return any(messages[: len(bought.messages)] == bought.messages for messages in known)  # the journal may be ahead


def _restore_version(
    connection: sa.Connection, project: int, film: int, name: str, bought: BoughtVersion, shared: bool
) -> None:
    """A version as a job that is over; its messages count as sent, its session is gone on with."""
    at = bought.made_at.timestamp()
    session = _session(connection, project, bought, shared, at) if bought.session_id else None
    media = tuple(
        Medium(bought.paths.get(sha, name), name, MediaKind.IMAGE, 0, sha) for sha, name in bought.media.items()
    )
    kind = OrderKind.MESSAGES if session is not None else OrderKind.REUSE
    order = Order(kind, bought.backend, media, bought.urls, bought.messages, bought.messages if session else ())
    queue.give_way(connection, film, bought.version, at)
    job = queue.place(connection, film, order, bought.version, None, VERSION, at)
    connection.execute(
        tables.job.update()
        .where(tables.job.c.id == job)
        .values(session=session, video=bought.video, video_sha256=bought.video_sha256, **_standing(bought, name))
    )
    if session is not None:
        _restore_uploads(connection, session, bought, at)
        connection.execute(
            tables.step.insert().values(
                scope=f"job/{job}", name="session", state="done", at=at, receipt={"row": session}
            )
        )
    for index, text in enumerate(order.send):
        connection.execute(
            tables.step.insert().values(
                scope=f"job/{job}", name=f"message/{index}", state="done", at=at,
                data={"text": text, "paid": bought.backend is Backend.CLOUD}, receipt={"text": "", "restored": True},
            )
        )  # fmt: skip


def _standing(bought: BoughtVersion, film: str) -> dict[str, Any]:
    """How a restored version stands: over; to be rendered, which is free; or, where nobody knows, for a person to decide."""
    if bought.finished:
        return {"state": JobState.DONE.value}
    if not bought.unsure:
        return {"state": JobState.QUEUED.value}
    return {
        "state": JobState.PARKED.value,
        "cause": Cause.MESSAGE_UNSURE.value,
        "data": {"film": film, "messages": len(bought.messages)},
    }


def _restore_uploads(connection: sa.Connection, session: int, bought: BoughtVersion, at: float) -> None:
    """What went up for the version lies in its session: it is not sent again."""
    names = [f"upload/{sha256}" for sha256 in bought.media if sha256 not in bought.left_out]
    names += [f"urls/{url_key(url)}" for url in bought.urls if url not in bought.left_out]
    step, scope = tables.step, f"session/{session}"
    known = set(connection.scalars(sa.select(step.c.name).where(step.c.scope == scope)).all())
    for name in names:
        if name not in known:
            connection.execute(
                step.insert().values(
                    scope=scope, name=name, state="done", at=at, receipt={"files": [], "restored": True}
                )
            )


def _session(connection: sa.Connection, project: int, bought: BoughtVersion, shared: bool, at: float) -> int:
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
                task_id=bought.task_id, shared=shared, created_at=at,
            )
            .returning(session.c.id)
        ).scalar_one()
    )  # fmt: skip
