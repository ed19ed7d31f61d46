"""What a round saw and what jobs do → what people and programs read: status.json, the gallery, NEEDS-YOU.txt, notifications.

It writes only what has changed. What a row says is decided here and in `status`; nothing acts on it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_watch.daemon.membership import ENDED
from nemo_watch.daemon.rounds import Round, Seen
from nemo_watch.errors import FAILURES, Cause, FilmState, Need, Trouble, advice, sentence
from nemo_watch.jobs import hosts, queue, records
from nemo_watch.jobs.decisions import Wait
from nemo_watch.jobs.dispatch import time_of_day
from nemo_watch.jobs.leading import Led
from nemo_watch.jobs.store import HELD_UP, store_stamp
from nemo_watch.jobs.tables import FIRST_SITE
from nemo_watch.logs import logger
from nemo_watch.model import Backend, Credits, FilmRow, FilmStory, JobState, LeftAlone, Overview, Track, Watching
from nemo_watch.outbox.gallery import PAGE, STATUS, gallery_page, remove_gallery, write_gallery, write_status
from nemo_watch.outbox.videos import video_name
from nemo_watch.status import needs_text

if TYPE_CHECKING:
    from nemo_watch.clock import Clock
    from nemo_watch.config import Config
    from nemo_watch.jobs.dispatch import Workers
    from nemo_watch.jobs.queue import JobShown
    from nemo_watch.jobs.records import FilmRecord
    from nemo_watch.jobs.store import Store
    from nemo_watch.outbox.notify import Notifier
    from nemo_watch.outbox.publish import OutboxFolder

log = logger("telling")

_EVENTS = {FilmState.DONE: "done", FilmState.NEEDS_YOU: "needs_you", FilmState.FAILED: "failed"}


_ASKS = frozenset({FilmState.NEEDS_YOU, FilmState.FAILED})  # a person must act: every stop is told in NEEDS-YOU.txt
_OUTBOX = ("", "")  # the outbox itself, among the folders and stems of films


@dataclass(frozen=True, slots=True)
class Told:
    """One film's row with the two sentences behind it; `cause` where the table of failures has it."""

    row: FilmRow
    sentence: str
    advice: str
    cause: Cause | None


