"""An answer that says no → one typed trouble, whichever of the service's five error shapes it wears.

It must never call a doubtful answer a refusal: `not_taken` stands only on the explicit codes and statuses listed here.
Source: API text "Error Codes"; README "The service's answers" for the shapes that the text leaves open.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.cleaning import cleaned

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

CAUSES: Final[dict[int, Cause]] = {
    1001: Cause.TOKEN_EXPIRED,
    401: Cause.TOKEN_EXPIRED,
    1002: Cause.SESSION_LOST,
    2001: Cause.OUT_OF_CREDITS,
    4001: Cause.FILE_UNSUPPORTED,
    415: Cause.FILE_UNSUPPORTED,
    4002: Cause.FILE_TOO_LARGE,
    413: Cause.FILE_TOO_LARGE,
    402: Cause.PLAN_BLOCKS_EXPORT,
    429: Cause.RATE_LIMITED,
}

# The answers that prove that a message was not taken, if no content came before. Source: README "Never paid twice".
NOT_TAKEN_STATUSES: Final = frozenset({400, 401, 402, 404, 413, 422, 429})
NOT_TAKEN_CODES: Final = frozenset({1001, 1002, 2001, 4001, 4002}) | NOT_TAKEN_STATUSES

# Statuses of gateways and proxies that pass by themselves, although they count as the client's fault.
_PASSING_STATUSES: Final = frozenset({408, 421, 423, 425})
_PROXY_ASKS: Final = 407
_RESULT_KEYS: Final = frozenset({"data", "status"})
_SUCCESS_CODES: Final = frozenset({0, 200})
_RETRY_AFTER_LIMIT_S: Final = 86_400.0  # a day: a longer wish is a mistake of the sender's clock
_PLAIN_LIMIT_BYTES: Final = 400  # of a body that is no JSON and still a sentence, not a page
_SURE_CHARS: Final = 15  # a float keeps every number of so many characters; source: IEEE 754 binary64, 15 digits
_DIGITS_LIMIT: Final = 4000  # of a whole number; Python writes and reads at most 4300


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer: status, headers by lower-case name, unpacked body. `now` (aware UTC) dates a Retry-After.

    `secrets` are texts that must not show in a reason, such as the bearer that was sent.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    now: datetime | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)


def decoded(body: bytes) -> object:
    """The JSON value of `body`; None when it is empty, no JSON, nested beyond reason, or holds a number beyond all writing.

    Whatever is read can be written as JSON again: there is no infinity in it, and NaN, which is no JSON, is null.
    """
    try:
        value: object = json.loads(body, parse_float=_float, parse_constant=lambda _: None)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return value


def _float(text: str) -> float | int:
    """A number with a point or an exponent: a float, but a whole number that no float holds stays the whole number."""
    number = float(text)
    if len(text) <= _SURE_CHARS and math.isfinite(number):
        return number
    exact = Decimal(text)
    if math.isfinite(number) and Decimal(repr(number)) == exact:
        return number
    if exact.adjusted() < _DIGITS_LIMIT and exact == exact.to_integral_value():
        return int(exact)
    if not math.isfinite(number):
        raise ValueError("a number that cannot be written again")
    return number


def refusal(answer: Answer) -> Trouble | None:
    """The trouble that `answer` tells, or None when it tells a success. A `code` in the body beats the HTTP status."""
    body = decoded(answer.body)
    fields = body if isinstance(body, dict) else {}
    code = code_of(fields, failed=answer.status >= 400)
    if code is not None and code not in _SUCCESS_CODES:
        return _refused(answer, code, message_of(fields))
    if answer.status >= 400:
        return _refused(answer, None, message_of(fields) or _plain_words(answer.body, body))
    return _refused(answer, None, message_of(fields)) if _says_no(fields) else None


def tell_plan(refused: Trouble) -> None:
    """Tell a 402 of a call that exports nothing as what it is: no video was blocked, and no edit is kept. It stays a refusal.

    Source: API text "Error Codes" 402, which speaks of exports alone.
    """
    if refused.cause is Cause.PLAN_BLOCKS_EXPORT:
        refused.cause = Cause.REQUEST_REFUSED
        told = refused.data.get("reason") or "HTTP 402"
        refused.data["reason"] = f"your plan does not allow it, {told}; plans: https://nemovideo.com"


def known_code_of(answer: Answer) -> int | None:
    """The code of `answer` if the table of error codes knows it; None for a success and for every other number."""
    body = decoded(answer.body)
    code = code_of(body, failed=answer.status >= 400) if isinstance(body, dict) else None
    return code if code in CAUSES else None


def code_of(fields: Mapping[str, Any], *, failed: bool = False) -> int | None:
    """The API code in a body or an event, a number or its digits; None when there is none.

    A code deeper inside counts where the body holds nothing else, says `"success": false`, or came under the status of an
    error (`failed`): elsewhere it may be a failed render's own, which is no refusal.
    """
    places = [fields.get("code")]
    failed = failed or fields.get("success") is False or fields.get("status") == "error"
    if failed or all(fields.get(key) is None for key in _RESULT_KEYS):
        places += [fields.get("errorCode"), fields.get("error_code")]
        nested = [inner for key in ("error", "detail") if isinstance(inner := fields.get(key), dict)]
        places += [inner.get(key) for inner in nested for key in ("code", "errorCode", "error_code")]
    numbers = [number for number in map(_number, places) if number is not None]
    return next((number for number in numbers if number not in _SUCCESS_CODES), numbers[0] if numbers else None)


def message_of(fields: Mapping[str, Any]) -> str:
    """The words of an error body in any of its shapes; empty when it has none. Not yet cleaned."""
    for key in ("message", "errorMessage", "error_message", "msg", "error", "detail"):
        words = _words(fields.get(key))
        if words:
            return words
    return ""


def cause_of(code: int, message: str) -> Cause:
    """The table's cause for an API code or an HTTP status, with its message where the number alone leaves it open."""
    words = message.casefold()
    if code in {200, 404} and "session" in words and "not found" in words:
        return Cause.SESSION_LOST
    if code == 400 and ("client-id" in words or "client id" in words or "client_id" in words or not words):
        return Cause.CLIENT_ID_MISSING
    if code == _PROXY_ASKS:
        return Cause.NETWORK_DOWN
    if code in _PASSING_STATUSES or 500 <= code < 600:
        return Cause.SERVICE_DOWN
    return CAUSES.get(code, Cause.REQUEST_REFUSED)


