"""Media and the words beside them: which `a.txt` speaks for `a.jpg`. Pure.

It must never pair across folders, nor let the order of arrival decide. Facts: a Live Photo is a pair of one stem; cameras write IMG_1.JPG where
a person types img_1.txt.
"""

from __future__ import annotations

from collections.abc import Iterable

from nemo_watch.inbox.media import base_name, stem_of
from nemo_watch.model import Sighting


def pairs(media: Iterable[Sighting], sidecars: Iterable[Sighting]) -> list[tuple[Sighting, Sighting | None]]:
    """Each medium with its sidecar in the same folder: of exactly its stem, else of its stem in another case."""
    exact: dict[str, Sighting] = {}
    folded: dict[str, Sighting] = {}
    for sidecar in sorted(sidecars, key=lambda sighting: sighting.path, reverse=True):
        exact[_without_extension(sidecar.path)] = sidecar
        folded[_folded(sidecar.path)] = sidecar
    return [
        (medium, exact.get(_without_extension(medium.path)) or folded.get(_folded(medium.path))) for medium in media
    ]


def _without_extension(path: str) -> str:
    return path[: len(path) - len(base_name(path))] + stem_of(path)


def _folded(path: str) -> str:
    return path[: len(path) - len(base_name(path))] + stem_of(path).casefold()
