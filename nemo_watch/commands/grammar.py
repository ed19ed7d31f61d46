"""The command line as data: every command, its one-line summary, its arguments; and the parser made of it.

It imports nothing before it parses, because `--help` must start about as fast as Python itself; what a command does stands
in the module of its name. Shell completion is made from the same data.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` costs more than this whole module
    import argparse
    from collections.abc import Sequence

Argument = tuple[tuple[str, ...], dict[str, object]]
"""The flags (or the name) of an argument, and what `argparse` is told of it."""

PROJECT: Argument = (("project",), {"metavar": "PROJECT", "help": "a project (beach-trip) or one film (wedding/a)"})

OPTIONS: tuple[Argument, ...] = (
    (("--config",), {"metavar": "FILE", "help": "read this configuration file"}),
    (("--inbox",), {"metavar": "FOLDER", "help": "where photos are dropped"}),
    (("--outbox",), {"metavar": "FOLDER", "help": "where videos appear"}),
    (("--state",), {"metavar": "FOLDER", "help": "where the journal is kept"}),
    (("--studio",), {"action": "store_true", "help": "use the local studio instead of the cloud"}),
)
"""What every command takes, before or after its own arguments."""

COMMANDS: dict[str, tuple[str, tuple[Argument, ...]]] = {
    "run": (
        "watch the inbox and make videos, in the foreground",
        ((("--once",), {"action": "store_true", "help": "work off what is there, then exit"}),),
    ),
    "demo": ("the whole thing on sample photos with the local studio, in a temporary folder", ()),
    "init": ("write the commented configuration and make the folders", ()),
    "status": (
        "where every film and every other file in the inbox stands",
        (
            (("project",), {"metavar": "PROJECT", "nargs": "?", "help": "only this project, or this film"}),
            (("--json",), {"action": "store_true", "help": "for programs"}),
            (("--watch",), {"action": "store_true", "help": "keep showing it until Ctrl-C"}),
        ),
    ),
    "log": (
        "a project's story",
        (PROJECT, (("-f", "--follow"), {"action": "store_true", "help": "keep following it until Ctrl-C"})),
    ),
    "credits": ("the balance of the account", ()),
    "link": ("make a link that opens the project in a browser", (PROJECT,)),
    "retry": (
        "go on with what stopped, without paying for anything possibly taken",
        (
            (("project",), {"metavar": "PROJECT", "nargs": "?", "help": "a project, or one film of it"}),
            (("--all",), {"action": "store_true", "help": "every film that failed, waits or needs someone"}),
        ),
    ),
    "again": ("buy a new version: the whole text, in a new session", (PROJECT,)),
    "cancel": ("stop before the next step; retry takes it up again", (PROJECT,)),
    "doctor": ("check the configuration, folders, permissions, this machine, the network and the studio", ()),
    "service": (
        "install or uninstall the systemd unit for these folders",
        (
            (("verb",), {"choices": ("install", "uninstall"), "help": "what to do with the unit"}),
            (("--user",), {"action": "store_true", "help": "a unit of your own instead of the system's"}),
            (
                ("--run-as",),
                {"metavar": "USER", "help": "the account that the system's unit runs as (default: the inbox's owner)"},
            ),
        ),
    ),
    "journal": (
        "move the journal to PostgreSQL, which several hosts share, or back",
        (
            (("verb",), {"choices": ("move",), "help": "what to do with the journal"}),
            (("target",), {"metavar": "TARGET", "help": "postgresql://… or sqlite"}),
        ),
    ),
    "studio": (
        "run the local studio on loopback, for trying clients",
        (
            (("--port",), {"type": int, "default": 0, "metavar": "PORT", "help": "on 127.0.0.1 (default: a free one)"}),
            (("--folder",), {"metavar": "FOLDER", "help": "where it keeps its world (default: a temporary one)"}),
            (("--script",), {"metavar": "FILE", "help": "faults to perform, as TOML or JSON"}),
        ),
    ),
    "completion": (
        "print a completion script for a shell",
        (
            (
                ("shell",),
                {"choices": ("bash", "zsh", "fish", "names"), "metavar": "{bash,zsh,fish}", "help": "which shell"},
            ),
        ),
    ),
}
"""Every command: what it does, and its own arguments."""


def overview() -> str:
    """What `--help` shows: every command with its summary, and the options that all of them take."""
    commands = [(name, summary) for name, (summary, _) in COMMANDS.items()]
    options = [(f"{flags[0]} {told.get('metavar', '')}".rstrip(), str(told["help"])) for flags, told in OPTIONS]
    options += [("--version", "show the version"), ("-h, --help", "show this; after a command, what it takes")]
    lines = ["usage: nemo-watch [OPTIONS] COMMAND", "", "Drop photos in a folder, get a video back.", "", "commands:"]
    lines += [f"  {name:16} {summary}" for name, summary in commands]
    lines += ["", "options, before or after the command's own:"]
    lines += [f"  {flag:16} {told}" for flag, told in options]
    lines += ["", "First steps: nemo-watch demo, nemo-watch init, nemo-watch run."]
    return "\n".join(lines) + "\n"


def command_line(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for these words; a wrong one ends the program with 2.

    Only the commands that are among the words get their arguments: fifteen whole parsers take longer than Python's start.
    """
    import argparse

    everywhere = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for flags, told in OPTIONS:
        # Without a default of its own an option that stands before the command is not undone by the command's parser.
        everywhere.add_argument(*flags, **told, default=argparse.SUPPRESS)  # type: ignore[arg-type]
    parser = argparse.ArgumentParser(
        prog="nemo-watch", usage="nemo-watch [OPTIONS] COMMAND", parents=[everywhere], allow_abbrev=False
    )
    parser.format_help = overview  # type: ignore[method-assign]  # the same with and without argparse
    parser.add_argument("--version", action="store_true")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog="nemo-watch")
    for name, (summary, arguments) in COMMANDS.items():
        if name not in words:
            commands.add_parser(name, add_help=False)
            continue
        own = commands.add_parser(name, description=f"{name}: {summary}.", parents=[everywhere], allow_abbrev=False)
        for flags, told in arguments:
            own.add_argument(*flags, **told)  # type: ignore[arg-type]
    return parser
