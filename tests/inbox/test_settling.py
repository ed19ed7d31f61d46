"""Listings over time → files at rest: on a clock of our own, never early, never lost."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_watch.inbox.listing import Listing
from nemo_watch.inbox.settling import Settling
from nemo_watch.inbox.standings import Doubt, Due
from nemo_watch.inbox.tracking import SPARSE_BLIND_S, SPARSE_PATIENCE_S, Pace
from nemo_watch.inbox.verdicts import CUT, ENDLESS, HOLLOW, SPARSE, WHOLE, WRITING, Verdict, Wholeness
from nemo_watch.model import EntryKind, FolderIdentity, Sighting

ROOT = FolderIdentity(1, 2, 3)
SETTLE_S, PROJECT_SETTLE_S, RESCAN_S = 5.0, 20.0, 30.0


def seen(path: str, size: int = 100, inode: int | None = None, mtime: int = 7) -> Sighting:
    return Sighting(path, EntryKind.FILE, size, mtime, mtime, inode or hash(path) % 10_000, 1)


def listed(*sightings: Sighting, root: FolderIdentity | None = ROOT, **extra: object) -> Listing:
    names = {sighting.path.partition("/")[0] for sighting in sightings if "/" in sighting.path}
    folders = {name: FolderIdentity(1, hash(name) % 10_000, 1) for name in names}
    return Listing(root, sightings, **{"folders": folders, **extra})  # type: ignore[arg-type]


class Story:
    """A settling that is told listings and verdicts at moments."""

    def __init__(self, root_known: FolderIdentity | None = None, **verdicts: Verdict) -> None:
        self.settling = Settling(Pace(SETTLE_S, 500_000_000, RESCAN_S), PROJECT_SETTLE_S, root_known)
        self.verdicts = verdicts
        self.asked: list[Due] = []

    def at(self, now_s: float, listing: Listing) -> Story:
        self.now_s = now_s
        self.settling.observed(listing, now_s)
        for due in list(self.settling.due(now_s)):
            self.asked.append(due)
            self.settling.judged(due, self.verdict(due), now_s)
        return self

    def verdict(self, due: Due) -> Verdict:
        return self.verdicts.get(due.sighting.path.rpartition("/")[2].partition(".")[0], WHOLE)

    def resting(self) -> set[str]:
        return {s.path for standing in self.settling.standings(self.now_s) for s in standing.at_rest}

    def reasons(self) -> dict[str, str]:
        return {
            u.sighting.path: u.reason for standing in self.settling.standings(self.now_s) for u in standing.unsettled
        }

    def alone(self) -> dict[str, str]:
        return {s.path: why for standing in self.settling.standings(self.now_s) for s, why in standing.alone}


def test_a_file_rests_when_it_has_not_changed_for_settle_and_is_whole():
    story, listing = Story(), listed(seen("x/a.jpg"))
    assert story.at(0, listing).resting() == set()
    assert story.at(4.9, listing).resting() == set()
    assert story.at(5, listing).resting() == {"x/a.jpg"}
    assert story.reasons() == {}


def test_a_change_starts_the_wait_anew():
    story = Story()
    story.at(0, listed(seen("x/a.jpg", 100)))
    story.at(4, listed(seen("x/a.jpg", 200)))
    assert story.at(8, listed(seen("x/a.jpg", 200))).resting() == set()
    assert story.at(12.1, listed(seen("x/a.jpg", 200))).resting() == {"x/a.jpg"}


@pytest.mark.parametrize("change", [{"mtime_ns": 8}, {"ctime_ns": 8}, {"inode": 77}, {"device": 5}, {"size_bytes": 99}])
def test_any_difference_is_a_change(change):
    """An mtime that goes back, another inode of the same size: compared for equality, never by age."""
    story, before = Story(), seen("x/a.jpg")
    story.at(0, listed(before)).at(5, listed(before))
    assert story.resting() == {"x/a.jpg"}
    assert story.at(6, listed(replace(before, **change))).resting() == set()


def test_a_file_that_is_not_whole_never_rests_and_is_named_after_a_while():
    story, listing = Story(a=CUT), listed(seen("x/a.jpg"), seen("x/b.jpg"))
    story.at(0, listing).at(5, listing)
    assert story.reasons() == {"x/a.jpg": "is still arriving"}
    for now_s in (60, 600, 100_000):
        story.at(now_s, listing)
        assert story.resting() == {"x/b.jpg"}
        assert story.reasons() == {"x/a.jpg": "looks cut off; waiting for the rest"}


def test_a_file_without_its_end_is_decoded_once_after_a_minute():
    story, listing = Story(a=CUT), listed(seen("x/a.jpg"))
    for now_s in (0, 5, 30, 59, 60, 90, 1000):
        story.at(now_s, listing)
    assert [due.thorough for due in story.asked] == [False, True]


def test_a_file_that_decodes_counts_as_whole():
    story, listing = Story(a=CUT), listed(seen("x/a.jpg"))
    story.at(0, listing).at(5, listing)
    story.verdicts = {}
    assert story.at(60, listing).resting() == {"x/a.jpg"}


def test_an_endless_format_rests_after_a_minute():
    story, listing = Story(a=ENDLESS), listed(seen("x/a.mp3"))
    assert story.at(0, listing).at(59, listing).resting() == set()
    assert story.at(60, listing).resting() == {"x/a.mp3"}


def test_a_hollow_file_waits_for_ever_and_says_so_at_once():
    story, listing = Story(a=HOLLOW), listed(seen("x/a.jpg"))
    story.at(0, listing).at(5, listing)
    assert story.reasons() == {"x/a.jpg": "parts of it are still empty; waiting for the rest"}
    assert story.at(1e6, listing).resting() == set()


def test_a_writer_is_looked_for_again_although_nothing_changes():
    story, listing = Story(a=WRITING), listed(seen("x/a.jpg"))
    story.at(0, listing).at(5, listing)
    assert story.reasons() == {"x/a.jpg": "is still being written"}
    story.verdicts = {}
    assert story.settling.next_due_s(5) == 5
    assert story.at(10, listing).resting() == {"x/a.jpg"}


def test_a_file_with_holes_is_asked_about_again_after_each_patience():
    """First for those that nobody writes, later for those of which nobody can tell; it never waits without end."""
    story, listing = Story(a=SPARSE), listed(seen("x/a.mov"))
    story.at(0, listing).at(5, listing)
    assert story.reasons() == {"x/a.mov": "has empty stretches; waiting to see whether they are filled"}
    while (wait_s := story.settling.next_due_s(story.now_s)) is not None and story.now_s < 10_000:
        story.at(story.now_s + wait_s, listing)
    assert [due.unchanged_s for due in story.asked] == [5, SPARSE_PATIENCE_S, SPARSE_BLIND_S]
    assert [due.thorough for due in story.asked] == [False, True, True]


NO_DISK = Verdict(Wholeness.UNREADABLE, "cannot be read: Input/output error")
NO_RIGHT = Verdict(Wholeness.REFUSED, "cannot be read: Permission denied")


@pytest.mark.parametrize("verdict", [NO_DISK, NO_RIGHT])
def test_a_file_that_cannot_be_read_holds_its_project_and_heals(verdict):
    story, listing = Story(a=verdict), listed(seen("x/a.jpg"), seen("x/b.jpg"))
    for now_s in (0, 5, 600, 100_000):
        story.at(now_s, listing)
    assert (story.alone(), story.reasons(), story.resting()) == ({}, {"x/a.jpg": verdict.reason}, {"x/b.jpg"})
    story.verdicts = {}
    assert story.at(100_000 + RESCAN_S, listing).resting() == {"x/a.jpg", "x/b.jpg"}


@pytest.mark.parametrize(("verdict", "first_s"), [(NO_DISK, 1.0), (NO_RIGHT, RESCAN_S)])
def test_a_failing_disk_is_tried_with_growing_patience_and_a_missing_right_at_every_rescan(verdict, first_s):
    story, listing = Story(a=verdict), listed(seen("x/a.jpg"))
    moments = [5.0]
    story.at(0, listing).at(5, listing)
    while len(story.asked) < 40:
        wait_s = story.settling.next_due_s(story.now_s)
        assert wait_s is not None
        asked = len(story.asked)
        story.at(story.now_s + wait_s, listing)
        moments += [story.now_s] * (len(story.asked) - asked)
    waits = [after - before for before, after in itertools.pairwise(moments)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (first_s, RESCAN_S)


def test_a_file_that_failed_when_it_was_read_through_is_read_through_before_it_rests_again():
    story, listing = Story(), listed(seen("x/a.jpg"))
    story.at(0, listing).at(5, listing)
    story.settling.unread("x/a.jpg", NO_DISK, 10)
    story.verdicts = {"a": NO_DISK}
    assert story.at(10, listing).reasons() == {"x/a.jpg": NO_DISK.reason}
    assert story.at(20, listing).reasons() == {"x/a.jpg": NO_DISK.reason}
    story.verdicts = {}
    assert story.at(60, listing).resting() == {"x/a.jpg"}
    assert [due.read_through for due in story.asked] == [False, True, True]


def test_loose_neighbours_do_not_wait_for_a_file_that_cannot_be_read():
    story, listing = Story(a=NO_DISK), listed(seen("a.jpg"), seen("b.jpg"))
    story.at(0, listing).at(5, listing)
    assert [u.holds for standing in story.settling.standings(5) for u in standing.unsettled] == [True]
    story.at(60, listing)
    assert [u.holds for standing in story.settling.standings(60) for u in standing.unsettled] == [False]


def test_a_writer_that_pauses_is_given_twice_its_longest_pause():
    """A copy that stood still for 4 s and grew on must stand still for 8 s."""
    story = Story()
    story.at(0, listed(seen("x/a.mp3", 100))).at(4, listed(seen("x/a.mp3", 100)))
    grown = listed(seen("x/a.mp3", 200))
    story.at(4.5, grown)
    assert story.at(12, grown).resting() == set()
    assert story.at(12.5, grown).resting() == {"x/a.mp3"}


def test_a_file_copied_anew_after_a_long_time_is_no_pausing_writer():
    story = Story(a=CUT)
    for now_s in (0, 5, 3600):
        story.at(now_s, listed(seen("x/a.jpg", 100)))
    story.verdicts, whole = {}, listed(seen("x/a.jpg", 200))
    assert story.at(3601, whole).at(3606, whole).resting() == {"x/a.jpg"}


def test_a_prompt_edited_daily_does_not_wait_longer_for_that():
    story = Story()
    story.at(0, listed(seen("x/prompt.txt", 100))).at(90_000, listed(seen("x/prompt.txt", 100)))
    edited = listed(seen("x/prompt.txt", 120))
    assert story.at(90_001, edited).at(90_006, edited).resting() == {"x/prompt.txt"}


def test_an_empty_file_waits_for_settle_and_is_then_left_alone():
    story, listing = Story(a=Verdict(Wholeness.NOT_MEDIA, "it is empty")), listed(seen("x/a.jpg", 0))
    assert story.at(0, listing).reasons() == {"x/a.jpg": "is still arriving"}
    story.at(5, listing)
    assert (story.alone(), story.reasons()) == ({"x/a.jpg": "it is empty"}, {})


def test_a_temporary_file_holds_its_project_only_while_it_is_fresh():
    """A stalled download waits two minutes; one that was forgotten holds nothing up."""
    story, listing = Story(), listed(seen("x/a.jpg"), seen("x/b.jpg.part"))
    for now_s in (0, 5, 100):
        assert story.at(now_s, listing).reasons()["x/b.jpg.part"] == "is still arriving"
    assert story.at(121, listing).alone() == {"x/b.jpg.part": "temporary file"}
    assert story.reasons() == {}


def test_a_temporary_file_with_a_writer_holds_its_project_however_long():
    story, listing = Story(b=WRITING), listed(seen("x/b.jpg.part"))
    for now_s in (0, 5, 200, 4000):
        story.at(now_s, listing)
    assert story.reasons() == {"x/b.jpg.part": "is still arriving"}


@pytest.mark.parametrize("name", [".DS_Store", ".hidden.jpg", "notes.pdf", ".prompt.txt.swp", "Thumbs.db"])
def test_strangers_hold_nothing_up_and_restart_no_wait(name):
    story = Story()
    story.at(0, listed(seen("x/a.jpg")))
    listing = listed(seen("x/a.jpg"), seen(f"x/{name}"))
    story.at(15, listing)
    assert story.reasons() == {}
    assert story.settling.quiet_s("x", 15) == 15
    assert set(story.alone()) == {f"x/{name}"}


def test_quiet_counts_from_the_last_change_arrival_or_removal():
    story = Story()
    story.at(0, listed(seen("x/a.jpg"), seen("x/b.jpg")))
    story.at(10, listed(seen("x/a.jpg")))
    assert story.settling.quiet_s("x", 25) == 15
    story.at(30, listed(seen("x/a.jpg"), seen("x/c.jpg")))
    assert story.settling.quiet_s("x", 31) == 1


def test_an_absent_inbox_is_a_pause_and_no_deletion():
    story, listing = Story(), listed(seen("x/a.jpg"))
    story.at(0, listing).at(5, listing)
    story.at(10, Listing(None))
    assert story.settling.absent
    assert story.resting() == {"x/a.jpg"}
    story.at(1000, listing)
    assert not story.settling.absent
    assert story.settling.quiet_s("x", 1000) == 1000


def test_an_inbox_that_is_suddenly_empty_is_doubted_twice():
    story, listing = Story(), listed(seen("x/a.jpg"))
    story.at(0, listing).at(5, listing)
    for now_s in (10, 15):
        assert story.at(now_s, listed()).settling.absent
        assert story.settling.next_due_s(now_s) is not None
    assert not story.at(20, listed()).settling.absent
    assert story.resting() == set()


def test_a_hiccup_of_a_slow_nas_is_forgotten():
    story, listing = Story(), listed(seen("x/a.jpg"))
    for now_s, now in enumerate([listing, listed(), listed(), listing, listed(), listed(), listing]):
        story.at(float(now_s), now)
    assert not story.settling.absent
    assert story.at(7, listing).resting() == {"x/a.jpg"}


def test_another_and_empty_folder_in_the_inbox_place_is_never_taken_for_it():
    """Unmounted: the mount point underneath is another folder."""
    story, listing = Story(), listed(seen("x/a.jpg"))
    story.at(0, listing).at(5, listing)
    other = FolderIdentity(9, 9, 9)
    for now_s in range(10, 100, 10):
        assert story.at(now_s, listed(root=other)).settling.absent
    assert not story.at(200, listed(seen("y/b.jpg"), root=other)).settling.absent
    assert story.at(205, listed(seen("y/b.jpg"), root=other)).resting() == {"y/b.jpg"}


ELSEWHERE = FolderIdentity(9, 9, 9)


def test_after_a_restart_an_empty_inbox_on_another_disk_is_absent_until_it_holds_something():
    story = Story(ROOT)
    for now_s in (0, 1000, 1e6):
        assert story.at(now_s, listed(root=ELSEWHERE)).settling.absent
    assert (story.settling.doubt, story.settling.root) == (Doubt.ELSEWHERE, ROOT)
    story.at(1e6 + 1, listed(seen("x/a.jpg"), root=ELSEWHERE))
    assert (story.settling.absent, story.settling.root) == (False, ELSEWHERE)


def test_after_a_restart_an_empty_inbox_on_the_known_disk_is_an_empty_inbox():
    """Emptied, or deleted and made again; also where the machine's restart gave the disk another number."""
    for root in (ROOT, FolderIdentity(1, 77, 88), FolderIdentity(5, ROOT.inode, ROOT.birth_ns)):
        assert not Story(ROOT).at(0, listed(root=root)).settling.absent
    unborn = FolderIdentity(1, 2, None)
    assert Story(unborn).at(0, listed(root=FolderIdentity(5, 2, None))).settling.absent


