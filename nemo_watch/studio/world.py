"""The studio's world: accounts, sessions, uploads, drafts, renders. Facts in, changed facts or a `RefusedError` out.

Pure: ids and the time (`now`, seconds since 1970) are passed in; nothing here touches a clock, disk, loop or wire.
Source: README "The service's answers", README "The account" and README "When a draft is ready".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from nemo_watch.studio.answers import Code, RefusedError, RenderRefusedError

DAY_S: Final = 86_400.0
RATE_WAIT_S: Final = 30
"""What a 429 asks for. Source: README "The account"."""

RenderStatus = Literal["pending", "processing", "completed", "failed"]


@dataclass(frozen=True, slots=True)
class Account:
    """An anonymous user. `expires_at`: the token's end in seconds since 1970; `frozen` credits back unfinished work."""

    user_id: str
    client_id: str
    token: str
    expires_at: float
    total: int
    frozen: int = 0

    @property
    def available(self) -> int:
        """Credits that can still be spent."""
        return self.total - self.frozen


@dataclass(frozen=True, slots=True)
class Upload:
    """A stored file: `key` is its name in the session's media folder, `name` what its owner calls it."""

    key: str
    name: str
    kind: Literal["image", "video", "audio"]
    width: int
    height: int
    duration_ms: int
    has_sound: bool


@dataclass(frozen=True, slots=True)
class Session:
    """One project of one user. `messages` counts what was taken; `media_count` the upload keys handed out."""

    session_id: str
    task_id: str
    user_id: str
    language: str
    touched_at: float
    uploads: tuple[Upload, ...] = ()
    media_count: int = 0
    draft: dict[str, Any] | None = None
    messages: int = 0
    generated: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Render:
    """One export. `progress` from 0 to 100; `link`: the secret in its download address; `doom`: a scripted failure."""

    render_id: str
    user_id: str
    session_id: str
    draft: dict[str, Any]
    link: str
    status: RenderStatus = "pending"
    progress: int = 0
    error: str | None = None
    warnings: tuple[str, ...] = ()
    doom: str | None = None

    @property
    def file_name(self) -> str:
        """The video's name in the renders folder; the link makes it unique over all accounts."""
        return f"{self.render_id}-{self.link}.mp4"


