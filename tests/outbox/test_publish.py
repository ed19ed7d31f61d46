"""A finished video in the outbox: whole or not at all, never over another, never outside."""

from __future__ import annotations

import contextlib
import errno
import os
from datetime import UTC, datetime, timedelta

import pytest
from outbox_samples import NOW, mp4

from nemo_watch.errors import Cause, Trouble
from nemo_watch.outbox import disk
from nemo_watch.outbox.publish import LOG_BYTES_MAX, OutboxFolder


def visible(outbox: OutboxFolder, folder: str) -> set[str]:
    return {path.name for path in (outbox.root / folder).iterdir()}


def no_links(monkeypatch, number=errno.EPERM):
    """From now on the file system knows no hard links, as FAT and many network shares."""

    def refuse(*_args, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk.os, "link", refuse)


# -- videos ------------------------------------------------------------------------------------------


def test_a_video_becomes_its_version_and_the_newest_by_one_inode(outbox, fetched):
    place = outbox.publish_video("trip", "trip", 1, fetched("trip", "trip", 1))
    assert place == "trip/trip-v1.mp4"
    assert visible(outbox, "trip") == {"trip.mp4", "trip-v1.mp4"}
    assert (outbox.root / "trip/trip.mp4").samefile(outbox.root / place)
    assert (outbox.root / place).read_bytes() == mp4()


def test_the_empty_stem_is_the_folders_own_film(outbox, fetched):
    assert outbox.publish_video("trip", "", 1, fetched("trip", "", 1)) == "trip/trip-v1.mp4"


def test_a_second_version_replaces_the_newest_and_leaves_the_first(outbox, fetched):
    outbox.publish_video("wedding", "a", 1, fetched("wedding", "a", 1, mp4(b"one")))
    outbox.publish_video("wedding", "a", 2, fetched("wedding", "a", 2, mp4(b"two")))
    assert visible(outbox, "wedding") == {"a.mp4", "a-v1.mp4", "a-v2.mp4"}
    assert (outbox.root / "wedding/a.mp4").read_bytes() == mp4(b"two")
    assert (outbox.root / "wedding/a-v1.mp4").read_bytes() == mp4(b"one")


def test_the_newest_never_goes_back_to_an_earlier_version(outbox, fetched):
    outbox.publish_video("trip", "trip", 10, fetched("trip", "trip", 10, mp4(b"ten")))
    outbox.publish_video("trip", "trip", 9, fetched("trip", "trip", 9, mp4(b"nine")))
    assert (outbox.root / "trip/trip.mp4").read_bytes() == mp4(b"ten")


def test_publishing_again_changes_nothing(outbox, fetched):
    part = fetched("trip", "trip", 1)
    first = outbox.publish_video("trip", "trip", 1, part)
    before = (outbox.root / first).stat()
    assert outbox.publish_video("trip", "trip", 1, part) == first
    assert outbox.publish_video("trip", "trip", 1, fetched("trip", "trip", 1)) == first  # fetched twice, the same
    assert (outbox.root / first).stat().st_ino == before.st_ino
    assert visible(outbox, "trip") == {"trip.mp4", "trip-v1.mp4"}


def test_without_hard_links_the_newest_is_a_copy(outbox, fetched, monkeypatch):
    no_links(monkeypatch)
    for version in (1, 2):
        outbox.publish_video("trip", "trip", version, fetched("trip", "trip", version, mp4(bytes([version]))))
    assert visible(outbox, "trip") == {"trip.mp4", "trip-v1.mp4", "trip-v2.mp4"}
    assert not (outbox.root / "trip/trip.mp4").samefile(outbox.root / "trip/trip-v2.mp4")
    assert (outbox.root / "trip/trip.mp4").read_bytes() == mp4(b"\x02")


@pytest.mark.parametrize("linked", [True, False])
def test_a_version_that_exists_is_never_overwritten(outbox, fetched, monkeypatch, linked):
    part = fetched("trip", "trip", 1, mp4(b"ours"))
    (outbox.root / "trip/trip-v1.mp4").write_bytes(mp4(b"mine"))
    if not linked:
        no_links(monkeypatch)
    with pytest.raises(Trouble) as trouble:
        outbox.publish_video("trip", "trip", 1, part)
    assert trouble.value.cause is Cause.OUTBOX_UNWRITABLE
    assert "trip-v1.mp4 is there already" in str(trouble.value)
    assert (outbox.root / "trip/trip-v1.mp4").read_bytes() == mp4(b"mine")
    assert part.exists()  # nothing is lost: move the other away, and it goes on


