"""Request bodies, read with limits and checked strictly: exact in what is taken, so that a client's slip shows here.

Source: README "The service's answers" for every shape.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from nemo_watch.studio.answers import InvalidBodyError, RenderRefusedError, UnknownSessionError

Json = dict[str, Any]


async def json_body(request: Request, limit: int) -> Json:
    """The JSON object of a body of at most `limit` bytes. Raises `InvalidBodyError`, or 413 for a longer one."""
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise InvalidBodyError("", "Input should be a JSON object sent as application/json")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise HTTPException(413, "Request body too large.")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidBodyError("", "JSON decode error") from error
    if not isinstance(body, dict):
        raise InvalidBodyError("", "Input should be a JSON object")
    return body


def word(body: Json, key: str) -> str:
    """A text that must be there. Raises `InvalidBodyError`."""
    value = body.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InvalidBodyError(key, "Field required" if value is None else "Input should be a non-empty string")
    return value


def message(body: Json) -> tuple[str, str]:
    """Session id and text of a message. Raises `InvalidBodyError`, `UnknownSessionError` for a other app or user."""
    app_name, user_id, session_id = word(body, "app_name"), word(body, "user_id"), word(body, "session_id")
    content = body.get("new_message")
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list) or not parts:
        raise InvalidBodyError("new_message.parts", "Field required")
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidBodyError("new_message.parts", "Input should be parts with a text")
    text = "\n".join(str(text) for text in texts)
    if not text.strip():
        raise InvalidBodyError("new_message.parts", "The message is empty")
    if app_name != "nemo_agent" or user_id != "me":
        raise UnknownSessionError(session_id)
    return session_id, text


def export(body: Json) -> tuple[str, str, Json]:
    """Id, session id and draft of a render call. Raises `RenderRefusedError` 400, which names the field."""
    render_id, session_id, draft = body.get("id"), body.get("sessionId"), body.get("draft")
    if not isinstance(render_id, str) or not re.fullmatch(r"render_\d{1,20}", render_id, re.ASCII):
        raise RenderRefusedError(400, "id must be render_<milliseconds>.")
    if not isinstance(session_id, str):
        raise RenderRefusedError(400, "sessionId is required.")
    if not isinstance(draft, dict):
        raise RenderRefusedError(400, "draft is required.")
    output = body.get("output")
    if not isinstance(output, dict) or output.get("format") != "mp4" or not isinstance(output.get("quality"), str):
        raise RenderRefusedError(400, 'output must be {"format":"mp4","quality":…}.')
    return render_id, session_id, draft
