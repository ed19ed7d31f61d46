"""Prompt + media + the film so far → the new draft and what to say about it. Pure: no disk, no clock, no chance.

The same words about the same media always give the same film; a message that changes nothing leaves the draft equal.
Source: README "When a draft is ready" (the documented keys), README "What the service says" (a question leaves the draft unchanged).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nemo_watch.studio.directing.cards import film_of_words, on_cards
from nemo_watch.studio.directing.cut import Cut, cut_of, draft_of, keys_in, meta_of
from nemo_watch.studio.directing.editing import new_materials, with_canvas, with_lengths, with_manner, with_materials
from nemo_watch.studio.directing.footage import Material
from nemo_watch.studio.directing.lettering import laid_texts, placed_by_hand, with_texts
from nemo_watch.studio.directing.missing import missing
from nemo_watch.studio.directing.replies import answer, question
from nemo_watch.studio.directing.wishes import Wishes, read_wishes
from nemo_watch.studio.sounding.scoring import laid_music, with_music

__all__ = ["Direction", "Material", "direct"]


@dataclass(frozen=True, slots=True)
class Direction:
    """The new draft, the reply in the language of the prompt, and whether the reply is a question (the draft is unchanged)."""

    draft: dict[str, Any]
    said: str
    asks: bool


def direct(prompt: str, materials: Sequence[Material], draft: Mapping[str, Any] | None, language: str) -> Direction:
    """What one message makes of the film.

    New materials since the last draft are added; but a message that asks for a film, in a session that already holds one,
    and neither names the new files nor speaks of adding, begins a new film with them (API text "Common Workflows", batch style).
    """
    wishes = read_wishes(prompt, language, [one.name for one in materials])
    before = dict(draft or {})
    start, usable = _beginning(prompt, wishes, materials, before)
    missed = missing(start, wishes, usable)
    if start.pictures and not wishes.any and not new_materials(start, usable):
        asks = wishes.asks and not wishes.refusals
        return Direction(before, question(wishes) if asks else answer(wishes, before, before, missed), asks)
    if not (start.pictures or any(one.kind != "audio" for one in usable)):
        if not prompt.strip() or (wishes.asks and not wishes.any and not wishes.makes):
            return Direction(before, question(wishes), asks=True)
        start = film_of_words(prompt, wishes)
    after = draft_of(_edited(start, wishes, usable))
    return Direction(after, answer(wishes, before, after, missed), asks=False)


def _beginning(
    prompt: str, wishes: Wishes, materials: Sequence[Material], before: Mapping[str, Any]
) -> tuple[Cut, Sequence[Material]]:
    """The film to go on from, and the materials that it may use."""
    cut = cut_of(before)
    others = keys_in(cut.meta, "foreign")
    usable = [one for one in materials if one.key not in others]
    new = [one for one in new_materials(cut, usable) if one.kind != "audio"]
    named = any(one.name.lower() in prompt.lower() for one in new)
    if cut.pictures and new and wishes.begins and not wishes.adds and not named:
        known = {one.key for one in usable} - {one.key for one in new_materials(cut, usable)}
        return Cut(meta={"foreign": sorted(others | known)}), [one for one in usable if one.key not in known]
    return cut, usable


def _edited(start: Cut, wishes: Wishes, materials: Sequence[Material]) -> Cut:
    """The steps in their order: pictures, then words (an end card takes time), then manner, then times, then music."""
    cut = with_canvas(with_materials(start, wishes, materials), wishes, materials)
    if not _is_fresh_words(start):
        cut = with_texts(cut, wishes, materials)
    cut = with_manner(cut, wishes)
    cut = with_lengths(cut, wishes, materials, start.duration_ms, _pictures(cut) != _pictures(start))
    cut = laid_texts(on_cards(cut), placed_by_hand(start))
    return laid_music(with_music(cut, _heard(wishes, start), materials), materials)


def _heard(wishes: Wishes, start: Cut) -> Wishes:
    """The wishes, where music that is only spoken of ("louder") is not brought into a film that has none."""
    only_spoken_of = bool(start.pictures) and not start.music and wishes.sound.implied and not wishes.adds
    return replace(wishes, sound=replace(wishes.sound, music=None)) if only_spoken_of else wishes


def _is_fresh_words(start: Cut) -> bool:
    """Whether this film has just been made of words: its quoted texts already stand on their cards."""
    return not start.meta and any(meta_of(part).get("card") == "words" for part in start.pictures)


def _pictures(cut: Cut) -> list[tuple[str, str]]:
    return sorted((str(meta_of(part).get("key")), str(meta_of(part).get("card"))) for part in cut.pictures)
