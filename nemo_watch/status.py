"""What is known of films and files → what people and programs read: JSON, one plain line, an exit code, NEEDS-YOU.txt.

It decides nothing and reads nothing; it must never let a name steer a terminal (`shown`), nor change one for a program
(`as_json`). Source: README "status --json"; Unicode TR36 and CVE-2021-42574 on bidirectional controls.
"""

from __future__ import annotations

import json
import math
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.errors import FilmState, Need

if TYPE_CHECKING:
    from datetime import datetime

    from nemo_watch.model import Credits, FilmRow, Overview
from nemo_watch.shown import shown

STATE_WORDS: Final[dict[FilmState, str]] = {
    FilmState.SETTLING: "Arriving",
    FilmState.WAITING_FOR_PROMPT: "Waiting for your words",
    FilmState.QUEUED: "In line",
    FilmState.WORKING: "Working",
    FilmState.DONE: "Done",
    FilmState.NEEDS_YOU: "Needs you",
    FilmState.FAILED: "Failed",
    FilmState.CANCELLED: "Cancelled",
}
"""Every state as a person reads it."""

NEED_WORDS: Final[dict[Need, str]] = {
    Need.ANSWER: "an answer",
    Need.DECISION: "a decision",
    Need.CREDITS: "credits",
    Need.PLAN: "a plan that allows it",
    Need.TOKEN: "a new token",
    Need.FILE: "another file",
    Need.SPACE: "room to write",
}
"""Every need as a person reads it, after "needs"."""

_TROUBLED: Final = frozenset({FilmState.FAILED, FilmState.NEEDS_YOU})


# -- for programs ----------------------------------------------------------------------------------


def as_json(overview: Overview) -> dict[str, Any]:
    """The object of `status --json`: names are the inbox's own, never cleaned. Source: README "status --json"."""
    return {
        "projects": [_project(row) for row in overview.films],
        "files": [{"path": file.path, "project": file.project, "reason": file.reason} for file in overview.files],
        "service": {"backend": str(overview.backend), "credits": _credits(overview.credits)},
        "watching": {"mode": overview.watching.mode, "problems": list(overview.watching.problems)},
    }


def dumps(overview: Overview) -> str:
    """`as_json` as text, ASCII only: a name that is no UTF-8 survives as an escaped lone surrogate."""
    return json.dumps(as_json(overview), ensure_ascii=True, allow_nan=False, indent=2) + "\n"


def exit_code(overview: Overview) -> int:
    """0 when all is well, 1 when a film failed or needs someone."""
    return int(any(row.state in _TROUBLED for row in overview.films))


def _project(row: FilmRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "state": str(row.state),
        "detail": row.detail,
        "progress": progress(row),
        "needs": None if row.needs is None else str(row.needs),
        "video": row.video,
        "updated_at": utc_text(row.updated_at),
    }


def _credits(credits_: Credits | None) -> dict[str, float] | None:
    if credits_ is None:
        return None
    return {"available": credits_.available, "frozen": credits_.frozen, "total": credits_.total}


def utc_text(moment: datetime) -> str:
    """A moment as `2026-11-22T15:42:07Z`, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# -- for people ------------------------------------------------------------------------------------


def progress(row: FilmRow) -> float:
    """The row's progress, kept within 0…1 whatever was reported (no number at all is 0)."""
    return 0.0 if math.isnan(row.progress) else min(1.0, max(0.0, row.progress))


def status_line(row: FilmRow) -> str:
    """One film on one line, clean for any terminal: `wedding/a  v2  Working 40 %  rendering`."""
    state = STATE_WORDS[row.state]
    if row.state is FilmState.WORKING:
        state += f" {progress(row):.0%}".replace("%", " %")
    parts = [shown(row.name), f"v{row.version}" if row.version else "", state, shown(row.detail)]
    if row.needs is not None:
        parts.append(f"(needs {NEED_WORDS[row.needs]})")
    return "  ".join(part for part in parts if part)


def needs_text(sentence: str, advice: str) -> str:
    """The words of NEEDS-YOU.txt: what happened, and what to do."""
    return (
        f"What happened\n  {shown(sentence)}\n\nWhat to do\n  {shown(advice)}\n\n"
        "This file goes away by itself as soon as nothing is asked of you any more.\n"
    )


def happened_and_todo(text: str) -> tuple[str, str]:
    """The two sentences of a text that `needs_text` made; of any other its first line, and where to look."""
    lines = [line.strip() for line in text.split("\n")]
    try:
        return lines[lines.index("What happened") + 1], lines[lines.index("What to do") + 1]
    except (ValueError, IndexError):
        return lines[0], "as NEEDS-YOU.txt in the outbox says"
