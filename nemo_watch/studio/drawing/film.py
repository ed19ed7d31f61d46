"""A plan → its frames, one after another: which source is drawn when, what is blended, which words lie over it.

At most two sources are alive and a third is being prepared, so memory does not grow with the number of pictures.
Source: own measurements.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from nemo_watch.studio.drawing.animation import Animation
from nemo_watch.studio.drawing.clip import Clip
from nemo_watch.studio.drawing.frames import Frame, blank, from_rgb
from nemo_watch.studio.drawing.looks import apply_look
from nemo_watch.studio.drawing.material import is_animated
from nemo_watch.studio.drawing.overlay import Overlay
from nemo_watch.studio.drawing.photo import DETAIL, Still, moving, photo
from nemo_watch.studio.drawing.pictures import Broken, opened
from nemo_watch.studio.drawing.plan import NONE_OPENS, FilmPlan, Shot, Unplannable, without_shots
from nemo_watch.studio.drawing.transitions import blend

Find = Callable[[str, str], Path | None]
Warn = Callable[[str], None]


class Source(Protocol):
    """A shot's picture over time."""

    def draw(self, number: int, out: Frame) -> None:
        """Paint its frame `number`; numbers only grow."""
        ...

    def close(self) -> None:
        """Let go of files and children."""
        ...


def surveyed(plan: FilmPlan, find: Find, warn: Warn) -> FilmPlan:
    """The plan without pictures that are not there or whose header cannot be read, each with a warning.

    Raises `plan.Unplannable` when none remains. Headers only: a hundred photos take less than a second.
    """
    missing = set()
    for index, shot in enumerate(plan.shots):
        reason = None if shot.is_card else _fault(find(shot.key, shot.name))
        if reason:
            missing.add(index)
            warn(f"{shot.name or shot.key} is left out: {reason}.")
    return without_shots(plan, missing) if missing else plan


def _fault(path: Path | None) -> str | None:
    if path is None:
        return "there is no such file"
    try:
        with opened(path):
            return None
    except Broken as broken:
        return str(broken) if str(broken).startswith("it has more than") else _clip_fault(path)


def _clip_fault(path: Path) -> str | None:
    from nemo_watch.studio.drawing import ffmpeg

    try:
        return None if ffmpeg.probe(path).width else "it holds no picture"
    except ValueError:
        return "it cannot be read as a picture or clip"


