"""The ports of `jobs.ports`, each filled by the real room: language, media, the outbox of one film.

Thin: every method hands on to its room, off the event loop where a disk is touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemo_watch.errors import Cause, Trouble
from nemo_watch.jobs import records
from nemo_watch.masking import masked
from nemo_watch.model import Segment, Track
from nemo_watch.nemo import draft as drafts
from nemo_watch.nemo import language, phrases
from nemo_watch.outbox.receipt import write_receipt

if TYPE_CHECKING:
    from nemo_watch.clock import Clock
    from nemo_watch.daemon.receipts import Receipts
    from nemo_watch.inbox.listing import InboxFolder
    from nemo_watch.jobs.ports import Source
    from nemo_watch.jobs.queue import JobRecord
    from nemo_watch.jobs.store import Store
    from nemo_watch.model import Medium
    from nemo_watch.outbox.publish import OutboxFolder

Draft = Mapping[str, Any]


class SpokenLanguage:
    """`jobs.ports.Language`, from the service's language room."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted

    def exportable(self, draft: Draft | None) -> bool:
        """Whether the draft can be rendered."""
        return drafts.exportable(draft)

    def fingerprint(self, draft: Draft | None) -> str:
        """A short text that is equal for equal drafts only."""
        return drafts.fingerprint(draft)

    def tracks(self, draft: Draft | None) -> tuple[Track, ...]:
        """The timeline's tracks; what the service says may repeat the token that it was sent."""
        return tuple(
            Track(
                track.label,
                tuple(
                    Segment(masked(s.name), s.start_ms, s.duration_ms, _share(s.volume), s.text and masked(s.text))
                    for s in track.segments
                ),
            )
            for track in drafts.timeline(draft).tracks
        )

    def summary(self, draft: Draft | None) -> str:
        """The timeline in one line."""
        return drafts.summary(draft)

    def changes(self, before: Draft | None, after: Draft | None) -> Sequence[str]:
        """What is different, one line each."""
        return drafts.changes(before, after)

    def shown(self, text: str) -> str:
        """What the service said, in people's terms."""
        from nemo_watch.nemo.guiwords import shown  # its forms take 80 ms to compile: not at every start

        return shown(text).text

    def edit_asked_for(self, text: str) -> str | None:
        """The edit that a reply asks for with the hand ("drag it there"), as a message."""
        from nemo_watch.nemo.guiwords import DeedKind, shown

        return next((deed.text for deed in shown(text).deeds if deed.kind is DeedKind.EDIT), None)

    def question(self, text: str) -> str | None:
        """The question that a reply asks back."""
        return phrases.asks_back(text)

    def language_of(self, text: str) -> str:
        """The session's language: the configured one, or the text's own."""
        return language.language_of(text) if self._wanted == "auto" else self._wanted

    def tip(self, text: str) -> str | None:
        """What would give a better result next time."""
        return phrases.TIP if phrases.is_vague(text) else None


def _share(percent: int | None) -> float | None:
    return None if percent is None else percent / 100


class InboxMedia:
    """`jobs.ports.Media`: the bytes of the inbox, opened by handle and checked to be those that were counted."""

    def __init__(self, folder: InboxFolder, temp: Path) -> None:
        self._folder = folder
        self._temp = temp

    @asynccontextmanager
    async def source(self, medium: Medium) -> AsyncIterator[Source]:
        """The medium, ready to go up; a converted copy is removed afterwards."""
        from nemo_watch.inbox.uploading import upload_source

        upload = await asyncio.to_thread(upload_source, medium, self._folder, self._temp)
        try:
            yield upload
        finally:
            await asyncio.to_thread(upload.close)


class FilmOutbox:
    """`jobs.ports.Outbox`: one film's part of the outbox. What people read is kept in the journal too, for the gallery."""

    def __init__(
        self, root: OutboxFolder, place: Path, job: JobRecord, store: Store, clock: Clock, receipts: Receipts
    ) -> None:
        self._root = root
        self._place = place
        self._job = job
        self._store = store
        self._clock = clock
        self._receipts = receipts

    def part_path(self, version: int) -> Path:
        """Where the video grows: a hidden name on the outbox's file system."""
        return self._root.part_path(self._job.folder, self._job.outbox_stem, version)

    async def publish(self, version: int, part: Path) -> tuple[str, str]:
        """Put the whole video under its names."""
        job = self._job
        video = await asyncio.to_thread(self._root.publish_video, job.folder, job.outbox_stem, version, part)
        return video, await asyncio.to_thread(self._sha256, video)

    async def hand_over(self, version: int, source: str) -> tuple[str, str]:
        """Give the film a video that exists."""
        job = self._job
        video = await asyncio.to_thread(self._root.hand_over, source, job.folder, job.outbox_stem, version)
        return video, await asyncio.to_thread(self._sha256, video)

    def _sha256(self, video: str) -> str:
        try:
            with (self._place / video).open("rb") as file:
                return file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise Trouble(Cause.OUTBOX_UNWRITABLE, folder=str(self._place), reason=error.strerror) from error

    async def write_reply(self, text: str) -> None:
        """Write reply.txt."""
        job = self._job
        text = masked(text)
        await asyncio.to_thread(self._root.write_reply, job.folder, job.outbox_stem, text)
        await self._store.do(lambda c: records.write_film(c, job.film, reply=text))

    async def write_timeline(self, text: str, tracks: Sequence[Track] = ()) -> None:
        """Write timeline.txt, and keep the tracks for the gallery."""
        import msgspec

        job = self._job
        await asyncio.to_thread(self._root.write_timeline, job.folder, job.outbox_stem, masked(text))
        await self._store.do(lambda c: records.write_film(c, job.film, timeline=msgspec.to_builtins(tuple(tracks))))

    async def write_receipt(self) -> None:
        """Write project.toml from the journal."""
        receipt = await self._receipts.of_project(self._job.project)
        await asyncio.to_thread(write_receipt, self._root, receipt)

    async def log(self, line: str) -> None:
        """Add a line to project.log."""
        await asyncio.to_thread(self._root.log, self._job.folder, masked(self._named(line)), self._clock.now())

    def _named(self, line: str) -> str:
        """In a folder of several films a line says whose it is."""
        return f"{self._job.film_name}: {line}" if self._job.stem else line