def test_after_a_restart_another_inbox_that_holds_something_is_the_inbox():
    story = Story(ROOT).at(0, listed(seen("x/a.jpg"), root=ELSEWHERE))
    assert (story.settling.absent, story.settling.root) == (False, ELSEWHERE)


def test_an_inbox_that_never_held_anything_may_lie_anywhere():
    """Its disk is mounted, still empty, after the daemon came."""
    story = Story().at(0, listed())
    assert story.settling.root is None
    assert not story.at(10, listed(root=ELSEWHERE)).settling.absent


def test_what_a_kill_left_of_our_own_writing_is_named_when_nothing_can_be_writing_it_any_more():
    story, listing = Story(), listed(seen("x/.nemo-watch-prompt.txt.tmp"), seen("x/.nemo-watch-a.jpg.tmp"))
    story.at(0, listing)
    assert story.settling.leftovers(119) == []
    assert [s.path for s in story.settling.leftovers(120)] == ["x/.nemo-watch-prompt.txt.tmp"]
    story.at(121, listed(seen("x/.nemo-watch-a.jpg.tmp")))
    assert story.settling.leftovers(1000) == []


def test_an_inbox_that_was_always_empty_is_simply_empty():
    assert not Story().at(0, listed()).settling.absent


def test_a_folder_that_cannot_be_read_still_holds_what_it_held():
    story, listing = Story(), listed(seen("x/a.jpg"), seen("x/raw/b.jpg"))
    story.at(0, listing).at(5, listing)
    story.at(6, listed(seen("x/a.jpg"), unreadable={"x/raw": "Permission denied"}))
    (standing,) = (standing for standing in story.settling.standings(6) if standing.folder == "x")
    assert {s.path for s in standing.at_rest} == {"x/a.jpg", "x/raw/b.jpg"}
    assert standing.unreadable == (("x/raw", "Permission denied"),)


