"""`run`: the daemon in the foreground; systemd runs this."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from nemo_watch.commands.acting import become_owner
from nemo_watch.commands.configuring import configured
from nemo_watch.errors import UsageError

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Serve until stopped (0); with `--once` until nothing can move (0 when every film is done or cancelled, else 1)."""
    config = configured(options)
    become_owner(config)
    need_python()
    from nemo_watch import logs
    from nemo_watch.daemon import supervise

    logs.configure()
    return asyncio.run(supervise.run(config, once=options.once, reload=lambda: configured(options)))


def need_python() -> None:
    """Raises: UsageError when this account may not start the Python it runs on: decoders are processes of their own."""
    if not os.access(sys.executable, os.X_OK):
        raise UsageError(
            f"The account that owns the state folder may not run {sys.executable}. Install nemo-watch where every account can read it."
        )
