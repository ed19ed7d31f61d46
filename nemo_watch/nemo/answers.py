"""Each answer of the service → a value, or a trouble. Strict in what is needed, tolerant in where it stands.

Every reader raises the answer's refusal first, then ANSWER_UNREADABLE when a needed field is missing. Unknown fields
are ignored. Source: API text "Cloud Render Pipeline Details"; README "The service's answers" for the shapes that the text leaves open.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from nemo_watch.errors import Cause
from nemo_watch.nemo.cleaning import cleaned
from nemo_watch.nemo.refusals import Answer, decoded, known_code_of, message_of, refusal, unreadable
from nemo_watch.nemo.values import Balance, Render, RenderStatus, Session, State, Token, UploadedFile

CLAIM_URL: Final = "https://nemovideo.com/workspace/claim?ct="


# The contract's own five words first; the rest are the spellings of other renderers.
_WARNINGS_MAX: Final = 20
_STATUS_WORDS: Final = {
    "pending": RenderStatus.PENDING, "queued": RenderStatus.PENDING, "submitted": RenderStatus.PENDING,
    "processing": RenderStatus.PROCESSING, "rendering": RenderStatus.PROCESSING, "running": RenderStatus.PROCESSING,
    "completed": RenderStatus.COMPLETED, "complete": RenderStatus.COMPLETED, "done": RenderStatus.COMPLETED,
    "success": RenderStatus.COMPLETED, "succeeded": RenderStatus.COMPLETED, "finished": RenderStatus.COMPLETED,
    "failed": RenderStatus.FAILED, "error": RenderStatus.FAILED, "failure": RenderStatus.FAILED,
    "cancelled": RenderStatus.FAILED, "canceled": RenderStatus.FAILED, "timeout": RenderStatus.FAILED,
    "unknown": RenderStatus.UNKNOWN, "not_found": RenderStatus.UNKNOWN, "not found": RenderStatus.UNKNOWN,
}  # fmt: skip


_NOT_THERE: Final = ("not found", "not exist", "no such", "unknown")  # said of a render that was asked for
_AMOUNT_LIMIT: Final = 1e15  # no credits, pixels or seconds are more


def read_token(answer: Answer) -> Token:
    """The token of the anonymous-token call."""
    fields = _fields(answer)
    token = _text(fields.get("token"))
    if token is None or not token.isascii() or not token.isprintable() or " " in token:
        raise unreadable(answer, "no token in it")
    return Token(token, _name(fields.get("user_id")), _amount(fields.get("credits")), _moment(fields.get("expires_at")))


def read_session(answer: Answer) -> Session:
    """The session of the session call."""
    fields = _fields(answer)
    session_id = _name(fields.get("session_id"))
    if session_id is None:
        raise unreadable(answer, "no session_id in it")
    return Session(session_id, _name(fields.get("task_id")), _name(fields.get("user_id")))


def read_uploaded(answer: Answer) -> tuple[UploadedFile, ...]:
    """What the service says of the files it took; empty when it took them without a word."""
    fields = _fields(answer)
    files = fields.get("files", fields.get("data", fields.get("file")))
    if isinstance(files, dict):
        files = [files]
    if not isinstance(files, list):
        files = [fields] if "cdn_url" in fields else []
    return tuple(_uploaded(item) for item in files if isinstance(item, dict))


def read_balance(answer: Answer) -> Balance:
    """The credits."""
    fields = _fields(answer)
    available = _amount(fields.get("available"))
    if available is None:
        raise unreadable(answer, "no available credits in it")
    return Balance(available, _amount(fields.get("frozen")), _amount(fields.get("total")))


def read_state(answer: Answer) -> State:
    """What the session holds: the draft under `data.state`, or higher up."""
    fields = _fields(answer)
    if not {"state", "draft", "video_infos", "generated_media"} & fields.keys():
        raise unreadable(answer, "there is no state in it")  # a session without a film has at least an empty state
    state = fields["state"] if isinstance(fields.get("state"), dict) else fields
    draft = state.get("draft")
    if draft is not None and not isinstance(draft, dict):
        raise unreadable(answer, "the draft is no object")
    return State(draft or None, _items(state.get("video_infos")), _items(state.get("generated_media")))


def read_submitted(answer: Answer, render_id: str) -> Render:
    """A render just submitted: `data` or top-level fields. A success without a status means that it waits."""
    return _render(answer, render_id, RenderStatus.PENDING)


def read_render(answer: Answer, render_id: str) -> Render:
    """How far a render is, in any of the shapes seen; UNKNOWN when the service does not know it."""
    if _is_unknown(answer):
        return Render(render_id, RenderStatus.UNKNOWN)
    return _render(answer, render_id, RenderStatus.UNKNOWN)


def read_claim(answer: Answer) -> str:
    """The link that opens a project in a browser; good for 7 days, and no secret of the account is in it."""
    token = _text(_fields(answer).get("claim_token"))
    if token is None:
        raise unreadable(answer, "no claim_token in it")
    return CLAIM_URL + quote(token, safe="")


def _fields(answer: Answer) -> dict[str, Any]:
    """The fields of a success: those under `data`, else the body's own. Raises the refusal, or ANSWER_UNREADABLE."""
    trouble = refusal(answer)
    if trouble is not None:
        raise trouble
    body = decoded(answer.body)
    if not isinstance(body, dict):
        raise unreadable(answer, _form(answer))
    data = body.get("data")
    return data if isinstance(data, dict) else body


