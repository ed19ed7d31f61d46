"""The way to the videos: the token (never shown), the network, the studio's parts, messages, what the daemon itself complains of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nemo_watch.commands.checks.finding import Finding, fine, note, wrong
from nemo_watch.keys import is_plain
from nemo_watch.masking import masked
from nemo_watch.shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nemo_watch.config import Config, Notify

    Reach = Callable[[str], "Answer"]

REACH_S: Final = 10.0
_SKEW_MAX: Final = timedelta(minutes=5)
"""TLS and signed download links begin to fail somewhere there."""
SYSTEM_TOKEN: Final = Path("/etc/nemo-watch/token")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from the service's address: the status, and its own idea of the time."""

    status: int
    date: datetime | None


def service_findings(config: Config, env: Mapping[str, str], now: datetime, reach: Reach) -> Iterator[Finding]:
    """All that can be said without spending anything. `reach` asks an address once; it raises OSError when there is no way."""
    yield studio(needed=config.service.backend == "studio")
    if config.service.backend == "cloud":
        yield token(env)
        yield from network(config.service.url, env, now, reach)
    yield from messages(config.notify)
    yield from asked_of_the_account(config.folders.outbox)
    yield from complaints(config.folders.outbox)


def token(env: Mapping[str, str]) -> Finding:
    """Whether a token is there, and whether it can be one."""
    place, text = _token(env)
    if text is None:
        hint = f"; {SYSTEM_TOKEN} is there for the service" if os.path.lexists(SYSTEM_TOKEN) else ""
        return note(
            "token",
            f"none in this environment{hint}: free anonymous credits are used",
            "for your own: NEMO_TOKEN, or the systemd credential nemo_token",
        )
    if not text.strip():
        return wrong("token", f"{place} is empty", "put the token there, or take it away to use free anonymous credits")
    if not is_plain(text.strip()):
        return wrong(
            "token", f"{place} holds something that is no token", "one line of plain characters, as NemoVideo shows it"
        )
    return fine("token", f"there, from {place} (not shown)")


def _token(env: Mapping[str, str]) -> tuple[str, str | None]:
    """Where the token would come from and what stands there; the credential comes first."""
    if folder := env.get("CREDENTIALS_DIRECTORY"):
        try:
            return "the credential nemo_token", (Path(folder) / "nemo_token").read_text("utf-8")
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError):
            return "the credential nemo_token", "\0"  # there, and no token
    return "NEMO_TOKEN", env.get("NEMO_TOKEN")


# -- network -----------------------------------------------------------------------------------------------------------------------


def network(url: str, env: Mapping[str, str], now: datetime, reach: Reach) -> Iterator[Finding]:
    """Whether the service answers at all, and whether both agree on the time."""
    place = shown(masked(url))
    through = [
        f"{name}={masked(env[name])}"
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
        if env.get(name)
    ]
    way = f" through {shown(through[0])}" if through else ""
    try:
        answer = reach(url)
    except OSError as error:
        todo = "check the network, the name server and any proxy (HTTPS_PROXY); nemo-watch waits and goes on by itself"
        yield wrong("network", f"{place} cannot be reached{way}: {shown(masked(str(error)))}", todo)
        return
    if answer.status >= 500:
        yield note(
            "network",
            f"{place} answers{way}, but is in trouble itself (HTTP {answer.status})",
            "nothing; nemo-watch waits",
        )
    else:
        yield fine("network", f"{place} answers{way}")
    if answer.date is not None:
        yield _agreement(answer.date, now)


def _agreement(theirs: datetime, ours: datetime) -> Finding:
    apart = abs(theirs - ours)
    if apart > _SKEW_MAX:
        return wrong(
            "clock",
            f"{apart.total_seconds() / 60:.0f} minutes apart from the service's",
            "set it: sudo timedatectl set-ntp true",
        )
    return fine("clock", "agrees with the service's")


def reached(url: str) -> Answer:
    """Ask the address once, without a token. Raises: OSError that says in words what stands in the way."""
    from email.utils import parsedate_to_datetime

    import httpx

    from nemo_watch.nemo.transport import named

    try:
        with httpx.Client(timeout=REACH_S) as client:
            response = client.head(url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(named(error)) from error
    except ValueError as error:  # a proxy's address that is none
        raise OSError(str(error)) from error
    try:
        date = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return Answer(response.status_code, None)
    return Answer(response.status_code, date if date.tzinfo else None)


# -- the rest ------------------------------------------------------------------------------------------------------------------------


def studio(*, needed: bool) -> Finding:
    """Whether the local studio's parts are installed, ffmpeg included."""
    from nemo_watch.commands.studio import HOW_TO_INSTALL, missing_parts

    if missing := missing_parts():
        found = f"not installed ({', '.join(missing)} missing)"
        todo = HOW_TO_INSTALL[0].lower() + HOW_TO_INSTALL[1:]
        return (
            wrong("studio", found, todo) if needed else note("studio", found, f"only for the demo and --studio: {todo}")
        )
    try:
        import imageio_ffmpeg

        program = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        return (wrong if needed else note)(
            "studio",
            "installed, but there is no ffmpeg",
            "pip install --force-reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE",
        )
    return fine("studio", f"installed, with {shown(program)}")


def messages(settings: Notify) -> Iterator[Finding]:
    """Whether messages can go out, where addresses are given: Apprise is there and knows them. Nothing is sent."""
    from nemo_watch.errors import UsageError
    from nemo_watch.outbox.notify import Notifier

    if not settings.urls:
        return
    try:
        Notifier(settings)
    except UsageError as error:
        for problem in error.problems:
            yield wrong("notify", shown(str(problem)), "put notify.urls right: nemo-watch run does not start with it")
    else:
        count = len(settings.urls)
        yield fine("notify", f"Apprise knows {'the address' if count == 1 else f'all {count} addresses'}")


def asked_of_the_account(outbox: Path) -> Iterator[Finding]:
    """What stops every film until a person acts, as the daemon last wrote it into the outbox's own NEEDS-YOU.txt."""
    from nemo_watch.outbox.publish import NEEDS
    from nemo_watch.status import happened_and_todo

    try:
        text = (outbox / NEEDS).read_text("utf-8", "replace")
    except OSError:  # none; one that cannot be read lies beside a status that cannot
        return
    happened, todo = happened_and_todo(text)
    yield wrong("account", f"the daemon says: {shown(happened)}", shown(todo))


def complaints(outbox: Path) -> Iterator[Finding]:
    """What the daemon itself found wrong with watching the inbox, when it last told."""
    from nemo_watch.commands.snapshot import read_snapshot
    from nemo_watch.errors import UsageError

    try:
        snapshot = read_snapshot(outbox)
    except UsageError as error:
        yield wrong("status", str(error), "start the daemon, which writes it anew: nemo-watch run")
        return
    for problem in (snapshot or {"watching": {"problems": []}})["watching"]["problems"]:
        yield wrong("watching", f"the daemon says: {shown(problem)}", "as it says; every rescan helps out meanwhile")
