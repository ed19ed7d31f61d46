"""Foreign text → text that is safe to show: nothing in it steers a terminal, ends a line or turns the reading direction."""

from __future__ import annotations

import re
from typing import Final

# What moves a cursor, starts an escape sequence, ends a line or turns the reading direction; and what is no character
# at all. Joiners stay: names in Persian, Hindi and emoji need them.
_STEERING: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff]"
)
_STEERING_BUT_LINES: Final = re.compile(rf"(?![\t\n]){_STEERING.pattern}")
_LINE_ENDS: Final = re.compile("\r\n|[\u2028\u2029\x85]")


def shown(text: str) -> str:
    r"""The text on one line with everything that could steer a terminal made visible: `\x1b`, `\n`, `\u202e`."""
    return _STEERING.sub(_visible, text)


def shown_lines(text: str) -> str:
    """As `shown`, but line breaks and tabs stay: for what the service says at length."""
    return _STEERING_BUT_LINES.sub(_visible, _LINE_ENDS.sub("\n", text))


def _visible(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
