"""Wishes + materials + the film so far → the film's pictures: which, in what order, how long, how shown. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from nemo_watch.studio.directing.cut import Cut, Segment, changed, keys_in, length_ms, meta_of, number_in, segment
from nemo_watch.studio.directing.footage import Material
from nemo_watch.studio.directing.lengths import FILM_S_MAX
from nemo_watch.studio.directing.places import Place, index_of
from nemo_watch.studio.directing.wishes import Wishes
from nemo_watch.studio.drawing.plan import SIZES

PHOTO_MS: Mapping[str, int] = {"fast": 2_000, "normal": 3_500, "slow": 5_000}
CLIP_MS_MAX = 12_000
"""The longest piece of one clip among others, so that no clip drowns the rest."""
END_CARD_MS = 2_800
SHARE_MS_MIN = 200
MOTION_CYCLE = ("in", "out", "right", "in", "left", "out")
MIX_CYCLE = ("crossfade", "slide", "zoom", "wipe", "fade")


def with_materials(cut: Cut, wishes: Wishes, materials: Sequence[Material]) -> Cut:
    """The film with every picture and clip that it does not know yet, and without those to be left out."""
    parts = _staying([*gathered(cut, materials), *_returning(cut, wishes, materials)], wishes, materials)
    gone = _indexes([*wishes.left_out], parts, materials)
    if chosen := _indexes([*wishes.only], parts, materials):
        gone += [index for index in range(len(parts)) if index not in chosen]
    kept = [part for index, part in enumerate(parts) if index not in gone] or parts
    body = _moved(_ordered(kept, wishes, cut.meta, materials), parts, wishes, materials)
    meta = {**cut.meta, "files": sorted({material.key for material in materials} | keys_in(cut.meta, "files"))}
    if wishes.order:
        meta["order"] = wishes.order
    if wishes.moves:
        meta.pop("order", None)  # from here on it is an order by hand
    ending = [cut.end_card] if cut.end_card else []
    return replace(cut, meta=meta, pictures=(*body, *ending))


def new_materials(cut: Cut, materials: Sequence[Material]) -> list[Material]:
    """The materials that the film has not met yet, neither as a note nor in a segment."""
    known = keys_in(cut.meta, "files")
    known |= {str(meta_of(part).get(place)) for part in (*cut.pictures, *cut.music) for place in ("key", "name")}
    return [one for one in materials if not {one.key, one.name} & known]


def gathered(cut: Cut, materials: Sequence[Material]) -> list[Segment]:
    """The pictures that a message can speak of by their places: those of the film, then those that have come since."""
    added = [segment(0, name=one.name, key=one.key) for one in new_materials(cut, materials) if one.kind != "audio"]
    return [*cut.body, *added]


def _returning(cut: Cut, wishes: Wishes, materials: Sequence[Material]) -> list[Segment]:
    """The pictures that were left out and are asked for by their names."""
    shown = {meta_of(part).get("key") for part in gathered(cut, materials)}
    back = [one for one in materials if one.name.casefold() in wishes.back and one.kind != "audio"]
    return [segment(0, name=one.name, key=one.key) for one in back if one.key not in shown]


def kinds_of(parts: Sequence[Segment], materials: Sequence[Material]) -> list[str]:
    """For each picture, whether it is an "image" or a "video"."""
    videos = {place for one in materials if one.kind == "video" for place in (one.key, one.name)}
    return ["video" if {meta_of(part).get("key"), meta_of(part).get("name")} & videos else "image" for part in parts]


def _indexes(places: Sequence[Place], parts: Sequence[Segment], materials: Sequence[Material]) -> list[int]:
    metas, kinds = [meta_of(part) for part in parts], kinds_of(parts, materials)
    found = (index_of(place, metas, kinds) for place in places)
    return [index for index in found if index is not None]


def _staying(parts: list[Segment], wishes: Wishes, materials: Sequence[Material]) -> list[Segment]:
    """The pictures, with a time of their own (`stay`, in ms) where one is wished for a single one."""
    for stay in wishes.lengths.stays:
        for index in _indexes([stay.place], parts, materials):
            part = parts[index]
            now = length_ms(part) if part.get("d") else PHOTO_MS["normal"]
            parts[index] = changed(part, None, stay=round(stay.seconds * 1000 if stay.seconds else now * stay.factor))
    return parts


def _moved(
    body: list[Segment], parts: Sequence[Segment], wishes: Wishes, materials: Sequence[Material]
) -> list[Segment]:
    """The pictures with those first or last that shall be; places are those of the film as it stood."""
    for move in wishes.moves:
        for index in _indexes([move.place], parts, materials):
            rest = [part for part in body if part is not parts[index]]
            if len(rest) < len(body):
                body = [parts[index], *rest] if move.to == "first" else [*rest, parts[index]]
    return body


def _ordered(
    body: Sequence[Segment], wishes: Wishes, meta: Mapping[str, Any], materials: Sequence[Material]
) -> list[Segment]:
    """The pictures in the wished order, which holds for pictures added later too; else as they stand."""
    order = wishes.order or meta.get("order")
    places = {one.key: place for place, one in enumerate(materials)}
    given = sorted(body, key=lambda part: places.get(str(meta_of(part).get("key")), len(places)))
    if order == "reverse":
        return given[::-1]
    if order == "name":
        return sorted(body, key=lambda part: _natural(str(meta_of(part).get("name", ""))))
    return given if order == "given" else list(body)


def _natural(name: str) -> list[tuple[int, str]]:
    """The sort key in which IMG_2 comes before IMG_10."""
    return [(int(run), "") if run.isdigit() else (10**9, run) for run in re.findall(r"\d{1,15}|\D+", name.lower())]


def with_canvas(cut: Cut, wishes: Wishes, materials: Sequence[Material]) -> Cut:
    """The film in the wished aspect; a first film without such a wish takes that of most of its pictures."""
    fresh = "aspect" not in cut.meta and "width" not in cut.meta
    aspect = wishes.aspect or (_prevailing_aspect(materials) if fresh else None)
    if not wishes.aspect and (aspect or cut.meta.get("aspect")) in wishes.unwanted:
        aspect = next((other for other in ("16:9", "9:16") if other not in wishes.unwanted), "1:1")
    if aspect is None or (aspect == cut.meta.get("aspect") and "width" in cut.meta):
        return cut
    width, height = SIZES[aspect]
    return replace(
        cut, meta={**cut.meta, "aspect": aspect, "width": width, "height": height, "fps": cut.meta.get("fps", 30)}
    )


def _prevailing_aspect(materials: Sequence[Material]) -> str:
    ratios = [one.width / one.height for one in materials if one.kind != "audio" and one.width and one.height]
    upright = sum(ratio < 0.9 for ratio in ratios)
    square = sum(0.9 <= ratio <= 1.1 for ratio in ratios)
    if upright * 2 > len(ratios):
        return "9:16"
    return "1:1" if square * 2 > len(ratios) else "16:9"


def with_manner(cut: Cut, wishes: Wishes) -> Cut:
    """The film with the wished transitions, look, fit, motion and sound of clips."""
    meta = dict(cut.meta)
    meta.setdefault("look", "none")
    if wishes.look or meta["look"] in wishes.unwanted:
        meta["look"] = wishes.look or "none"
    transition = wishes.transition or _in_its_place(meta.get("transition", "crossfade"), wishes.unwanted)
    if transition or "transition" not in meta:
        meta["transition"] = transition or "crossfade"
    if fit := wishes.fit or _other_fit(meta.get("fit", "blur"), wishes.unwanted):
        meta["fit"] = fit
    if wishes.moving is not None:
        meta["still"] = not wishes.moving
    pictures = tuple(
        _in_manner(part, index, wishes, meta, transition is not None) for index, part in enumerate(cut.pictures)
    )
    return replace(cut, meta=meta, pictures=pictures)


def _in_its_place(transition: object, unwanted: frozenset[str]) -> str | None:
    """What comes in the place of a transition that is not wanted; None where it may stay."""
    if transition not in unwanted:
        return None
    return next((other for other in ("crossfade", "fade") if other not in unwanted), "cut")


def _other_fit(fit: object, unwanted: frozenset[str]) -> str | None:
    """What comes around pictures of another shape in the place of what is not wanted there; None where it may stay."""
    return next((other for other in ("blur", "plain") if other not in unwanted), "cover") if fit in unwanted else None


def _in_manner(part: Segment, index: int, wishes: Wishes, film: Mapping[str, Any], other: bool) -> Segment:
    """One picture with what is wished now, and with the film's manner where it has none of its own yet."""
    own = meta_of(part)
    kind = str(film["transition"])
    set_now: dict[str, Any] = {}
    if index > 0 and (other or "transition" not in own):
        set_now["transition"] = MIX_CYCLE[index % len(MIX_CYCLE)] if kind == "mix" else kind
    if own.get("card") is None:
        if wishes.moving is not None or "motion" not in own:
            set_now["motion"] = "still" if film.get("still") else MOTION_CYCLE[index % len(MOTION_CYCLE)]
        if film.get("fit") and (wishes.fit or own.get("fit", "blur") in wishes.unwanted or "fit" not in own):
            set_now["fit"] = film["fit"]
    return changed(part, None, **set_now) if set_now else part


