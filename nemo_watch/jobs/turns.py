"""Whose turn it is: which jobs may start now beside those at work, and which must wait for a decision about another film. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nemo_watch.errors import Cause
from nemo_watch.jobs.planning import is_paid
from nemo_watch.model import JobState

if TYPE_CHECKING:
    from nemo_watch.jobs.queue import JobRecord


def startable(
    jobs: Sequence[JobRecord], busy_with: Sequence[JobRecord], held: frozenset[int], now: float, limit: int
) -> list[JobRecord]:
    """The jobs to start now beside those at work: due, oldest first, one of a project, within the limit.

    After credits return one film is tried first: of those that wait for credits only one is at work at a time.
    """
    busy = {job.project for job in busy_with}
    scouting = any(job.cause is Cause.OUT_OF_CREDITS for job in busy_with)
    chosen: list[JobRecord] = []
    for job in jobs:
        due = job.state is JobState.QUEUED or (job.state is JobState.PARKED and _is_due(job, now))
        for_credits = job.cause is Cause.OUT_OF_CREDITS
        if not due or job.project in busy or is_held(job, held) or (for_credits and scouting):
            continue
        if len(busy_with) + len(chosen) >= limit:
            break
        chosen.append(job)
        busy.add(job.project)
        scouting = scouting or for_credits
    return chosen


def _is_due(job: JobRecord, now: float) -> bool:
    """Whether a parked job's wait is over; so it is, too, when the date was put back before the moment it was parked."""
    return job.due_at is not None and (job.due_at <= now or now < job.updated_at)


def waiting_for_another(jobs: Sequence[JobRecord], doubted: Mapping[int, tuple[int, str]]) -> dict[int, str]:
    """The jobs that must not begin because what lies in their session is another film's and in doubt, with that film's name."""
    found = {job.id: doubted[job.session] for job in jobs if job.session is not None and job.session in doubted}
    films = {job.id: job.film for job in jobs}
    return {number: name for number, (film, name) in found.items() if film != films[number]}


def is_held(job: JobRecord, held: frozenset[int]) -> bool:
    """Whether the brake of a first start holds the job: what is free is never held."""
    return job.film in held and is_paid(job.order)
