"""watchdog → "look again". Chooses events or polling, says which and why, and notices when events have died.

It must never decide what happened: any event only wakes, the listing is the truth, and its timer goes on in either mode. Facts (measured): without
its event filter watchdog 7.1 falls into a self-sustaining overflow storm; it hides an exhausted watch limit, an unreadable root and a root
that went and came back; its warnings hold its whole watch table; its observer thread dies of a handler's exception.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nemo_watch.inbox import handles, overflow
from nemo_watch.inbox.announcing import Announcer
from nemo_watch.model import FolderIdentity, Watching

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver

FOLDERS_MAX: Final = 10_000  # above, watchdog's overflow recovery may never end (storms began beyond 16,384)
_LIMIT_SHARE: Final = 0.8  # of the user's inotify watches; other programs need some
_JOIN_S: Final = 5.0
_BEHIND_S: Final = (
    5.0  # so long the watch may lag behind the listing: half a second for a moved folder, more for thousands
)
_AGAIN_S: Final = (600.0, 86_400.0)  # what failed is tried again, later each time: other programs give watches back
_WATCH_LIMIT: Final = Path("/proc/sys/fs/inotify/max_user_watches")
_HANDLES: Final = Path("/proc/self/fdinfo")


class Watch:
    """The watch over one inbox. `wake` is called from watchdog's thread at every event; it must only set a flag.

    Call `tend` after every look, with what it saw: it starts, stops and re-arms the watch as needed, and returns how the inbox is
    watched and what is wrong with that. `events_seen` counts events, `starts` how often the watch was armed. `monotonic` gives seconds.
    """

    def __init__(
        self,
        folder: Path,
        wake: Callable[[], None],
        choice: str = "auto",
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._wake = wake
        self._choice = choice
        self._observer: BaseObserver | None = None
        self._armed: tuple[FolderIdentity, int] | None = None
        self._failed: tuple[FolderIdentity, int] | None = None
        self._failures = 0  # one after another
        self._again_s = 0.0  # when to try again although nothing has changed
        self._limit: int | None = None  # that was in force when it failed
        self._rearmed = False  # a watch that was short has been begun afresh
        self._problem: str | None = None
        self._monotonic = monotonic
        self._short_since: float | None = None  # when the count began to be short: the watch may only be behind
        self._overflowed = False
        self._announcer = Announcer()
        self.events_seen = 0
        self.starts = 0

    def anew(self) -> Watch:
        """Another watch over the same inbox, which has not begun: for when a call of this one does not come back."""
        return Watch(self._folder, self._wake, self._choice, monotonic=self._monotonic)

    def tend(self, root: FolderIdentity | None, folder_count: int) -> Watching:
        """Brings the watch in line with the inbox as the last look saw it: its identity (None: absent) and its number of folders.

        What is wrong is logged when it comes and when it goes.
        """
        watching = self._tended(root, folder_count)
        self._announcer.tell(watching.problems)
        return watching

    def _tended(self, root: FolderIdentity | None, folder_count: int) -> Watching:
        overflowed, self._overflowed = self._overflowed, False
        if root is None:
            self.stop()
            return Watching("polling" if self._choice == "polling" else "events")
        reason = self._reason_to_poll(folder_count)
        if self._choice == "polling" or reason:
            self.stop()
            return Watching("polling", (reason,) if reason else ())
        died = self._armed is not None and not self._lives()
        if died or self._armed is None or self._armed[0] != root:
            self._arm(root, folder_count)
        elif folder_count != self._armed[1]:
            self._count(root, folder_count)
        if self._observer is None:
            return Watching("polling", (self._problem,) if self._problem else ())
        return Watching("events", self._doubts(died=died, overflowed=overflowed))

    def stop(self) -> None:
        """Ends the watch and its threads; may be called again and again."""
        overflow.forget(self._lost)
        self._short_since = None
        observer, self._observer, self._armed = self._observer, None, None
        if observer is not None:
            with suppress(Exception):  # whatever state it died in, it must not take the daemon along
                observer.stop()
                observer.join(_JOIN_S)

    # -- events or polling -------------------------------------------------------------------------------------------------

    def _reason_to_poll(self, folder_count: int) -> str | None:
        if self._choice != "auto":
            return None
        network = _network(self._folder)
        if network:
            return f"The inbox lies on {network}, which sends no events; it is looked through at intervals."
        if folder_count > FOLDERS_MAX:
            return f"The inbox holds {folder_count} folders, too many for events; it is looked through at intervals."
        limit = _watch_limit()
        if limit is not None and folder_count > limit * _LIMIT_SHARE:
            return (
                f"The inbox holds {folder_count} folders, and this machine allows {limit} watches (fs.inotify.max_user_watches); "
                "it is looked through at intervals."
            )
        return None

    def _doubts(self, *, died: bool, overflowed: bool) -> tuple[str, ...]:
        doubts = []
        if died:
            doubts.append("The watching of events had died and was started again.")
        if overflowed:
            doubts.append(
                "More happened at once than the kernel keeps events for; the inbox was looked through instead."
            )
        if self._choice == "events" and (network := _network(self._folder)):
            doubts.append(f"The inbox lies on {network}, which sends no events; set watch to auto or polling.")
        return tuple(doubts)

    # -- the observer --------------------------------------------------------------------------------------------------------

    def _arm(self, root: FolderIdentity, folder_count: int) -> None:
        self.stop()
        if self._failed == (root, folder_count) and not self._is_worth_another_try():
            return
        try:
            self._observer = self._started()
        except OSError as error:
            self._fail(
                root,
                folder_count,
                f"Events cannot be watched ({error.strerror}); the inbox is looked through at intervals.",
            )
            return
        self.starts += 1
        self._failed = self._problem = None
        self._count(root, folder_count)
        self._wake()  # what came before the watch stood is found by one more look

    def _is_worth_another_try(self) -> bool:
        """Whether what failed may go well now, although the inbox is the same: the limit is another, or much time has passed."""
        return _watch_limit() != self._limit or self._monotonic() >= self._again_s

    def _count(self, root: FolderIdentity, folder_count: int) -> None:
        """Compares the kernel's watches with the folders, for watchdog hides that a limit was reached.

        It watches the folders that are passed by as well (`@eaDir`), so enough watches may be the wrong ones where no more are to be had.
        While folders are arriving the watch is behind the listing, so what is missing is believed only after a while.
        """
        armed, now_s = _armed_watches(), self._monotonic()
        if armed is None or (armed >= folder_count and handles.may_watch_more()):
            self._armed, self._short_since = (root, folder_count), None
            self._failures, self._rearmed = 0, False
            return
        self._armed = (root, -1)  # counted again next time
        self._short_since = now_s if self._short_since is None else self._short_since
        if now_s - self._short_since < _BEHIND_S:
            return
        if not self._rearmed and armed < folder_count and handles.may_watch_more():
            self._rearmed = (
                True  # a folder could not be watched when it came (a right was missing): begun afresh, it may be
            )
            self._arm(root, folder_count)
        else:
            limit = f"(fs.inotify.max_user_watches is {_watch_limit()})"
            short = f"Only {armed} of {folder_count} folders can be watched {limit}"
            taken = f"Every watch that this user may have is taken {limit}, so not every folder is surely watched"
            self.stop()
            self._fail(
                root,
                folder_count,
                f"{short if armed < folder_count else taken}; the inbox is looked through at intervals.",
            )

    def _fail(self, root: FolderIdentity, folder_count: int, problem: str) -> None:
        self._failed, self._problem = (root, folder_count), problem
        first_s, last_s = _AGAIN_S
        self._again_s = self._monotonic() + min(first_s * 2 ** min(self._failures, 16), last_s)
        self._failures += 1
        self._limit, self._rearmed = _watch_limit(), False

    def _started(self) -> BaseObserver:
        from watchdog.events import DirCreatedEvent, DirMovedEvent, FileClosedEvent, FileCreatedEvent, FileMovedEvent
        from watchdog.observers import Observer

        overflow.hush()
        overflow.listen(self._lost)
        observer = Observer()
        wanted: list[type[FileSystemEvent]] = [
            FileClosedEvent,
            FileMovedEvent,
            FileCreatedEvent,
            DirMovedEvent,
            DirCreatedEvent,
        ]
        try:
            observer.schedule(_Waker(self._noticed), os.fspath(self._folder), recursive=True, event_filter=wanted)  # type: ignore[arg-type]
            observer.start()
        except BaseException:
            with suppress(Exception):
                observer.stop()
            raise
        return observer

    def _noticed(self) -> None:
        self.events_seen += 1
        self._wake()

    def _lost(self) -> None:
        self._overflowed = True
        self._wake()

    def _lives(self) -> bool:
        observer = self._observer
        return observer is not None and observer.is_alive() and all(emitter.is_alive() for emitter in observer.emitters)


class _Waker:
    """watchdog's handler: one call for every event, whatever it is. An exception here would end watchdog's thread."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def dispatch(self, event: FileSystemEvent) -> None:
        """Wakes."""
        with suppress(Exception):
            self._wake()


def _network(folder: Path) -> str | None:
    try:
        handle = handles.opened_root(os.fspath(folder))
    except OSError:
        return None
    try:
        return handles.network_file_system(handle)
    finally:
        os.close(handle)


def _watch_limit() -> int | None:
    try:
        return int(_WATCH_LIMIT.read_text())
    except (OSError, ValueError):
        return None


def _armed_watches() -> int | None:
    """How many inotify watches this process holds; None where /proc does not tell."""
    try:
        return sum(_watches_of(entry) for entry in _HANDLES.iterdir())
    except OSError:
        return None


def _watches_of(entry: Path) -> int:
    try:
        return entry.read_bytes().count(b"\ninotify wd:")
    except OSError:  # a handle that has been closed meanwhile
        return 0
