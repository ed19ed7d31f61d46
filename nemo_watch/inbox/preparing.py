"""Media at rest → what goes up: known by content, under true names, in the order of capture, HEIC as JPEG.

It must never send other bytes than those that were judged: contents are hashed again while they are sent, and what differs stops
the sending before its last byte. Facts: API text §2 "Formats"; the service names a file by what it is called on the way up.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox import decoding
from nemo_watch.inbox.capture import HEAD_BYTES, captured_at
from nemo_watch.inbox.listing import InboxFolder
from nemo_watch.inbox.media import CONVERTED, base_name, extension, kind_of, natural_key, stem_of, true_name
from nemo_watch.model import FoundFilm, LeftAlone, Medium, Sighting

_CHUNK_BYTES: Final = 1 << 20
_TAIL_BYTES: Final = 131_072  # some HEIC writers put the EXIF item last
_UNFIT: Final = "its contents are not a photo, clip or song that NemoVideo takes"


# -- what a film's media are -----------------------------------------------------------------------------------------------


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
    content. Raises: Trouble(FILE_CHANGED, MEDIA_GONE) where a file is not the one sighted any more, INBOX_ABSENT.
    """
    studied: list[tuple[Sighting, str, Study]] = []
    left_out = []
    for sighting in film.media:
        try:
            study = _study(sighting, folder, studies)
        except Trouble as trouble:
            if trouble.cause is not Cause.FILE_UNREADABLE:
                raise
            left_out.append(LeftAlone(sighting.path, _project(film), f"cannot be read: {trouble.data['reason']}"))
            continue
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
            known = studies[sighting] = _studied(file, base_name(sighting.path), sighting)
    return known


def _studied(file: BinaryIO, name: str, sighting: Sighting) -> Study:
    digest, head, tail, size = hashlib.sha256(), b"", b"", 0
    while chunk := _read(file, sighting.path):
        digest.update(chunk)
        head = head or chunk[:HEAD_BYTES]
        tail = (tail + chunk)[-_TAIL_BYTES:]
        size += len(chunk)
    if size != sighting.size_bytes or os.fstat(file.fileno()).st_mtime_ns != sighting.mtime_ns:
        raise Trouble(Cause.FILE_CHANGED, file=sighting.path)
    return Study(digest.hexdigest(), true_name(name, head), captured_at(head) or captured_at(tail))


def _read(file: BinaryIO, path: str) -> bytes:
    try:
        return file.read(_CHUNK_BYTES)
    except OSError as error:
        raise Trouble(Cause.FILE_UNREADABLE, file=path, reason=error.strerror or "unknown") from error


def _order(sighting: Sighting, study: Study) -> tuple[bool, datetime, tuple[tuple[str | int, ...], str]]:
    """Files with a capture time first, by it; then the rest by natural name."""
    return study.captured_at is None, study.captured_at or datetime.min, natural_key(sighting.path)  # noqa: DTZ901  EXIF has no zone


def _named(studied: Sequence[tuple[Sighting, str, Study]]) -> Iterable[Medium]:
    """The media under the names they go up by. A name that had to be changed never takes another file's own."""
    own = {base_name(sighting.path).casefold() for sighting, name, _ in studied if _upload_name(name) == base_name(sighting.path)}
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


# -- what goes up ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Upload:
    """One file on its way up. `open` gives its bytes from the start, as often as asked; `close` ends it and frees its space.

    Reading from what `open` gave raises Trouble(FILE_CHANGED) before the last bytes if they are not those of the medium.
    """

    name: str
    size_bytes: int
    open: Callable[[], BinaryIO]
    close: Callable[[], None]


def upload_source(medium: Medium, folder: InboxFolder, temp_folder: Path) -> Upload:
    """The medium as it goes up: byte for byte, or a JPEG for HEIC. Blocks while that is made: off the event loop.

    Raises: Trouble(FILE_CHANGED, MEDIA_GONE, INBOX_ABSENT) as `InboxFolder.open_file`; FILE_UNREADABLE for a HEIC that cannot be decoded;
    NO_SPACE when `temp_folder` is full.
    """
    file = folder.open_path(medium.path)
    try:
        if _is_heif(file):
            return _as_jpeg(medium, file, temp_folder)
        size = os.fstat(file.fileno()).st_size
        if size != medium.size_bytes:
            raise Trouble(Cause.FILE_CHANGED, file=medium.path)
    except BaseException:
        file.close()
        raise

    def opened() -> BinaryIO:
        return cast("BinaryIO", Checked(HandleReader(file.fileno()), medium.path, size, medium.sha256))

    return Upload(medium.name, size, opened, file.close)


def _is_heif(file: BinaryIO) -> bool:
    return extension(true_name("x", os.pread(file.fileno(), 4096, 0)) or "") in CONVERTED


def _as_jpeg(medium: Medium, file: BinaryIO, temp_folder: Path) -> Upload:
    """Decodes a copy whose hash was checked, so that what is decoded is what was judged."""
    jpeg = tempfile.TemporaryFile(dir=temp_folder)
    try:
        with tempfile.TemporaryFile(dir=temp_folder) as copy:
            for chunk in iter(lambda: source.read(_CHUNK_BYTES), b""):
                copy.write(chunk)
            copy.flush()
            reason = decoding.converted(cast("BinaryIO", copy), cast("BinaryIO", jpeg))
    except BaseException:
        jpeg.close()
        raise
    return Upload(medium.name, 0, file.close, file.close)
