"""`run`: the daemon in the foreground; systemd runs this."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nemo_watch.commands.acting import become_owner
from nemo_watch.commands.configuring import configured

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Serve until stopped (0); with `--once` until nothing can move (0 when every film is done or cancelled, else 1)."""
    config = configured(options)
    become_owner(config)
    from nemo_watch import logs
    from nemo_watch.daemon import supervise

    logs.configure()
    return asyncio.run(supervise.run(config, once=options.once))