def with_lengths(
    cut: Cut, wishes: Wishes, materials: Sequence[Material], before_ms: int, pictures_changed: bool
) -> Cut:
    """The film with its pictures' times set anew, if the length, the pace or the pictures themselves have changed.

    `before_ms` is how long the film was before this message.
    """
    meta, said = dict(cut.meta), wishes.lengths
    if wishes.pace and not said.photo_s and not said.film_s and (length := number_in(meta, "length")):
        meta["length"] = (
            round(length * (0.75 if wishes.pace == "fast" else 1.3) / 1000) * 1000
        )  # slower is never shorter
    elif said.photo_s or wishes.pace:
        meta.pop("length", None)
        meta["photo_ms"] = round(said.photo_s * 1000) if said.photo_s else PHOTO_MS[wishes.pace or "normal"]
    if said.photo_s and not said.stays:  # each of them, those with a time of their own too
        cut = replace(cut, pictures=tuple(changed(part, None, stay=None) for part in cut.pictures))
    if wished_ms := _wished_ms(wishes, before_ms):
        meta["length"] = wished_ms
    asked = wished_ms or said.photo_s or said.stays or wishes.pace
    cut = replace(cut, meta=meta)
    return _timed(cut, materials) if asked or pictures_changed else cut


def _wished_ms(wishes: Wishes, before_ms: int) -> int | None:
    """The wished length of the film, against the length that it has, where it has one."""
    said = wishes.lengths
    if said.film_s and said.at_least and before_ms >= said.film_s * 1000:
        return None
    if said.film_s:
        return round(min(said.film_s, FILM_S_MAX) * 1000)
    if said.change_s and before_ms:
        return max(1_000, before_ms + round(said.change_s * 1000))
    if (said.factor or wishes.longer) and before_ms:
        factor = said.factor or (1.3 if wishes.longer > 0 else 0.75)
        return max(1, round(before_ms * factor / 1000)) * 1000
    return None


