"""Where a command's lines go: what was asked for to stdout, everything about it to stderr; colours on a terminal only."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def say(line: str) -> None:
    """Put a line of what was asked for on stdout."""
    sys.stdout.write(line + "\n")


def tell(line: str) -> None:
    """Put a line about the command itself on stderr."""
    sys.stderr.write(line + "\n")


def on_terminal(stream: TextIO) -> bool:
    """Whether a person watches this stream on a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def console() -> Console:
    """Rich's console on stdout, without guesses: nothing in a name is markup, an emoji code or a link."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False, no_color=bool(os.environ.get("NO_COLOR")) or None)
