"""Events wake, and when they cannot, that is noticed and said. With the real watchdog and the real kernel; nothing here sleeps."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

from nemo_watch.inbox import handles, watching
from nemo_watch.inbox.listing import Walk
from nemo_watch.inbox.watching import FOLDERS_MAX, Watch
from nemo_watch.model import FolderIdentity, Watching

SOON_S = 20.0  # far longer than any event takes; only a failure waits for it


class Watched:
    """A watch over a folder, tended by what a walk sees."""

    def __init__(self, root: Path, choice: str = "auto") -> None:
        self.woken = threading.Event()
        self.root = root
        self.now_s = 0.0
        self.watch = Watch(root, self.woken.set, choice, monotonic=lambda: self.now_s)
        self.walk = Walk(root)

    def tend(self) -> Watching:
        listing = self.walk.listing()
        return self.watch.tend(listing.root, listing.folder_count)

    def wakes_at(self, change) -> bool:
        self.woken.clear()
        change()
        return self.woken.wait(SOON_S)


@pytest.fixture
def watched(tmp_path):
    made = []

    def make(choice: str = "auto") -> Watched:
        root = tmp_path / "inbox"
        root.mkdir(exist_ok=True)
        made.append(Watched(root, choice))
        return made[-1]

    yield make
    for one in made:
        one.watch.stop()


def test_any_arrival_wakes(watched, tmp_path):
    inbox = watched()
    assert inbox.tend() == Watching("events")
    root = inbox.root
    (tmp_path / "ready").mkdir()
    (tmp_path / "ready" / "in.jpg").write_bytes(b"x")
    (tmp_path / "file.jpg").write_bytes(b"x")
    assert inbox.wakes_at(lambda: (root / "a.jpg").write_bytes(b"x"))
    assert inbox.wakes_at((root / "x").mkdir)
    assert inbox.wakes_at(lambda: (tmp_path / "ready").rename(root / "y"))
    assert inbox.wakes_at(lambda: (tmp_path / "file.jpg").rename(root / "file.jpg"))
    assert inbox.wakes_at(lambda: os.link(root / "a.jpg", root / "hard.jpg"))
    assert inbox.wakes_at(lambda: (root / "a.jpg").rename(root / "b.jpg"))
    assert inbox.wakes_at(lambda: (root / os.fsdecode(b"\xff\xfe.jpg")).write_bytes(b"x"))


def test_a_touch_wakes_and_reading_does_not(watched):
    inbox = watched()
    file = inbox.root / "a.jpg"
    file.write_bytes(b"x")
    inbox.tend()

    def touch():
        file.open("ab").close()  # what the command does; only setting the times is no event worth waking for

    assert inbox.wakes_at(touch)
    before = inbox.watch.events_seen
    inbox.walk.listing()
    file.read_bytes()
    assert inbox.wakes_at(touch), "events come in order: so those of the reading would have come before"
    kinds = inbox.watch.events_seen - before
    assert kinds <= 2


def test_arming_wakes_once_for_what_came_before(watched):
    inbox = watched()
    (inbox.root / "a.jpg").write_bytes(b"x")
    inbox.tend()
    assert inbox.woken.is_set()


def test_tending_an_unchanged_inbox_starts_nothing_anew(watched):
    inbox = watched()
    for _ in range(5):
        inbox.tend()
    assert inbox.watch.starts == 1


def test_an_inbox_that_went_and_came_back_is_watched_again(watched):
    """Renamed away, deleted and made again: every backend is blind to it; the identity is not."""
    inbox = watched()
    inbox.tend()
    inbox.root.rename(inbox.root.with_name("away"))
    inbox.root.mkdir()
    assert inbox.tend() == Watching("events")
    assert inbox.wakes_at(lambda: (inbox.root / "a.jpg").write_bytes(b"x"))
    shutil.rmtree(inbox.root)
    inbox.tend()
    inbox.root.mkdir()
    inbox.tend()
    assert inbox.wakes_at(lambda: (inbox.root / "b.jpg").write_bytes(b"x"))
    assert inbox.watch.starts == 3


def test_a_dead_observer_is_noticed_said_and_replaced(watched):
    inbox = watched()
    inbox.tend()
    observer = inbox.watch._observer
    observer.stop()
    observer.join(SOON_S)
    assert inbox.tend() == Watching("events", ("The watching of events had died and was started again.",))
    assert inbox.tend() == Watching("events")
    assert inbox.wakes_at(lambda: (inbox.root / "a.jpg").write_bytes(b"x"))


def test_a_wake_that_raises_does_not_end_the_watch(tmp_path):
    second = threading.Event()
    calls = []

    def wake():
        calls.append(1)
        if len(calls) > 3:
            second.set()
        raise RuntimeError

    class Quiet(Watch):
        def _arm(self, root, folder_count):
            with suppress(RuntimeError):  # the wake of the arming itself
                super()._arm(root, folder_count)

    watch = Quiet(tmp_path, wake)
    listing = Walk(tmp_path).listing()
    watch.tend(listing.root, listing.folder_count)
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    assert second.wait(SOON_S)
    assert watch._lives()
    watch.stop()


def test_polling_can_be_chosen(watched):
    inbox = watched("polling")
    assert inbox.tend() == Watching("polling")
    assert inbox.watch._observer is None


def test_a_network_inbox_is_polled_and_said_to_be(watched, monkeypatch):
    monkeypatch.setattr(handles, "network_file_system", lambda _handle: "NFS")
    assert watched().tend() == Watching(
        "polling", ("The inbox lies on NFS, which sends no events; it is looked through at intervals.",)
    )
    forced = watched("events").tend()
    assert forced.mode == "events"
    assert forced.problems == ("The inbox lies on NFS, which sends no events; set watch to auto or polling.",)


def test_an_inbox_of_too_many_folders_is_polled_and_back(watched):
    inbox = watched()
    listing = inbox.walk.listing()
    found = inbox.watch.tend(listing.root, FOLDERS_MAX + 1)
    assert found.mode == "polling"
    assert "too many for events" in found.problems[0]
    assert inbox.tend() == Watching("events")


def test_a_low_watch_limit_is_seen_before_it_is_reached(watched, monkeypatch, tmp_path):
    limit = tmp_path / "limit"
    limit.write_text("50\n")
    monkeypatch.setattr(watching, "_WATCH_LIMIT", limit)
    inbox = watched()
    found = inbox.watch.tend(inbox.walk.listing().root, 45)
    assert found.mode == "polling"
    assert "fs.inotify.max_user_watches" in found.problems[0]
    assert inbox.watch.tend(inbox.walk.listing().root, 1).mode == "events"


def test_watches_that_are_missing_for_a_while_mean_polling(watched, monkeypatch):
    """watchdog says nothing when the kernel refuses a watch; while folders arrive it is only behind."""
    inbox = watched()
    root = inbox.walk.listing().root
    monkeypatch.setattr(watching, "_armed_watches", lambda: 3)
    for inbox.now_s in (0.0, 0.0, 0.4, 4.9):  # however often it is looked
        assert inbox.watch.tend(root, 5) == Watching("events")
    for inbox.now_s in (5.0, 9.9):  # begun afresh once
        assert inbox.watch.tend(root, 5) == Watching("events")
    inbox.now_s = 10.0
    found = inbox.watch.tend(root, 5)
    assert found.mode == "polling"
    assert found.problems[0].startswith("Only 3 of 5 folders can be watched (fs.inotify.max_user_watches is ")
    inbox.now_s = 500.0
    assert inbox.watch.tend(root, 5) == found, "it is not tried again and again"
    monkeypatch.setattr(watching, "_armed_watches", lambda: 6)
    assert inbox.watch.tend(root, 6) == Watching("events"), "but when the inbox has changed"


@pytest.mark.parametrize("why", ["the limit is another", "much time has passed"])
def test_what_could_not_be_watched_is_tried_again_when_it_may_go_well(watched, monkeypatch, tmp_path, why):
    limit = tmp_path / "limit"
    limit.write_text("50\n")
    monkeypatch.setattr(watching, "_WATCH_LIMIT", limit)
    monkeypatch.setattr(watching, "_armed_watches", lambda: 3)
    monkeypatch.setattr(handles, "may_watch_more", lambda: False)
    inbox = watched()
    root = inbox.walk.listing().root
    for inbox.now_s in (0.0, 5.0):
        found = inbox.watch.tend(root, 5)
    assert found.mode == "polling"
    monkeypatch.setattr(watching, "_armed_watches", lambda: 5)
    monkeypatch.setattr(handles, "may_watch_more", lambda: True)
    inbox.now_s = 35.0
    assert inbox.watch.tend(root, 5) == found
    if why == "the limit is another":
        limit.write_text("500\n")
    else:
        inbox.now_s = 606.0
    assert inbox.watch.tend(root, 5) == Watching("events")


def test_a_watch_that_is_short_is_begun_afresh_before_it_is_given_up(watched, monkeypatch):
    """A folder that could not be read when it came, and can be now, is watched only then."""
    inbox = watched()
    root = inbox.walk.listing().root
    monkeypatch.setattr(watching, "_armed_watches", lambda: 5 if inbox.watch.starts == 2 else 4)
    for inbox.now_s in (0.0, 5.0, 20.0):
        assert inbox.watch.tend(root, 5) == Watching("events")
    assert inbox.watch.starts == 2


def test_watches_that_came_late_are_forgiven_and_later_ones_get_their_own_while(watched, monkeypatch):
    inbox = watched()
    root = inbox.walk.listing().root
    for inbox.now_s, armed, folders in ((0, 3, 5), (4, 5, 5), (100, 5, 9), (104, 9, 9)):
        monkeypatch.setattr(watching, "_armed_watches", lambda armed=armed: armed)
        assert inbox.watch.tend(root, folders) == Watching("events")


def test_the_kernels_own_count_is_read(watched):
    inbox = watched()
    (inbox.root / "x" / "y").mkdir(parents=True)
    before = watching._armed_watches()
    inbox.tend()
    assert watching._armed_watches() == before + 3


def test_an_observer_that_cannot_start_means_polling(watched, monkeypatch):
    inbox = watched()

    def refused(_self):
        raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr(Watch, "_started", refused)
    found = inbox.tend()
    assert found == Watching(
        "polling",
        ("Events cannot be watched (inotify instance limit reached); the inbox is looked through at intervals.",),
    )


def test_an_absent_inbox_is_not_watched(watched):
    inbox = watched()
    inbox.tend()
    assert inbox.watch.tend(None, 0) == Watching("events")
    assert inbox.watch._observer is None


def test_stopping_ends_all_threads_and_may_be_repeated(watched):
    before = threading.active_count()
    inbox = watched()
    inbox.tend()
    inbox.watch.stop()
    inbox.watch.stop()
    assert threading.active_count() == before


def test_watchdogs_event_filter_leaves_reading_out(watched):
    """Finding: with the default mask the overflow recovery's own walk overflows the queue, for ever."""
    inbox = watched()
    inbox.tend()
    (emitter,) = inbox.watch._observer.emitters
    mask = emitter.get_event_mask_from_filter()
    in_open, in_close_nowrite, in_access = 0x20, 0x10, 0x1
    assert mask & (in_open | in_close_nowrite | in_access) == 0


