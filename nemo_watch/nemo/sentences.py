"""Text → its sentences, in English and Chinese, with nothing lost between them. Pure."""

from __future__ import annotations

import re
from typing import Final

# A sentence ends at its mark (with closing quotes after it) before white space, at a Chinese mark, or at the line's end.
# Possessive, and only from the first mark of a run: a megabyte of dots costs no more than its length.
_END: Final = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’)\]*_]*+(?:\s++|\Z)|(?<![。！？；])[。！？；]++[”’」』）]*+\s*+|(?<!\s)[^\S\n]*+\n\s*+"
)


def sentences(text: str) -> list[str]:
    """The sentences of `text` with the white space that follows each; joined they are `text` again."""
    found, start = [], 0
    for end in _END.finditer(text):
        found.append(text[start : end.end()])
        start = end.end()
    return [*found, text[start:]] if start < len(text) else found
