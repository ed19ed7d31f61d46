"""`run`: the daemon in the foreground; systemd runs this."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from nemo_watch.commands.acting import become_owner
from nemo_watch.commands.configuring import configured
from nemo_watch.errors import Cause, Trouble, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def run(options: argparse.Namespace) -> int:
    """Serve until stopped (0); with `--once` until nothing can move (0 when every film is done or cancelled, else 1).

    What keeps it from starting and passes (a full disk, a journal that is locked) ends with 1: systemd starts it again.
    """
    config = configured(options)
    become_owner(config)
    need_python()
    from nemo_watch import logs
    from nemo_watch.daemon import supervise

    logs.configure()
    try:
        return asyncio.run(supervise.run(config, once=options.once, reload=lambda: configured(options)))
    except Trouble as trouble:
        sys.stderr.write(f"nemo-watch: {trouble} {remedy(trouble, os.environ)}\n")
        return 1


def remedy(trouble: Trouble, env: Mapping[str, str]) -> str:
    """What to do about what kept it from starting, and who starts it again. Source: sd_notify(3) `NOTIFY_SOCKET`."""
    first = "Free some space" if trouble.cause is Cause.NO_SPACE else "Put that right"
    again = "nemo-watch starts again by itself" if env.get("NOTIFY_SOCKET") else "start it again then: nemo-watch run"
    return f"{first}; {again}."


def need_python() -> None:
    """Raises: UsageError when this account may not start the Python it runs on: decoders are processes of their own."""
    if not os.access(sys.executable, os.X_OK):
        raise UsageError(
            f"The account that owns the state folder may not run {sys.executable}. Install nemo-watch where every account can read it."
        )
