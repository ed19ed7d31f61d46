"""The README as data: sections, tables, blocks of code; and the one table in it that is written from the code.

    python -m tests.docs.readme

writes the table of failures anew. Nothing else in the README is generated.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from string import Formatter
from typing import Final

from nemo_watch.errors import FAILURES, Failure, Move
from nemo_watch.status import NEED_WORDS, STATE_WORDS

ROOT: Final = Path(__file__).parents[2]
PATH: Final = ROOT / "README.md"

BLANKS: Final = {
    "again_at": "TIME",
    "count": "N",
    "file": "FILE",
    "film": "FILM",
    "journal": "DATABASE",
    "folder": "FOLDER",
    "how_to_get_credits": "Register at the link that it gives, or top up; nemo-watch goes on by itself when the balance has risen.",
    "limit": "N",
    "messages": "N",
    "prompt_file": "prompt.txt",
    "question": "QUESTION",
    "reason": "REASON",
}
"""What stands in the README for what a trouble's data fill in."""

_FAILURES: Final = re.compile(r"(<!-- failures: [^\n]*-->\n).*?(<!-- /failures -->)", re.DOTALL)
_FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)


def text() -> str:
    """The README."""
    return PATH.read_text("utf-8")


def without_blocks(page: str) -> str:
    """The page without its blocks of code, in which a `#` is no heading."""
    return _FENCED.sub("", page)


def headings(page: str) -> list[str]:
    """Every heading, as it is written."""
    return [found[2] for found in _HEADING.finditer(without_blocks(page))]


def section(page: str, heading: str) -> str:
    """What stands under a heading, its sub-sections included. Raises: KeyError."""
    blocks = [(found.start(), found.end()) for found in _FENCED.finditer(page)]
    level = 0
    start = None
    for found in _HEADING.finditer(page):
        if any(begin <= found.start() < end for begin, end in blocks):
            continue
        if start is not None and len(found[1]) <= level:
            return page[start : found.start()]
        if start is None and found[2] == heading:
            level, start = len(found[1]), found.end()
    if start is None:
        raise KeyError(heading)
    return page[start:]


def table(part: str, number: int = 0) -> list[list[str]]:
    """The cells of the number-th table in a part of the page, without its head."""
    tables: list[list[list[str]]] = []
    inside = False
    for line in map(str.strip, without_blocks(part).split("\n")):
        if not line.startswith("|"):
            inside = False
        elif inside:
            tables[-1].append(_cells(line))
        else:
            inside = True
            tables.append([])
    return tables[number][1:]  # the line of dashes is no row


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def blocks(part: str, language: str) -> list[str]:
    """The blocks of code in one language."""
    return [found[2] for found in _FENCED.finditer(part) if found[1] == language]


def code(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


# -- the table of failures ---------------------------------------------------------------------------------------------------


def failures_table() -> str:
    """The table of failures as the README shows it."""
    rows = ["| you read | state | what to do |", "|---|---|---|"]
    rows += [f"| {_filled(row.sentence)} | {_state(row)} | {_filled(row.advice)} |" for row in FAILURES.values()]
    return "\n".join(rows) + "\n"


def _state(row: Failure) -> str:
    if row.move is Move.LEAVE_OUT:
        return "the film goes on without it"
    words = STATE_WORDS[row.state].lower()
    return words if row.needs is None else f"{words}: {NEED_WORDS[row.needs]}"


class _Blanks(Formatter):
    def get_value(self, key: int | str, args: object, kwargs: object) -> str:
        return BLANKS[str(key)]


def _filled(sentence: str) -> str:
    return _Blanks().vformat(sentence, (), {}).replace("|", "\\|")


def rewritten(page: str) -> str:
    """The page with the table of failures as it is now."""
    return _FAILURES.sub(lambda found: found[1] + failures_table() + found[2], page)


if __name__ == "__main__":
    before = text()
    PATH.write_text(rewritten(before), "utf-8")
    sys.stdout.write("README.md " + ("is up to date" if rewritten(before) == before else "written anew") + "\n")
