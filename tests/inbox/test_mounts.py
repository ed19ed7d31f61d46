"""Real mounts, as root, in a namespace of their own: gone, back, on top of one another, full, and one that never answers.

Nothing outside the namespace sees them. Without root, or where namespaces are not allowed, these tests skip and say so.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0
    or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0,
    reason="needs root and mount namespaces",
)

_IN_A_NAMESPACE = """
import subprocess, sys, os, threading, time
from datetime import datetime
from pathlib import Path
from nemo_watch import config
from nemo_watch.inbox.looking import Lookout
from nemo_watch.inbox.watching import Watch
inbox, photo = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
def mount(kind="tmpfs", *more): subprocess.run(["mount", "-t", kind, kind, str(inbox), *more], check=True)
def umount(*more):
    "It is busy as long as a thread of the watch has a folder open."
    while subprocess.run(["umount", *more, str(inbox)], check=False, stderr=subprocess.DEVNULL).returncode == 32:
        time.sleep(0.02)
def put(name):
    (inbox / name).parent.mkdir(exist_ok=True); (inbox / name).write_bytes(photo)
lookout, now = Lookout(inbox, config.Inbox()), 0.0
woken = threading.Event()
watch = Watch(inbox, woken.set, monotonic=lambda: now)
def look(after=30.0):
    global now
    now += after
    found = lookout.look(now, datetime(2026, 1, 1))
    watching = watch.tend(found.root, found.folder_count)
    woken.clear()
    return found
def wakes(change):
    "Whether the kernel tells of the change; only a failure waits so long."
    change()
    return woken.wait(100)
def ready():
    look(); look(5); return sorted(p.folder for p in look(20).projects if p.ready)
"""


def in_a_namespace(tmp_path, samples, story):
    """Runs a story with mounts of its own, and gives back what it printed."""
    (tmp_path / "inbox").mkdir()
    photo = tmp_path / "photo"
    photo.write_bytes(samples.picture("JPEG"))
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", _IN_A_NAMESPACE + story]
    done = subprocess.run([*command, str(tmp_path / "inbox"), str(photo)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


@needs_mounts
@pytest.mark.parametrize("lazily", ["", '"-l"'])
def test_an_unmounted_inbox_is_a_pause_and_remounted_it_goes_on(tmp_path, samples, lazily):
    story = f"""
mount(); put("x/a.jpg"); print(ready())
umount({lazily}); print([look().absent for _ in range(10)])
mount(); put("y/b.jpg"); print(look().absent, ready())
"""
    assert in_a_namespace(tmp_path, samples, story) == ["['x']", str([True] * 10), "False ['y']"]


@needs_mounts
def test_after_a_restart_an_inbox_that_is_not_mounted_is_a_pause_until_it_is(tmp_path, samples):
    """What an earlier process saw is handed to the next one, which finds the empty mount point, and then another disk."""
    story = """
mount(); put("x/a.jpg"); print(ready())
known = lookout.root
umount(); lookout = Lookout(inbox, config.Inbox(), root_known=known)
print([look().absent for _ in range(10)], "on another disk than before; is its disk mounted?" in look().problems[0])
mount(); put("y/b.jpg"); print(ready(), lookout.root == known)
"""
    assert in_a_namespace(tmp_path, samples, story) == ["['x']", str([True] * 10) + " True", "['y'] False"]


@needs_mounts
def test_an_inbox_mounted_over_is_the_one_on_top(tmp_path, samples):
    story = """
put("below/a.jpg"); print(ready())
mount(); print(look().absent); put("above/b.jpg"); print(ready())
umount(); print(ready())
"""
    assert in_a_namespace(tmp_path, samples, story) == ["['below']", "True", "['above']", "['below']"]


@needs_mounts
def test_a_bind_mount_of_the_same_disk_that_goes_is_a_pause(tmp_path, samples):
    story = """
other = inbox.with_name("other"); other.mkdir()
def bind(): subprocess.run(["mount", "--bind", str(other), str(inbox)], check=True)
bind(); put("x/a.jpg"); print(ready())
umount(); print([look().absent for _ in range(10)])
bind(); print(ready())
"""
    assert in_a_namespace(tmp_path, samples, story) == ["['x']", str([True] * 10), "['x']"]


@needs_mounts
def test_a_project_on_a_disk_of_its_own_that_goes_keeps_its_files(tmp_path, samples):
    story = """
