"""Five shapes of an error, one typed trouble. API text "Error Codes"."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from nemo_watch.errors import Cause
from nemo_watch.nemo.cleaning import cleaned
from nemo_watch.nemo.refusals import Answer, refusal, retry_after_s, tell_plan

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TABLE = {
    1001: Cause.TOKEN_EXPIRED, 1002: Cause.SESSION_LOST, 2001: Cause.OUT_OF_CREDITS, 4001: Cause.FILE_UNSUPPORTED,
    4002: Cause.FILE_TOO_LARGE, 402: Cause.PLAN_BLOCKS_EXPORT, 429: Cause.RATE_LIMITED,
}  # fmt: skip


def told(status, body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusal(Answer(status, headers, raw, NOW, ("sekrit-token",)))


@pytest.mark.parametrize(("code", "cause"), TABLE.items())
@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_a_code_in_the_body_beats_the_status(code, cause, status):
    for spelled in (code, str(code)):
        trouble = told(status, {"code": spelled, "message": "x"})
        assert (trouble.cause, trouble.not_taken) == (cause, True)


@pytest.mark.parametrize(
    ("status", "body", "cause", "not_taken"),
    [
        (401, b"", Cause.TOKEN_EXPIRED, True),
        (402, b"<html>pay</html>", Cause.PLAN_BLOCKS_EXPORT, True),
        (413, b"", Cause.FILE_TOO_LARGE, True),
        (415, b"", Cause.FILE_UNSUPPORTED, False),
        (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, Cause.REQUEST_REFUSED, True),
        (429, b"slow down", Cause.RATE_LIMITED, True),
        (404, {"detail": "Session not found: 123"}, Cause.SESSION_LOST, True),
        (404, {"detail": "Not Found"}, Cause.REQUEST_REFUSED, True),
        (400, {"detail": "missing X-Client-Id"}, Cause.CLIENT_ID_MISSING, True),
        (400, b"", Cause.CLIENT_ID_MISSING, True),
        (400, {"message": "bad draft"}, Cause.REQUEST_REFUSED, True),
        (403, b"<html>", Cause.REQUEST_REFUSED, False),
        (407, b"", Cause.NETWORK_DOWN, False),
        (408, b"", Cause.SERVICE_DOWN, False),
        (500, b"oops", Cause.SERVICE_DOWN, False),
        (502, b"<html>Bad Gateway</html>", Cause.SERVICE_DOWN, False),
        (500, {"code": 77777, "message": "?"}, Cause.SERVICE_DOWN, False),
        (200, {"code": 77777, "message": "?"}, Cause.REQUEST_REFUSED, False),
        (200, {"code": 500, "message": "?"}, Cause.SERVICE_DOWN, False),
        (200, {"success": False, "error": "no way"}, Cause.SERVICE_DOWN, False),
        (200, {"success": False, "error": {"code": 2001, "message": "no credits"}}, Cause.OUT_OF_CREDITS, True),
        (200, {"detail": "Session not found"}, Cause.SESSION_LOST, False),
        (200, {"error": "boom"}, Cause.SERVICE_DOWN, False),
        (401, {"code": 0, "message": "ok"}, Cause.TOKEN_EXPIRED, True),
        (418, {"detail": {"code": 1002}}, Cause.SESSION_LOST, True),
        (200, {"success": False, "error": {"code": 2001}, "data": None}, Cause.OUT_OF_CREDITS, True),
        (200, {"success": False, "error": {"code": "1001"}, "data": {}}, Cause.TOKEN_EXPIRED, True),
        (200, {"code": 0, "success": False, "error": {"code": 402}}, Cause.PLAN_BLOCKS_EXPORT, True),
        (200, {"error": {"code": 2001}, "data": None}, Cause.OUT_OF_CREDITS, True),
        (200, {"status": "error", "error": {"code": 4001}}, Cause.FILE_UNSUPPORTED, True),
        (500, {"status": 500, "data": {}, "detail": {"errorCode": "2001"}}, Cause.OUT_OF_CREDITS, True),
        (404, b"Session not found", Cause.SESSION_LOST, True),
        (404, b'"Session not found: 77"', Cause.SESSION_LOST, True),
        (404, b"<h1>Session not found</h1>", Cause.REQUEST_REFUSED, True),
        (404, b"Session not found " * 100, Cause.REQUEST_REFUSED, True),
        (400, b"bad body", Cause.REQUEST_REFUSED, True),
    ],
)
def test_every_shape_of_an_error_becomes_its_row(status, body, cause, not_taken):
    trouble = told(status, body)
    assert (trouble.cause, trouble.not_taken) == (cause, not_taken)


@pytest.mark.parametrize(
    "body",
    [
        {"code": 0, "data": {}},
        {"data": {"error": "x"}},
        {"status": "failed", "error": "x"},
        {"status": "failed", "error": {"code": 4001}},
        {"data": {"status": "failed", "error": {"code": 4001}}, "error": {"code": 4001}},
        {"code": "0"},
        [],
        b"",
        b"<p>",
    ],
)
def test_a_success_is_no_refusal(body):
    assert told(200, body) is None


def test_the_reason_is_short_clean_and_without_secrets():
    trouble = told(500, {"message": f"bad\x1b[31m sekrit-token nmv_usr_abcdef12 Bearer xyz12345 {'long ' * 200}"})
    reason = trouble.data["reason"]
    assert len(reason) <= 256 + len("HTTP 500: ")
    assert not any(secret in reason for secret in ("sekrit", "nmv_usr", "xyz12345", "\x1b"))


def test_a_secret_at_the_cut_of_a_long_reason_is_masked_whole():
    secret = "0123456789abcdef" * 4
    for before in range(900, 1100, 7):
        text = " " * before + secret + " tail"
        assert not any(secret[:n] in cleaned(text, secret) for n in (4, 8, 16))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("12", 12.0), ("Sun, 22 Nov 2026 12:00:45 GMT", 45.0), ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0), ("soon", None),
        ("", None), ("-3", None), ("999999999", 86400.0), ("Sun, 22 Nov 2026 12:00:45", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_and_as_a_date(header, seconds):
    assert retry_after_s({"retry-after": header}, NOW) == seconds


def test_a_402_of_a_call_that_exports_nothing_is_told_in_words_that_fit():
    trouble = told(402, {"message": "Payment required"})
    tell_plan(trouble)
    assert (trouble.cause, trouble.not_taken) == (Cause.REQUEST_REFUSED, True)
    assert "export" not in str(trouble)
    assert "your plan does not allow it, HTTP 402: Payment required" in str(trouble)
    other = told(500, b"oops")
    tell_plan(other)
    assert other.cause is Cause.SERVICE_DOWN