def retry_after_s(headers: Mapping[str, str], now: datetime | None) -> float | None:
    """The wait in seconds that a Retry-After header asks for, as a number or as a date; None when it asks for none.

    Source: RFC 9110 §10.2.3.
    """
    wish = headers.get("retry-after", "").strip()
    if wish.isascii() and wish.isdigit():
        return min(float(wish), _RETRY_AFTER_LIMIT_S)
    if not wish or now is None:
        return None
    try:
        seconds = (parsedate_to_datetime(wish) - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), _RETRY_AFTER_LIMIT_S)


def unreadable(answer: Answer, what: str) -> Trouble:
    """The trouble of an answer that lacks what was needed; a short clean sample is kept for the debug log."""
    sample = cleaned(answer.body[:2048].decode("utf-8", "replace"), *answer.secrets)
    return Trouble(Cause.ANSWER_UNREADABLE, reason=what, status=answer.status, sample=sample)


def _refused(answer: Answer, code: int | None, message: str) -> Trouble:
    number = answer.status if code is None else code
    # The table knows one meaning of the code 400; the HTTP status has many.
    cause = Cause.CLIENT_ID_MISSING if code == 400 else cause_of(number, message)
    if cause is Cause.REQUEST_REFUSED and code is not None and answer.status >= 500:
        cause = Cause.SERVICE_DOWN  # a code outside the table says less than the status around it
    if cause is Cause.REQUEST_REFUSED and code is None and answer.status < 400:
        cause = Cause.SERVICE_DOWN  # it says no, and neither code nor status says that this request is at fault
    explicit = number in NOT_TAKEN_CODES if code is not None else number in NOT_TAKEN_STATUSES
    name = f"code {code}" if code is not None else f"HTTP {answer.status}"
    words = cleaned(message, *answer.secrets)
    return Trouble(
        cause,
        not_taken=explicit,
        retry_after_s=retry_after_s(answer.headers, answer.now),
        reason=f"{name}: {words}" if words else name,
        code=number,
    )


def _says_no(fields: Mapping[str, Any]) -> bool:
    """Whether a body under a good status is an error all the same. A render's own `error` is not: it has a status."""
    if fields.get("success") is False:
        return True
    bare = not ((_RESULT_KEYS | {"code"}) & fields.keys())
    return bare and any(_words(fields.get(key)) for key in ("error", "detail"))


def _plain_words(body: bytes, value: object) -> str:
    """The words of an error that is no JSON object: a short line of text, or text as JSON. A page has none."""
    if isinstance(value, str):
        return value
    if value is not None or len(body) > _PLAIN_LIMIT_BYTES or body.lstrip()[:1] in {b"<", b"{", b"["}:
        return ""
    return body.decode("utf-8", "replace").strip()


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return None


def _words(value: object) -> str:
    """The words in an error field: text itself, a message inside it, or the first complaint of a list."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        return _words(value[0])
    if isinstance(value, dict):
        return _words(value.get("message") or value.get("msg") or value.get("detail"))
    return ""
