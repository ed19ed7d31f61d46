"""The service, as the jobs call it: every call of the contract, one method each.

Short calls and uploads mend what they can by themselves (a new token, one wait); a message is sent once and never again
from here. Everything that goes wrong is a Trouble. Source: API text "Cloud Render Pipeline Details".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo import downloading, speaking, uploading
from nemo_watch.nemo.asking import STATE_LIMIT_BYTES, Asker, Bearer, Quiet
from nemo_watch.nemo.downloading import Downloaded
from nemo_watch.nemo.speaking import MessageTrouble
from nemo_watch.nemo.transport import Transport
from nemo_watch.nemo.wire import (
    Attribution,
    Balance,
    Render,
    RenderStatus,
    Session,
    State,
    Token,
    UploadedFile,
    balance_request,
    claim_request,
    message_request,
    read_balance,
    read_claim,
    read_render,
    read_session,
    read_state,
    read_submitted,
    read_token,
    read_uploaded,
    render_download_request,
    render_request,
    render_status_request,
    session_request,
    state_request,
    token_request,
    upload_path,
    upload_urls_request,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    import httpx

    from nemo_watch.clock import Clock
    from nemo_watch.config import Pace
    from nemo_watch.nemo.stream import Reply

FETCH_LIMIT_S: Final = 300.0  # the service fetches the media itself before it answers an upload by URL

# What no other source of the same video would mend.
_NOT_THE_SOURCE: Final = frozenset({Cause.NETWORK_DOWN, Cause.NO_SPACE, Cause.OUTBOX_UNWRITABLE, Cause.RATE_LIMITED})


class NemoClient:
    """The client. `start` before the first call, `aclose` after the last. `wire` takes the network's place in tests."""

    def __init__(
        self,
        base_url: str,
        attribution: Attribution,
        account: Bearer,
        pace: Pace,
        clock: Clock,
        *,
        file_limit_bytes: int = uploading.FILE_LIMIT_BYTES,
        wire: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._transport = Transport(base_url, wire)
        self._asker = Asker(self._transport, attribution, account, pace, clock)
        self._account = account
        self._file_limit_bytes = file_limit_bytes

    def share_pace(self, quiet: Quiet) -> None:
        """Heed, and pass on, what other hosts of this account were told of its rate limit."""
        self._asker.quiet = quiet

    def adopt(self, pace: Pace) -> None:
        """Later requests go by other waits and limits."""
        self._asker.pace = pace

    async def start(self) -> None:
        """Make the connections' clients."""
        await self._transport.start()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    # -- the account -----------------------------------------------------------------------------------------------

    async def fetch_token(self, client_id: str) -> Token:
        """A free token. Raises RATE_LIMITED after one wait; CLIENT_ID_MISSING when the service takes no such id."""
        return await self._asker.ask(token_request(client_id), read_token)

    async def balance(self) -> Balance:
        """The credits. A rate limit is not waited out: a balance that cannot be read holds nothing up."""
        return await self._asker.ask(balance_request(), read_balance, waits=False)

    # -- the session -----------------------------------------------------------------------------------------------

    async def create_session(self, language: str, task_name: str = "project") -> Session:
        """A new editing session."""
        session = await self._asker.ask(session_request(language, task_name), read_session)
        if session.user_id:
            await self._account.learn(session.user_id)
        return session

    async def state(self, session_id: str) -> State:
        """What the session holds."""
        return await self._asker.ask(state_request(session_id), read_state, limit_bytes=STATE_LIMIT_BYTES)

    async def claim(self, task_id: str, session_id: str) -> str:
        """A link that opens the project in a browser."""
        return await self._asker.ask(claim_request(task_id, session_id), read_claim)

    # -- media -----------------------------------------------------------------------------------------------------

    async def upload(
        self,
        session_id: str,
        name: str,
        size_bytes: int,
        open_file: Callable[[], BinaryIO],
        progress: Callable[[int], None] = lambda _: None,
    ) -> tuple[UploadedFile, ...]:
        """Send one file; `progress` hears the bytes sent (0: begun). Raises FILE_TOO_LARGE before a byte is sent, FILE_CHANGED,
        FILE_UNREADABLE, FILE_UNSUPPORTED.
        """
        if size_bytes > self._file_limit_bytes:
            raise Trouble(Cause.FILE_TOO_LARGE, file=name)
        path = upload_path(session_id)
        parcel = uploading.Parcel(name, size_bytes, open_file, progress)

        async def once(bearer: str | None) -> tuple[UploadedFile, ...]:
            return read_uploaded(await uploading.send_file(self._asker, path, bearer or "", parcel))

        try:
            return await self._asker.with_remedies(once, path)
        except Trouble as trouble:
            trouble.data.setdefault("file", name)
            if trouble.cause is Cause.NETWORK_DOWN:
                await self._ask_why()
            raise

    async def upload_urls(self, session_id: str, urls: Sequence[str]) -> tuple[UploadedFile, ...]:
        """Have the service fetch media by URL."""
        return await self._asker.ask(upload_urls_request(session_id, urls), read_uploaded, limit_s=FETCH_LIMIT_S)

    async def _ask_why(self) -> None:
        """Ask something small after a broken upload: a refusal of the token may have been lost with the connection."""
        await self.balance()

    # -- the message -----------------------------------------------------------------------------------------------

    async def send_message(
        self,
        session_id: str,
        text: str,
        heard: Callable[[Reply], None],
        *,
        on_wire: Callable[[], Awaitable[None]] | None = None,
    ) -> Reply:
        """Send one message, once, and hear its reply to the end. `heard` is told the growing reply at every event.

        `on_wire` is awaited right before the first byte of the body goes out; what it raises stops the sending. Raises
        MessageTrouble: `not_taken` only where it is proven, `reply` with all that was heard.
        """
        return await speaking.speak(self._asker, message_request(session_id, text), heard, on_wire)

    # -- the render and the video ----------------------------------------------------------------------------------

    async def submit_render(self, render_id: str, session_id: str, draft: Mapping[str, Any]) -> Render:
        """Have the draft rendered. An id that is known already is not sent for twice: its render is told instead."""
        try:
            return await self._asker.ask(
                render_request(render_id, session_id, draft), lambda answer: read_submitted(answer, render_id)
            )
        except Trouble as trouble:
            if trouble.cause not in {Cause.REQUEST_REFUSED, Cause.SERVICE_DOWN} or not _says_known(trouble):
                raise
            known = await self.render(render_id)
            if known.status is RenderStatus.UNKNOWN:
                raise
            return known

    async def render(self, render_id: str) -> Render:
        """How far a render is; RenderStatus.UNKNOWN when the service does not know it."""
        return await self._asker.ask(render_status_request(render_id), lambda answer: read_render(answer, render_id))

    async def download(
        self, source: Render | str | None, render_id: str, part: Path, progress: Callable[[int], None] = lambda _: None
    ) -> Downloaded:
        """Bring the video into the part file `part`, by its link, else from the service itself; `progress` hears its size.

        Raises DOWNLOAD_REFUSED, DOWNLOAD_BROKEN, NETWORK_DOWN, NO_SPACE, OUTBOX_UNWRITABLE. What came stays in `part`,
        and the next call goes on from there.
        """
        link = source.url if isinstance(source, Render) else source
        fallback = str(self._transport.url(render_download_request(render_id).path))
        first: Trouble | None = None
        for address in (link, fallback) if link else (fallback,):
            try:
                return await self._fetch(address, render_id, part, progress)
            except Trouble as trouble:
                told = _download_trouble(trouble)
                if told.cause in _NOT_THE_SOURCE:
                    raise told from trouble
                first = first or told
        raise first or Trouble(Cause.DOWNLOAD_BROKEN, reason="it has no address")

    async def _fetch(self, address: str, render_id: str, part: Path, progress: Callable[[int], None]) -> Downloaded:
        async def once(bearer: str | None) -> Downloaded:
            return await downloading.fetch(self._asker, address, bearer, render_id, part, progress)

        return await self._asker.with_remedies(once, "download")


def _says_known(trouble: Trouble) -> bool:
    """Whether a render was refused because its id is taken: by an attempt of ours whose answer was lost."""
    words = str(trouble.data.get("reason", "")).casefold()
    return trouble.data.get("code") == 409 or "exist" in words or "duplicate" in words


def _download_trouble(trouble: Trouble) -> Trouble:
    """A refusal of a link in the words of a download: it is tried again later with a fresh link."""
    if trouble.cause in {Cause.REQUEST_REFUSED, Cause.SESSION_LOST, Cause.ANSWER_UNREADABLE}:
        return Trouble(Cause.DOWNLOAD_BROKEN, reason=trouble.data.get("reason", "it was refused"))
    return trouble


__all__ = ["Downloaded", "MessageTrouble", "NemoClient"]
