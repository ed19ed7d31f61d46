"""A person who copies, edits, renames, retries and cancels, and a service that fails, in any order: the real daemon in simulated time.

After every step: no message was paid more often than the person's wishes can cost (`budget`), every video is whole, every stop has its reason, no file
of the person was changed. In the end everything that was asked for is there. `NEMO_WATCH_LIVES=300` lives as many lives, at random.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nemo_watch.errors import Cause, Trouble
from tests.jobs.budget import Ledger, key_of
from tests.sim.house import Points, SimHouse, photo
from tests.sim.simloop import SimLoop
from tests.sim.world import Killed, World

LIVES = int(os.environ.get("NEMO_WATCH_LIVES", "0"))
QUIET_S = 200.0  # longer than settle, project_settle and prompt_wait together
FAULTS = [
    ("session", Cause.NETWORK_DOWN), ("upload", Cause.SERVICE_DOWN), ("upload", Cause.RATE_LIMITED), ("state", Cause.ANSWER_UNREADABLE),
    ("message", Cause.RATE_LIMITED), ("message", Cause.TOKEN_EXPIRED), ("message", Cause.NETWORK_DOWN), ("message", Cause.OUT_OF_CREDITS),
    ("stream", Cause.MESSAGE_UNSURE), ("stream", Cause.AGENT_FAILED), ("submit", Cause.PLAN_BLOCKS_EXPORT),
    ("submit", Cause.SERVICE_DOWN), ("submitted", Cause.NETWORK_DOWN), ("render", Cause.SERVICE_DOWN), ("download", Cause.DOWNLOAD_BROKEN),
]  # fmt: skip
SURE = {"message", "submit", "session", "upload"}  # refused before anything was taken


@dataclass
class Folder:
    """A project as its person knows it."""

    name: str
    words: list[str] | None  # None: the daemon writes the prompt
    files: dict[str, bytes] = field(default_factory=dict)
    half: str | None = None
    ledger: Ledger = field(default_factory=Ledger)


class Person(RuleBasedStateMachine):
    """The person's side joined with the service's."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=SimLoop)
        self.root = Path(tempfile.mkdtemp(prefix="person-"))
        self.folders: list[Folder] = []
        self.number = 0
        self.life: asyncio.Task[None] | None = None
        self.house: SimHouse

    # -- the machinery -----------------------------------------------------------------------------------------------------

    @initialize(
        finishes=st.booleans(), message_s=st.sampled_from([1.0, 90.0, 400.0]), render_s=st.sampled_from([1.0, 65.0])
    )
    def begin(self, finishes: bool, message_s: float, render_s: float) -> None:
        async def made() -> SimHouse:
            world = World(finishes_cut_messages=finishes, message_s=message_s, render_s=render_s, refill=10.0)
            options = {"outbox.gallery": False, "inbox.rescan": "1m", "service.paid_messages_a_day": 1000}
            return SimHouse(self.root / "house", world, **options)

        self.house = self.runner.run(made())
        self.boot(None)

    def boot(self, kill_at: int | None) -> None:
        """Start the daemon, which is killed at that point of its life, if at any."""

        async def start() -> None:
            self.house.daemon = None
            points = Points(-1 if kill_at is None else kill_at, lambda _name: self.house.process.killed.set())  # type: ignore[union-attr]
            self.life = asyncio.create_task(self.house.live(points=points, limit_s=1e9))

        self.runner.run(start())

    def passes(self, seconds: float) -> None:
        """Time passes."""
        self.runner.run(asyncio.sleep(seconds))

    def reap(self) -> None:
        """Wait for a daemon that is ending."""
        if self.life is None:
            return

        async def end() -> None:
            assert self.life is not None
            with suppress(Killed):
                await self.life

        self.runner.run(end())
        self.life = None

    def teardown(self) -> None:
        try:
            if hasattr(self, "house"):
                self.in_the_end_everything_is_there()
        finally:
            if hasattr(self, "house") and self.house.process is not None:
                self.house.process.killed.set()
                self.reap()
                self.house.journal.close()
            self.runner.close()
            shutil.rmtree(self.root, ignore_errors=True)

    # -- the person --------------------------------------------------------------------------------------------------------

    def pick(self, which: int) -> Folder:
        return self.folders[which % len(self.folders)]

    def wants(self, folder: Folder) -> None:
        """The folder lies there with these words and whole files now."""
        media = frozenset(name for name in folder.files if name.endswith(".jpg") and name != folder.half)
        folder.ledger.wants(tuple(folder.words or [self.house.config.inbox.default_prompt]), media)

    def put(self, folder: Folder, name: str, data: bytes) -> None:
        folder.files[name] = data
        self.house.write(f"{folder.name}/{name}", data)

    def write(self, folder: Folder, words: list[str]) -> None:
        folder.words = words
        self.put(folder, "prompt.txt", "\n---\n".join(words).encode())
        self.wants(folder)

    @rule(count=st.integers(1, 3), messages=st.lists(st.sampled_from("AB"), max_size=2, unique=True))
    def copies_a_folder_in(self, count: int, messages: list[str]) -> None:
        self.number += 1
        folder = Folder(f"trip {self.number}", None)
        self.folders.append(folder)
        for number in range(count):
            self.put(folder, f"{number}.jpg", photo(f"{self.number}/{number}"))
        if messages:
            self.write(folder, [f"{letter} of {self.number}" for letter in messages])
        self.wants(folder)

    some = precondition(lambda self: bool(self.folders))

    @some
    @rule(which=st.integers(0, 9), messages=st.lists(st.sampled_from("ABC"), min_size=1, max_size=2, unique=True))
    def edits_the_prompt(self, which: int, messages: list[str]) -> None:
        folder = self.pick(which)
        self.write(folder, [f"{letter} of {folder.name.split()[1]}" for letter in messages])

    @some
    @rule(which=st.integers(0, 9))
    def saves_without_a_change(self, which: int) -> None:
        folder = self.pick(which)
        if "prompt.txt" in folder.files:
            self.put(folder, "prompt.txt", folder.files["prompt.txt"])

    @some
    @rule(which=st.integers(0, 9))
    def copies_half_a_file(self, which: int) -> None:
        folder = self.pick(which)
        if folder.half is None:
            self.number += 1
            folder.half = f"late{self.number}.jpg"
            self.put(folder, folder.half, photo(folder.half)[:-9])

    @some
    @rule(which=st.integers(0, 9))
    def copies_the_other_half(self, which: int) -> None:
        self.finish(self.pick(which))

    def finish(self, folder: Folder) -> None:
        if folder.half is not None:
            self.put(folder, folder.half, photo(folder.half))
            folder.half = None
            self.wants(folder)

    @some
    @rule(which=st.integers(0, 9))
    def adds_a_photo(self, which: int) -> None:
        folder = self.pick(which)
        self.number += 1
        self.put(folder, f"new{self.number}.jpg", photo(f"new{self.number}"))
        self.wants(folder)

    @some
    @rule(which=st.integers(0, 9))
    def takes_a_photo_away(self, which: int) -> None:
        folder = self.pick(which)
        photos = sorted(name for name in folder.files if name.endswith(".jpg") and name != folder.half)
        if len(photos) > 1:
            del folder.files[photos[0]]
            (self.house.inbox / folder.name / photos[0]).unlink()
            self.wants(folder)

    @some
    @rule(which=st.integers(0, 9))
    def renames_the_folder(self, which: int) -> None:
        folder = self.pick(which)
        old, folder.name = folder.name, f"{folder.name}+"
        (self.house.inbox / old).rename(self.house.inbox / folder.name)

    @some
    @rule(which=st.integers(0, 9))
    def copies_the_folder_beside_itself(self, which: int) -> None:
        folder = self.pick(which)
        if "prompt.txt" not in folder.files or len(self.folders) > 4:
            return
        self.number += 1
        copy = Folder(f"copy {self.number}", folder.words, dict(folder.files), folder.half, folder.ledger.copied())
        shutil.copytree(self.house.inbox / folder.name, self.house.inbox / copy.name)
        self.folders.append(copy)

    @some
    @rule(which=st.integers(0, 9), verb=st.sampled_from(["retry", "again", "cancel"]))
    def asks(self, which: int, verb: str) -> None:
        folder = self.pick(which)
        if self.house.ask(verb, folder.name):
            if verb == "again":
                folder.ledger.asks_again()
            elif verb == "cancel":
                folder.ledger.cancelled = True

    @rule(seconds=st.sampled_from([1.0, 25.0, 60.0, QUIET_S, 700.0]))
    def waits(self, seconds: float) -> None:
        self.passes(seconds)

    # -- the service and the machine ---------------------------------------------------------------------------------------

    @rule(fault=st.sampled_from(FAULTS), times=st.integers(1, 3))
    def the_service_fails(self, fault: tuple[str, Cause], times: int) -> None:
        name, cause = fault
        self.house.world.faults.setdefault(name, []).extend([Trouble(cause, not_taken=name in SURE)] * times)

    @rule(lives=st.booleans(), later=st.integers(1, 60))
    def the_daemon_is_killed_and_started_again(self, lives: bool, later: int) -> None:
        """At once, or at some later point of its new life."""
        assert self.house.process is not None
        self.house.process.killed.set()
        self.reap()
        self.boot(None if lives else later)

    @rule()
    def the_daemon_is_stopped_and_started_again(self) -> None:
        assert self.house.process is not None
        if self.house.daemon is None:
            self.house.process.killed.set()  # its signals are not heeded yet
        else:
            self.house.daemon._stop()
        self.reap()
        self.boot(None)

    # -- what must hold after every step -----------------------------------------------------------------------------------

    @invariant()
    def nothing_was_bought_that_nobody_asked_for(self) -> None:
        if not hasattr(self, "house"):
            return
        paid = Counter(key_of(text) for _, text in self.house.world.paid)
        budgets = {key: sum(folder.ledger.budget(key) for folder in self.folders) for key in paid}
        over = {key: (count, budgets[key]) for key, count in paid.items() if count > budgets[key]}
        assert not over, f"{over}\n{[folder.ledger for folder in self.folders]}\n{self.house.told()}"

    @invariant()
    def every_video_is_whole_and_every_file_is_as_the_person_left_it(self) -> None:
        if not hasattr(self, "house"):
            return
        self.house.check_always()
        for folder in self.folders:
            for name, data in folder.files.items():
                assert (self.house.inbox / folder.name / name).read_bytes() == data

    @invariant()
    def every_stop_has_its_reason(self) -> None:
        for row in self.house.rows().values() if hasattr(self, "house") else ():
            if row.state.value in {"needs_you", "failed", "queued", "waiting_for_prompt"}:
                assert row.detail, self.house.told()
            assert (row.needs is not None) <= (row.state.value == "needs_you"), self.house.told()

    # -- the end -----------------------------------------------------------------------------------------------------------

    def in_the_end_everything_is_there(self) -> None:
        """The service is well, the person answers what is asked: every film is made, of the last words."""
        if self.life is None or self.life.done():
            self.reap()
            self.boot(None)
        elif self.house.process is not None:
            self.house.process.points.at = -1  # no kill is due any more
        for folder in self.folders:
            self.finish(folder)
        self.house.world.faults.clear()
        for _ in range(12):
            self.passes(2 * QUIET_S + 2 * self.house.world.message_s)
            self.nothing_was_bought_that_nobody_asked_for()
            open_ = [f for f in self.folders if not self.house.is_state(f.name, "done")]
            if not open_:
                break
            for folder in open_:
                self.answers(folder)
        self.every_video_is_whole_and_every_file_is_as_the_person_left_it()
        for folder in self.folders:
            row = self.house.row(folder.name)
            assert row is not None, f"{folder} {self.house.told()}"
            assert row.state.value == "done", f"{folder} {self.house.told()}"
            assert row.video is not None, f"{folder} {self.house.told()}"
        self.back_to_the_first_words_is_a_new_version()

    def answers(self, folder: Folder) -> None:
        row = self.house.row(folder.name)
        if row is None:
            return
        if row.needs == "decision":
            folder.ledger.asks_again()
            self.house.ask("again", folder.name)
        elif row.state.value in {"failed", "cancelled"} or row.needs == "plan" or "first start" in row.detail:
            self.house.ask("retry", folder.name)

    def back_to_the_first_words_is_a_new_version(self) -> None:
        """A→B→A: three versions, each paid."""
        if not self.folders:
            return
        folder = self.folders[0]
        for letter in "XYX":
            before = self.house.row(folder.name)
            assert before is not None
            self.write(folder, [f"{letter} of {folder.name.split()[1]}"])
            self.passes(2 * QUIET_S + 2 * self.house.world.message_s)
            row = self.house.row(folder.name)
            assert row is not None
            assert (row.state.value, row.version) == ("done", before.version + 1), self.house.told()
            self.nothing_was_bought_that_nobody_asked_for()


@pytest.mark.timeout(3600 if LIVES else 180)
class TestPerson(Person.TestCase):  # type: ignore[misc,valid-type]
    """The machine as a test."""

    settings = settings(
        max_examples=LIVES or 6,
        stateful_step_count=14,
        deadline=None,
        derandomize=not LIVES,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