def test_a_project_whose_disk_was_unmounted_keeps_what_it_held():
    story, listing = Story(), listed(seen("x/a.jpg"), seen("b.jpg"))
    story.at(0, listing).at(5, listing)
    gone = {"x": "its disk looks unmounted"}
    story.at(6, listed(seen("b.jpg"), folders={"x": FolderIdentity(99, 1, 1)}, unreadable=gone))
    assert "x/a.jpg" in story.resting()
    assert story.settling.folders["x"].device == 1


def test_a_standing_is_the_same_object_while_nothing_changes():
    story, listing = Story(a=CUT), listed(seen("x/a.jpg"), seen("x/b.jpg"))
    story.at(0, listing).at(70, listing)
    first = story.settling.standings(70)
    assert [a is b for a, b in zip(first, story.at(71, listing).settling.standings(71), strict=True)] == [True, True]


def test_a_verdict_on_what_has_changed_since_is_forgotten():
    story, before = Story(), seen("x/a.jpg", 100)
    story.at(0, listed(before))
    story.settling.observed(listed(seen("x/a.jpg", 200)), 5)
    story.settling.judged(Due(before), WHOLE, 5)
    story.now_s = 5
    assert story.resting() == set()


def test_next_due_names_the_moments_at_which_time_alone_changes_something():
    story, listing = Story(), listed(seen("x/a.jpg"))
    assert story.at(0, listing).settling.next_due_s(0) == SETTLE_S
    assert story.at(5, listing).settling.next_due_s(5) == PROJECT_SETTLE_S - SETTLE_S
    assert story.at(20, listing).settling.next_due_s(20) is None


