"""Each call of the service → the request that makes it. Pure: no wire, no clock, no environment of its own.

It must never put the bearer into a path, nor change a draft. Source: API text "Cloud Render Pipeline Details" and "Authentication"; the claim
call and the upload by URL as README "The service's answers" tells.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from nemo_watch.errors import Cause, Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MESSAGE_PATH: Final = "/run_sse"
PLATFORMS: Final = ("clawhub", "cursor")


@dataclass(frozen=True, slots=True)
class Attribution:
    """The three headers that ride on every request; without one, exports answer 402. Source: API text "Header"."""

    source: str = "hitpaw-ai-video-generator-free"
    version: str = "1.0.0"
    platform: str = "unknown"

    def headers(self) -> dict[str, str]:
        """The three headers."""
        return {
            "X-Skill-Source": self.source,
            "X-Skill-Version": self.version,
            "X-Skill-Platform": self.platform,
        }


def platform_of(install_path: str, env: Mapping[str, str]) -> str:
    """Where nemo-watch was installed from: `SKILL_SOURCE` when set, else told by the install path, else `unknown`."""
    told = env.get("SKILL_SOURCE", "").strip()
    if told and told.isascii() and told.isprintable():
        return told
    parts = install_path.replace("\\", "/").casefold().split("/")
    return next((name for name in PLATFORMS for part in parts if name in part), "unknown")


@dataclass(frozen=True, slots=True)
class Request:
    """One request: method, path below the base URL, headers beside the common ones, and the JSON body or None.

    `signed` tells whether the bearer goes along; only the anonymous-token call goes without.
    """

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    json: dict[str, Any] | None = None
    signed: bool = True

    def body(self) -> bytes | None:
        """The JSON body as bytes, or None. Raises REQUEST_REFUSED for a body that no JSON can hold."""
        if self.json is None:
            return None
        try:
            try:
                return json.dumps(self.json, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
            except UnicodeEncodeError:  # a lone surrogate in a draft: escaped as it came
                return json.dumps(self.json, allow_nan=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise Trouble(Cause.REQUEST_REFUSED, reason="the request cannot be written as JSON") from error


def token_request(client_id: str) -> Request:
    """Ask for a free token: 100 credits, 7 days. Source: API text "Authentication" 1."""
    return Request("POST", "/api/auth/anonymous-token", {"X-Client-Id": client_id}, signed=False)


def session_request(language: str, task_name: str = "project") -> Request:
    """Open an editing session. Source: API text "Authentication" 2."""
    return Request("POST", "/api/tasks/me/with-session/nemo_agent", json={"task_name": task_name, "language": language})


def message_request(session_id: str, text: str) -> Request:
    """Say something to the agent: the paid call. Source: API text "Send message (SSE)"."""
    body = {
        "app_name": "nemo_agent",
        "user_id": "me",
        "session_id": session_id,
        "new_message": {"parts": [{"text": text}]},
    }
    return Request("POST", MESSAGE_PATH, {"Accept": "text/event-stream"}, json=body)


UPLOAD_PATH: Final = "/api/upload-video/nemo_agent/me/"


def upload_path(session_id: str) -> str:
    """Where media go, as multipart field `files` or as URLs. Source: API text "Upload"."""
    return f"{UPLOAD_PATH}{_segment(session_id)}"


def upload_urls_request(session_id: str, urls: Sequence[str]) -> Request:
    """Have the service fetch media by URL. Source: API text "Upload"."""
    return Request("POST", upload_path(session_id), json={"urls": list(urls), "source_type": "url"})


def balance_request() -> Request:
    """Read the credits. Source: API text "Credits"."""
    return Request("GET", "/api/credits/balance/simple")


def state_request(session_id: str) -> Request:
    """Read what the session holds. Source: API text "Session state"."""
    return Request("GET", f"/api/state/nemo_agent/me/{_segment(session_id)}/latest")


def render_request(render_id: str, session_id: str, draft: Mapping[str, Any]) -> Request:
    """Have a draft rendered, free of credits; `sessionId` is camelCase here. Source: API text "Export"."""
    body = {
        "id": render_id,
        "sessionId": session_id,
        "draft": draft,
        "output": {"format": "mp4", "quality": "high"},
    }
    return Request("POST", "/api/render/proxy/lambda", json=body)


def render_status_request(render_id: str) -> Request:
    """Ask how far a render is. Source: API text "Export"."""
    return Request("GET", f"/api/render/proxy/lambda/{_segment(render_id)}")


def render_download_request(render_id: str) -> Request:
    """Fetch a finished video from the service itself, when its link no longer works; no `lambda` in this path."""
    return Request("GET", f"/api/render/proxy/{_segment(render_id)}/download")


def claim_request(task_id: str, session_id: str) -> Request:
    """Ask for a 7-day token that opens the project in a browser, so that the real one never stands in a URL."""
    return Request("POST", "/api/auth/claim-token", json={"task_id": task_id, "session_id": session_id})


def _segment(name: str) -> str:
    """`name` as one path segment: what the service calls its things cannot lead to another endpoint."""
    segment = quote(name, safe="", errors="replace")
    return segment.replace(".", "%2E") if set(segment) == {"."} else segment
