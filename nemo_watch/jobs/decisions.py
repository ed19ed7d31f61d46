"""What the money decision is made of: what a film asks for, what is known of it, and what may be decided.

Values only; `planning` decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nemo_watch.errors import Cause, FilmState, Need
from nemo_watch.model import Backend, JobState, Medium, Order, Words

Identity = tuple[object, ...]  # what makes two films the same purchase
READING: Final = "reading the files"  # `Wish.busy_with` while nothing is missing but the look into the files


# -- what is known ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """What a film asks for now, as it lies in the inbox.

    `words` is None when there is no prompt. `trouble` is a prompt that cannot be read (cause and data). `busy_with` names a
    file that is not at rest yet. `from_words` is true where an empty urls.txt says that words alone are enough.
    `quiet_s` is for how long nothing in the folder has changed.
    """

    name: str
    media: tuple[Medium, ...]
    urls: tuple[str, ...]
    words: Words | None
    ready: bool
    quiet_s: float
    from_words: bool = False
    busy_with: str | None = None
    trouble: tuple[Cause, Mapping[str, object]] | None = None
    prompt_file: str = "prompt.txt"
    batch: bool = False  # a sidecar's film: it shares its folder's session


@dataclass(frozen=True, slots=True)
class Sent:
    """What the service was last told of a film, in force: messages, media by content with their paths, URLs, session."""

    messages: tuple[str, ...]
    media: Mapping[str, str]  # sha256 → path
    urls: tuple[str, ...]
    session: int | None


@dataclass(frozen=True, slots=True)
class JobNow:
    """The film's newest job. `sent_any` is true once a message of it was, or may have been, taken."""

    id: int
    version: int
    state: JobState
    order: Order
    cause: Cause | None = None
    data: Mapping[str, object] | None = None
    sent_any: bool = False
    video: str | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """Everything the journal knows of a film for the backend in force. `version` is the newest that was made or handed over (0: none).

    `newest` is the number of its newest job, whichever backend it was decided for.
    """

    version: int = 0
    sent: Sent | None = None
    job: JobNow | None = None
    newest: int | None = None
    template: bytes | None = None
    words: tuple[str, ...] | None = None
    answered: tuple[str, ...] | None = None
    released: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decide. `once` counts every wait for an edit as 0."""

    backend: Backend
    prompt_wait_s: float
    max_files: int
    once: bool = False


class Routed(StrEnum):
    """What the whole prompt may be instead of a message (API text, "Matching Input to Actions")."""

    EXPORT = "export"
    CREDITS = "credits"
    STATUS = "status"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class Market:
    """What was bought and what is being bought, of all films: identities → the video in the outbox, and → who makes it."""

    bought: Mapping[Identity, str]
    making: Mapping[Identity, str]


# -- what is decided -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do now. `again_in_s` is when another look may change that (None: only when something changes)."""

    state: FilmState
    detail: str
    needs: Need | None = None
    advice: str = ""
    again_in_s: float | None = None
    cause: Cause | None = None  # where the table of failures has it


@dataclass(frozen=True, slots=True)
class WritePrompt:
    """There is no prompt: write one, and wait for an edit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole prompt is a routing word that is answered in reply.txt and costs nothing."""

    routed: Routed
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Make a version. `replaces` is a job that waits and has not published anything: this one takes its place."""

    order: Order
    version: int
    replaces: int | None = None
    answers: tuple[str, ...] | None = None  # the routing words that this order obeys


@dataclass(frozen=True, slots=True)
class Keep:
    """The film's job stands as it is; its state is the film's."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A job waits with text that was taken back before it was sent: it is not sent any more."""

    job: int


Decision = Wait | WritePrompt | Answer | Place | Keep | Withdraw
