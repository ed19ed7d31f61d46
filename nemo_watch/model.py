"""The nouns, frozen: what the rooms hand to one another.

Paths are relative to the inbox (or the outbox, where said), with `/` between the parts, as `os.fsdecode` gives them:
bytes that are no UTF-8 stand as lone surrogates, so that every name survives the round trip. Times called `…_at` are aware
UTC; durations carry their unit. Nothing here reads a clock, a disk or a wire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from nemo_watch.errors import FilmState, Need


# -- the inbox ---------------------------------------------------------------------------------------------------------


class EntryKind(StrEnum):
    """What a directory entry is, links never followed."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"  # FIFO, socket, device


class MediaKind(StrEnum):
    """What a media file shows or plays."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One entry of the inbox as one scan saw it. Equal sightings mean: nothing happened to it in between."""

    path: str
    kind: EntryKind
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int


@dataclass(frozen=True, slots=True)
class FolderIdentity:
    """Which folder this is, whatever it is called. `birth_ns` is None where the file system does not tell."""

    device: int
    inode: int
    birth_ns: int | None


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A file that takes part in no film, and why, in words."""

    path: str
    project: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class FoundFilm:
    """A film as it lies in the inbox: its media, and where its prompt is or would be.

    `name` is what people read: `beach-trip` or `wedding/a`. `stem` is `""` for the folder's own film, else the sidecar's
    stem. `media` are sightings at rest, in natural order of their names. `prompt` and `urls` are None when there is none.
    """

    name: str
    stem: str
    prompt_path: str
    prompt: Sighting | None
    urls: Sighting | None
    media: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class FoundProject:
    """A folder of the inbox with its films. `unsettled` are the files that are not at rest yet (with the reason each).

    `quiet_s` is for how long nothing in the folder has changed; ready means `unsettled` is empty and that has passed
    `project_settle`.
    """

    folder: str
    identity: FolderIdentity
    films: tuple[FoundFilm, ...]
    unsettled: tuple[LeftAlone, ...]
    quiet_s: float
    ready: bool


@dataclass(frozen=True, slots=True)
class Gather:
    """Loose files that have come to rest and go into a project folder of their own.

    `folder` is the new folder's name; `files` are the loose files' sightings (sidecars, prompt.txt and urls.txt included).
    """

    folder: str
    files: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class Medium:
    """One media file, known by its content. `name` is the file name under which it goes up (a wrong extension mended)."""

    path: str
    name: str
    kind: MediaKind
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a prompt file says: the messages in order. `template` is True while it is what the daemon wrote, unedited."""

    messages: tuple[str, ...]
    template: bool = False


# -- jobs ------------------------------------------------------------------------------------------------------------------


class Backend(StrEnum):
    """Who makes the video."""

    CLOUD = "cloud"
    STUDIO = "studio"


class OrderKind(StrEnum):
    """What a version's job does."""

    MESSAGES = "messages"  # upload what is new, send messages, render
    EXPORT = "export"  # render the timeline again; free
    UPLOAD = "upload"  # upload what is new, send and render nothing; free
    REUSE = "reuse"  # this very film was bought before: its video is handed over; free


FINGERPRINT: Final = " sha256:"
"""Between an address with its secrets masked and its fingerprint, in a receipt. No address holds a space."""


def url_key(url: str) -> str:
    """What an address is known by: its SHA-256, which stands in its place where it holds a secret (`FINGERPRINT`)."""
    from hashlib import sha256

    _, _, known = url.rpartition(FINGERPRINT)
    return known if known != url else sha256(url.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Order:
    """What one version asks for, decided once and never changed: the job carries it out.

    `wish` is the prompt's messages in full; `send` are the texts still to send for it (the last `len(send)` of `wish`, or, when
    media were added, the last one with the new names). `session` is the journal's number of the session to go on in, None
    for a new one. `source` is the video to hand over when `kind` is REUSE, relative to the outbox.
    """

    kind: OrderKind
    backend: Backend
    media: tuple[Medium, ...]
    urls: tuple[str, ...]
    wish: tuple[str, ...]
    send: tuple[str, ...]
    session: int | None = None
    source: str | None = None
    bought_again: bool = False  # `again`: bought on purpose, in a new session
    removed: tuple[str, ...] = ()  # names that left the folder but stay in the service's session


class JobState(StrEnum):
    """Where a job stands in the journal."""

    QUEUED = "queued"
    WORKING = "working"
    PARKED = "parked"  # waits: for `due_at`, for a balance, or for a person; `cause` says
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REPLACED = "replaced"  # an edit took its place before anything was published


# -- what people see -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FilmRow:
    """One film in the status. `progress` is 0…1. `video` is relative to the outbox, None while there is none."""

    name: str
    version: int
    state: FilmState
    detail: str
    progress: float
    needs: Need | None
    video: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Credits:
    """The balance, in credits. `frozen` is reserved for work in progress."""

    available: float
    frozen: float
    total: float


@dataclass(frozen=True, slots=True)
class Watching:
    """How the inbox is watched (`events`, `polling`) and what is wrong with that, one sentence each."""

    mode: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that `status` shows: one row a film, one row for every other file."""

    films: tuple[FilmRow, ...]
    files: tuple[LeftAlone, ...]
    backend: Backend
    credits: Credits | None
    watching: Watching


@dataclass(frozen=True, slots=True)
class BoughtVersion:
    """One version in a film's receipt. `media` maps sha256 to the name that went up; `video` is relative to the outbox.

    `messages` are those that were, or may have been, taken; `unsure` is true while that is not known. `finished` is false while
    what they bought is not rendered yet. `left_out` names media (by sha256) and URLs that did not go up.
    The credits are what the balance said before the first message and while the video was rendered.
    """

    version: int
    backend: Backend
    made_at: datetime
    video: str | None
    video_sha256: str | None
    media: dict[str, str]
    urls: tuple[str, ...]
    messages: tuple[str, ...]
    account: str
    session_id: str
    task_id: str | None
    render_id: str | None
    credits_before: float | None = None
    credits_after: float | None = None
    paths: dict[str, str] = field(default_factory=dict)  # sha256 → path in the inbox
    finished: bool = True
    unsure: bool = False
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FilmReceipt:
    """One film's part of `project.toml`: its name, its stem in the outbox, and every version."""

    name: str
    stem: str
    versions: tuple[BoughtVersion, ...]


@dataclass(frozen=True, slots=True)
class ProjectReceipt:
    """`project.toml` as a value. `project` is the inbox folder's name; `folder` is the outbox folder's."""

    project: str
    folder: str
    films: tuple[FilmReceipt, ...]


# -- the timeline, as people see it ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece on a track. Times in milliseconds from the film's start; `volume` 0…1, None where nothing is said of it."""

    name: str
    start_ms: int
    duration_ms: int
    volume: float | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """One track of a timeline. `kind` is what people call it: Video, BGM, Title, or `Track 9` for an unknown type."""

    kind: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class FilmStory:
    """Everything the gallery shows of one film beside its row.

    `folder` is the project's folder in the outbox and `stem` the film's stem there; `versions` are `(version, path of the video
    relative to the outbox or None)`, newest first; `sentence` and `advice` are filled while something is needed or wrong.
    """

    row: FilmRow
    folder: str
    stem: str
    versions: tuple[tuple[int, str | None], ...]
    timeline: tuple[Track, ...]
    prompt: str
    reply: str
    sentence: str = ""
    advice: str = ""
