"""What the service's answers come to: frozen values, with nothing of the wire in them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and what came with it. `expires_at` is aware UTC."""

    token: str
    user_id: str | None = None
    credits: float | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return "Token(***)"


@dataclass(frozen=True, slots=True)
class Session:
    """An editing session: a long decimal text, and the task that it belongs to."""

    session_id: str
    task_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """What the service says of a file that it took; it need not say anything. `duration` in the service's own unit."""

    filename: str | None = None
    file_type: str | None = None
    cdn_url: str | None = None
    duration: float | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """Credits: free to spend, reserved for work in progress, and both together; None where the service does not say."""

    available: float
    frozen: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What a session holds. `draft` is kept exactly as received; None when there is none yet."""

    draft: dict[str, Any] | None = None
    video_infos: tuple[Any, ...] = ()
    generated_media: tuple[Any, ...] = ()

    @property
    def uploads(self) -> tuple[str, ...]:
        """The names of the media that lie in the session, as far as it tells them. Source: API text "Session state"."""
        named = (info.get("filename", info.get("name")) for info in self.video_infos if isinstance(info, dict))
        return tuple(name for name in named if isinstance(name, str))


class RenderStatus(StrEnum):
    """How far a render is; UNKNOWN means that the service does not know it."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Render:
    """A render as the service tells it. `progress` is 0…1; `url` leads to the video, possibly for a short time only."""

    id: str
    status: RenderStatus
    progress: float | None = None
    url: str | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()  # what was left out; our studio tells it, the contract does not speak of it
