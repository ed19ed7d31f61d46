"""The daemon's loop: woken, it runs a round and tells; signals reload its settings and stop it.

Whatever goes wrong in a round is told, and the next one tries again, later and later; only `once` gives up.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from nemo_watch.daemon import systemd
from nemo_watch.daemon.local import near
from nemo_watch.daemon.looks import LOOK_LIMIT_S
from nemo_watch.daemon.membership import ENDED
from nemo_watch.daemon.rounds import Round
from nemo_watch.daemon.ticks import started_ticks
from nemo_watch.errors import Cause, FilmState, Trouble, UsageError, sentence
from nemo_watch.inbox.looking import Look
from nemo_watch.jobs import queue
from nemo_watch.jobs.decisions import READING
from nemo_watch.jobs.dispatch import REST_S
from nemo_watch.logs import logger
from nemo_watch.shown import shown

if TYPE_CHECKING:
    from nemo_watch.clock import Clock
    from nemo_watch.config import Config
    from nemo_watch.daemon.membership import Leading
    from nemo_watch.daemon.rounds import Rounds
    from nemo_watch.daemon.telling import Telling
    from nemo_watch.daemon.ticks import Chores
    from nemo_watch.jobs.dispatch import Dispatcher
    from nemo_watch.model import Overview

log = logger("daemon")

HARD_STOP: Final = 130  # what a shell shows for a second SIGINT
_TELL_EVERY_S: Final = 0.5  # progress comes in bursts; people and the disk need no more than this …
_TELL_EVERY_MAX_S: Final = 30.0  # … and with hundreds of films, whose telling costs, less:
_TELL_SHARE: Final = 50  # progress alone takes no more than a fiftieth of a core
_AFTER_A_STUMBLE_S: Final = 2.5  # doubled each time, up to the rescan
_ONCE_STUMBLES_MAX: Final = 3
_HELPS_S: Final = 1.0  # one that only helps, and is to end, asks what is left

Result = TypeVar("Result")
OnChange = Callable[["Overview"], None]


class Daemon:
    """The loop: woken, it runs a round and tells."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        leading: Leading,
        rounds: Rounds,
        telling: Telling,
        dispatcher: Dispatcher,
        wake: asyncio.Event,
        chores: Chores,
    ) -> None:
        self._config = config
        self._clock = clock
        self._leading = leading
        self._rounds = rounds
        self._telling = telling
        self._dispatcher = dispatcher
        self._wake = wake
        self._chores = chores
        self._stopping = asyncio.Event()
        self._stood_since: tuple[object, float] = (None, 0.0)
        self._stumbles = 0  # rounds that went wrong, one after another
        self._stumbled_over = ""
        self._telling_took_s = 0.0
        self._doing = "watching the inbox"
        self._limit = config.service.paid_messages_a_day  # the one that the films which wait for it were held up by
        self._refused = ""  # what a reload found wrong, until one goes well

    @property
    def hangs(self) -> bool:
        """Whether a look at the inbox has not come back."""
        return self._rounds.looks.is_looking

    async def serve(self, on_change: OnChange | None, reload: Callable[[], Config] | None = None) -> int:
        """Serve until stopped (0), or until nothing can move (`once`)."""
        with _signals(self._stop, lambda: self._reload(reload)):
            ticks = started_ticks(self._chores.ticks())
            systemd.notify("READY=1", self._status())
            alive = asyncio.create_task(systemd.keep_alive(self._clock))
            hold_ups = asyncio.create_task(self._tell_hold_ups())
            try:
                code = await self._loop(on_change)
                if why := self._telling.store.barred:
                    raise UsageError(why)
                return code
            finally:
                systemd.notify("STOPPING=1", "STATUS=finishing what may not be cut")
                alive.cancel()
                hold_ups.cancel()
                ticks.shutdown(wait=False)

    async def _tell_hold_ups(self) -> None:
        """A journal that cannot be written is told beside the rounds, which wait for it."""
        while True:
            await self._telling.held_up.wait()
            self._telling.held_up.clear()
            if self._telling.store.barred and not self._stopping.is_set():
                self._stop()
                return
            if not self._leading.may_tell:
                continue
            try:
                overview = await self._telling.tell_hold_up()
            except Trouble as trouble:
                log.debug("telling.stumbled", reason=str(trouble))
                continue
            if overview is not None:
                self._doing = _doing(overview)
                systemd.notify(self._status())

    def _reload(self, reload: Callable[[], Config] | None) -> None:
        """Read the configuration anew, and look again. A bad one is refused and the old one stays."""
        self._wake.set()
        if reload is None:
            return
        systemd.notify("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.monotonic() * 1e6)}")
        self._refused = ""
        try:
            self._adopt(reload())
        except UsageError as error:
            self._refuse(*map(str, error.problems))
        except Exception as error:  # noqa: BLE001  whatever a value does to its reader, the old configuration goes on
            reason = f"{type(error).__name__}: {error}"
            self._refuse(f"it cannot be read ({reason}); correct what was changed last, and reload again")
        finally:
            systemd.notify("READY=1", self._status())

    def _refuse(self, *problems: str) -> None:
        for problem in problems:  # each a line of its own: none is cut, none braked for another
            log.warning("config.refused", problem=problem, brake=problem)
        self._refused = f"the new configuration was refused, the old one stays: {problems[0]}"

    def _status(self) -> str:
        """What it does right now, and what is wrong, as one line for `systemctl status`."""
        return "STATUS=" + shown(
            "; ".join(filter(None, (self._doing, self._refused)))
        )  # whatever a folder's name holds

    def _adopt(self, config: Config) -> None:
        """Take over what can change while we run. Raises: UsageError for what cannot."""
        old = self._config
        fixed = [
            name
            for name, before, after in (
                ("[folders]", old.folders, config.folders),
                ("service.backend", old.service.backend, config.service.backend),
                ("service.url", old.service.url, config.service.url),
                ("service.skill_version", old.service.skill_version, config.service.skill_version),
                ("[journal]", old.journal, config.journal),
                ("service.pace.balance_check", old.service.pace.balance_check_s, config.service.pace.balance_check_s),
                ("service.pace.stop_wait", old.service.pace.stop_wait_s, config.service.pace.stop_wait_s),
                ("inbox.watch", old.inbox.watch, config.inbox.watch),
                ("inbox.language", old.inbox.language, config.inbox.language),
            )
            if before != after and not (name == "service.url" and old.service.backend == "studio")
        ]
        if fixed:
            raise UsageError(f"{', '.join(fixed)}: cannot change while nemo-watch runs; restart it")
        if old.service.backend == "studio":
            config = replace(config, service=replace(config.service, url=old.service.url, pace=near(config)))
        self._telling.notifier.adopt(config.notify)
        self._config = config
        self._rounds.adopt(config)
        self._telling.config = config
        self._dispatcher.adopt(config.service.projects_at_once, config.service.pace)
        self._chores.service.client.adopt(config.service.pace)
        log.info("config.reloaded", path=str(config.path))

    def _stop(self) -> None:
        if self._stopping.is_set():
            os._exit(HARD_STOP)  # a second signal stops at once; everything that matters is in the journal
        self._stopping.set()
        self._rounds.looks.stopping.set()
        self._wake.set()

    async def _loop(self, on_change: OnChange | None) -> int:
        shown: Overview | None = None
        last: Round | None = None
        while not self._stopping.is_set():
            woken = self._wake.is_set() or self._dispatcher.ended.is_set()
            self._wake.clear()
            self._dispatcher.ended.clear()
            self._dispatcher.changed.clear()
            told = await self._unless_stopped(self._looked_and_told(last, look=woken))
            if told is None:
                break
            last, overview = told
            if overview is not None and overview != shown:
                shown = overview
                self._doing = _doing(overview)
                systemd.notify(self._status())
                if on_change is not None:
                    on_change(overview)
            rests = overview is not None and not self._stumbles and not self._may_move(last, overview)
            if rests:
                await self._unless_stopped(self._leading.rest())
            if self._rounds.once:
                if self._stumbles >= _ONCE_STUMBLES_MAX:
                    return 1
                if overview is not None and rests:
                    self._tell_left(row.name for row in overview.films if row.state is FilmState.WORKING)
                    is_all_known = not last.look.absent
                    return 0 if is_all_known and all(row.state in ENDED for row in overview.films) else 1
                if overview is None and (left := await self._unless_stopped(self._leading.left_to())) is not None:
                    self._tell_left(left.at_work, left.leader)
                    return 0 if left.is_all_done else 1
            await self._wait(_HELPS_S if overview is None and self._rounds.once else last.next_s)
        return 0

    def _tell_left(self, films: Iterable[str], leader: str | None = None) -> None:
        """Say what `once` leaves to other hosts: the films that they have at work, and to look at the inbox."""
        if names := sorted(films):
            log.info("once.left_to_others", films=names)
        if leader is not None:
            log.info("once.not_leading", leader=leader)

    async def _unless_stopped(self, work: Coroutine[Any, Any, Result]) -> Result | None:
        """What the work gives; None where a stop found it waiting, and it went on waiting: for a journal or disk that does not answer."""
        task, stop = asyncio.ensure_future(work), asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait({task}, timeout=REST_S)
            return await task if task.done() else None
        finally:
            for waiting in (task, stop):
                waiting.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _looked_and_told(self, last: Round | None, *, look: bool) -> tuple[Round, Overview | None]:
        """A round, and what people were told of it; None where nothing could be told, or another host does all this."""
        try:
            if not await self._leading.leads():
                systemd.notify(f"STATUS={shown(self._leading.following)}")
                return Round(Look(absent=False)), None
            await self._release_braked()
            if look or last is None:
                last = await self._rounds.round()
            began = self._clock.monotonic()
            overview = await self._telling.tell(last)
            self._telling_took_s = self._clock.monotonic() - began
        except Trouble as trouble:  # the outbox or the inbox refuses
            if trouble.cause is Cause.LOST_TO_ANOTHER:
                return Round(Look(absent=False)), None
            return await self._stumbled(last, str(trouble))
        except Exception as error:
            reason = sentence(Cause.SURPRISE, {"reason": type(error).__name__})
            if reason != self._stumbled_over:
                log.exception("round.surprised")
            return await self._stumbled(last, reason)
        self._stumbles, self._stumbled_over = 0, ""
        return last, overview

    async def _release_braked(self) -> None:
        """Films that wait for the daily limit ask again, once it is another. Raises: Trouble."""
        limit, now = self._config.service.paid_messages_a_day, self._clock.now().timestamp()
        if limit != self._limit:
            await self._telling.store.do(lambda c: queue.release_parked(c, [Cause.BRAKE_DAILY], now))
            self._limit = limit

    async def _stumbled(self, last: Round | None, reason: str) -> tuple[Round, Overview | None]:
        """The last round that went well, with the reason among its problems; another look soon, and later each time."""
        if reason != self._stumbled_over:  # once, not every time
            log.warning("round.stopped", reason=reason)
        self._stumbles += 1
        self._stumbled_over = reason
        self._wake.set()
        kept = Round(Look(absent=False)) if last is None else last
        problems = tuple(dict.fromkeys((*kept.look.problems, reason)))
        again_s = min(_AFTER_A_STUMBLE_S * 2 ** min(self._stumbles, 16), self._config.inbox.rescan_s)
        try:
            overview = await self._telling.tell(replace(kept, look=replace(kept.look, problems=problems)))
        except Exception:
            log.debug("telling.stumbled", exc_info=True)
            overview = None
        await self._sleep(again_s)
        return kept, overview

    async def _wait(self, next_s: float | None) -> None:
        """Until something wakes us, a job has something to tell, or the next round is due."""
        timeout_s = self._config.inbox.rescan_s if next_s is None else min(next_s, self._config.inbox.rescan_s)
        if not await _any(self._wake, self._dispatcher.ended, self._dispatcher.changed, within_s=timeout_s):
            self._wake.set()
        elif not self._wake.is_set() and not self._dispatcher.ended.is_set():
            pause_s = min(max(_TELL_EVERY_S, _TELL_SHARE * self._telling_took_s), _TELL_EVERY_MAX_S)
            await _any(self._wake, self._dispatcher.ended, within_s=min(pause_s, timeout_s))

    async def _sleep(self, seconds: float) -> None:
        """`seconds`, or less when we are to stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _may_move(self, last: Round, overview: Overview) -> bool:
        """Whether anything can still happen without a person, a growing wait, or a file that is still being written.

        A look that takes long says where it stands; only one that stands still there hangs.
        """
        now = self._clock.monotonic()
        standing = (
            [p.folder for p in last.look.projects if p.ready],
            [(row.name, row.state) for row in overview.films],
            last.look.problems if last.look.hangs else (),
        )
        if self._dispatcher.running or last.startable or last.gathered or standing != self._stood_since[0]:
            self._stood_since = (standing, now)
            return True
        if (
            self._wake.is_set()
            or self._dispatcher.ended.is_set()
            or any(seen.wish.busy_with == READING for seen in last.seen)
        ):
            return True
        if last.look.hangs:
            return now - self._stood_since[1] < LOOK_LIMIT_S
        inbox = self._config.inbox
        patience_s = 1.5 * (inbox.settle_s + inbox.project_settle_s) + 3.0
        return last.look.next_look_s is not None and now - self._stood_since[1] < patience_s


async def _any(*events: asyncio.Event, within_s: float) -> bool:
    """Wait until one of the events is set; whether it was in that time."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    done, pending = await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    for wait in pending:
        wait.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return bool(done)


def _doing(overview: Overview) -> str:
    """What it does right now, and what is wrong with the inbox or the journal."""
    states = [row.state for row in overview.films]
    parts = [f"{states.count(state)} {state.value.replace('_', ' ')}" for state in FilmState if state in states]
    doing = ", ".join(parts) or "watching the inbox"
    return "; ".join((doing, *overview.watching.problems))


class _signals:  # noqa: N801  reads as the block it is
    """SIGTERM and SIGINT stop, SIGHUP looks again, while the block runs."""

    def __init__(self, stop: Callable[[], None], look: Callable[[], None]) -> None:
        self._handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: look}

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for number, handler in self._handlers.items():
            loop.add_signal_handler(number, handler)

    def __exit__(self, *_exc: object) -> None:
        loop = asyncio.get_running_loop()
        for number in self._handlers:
            loop.remove_signal_handler(number)
