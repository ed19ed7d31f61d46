"""Where files stand → projects, their films, loose files to gather, and what is left alone. Pure: the same files, the same answer.

It must never lose or double a file: each ends in exactly one film, among a project's unsettled, in one gather, or left alone with a
reason; in whatever order they came. Facts: README "The inbox".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from nemo_watch.inbox.gathering import NO_PARTNER, loose_files
from nemo_watch.inbox.media import Role, base_name, natural_key, role_of, stem_of
from nemo_watch.inbox.pairing import pairs
from nemo_watch.model import FolderIdentity, FoundFilm, FoundProject, Gather, LeftAlone, Sighting

if TYPE_CHECKING:
    from datetime import datetime

    from nemo_watch.inbox.standings import Standing

NOT_READ_HERE: Final = "read only when it lies directly in the project's folder"
ANOTHER_IS_READ: Final = "another file of that name is read"
NOTHING_UNDER_PROMPT: Final = "every file here has words of its own; this one would be for files without"


@dataclass(frozen=True, slots=True)
class Grouping:
    """What the inbox means."""

    projects: tuple[FoundProject, ...] = ()
    gathers: tuple[Gather, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """One project folder's meaning but for its quiet: `films` is empty where nothing in it is of use."""

    films: tuple[FoundFilm, ...]
    unsettled: tuple[LeftAlone, ...]
    left_alone: tuple[LeftAlone, ...]


@dataclass(slots=True)
class _Film:
    """A film being put together."""

    prompt: Sighting | None = None
    urls: Sighting | None = None
    media: list[Sighting] = field(default_factory=list)


# -- a project folder ------------------------------------------------------------------------------------------------------


def project_files(standing: Standing) -> ProjectFiles:
    """The films of one project folder, and what in it takes part in none."""
    folder = standing.folder
    resting = set(standing.at_rest)
    arriving = {unsettled.sighting for unsettled in standing.unsettled}
    parts = _Parts(folder, (*standing.at_rest, *arriving))
    films = [
        FoundFilm(
            name=f"{folder}/{stem}" if stem else folder,
            stem=stem,
            prompt_path=film.prompt.path if film.prompt else f"{folder}/prompt.txt",
            prompt=film.prompt if film.prompt in resting else None,
            urls=film.urls if film.urls in resting else None,
            media=tuple(sorted((s for s in film.media if s in resting), key=lambda s: natural_key(s.path))),
        )
        for stem, film in parts.films()
    ]
    unsettled = [LeftAlone(u.sighting.path, folder, u.reason) for u in standing.unsettled]
    unsettled += [LeftAlone(path, folder, f"cannot be read: {reason}") for path, reason in standing.unreadable]
    project = folder if films or unsettled else None  # a folder of nothing but strangers is no project
    strangers = (*standing.alone, *parts.strangers)
    alone = [LeftAlone(s.path, project, reason) for s, reason in strangers if s not in arriving]
    return ProjectFiles(
        tuple(sorted(films, key=lambda film: natural_key(film.stem))), _by_path(unsettled), _by_path(alone)
    )


