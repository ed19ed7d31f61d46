"""One round of the daemon: look at the inbox, decide for every film, act, and tell.

The listing is the truth; whatever woke us, the same round runs. It decides nothing itself: what lies in the inbox is
`inbox.looking`, what it means for money is `jobs.planning`, what becomes of a job is `jobs.dispatch`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from nemo_watch.daemon.requests import Requests
from nemo_watch.daemon.wishes import Wishes
from nemo_watch.errors import Cause, FilmState, Trouble, advice, sentence
from nemo_watch.inbox.looking import Look
from nemo_watch.jobs import decisions, knowledge, pipeline, planning, queue, records
from nemo_watch.jobs.decisions import Answer, Keep, Past, Place, Routed, Rules, Wait, Wish, Withdraw, WritePrompt
from nemo_watch.jobs.knowledge import Known
from nemo_watch.jobs.turns import is_held, waiting_for_another
from nemo_watch.logs import logger
from nemo_watch.model import Backend, Gather, JobState, LeftAlone

if TYPE_CHECKING:
    from nemo_watch.clock import Clock
    from nemo_watch.config import Config
    from nemo_watch.daemon.answers import Answers
    from nemo_watch.daemon.crew import RealCrew
    from nemo_watch.daemon.looks import Looks
    from nemo_watch.daemon.recall import Recall
    from nemo_watch.inbox.listing import InboxFolder
    from nemo_watch.jobs.dispatch import Workers
    from nemo_watch.jobs.store import Store
    from nemo_watch.model import FoundFilm, FoundProject, Order, Sighting
    from nemo_watch.outbox.publish import OutboxFolder

log = logger("rounds")


@dataclass(slots=True)
class Seen:
    """A film of the inbox joined with the journal's: what it asks for, what is known, and what was decided."""

    film: int
    project: int
    folder: str  # in the outbox
    outbox_stem: str
    found: FoundFilm
    wish: Wish
    past: Past
    decision: decisions.Decision


