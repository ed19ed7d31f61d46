"""What lies in the inbox → the journal's rows of it; what is new gets a row, and its place in the outbox."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemo_watch.jobs import knowledge, recognising, records
from nemo_watch.jobs.knowledge import Known
from nemo_watch.jobs.records import FilmRecord
from nemo_watch.jobs.store import store_stamp
from nemo_watch.jobs.tables import FIRST_SITE
from nemo_watch.outbox.names import film_stem, outbox_name

if TYPE_CHECKING:
    from pathlib import Path

    from nemo_watch.clock import Clock
    from nemo_watch.jobs.store import Store
    from nemo_watch.model import Backend, FolderIdentity, FoundFilm, FoundProject
    from nemo_watch.outbox.publish import OutboxFolder


@dataclass(slots=True)
class Recall:
    """The journal's knowledge; read again only when something was written since, here or by a command."""

    store: Store
    outbox: OutboxFolder
    clock: Clock
    backend: Backend
    site: int = FIRST_SITE
    _known: tuple[tuple[int, int], Known] | None = None
    _root: FolderIdentity | None = None

    async def known(self) -> Known:
        """Everything that the journal knows now."""
        stamp = (self.store.generation, await self.store.read(store_stamp))
        if self._known is None or self._known[0] != stamp:
            self._known = stamp, await self.store.read(lambda c: knowledge.known(c, self.backend, self.site))
        return self._known[1]

    async def root(self, folder: Path) -> FolderIdentity | None:
        """Which folder the inbox at that path was when it last held anything, in this process or an earlier one."""
        self._root = await self.store.read(lambda c: records.inbox_root(c, os.fspath(folder), self.site))
        return self._root

    async def keep_root(self, folder: Path, root: FolderIdentity | None) -> None:
        """Remember it for the next process."""
        if root is not None and root != self._root:
            await self.store.do(lambda c: records.keep_inbox_root(c, os.fspath(folder), root, self.site))
            self._root = root

    async def project(
        self, found: FoundProject, shas: Sequence[str] | None, present: Mapping[str, FolderIdentity], known: Known
    ) -> tuple[int, Known]:
        """The journal's number of a folder. `shas`: its media by content, None while unknown; `present`: all folders there are."""
        same = recognising.same_project(found.folder, found.identity, shas, known.projects, present)
        if same is not None:
            if (same.folder, same.identity) != (found.folder, found.identity) and shas is not None:
                is_another = same.identity != found.identity and same.media.isdisjoint(
                    shas
                )  # under the name of one that left
                await self.store.do(
                    lambda c: records.see_project(c, same.id, found.folder, found.identity, is_another=is_another)
                )
                known = await self.known()
            return same.id, known
        now = self.clock.now().timestamp()
        outbox = outbox_name(found.folder, {*known.folders.values(), *await asyncio.to_thread(self.outbox.taken_names)})
        number = await self.store.do(
            lambda c: records.add_project(c, found.folder, found.identity, outbox, now, self.site)
        )
        return number, await self.known()

    async def film(self, project: int, found: FoundFilm, known: Known) -> tuple[FilmRecord, Known]:
        """The journal's row of a film."""
        now = self.clock.now().timestamp()
        values = {"name": found.name, "prompt_file": found.prompt_path.rpartition("/")[2]}
        record = known.film(project, found.stem)
        if record is None:
            taken = [film.outbox_stem for film in known.films.values() if film.project == project]
            stem = film_stem(found.stem or known.folders[project], taken)
            await self.store.do(lambda c: records.add_film(c, project, found.stem, stem, now, **values))
        elif (record.name, record.prompt_file) != tuple(values.values()):
            await self.store.do(lambda c, number=record.id: records.write_film(c, number, **values))  # type: ignore[misc]
        else:
            return record, known
        known = await self.known()
        record = known.film(project, found.stem)
        assert record is not None  # noqa: S101  just written
        return record, known