(inbox / "x").mkdir(); subprocess.run(["mount", "-t", "tmpfs", "t", str(inbox / "x")], check=True)
put("x/a.jpg"); put("y/b.jpg"); print(ready())
subprocess.run(["umount", str(inbox / "x")], check=True)
found = look(); x = next(p for p in found.projects if p.folder == "x")
print(x.ready, [m.path for f in x.films for m in f.media], [left.reason for left in x.unsettled])
print(sorted(p.folder for p in found.projects if p.ready))
"""
    assert in_a_namespace(tmp_path, samples, story) == [
        "['x', 'y']",
        "False ['x/a.jpg'] ['cannot be read: its disk looks unmounted']",
        "['y']",
    ]


@needs_mounts
def test_a_disk_in_the_middle_of_a_project_that_goes_holds_the_project_until_it_is_back(tmp_path, samples):
    story = """
disk = inbox.with_name("disk"); disk.mkdir(); subprocess.run(["mount", "-t", "tmpfs", "t", str(disk)], check=True)
(disk / "deep").mkdir(); (disk / "deep/b.jpg").write_bytes(photo)
(inbox / "x/sub").mkdir(parents=True); put("x/a.jpg")
def bind(): subprocess.run(["mount", "--bind", str(disk), str(inbox / "x/sub")], check=True)
def told():
    found = look(); [x] = found.projects
    print(x.ready, [m.path for f in x.films for m in f.media], found.problems)
bind(); print(ready())
subprocess.run(["umount", str(inbox / "x/sub")], check=True)
told(); told(); told()
bind(); print(ready())
subprocess.run(["umount", str(inbox / "x/sub")], check=True); (inbox / "x/sub").rmdir()
print(ready(), [m.path for m in look().projects[0].films[0].media])
"""
    gone = "False ['x/a.jpg', 'x/sub/deep/b.jpg'] ('x/sub cannot be read: its disk looks unmounted.',)"
    assert in_a_namespace(tmp_path, samples, story) == ["['x']", gone, gone, gone, "['x']", "['x'] ['x/a.jpg']"]


@needs_mounts
def test_a_full_disk_and_a_read_only_one_are_told_apart(tmp_path, samples):
    story = """
from nemo_watch.errors import Trouble
mount("tmpfs", "-o", "size=64k"); (inbox / "x").mkdir()
def try_it(data):
    try: return lookout.folder.write_new("x/prompt.txt", data)
    except Trouble as trouble: return trouble.cause.value, os.listdir(inbox / "x")
print(try_it(b"x" * 200_000))
subprocess.run(["mount", "-o", "remount,ro", str(inbox)], check=True)
print(try_it(b"x"))
"""
    assert in_a_namespace(tmp_path, samples, story) == ["('no_space', [])", "('outbox_unwritable', [])"]


@needs_mounts
def test_events_come_again_after_every_remount(tmp_path, samples):
    """watchdog sees nothing at all of an unmount, a remount or a mount on top: the identity of the folder does."""
    story = """
def sees(name): return wakes(lambda: put(name)), watch.starts
look(); print(sees("below/a.jpg"))
mount(); look(); print(sees("above/b.jpg"))
umount(); mount(); look(); print(sees("again/c.jpg"))
umount("-l"); look(); print(sees("below/d.jpg"))
print(ready())
watch.stop()
"""
    assert in_a_namespace(tmp_path, samples, story) == [
        "(True, 1)", "(True, 2)", "(True, 3)", "(True, 4)", "['below']",
    ]  # fmt: skip


@needs_mounts
def test_a_single_file_mounted_in_from_another_disk_is_taken(tmp_path, samples):
    """As containers do it. Its device is its own, not its folder's."""
    story = """
put("x/a.jpg"); place = inbox / "x/b.jpg"; place.touch()
disk = inbox.with_name("disk"); disk.mkdir(); subprocess.run(["mount", "-t", "tmpfs", "t", str(disk)], check=True)
(disk / "b.jpg").write_bytes(photo)
subprocess.run(["mount", "--bind", str(disk / "b.jpg"), str(place)], check=True)
print(ready(), [m.path for m in look(1).projects[0].films[0].media])
watch.stop()
"""
    assert in_a_namespace(tmp_path, samples, story) == ["['x'] ['x/a.jpg', 'x/b.jpg']"]


