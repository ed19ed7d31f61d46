"""What each film of a project asks for ↔ the one `NEEDS-YOU.txt` that a person reads.

The folder's own film stands first and bare; films in batch style follow under `=== a ===`. The file is its own memory: it
is read back, changed and written, so that nothing asked is forgotten by a restart.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER: Final = re.compile(r"=== (.+) ===")


def parsed(text: str, own: str) -> dict[str, str]:
    """What is asked, by the film's stem; `own` is the stem of the folder's own film."""
    sections: dict[str, list[str]] = {own: []}
    current = own
    for line in text.split("\n"):
        if found := _HEADER.fullmatch(line):
            current = found[1]
        sections.setdefault(current, [])
        if not found:
            sections[current].append(line)
    texts = {stem: "\n".join(lines).strip("\n") for stem, lines in sections.items()}
    return {stem: text for stem, text in texts.items() if text}


def rendered(asked: Mapping[str, str | None], own: str) -> str | None:
    """The file's text; None when nothing is asked. A line that looks like a header is moved in by a space."""
    parts = []
    for stem in sorted(asked, key=lambda stem: (stem != own, stem)):
        text = asked[stem]
        if text and text.strip("\n"):
            safe = "\n".join(f" {line}" if _HEADER.fullmatch(line) else line for line in text.strip("\n").split("\n"))
            parts.append(safe if stem == own else f"=== {stem} ===\n\n{safe}")
    return "\n\n".join(parts) + "\n" if parts else None
