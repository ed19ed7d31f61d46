"""What the studio says back: the envelope, the codes, the refusals. Pure: plain JSON-able values, no web framework."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final


class Code(IntEnum):
    """The service's own codes. Source: API text "Error Codes"."""

    FINE = 0
    TOKEN = 1001
    SESSION = 1002
    CREDITS = 2001
    FILE_TYPE = 4001
    FILE_SIZE = 4002
    CLIENT_ID = 400
    PLAN = 402
    RATE = 429
    BROKEN = 500


STATUS: Final[dict[Code, int]] = {
    Code.TOKEN: 401,
    Code.SESSION: 404,
    # Out of credits has no HTTP status of its own: 402 means the plan, so the code rides on a 200. Source: README "The service's answers".
    Code.CREDITS: 200,
    Code.FILE_TYPE: 415,
    Code.FILE_SIZE: 413,
    Code.CLIENT_ID: 400,
    Code.PLAN: 402,
    Code.RATE: 429,
    Code.BROKEN: 500,
}

MESSAGE: Final[dict[Code, str]] = {
    Code.FINE: "success",
    Code.TOKEN: "Token expired or invalid.",
    Code.SESSION: "Session not found.",
    Code.CREDITS: "Insufficient credits.",
    Code.FILE_TYPE: "Unsupported file type.",
    Code.FILE_SIZE: "File too large.",
    Code.CLIENT_ID: "Missing X-Client-Id header.",
    Code.PLAN: "Export is not available on the current plan.",
    Code.RATE: "Too many requests.",
    Code.BROKEN: "Internal error.",
}


class AnsweredError(Exception):
    """A call that is not done, with the answer that says so: HTTP `status`, JSON `body`, extra `headers`."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = headers or {}


class RefusedError(AnsweredError):
    """A call that the service refuses with one of its codes; `message` is a sentence."""

    def __init__(self, code: Code, message: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(STATUS[code], refused(code, message or MESSAGE[code]), headers)
        self.code = code


class RenderRefusedError(AnsweredError):
    """A render call refused in the renderer's own shape, which has no code: `{"success":false,"error":…}`."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(status, {"success": False, "error": error})


class InvalidBodyError(AnsweredError):
    """A body that does not fit, answered as the agent server does: HTTP 422 with `detail`."""

    def __init__(self, where: str, message: str) -> None:
        location = ["body", *filter(None, where.split("."))]
        super().__init__(422, {"detail": [{"type": "value_error", "loc": location, "msg": message}]})


class UnknownSessionError(AnsweredError):
    """A message for a session that the agent server does not know: HTTP 404 with `detail`. Source: README "The service's answers"."""

    def __init__(self, session_id: str) -> None:
        super().__init__(404, {"detail": f"Session not found: {session_id[:64]}"})


def fine(data: object) -> dict[str, Any]:
    """The envelope of a call that went well."""
    return {"code": int(Code.FINE), "message": MESSAGE[Code.FINE], "data": data}


def refused(code: int, message: str) -> dict[str, Any]:
    """The envelope of a call that was refused."""
    return {"code": int(code), "message": message, "data": None}