@pytest.mark.parametrize("data", [b"", mp4()[:-1], b"<html>expired</html>"])
def test_half_a_video_is_refused_and_goes_so_that_it_is_fetched_from_its_beginning(outbox, fetched, data):
    part = fetched("trip", "trip", 1, data)
    with pytest.raises(Trouble) as trouble:
        outbox.publish_video("trip", "trip", 1, part)
    assert trouble.value.cause is Cause.DOWNLOAD_BROKEN
    assert visible(outbox, "trip") == set()


def test_a_video_that_is_gone_is_told(outbox):
    with pytest.raises(Trouble) as trouble:
        outbox.publish_video("trip", "trip", 1, outbox.part_path("trip", "trip", 1))
    assert trouble.value.cause is Cause.DOWNLOAD_BROKEN


def test_a_part_from_elsewhere_is_a_mistake_of_ours(outbox, tmp_path):
    (tmp_path / "x.mp4").write_bytes(mp4())
    with pytest.raises(ValueError, match="part_path"):
        outbox.publish_video("trip", "trip", 1, tmp_path / "x.mp4")


def test_the_part_is_hidden_lies_beside_the_video_and_stays_the_same(outbox):
    part = outbox.part_path("trip", "trip", 3)
    assert part.parent == outbox.root / "trip"
    assert part.name.startswith(".")
    assert part.name.endswith(".part")
    assert outbox.part_path("trip", "trip", 3) == part
    assert outbox.part_path("trip", "trip", 4) != part


def test_the_versions_that_lie_there_newest_first(outbox, fetched):
    assert outbox.versions("trip", "trip") == ()
    for version in (1, 10, 2):
        outbox.publish_video("trip", "trip", version, fetched("trip", "trip", version, mp4(bytes([version]))))
    (outbox.root / "trip/trip-v01.mp4").write_bytes(b"a person's")
    (outbox.root / "trip/trip2-v7.mp4").write_bytes(b"another film's")
    assert outbox.versions("trip", "trip") == outbox.versions("trip", "") == (10, 2, 1)
    (outbox.root / "trip/trip-v10.mp4").unlink()
    assert outbox.versions("trip", "trip") == (2, 1)


# -- handing over ------------------------------------------------------------------------------------


@pytest.mark.parametrize("linked", [True, False])
def test_an_earlier_video_is_handed_over_to_another_film(outbox, fetched, monkeypatch, linked):
    source = outbox.publish_video("trip", "trip", 1, fetched("trip", "trip", 1))
    if not linked:
        no_links(monkeypatch, errno.EOPNOTSUPP)
    for _again in range(2):
        assert outbox.hand_over(source, "copy", "copy", 1) == "copy/copy-v1.mp4"
    assert visible(outbox, "copy") == {"copy.mp4", "copy-v1.mp4"}
    assert (outbox.root / "copy/copy-v1.mp4").read_bytes() == mp4()
    assert (outbox.root / "copy/copy-v1.mp4").samefile(outbox.root / source) is linked


@pytest.mark.parametrize(
    "source",
    [
        "trip/none.mp4",
        "none/x.mp4",
        "../outbox/trip/x.mp4",
        "/etc/passwd",
        "trip/\ud800.mp4",
        "trip/a\0b",
        "",
        "trip",
        "trip/../x",
    ],
)
def test_a_source_that_is_gone_or_outside_is_told(outbox, source):
    (outbox.root / "trip").mkdir()
    with pytest.raises(Trouble) as trouble:
        outbox.hand_over(source, "copy", "copy", 1)
    assert trouble.value.cause is Cause.RENDER_FAILED
    assert not (outbox.root / "copy/copy-v1.mp4").exists()


def test_a_source_that_is_no_whole_video_is_not_handed_over(outbox):
    (outbox.root / "trip").mkdir()
    (outbox.root / "trip/trip-v1.mp4").write_bytes(mp4()[:-1])
    with pytest.raises(Trouble, match="ends 1 bytes too early"):
        outbox.hand_over("trip/trip-v1.mp4", "copy", "copy", 1)


# -- nothing outside ---------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path):
    place = tmp_path / "elsewhere"
    place.mkdir()
    (place / "precious.txt").write_text("precious")
    return place


