"""Answers to routing words that cost nothing: the balance and the timeline, as reply.txt tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import tables
from nemo_watch.jobs.decisions import Past, Routed
from nemo_watch.jobs.timelines import is_shared, newest_own_timeline

if TYPE_CHECKING:
    from nemo_watch.jobs.ports import Language, Service
    from nemo_watch.jobs.store import Store


class Answers:
    """Asks the service and words the answer."""

    def __init__(self, store: Store, service: Service, words: Language) -> None:
        self._store = store
        self._service = service
        self._words = words

    async def answer(self, routed: Routed, past: Past) -> str:
        """The text of reply.txt. Raises: Trouble when the service cannot be asked."""
        if routed is Routed.CREDITS:
            balance = await self._service.balance()
            return (
                f"Credits: {balance.available:g} available, {balance.frozen:g} reserved for work in progress, "
                f"{balance.total:g} in all.\n"
            )
        if (own := await self._own_timeline(past)) is not None:
            return self._words.summary(own) + "\n"
        session = None if past.sent is None else past.sent.session
        if session is None:
            return "There is no timeline yet.\n"
        row = await self._store.do(
            lambda c: c.execute(
                sa.select(tables.session.c.session_id).where(tables.session.c.id == session)
            ).scalar_one()
        )
        try:
            draft = (await self._service.state(row)).draft
        except Trouble as trouble:
            if trouble.cause is not Cause.SESSION_LOST:
                raise
            return "NemoVideo no longer knows this film's editing session; its last timeline is in timeline.txt.\n"
        return (self._words.summary(draft) if self._words.exportable(draft) else "There is no timeline yet.") + "\n"

    async def _own_timeline(self, past: Past) -> dict[str, Any] | None:
        """The film's own timeline where its session is shared: the session's newest may be another film's."""
        if past.job is None or past.sent is None:
            return None
        number, session = past.job.id, past.sent.session
        if session is None or not await self._store.read(lambda c: is_shared(c, session)):
            return None
        return await self._store.read(lambda c: newest_own_timeline(c, number, session))
