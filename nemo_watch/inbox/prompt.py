"""Bytes of a prompt or of urls.txt → messages or URLs, and the template that is written where there is no prompt. Pure.

It must never change a word: a message goes out as it was written, trimmed, without comments. Facts: Notepad saves UTF-16 and CRLF, TextEdit
rich text under any name; only a line feed, a carriage return or both end a line (U+2028 is part of the text).
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from nemo_watch.errors import Cause, Trouble
from nemo_watch.model import Words

URLS_MAX: Final = 200  # more would make no video that anyone watches
URL_LENGTH_MAX: Final = 2048  # what servers and browsers agree on
PROBLEMS_MAX: Final = 20  # lines told one by one; each stands in the status, whoever wrote a megabyte of them

_NO_TEXT: Final[tuple[tuple[bytes, str], ...]] = (
    (b"{\\rtf", "it is rich text"),
    (b"PK\x03\x04", "it is a document, not plain text"),
    (b"\xd0\xcf\x11\xe0", "it is a Word document"),
    (b"%PDF", "it is a PDF"),
    (b"bplist", "it is a property list"),
)
_BOMS: Final[tuple[tuple[bytes, str], ...]] = (  # UTF-32 first: its mark begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def words(data: bytes, template: bytes | None = None, *, file: str = "prompt.txt") -> Words:
    """The messages of a prompt file, in order; none if it holds only comments and blanks.

    `template` is what the daemon would write: Words.template tells whether this is still that. Raises: Trouble(PROMPT_UNREADABLE)
    for rich text, documents, other binaries and texts that are neither UTF-8 nor UTF-16.
    """
    text = _text(data, file)
    untouched = template is not None and text.split() == _text(template, file).split()
    return Words(_messages(text), untouched)


def _messages(text: str) -> tuple[str, ...]:
    messages: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip() == "---":
            messages.append([])
        elif not line.startswith("# ") and line.rstrip() != "#":
            messages[-1].append(line)
    trimmed = ("\n".join(lines).strip() for lines in messages)
    return tuple(message for message in trimmed if message)


def _text(data: bytes, file: str) -> str:
    """The text with plain line feeds."""
    for beginning, reason in _NO_TEXT:
        if data.startswith(beginning):
            raise Trouble(Cause.PROMPT_UNREADABLE, file=file, reason=reason)
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError as error:
        raise Trouble(Cause.PROMPT_UNREADABLE, file=file, reason="it is not UTF-8") from error
    if _CONTROL.search(text):
        raise Trouble(Cause.PROMPT_UNREADABLE, file=file, reason="it holds bytes that are no text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoding(data: bytes) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    if (
        len(data) >= 4 and len(data) % 2 == 0 and b"\0" in data
    ):  # UTF-16 without its mark: one half of the bytes mostly zero
        high_first, low_first = data[::2].count(0), data[1::2].count(0)
        if max(high_first, low_first) * 2 > len(data) // 2:
            return "utf-16-be" if high_first > low_first else "utf-16-le"
    return "utf-8"


def template(default_prompt: str) -> bytes:
    """What stands in a prompt.txt that the daemon makes: the default prompt, and three comment lines of help."""
    return (
        "# What should the video be? Change the words below and save; any change starts it at once.\n"
        "# Edit and save again later for a new version. A line of --- separates steps, each a paid message.\n"
        "# Lines that start with # and a space are not sent.\n"
        f"{default_prompt}\n"
    ).encode()


@dataclass(frozen=True, slots=True)
class Urls:
    """Media by URL, in order, each once; `problems` says of the lines that were left out why: the first few, then how many more."""

    urls: tuple[str, ...]
    problems: tuple[str, ...] = ()


def urls(data: bytes, *, file: str = "urls.txt") -> Urls:
    """The URLs of a urls.txt, one a line; lines that start with # are comments. Raises: Trouble(PROMPT_UNREADABLE)."""
    found: dict[str, None] = {}
    problems: list[str] = []
    left_out = 0
    for number, raw in enumerate(_text(data, file).split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        surplus = len(found) == URLS_MAX and line not in found
        problem = f"at most {URLS_MAX} URLs are taken" if surplus else _url_problem(line)
        if problem is None:
            found[line] = None
            continue
        left_out += 1
        if left_out <= PROBLEMS_MAX:
            problems.append(f"line {number}: {problem}")
    if left_out > PROBLEMS_MAX:
        more = left_out - PROBLEMS_MAX
        problems.append(f"and {more} more line{'s are' if more > 1 else ' is'} left out")
    return Urls(tuple(found), tuple(problems))


def _url_problem(line: str) -> str | None:
    if len(line) > URL_LENGTH_MAX:
        return f"longer than {URL_LENGTH_MAX} characters"
    if len(line.split()) > 1:
        return "not a URL: it holds a space"
    if not line[:8].lower().startswith(("http://", "https://")):
        return "not an http:// or https:// address"
    try:
        host = urlsplit(line).hostname
    except ValueError:
        return "not a URL"
    return None if host else "not an http:// or https:// address"
