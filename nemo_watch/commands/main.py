"""The program `nemo-watch`: reads the command line, runs the one command, and turns every end into an exit code.

0 fine, 1 a film failed or needs someone, 2 wrong usage or configuration. A person never sees a traceback for what the
table of failures knows. Nothing is imported before it is clear what is asked.
"""

from __future__ import annotations

import os
import sys

from nemo_watch.commands.grammar import command_line, overview

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` costs as much as all the rest
    import argparse
    from collections.abc import Sequence

INTERRUPTED = 128 + 2
"""The exit code of a program that Ctrl-C ended. Source: POSIX shell, "Exit Status for Commands"."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    _make_streams_patient()
    try:
        code = _dispatched(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        _forget_stdout()
        return 0
    except OSError as error:
        if not _is_stdout_lost():
            raise
        sys.stderr.write(f"nemo-watch: what was asked for cannot be written to stdout ({error.strerror}).\n")
        _forget_stdout()
        return 1
    return code


def _is_stdout_lost() -> bool:
    """Whether nothing can be written there (a full disk). Where it can, an empty line now stands before the traceback."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _forget_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that the interpreter's last flush finds a reader


def _dispatched(words: list[str]) -> int:
    if words in (["-h"], ["--help"]):
        sys.stdout.write(overview())
        return 0
    options = command_line(words).parse_args(words)
    if options.version:
        from nemo_watch import __version__

        sys.stdout.write(f"nemo-watch {__version__}\n")
        return 0
    if options.command is None:
        sys.stderr.write(overview())
        return 2
    options.typed = words
    return _performed(options)


def _performed(options: argparse.Namespace) -> int:
    from importlib import import_module

    from nemo_watch.errors import Move, Trouble, UsageError, advice

    try:
        # The name is one of the grammar's own: the parser has refused all others.
        return int(import_module(f"nemo_watch.commands.{options.command}").run(options))
    except UsageError as error:
        for problem in error.problems:
            sys.stderr.write(f"nemo-watch: {problem}\n")
        return 2
    except Trouble as trouble:
        later = trouble.failure.move is Move.RETRY_LATER  # a command does not try again by itself
        what_to_do = "Try again in a while." if later else advice(trouble.cause, trouble.data)
        sys.stderr.write(f"nemo-watch: {trouble}\n{what_to_do}\n")
        return 1


def _make_streams_patient() -> None:
    """A name that the terminal's encoding cannot show is shown escaped, and a closed stream takes everything: neither may end a command."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # as after `>&-`. Source: Python's documentation of sys.__stdout__
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