class Film:
    """The frames of a plan. `close` ends what is still open."""

    def __init__(self, plan: FilmPlan, find: Find, warn: Warn) -> None:
        self._plan, self._find, self._warn = plan, find, warn
        self._size = plan.canvas.width, plan.canvas.height
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prepare")
        self._coming: Future[Source] | None = None
        self._old: Source | None = None
        self._source: Source | None = None
        self._index = -1
        self._failed: set[int] = set()
        self._scratch = blank(*self._size), blank(*self._size)
        self._overlays = [Overlay(caption, self._size, plan.canvas.fps) for caption in plan.captions]

    def begun(self) -> FilmPlan:
        """Open the first picture that can be shown; the plan as it is drawn, without those that stood before it.

        Raises `plan.Unplannable` when none of them can.
        """
        while self._source is None:
            try:
                self._source = self._opened(0)
            # Whatever a decoder makes of a damaged picture, it is one picture: the film begins with the next.
            except Exception as error:  # noqa: BLE001
                self._warn(_left_out(self._plan.shots[0], error))
                self._plan = without_shots(self._plan, {0})
            else:
                self._index = 0
                self._prepare()
        return self._plan

    def draw(self, number: int, out: Frame) -> None:
        """Paint frame `number` of the film; numbers must come in order, from 0. Raises `plan.Unplannable` as `begun`."""
        shots = self.begun().shots
        if self._index + 1 < len(shots) and number >= shots[self._index + 1].start:
            self._next_shot()
        shot, at = shots[self._index], number - shots[self._index].start
        source = self._current()
        if self._old and at < shot.overlap:
            old, new = self._scratch
            self._old.draw(shots[self._index - 1].frames + at, old)
            source.draw(at, new)
            blend(shot.transition, (at + 1) / (shot.overlap + 1), old, new, out)
        else:
            self._drop_old()
            source.draw(at, out)
        for overlay in self._overlays:
            overlay.lay(number, out)

    def close(self) -> None:
        """End every source, the one being prepared too."""
        if self._coming:
            with contextlib.suppress(Exception):  # it failed to open: nothing is left to close
                self._coming.result().close()
            self._coming = None
        self._pool.shutdown(wait=True)
        self._drop_old()
        if self._source:
            self._source.close()
            self._source = None

    def _current(self) -> Source:
        if self._source is None:
            raise RuntimeError("draw() was called before the first frame")
        return self._source

    def _next_shot(self) -> None:
        """Move on to the next shot and have the one after it prepared meanwhile."""
        self._drop_old()
        self._index += 1
        coming = self._coming or self._pool.submit(self._opened, self._index)
        self._coming = None
        try:
            new = coming.result()
        # As above; here the film goes on with the picture before.
        except Exception as error:  # noqa: BLE001
            new = self._resting(error)
        else:
            self._old = self._source
        self._source = new
        self._prepare()

    def _resting(self, error: Exception) -> Source:
        """The source before in the place of one that failed. Raises `plan.Unplannable` when all but painted cards did."""
        shots = self._plan.shots
        self._warn(_left_out(shots[self._index], error))
        self._failed.add(self._index)
        if all(shot.is_card or index in self._failed for index, shot in enumerate(shots)):
            raise Unplannable(NONE_OPENS) from error
        return _Resting(self._current(), shots[self._index - 1].frames)

    def _prepare(self) -> None:
        """Have the next shot opened meanwhile."""
        if self._index + 1 < len(self._plan.shots):
            self._coming = self._pool.submit(self._opened, self._index + 1)

    def _drop_old(self) -> None:
        if self._old:
            self._old.close()
            self._old = None

    def _opened(self, index: int) -> Source:
        """The source of a shot. Raises `pictures.Broken` when its file cannot be shown."""
        shot, frames, fps = self._plan.shots[index], self._plan.life(index), self._plan.canvas.fps
        if shot.is_card:
            return self._card(shot, frames)
        path = self._find(shot.key, shot.name)
        if path is None:
            raise Broken("there is no such file")
        try:
            with opened(path) as image:
                animated = is_animated(image) and shot.fit != "backdrop"
        except Broken:
            return Clip(path, self._size, shot.fit, shot.in_ms, fps, self._plan.look)
        if animated:
            return Animation(path, self._size, shot.fit, fps, self._plan.look)
        return photo(path, self._size, shot.fit, shot.motion, frames, fps, self._plan.look)

    def _card(self, shot: Shot, frames: int) -> Still:
        """A painted scene, gently moving, as the ground for words."""
        from nemo_watch.studio.painting.scenes import scene

        size = tuple(round(side * DETAIL / 2) * 2 for side in self._size)
        source = from_rgb(scene(shot.scene, (size[0], size[1]), seed=shot.start))
        apply_look(self._plan.look, source)
        return moving(source, self._size, "cover", shot.motion, frames, self._plan.canvas.fps)


def _left_out(shot: Shot, error: Exception) -> str:
    """The warning for a shot whose picture cannot be opened."""
    reason = str(error) if isinstance(error, Broken) else f"it cannot be decoded ({type(error).__name__})"
    return f"{shot.name or shot.key or 'A painted card'} is left out: {reason}."


class _Resting:
    """The source before, going on in the place of a picture that could not be opened."""

    def __init__(self, source: Source, offset: int) -> None:
        self._source, self._offset = source, offset

    def draw(self, number: int, out: Frame) -> None:
        self._source.draw(self._offset + number, out)

    def close(self) -> None:
        self._source.close()
