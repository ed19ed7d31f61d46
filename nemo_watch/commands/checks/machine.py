"""The machine: watch limits, the clock, and whether the daemon runs."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nemo_watch.commands.checks.finding import Finding, fine, note, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_watch.config import Config

LIMITS: Final = Path("/proc/sys/fs/inotify")
FOLDERS_MAX: Final = 200_000
"""Folders counted at most; beyond that only the limit is told."""
_BORN: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""Before this there was no nemo-watch: a clock that shows less was never set."""
_AHEAD_MAX: Final = timedelta(days=2)
_ROOM_FOR_OTHERS: Final = 2
"""The limit is one for all programs of an account; a file synchroniser or an editor may need as much again."""


def machine_findings(config: Config, now: datetime) -> Iterator[Finding]:
    """All that can be said of the machine."""
    yield watching(config, LIMITS)
    yield clock(config.folders.outbox, now)
    yield _daemon(config)


def watching(config: Config, limits: Path) -> Finding:
    """Whether the kernel will watch every folder of the inbox. One watch a folder. Source: inotify(7)."""
    if config.inbox.watch == "polling":
        return fine("watching", f"by looking every so often; the whole inbox every {config.inbox.rescan_s:g} s")
    try:
        most = int((limits / "max_user_watches").read_text("ascii"))
        instances = int((limits / "max_user_instances").read_text("ascii"))
    except (OSError, ValueError):
        return note(
            "watching",
            "the kernel does not tell its limits here",
            'nothing, unless status speaks of polling: then set watch = "polling"',
        )
    folders = folder_count(config.folders.inbox)
    if instances < 1 or most < folders:
        return wrong(
            "watching",
            f"the inbox has {folders} folders, the kernel watches at most {most}; the rest is seen every {config.inbox.rescan_s:g} s only",
            f"raise it: sudo sysctl fs.inotify.max_user_watches={_ROOM_FOR_OTHERS * folders} (and in /etc/sysctl.d, to keep it)",
        )
    if most < _ROOM_FOR_OTHERS * folders:
        return note(
            "watching",
            f"{folders} of at most {most} folders, which all of this account's programs share",
            "raise fs.inotify.max_user_watches soon",
        )
    return fine("watching", f"{folders} of at most {most} folders")


def folder_count(inbox: Path) -> int:
    """The folders in the inbox, itself included; counting stops at FOLDERS_MAX."""
    count = 0
    for _ in os.walk(inbox):
        count += 1
        if count >= FOLDERS_MAX:
            break
    return max(count, 1)


def clock(outbox: Path, now: datetime) -> Finding:
    """Whether the wall clock can be right: not before this program was written, not before what it has made itself."""
    shown = f"{now:%Y-%m-%d %H:%M} UTC"
    advice = "set it: sudo timedatectl set-ntp true (dates in receipts and daily limits go by it; waits do not)"
    if now < _BORN:
        return wrong("clock", f"shows {shown}, which cannot be", advice)
    newest = _newest(outbox)
    if newest is not None and newest - now > _AHEAD_MAX:
        return wrong("clock", f"shows {shown}, but the outbox holds something of {newest:%Y-%m-%d}", advice)
    return fine("clock", f"shows {shown}")


def _newest(outbox: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp((outbox / "status.json").stat().st_mtime, UTC)
    except (OSError, OverflowError, ValueError):
        return None


def _daemon(config: Config) -> Finding:
    from nemo_watch.commands.acting import may_use
    from nemo_watch.daemon.wiring import daemon_is_running

    if os.path.lexists(config.folders.state) and not may_use(config.folders.state):
        return note(
            "daemon", "whether it runs cannot be seen by this account", "ask systemd: systemctl status nemo-watch"
        )
    if daemon_is_running(config):
        return fine("daemon", "runs")
    return note(
        "daemon",
        "does not run on this state folder",
        "start it: nemo-watch run, or for good: nemo-watch service install --user",
    )
