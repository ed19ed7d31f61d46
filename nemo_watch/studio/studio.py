"""The studio as one object: a folder, a world, an agent that takes messages, a queue that renders. No HTTP here."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nemo_watch.studio.agent import Agent, Director
from nemo_watch.studio.rendering_jobs import Renderer, RenderQueue
from nemo_watch.studio.settings import Settings
from nemo_watch.studio.storage import Storage
from nemo_watch.studio.uploads import Batch, Probe
from nemo_watch.studio.world import DAY_S, Account, Render, Session, Upload, World


class Studio:
    """All that a studio does. `direct`, `probe` and `render` are its hands; `now` is seconds since 1970."""

    def __init__(
        self,
        folder: Path,
        *,
        direct: Director,
        probe: Probe,
        render: Renderer,
        settings: Settings | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings or Settings()
        self.now = now
        self.storage = Storage(folder)
        self.world = World()
        self._direct = direct
        self._probe = probe
        self._render = render

    async def open(self) -> None:
        """Open the folder: what was known is known again, unfinished renders start anew. Raises like `Storage.open`."""
        self.world = await asyncio.to_thread(self.storage.open)
        self.agent = Agent(self.world, self._direct, lambda: self.settings, self.now, self.keep)
        self.queue = RenderQueue(self.world, self.storage, self._render, lambda: self.settings.parallel, self.keep)
        await self._clean_up()
        self.queue.look()

    async def close(self) -> None:
        """Stop all work and leave the folder as it should be found."""
        await self.agent.close()
        await self.queue.close()
        await self.keep()
        self.storage.close()

    async def keep(self) -> None:
        """Put the world on disk."""
        await self.storage.keep(self.world)

    async def sign_in(self, client_id: str) -> Account:
        """The account of a client id, with a valid token. Raises `RefusedError` 429 where the cap is on."""
        token = f"nmv_usr_{secrets.token_urlsafe(32)}"
        expires_at = self.now() + self.settings.token_days * DAY_S
        fresh = Account(_decimal_id(), client_id, token, expires_at, total=self.settings.credits)
        account = self.world.issue_token(fresh, self.now(), cap=self.settings.token_cap)
        await self.keep()
        return account

    async def open_session(self, account: Account, language: str) -> Session:
        """A new project."""
        await self._clean_up()
        session = self.world.open_session(_decimal_id(), str(uuid.uuid4()), account.user_id, language, self.now())
        await self.keep()
        return session

    async def upload(self, session: Session, receive: Callable[[Batch], Any]) -> list[Upload]:
        """Store what `receive` writes into a batch. All or nothing: after any failure no file of it is left."""
        folder = self.storage.media(session.session_id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        batch = Batch(folder, self.settings, lambda: self.world.reserve_media_number(session.session_id))
        try:
            await receive(batch)
            uploads = await asyncio.to_thread(batch.stored, self._probe)
        except BaseException:
            # Cancellation included: a client that leaves in the middle leaves nothing behind.
            batch.discard()
            raise
        self.world.add_uploads(session.session_id, uploads, self.now())
        await self.keep()
        return uploads

    async def submit(self, session: Session, render_id: str, draft: dict[str, Any], doom: str | None) -> Render:
        """Take a render into the queue. Raises `RenderRefusedError`."""
        link = secrets.token_hex(16)
        render = Render(render_id, session.user_id, session.session_id, draft, link, doom=doom)
        self.world.submit_render(render, self.now())
        await self.keep()
        self.queue.look()
        return render

    def rest(self, render_id: str) -> None:
        """Stop the unfinished renders of this id, whoever's: nobody waits for them until one is asked for again."""
        for render in self.world.unfinished_renders():
            if render.render_id == render_id:
                self.queue.rest(render.link)

    async def _clean_up(self) -> None:
        sessions, renders = self.world.forget(self.now() - self.settings.keep_days * DAY_S)
        if sessions:
            await self.keep()  # first the memory, then the files: the other way round a stop would leave dead sessions
            await asyncio.to_thread(self.storage.remove, sessions, renders)


def _decimal_id() -> str:
    """A long decimal number as a string. Source: README "The service's answers" (`session_id`)."""
    return str(10**18 + secrets.randbelow(9 * 10**18))