ACTS = {
    "part": lambda o, _part: o.part_path("trip", "trip", 1),
    "publish": lambda o, part: o.publish_video("trip", "trip", 1, part),
    "reply": lambda o, _part: o.write_reply("trip", "trip", "x"),
    "timeline": lambda o, _part: o.write_timeline("trip", "trip", "x"),
    "needs": lambda o, _part: o.write_needs("trip", "trip", "x"),
    "log": lambda o, _part: o.log("trip", "x", NOW),
    "replace": lambda o, _part: o.replace("trip", "project.toml", b"x"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_project_folder_swapped_for_a_link_is_refused(outbox, elsewhere, act):
    part = outbox.part_path("trip", "trip", 1)
    part.parent.rmdir()
    part.parent.symlink_to(elsewhere)
    with pytest.raises(Trouble) as trouble:
        act(outbox, part)
    assert trouble.value.cause is Cause.OUTBOX_UNWRITABLE
    assert "it is a link" in str(trouble.value)
    assert [path.name for path in elsewhere.iterdir()] == ["precious.txt"]


@pytest.mark.parametrize("name", ["reply.txt", "NEEDS-YOU.txt", "project.log", "trip.mp4"])
def test_a_file_swapped_for_a_link_is_replaced_or_refused_never_followed(outbox, fetched, elsewhere, name):
    part = fetched("trip", "trip", 1)
    (outbox.root / "trip" / name).symlink_to(elsewhere / "precious.txt")
    for act in ACTS.values():
        with contextlib.suppress(Trouble):
            act(outbox, part)
    assert (elsewhere / "precious.txt").read_text() == "precious"


def test_a_part_swapped_for_a_link_is_not_published(outbox, elsewhere):
    (elsewhere / "film.mp4").write_bytes(mp4())
    part = outbox.part_path("trip", "trip", 1)
    part.symlink_to(elsewhere / "film.mp4")
    with pytest.raises(Trouble):
        outbox.publish_video("trip", "trip", 1, part)
    assert (elsewhere / "film.mp4").exists()
    assert visible(outbox, "trip") == set()


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("project.log", lambda o: o.log("trip", "x", NOW)),
        ("NEEDS-YOU.txt", lambda o: o.write_needs("trip", "trip", "x")),
        ("project.toml", lambda o: o.read("trip", "project.toml", 9)),
        (".trip-v1.mp4.nemo-watch.part", lambda o: o.publish_video("trip", "trip", 1, o.part_path("trip", "trip", 1))),
    ],
)
@pytest.mark.timeout(20)
def test_a_fifo_hangs_nobody(outbox, name, act):
    (outbox.root / "trip").mkdir()
    os.mkfifo(outbox.root / "trip" / name)
    with pytest.raises(Trouble):
        act(outbox)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "a\0b"])
def test_a_name_that_is_a_path_is_refused(outbox, name):
    (outbox.root / "trip").mkdir()
    for act in (lambda: outbox.write_reply(name, "x", "text"), lambda: outbox.read("trip", name, 10)):
        with pytest.raises(ValueError, match="plain name"):
            act()


def test_the_outbox_itself_may_be_a_link(tmp_path, elsewhere):
    (tmp_path / "linked").symlink_to(elsewhere)
    OutboxFolder(tmp_path / "linked").write_reply("trip", "trip", "hello")
    assert (elsewhere / "trip/reply.txt").read_text() == "hello\n"


def test_an_outbox_that_is_not_there_is_told_and_not_made(tmp_path):
    """An unmounted disk must not be filled under its mount point."""
    outbox = OutboxFolder(tmp_path / "unmounted")
    with pytest.raises(Trouble, match="it is not there"):
        outbox.part_path("trip", "trip", 1)
    assert not (tmp_path / "unmounted").exists()


# -- words -------------------------------------------------------------------------------------------


def test_the_names_of_words_in_both_styles(outbox):
    for stem in ("trip", "a", "a.reply"):
        outbox.write_reply("trip", stem, "said")
        outbox.write_timeline("trip", stem, "drawn")
    assert visible(outbox, "trip") == {
        "reply.txt", "timeline.txt", "a.reply.txt", "a.timeline.txt", "a.reply.reply.txt", "a.reply.timeline.txt",
    }  # fmt: skip


def test_foreign_words_keep_their_lines_and_lose_their_escapes(outbox):
    outbox.write_reply("trip", "", "Done ✓\r\n\x1b[2Jhello\u202e 你好\udce9")
    assert (outbox.root / "trip/reply.txt").read_text() == "Done ✓\n\\x1b[2Jhello\\u202e 你好\\udce9\n"