@dataclass(slots=True)
class World:
    """Everything the studio remembers; the whole of it is what is kept on disk. Renders are keyed by their link."""

    accounts: dict[str, Account] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    renders: dict[str, Render] = field(default_factory=dict)

    # -- accounts ---------------------------------------------------------------------------------------------------

    def issue_token(self, fresh: Account, now: float, *, cap: bool) -> Account:
        """The client id's account with a valid token: as it is, or with `fresh`'s token if its own is over, or `fresh`.

        Raises `RefusedError` 429 when `cap` forbids to ask again while the token is valid.
        Source: README "The account" (1 token per client id per 7 days).
        """
        known = next((a for a in self.accounts.values() if a.client_id == fresh.client_id), None)
        if known and known.expires_at > now:
            if cap:
                raise RefusedError(Code.RATE, "This client already has a token.", {"Retry-After": str(RATE_WAIT_S)})
            return known
        account = replace(known, token=fresh.token, expires_at=fresh.expires_at) if known else fresh
        self.accounts[account.user_id] = account
        return account

    def account_of(self, token: str, now: float) -> Account:
        """The account that holds this token. Raises `RefusedError` 1001 when nobody does or the token is over."""
        for account in self.accounts.values():
            if account.token == token and account.expires_at > now:
                return account
        raise RefusedError(Code.TOKEN)

    def expire_tokens(self, now: float) -> None:
        """End every token at this moment."""
        self.accounts = {key: replace(a, expires_at=min(a.expires_at, now)) for key, a in self.accounts.items()}

    def set_credits(self, total: int, user_ids: Collection[str] = ()) -> None:
        """Give these accounts, or all when none is named, this total."""
        for key, account in self.accounts.items():
            if not user_ids or key in user_ids:
                self.accounts[key] = replace(account, total=total)

    def reserve(self, user_id: str, cost: int) -> None:
        """Freeze the price of a piece of work. Raises `RefusedError` 2001 when the account cannot pay it, or is empty.

        A work without a price is always done: the studio is free for its users.
        """
        account = self.accounts[user_id]
        if cost and account.available < cost:
            raise RefusedError(Code.CREDITS)
        self.accounts[user_id] = replace(account, frozen=account.frozen + cost)

    def settle(self, user_id: str, cost: int, *, charged: bool) -> None:
        """Unfreeze a price and, if the work was done, take it."""
        account = self.accounts[user_id]
        paid = cost if charged else 0
        self.accounts[user_id] = replace(account, frozen=account.frozen - cost, total=account.total - paid)

    # -- sessions ---------------------------------------------------------------------------------------------------

    def open_session(self, session_id: str, task_id: str, user_id: str, language: str, now: float) -> Session:
        """A new, empty session of this user."""
        session = Session(session_id, task_id, user_id, language, touched_at=now)
        self.sessions[session_id] = session
        return session

    def session_of(self, session_id: str, user_id: str) -> Session:
        """The user's session of this id. Raises `RefusedError` 1002 when there is none, another user's included."""
        session = self.sessions.get(session_id)
        if session is None or session.user_id != user_id:
            raise RefusedError(Code.SESSION, f"Session not found: {session_id[:64]}")
        return session

    def reserve_media_number(self, session_id: str) -> int:
        """The next upload's place in the session: uploads stand in the order in which they began, not ended."""
        session = self.sessions[session_id]
        self.sessions[session_id] = replace(session, media_count=session.media_count + 1)
        return session.media_count + 1

    def add_uploads(self, session_id: str, uploads: Iterable[Upload], now: float) -> None:
        """Add stored files to a session, in the order of their keys."""
        session = self.sessions[session_id]
        ordered = tuple(sorted((*session.uploads, *uploads), key=lambda upload: upload.key))
        self.sessions[session_id] = replace(session, uploads=ordered, touched_at=now)

    def take_message(self, session_id: str, now: float) -> int:
        """Count a message that begins to be worked on; the number of it in its session, from 1."""
        session = self.sessions[session_id]
        self.sessions[session_id] = replace(session, messages=session.messages + 1, touched_at=now)
        return session.messages + 1

    def set_draft(self, session_id: str, draft: dict[str, Any], now: float) -> None:
        """The session's timeline is this one from now on."""
        self.sessions[session_id] = replace(self.sessions[session_id], draft=draft, touched_at=now)

    def add_generated(self, session_id: str, media: dict[str, Any]) -> None:
        """Note a piece of media that the agent made."""
        session = self.sessions[session_id]
        self.sessions[session_id] = replace(session, generated=(*session.generated, media))

    # -- renders ----------------------------------------------------------------------------------------------------

    def submit_render(self, render: Render, now: float) -> None:
        """Take a render. Raises `RenderRefusedError` for an id that this account has used, or a draft without segments.

        Source: README "The service's answers" (a repeated id is an error) and README "When a draft is ready" (exportable).
        """
        if any(r.render_id == render.render_id for r in self._renders_of(render.user_id)):
            raise RenderRefusedError(409, f"Render job already exists: {render.render_id}")
        if not exportable(render.draft):
            raise RenderRefusedError(400, "The draft has no segments: generate a video first.")
        self.renders[render.link] = render
        self.sessions[render.session_id] = replace(self.sessions[render.session_id], touched_at=now)

    def render_of(self, render_id: str, user_id: str) -> Render:
        """The user's render of this id. Raises `RenderRefusedError` 404 when there is none."""
        for render in self._renders_of(user_id):
            if render.render_id == render_id:
                return render
        raise RenderRefusedError(404, f"Render job not found: {render_id[:64]}")

    def advance_render(self, link: str, progress: int) -> None:
        """Note that a render is being made and how far. Progress never falls; a render that is gone stays gone."""
        render = self.renders.get(link)
        if render is not None:
            self.renders[link] = replace(render, status="processing", progress=max(render.progress, progress))

    def complete_render(self, link: str, warnings: Sequence[str]) -> None:
        """Note that a render's video stands where the download finds it."""
        if link in self.renders:
            done = replace(self.renders[link], status="completed", progress=100, warnings=tuple(warnings))
            self.renders[link] = done

    def fail_render(self, link: str, error: str) -> None:
        """Note that a render failed, and why."""
        if link in self.renders:
            self.renders[link] = replace(self.renders[link], status="failed", error=error)

    def rest_render(self, link: str) -> None:
        """Note that a render, if it is unfinished, was stopped and has to be made from its beginning."""
        if link in self.renders and self.renders[link].status == "processing":
            self.renders[link] = replace(self.renders[link], status="pending", progress=0)

    def unfinished_renders(self) -> list[Render]:
        """The renders that still have to be made, oldest first."""
        return [r for r in self.renders.values() if r.status in ("pending", "processing")]

    def _renders_of(self, user_id: str) -> Iterable[Render]:
        return (render for render in self.renders.values() if render.user_id == user_id)

    # -- the studio's own life --------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Make a world read from disk live again: work in progress at the stop is gone, its renders are due again."""
        self.accounts = {key: replace(account, frozen=0) for key, account in self.accounts.items()}
        for link in [render.link for render in self.unfinished_renders()]:
            self.renders[link] = replace(self.renders[link], status="pending", progress=0)

    def forget(self, untouched_since: float) -> tuple[list[Session], list[Render]]:
        """Drop the sessions that nobody touched since then, with their renders; what was dropped."""
        busy = {render.session_id for render in self.unfinished_renders()}
        old = [s for s in self.sessions.values() if s.touched_at < untouched_since and s.session_id not in busy]
        ids = {session.session_id for session in old}
        renders = [render for render in self.renders.values() if render.session_id in ids]
        self.sessions = {key: s for key, s in self.sessions.items() if key not in ids}
        self.renders = {link: r for link, r in self.renders.items() if r.session_id not in ids}
        return old, renders


def exportable(draft: Mapping[str, Any]) -> bool:
    """True when a track of the draft holds a segment. Source: README "When a draft is ready"."""
    tracks = draft.get("t")
    return isinstance(tracks, list) and any(isinstance(track, dict) and track.get("sg") for track in tracks)


def raw_video(draft: Mapping[str, Any]) -> dict[str, Any]:
    """The first of generation's two stages: the film without music, title and effects.

    Source: README "What the service says"; track type 0 is video.
    """
    video = [track for track in draft.get("t", ()) if isinstance(track, dict) and track.get("tt") == 0]
    return {**draft, "t": video} if video else dict(draft)


def fair_next(waiting: Sequence[Render], served: Sequence[str]) -> Render | None:
    """The render whose turn it is: the oldest of the session served longest ago. `served`: session ids, newest last."""
    last_turn = {session_id: turn for turn, session_id in enumerate(served, start=1)}
    # min keeps the first of equals, and `waiting` is in order of arrival.
    return min(waiting, key=lambda render: last_turn.get(render.session_id, 0), default=None)
