"""A film's files at rest → its media: known by content, under true names, in the order of capture.

It must never open what was not sighted, nor trust a name about the contents. Facts: API text "Cloud Render Pipeline Details"; the service knows a file by the
name under which it goes up.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox.capture import HEAD_BYTES, captured_at
from nemo_watch.inbox.listing import InboxFolder, reading_trouble
from nemo_watch.inbox.media import CONVERTED, base_name, extension, kind_of, natural_key, stem_of, true_name
from nemo_watch.model import FoundFilm, LeftAlone, Medium, Sighting

_CHUNK_BYTES: Final = 1 << 20
_TAIL_BYTES: Final = 131_072  # some HEIC writers put the EXIF item last
_UNFIT: Final = "its contents are not a photo, clip or song that NemoVideo takes"


@dataclass(frozen=True, slots=True)
class Study:
    """What one look through a file's bytes told: its contents' hash, the format its first bytes show, when it was taken."""

    sha256: str
    name: str | None
    captured_at: datetime | None


Studies = MutableMapping[Sighting, Study]


def media_of(
    film: FoundFilm, folder: InboxFolder, studies: Studies
) -> tuple[tuple[Medium, ...], tuple[LeftAlone, ...]]:
    """The film's media in the order they go up (capture time, then natural name), and files left out with the reason.

    Reads every file that `studies` does not know yet: off the event loop. The same file under two names is two media with the same
    content. Raises: Trouble(FILE_CHANGED, MEDIA_GONE) where a file is not the one sighted any more; FILE_UNREADABLE or INBOX_ABSENT, with `file`
    and `reason`, where one cannot be read now: nothing may be concluded without it (see `Lookout.unread`). INBOX_ABSENT if the inbox is away.
    """
    studied: list[tuple[Sighting, str, Study]] = []
    left_out = []
    for sighting in film.media:
        study = _study(sighting, folder, studies)
        if study.name is None:
            left_out.append(LeftAlone(sighting.path, _project(film), _UNFIT))
        else:
            studied.append((sighting, study.name, study))
    studied.sort(key=lambda item: _order(item[0], item[2]))
    return tuple(_named(studied)), tuple(left_out)


def _project(film: FoundFilm) -> str:
    return film.prompt_path.partition("/")[0]


def _study(sighting: Sighting, folder: InboxFolder, studies: Studies) -> Study:
    known = studies.get(sighting)
    if known is None:
        with folder.open_file(sighting) as file:
            try:
                known = studies[sighting] = _studied(file, base_name(sighting.path), sighting)
            except OSError as error:
                raise reading_trouble(error, sighting.path, folder.path) from error
    return known


def _studied(file: BinaryIO, name: str, sighting: Sighting) -> Study:
    digest, head, tail, size = hashlib.sha256(), b"", b"", 0
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        head = head or chunk[:HEAD_BYTES]
        tail = (tail + chunk)[-_TAIL_BYTES:]
        size += len(chunk)
    if size != sighting.size_bytes or os.fstat(file.fileno()).st_mtime_ns != sighting.mtime_ns:
        raise Trouble(Cause.FILE_CHANGED, file=sighting.path)
    return Study(digest.hexdigest(), true_name(name, head), captured_at(head) or captured_at(tail))


def _order(sighting: Sighting, study: Study) -> tuple[bool, datetime, tuple[tuple[str | int, ...], str]]:
    """Files with a capture time first, by it; then the rest by natural name."""
    return study.captured_at is None, study.captured_at or datetime.min, natural_key(sighting.path)  # noqa: DTZ901  EXIF has no zone


def _named(studied: Sequence[tuple[Sighting, str, Study]]) -> Iterable[Medium]:
    """The media under the names they go up by. A name that had to be changed never takes another file's own."""
    own = {
        base_name(sighting.path).casefold()
        for sighting, name, _ in studied
        if _upload_name(name) == base_name(sighting.path)
    }
    for sighting, name, study in studied:
        chosen = _upload_name(name)
        if chosen != base_name(sighting.path):
            chosen = _distinct(chosen, own)
        kind = kind_of(chosen)
        if kind is not None:
            yield Medium(sighting.path, chosen, kind, sighting.size_bytes, study.sha256)


def _upload_name(name: str) -> str:
    return f"{stem_of(name)}.jpg" if extension(name) in CONVERTED else name


def _distinct(name: str, taken: set[str]) -> str:
    number, chosen = 1, name
    while chosen.casefold() in taken:
        number += 1
        chosen = f"{stem_of(name)}-{number}.{extension(name)}"
    taken.add(chosen.casefold())
    return chosen