def test_needs_come_and_go(outbox):
    needs = outbox.root / "trip/NEEDS-YOU.txt"
    outbox.write_needs("trip", "trip", None)
    assert not (outbox.root / "trip").exists()  # nothing asked, nothing made
    outbox.write_needs("trip", "trip", "Credits, please.\n")
    assert needs.read_text() == "Credits, please.\n"
    outbox.write_needs("trip", "trip", None)
    assert visible(outbox, "trip") == set()


def test_films_of_one_project_ask_in_one_file_and_none_takes_out_anothers(outbox):
    outbox.write_needs("wedding", "b", "b's credits")
    outbox.write_needs("wedding", "a", "a's answer\n=== b ===\nnot a header")
    outbox.write_needs("wedding", "wedding", "the rest")
    text = (outbox.root / "wedding/NEEDS-YOU.txt").read_text()
    assert text == "the rest\n\n=== a ===\n\na's answer\n === b ===\nnot a header\n\n=== b ===\n\nb's credits\n"
    outbox.write_needs("wedding", "wedding", None)
    outbox.write_needs("wedding", "a", None)
    assert (outbox.root / "wedding/NEEDS-YOU.txt").read_text() == "=== b ===\n\nb's credits\n"
    outbox.write_needs("wedding", "b", None)
    assert visible(outbox, "wedding") == set()


def test_what_the_account_needs_stands_in_the_outbox_itself(outbox):
    outbox.write_account_needs("A token, please.")
    assert (outbox.root / "NEEDS-YOU.txt").read_text() == "A token, please."
    outbox.write_account_needs(None)
    outbox.write_account_needs(None)
    assert not list(outbox.root.iterdir())


def test_the_story_is_one_plain_line_an_event(outbox, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    outbox.log("trip", "Setting up...", NOW)
    outbox.log("trip", "two\nlines\x1b[31m", NOW + timedelta(seconds=1))
    assert (outbox.root / "trip/project.log").read_text() == (
        "2026-11-22 15:42:07  Setting up...\n2026-11-22 15:42:08  two\\nlines\\x1b[31m\n"
    )


def test_the_story_is_turned_over_at_its_limit_and_one_older_is_kept(outbox):
    (outbox.root / "trip").mkdir()
    log = outbox.root / "trip/project.log"
    for number in range(3):
        log.write_bytes(str(number).encode() * LOG_BYTES_MAX)
        outbox.log("trip", "on", NOW)
        assert log.stat().st_size < 100
        assert (outbox.root / "trip/project.log.1").read_bytes()[:1] == str(number).encode()
    assert visible(outbox, "trip") == {"project.log", "project.log.1"}


def test_files_may_be_read_by_whom_the_umask_lets(outbox, fetched):
    umask = os.umask(0o027)
    try:
        outbox.write_reply("trip", "trip", "x")
        outbox.log("trip", "x", NOW)
        modes = {
            name: (outbox.root / "trip" / name).stat().st_mode & 0o777 for name in ("reply.txt", "project.log", "")
        }
    finally:
        os.umask(umask)
    assert modes == {"reply.txt": 0o640, "project.log": 0o640, "": 0o750}


# -- leftovers ---------------------------------------------------------------------------------------


def test_leftovers_of_ours_go_and_nothing_else_does(outbox, fetched):
    old, wanted = fetched("trip", "trip", 1), fetched("trip", "trip", 2)
    (outbox.root / ".status.json.0badcafe.nemo-watch.part").write_bytes(b"x")
    (outbox.root / "trip/.hidden.part").write_bytes(b"a browser's")
    (outbox.root / "trip/film.nemo-watch.part").write_bytes(b"not hidden, so not ours")
    (outbox.root / "trip/.folder.nemo-watch.part").mkdir()
    later = datetime.now(UTC) + timedelta(seconds=5)
    assert outbox.clear_leftovers(later - timedelta(days=1)) == 0  # touched since: perhaps another host's
    assert outbox.clear_leftovers(later, keep=[wanted]) == 2
    assert not old.exists()
    assert wanted.exists()
    assert visible(outbox, "trip") == {wanted.name, ".hidden.part", "film.nemo-watch.part", ".folder.nemo-watch.part"}


def test_leftovers_behind_a_link_are_nobodys(outbox, elsewhere):
    (elsewhere / ".x.nemo-watch.part").write_bytes(b"x")
    (outbox.root / "linked").symlink_to(elsewhere)
    assert outbox.clear_leftovers(datetime.now(UTC) + timedelta(days=1)) == 0
    assert (elsewhere / ".x.nemo-watch.part").exists()
