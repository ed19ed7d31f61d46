"""`log PROJECT [-f]`: the project's story, as its `project.log` in the outbox tells it."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, BinaryIO, Final

from nemo_watch.commands import snapshot
from nemo_watch.commands.acting import become_owner
from nemo_watch.commands.configuring import configured
from nemo_watch.commands.speaking import say
from nemo_watch.errors import Trouble, UsageError
from nemo_watch.outbox.names import outbox_name
from nemo_watch.outbox.publish import LOG
from nemo_watch.outbox.receipt import read_receipts
from nemo_watch.shown import shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from nemo_watch.model import ProjectReceipt

LOOK_EVERY_S: Final = 0.5


def run(options: argparse.Namespace) -> int:
    """Print the story; with `-f` go on until Ctrl-C, also when the log is rotated."""
    config = configured(options)
    become_owner(config)
    with _told_as_usage(config.folders.outbox):
        path = log_path(config.folders.outbox, options.project)
    if options.follow:
        with contextlib.suppress(KeyboardInterrupt):  # the one way out, so no error
            for line in _readable(followed_lines(path, lambda: time.sleep(LOOK_EVERY_S)), path):
                say(shown(line))
                sys.stdout.flush()
    else:
        for line in _readable(told_lines(path), path):
            say(shown(line))
    return 0


def _readable(lines: Iterator[str], path: Path) -> Iterator[str]:
    """The lines; only what stands in the way of reading is told of the file, and not what befalls stdout meanwhile."""
    with _told_as_usage(path):
        yield from lines


@contextlib.contextmanager
def _told_as_usage(path: Path) -> Iterator[None]:
    """Within, what cannot be read is a UsageError that says so of `path`, as `status` does."""
    try:
        yield
    except OSError as error:
        raise snapshot.unreadable(path, error.strerror) from error
    except Trouble as trouble:  # the outbox itself
        raise snapshot.unreadable(path, str(trouble.data["reason"])) from trouble


def log_path(outbox: Path, project: str) -> Path:
    """Where the project's story stands, or will stand.

    Raises: UsageError when there is no such project or film; OSError or Trouble when the outbox cannot be read.
    """
    wanted = project.rstrip("/")
    name = wanted.partition("/")[0]
    receipts = read_receipts(outbox) if outbox.is_dir() else ()
    folder = _folder(outbox, name, receipts)
    if folder is not None:
        if wanted != name:
            _need_film(outbox, wanted, receipts)
        return outbox / folder / LOG
    known = snapshot.read_snapshot(outbox)
    if known is None:
        raise UsageError(f"Nothing has run yet: {outbox} holds no status. Start with: nemo-watch run")
    films = [row["name"] for row in known["projects"]]
    if any(snapshot.means(name, film) for film in films):
        raise UsageError(f"{shown(name)} has no story yet: nothing has been made of it. See: nemo-watch status")
    raise snapshot.unknown(project, films)


def _need_film(outbox: Path, film: str, receipts: Sequence[ProjectReceipt]) -> None:
    """Raises: UsageError when there is a status, and neither it nor a receipt knows this film."""
    if any(film == made.name for receipt in receipts for made in receipt.films):
        return
    known = snapshot.read_snapshot(outbox)
    films = [film] if known is None else [row["name"] for row in known["projects"]]
    if film not in films:
        raise snapshot.unknown(film, films)


def _folder(outbox: Path, name: str, receipts: Sequence[ProjectReceipt]) -> str | None:
    """The project's folder in the outbox: as its receipt says, else the one that bears its name and no other's receipt."""
    projects = {receipt.folder: receipt.project for receipt in receipts}
    for folder, project in projects.items():
        if project == name:
            return folder
    likely = outbox_name(name, ())
    return likely if likely not in projects and (outbox / likely / LOG).is_file() else None


def told_lines(path: Path) -> Iterator[str]:
    """The whole story, the older file's lines first."""
    for part in (_older(path), path):
        with contextlib.suppress(FileNotFoundError), part.open("rb") as file:
            for line in file:
                yield _text(line)


def _older(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def followed_lines(path: Path, wait: Callable[[], None]) -> Iterator[str]:
    """The lines that are there, then each line as it comes, for ever; a rotated log is finished before the new one begins.

    `wait` is called whenever there is nothing new.
    """
    while True:
        try:
            with path.open("rb") as file:
                yield from _lines_until_rotated(file, path, wait)
        except FileNotFoundError:
            wait()


def _lines_until_rotated(file: BinaryIO, path: Path, wait: Callable[[], None]) -> Iterator[str]:
    import os

    kept = b""
    while True:
        rotated = _is_another(
            path, os.fstat(file.fileno()).st_ino
        )  # asked before reading: what comes after is in the new one
        for line in file:
            kept += line
            if kept.endswith(b"\n"):
                yield _text(kept)
                kept = b""
        if rotated:
            if kept:
                yield _text(kept)
            return
        if os.fstat(file.fileno()).st_size < file.tell():  # emptied in place
            file.seek(0)
        wait()


def _is_another(path: Path, inode: int) -> bool:
    try:
        return path.stat().st_ino != inode
    except FileNotFoundError:
        return False  # between the two renames of a rotation


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")
