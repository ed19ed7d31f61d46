"""What the dispatcher needs of the daemon: a run with its real ports, and what is written when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nemo_watch.daemon.adapters import FilmOutbox, InboxMedia
from nemo_watch.errors import Cause, FilmState, Need, advice
from nemo_watch.jobs.run import Run
from nemo_watch.logs import logger
from nemo_watch.model import Backend, JobState

if TYPE_CHECKING:
    from nemo_watch.clock import Clock
    from nemo_watch.config import Config
    from nemo_watch.daemon.metrics import Metrics
    from nemo_watch.daemon.receipts import Receipts
    from nemo_watch.errors import Trouble
    from nemo_watch.inbox.listing import InboxFolder
    from nemo_watch.jobs.journal import Journal
    from nemo_watch.jobs.pipeline import Made
    from nemo_watch.jobs.ports import Language, Service
    from nemo_watch.jobs.queue import JobRecord
    from nemo_watch.jobs.store import Store
    from nemo_watch.outbox.publish import OutboxFolder

log = logger("jobs")


class RealCrew:
    """The crew of a real daemon."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        store: Store,
        folder: InboxFolder,
        outbox: OutboxFolder,
        service: Service,
        words: Language,
        receipts: Receipts,
        metrics: Metrics,
    ) -> None:
        self.metrics = metrics
        self._started: dict[int, float] = {}
        self._only_look: set[int] = set()  # jobs without credits that have not begun to do anything
        self._config = config
        self._clock = clock
        self._store = store
        self._media = InboxMedia(folder, config.folders.state / "sending")
        self._outbox = outbox
        self._service = service
        self._words = words
        self._receipts = receipts
        self._uploads = asyncio.Semaphore(config.service.uploads_at_once)

    def adopt(self, config: Config) -> None:
        """New runs go by new settings."""
        if config.service.uploads_at_once != self._config.service.uploads_at_once:
            self._uploads = asyncio.Semaphore(config.service.uploads_at_once)
        self._config = config

    def _film_outbox(self, job: JobRecord) -> FilmOutbox:
        place: Path = self._config.folders.outbox
        return FilmOutbox(self._outbox, place, job, self._store, self._clock, self._receipts)

    async def prepare(self, job: JobRecord, journal: Journal, report: Callable[[float, str], None]) -> Run:
        """A run with its ports."""
        self._started[job.id] = self._clock.monotonic()
        journal.passed = self.metrics.steps_from(self._clock.monotonic)
        report = self._announced(job, report)
        cloud = job.order.backend is Backend.CLOUD
        text = "\n".join(job.order.wish) or self._config.inbox.default_prompt
        refused_at = (job.data or {}).get("available") if job.cause is Cause.OUT_OF_CREDITS else None
        return Run(
            order=job.order,
            film=job.film_name,
            version=job.version,
            first_version=job.first_version,
            batch=job.shares_session,
            project=job.project,
            prompt_file=job.prompt_file,
            as_it_stands=job.as_it_stands,
            refused_at=None if refused_at is None else float(refused_at),
            language=self._words.language_of(text),
            journal=journal,
            service=self._service,
            words=self._words,
            media=self._media,
            outbox=self._film_outbox(job),
            clock=self._clock,
            pace=self._config.service.pace,
            uploads=self._uploads,
            paid_a_day=self._config.service.paid_messages_a_day if cloud else None,
            report=report,
        )

    def _announced(self, job: JobRecord, report: Callable[[float, str], None]) -> Callable[[float, str], None]:
        """Tell that the job starts; of a film that waits for credits, and looks for some again and again, not before it does more."""
        if job.cause is not Cause.OUT_OF_CREDITS:
            log.info("job.started", film=job.film_name, version=job.version)
            return report
        self._only_look.add(job.id)

        def does_more(progress: float, detail: str) -> None:
            if job.id in self._only_look:
                self._only_look.discard(job.id)
                log.info("job.started", film=job.film_name, version=job.version)
            report(progress, detail)

        return does_more

    async def made(self, job: JobRecord, made: Made) -> None:
        """Write the receipt."""
        if made.video is not None:
            await self._film_outbox(job).write_receipt()

    async def ended(self, job: JobRecord, state: JobState, trouble: Trouble | None) -> None:
        """One line in the film's story and one in the log. A look that found no credits yet is no news, and is not counted."""
        now = self._clock.monotonic()
        started = self._started.pop(job.id, now)
        only_looked = job.id in self._only_look
        self._only_look.discard(job.id)
        if only_looked and trouble is not None and trouble.cause is job.cause:
            return
        self.metrics.jobs_ended[state.value, "" if trouble is None else trouble.cause.value] += 1
        self.metrics.job_seconds += now - started
        if trouble is None or trouble.failure.needs is Need.DECISION:  # paid, or maybe so: a lost journal must know
            await self._film_outbox(job).write_receipt()
        if trouble is None:
            log.info("job.ended", film=job.film_name, version=job.version, state=state.value)
            return
        log.warning(
            "job.stopped", film=job.film_name, version=job.version, cause=trouble.cause.value, reason=str(trouble)
        )
        refused_anew = job.cause is Cause.OUT_OF_CREDITS  # it had gone on since, for there were some
        if job.cause is not trouble.cause or refused_anew:  # a wait that comes again and again is told once
            again_at = trouble.data.get("again_at")
            goes_on = f" It goes on at {again_at}." if again_at and trouble.failure.state is FilmState.QUEUED else ""
            line = f"{trouble} {advice(trouble.cause, trouble.data)}{goes_on}"
            await self._film_outbox(job).log(line)
