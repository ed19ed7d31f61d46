"""The kernel drops events: that is noticed, said, and costs one look. For real: a reader that is frozen while files pour in."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nemo_watch.inbox import overflow
from nemo_watch.inbox.listing import Walk
from nemo_watch.inbox.watching import Watch
from nemo_watch.model import Watching

_QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


@pytest.fixture
def watch(tmp_path):
    woken = []
    made = Watch(tmp_path, lambda: woken.append(1))
    listing = Walk(tmp_path).listing()
    yield lambda: made.tend(listing.root, listing.folder_count), woken
    made.stop()


def test_an_overflow_wakes_is_said_once_and_is_over_with_the_next_look(watch):
    tend, woken = watch
    tend()
    woken.clear()
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; filesystem events were lost")
    assert woken
    assert tend() == Watching(
        "events", ("More happened at once than the kernel keeps events for; the inbox was looked through instead.",)
    )
    assert tend() == Watching("events")


def test_watchdogs_lines_go_nowhere(watch, caplog):
    tend, _ = watch
    tend()
    for name in ("watchdog.observers.inotify_c", "watchdog.observers.inotify"):
        logging.getLogger(name).warning("Inotify queue overflowed; %r", "its whole table")
        logging.getLogger(name).error("something else")
    assert caplog.records == []


def test_a_watch_that_has_ended_is_not_told_any_more(tmp_path):
    before = len(overflow._overflows.listeners)
    watch = Watch(tmp_path, lambda: None)
    listing = Walk(tmp_path).listing()
    for _ in range(3):
        watch.tend(listing.root, listing.folder_count)
        watch.stop()
    assert len(overflow._overflows.listeners) == before


def test_a_listener_that_raises_is_no_ones_end():
    def broken() -> None:
        raise RuntimeError

    overflow.hush()
    overflow.listen(broken)
    try:
        logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed")
    finally:
        overflow.forget(broken)
        overflow.forget(broken)


_READER = """
import sys, threading
from datetime import datetime
from pathlib import Path
from nemo_watch import config
from nemo_watch.inbox.looking import Lookout
from nemo_watch.inbox.verdicts import WHOLE
from nemo_watch.inbox.watching import Watch
woken = threading.Event()
lookout = Lookout(Path(sys.argv[1]), config.Inbox(), examine=lambda due, folder: WHOLE)
watch = Watch(Path(sys.argv[1]), woken.set)
def look(now_s):
    found = lookout.look(now_s, datetime(2026, 1, 1))
    return found, watch.tend(found.root, found.folder_count)
look(0.0)
print("ready", flush=True)
sys.stdin.readline()
said = False
while not said and woken.wait(100):
    woken.clear()
    said = "More happened at once" in str(look(1.0)[1].problems)
look(10.0); look(10.0)
found, watching = look(40.0)
woken.clear()
(Path(sys.argv[1]) / "x" / "later.jpg").write_bytes(b"x")
print(said, sum(len(f.media) for p in found.projects for f in p.films), watching.mode, woken.wait(100), flush=True)
watch.stop()
"""


def _queue() -> int:
    try:
        return int(_QUEUE.read_text())
    except (OSError, ValueError):
        return 0


@pytest.mark.skipif(not 0 < _queue() <= 20_000, reason="needs a kernel whose event queue can be filled in a second")
def test_a_frozen_reader_loses_events_and_not_one_file(tmp_path):
    """More events than the queue holds, then a hundred files: all are found by looking, the overflow is said, and events go on."""
    inbox = tmp_path / "inbox"
    (inbox / "x").mkdir(parents=True)
    restless, elsewhere = inbox / "x" / "0.jpg", inbox / "x" / "00.jpg"
    restless.write_bytes(b"x")
    with subprocess.Popen(
        [sys.executable, "-c", _READER, str(inbox)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as reader:  # fmt: skip
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        reader.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, reader.pid, os.WSTOPPED | os.WNOWAIT)
        for _ in range(_queue() // 4 + 100):  # four events each
            restless.rename(elsewhere)
            elsewhere.rename(restless)
        for number in range(1, 100):
            (inbox / "x" / f"{number}.jpg").write_bytes(b"x")
        reader.send_signal(signal.SIGCONT)
        reader.stdin.write("go on\n")
        reader.stdin.flush()
        said = reader.stdout.readline().split()
    assert said == ["True", "100", "events", "True"]