@dataclass(slots=True)
class Telling:
    """What is told, and to whom it was told last."""

    config: Config
    clock: Clock
    store: Store
    outbox: OutboxFolder
    workers: Workers
    notifier: Notifier
    watching: Callable[[], Watching]
    credits: Callable[[], Credits | None]
    site: int = FIRST_SITE
    is_shared: bool = False  # several hosts write the journal
    overview: Overview | None = None
    held_up: asyncio.Event = field(default_factory=asyncio.Event)  # the journal cannot be written for another reason
    _rows_told: list[tuple[FilmRecord, Told]] = field(default_factory=list)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _needs: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _account_needs: str | None = ""
    _written: tuple[Overview, bool] | None = (
        None  # what the outbox shows, and whether with a gallery; None when that is not known
    )
    _refusals: dict[tuple[str, str], str] = field(
        default_factory=dict
    )  # why a place of the outbox refuses: each is told once
    _told: dict[int, Told] = field(default_factory=dict)
    _round: Round | None = None
    _versions: dict[tuple[object, ...], tuple[int, ...]] = field(
        default_factory=dict
    )  # as they lay there at this round
    _sites: dict[int, tuple[str, bool]] = field(default_factory=dict)
    _read: tuple[tuple[int, int], tuple[list[FilmRecord], dict[int, JobShown]]] | None = None

    def begin_anew(self) -> None:
        """What was told here is old: another host has led, and told more, since."""
        self.overview, self._written, self._account_needs = None, None, ""
        self._told, self._needs = {}, {}

    async def tell(self, round_: Round) -> Overview:
        """Bring everything that people read up to date."""
        if round_ is not self._round:
            self._round, self._versions = round_, {}
        rows = await self._rows(round_)
        overview = Overview(
            films=tuple(told.row for _, told in rows),
            files=self._files(round_),
            backend=Backend(self.config.service.backend),
            credits=self.credits(),
            watching=self._watching(round_),
        )
        await self._prove()
        async with self._writing:
            try:
                await self._write(overview, rows)
            except Trouble as trouble:
                if self._is_new(_OUTBOX, trouble):
                    log.warning("outbox.unwritable", reason=str(trouble))
            self._rows_told, self.overview = rows, overview
        await self._notify(rows)
        self._told = {record.id: told for record, told in rows}
        return overview

    async def _prove(self) -> None:
        """A leader that slept tells nothing more: neither a page that is old by now, nor what another has told. Raises: Trouble."""
        if isinstance(self.store, Led):
            await self.store.prove()

    async def tell_hold_up(self) -> Overview | None:
        """What stood last, with the reason why the journal cannot be written: no round ends meanwhile. Its next telling takes it back.

        Raises: Trouble when the outbox refuses.
        """
        async with self._writing:
            if self.overview is None or self.store.trouble is None:
                return None
            watching = self.overview.watching
            problems = [problem for problem in watching.problems if not problem.startswith(HELD_UP)]
            overview = replace(self.overview, watching=Watching(watching.mode, (*problems, self.store.trouble)))
            await self._write(overview, self._rows_told)
            self.overview = overview
        return overview

    # -- rows ----------------------------------------------------------------------------------------------------------------

    async def _rows(self, round_: Round) -> list[tuple[FilmRecord, Told]]:
        records_, jobs = await self._records()
        seen = {s.film: s for s in round_.seen}
        rows: list[tuple[FilmRecord, Told]] = []
        for record in records_:
            job = jobs.get(record.id)
            if record.id not in seen and (job is None or self._superseded(record, seen)):
                if round_.look.absent and record.id in self._told:
                    rows.append((record, self._told[record.id]))  # unknown, not gone
                continue
            told = self._row(record, seen.get(record.id), job, round_.waiting)
            if record.site != self.site:
                told = replace(told, row=self._elsewhere(record.site, told.row))
            before = self._told.get(record.id)
            changed = before is None or replace(told.row, updated_at=before.row.updated_at) != before.row
            at = self.clock.now() if changed else before.row.updated_at if before else self.clock.now()
            if before is None and _same_as_kept(record, told.row):
                at = datetime.fromtimestamp(record.updated_at, UTC)
            told = replace(told, row=replace(told.row, updated_at=at))
            if changed and record.site == self.site and not _same_as_kept(record, told.row):
                await self._keep(record, told.row)
            rows.append((record, told))
        return sorted(rows, key=lambda pair: pair[1].row.name)

    async def _records(self) -> tuple[list[FilmRecord], dict[int, JobShown]]:
        """Films and their newest jobs; read again only when something was written since."""
        others = 0  # what other hosts have written
        if self.is_shared:
            others, self._sites = await self.store.read(lambda c: (store_stamp(c), hosts.sites(c)))
        stamp = self.store.generation, others
        if self._read is None or self._read[0] != stamp:
            self._read = stamp, await self.store.read(lambda c: (records.films(c), queue.jobs_shown(c)))
        return self._read[1]

    def _elsewhere(self, site: int, row: FilmRow) -> FilmRow:
        """The row of a film whose files another site has: only its hosts can make it."""
        name, lives = self._sites.get(site, ("another", False))
        if row.state is FilmState.QUEUED and not lives:
            return replace(row, detail=f"waiting for a host of {name}, which has its files and is silent")
        return row if row.state is FilmState.WORKING else replace(row, detail=f"{row.detail} (at {name})".strip())

    def _superseded(self, record: FilmRecord, seen: dict[int, Seen]) -> bool:
        """Whether another film of that name lies in the inbox now: two rows of one name would help nobody."""
        return record.site == self.site and any(s.wish.name == record.name for s in seen.values())

    def _row(self, record: FilmRecord, seen: Seen | None, job: JobShown | None, waiting: Mapping[int, str]) -> Told:
        now = self.clock.now()
        wait = seen.decision if seen is not None and isinstance(seen.decision, Wait) else None
        if wait is not None and (job is None or self.workers.work(job.id) is None):
            row = FilmRow(
                record.name, _version(job), wait.state, wait.detail, 0.0, wait.needs, self._video(record, job), now
            )
            return Told(row, wait.detail, wait.advice, wait.cause)
        if job is None:
            return Told(FilmRow(record.name, 0, FilmState.SETTLING, "", 0.0, None, None, now), "", "", None)
        state, detail, progress, needs, next_move, cause = self._of_job(job)
        if job.id in waiting and state is FilmState.QUEUED:
            detail = f"waiting until {waiting[job.id]} is decided, which shares its editing session"
        row = FilmRow(record.name, _version(job), state, detail, progress, needs, self._video(record, job), now)
        return Told(row, detail, next_move, cause)

    def _of_job(self, job: JobShown) -> tuple[FilmState, str, float, Need | None, str, Cause | None]:
        work = self.workers.work(job.id)
        only_looks = job.cause is Cause.OUT_OF_CREDITS and (work is None or not work.has_told)
        if work is not None and not only_looks:
            return FilmState.WORKING, work.detail, work.progress, None, "", None
        data: dict[str, Any] = dict(job.data)
        match job.state:
            case JobState.QUEUED | JobState.WORKING if not (only_looks and job.state is JobState.WORKING):
                return FilmState.QUEUED, "waiting for its turn", 0.0, None, "", None
            case JobState.DONE:
                return FilmState.DONE, str(data.get("detail", "")), 1.0, None, "", None
            case _ if job.cause is not None:
                failure = FAILURES[job.cause]
                state = FilmState.CANCELLED if job.state is JobState.CANCELLED else failure.state
                told = sentence(job.cause, data)
                now = self.clock.now().timestamp()
                if state is FilmState.QUEUED and job.due_at is not None and job.due_at > now:
                    told = f"{told} It goes on at {time_of_day(job.due_at, now)}."
                return state, told, 0.0, failure.needs, advice(job.cause, data), job.cause
            case _:
                return FilmState.CANCELLED, "", 0.0, None, "", None

    def _video(self, record: FilmRecord, job: JobShown | None) -> str | None:
        """The newest video, if it lies there: a person may have taken it away."""
        if job is None or record.site != self.site:
            return None
        newest = f"{record.folder}/{record.outbox_stem}.mp4"
        candidates = [newest] if job.video is None else [newest, job.video]
        if (
            job.state is JobState.DONE
            and job.video is not None
            and not self._exists(job.video)
            and not self._exists(newest)
        ):
            return None
        return next((path for path in candidates if self._exists(path)), None)

    def _exists(self, path: str) -> bool:
        return os.path.isfile(self.config.folders.outbox / path)  # noqa: PTH113  never raises

    async def _keep(self, record: FilmRecord, row: FilmRow) -> None:
        values = {
            "state": row.state.value, "detail": row.detail, "needs": None if row.needs is None else row.needs.value,
            "progress": row.progress, "updated_at": row.updated_at.timestamp(),
        }  # fmt: skip
        await self.store.do(lambda c: records.write_film(c, record.id, **values))

    # -- the rest of the overview ----------------------------------------------------------------------------------------------

    def _files(self, round_: Round) -> tuple[LeftAlone, ...]:
        """Every other file of the inbox: left alone, or not at rest yet."""
        unsettled = [entry for project in round_.look.projects for entry in project.unsettled]
        left_out = [entry for seen in round_.seen for entry in round_.left_out.get(seen.wish.name, ())]
        for seen in round_.seen:
            left_out += self._not_uploaded(seen)
        found = dict.fromkeys((*round_.look.left_alone, *unsettled, *left_out, *round_.ungathered))
        return tuple(sorted(found, key=lambda entry: entry.path))  # of one file as they were found: by their lines

    def _not_uploaded(self, seen: Seen) -> Iterator[LeftAlone]:
        """The files of a film that its newest version was made without, as long as they lie there."""
        job = None if self._read is None else self._read[1][1].get(seen.film)
        there = {sighting.path for sighting in seen.found.media}
        for path, reason in () if job is None else job.left_out:
            if path is None and seen.found.urls is not None:
                yield LeftAlone(seen.found.urls.path, seen.found.urls.path.partition("/")[0], reason)
            elif path in there:
                yield LeftAlone(path, path.partition("/")[0], reason)

    def _watching(self, round_: Round) -> Watching:
        watching = self.watching()
        problems = [*watching.problems, *round_.look.problems]
        if round_.look.absent and not round_.look.hangs:
            problems.append(advice(Cause.INBOX_ABSENT, {}))
        if self.store.trouble:
            problems.append(self.store.trouble)
        return Watching(watching.mode, tuple(dict.fromkeys(problems)))

    # -- writing ---------------------------------------------------------------------------------------------------------------

    async def _write(self, overview: Overview, rows: list[tuple[FilmRecord, Told]]) -> None:
        for record, told in rows:
            await self._write_needs(record, told)
        account = next((t for _, t in rows if t.cause and t.row.needs and FAILURES[t.cause].account_wide), None)
        text = None if account is None else needs_text(account.sentence, account.advice)
        if text != self._account_needs:
            await asyncio.to_thread(self.outbox.write_account_needs, text)
            self._account_needs = text
        gallery = self.config.outbox.gallery
        if (overview, gallery) != self._written or not self._stands(gallery=gallery):
            before, self._written = self._written, None  # until all of it is written
            await asyncio.to_thread(write_status, self.outbox, overview)
            if gallery:
                page = await asyncio.to_thread(self._page, overview, rows)
                await asyncio.to_thread(write_gallery, self.outbox, page)
            elif before is None or before[1]:
                await asyncio.to_thread(remove_gallery, self.outbox)
            self._written = overview, gallery
        self._refusals.pop(_OUTBOX, None)

    def _stands(self, *, gallery: bool) -> bool:
        """Whether what was written lies there still: a person may have taken it away."""
        return self._exists(STATUS) and (not gallery or self._exists(PAGE))

    def _is_new(self, place: tuple[str, str], trouble: Trouble) -> bool:
        """Whether this place refuses for another reason than before, or for the first time; it is tried again at each telling."""
        reason = str(trouble)
        before, self._refusals[place] = self._refusals.get(place), reason
        return reason != before

    async def _write_needs(self, record: FilmRecord, told: Told) -> None:
        """Bring a film's part of NEEDS-YOU.txt up to date. A folder that refuses is told once, and keeps no other film untold."""
        asked = needs_text(told.sentence, told.advice) if told.row.state in _ASKS else None
        key = (record.folder, record.outbox_stem)
        if self._needs.get(key, "") == asked:
            return
        self._needs.pop(key, None)  # until it is written
        try:
            await asyncio.to_thread(self.outbox.write_needs, *key, asked)
        except Trouble as trouble:
            if self._is_new(key, trouble):
                log.warning("needs.unwritten", film=told.row.name, reason=str(trouble))
            return
        self._needs[key] = asked
        self._refusals.pop(key, None)

    def _page(self, overview: Overview, rows: list[tuple[FilmRecord, Told]]) -> str:
        stories = [self._story(record, told) for record, told in rows]
        return gallery_page(overview, stories, self.clock.now())

    def _story(self, record: FilmRecord, told: Told) -> FilmStory:
        key = (record.folder, record.outbox_stem, told.row.state, told.row.version, told.row.video)
        if key not in self._versions:  # looked for once a round: what only moves on makes no new video
            try:
                self._versions[key] = tuple(self.outbox.versions(record.folder, record.outbox_stem))
            except Trouble:  # its folder refuses; its row says so
                self._versions[key] = ()
        numbers = self._versions[key]
        versions = tuple((n, f"{record.folder}/{video_name(record.outbox_stem, n)}") for n in numbers)
        troubled = told.row.state in {FilmState.NEEDS_YOU, FilmState.FAILED} or bool(told.advice)
        return FilmStory(
            row=told.row,
            folder=record.folder,
            stem=record.outbox_stem,
            versions=versions,
            timeline=tuple(msgspec.convert(record.timeline or [], tuple[Track, ...])),
            prompt="\n---\n".join(record.words or ()),
            reply=record.reply,
            sentence=told.sentence if troubled else "",
            advice=told.advice if troubled else "",
        )

    async def _notify(self, rows: list[tuple[FilmRecord, Told]]) -> None:
        now = {told.cause for _, told in rows}
        for cause in {told.cause for told in self._told.values() if told.cause is not None} - now:
            self.notifier.settled(cause.value)  # should it come again, it is news again
        for record, told in rows:
            before = self._told.get(record.id)
            self._settle(record, told, before)
            event = _EVENTS.get(told.row.state)
            if event is None or before is None or before.row.state is told.row.state:
                continue
            body = f"{told.sentence}\n{told.advice}".strip() or (told.row.video or "")
            who = "nemo-watch" if _is_account_wide(told) else told.row.name  # what concerns all is no one film's
            await self._prove()
            await self.notifier.tell(
                event, f"{who}: {told.row.state.value.replace('_', ' ')}", body, _notice(record, told)
            )
        if self.notifier.may_tell_again({_notice(record, told) for record, told in rows}):
            await self._prove()
            await self.notifier.tell_again()

    def _settle(self, record: FilmRecord, told: Told, before: Told | None) -> None:
        """What a film asked for and asks for no more is news again. After a start the journal tells what it asked for last.

        What waits for space is tried by itself meanwhile: it is over when the film is, or each try would be news.
        """
        state, needs = (record.state, record.needs) if before is None else (before.row.state, before.row.needs)
        if state is told.row.state:
            return
        over = _ASKS if told.row.state in ENDED else _ASKS & {state} if needs is not Need.SPACE else frozenset()
        for version in {told.row.version, told.row.version if before is None else before.row.version}:
            for asked in over:
                self.notifier.settled(_film_notice(record, version, asked))


def _is_account_wide(told: Told) -> bool:
    return told.cause is not None and FAILURES[told.cause].account_wide


def _notice(record: FilmRecord, told: Told) -> str:
    """The key of what is told of a film, or of the whole account."""
    if told.cause is not None and _is_account_wide(told):
        return told.cause.value
    return _film_notice(record, told.row.version, told.row.state)


def _film_notice(record: FilmRecord, version: int, state: FilmState) -> str:
    return f"{record.id}/{version}/{state}"


def _version(job: JobShown | None) -> int:
    """The version that is being made, or the newest that is there: an edit that changed nothing makes none."""
    if job is None:
        return 0
    return job.version - 1 if job.state is JobState.DONE and job.video is None else job.version


def _same_as_kept(record: FilmRecord, row: FilmRow) -> bool:
    """Whether the journal has it already; the progress of work alone is not worth a write."""
    if record.state is row.state is FilmState.WORKING:
        return True
    return (record.state, record.detail, record.needs) == (row.state, row.detail, row.needs)