class _Parts:
    """The files of one folder sorted by what they are for. Files not yet at rest count: a sidecar on its way is a sidecar."""

    def __init__(self, folder: str, files: Iterable[Sighting]) -> None:
        self._folder = folder
        self.strangers: list[tuple[Sighting, str]] = []
        by_role: dict[Role, list[Sighting]] = {role: [] for role in Role}
        for sighting in sorted(files, key=lambda sighting: sighting.path):
            by_role[role_of(sighting.path)].append(sighting)
        self._prompt = self._only(by_role[Role.PROMPT], "prompt.txt")
        self._urls = self._only(by_role[Role.URLS], "urls.txt")
        self._own = _Film(self._prompt, self._urls)
        self._with_sidecar = self._paired(by_role[Role.MEDIA], by_role[Role.SIDECAR])
        self._is_arriving = bool(by_role[Role.ARRIVING])
        self._adopt_namesake()

    def _only(self, found: Sequence[Sighting], name: str) -> Sighting | None:
        """The one file of that name in the project's own folder; the exact spelling first. The others are strangers."""
        here = [sighting for sighting in found if sighting.path.count("/") == 1]
        here.sort(key=lambda sighting: (base_name(sighting.path) != name, sighting.path))
        self.strangers += [(sighting, NOT_READ_HERE) for sighting in found if sighting not in here]
        self.strangers += [(sighting, ANOTHER_IS_READ) for sighting in here[1:]]
        return here[0] if here else None

    def _paired(self, media: Sequence[Sighting], sidecars: Sequence[Sighting]) -> dict[str, _Film]:
        """Sidecars with their media, by stem; media without one go to the folder's own film."""
        films: dict[str, _Film] = {}
        for medium, sidecar in pairs(media, sidecars):
            if sidecar is None:
                self._own.media.append(medium)
            else:
                film = films.setdefault(self._stem(sidecar), _Film(prompt=sidecar))
                film.media.append(medium)
        used = {film.prompt for film in films.values()}
        self.strangers += [(sidecar, NO_PARTNER) for sidecar in sidecars if sidecar not in used]
        return films

    def _stem(self, sidecar: Sighting) -> str:
        """A sidecar's stem, with its folders inside the project before it: they tell films of the same name apart."""
        inside, slash, name = sidecar.path.removeprefix(self._folder + "/").rpartition("/")
        return f"{inside}{slash}{stem_of(name)}"

    def _adopt_namesake(self) -> None:
        """`cat/cat.txt` speaks for the film "cat" itself, unless a prompt.txt does: it is not "cat/cat", whatever is added later."""
        if self._prompt is None and self._folder in self._with_sidecar:
            namesake = self._with_sidecar.pop(self._folder)
            self._own.prompt = namesake.prompt
            self._own.media += namesake.media

    def films(self) -> list[tuple[str, _Film]]:
        """The films by stem; `""` is the folder's own, which is left out where batch style leaves nothing to it."""
        films = list(self._with_sidecar.items())
        own = self._own
        if own.media or own.urls or (not films and (own.prompt or self._is_arriving)):
            films.append(("", own))
        elif own.prompt:
            self.strangers.append((own.prompt, NOTHING_UNDER_PROMPT))
        return films


# -- the whole ---------------------------------------------------------------------------------------------------------------


def grouped(
    standings: Sequence[Standing],
    identities: Mapping[str, FolderIdentity],
    quiet_s: Mapping[str, float],
    *,
    project_settle_s: float,
    local_time: datetime,
    gather: bool = True,
    known: Mapping[str, ProjectFiles] | None = None,
    refused: Mapping[Sighting, str] = MappingProxyType({}),
) -> Grouping:
    """What the inbox means: where every file stands (`quiet_s` by folder, `""` the inbox itself) → projects, gathers, the rest.

    `local_time` names a new folder. `known` spares work: the meaning of folders whose standing has not changed. `refused` are loose files that
    could not be moved, with the reason.
    """
    by_folder = {standing.folder: standing for standing in standings}
    loose = by_folder.pop("", None)
    projects: list[FoundProject] = []
    alone: list[LeftAlone] = []
    for folder in sorted(by_folder, key=natural_key):  # rows are in order within each folder, once for all looks
        files = (known or {}).get(folder) or project_files(by_folder[folder])
        if folder in identities and (files.films or files.unsettled):
            projects.append(_project(folder, identities[folder], files, quiet_s[folder], project_settle_s))
        else:  # its folder could never be looked into
            alone += (LeftAlone(left.path, None, left.reason) for left in files.unsettled)
        alone += files.left_alone
    gathers: tuple[Gather, ...] = ()
    if loose is not None:
        quiet = quiet_s[""] >= project_settle_s
        gathers, rest = loose_files(loose, by_folder, local_time, quiet=quiet, gather=gather, refused=refused)
        alone += rest
    return Grouping(tuple(projects), gathers, tuple(alone))


def _project(
    folder: str, identity: FolderIdentity, files: ProjectFiles, quiet_s: float, project_settle_s: float
) -> FoundProject:
    films = files.films or (FoundFilm(folder, "", f"{folder}/prompt.txt", None, None, ()),)
    ready = not files.unsettled and quiet_s >= project_settle_s
    return FoundProject(folder, identity, films, files.unsettled, quiet_s, ready)


def _by_path(rows: Iterable[LeftAlone]) -> tuple[LeftAlone, ...]:
    return tuple(sorted(rows, key=lambda row: natural_key(row.path)))