_NAMES = st.sampled_from(["x/a.jpg", "x/b.mp4", "x/c.png", "y/d.jpg", "e.gif"])
_STEPS = st.lists(
    st.tuples(st.floats(0.1, 30), st.dictionaries(_NAMES, st.integers(1, 3), max_size=5), st.booleans()), max_size=25
)


@settings(deadline=None)
@given(_STEPS)
def test_nothing_rests_before_its_time_and_everything_rests_in_the_end(steps):
    """Whatever comes, changes and goes: what rests was seen unchanged for settle; what stays unchanged comes to rest."""
    story, now_s = Story(), 0.0
    since: dict[str, tuple[int, float]] = {}
    files: dict[str, int] = {}
    for wait_s, files, absent in steps:
        now_s += wait_s
        if absent or (not files and since):
            story.at(now_s, Listing(None))
            continue
        since = {
            name: since[name] if name in since and since[name][0] == size else (size, now_s)
            for name, size in files.items()
        }
        story.at(now_s, listed(*(seen(name, size) for name, size in files.items())))
        for path in story.resting():
            assert now_s - since[path][1] >= SETTLE_S
        assert story.resting() | set(story.reasons()) == set(files)
    last = {name: size for name, (size, _) in since.items()}
    story.at(now_s + 1, listed(*(seen(name, size) for name, size in last.items())))
    story.at(now_s + 700, listed(*(seen(name, size) for name, size in last.items())))
    assert story.resting() == set(last)
