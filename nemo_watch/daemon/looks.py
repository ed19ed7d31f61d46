"""Looking at the inbox beside the loop: a mount that hangs is an absent inbox, never a hung daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nemo_watch.inbox.announcing import Announcer
from nemo_watch.inbox.looking import Look, Lookout
from nemo_watch.model import Watching

if TYPE_CHECKING:
    from nemo_watch.clock import Clock
    from nemo_watch.config import Config
    from nemo_watch.daemon.metrics import Metrics
    from nemo_watch.errors import Trouble
    from nemo_watch.inbox.watching import Watch

LOOK_LIMIT_S: Final = 60.0  # a look at 100,000 files takes a second; what takes a minute hangs


@dataclass(slots=True)
class Looks:
    """Looks, one at a time. `woken` is called when one that hung has ended; `watching` is how the inbox was watched at the last."""

    config: Config
    clock: Clock
    lookout: Lookout
    watch: Watch
    metrics: Metrics
    woken: Callable[[], None]
    watching: Watching = field(default_factory=lambda: Watching("events"))
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # set when nothing new is to be waited for
    _hanging: Announcer = field(default_factory=Announcer)
    _looking: asyncio.Task[tuple[Look, Watching]] | None = None

    def adopt(self, config: Config) -> None:
        """Go on under new settings; the inbox is looked at afresh when its own have changed."""
        if config.inbox != self.config.inbox:
            self.lookout = Lookout(config.folders.inbox, config.inbox, root_known=self.lookout.root)
        self.config = config

    async def look(self) -> Look:
        """The inbox as it is now; absent while a look at it hangs."""
        if self._looking is None:
            self._looking = asyncio.create_task(asyncio.to_thread(self._look_and_tend))
            await self._wait_for(self._looking, min(LOOK_LIMIT_S, self.config.inbox.rescan_s))
            if not self._looking.done():
                self._looking.add_done_callback(lambda _: self.woken())
        hangs = () if self._looking.done() else (f"The inbox {self.config.folders.inbox} does not answer.",)
        self._hanging.tell(hangs)
        if hangs:  # later rounds do not wait for it again: jobs, requests and a stop go on beside it
            return Look(absent=True, problems=hangs)
        looking, self._looking = self._looking, None
        look, self.watching = looking.result()
        return look

    def unread(self, trouble: Trouble) -> None:
        """A file at rest could not be read: the next look, which comes at once, does not call it at rest."""
        self.lookout.unread(trouble)
        if "file" in trouble.data:
            self.woken()

    @property
    def is_looking(self) -> bool:
        """Whether a look is on its way, or hangs."""
        return self._looking is not None and not self._looking.done()

    async def _wait_for(self, looking: asyncio.Task[tuple[Look, Watching]], limit_s: float) -> None:
        stopping = asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait({looking, stopping}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    def _look_and_tend(self) -> tuple[Look, Watching]:
        started = self.clock.monotonic()
        look = self.lookout.look(started, self.clock.now().astimezone())
        self.metrics.looked(self.clock.monotonic() - started)
        return look, self.watch.tend(look.root, look.folder_count)
