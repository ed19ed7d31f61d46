"""`credits`: the balance, asked of the service now."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from nemo_watch.commands.acting import need_state
from nemo_watch.commands.asking import shared
from nemo_watch.commands.configuring import configured
from nemo_watch.commands.speaking import say
from nemo_watch.commands.status import credits_line

if TYPE_CHECKING:
    import argparse

    from nemo_watch.config import Config
    from nemo_watch.model import Credits


def run(options: argparse.Namespace) -> int:
    """Print the balance; for an anonymous account, also where more comes from."""
    config = configured(options)
    if config.service.backend == "studio":
        say("The local studio is free; it needs no credits.")
        return 0
    need_state(config, options)
    balance, link = asyncio.run(_asked(config))
    say(f"Credits: {credits_line(balance.available, balance.frozen)}, {balance.total:g} in total")
    if link is not None:
        say(f"Register for more: {link}")
    return 0


async def _asked(config: Config) -> tuple[Credits, str | None]:
    from nemo_watch.daemon.wiring import running_service, take_token

    with shared(config) as store:
        async with running_service(config, token=take_token(os.environ), store=store) as service:
            return await service.balance(), service.account.registration_link()