def _render(answer: Answer, render_id: str, without_status: RenderStatus) -> Render:
    body = decoded(answer.body)
    fields = body if isinstance(body, dict) else {}
    inner = fields["data"] if isinstance(fields.get("data"), dict) else {}
    seen = {**fields, **inner}
    word = _text(seen.get("status"))
    status = _STATUS_WORDS.get(word.casefold(), RenderStatus.PROCESSING) if word else None
    if status is not RenderStatus.FAILED or answer.status >= 400 or known_code_of(answer) is not None:
        _fields(answer)  # raises what the answer refuses; a failed render may say "success": false and is no refusal
    url = _url_of(seen)
    status = status or (RenderStatus.COMPLETED if url else without_status)
    error = message_of({key: seen.get(key) for key in ("error", "errorMessage", "message")})
    return Render(
        render_id,  # ours: every address of the render is made of it, whatever number the answer bears
        status,
        _share(seen.get("progress"), status),
        url,
        (cleaned(error, *answer.secrets) or "no reason given") if status is RenderStatus.FAILED else None,
        _warnings(seen.get("warnings"), answer),
    )


def _warnings(value: object, answer: Answer) -> tuple[str, ...]:
    """What was left out, a sentence each; not more than a story can bear."""
    told = (
        [cleaned(line, *answer.secrets) for line in value if isinstance(line, str)] if isinstance(value, list) else []
    )
    return tuple(line for line in told if line)[:_WARNINGS_MAX]


def _is_unknown(answer: Answer) -> bool:
    """Whether a status answer says that there is no such render: 404 in any shape, or a success that holds nothing."""
    trouble, body = refusal(answer), decoded(answer.body)
    if isinstance(body, dict) and (_text(body.get("status")) or (isinstance(body.get("data"), dict) and body["data"])):
        return False
    if trouble is None:
        return isinstance(body, dict) and "data" in body
    words = str(trouble.data.get("reason", "")).casefold()
    missing = trouble.data.get("code") == 404 or any(form in words for form in _NOT_THERE)
    return missing and trouble.cause in {Cause.REQUEST_REFUSED, Cause.SERVICE_DOWN}


def _url_of(seen: dict[str, Any]) -> str | None:
    output = seen.get("output")
    places = [output.get("url") if isinstance(output, dict) else output]
    places += [seen.get(key) for key in ("outputUrl", "output_url", "url", "video_url", "videoUrl")]
    return next((place for place in places if isinstance(place, str) and place.strip()), None)


def _share(value: object, status: RenderStatus) -> float | None:
    """Progress as 0…1, from 0–100, from a fraction, or from `"45%"`. A whole 1 is one hundredth while work goes on."""
    if status is RenderStatus.COMPLETED:
        return 1.0
    amount = _amount(value.rstrip("% ") if isinstance(value, str) else value)
    if amount is None:
        return None
    return min(max(amount if amount < 1 else amount / 100, 0.0), 1.0)


def _uploaded(item: dict[str, Any]) -> UploadedFile:
    width, height = _amount(item.get("width")), _amount(item.get("height"))
    return UploadedFile(
        _text(item.get("filename")),
        _text(item.get("file_type")),
        _text(item.get("cdn_url")),
        _amount(item.get("duration")),
        None if width is None else int(width),
        None if height is None else int(height),
    )


def _form(answer: Answer) -> str:
    """What an answer that is no JSON object looks like, in words."""
    if not answer.body.strip():
        return "it was empty"
    if answer.body.lstrip()[:1] == b"<":
        return "a web page instead of an answer"
    return "it was no JSON object"


def _items(value: object) -> tuple[Any, ...]:
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, dict) and value else ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _name(value: object) -> str | None:
    """An identifier as text: the contract says text, but a number of the same digits means the same."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(value)


def _amount(value: object) -> float | None:
    """A finite number, from a number or its text; whole numbers stay whole."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) < 40:
        try:
            value = float(value) if "." in value or "e" in value.casefold() else int(value)
        except ValueError:
            return None
    if isinstance(value, int | float) and abs(value) < _AMOUNT_LIMIT:  # neither NaN nor infinity is
        return value
    return None


def _moment(value: object) -> datetime | None:
    """A date from ISO text; without a zone it is UTC. None for anything else: the date is only a hint."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
