"""A folder renamed, moved or taken away while a real `cp -r` writes into it: nothing half is taken, nothing is lost, and a second copy heals it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

PHOTOS = 300
OWN = "big/own.jpg"


@pytest.fixture
def desk(samples, tmp_path) -> Path:
    """Photos of different sizes in three folders, beside the inbox."""
    photo, folder = samples.picture("JPEG", size=(64, 48)), tmp_path / "desk"
    for number in range(PHOTOS):
        place = folder / f"{number % 3}/IMG_{number:04}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(photo + b"%d" % number * 2_000)
    return folder


def there(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.jpg")}


def copied(inbox, desk: Path, change: Callable[[], object]) -> None:
    """`cp -r` of the desk to the project x; one of its photos comes through a pipe, and while `cp` waits for that the change is made."""
    gate = desk / "1" / "IMG_0004.jpg"
    photo = gate.read_bytes()
    gate.unlink()
    os.mkfifo(gate)
    command = ["cp", "-r", "--copy-contents", desk, inbox.folder / "x"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as copy:
        with gate.open("wb", buffering=0) as pipe:  # from here on `cp` stands still, in the middle of the folder
            gate.unlink()
            gate.write_bytes(photo)
            resting(inbox, inbox.look(6), desk)
            change()
            resting(inbox, inbox.look(6), desk)
            with suppress(BrokenPipeError):
                pipe.write(photo)
        while copy.poll() is None:
            resting(inbox, inbox.look(6), desk)


def resting(inbox, look, desk: Path) -> set[str]:
    """All that rests: each one once, and to its last byte what lies on the desk."""
    paths = [m.path for project in look.projects for film in project.films for m in film.media if m.path != OWN]
    assert len(paths) == len(set(paths))
    for path in paths:
        assert (inbox.folder / path).read_bytes() == desk.joinpath(*Path(path).parts[-2:]).read_bytes()
    return set(paths)


def everything_has_its_place(inbox, look, desk: Path) -> None:
    elsewhere = {left.path for project in look.projects for left in project.unsettled}
    elsewhere |= {left.path for left in look.left_alone}
    assert resting(inbox, look, desk) | elsewhere == there(inbox.folder) - {OWN}


def healed(inbox, desk: Path, folder: str) -> None:
    """The person copies once more, to where the project is now: all of it comes to rest there."""
    subprocess.run(["cp", "-r", f"{desk}/.", inbox.folder / folder], check=True)
    look = inbox.settled()
    rests = resting(inbox, look, desk)
    assert {path.removeprefix(f"{folder}/") for path in rests if path.startswith(f"{folder}/")} == there(desk)
    assert folder.partition("/")[0] in {project.folder for project in look.projects if project.ready}


@pytest.mark.parametrize("anew", [False, True], ids=["renamed", "renamed, and its name given anew"])
def test_a_folder_renamed_while_it_is_copied_into_loses_and_doubles_nothing(anew, inbox, desk):
    """`cp` may go on in the renamed folder, in the one that has its name now, or give up: what lies there is what rests."""

    def change():
        (inbox.folder / "x").rename(inbox.folder / "y")
        for name in ("0", "1", "2") if anew else ():
            (inbox.folder / "x" / name).mkdir(parents=True)

    inbox.look()
    copied(inbox, desk, change)
    inbox.look()
    everything_has_its_place(inbox, inbox.look(70), desk)
    healed(inbox, desk, "y")


def test_a_project_moved_into_another_while_it_is_copied_into_settles_where_it_is(samples, inbox, desk):
    """Its files belong to that one from then on, each exactly once."""
    inbox.put(OWN, samples.picture("JPEG"))
    inbox.look()
    copied(inbox, desk, lambda: (inbox.folder / "x").rename(inbox.folder / "big/x"))
    inbox.look()
    everything_has_its_place(inbox, inbox.look(70), desk)
    healed(inbox, desk, "big/x")


def test_a_project_removed_while_it_is_copied_into_is_gone_and_may_come_again(inbox, desk):
    inbox.look()
    copied(inbox, desk, lambda: shutil.rmtree(inbox.folder / "x"))
    inbox.look()
    everything_has_its_place(inbox, inbox.look(70), desk)
    healed(inbox, desk, "x")
