"""The local studio as the service behind a daemon: started with it, stopped with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from nemo_watch.errors import UsageError

if TYPE_CHECKING:
    from nemo_watch.config import Config, Pace

LetGo = Callable[[str], None]
"""Told the id of a render."""


@asynccontextmanager
async def with_local_studio(config: Config) -> AsyncIterator[tuple[Config, LetGo]]:
    """The config with a studio of our own behind it, when that is the backend (looked at often, because it is near), and what stops
    a render there that nobody waits for any more; the service itself has no call for that.

    Raises: UsageError where the studio is not installed.
    """
    if config.service.backend != "studio":
        yield config, lambda _render_id: None
        return
    try:
        from nemo_watch.studio.server import running_studio
    except ImportError as error:
        raise UsageError(
            f"The studio is not installed ({error.name} is missing). Install it: pip install 'nemo-watch[studio]'"
        ) from error
    async with running_studio(config.folders.state / "studio") as serving:
        yield replace(config, service=replace(config.service, url=serving.url, pace=near(config))), serving.rest


def near(config: Config) -> Pace:
    """Waits for a service on this very machine, where the person has not set them."""
    pace = config.service.pace
    if "service.pace.render_poll" not in config.sources:
        pace = replace(pace, render_poll_s=0.5)
    if "service.pace.render_polls" not in config.sources:
        pace = replace(pace, render_polls=2**31)
    return pace
