"""An event loop whose clock is nobody's but its own: it jumps to whatever is due next, and further when it is told to.

No thread and no socket takes part, so a run is the same every time; `jump` is what a frozen process sees when it is woken.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)  # after every file that a test makes: what lies there counts as old
Result = TypeVar("Result")


class _Selector(selectors.SelectSelector):
    """Where a real loop would wait, this one lets the time pass at once."""

    loop: SimLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again: the simulation waits for something outside of it")
        self.loop.now_s += max(0.0, timeout)
        return []


class SimLoop(asyncio.SelectorEventLoop):
    """The loop. `now_s` is its monotonic clock in seconds, from 0 or from where another life ended."""

    def __init__(self, now_s: float = 0.0) -> None:
        selector = _Selector()
        selector.loop = self
        self.now_s = now_s
        super().__init__(selector)
        self._clock_resolution = 1e-6  # after years the float itself is no finer

    def time(self) -> float:
        return self.now_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """What would be done in a thread is done at once."""
        done: asyncio.Future[Any] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  as a thread would
            done.set_exception(error)
        return done

    def jump(self, seconds: float) -> None:
        """So much time passes in which nothing of this process runs; then everything that fell due runs, in its order."""
        self.now_s += seconds


class SimClock:
    """`nemo_watch.clock.Clock` on the loop's time. `wall_offset_s` is what somebody has put the date forward or back."""

    def __init__(self) -> None:
        self.wall_offset_s = 0.0
        self._loop = asyncio.get_running_loop()

    def monotonic(self) -> float:
        return self._loop.time()

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.time() + self.wall_offset_s)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def simulated(life: Callable[[], Awaitable[Result]], now_s: float = 0.0) -> Result:
    """What `life` comes to, on a loop of its own, which begins at `now_s`."""

    async def whole() -> Result:
        return await life()

    with asyncio.Runner(loop_factory=lambda: SimLoop(now_s)) as runner:
        return runner.run(whole())
