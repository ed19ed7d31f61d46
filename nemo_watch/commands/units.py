"""Folders and an account → the systemd unit for them, every line with its reason.

`systemd/*.service` in the repository are these functions' answers for the example at the end. Facts: systemd.exec(5);
ProtectHome=yes hides folders under /home, so there a private tmpfs with the folders bound into it takes its place; a user's
manager sandboxes nothing without PrivateUsers=.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nemo_watch.commands.quoting import command, path_word, word

NAME: Final = "nemo-watch.service"
TEMPLATES: Final = Path(__file__).parent / "templates"
STOP_REST_S: Final = 10.0
"""What everything but a paid message takes to end. Source: README "Promises", 6."""
STOP_MARGIN_S: Final = 20.0

_HOMES: Final = tuple(map(Path, ("/home", "/root", "/run/user", "%h")))  # what ProtectHome= hides
_TEMPS: Final = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108  what PrivateTmp= hides
_STATES: Final = Path("/var/lib")  # where StateDirectory= lies


@dataclass(frozen=True, slots=True)
class Account:
    """Who the system's unit runs as; further groups (of shared folders) are the account's own.

    A fixed account: the journal of a DynamicUser lies where nobody but the service can reach it, `retry` included.
    """

    user: str
    group: str


@dataclass(frozen=True, slots=True)
class Unit:
    """What the unit is for. `account` is None in a user's own manager. All paths are absolute.

    `program` is the daemon's command line; `readable` are paths it cannot run without (itself, its Python, its
    configuration); `token` is the token's file, None where there is none yet; `prepare` are comments for who does it by hand.
    """

    program: tuple[str, ...]
    inbox: Path
    outbox: Path
    state: Path
    stop_wait_s: float
    account: Account | None = None
    readable: tuple[Path, ...] = ()
    token: Path | None = None
    prepare: str = ""


def unit_text(unit: Unit) -> str:
    """The whole unit file. Raises: UsageError when a path cannot stand in one."""
    name = NAME if unit.account is not None else "nemo-watch-user.service"
    text = (TEMPLATES / name).read_text("utf-8")
    for blank, filling in _fillings(unit).items():
        text = text.replace(f"@{blank}@", filling)
    return text


def _fillings(unit: Unit) -> dict[str, str]:
    own = "/etc/nemo-watch" if unit.account is not None else "%h/.config/nemo-watch"
    fillings = {
        "PREPARE": unit.prepare,
        "INBOX_SHOWN": str(unit.inbox).replace("%", "%%"),
        "EXEC": command(unit.program),
        "STOP_S": f"{unit.stop_wait_s + STOP_REST_S + STOP_MARGIN_S:g}",
        "TOKEN": _token(unit.token, f"{own}/token"),
        "FOLDERS": _folders(unit),
    }
    if unit.account is not None:
        fillings |= {"ACCOUNT": _account(unit.account), "STATE": _state(unit.state)}
    return fillings


# -- the parts ---------------------------------------------------------------------------------------------------------------


def _account(account: Account) -> str:
    return (
        "# A fixed account: best the inbox's own, so that whoever drops photos also edits the prompts and owns the videos; for\n"
        "# shared folders one that is in their group. (DynamicUser=yes would keep the journal where retry, again and cancel\n"
        f"# cannot reach it.)\nUser={account.user}\nGroup={account.group}"
    )


def _token(token: Path | None, usual: str) -> str:
    line = f"LoadCredential=nemo_token:{usual if token is None else path_word(str(token))}"
    if token is None:
        return (
            "# No token: free anonymous credits are used. For one of your own put it, one line, into that file (mode 0600)\n"
            f"# and take away the # here; the service then does not start without it.\n# {line}"
        )
    return (
        "# The token, readable for this service alone, in no environment and no command line. Without the file the service does\n"
        "# not start, rather than spend another account's credits; to use free anonymous credits take this line away, or add\n"
        f"# SetCredential=nemo_token: (an empty one stands in for a missing file).\n{line}"
    )


def state_directory(state: Path) -> str | None:
    """The state folder as StateDirectory= names it, None when it lies elsewhere."""
    return str(state.relative_to(_STATES)) if _STATES in state.parents else None


def _state(state: Path) -> str:
    name = state_directory(state)
    if name is None:
        return "# The state folder, with the journal, is its account's own (0700)."
    return (
        "# The journal, the token of anonymous use and the studio's world: made by systemd, for this account alone.\n"
        f"StateDirectory={word(name)}\nStateDirectoryMode=0700"
    )


def _folders(unit: Unit) -> str:
    """What is opened again in a file system that is read-only, with homes hidden."""
    made = (
        unit.account is not None and state_directory(unit.state) is not None
    )  # systemd opens its StateDirectory= itself
    writable = [unit.inbox, unit.outbox] + ([] if made else [unit.state])
    bound = [path for path in writable if _is_hidden(path)]
    readable = [
        path for path in unit.readable if _is_hidden(path) and not any(path == b or b in path.parents for b in bound)
    ]
    of_homes = any(_in(path, _HOMES) for path in (*bound, *readable))
    lines = ["# … but for these (a leading - lets it start, and say so, while one is missing) …"]
    if plain := [path for path in writable if path not in bound]:
        lines.append(_paths("ReadWritePaths", plain))
    if not bound and not readable:
        return "\n".join([*lines, "# … and homes are not there at all.", "ProtectHome=yes"])
    if of_homes:
        lines += ["# … and of the homes nothing is there but these.", "ProtectHome=tmpfs"]
    else:
        lines += ["# … and homes are not there at all.", "ProtectHome=yes"]
    if bound:
        lines.append(_paths("BindPaths", bound))
    if readable:
        lines.append(_paths("BindReadOnlyPaths", readable))
    return "\n".join(lines)


def _paths(setting: str, paths: list[Path]) -> str:
    return f"{setting}={' '.join(path_word(str(path), optional=True) for path in paths)}"


def _is_hidden(path: Path) -> bool:
    """Whether ProtectHome= or PrivateTmp= hides the path, so that it has to be bound in."""
    return _in(path, _HOMES) or _in(path, _TEMPS)


def _in(path: Path, folders: tuple[Path, ...]) -> bool:
    return any(folder in path.parents for folder in folders)


# -- the examples that the repository shows -----------------------------------------------------------------------------------


BY_HAND: Final = """# By hand:
#   useradd --system --user-group --groups users nemo-watch     (users: the group of those who drop photos)
#   install -d -m 2775 -g users /srv/nemo-watch/inbox /srv/nemo-watch/outbox
#   install -d /etc/nemo-watch, and the token, one line, into /etc/nemo-watch/token (mode 0600)
#   install -m 644 nemo-watch.service /etc/systemd/system/, then systemctl enable --now nemo-watch
"""


def example(*, user: bool) -> str:
    """The unit as `systemd/` shows it: shared folders under /srv for the system, under the home for a user."""
    if user:
        return unit_text(
            Unit(
                program=("%h/.local/bin/nemo-watch", "run"),
                inbox=Path("%h/nemo-watch/inbox"),
                outbox=Path("%h/nemo-watch/outbox"),
                state=Path("%h/.local/state/nemo-watch"),
                stop_wait_s=120,
                readable=(
                    Path("%h/.config/nemo-watch"),
                    Path("%h/.local/bin"),
                    Path("%h/.local/lib"),
                    Path("%h/.local/share/pipx"),
                ),
            )
        ).replace("%%h", "%h")  # here the specifier itself is meant: the home of whoever installs it
    return unit_text(
        Unit(
            program=(
                "/usr/local/bin/nemo-watch", "run", "--inbox", "/srv/nemo-watch/inbox", "--outbox", "/srv/nemo-watch/outbox",
                "--state", "/var/lib/nemo-watch",
            ),
            inbox=Path("/srv/nemo-watch/inbox"),
            outbox=Path("/srv/nemo-watch/outbox"),
            state=Path("/var/lib/nemo-watch"),
            stop_wait_s=120,
            account=Account("nemo-watch", "nemo-watch"),
            token=Path("/etc/nemo-watch/token"),
            prepare=BY_HAND,
        )
    )  # fmt: skip
