"""What is counted for operators: a Prometheus text file in the state folder, for a node exporter's textfile collector.

Written whole or not at all, now and then, by a chore. Nothing acts on it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nemo_watch.errors import FilmState, Trouble

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from nemo_watch.model import Overview

FILE: Final = "nemo-watch.prom"

_Values = Mapping[tuple[str, ...], float]


@dataclass(slots=True)
class Metrics:
    """The counts of this process. Durations in seconds, sizes in bytes."""

    jobs_ended: Counter[tuple[str, ...]] = field(default_factory=Counter)  # by state and cause ("" for none)
    job_seconds: float = 0.0
    steps: Counter[tuple[str, ...]] = field(default_factory=Counter)  # done, by name
    step_seconds: defaultdict[tuple[str, ...], float] = field(
        default_factory=lambda: defaultdict(float)
    )  # of the job's time, up to the step's end
    api_errors: Counter[tuple[str, ...]] = field(
        default_factory=Counter
    )  # by call and code (an HTTP status where none)
    requests: Counter[tuple[str, ...]] = field(default_factory=Counter)  # by call and outcome (ok, or the cause)
    uploaded_bytes: int = 0
    downloaded_bytes: int = 0
    looks: int = 0
    look_seconds: float = 0.0
    resumed: int = 0

    def counted(self, call: str, trouble: Trouble | None = None) -> None:
        """One more request of that kind, that went well or ended in that trouble."""
        self.requests[call, "ok" if trouble is None else trouble.cause.value] += 1
        if (code := _code(trouble)) is not None:
            self.api_errors[call, str(code)] += 1

    def steps_from(self, monotonic: Callable[[], float]) -> Callable[[str], None]:
        """What counts the steps of a job that goes on now: each is told when it is done, and took since the one before it."""
        since = monotonic()

        def passed(step: str) -> None:
            nonlocal since
            now = monotonic()
            self.steps[(step,)] += 1
            self.step_seconds[(step,)] += now - since
            since = now

        return passed

    def looked(self, seconds: float) -> None:
        """One more look at the inbox."""
        self.looks += 1
        self.look_seconds += seconds

    def write(self, state: Path, overview: Overview | None) -> None:
        """Write the file. Raises: OSError."""
        from prometheus_client import CollectorRegistry, write_to_textfile

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Told(self._families(overview)))
        write_to_textfile(str(state / FILE), registry)

    def _families(self, overview: Overview | None) -> list[Metric]:
        rows = overview.films if overview is not None else ()
        credits_ = overview.credits if overview is not None else None
        films: _Values = {(state.value,): float(sum(row.state is state for row in rows)) for state in FilmState}
        balance: _Values = (
            {} if credits_ is None else {("available",): credits_.available, ("frozen",): credits_.frozen}
        )
        return [
            _gauge("nemo_watch_films", "Films by state.", ("state",), films),
            _gauge("nemo_watch_credits", "The balance when last read.", ("kind",), balance),
            _count("nemo_watch_jobs_ended", "Runs of jobs that ended.", ("state", "cause"), self.jobs_ended),
            _count("nemo_watch_job_seconds", "Time that jobs were at work.", (), {(): self.job_seconds}),
            _count("nemo_watch_steps", "Steps of jobs that were done.", ("step",), self.steps),
            _count(
                "nemo_watch_step_seconds", "Time of jobs by the step that it went into.", ("step",), self.step_seconds
            ),
            _count("nemo_watch_api_errors", "Answers that said no, by code.", ("call", "code"), self.api_errors),
            _count("nemo_watch_jobs_resumed", "Jobs taken up again after a restart.", (), {(): self.resumed}),
            _count("nemo_watch_requests", "Calls of the service.", ("call", "outcome"), self.requests),
            _count("nemo_watch_uploaded_bytes", "Bytes sent up.", (), {(): self.uploaded_bytes}),
            _count("nemo_watch_downloaded_bytes", "Bytes of videos fetched.", (), {(): self.downloaded_bytes}),
            _count("nemo_watch_looks", "Looks at the inbox.", (), {(): self.looks}),
            _count("nemo_watch_look_seconds", "Time spent looking at the inbox.", (), {(): self.look_seconds}),
        ]


def _code(trouble: BaseException | None) -> object:
    """The API's code, or the HTTP status, behind a trouble; None where no answer said no."""
    seen: set[int] = set()
    while (
        trouble is not None and id(trouble) not in seen
    ):  # a trouble that was kept and raised again may be behind itself
        if isinstance(trouble, Trouble) and "code" in trouble.data:
            return trouble.data["code"]
        seen.add(id(trouble))
        trouble = trouble.__cause__
    return None


class _Told:
    """A collector of families that are made already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        """The families."""
        return self._families


def _gauge(name: str, text: str, labels: tuple[str, ...], values: _Values) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, text, labels=labels)
    for label, value in sorted(values.items()):
        family.add_metric(label, value)
    return family


def _count(name: str, text: str, labels: tuple[str, ...], values: _Values) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(name, text, labels=labels)
    for label, value in sorted(values.items()):
        family.add_metric(label, value)
    return family