def test_watchdogs_warnings_are_kept_quiet(watched):
    inbox = watched()
    with warnings.catch_warnings():
        inbox.tend()
        code = "import warnings; warnings.warn('its whole table', RuntimeWarning)"
        exec(compile(code, "x", "exec"), {"__name__": "watchdog.observers.inotify_c"})  # noqa: S102  as if watchdog did


_LIMITED = """
import sys, threading
from pathlib import Path
Path("/proc/sys/fs/inotify/max_user_watches").write_text("50")
Path("/proc/sys/user/max_inotify_watches").write_text("50")
from nemo_watch.inbox import watching
from nemo_watch.inbox.listing import Walk
watching._WATCH_LIMIT = Path("/proc/none")  # the limit of another kind of user: not to be known before
root = Path(sys.argv[1])
for number in range(100):
    (root / str(number)).mkdir()
now_s = 0.0
watch = watching.Watch(root, lambda: None, monotonic=lambda: now_s)
for now_s in (0.0, 10.0):
    listing = Walk(root).listing()
    found = watch.tend(listing.root, listing.folder_count)
print(found.mode, found.problems)
watch.stop()
"""


@pytest.mark.skipif(
    subprocess.run(
        ["unshare", "-Ur", "sh", "-c", "echo 50 > /proc/sys/user/max_inotify_watches"], capture_output=True, check=False
    ).returncode
    != 0,
    reason="needs user namespaces with a watch limit of their own",
)
def test_a_watch_limit_that_the_kernel_enforces_is_noticed(tmp_path):
    """100 folders, 50 watches, in a user namespace: watchdog starts without a word and is blind to half."""
    code = _LIMITED.replace('Path("/proc/sys/fs/inotify/max_user_watches").write_text("50")\n', "")
    done = subprocess.run(
        ["unshare", "-Ur", sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("polling")
    assert "of 101 folders can be watched" in done.stdout


_BEHIND_A_LIMIT = """
import sys
from datetime import datetime
from pathlib import Path
Path("/proc/sys/user/max_inotify_watches").write_text("50")
from nemo_watch import config
from nemo_watch.inbox import watching
from nemo_watch.inbox.looking import Lookout
watching._WATCH_LIMIT = Path("/proc/none")
root, photo = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
names = [str(number) for number in range(100)]
for name in names[:60]:
    (root / name).mkdir()
lookout, now_s = Lookout(root, config.Inbox()), 0.0
watch = watching.Watch(root, lambda: None, monotonic=lambda: now_s)
def look(after_s):
    global now_s
    now_s += after_s
    found = lookout.look(now_s, datetime(2026, 1, 1))
    watch.tend(found.root, found.folder_count)
    return found
look(0)
for name in names:
    (root / name).mkdir(exist_ok=True)
    (root / name / "a.jpg").write_bytes(photo)
look(30), look(5)
found = look(30)
print(sum(project.ready for project in found.projects), sum(len(p.films[0].media) for p in found.projects))
watch.stop()
"""


@pytest.mark.skipif(
    subprocess.run(
        ["unshare", "-Ur", "sh", "-c", "echo 50 > /proc/sys/user/max_inotify_watches"], capture_output=True, check=False
    ).returncode
    != 0,
    reason="needs user namespaces with a watch limit of their own",
)
def test_behind_an_exhausted_watch_limit_not_one_file_is_lost(samples, tmp_path):
    """60 folders before the start and 40 after it, 50 watches: all hundred projects are found by the rescan."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "photo").write_bytes(samples.picture("JPEG"))
    command = ["unshare", "-Ur", sys.executable, "-c", _BEHIND_A_LIMIT, tmp_path / "inbox", tmp_path / "photo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.split("\n")[0], done.returncode) == ("100 100", 0), done.stderr


def test_an_identity_alone_decides_about_arming(tmp_path, monkeypatch):
    """A remount gives the same path another device."""
    starts = []
    monkeypatch.setattr(Watch, "_started", lambda self: starts.append(1))
    monkeypatch.setattr(Watch, "_lives", lambda self: True)
    watch = Watch(tmp_path, lambda: None)
    for identity in (FolderIdentity(1, 2, 3), FolderIdentity(1, 2, 3), FolderIdentity(9, 2, 3)):
        watch.tend(identity, 1)
    assert len(starts) == 2


def test_enough_watches_prove_nothing_where_no_more_are_to_be_had(watched, monkeypatch):
    """watchdog spends them on the folders that are passed by, too (`@eaDir`)."""
    inbox = watched()
    root = inbox.walk.listing().root
    monkeypatch.setattr(watching, "_armed_watches", lambda: 100)
    monkeypatch.setattr(handles, "may_watch_more", lambda: False)
    assert inbox.watch.tend(root, 81) == Watching("events")
    inbox.now_s = 5.0
    found = inbox.watch.tend(root, 81)
    assert found.mode == "polling"
    assert found.problems[0].startswith("Every watch that this user may have is taken (fs.inotify.max_user_watches is ")


_PASSED_BY = """
import sys
from pathlib import Path
Path("/proc/sys/user/max_inotify_watches").write_text("100")
from nemo_watch.inbox import handles, watching
from nemo_watch.inbox.listing import Walk
root = Path(sys.argv[1])
for number in range(40):
    (root / str(number) / "sub").mkdir(parents=True)
    (root / str(number) / "@eaDir").mkdir()
now_s = 0.0
watch = watching.Watch(root, lambda: None, monotonic=lambda: now_s)
print(handles.may_watch_more())
for now_s in (0.0, 10.0):
    listing = Walk(root).listing()
    found = watch.tend(listing.root, listing.folder_count)
    print(listing.folder_count, found.mode)
print(handles.may_watch_more())
watch.stop()
"""


@pytest.mark.skipif(
    subprocess.run(
        ["unshare", "-Ur", "sh", "-c", "echo 100 > /proc/sys/user/max_inotify_watches"],
        capture_output=True,
        check=False,
    ).returncode
    != 0,
    reason="needs user namespaces with a watch limit of their own",
)
def test_a_limit_reached_by_folders_that_are_passed_by_is_noticed(tmp_path):
    """81 folders and 40 of a NAS's own, 100 watches: enough by number, and yet some of the 81 would be blind."""
    done = subprocess.run(
        ["unshare", "-Ur", sys.executable, "-c", _PASSED_BY, tmp_path], capture_output=True, text=True, check=False
    )
    assert (done.stdout.split("\n")[:-1], done.returncode) == (["True", "81 events", "81 polling", "True"], 0), (
        done.stderr
    )
