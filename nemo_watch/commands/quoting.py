r"""Paths and words → as systemd's unit files must write them, so that it reads back exactly what was meant.

Source: systemd.syntax(7) "Quoting", systemd.unit(5) "Specifiers" (`%` → `%%`), systemd.service(5) "Command lines" (`$` → `$$`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from nemo_watch.errors import UsageError
from nemo_watch.shown import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN: Final = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


def word(text: str) -> str:
    """One word of a setting. Raises: UsageError for what no unit file can hold."""
    _check(text)
    doubled = text.replace("%", "%%")
    return doubled if _PLAIN.fullmatch(text) else _quoted(doubled)


def path_word(path: str, *, optional: bool = False) -> str:
    """One path of a list of paths; an optional one may be missing. Colons need quotes, where a source and a target may stand."""
    _check(path)
    marked = ("-" if optional else "") + path.replace("%", "%%")
    return marked if _PLAIN.fullmatch(path) and ":" not in path else _quoted(marked)


def command(words: Sequence[str]) -> str:
    """A command line, the program first: of the program no variable is ever filled in, of its arguments one could be."""
    program, *arguments = words
    return " ".join([word(program), *(word(argument).replace("$", "$$") for argument in arguments)])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _check(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{shown(text)}: a unit file cannot hold a name that is not UTF-8; rename the folder."
        ) from error
    if not text.isprintable():
        raise UsageError(f"{shown(text)}: a unit file cannot hold control characters; rename the folder.")
