"""Foreign text made fit for a log, a sentence or a terminal: short, printable, without secrets.

It must never let a control character or a token through. Pure.
"""

from __future__ import annotations

import re
from typing import Final

from nemo_watch.masking import MASK, masked

REASON_LIMIT: Final = 256  # characters of foreign text that a trouble may carry; kopf cuts its API's answers there too

# C0 and C1 controls, the overrides that reorder a terminal line, and lone surrogates, which no file can hold.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def cleaned(text: str, *secrets: str, limit: int = REASON_LIMIT) -> str:
    """`text` on one line: known and recognised secrets masked, control characters gone, at most `limit` characters."""
    # Known secrets first, in the whole text: half a secret at the cut would no longer be known.
    head = without(text, *secrets)[: limit * 4]  # enough for the cut below, and no work on a megabyte of HTML
    line = " ".join(_UNPRINTABLE.sub(" ", masked(head)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def without(text: str, *secrets: str) -> str:
    """`text` with each of `secrets` masked, and otherwise untouched."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return text


def whole_characters(text: str) -> str:
    """`text` with surrogate halves joined where they make a pair, and replaced where they do not.

    JSON may carry a character as two escapes, and a stream may cut between them. Source: RFC 8259 §7.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
