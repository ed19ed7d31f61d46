"""Answers to routing words that cost nothing: the balance and the timeline, as reply.txt tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import store as tables
from nemo_watch.jobs.planning import Past, Routed

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
