"""Looking at the inbox beside the loop: a mount that hangs is an absent inbox, never a hung daemon.

A look that hangs is waited for as long as the same mounts lead to the inbox; when others do, it hangs in what is gone, and a fresh one is begun.
Facts: a call into a mount whose server is silent does not come back, not even when that is unmounted lazily; the list of mounts never hangs.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.inbox import handles
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
LOST_MAX: Final = 4  # looks that hang in mounts that are gone: each holds a thread until the end


_Looking = asyncio.Future[tuple[Look, Watching]]


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
    blind: bool = False  # the inbox was away at the last look
    _hanging: Announcer = field(default_factory=Announcer)
    _looking: _Looking | None = None
    _lost: list[_Looking] = field(default_factory=list)  # those that hang in what is gone
    _tends: bool = False  # the look is over, the watch is being tended
    _mounts: tuple[bytes, ...] = ()  # that led to the inbox when the look was begun
    _leads_to: str = ""  # where the inbox's path leads, its links followed
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(LOST_MAX + 1, "look"))

    def __post_init__(self) -> None:
        self._leads_to = os.path.realpath(self.config.folders.inbox)

    def adopt(self, config: Config) -> None:
        """Go on under new settings; the inbox is looked at afresh when its own have changed."""
        if config.inbox != self.config.inbox:
            self.lookout = Lookout(config.folders.inbox, config.inbox, root_known=self.lookout.root)
        self.config = config

    async def look(self) -> Look:
        """The inbox as it is now; absent while a look at it hangs."""
        if self._looking is not None and not self._looking.done() and self._hangs_in_what_is_gone():
            self._lose()
        if self._looking is None:
            self._mounts = handles.mounts_to(self._leads_to)
            self._looking = asyncio.get_running_loop().run_in_executor(self._threads, self._look_and_tend)
            await self._wait_for(self._looking, min(LOOK_LIMIT_S, self.config.inbox.rescan_s))
            if not self._looking.done():
                self._looking.add_done_callback(lambda _: self.woken())
        if not self._looking.done():  # later rounds do not wait for it again: jobs, requests and a stop go on beside it
            self._hanging.tell((f"The inbox {self.config.folders.inbox} does not answer.",))
            self.blind = True
            return Look(absent=True, hangs=True, problems=(self._what_hangs(),))
        self._hanging.tell(())
        looking, self._looking = self._looking, None
        look, self.watching = looking.result()
        self.blind = look.absent
        return look

    def _hangs_in_what_is_gone(self) -> bool:
        hanging = sum(not look.done() for look in self._lost)
        return hanging < LOST_MAX and handles.mounts_to(self._leads_to) != self._mounts

    def _lose(self) -> None:
        """Wait no more for the look that hangs. The next remembers nothing but which folder the inbox was: all comes to rest anew."""
        if self._looking is not None:
            self._looking.add_done_callback(lambda look: look.cancelled() or look.exception())
            self._lost = [look for look in (*self._lost, self._looking) if not look.done()]
        self._looking = None
        self.lookout = Lookout(self.config.folders.inbox, self.config.inbox, root_known=self.lookout.root)
        if self._tends:
            self.watch, self._tends = self.watch.anew(), False

    def _what_hangs(self) -> str:
        inbox, at = self.config.folders.inbox, self.lookout.at
        if sum(not look.done() for look in self._lost) >= LOST_MAX:
            return f"The inbox {inbox} does not answer, and has not for {LOST_MAX} mounts before; restart nemo-watch."
        if not at:
            return f"The inbox {inbox} does not answer. Bring its disk or server back, or unmount it; nemo-watch goes on by itself."
        return f"The inbox {inbox} is not looked through yet: {at} takes long, or does not answer. nemo-watch goes on by itself when it does."

    def unread(self, trouble: Trouble) -> None:
        """A file at rest could not be read: the next look, which comes at once, does not call it at rest."""
        self.lookout.unread(trouble)
        if "file" in trouble.data:
            self.woken()

    @property
    def is_looking(self) -> bool:
        """Whether a look is on its way, or hangs; also one that nobody waits for any more."""
        return any(not look.done() for look in (*self._lost, *([self._looking] if self._looking else [])))

    async def _wait_for(self, looking: _Looking, limit_s: float) -> None:
        stopping = asyncio.ensure_future(self.stopping.wait())
        both: set[asyncio.Future[Any]] = {looking, stopping}
        await asyncio.wait(both, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    def _look_and_tend(self) -> tuple[Look, Watching]:
        started, lookout = self.clock.monotonic(), self.lookout
        look = lookout.look(started, self.clock.now().astimezone())
        if lookout is not self.lookout:  # nobody has waited for this one, and another tends the watch
            return look, self.watching
        self.metrics.looked(self.clock.monotonic() - started)
        self._tends = True
        try:
            return look, self.watch.tend(look.root, look.folder_count)
        finally:
            if lookout is self.lookout:
                self._tends = False
