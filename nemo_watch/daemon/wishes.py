"""Found films → wishes: their media by content, their words, their addresses. Read once, remembered by sighting.

Large files are read beside the round, not in it: until they are known the film is not ready, and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from nemo_watch.errors import Cause, Trouble
from nemo_watch.inbox import prompt
from nemo_watch.inbox.preparing import Studies, Study, media_of
from nemo_watch.inbox.prompt import Urls
from nemo_watch.jobs import records
from nemo_watch.jobs.decisions import READING, Past, Routed, Wish
from nemo_watch.logs import logger
from nemo_watch.model import LeftAlone, Sighting, Words
from nemo_watch.nemo import phrases

if TYPE_CHECKING:
    from nemo_watch.clock import Clock
    from nemo_watch.config import Inbox
    from nemo_watch.inbox.listing import InboxFolder
    from nemo_watch.jobs.store import Store
    from nemo_watch.model import FoundFilm, FoundProject, Medium

log = logger("wishes")

_TEXT_MAX_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A film's media in their order, and what was left out with the reason; true of exactly these sightings."""

    sightings: tuple[Sighting, ...]
    media: tuple[Medium, ...]
    left_out: tuple[LeftAlone, ...]


@dataclass(slots=True)
class Wishes:
    """What films ask for. `woken` is called when something that was being read beside the round is known, `unread` when it is not."""

    folder: InboxFolder
    settings: Inbox
    store: Store
    clock: Clock
    woken: Callable[[], None]
    unread: Callable[[Trouble], None]
    left_out: dict[str, tuple[LeftAlone, ...]] = field(default_factory=dict)  # by film, for the status
    _prepared: dict[str, Prepared] = field(default_factory=dict)
    _studies: Studies = field(default_factory=dict)
    _texts: dict[str, tuple[Sighting, bytes]] = field(default_factory=dict)
    _reading: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def template(self) -> bytes:
        """The prompt file that the daemon writes."""
        return prompt.template(self.settings.default_prompt)

    async def media(self, project: FoundProject) -> Mapping[str, Prepared] | None:
        """The media of each film of a ready project, by the film's name; None while they are being read."""
        if not project.ready:
            return None
        known = {film.name: self._prepared.get(film.name) for film in project.films}
        if all((p := known[film.name]) is not None and p.sightings == film.media for film in project.films):
            return {name: prepared for name, prepared in known.items() if prepared is not None}
        task = self._reading.get(project.folder)
        if task is None or task.done():
            self._reading[project.folder] = asyncio.create_task(self._read(project))
        return None

    async def remember(self) -> None:
        """Take over what reading files through told before the restart: a large inbox is not read again."""
        for sighting, study in await self.store.read(records.studies):
            self._studies[msgspec.convert(sighting, Sighting)] = msgspec.convert(study, Study)

    async def _keep(self, films: Sequence[FoundFilm], known: Collection[Sighting]) -> None:
        new = [s for film in films for s in film.media if s not in known and s in self._studies]
        found = [(msgspec.to_builtins(s), msgspec.to_builtins(self._studies[s])) for s in new]
        now = self.clock.now().timestamp()
        await self.store.do(lambda c: records.keep_studies(c, found, now))

    async def _read(self, project: FoundProject) -> None:
        known = set(self._studies)
        try:
            for film in project.films:
                media, left_out = await asyncio.to_thread(media_of, film, self.folder, self._studies)
                self._prepared[film.name] = Prepared(film.media, media, left_out)
            await self._keep(project.films, known)
        except Trouble as trouble:  # it changed under our eyes, or cannot be read: the next look sees it as it is now
            log.info("media.unread", project=project.folder, reason=str(trouble))
            self.unread(trouble)
        else:
            self.woken()

    async def close(self) -> None:
        """Stop reading."""
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)

    async def wish(self, project: FoundProject, film: FoundFilm, prepared: Prepared | None, past: Past) -> Wish:
        """What the film asks for now."""
        self.left_out[film.name] = () if prepared is None else prepared.left_out
        words, trouble = await self._words(film, past, ready=project.ready)
        urls: Urls | None = None
        try:
            urls = await self._urls(film)
        except Trouble as unread:
            unread.data.setdefault("file", film.prompt_path)
            trouble = trouble or (unread.cause, unread.data)
        if urls is not None and film.urls is not None and urls.problems:
            strange = tuple(LeftAlone(film.urls.path, project.folder, problem) for problem in urls.problems)
            self.left_out[film.name] = (*self.left_out.get(film.name, ()), *strange)
        busy = next((entry.reason for entry in project.unsettled), None)
        if project.ready and prepared is None:
            busy = READING
        return Wish(
            name=film.name,
            media=() if prepared is None else prepared.media,
            urls=() if urls is None else urls.urls,
            words=words,
            ready=project.ready and prepared is not None,
            quiet_s=project.quiet_s,
            from_words=urls is not None and not urls.urls and not urls.problems,
            busy_with=busy,
            trouble=trouble,
            prompt_file=film.prompt_path.rpartition("/")[2],
            batch=bool(film.stem),
        )

    async def _words(
        self, film: FoundFilm, past: Past, *, ready: bool
    ) -> tuple[Words | None, tuple[Cause, Mapping[str, object]] | None]:
        if film.prompt is None:
            reason = await asyncio.to_thread(self.folder.obstacle, film.prompt_path) if ready else None
            return None, None if reason is None else (
                Cause.PROMPT_UNREADABLE,
                {"file": film.prompt_path, "reason": reason},
            )
        try:
            data = await self._text(film.prompt)
            ours = (
                self.template if past.template is None else past.template
            )  # a copied folder brings what was written in another
            return prompt.words(data, ours, file=film.prompt_path), None
        except Trouble as trouble:
            trouble.data.setdefault("file", film.prompt_path)
            return None, (trouble.cause, trouble.data)

    async def _urls(self, film: FoundFilm) -> Urls | None:
        """The addresses; None where there is no urls.txt. Raises: Trouble when it cannot be read: nothing is bought without it."""
        if film.urls is None:
            return None
        return prompt.urls(await self._text(film.urls), file=film.urls.path)

    async def _text(self, sighting: Sighting) -> bytes:
        known = self._texts.get(sighting.path)
        if known is not None and known[0] == sighting:
            return known[1]
        data = await asyncio.to_thread(self.folder.read_small, sighting, _TEXT_MAX_BYTES)
        self._texts[sighting.path] = (sighting, data)
        return data

    def routed(self, wish: Wish) -> Routed | None:
        """What the whole prompt asks for, where it is a routing word."""
        if wish.words is None or len(wish.words.messages) != 1:
            return None
        action = phrases.routed(wish.words.messages[0])
        return None if action is phrases.Action.MESSAGE else Routed(action.value)
