"""The local studio behind a daemon: what the service cannot be asked for, but this very process can do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from nemo_watch.config import load
from nemo_watch.studio.rendering_jobs import Order, Progress
from nemo_watch.studio.server import running_studio
from nemo_watch.studio.settings import Settings
from tests.daemon.conftest import QUICK, House, render


async def test_a_cancelled_film_leaves_the_local_studio_to_the_next_and_a_retry_takes_it_up_again(tmp_path):
    """The service has no call to stop a render; the studio in this process is told by the daemon itself."""
    orders: list[Order] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow_first(order: Order, progress: Progress) -> Sequence[str]:
        orders.append(order)
        begun.set()
        if len(orders) == 1:
            await go_on.wait()
        return await render(order, progress)

    async with running_studio(
        tmp_path / "service", settings=Settings(pace_s=0.0), control=True, render=slow_first
    ) as serving:
        options = QUICK | {f"folders.{name}": str(tmp_path / name) for name in ("inbox", "outbox", "state")}
        config = load({"HOME": str(tmp_path)}, options=options | {"service.backend": "studio"})
        for folder in (config.folders.inbox, config.folders.outbox):
            folder.mkdir()
        house = House(replace(config, service=replace(config.service, url=serving.url)), let_go=serving.rest)
        house.photo("one/a.jpg")
        house.prompt("one/prompt.txt", "make it")
        async with house.daemon():
            await begun.wait()
            await house.ask("cancel", "one")
            await house.until_state("one", "cancelled")
            house.photo("two/b.jpg", "red")
            house.prompt("two/prompt.txt", "make it")
            await house.until_state("two", "done")
            assert len(orders) == 2
            await house.ask("retry", "one")
            await house.until_state("one", "done")
            assert len(orders) == 3