@dataclass(slots=True)
class Round:
    """What one round saw and decided; `next_s` is when another is worth it (None: only when something wakes us)."""

    look: Look
    seen: list[Seen] = field(default_factory=list)
    held: frozenset[int] = frozenset()
    next_s: float | None = None
    waiting: dict[int, str] = field(
        default_factory=dict
    )  # jobs that wait for a decision about another film, and its name
    gathered: int = 0  # folders made of loose files
    ungathered: list[LeftAlone] = field(default_factory=list)  # loose files that could not be moved, and why
    startable: int = 0  # jobs that wait for their turn and for nothing else
    left_out: dict[str, tuple[LeftAlone, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Rounds:
    """Everything a round needs. `once` waits for no edit."""

    config: Config
    clock: Clock
    store: Store
    looks: Looks
    recall: Recall
    folder: InboxFolder
    outbox: OutboxFolder
    workers: Workers
    answers: Answers
    wishes: Wishes
    crew: RealCrew
    requests: Requests
    once: bool = False

    @property
    def backend(self) -> Backend:
        """Who makes the videos."""
        return Backend(self.config.service.backend)

    @property
    def rules(self) -> Rules:
        """The settings that decide."""
        inbox = self.config.inbox
        return Rules(self.backend, inbox.prompt_wait_s, inbox.max_files, self.once)

    def adopt(self, config: Config) -> None:
        """Go on under new settings."""
        self.looks.adopt(config)
        self.wishes.settings = config.inbox
        self.config = config
        self.crew.adopt(config)

    async def round(self) -> Round:
        """Look, decide, act."""
        look = await self.looks.look()
        result = Round(look, next_s=look.next_look_s)
        if not look.absent:
            await self.recall.keep_root(self.config.folders.inbox, self.looks.lookout.root)
            await self._gather(look.gathers, result)
            result.seen = await self._seen(look.projects)
            result.held = await self._brake(result.seen)
        settled = await self.requests.carry_out(result.seen, self._place)
        for seen in result.seen:
            if seen.film not in settled:
                await self._act_alone(seen, result)
        jobs, doubted = await self.store.read(
            lambda c: (queue.open_jobs_of(c, self.recall.site, self.backend), queue.doubted_sessions(c))
        )
        result.waiting = waiting_for_another(jobs, doubted)
        jobs = [job for job in jobs if job.id not in result.waiting]
        await self.workers.start(jobs, result.held)
        result.left_out = self.wishes.left_out
        result.startable = sum(job.state is JobState.QUEUED and not is_held(job, result.held) for job in jobs)
        result.next_s = _soonest(
            result.next_s, [job.due_at - self.clock.now().timestamp() for job in jobs if job.due_at]
        )
        return result

    # -- loose files -----------------------------------------------------------------------------------------------------

    async def _gather(self, gathers: Sequence[Gather], result: Round) -> None:
        """Move loose files into their folder. It may be repeated: a kill half way is finished by the next look."""
        for gather in gathers:
            try:
                moved = await asyncio.to_thread(self.folder.move_loose, gather)
            except Trouble as trouble:
                log.warning("loose.move_failed", folder=gather.folder, reason=str(trouble))
                reason = f"cannot be moved into a project of its own: {trouble}"
                result.ungathered += [LeftAlone(file.path, None, reason) for file in gather.files]
                continue
            self._refused(moved.refused, gather.folder, result)
            if moved.paths or not moved.refused:
                result.gathered += 1
                log.info("loose.gathered", folder=gather.folder, files=len(moved.paths))
                self.wishes.woken()

    def _refused(self, refused: Sequence[tuple[Sighting, str]], folder: str, result: Round) -> None:
        """Loose files that stayed: each is told, and the log has one line for all that is new."""
        told = {sighting: f"cannot be moved into a project ({why}); put it into a folder" for sighting, why in refused}
        result.ungathered += [LeftAlone(sighting.path, None, reason) for sighting, reason in told.items()]
        new = [sighting.path for sighting, reason in told.items() if self.looks.lookout.unmoved(sighting, reason)]
        if new:
            log.warning("loose.move_refused", folder=folder, files=len(new), first=new[0], reason=refused[0][1])
            self.wishes.woken()

    # -- what is there, joined with what is known --------------------------------------------------------------------------

    async def _seen(self, projects: Sequence[FoundProject]) -> list[Seen]:
        known = await self.recall.known()
        present = {project.folder: project.identity for project in projects}
        seen: list[Seen] = []
        for found in projects:
            media = await self.wishes.media(found)
            shas = None if media is None else [m.sha256 for film in media.values() for m in film.media]
            project, known = await self.recall.project(found, shas, present, known)
            for film in found.films:
                record, known = await self.recall.film(project, film, known)
                past = known.pasts[record.id]
                wish = await self.wishes.wish(found, film, None if media is None else media[film.name], past)
                market = _market(known, record.id)
                decided = planning.decision(wish, past, self.rules, market, self.wishes.routed(wish))
                if isinstance(decided, Place) and await self._source_is_gone(decided.order):
                    market = replace(market, bought={})  # what was bought cannot be handed over: it is made anew
                    decided = planning.decision(wish, past, self.rules, market, self.wishes.routed(wish))
                if isinstance(decided, Place):
                    known = _with_order(known, decided.order, record.id)
                seen.append(Seen(record.id, project, record.folder, record.outbox_stem, film, wish, past, decided))
        return seen

    async def _source_is_gone(self, order: Order) -> bool:
        """Whether the video that would be handed over has been taken away."""
        if order.source is None:
            return False
        return not await asyncio.to_thread(os.path.isfile, self.config.folders.outbox / order.source)

    # -- the brake ---------------------------------------------------------------------------------------------------------

    async def _brake(self, seen: Sequence[Seen]) -> frozenset[int]:
        """The films that a first start holds back; which they are is kept in the journal."""
        if self.backend is not Backend.CLOUD:
            return frozenset()
        known = await self.recall.known()
        to_pay = {s.film for s in seen if s.past.sent is None and _may_cost(s)}
        held = planning.held_by_brake(to_pay, ever_paid=known.ever_paid, held=known.held)
        held -= {s.film for s in seen if s.past.released}
        held -= {s.film for s in seen if isinstance(s.decision, Place) and not planning.is_paid(s.decision.order)}
        if held != known.held:
            await self.store.do(lambda c: records.hold(c, held, self.recall.site))
        return held

    # -- acting --------------------------------------------------------------------------------------------------------------

    async def _act_alone(self, seen: Seen, result: Round) -> None:
        """Act for one film. What refuses it (its folder in the outbox, say) stops no other film."""
        try:
            await self._act(seen, result)
        except Trouble as trouble:
            failure = trouble.failure
            seen.decision = Wait(
                failure.state, str(trouble), failure.needs, advice(trouble.cause, trouble.data), cause=trouble.cause
            )
            result.next_s = _soonest(result.next_s, [self.config.service.pace.retry_wait_s])
            log.warning("film.refused", film=seen.wish.name, cause=trouble.cause.value, reason=str(trouble))

    async def _act(self, seen: Seen, result: Round) -> None:
        await self._remember_words(seen)
        match seen.decision:
            case WritePrompt():
                await self._write_prompt(seen)
            case Answer(routed, words):
                await self._answer(seen, routed, words)
            case Place() as place if seen.film in result.held and planning.is_paid(place.order):
                count = len(result.held)
                data: dict[str, object] = {"count": count, "film": seen.wish.name}
                cause = Cause.BRAKE_FIRST_START
                seen.decision = Wait(FilmState.QUEUED, sentence(cause, data), None, advice(cause, data))
            case Place() as place:
                await self._place(seen, place, None)
            case Wait(again_in_s=seconds):
                result.next_s = _soonest(result.next_s, [] if seconds is None else [seconds])
            case Withdraw(job=number):
                await self.store.do(lambda c: queue.withdraw(c, number, self.clock.now().timestamp()))
                seen.decision = Keep()
                self.wishes.woken()
            case Keep():
                pass

    async def _remember_words(self, seen: Seen) -> None:
        words = seen.wish.words
        if words is None:
            return
        if self.wishes.routed(seen.wish) is not None:
            return
        if words.template and seen.past.template is None:  # from now on only an edit of it is one
            template = self.wishes.template.decode()
            await self.store.do(lambda c: records.write_film(c, seen.film, template=template))
        if (words.messages, None) != (seen.past.words, seen.past.answered):
            await self.store.do(lambda c: records.write_film(c, seen.film, words=list(words.messages), answered=None))

    async def _write_prompt(self, seen: Seen) -> None:
        """Write prompt.txt with help in it; what was written is remembered, so that an edit shows."""
        template = self.wishes.template
        seen.decision = Wait(FilmState.WAITING_FOR_PROMPT, f"write what you want into {seen.wish.prompt_file}")
        await self.store.do(lambda c: records.write_film(c, seen.film, template=template.decode()))
        if await asyncio.to_thread(self.folder.write_new, seen.found.prompt_path, template):
            log.info("prompt.written", film=seen.wish.name)
            self.wishes.woken()  # else a person was quicker; the next look finds the words, and what is no text is told by then

    async def _answer(self, seen: Seen, routed: Routed, words: Sequence[str]) -> None:
        try:
            text = await self.answers.answer(routed, seen.past)
            await asyncio.to_thread(self.outbox.write_reply, seen.folder, seen.outbox_stem, text)
        except Trouble as trouble:
            trouble.data.setdefault("film", seen.wish.name)
            raise
        await self.store.do(lambda c: records.write_film(c, seen.film, answered=list(words), reply=text))
        seen.decision = Wait(FilmState.DONE, f'"{words[0]}" is answered in reply.txt')

    async def _place(self, seen: Seen, place: Place, request: records.Request | None) -> bool:
        """Order a version; the `request` that asks for it is carried out with it. False: something else was ordered meanwhile."""
        now = self.clock.now().timestamp()
        version = max(place.version, 1 + await asyncio.to_thread(self._newest_on_disk, seen))

        def work(connection: sa.Connection) -> bool:
            newest = queue.newest_job(connection, seen.film)
            if (newest.id if newest else None) != seen.past.newest:
                return False
            queue.place(connection, seen.film, place.order, version, place.replaces, pipeline.VERSION, now)
            if place.answers is not None:
                records.write_film(connection, seen.film, answered=list(place.answers))
            if request is not None:
                records.close_request(connection, request.id, now)
            return True

        if not await self.store.do(work):
            return False
        seen.decision = Keep()
        log.info(
            "film.ordered",
            film=seen.wish.name,
            version=version,
            kind=place.order.kind.value,
            messages=len(place.order.send),
        )
        return True

    def _newest_on_disk(self, seen: Seen) -> int:
        """The highest version that lies in the outbox: a number is never used twice, whatever the journal remembers."""
        return max(self.outbox.versions(seen.folder, seen.outbox_stem), default=0)


def _market(known: Known, film: int) -> decisions.Market:
    """What was bought and is being bought, told by name; a film is not in its own way."""
    making = {which: known.films[maker].name for which, maker in known.making.items() if maker != film}
    return decisions.Market(known.bought, making)


def _with_order(known: Known, order: Order, film: int) -> Known:
    """What will be known once the order is placed: a copy that is seen in the same round waits for it."""
    return replace(known, making={**known.making, knowledge.identity_of(order): film})


def _may_cost(seen: Seen) -> bool:
    """Whether a film may yet have to be paid for: it is not known to be free."""
    match seen.decision:
        case Place(order=order):
            return planning.is_paid(order)
        case Keep():
            return False
        case _:
            return bool(seen.found.media or seen.wish.urls or seen.wish.from_words)


def _soonest(first: float | None, others: Sequence[float]) -> float | None:
    times = [*([] if first is None else [first]), *others]
    return max(0.05, min(times)) if times else None
