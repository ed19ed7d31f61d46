"""What only the system can tell: writers, holes, births, network file systems."""

from __future__ import annotations

import os
import signal

import pytest

from nemo_watch.inbox import handles


def test_a_writer_is_known_while_it_has_the_file_open(tmp_path):
    file = tmp_path / "a.jpg"
    with file.open("wb") as writer:
        writer.write(b"half")
        writer.flush()
        with file.open("rb") as reader:
            assert handles.has_writer(reader.fileno()) is True
    with file.open("rb") as reader:
        assert handles.has_writer(reader.fileno()) is False


def test_other_readers_are_no_writers(tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(b"x")
    with file.open("rb") as first, file.open("rb") as second:
        assert first.fileno() != second.fileno()
        assert handles.has_writer(second.fileno()) is False


def test_asking_leaves_no_lease_behind(tmp_path):
    """A writer that comes afterwards is neither stopped nor does it wake a signal."""
    file = tmp_path / "a.jpg"
    file.write_bytes(b"x")
    with file.open("rb") as reader:
        handles.has_writer(reader.fileno())
        handle = os.open(file, os.O_WRONLY | os.O_NONBLOCK)  # would fail with EWOULDBLOCK under a lease
        os.close(handle)


def test_the_signal_of_a_broken_lease_is_one_that_ends_nothing():
    assert signal.getsignal(signal.SIGURG) in {signal.SIG_DFL, signal.SIG_IGN}
    os.kill(os.getpid(), signal.SIGURG)


def test_on_a_network_file_system_a_writer_cannot_be_known(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"x")
    monkeypatch.setattr(handles, "network_file_system", lambda _handle: "NFS")
    with (tmp_path / "a").open("rb") as file:
        assert handles.has_writer(file.fileno()) is None


def test_a_file_whose_size_was_set_first_has_a_hole(tmp_path):
    file = tmp_path / "a.mp4"
    with file.open("wb") as writer:
        writer.truncate(1_000_000)
        writer.write(b"x" * 200_000)
    with file.open("rb") as reader:
        holes = handles.holes(reader.fileno(), 1_000_000)
        if not holes:
            pytest.skip("this file system does not tell of holes")
        assert (len(holes), holes[-1].end) == (1, 1_000_000)
        assert reader.read(1) == b"x"
    file.write_bytes(b"x" * 1_000_000)
    with file.open("rb") as reader:
        assert handles.holes(reader.fileno(), 1_000_000) == ()


def test_a_local_disk_is_no_network_file_system(tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        assert handles.network_file_system(handle) is None
    finally:
        os.close(handle)


def test_a_birth_is_told_or_unknown(tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        born = handles.birth_ns(handle)
        assert born is None or born <= tmp_path.stat().st_ctime_ns
    finally:
        os.close(handle)
    assert handles.birth_ns(10_000) is None


def test_the_mounts_on_the_way_to_a_path_are_told_and_no_others(tmp_path, monkeypatch):
    listed = tmp_path / "mountinfo"
    listed.write_bytes(
        b"1 0 8:1 / / rw - ext4 d rw\n2 1 8:2 / /my\\040disk rw - ext4 d rw\n3 2 8:3 / /my\\040disk/in rw - nfs d rw\n"
        b"4 1 8:4 / /my rw - ext4 d rw\n5 3 8:5 / /my\\040disk/in/sub rw - ext4 d rw\n"
    )
    monkeypatch.setattr(handles, "_MOUNTS", listed)
    assert [line.split()[0] for line in handles.mounts_to("/my disk/in")] == [b"1", b"2", b"3"]
    assert [line.split()[0] for line in handles.mounts_to("/my disk/inbox")] == [b"1", b"2"]
    monkeypatch.setattr(handles, "_MOUNTS", tmp_path / "none")
    assert handles.mounts_to("/my disk/in") == ()


def test_the_mounts_of_this_very_machine_can_be_read():
    assert handles.mounts_to("/")
