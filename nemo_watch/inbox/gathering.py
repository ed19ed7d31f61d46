"""Loose files → the project folders that they are gathered into, and what waits or stays. Pure.

It must never split what belongs together: a photo waits for its sidecar, a sidecar for its clip, and what a kill left half moved is finished
under the name that it had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from nemo_watch.inbox.media import STAGING_PREFIX, Role, base_name, natural_key, reason_to_pass_by, role_of, stem_of
from nemo_watch.inbox.pairing import pairs
from nemo_watch.model import Gather, LeftAlone, Sighting

if TYPE_CHECKING:
    from datetime import datetime

    from nemo_watch.inbox.standings import Standing

FOLDER_NAME_BYTES_MAX: Final = 200  # a sidecar's stem may be longer than a folder's name should be

NO_PARTNER: Final = "words without a photo or clip of the same name; prompt.txt holds the words for the whole folder"
WAITS_FOR_PHOTOS: Final = "waits for loose photos to go with"
WAITS_FOR_ITS_OWN: Final = "waits for the other files of its name"
LOOSE_IGNORED: Final = 'loose files are ignored (loose_files = "ignore"); put them into a folder'
BEING_GATHERED: Final = "being gathered into a project folder"

_DATED: Final = re.compile(r"\d{4}-\d\d-\d\d-\d{4}(-\d+)?")


def loose_files(
    standing: Standing,
    projects: Mapping[str, Standing],
    local_time: datetime,
    *,
    quiet: bool,
    gather: bool,
    refused: Mapping[Sighting, str],
) -> tuple[tuple[Gather, ...], tuple[LeftAlone, ...]]:
    """What becomes of the files that lie in the inbox itself: gathers when they are quiet, and the rest with a reason.

    `projects` are the folders that exist, `local_time` names a new one, `quiet` says that nothing came for `project_settle`. `refused` could
    not be moved, for the reason given: they stay, and what must not go without them.
    """
    rows = [_row(s, BEING_GATHERED if s.path.startswith(STAGING_PREFIX) else reason) for s, reason in standing.alone]
    rows += [_row(unsettled.sighting, unsettled.reason) for unsettled in standing.unsettled]
    if not gather:
        return (), _by_path([*rows, *(_row(s, LOOSE_IGNORED) for s in standing.at_rest)])
    plan = _Plan(standing, projects, f"{local_time:%Y-%m-%d-%H%M}", refused)
    rows += [_row(sighting, reason) for sighting, reason in plan.staying]
    if quiet and not any(unsettled.holds for unsettled in standing.unsettled):
        return tuple(plan.gathers), _by_path(rows)
    rows += [_row(s, f"will be gathered into {found.folder}") for found in plan.gathers for s in found.files]
    return (), _by_path(rows)


def _row(sighting: Sighting, reason: str) -> LeftAlone:
    return LeftAlone(sighting.path, None, reason)


def _by_path(rows: Iterable[LeftAlone]) -> tuple[LeftAlone, ...]:
    return tuple(sorted(rows, key=lambda row: natural_key(row.path)))


class _Names:
    """Which names are taken in the inbox, and which a kill left half filled."""

    def __init__(self, standing: Standing, projects: Iterable[str]) -> None:
        here = [*standing.at_rest, *(u.sighting for u in standing.unsettled), *(s for s, _ in standing.alone)]
        self.staged = sorted(
            s.path.removeprefix(STAGING_PREFIX) for s, _ in standing.alone if s.path.startswith(STAGING_PREFIX)
        )
        self._taken = {name.casefold() for name in (*projects, *(s.path for s in here))}

    def distinct(self, wanted: str) -> str:
        """The name, numbered if it is taken; from now on it is. Case does not tell names apart."""
        number, name = 1, wanted
        while name.casefold() in self._taken:
            number += 1
            name = f"{wanted}-{number}"
        self._taken.add(name.casefold())
        return name

    def resumed(self, wanted: str) -> str | None:
        """The name itself if a kill left a folder of it half filled; it is finished once."""
        if wanted in self.staged:
            self.staged.remove(wanted)
            return wanted
        return None

    def resumed_dated(self) -> str | None:
        """A half-filled folder with a date for its name."""
        dated = [name for name in self.staged if _DATED.fullmatch(name)]
        return self.resumed(dated[0]) if dated else None


class _Plan:
    """Who goes where: `gathers`, and `staying` with the reason."""

    def __init__(
        self, standing: Standing, projects: Mapping[str, Standing], date: str, refused: Mapping[Sighting, str]
    ) -> None:
        self.gathers: list[Gather] = []
        self.staying: list[tuple[Sighting, str]] = [(s, refused[s]) for s in standing.at_rest if s in refused]
        self._projects = projects
        self._names = _Names(standing, projects)
        self._resting = set(standing.at_rest) - refused.keys()
        by_role: dict[Role, list[Sighting]] = {role: [] for role in Role}
        everyone = [*standing.at_rest, *(unsettled.sighting for unsettled in standing.unsettled)]
        for sighting in sorted(everyone, key=lambda sighting: natural_key(sighting.path)):
            by_role[role_of(sighting.path)].append(sighting)
        common = self._with_words(by_role[Role.MEDIA], by_role[Role.SIDECAR])
        self._together(common, [s for s in by_role[Role.PROMPT] + by_role[Role.URLS] if s in self._resting], date)
        self.gathers += [Gather(name, ()) for name in self._names.staged]  # full, but not yet under its name
        self.gathers.sort(key=lambda gather: natural_key(gather.folder))

    def _with_words(self, media: Sequence[Sighting], sidecars: Sequence[Sighting]) -> list[Sighting]:
        """Plans a folder for each sidecar with its media; returns the media that go together, without words of their own."""
        common = []
        own: dict[Sighting, list[Sighting]] = {}
        for medium, sidecar in pairs(media, sidecars):
            if sidecar is not None:
                own.setdefault(sidecar, []).append(medium)
            elif medium in self._resting:
                common.append(medium)
        for sidecar in sidecars:
            common += self._place(sidecar, [*own.get(sidecar, []), sidecar])
        return common

    def _place(self, sidecar: Sighting, files: list[Sighting]) -> list[Sighting]:
        """Plans where a sidecar and its media go; returns them if only the common folder is left."""
        here = [sighting for sighting in files if sighting in self._resting]
        stem = stem_of(sidecar.path)
        resumes = self._is_unfinished(stem, files)
        if len(here) < len(files):
            self.staying += [(sighting, WAITS_FOR_ITS_OWN) for sighting in here]
        elif resumes:
            self.gathers.append(Gather(stem, tuple(files)))
        elif len(files) == 1 and stem not in self._names.staged:
            self.staying.append((sidecar, NO_PARTNER))
        elif len(stem.encode("utf-8", "surrogateescape")) > FOLDER_NAME_BYTES_MAX or reason_to_pass_by(stem):
            return files
        else:
            self.gathers.append(Gather(self._names.resumed(stem) or self._names.distinct(stem), tuple(files)))
        return []

    def _is_unfinished(self, stem: str, files: Sequence[Sighting]) -> bool:
        """Whether the folder of the stem's name holds nothing but media of that stem: moving them was cut short (words go last)."""
        existing = self._projects.get(stem)
        if existing is None or existing.unreadable:
            return False
        there = [*existing.at_rest, *(unsettled.sighting for unsettled in existing.unsettled)]
        names = {base_name(sighting.path) for sighting in there}
        of_stem = all(stem_of(name).casefold() == stem.casefold() and role_of(name) is Role.MEDIA for name in names)
        return bool(names) and of_stem and not names & {sighting.path for sighting in files}

    def _together(self, common: list[Sighting], guides: list[Sighting], date: str) -> None:
        """Plans the dated folder. A prompt alone waits; urls.txt is media by URL, so it may go alone.

        Words go last: a prompt beside a folder that a kill left half filled belongs into that one, also when no photo is left here.
        """
        begun = self._names.resumed_dated() if common or guides else None
        if begun or common or any(role_of(guide.path) is Role.URLS for guide in guides):
            self.gathers.append(Gather(begun or self._names.distinct(date), (*common, *guides)))
        else:
            self.staying += [(guide, WAITS_FOR_PHOTOS) for guide in guides]