@needs_mounts
@pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="needs /dev/fuse")  # noqa: PTH110
def test_a_mount_that_never_answers_holds_only_the_look(tmp_path, samples):
    """A file system whose server never says a word: the look hangs in its thread, all else goes on; when it ends, the inbox is back."""
    story = """
import gc
put("x/a.jpg"); print(ready())
server = os.open("/dev/fuse", os.O_RDWR)
subprocess.run(["mount", "-i", "-t", "fuse", "-o", f"fd={server},rootmode=40000,user_id=0,group_id=0", "silent", str(inbox)],
               check=True, pass_fds=[server])
looks = []
thread = threading.Thread(target=lambda: looks.append(look()), daemon=True)
thread.start(); thread.join(0.3)
print(thread.is_alive(), gc.isenabled(), gc.get_threshold()[0] > 0)
os.close(server)
thread.join(20); print([found.absent for found in looks])
umount(); print(ready())
watch.stop()
"""
    assert in_a_namespace(tmp_path, samples, story) == ["['x']", "True True True", "[True]", "['x']"]


_SILENT = """
def silent(place):
    server = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={server},rootmode=40000,user_id=0,group_id=0"
    subprocess.run(["mount", "-i", "-t", "fuse", "-o", options, "silent", str(place)], check=True, pass_fds=[server])
    return server
"""


@needs_mounts
@pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="needs /dev/fuse")  # noqa: PTH110
@pytest.mark.parametrize("place", ["nas", "x/sub"])
def test_a_dead_mount_inside_the_inbox_holds_only_what_lies_in_it(tmp_path, samples, place):
    """Its server is gone: not even what it is can be asked (ENOTCONN). It was there before, or it came later."""
    story = f"""
place = inbox / "{place}"; place.mkdir(parents=True); put("{place}/a.jpg"); put("x/b.jpg"); put("y/c.jpg"); print(ready())
os.close(silent(place))
def told(found):
    rows = [*found.left_alone, *(left for project in found.projects for left in project.unsettled)]
    return sorted((row.path, row.reason) for row in rows)
found = look(); print(found.absent, told(found), found.problems)
put("z/d.jpg"); print(ready())
subprocess.run(["umount", str(place)], check=True); print(ready(), look().problems)
watch.stop()
"""
    mine = place.partition("/")[0]
    dead = "Transport endpoint is not connected"
    others = sorted({"x", "y", "z"} - {mine})
    before = sorted({"x", "y", mine})
    assert in_a_namespace(tmp_path, samples, _SILENT + story) == [
        str(before),
        f"False {[(place, f'cannot be read: {dead}')]} {(f'{place} cannot be read: {dead}.',)}",
        str(others),
        f"{sorted({*before, 'z'})} ()",
    ]


_LOOKS = """
import asyncio
from dataclasses import replace
from nemo_watch.clock import SystemClock
from nemo_watch.config import load
from nemo_watch.daemon.looks import Looks
from nemo_watch.daemon.metrics import Metrics
settings = load({"HOME": str(inbox.parent)}, options={"folders.inbox": str(inbox), "inbox.rescan": "300ms"})
def looks():
    return Looks(settings, SystemClock(), lookout, watch, Metrics(), lambda: None)
def over(found):
    return found.absent, found.hangs, [p.replace(str(inbox), "INBOX") for p in found.problems]
"""


@needs_mounts
@pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="needs /dev/fuse")  # noqa: PTH110
def test_a_mount_that_never_answered_and_is_gone_is_noticed(tmp_path, samples):
    """Unmounted lazily, its server silent for ever: the look in it never comes back, a fresh one sees what is there."""
    story = """
put("x/a.jpg")
async def life():
    looked = looks()
    print(over(await looked.look()))
    server = silent(inbox)
    print(over(await looked.look())); print(over(await looked.look()))
    umount("-l")
    found = await looked.look()
    print(over(found), [p.folder for p in found.projects], looked.is_looking)
    looked.watch.stop()
asyncio.run(life())
sys.stdout.flush()
os._exit(0)
"""
    silent = "(True, True, ['The inbox INBOX does not answer. Bring its disk or server back, or unmount it; nemo-watch goes on by itself.'])"
    assert in_a_namespace(tmp_path, samples, _SILENT + _LOOKS + story) == [
        "(False, False, [])", silent, silent, "(False, False, []) ['x'] True",
    ]  # fmt: skip