def _timed(cut: Cut, materials: Sequence[Material]) -> Cut:
    clips = {one.key: one.duration_ms for one in materials if one.kind == "video"}
    body = cut.body
    photo_ms = float(number_in(cut.meta, "photo_ms") or PHOTO_MS["normal"])
    whole = {index: float(clips[key]) for index, part in enumerate(body) if (key := meta_of(part).get("key")) in clips}
    limit = CLIP_MS_MAX if len(body) > 1 else 10**9
    for index, part in enumerate(body):
        if stay := number_in(meta_of(part), "stay"):
            whole[index] = min(stay, whole.get(index, stay))
    times = [_own_ms(part, whole.get(index), limit) or photo_ms for index, part in enumerate(body)]
    if number_in(cut.meta, "photo_ms"):  # each of them, cards too
        times = [
            photo_ms if meta_of(part).get("card") == "words" else time for part, time in zip(body, times, strict=True)
        ]
    ending_ms = END_CARD_MS if cut.end_card else 0
    if wished := number_in(cut.meta, "length"):
        ending_ms = min(ending_ms, round(wished * 0.25))
        times = fitted(times, whole, wished - ending_ms)
    pictures = [changed(part, max(SHARE_MS_MIN, time)) for part, time in zip(body, _whole_ms(times), strict=True)]
    if cut.end_card:
        pictures.append(changed(cut.end_card, ending_ms))
    return replace(cut, pictures=tuple(pictures))


def _own_ms(part: Segment, whole: float | None, limit: int) -> float | None:
    """The time that a clip, a card of words or a picture with a wish of its own has; None of a photo, which takes what all take."""
    if meta_of(part).get("card") == "words" and part.get("d"):
        return float(length_ms(part))
    return whole if whole is None or "stay" in meta_of(part) else min(whole, limit)


def fitted(times: Sequence[float], clips: Mapping[int, float], wished: float) -> list[float]:
    """The times stretched or pressed to `wished` together: photos first, clips (index → whole length) only as far as they go.

    Clips keep their time while each photo keeps at least 1.2 s; below that, all are pressed alike.
    Clips alone cannot be longer than they are, so such a film may come out shorter than wished.
    """
    photos = [index for index in range(len(times)) if index not in clips]
    clip_time = sum(times[index] for index in clips)
    if photos and wished - clip_time >= 1_200 * len(photos):
        share = (wished - clip_time) / len(photos)
        return [times[index] if index in clips else share for index in range(len(times))]
    photo_time = min(1_200.0 * len(photos), wished * len(photos) / len(times)) if times else 0.0
    rest = wished - photo_time
    if photos:
        press = rest / clip_time if clip_time else 1.0
        return [times[i] * press if i in clips else photo_time / len(photos) for i in range(len(times))]
    return _filled(times, clips, wished)


def _filled(times: Sequence[float], clips: Mapping[int, float], wished: float) -> list[float]:
    """Clips alone, pressed alike; to grow they use what they have beyond their cut."""
    current = sum(times)
    if wished <= current:
        return [time * wished / current for time in times]
    spare = {index: clips[index] - times[index] for index in clips}
    total = sum(spare.values())
    part = min(1.0, (wished - current) / total) if total > 0 else 0.0
    return [time + spare[index] * part for index, time in enumerate(times)]


def _whole_ms(times: Sequence[float]) -> list[int]:
    """The times in whole ms with the same sum, rounded at the cuts."""
    edges, at = [0], 0.0
    for time in times:
        at += time
        edges.append(round(at))
    return [after - before for before, after in pairwise(edges)]
