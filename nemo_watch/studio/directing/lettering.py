"""The film's words: title, captions, end card; which are there, and where they stand in time. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import zip_longest

from nemo_watch.studio.directing.cards import has_title_card, is_of_words, with_title_card, without_title_card
from nemo_watch.studio.directing.cut import Cut, Segment, changed, length_ms, meta_of, segment
from nemo_watch.studio.directing.editing import kinds_of
from nemo_watch.studio.directing.footage import Material
from nemo_watch.studio.directing.places import Place, index_of
from nemo_watch.studio.directing.quoting import Rewording, Saying
from nemo_watch.studio.directing.wishes import Wishes

TITLE_MS = 3_500
CAPTION_MS = 4_000
CAPTION_MS_MIN = 800
_STYLES = {"title": "title", "caption": "caption", "ending": "end"}
Spot = tuple[str, object, object]
"""A text's style, length and start."""
_GONE = {"title": {"title"}, "captions": {"caption"}, "ending": {"end"}, "texts": {"title", "caption", "end"}}


def with_texts(cut: Cut, wishes: Wishes, materials: Sequence[Material]) -> Cut:
    """The film with the wished title, captions and end card; what is not mentioned stays."""
    cut = _without_kinds(cut, wishes.removals)
    cut = _without(cut, [part for saying in (*wishes.removed, *wishes.refused) for part in meant(cut, saying)])
    for rewording in wishes.rewordings:
        cut = _reworded(cut, rewording)
    given = _with_roles(wishes.sayings, wishes.places, cut)
    placed = list(zip_longest(given, wishes.places[: len(given)]))
    titles = [saying.text for saying in given if saying.role == "title"]
    endings = [saying.text for saying in given if saying.role == "ending"]
    captions = [_caption(saying.text, place, cut, materials) for saying, place in placed if saying.role == "caption"]
    if titles:
        cut = _with_title(cut, " \n".join(titles[:2]))
    if endings:
        cut = _with_ending(cut, " \n".join(endings[:2]))
    return _with_captions(cut, captions, wishes) if captions else cut


def meant(cut: Cut, saying: Saying | Rewording) -> list[Segment]:
    """The texts of the film that a message means: those of these words, and of its kind where the words stand twice; or one by number."""
    if saying.number:
        of_kind = _styled(cut, _STYLES[saying.role])
        at = saying.number - 1 if saying.number > 0 else len(of_kind) + saying.number
        return [of_kind[at]] if 0 <= at < len(of_kind) else []
    wanted = saying.old if isinstance(saying, Rewording) else saying.text
    there = [part for part in cut.texts if _plain(str(meta_of(part).get("text", ""))) == _plain(wanted)]
    own = [part for part in there if style_of(part) == _STYLES.get(saying.role)]
    return own or there


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _without(cut: Cut, gone: Sequence[Segment]) -> Cut:
    if any(meta_of(part).get("title") for part in gone):
        cut = without_title_card(cut)
    cut = replace(cut, texts=tuple(part for part in cut.texts if part not in gone))
    if cut.end_card and not _styled(cut, "end"):
        cut = replace(cut, pictures=cut.body)
    return cut


def _without_kinds(cut: Cut, removals: frozenset[str]) -> Cut:
    """Without all texts of some kinds; of a film of words "the title" is the one on its own card, not every word."""
    styles = {style for name in removals for style in _GONE[name]}
    if is_of_words(cut) and "texts" not in removals:
        cut = without_title_card(cut) if "title" in styles else cut
        return _without(cut, [part for part in cut.texts if style_of(part) in styles and "card" not in meta_of(part)])
    return _without(cut, [part for part in cut.texts if style_of(part) in styles])


def _reworded(cut: Cut, rewording: Rewording) -> Cut:
    there = meant(cut, rewording)
    texts = tuple(changed(part, None, text=rewording.new) if part in there else part for part in cut.texts)
    return replace(cut, texts=texts)


def _with_title(cut: Cut, text: str) -> Cut:
    if is_of_words(cut):
        return with_title_card(cut, text)
    old = next((part for part in _styled(cut, "title")), None)
    title = segment(0, text=text, style="title") if old is None else changed(old, None, text=text)
    return replace(cut, texts=(title, *_styled(cut, "title", other=True)))


def _caption(text: str, place: Place | None, cut: Cut, materials: Sequence[Material]) -> Segment:
    """A caption, bound (`of`) to the picture that it is for, where one was named."""
    index = index_of(place, [meta_of(part) for part in cut.body], kinds_of(cut.body, materials)) if place else None
    key = None if index is None else meta_of(cut.body[index]).get("key")
    return segment(0, text=text, style="caption", **({"of": key} if isinstance(key, str) else {}))


def _with_captions(cut: Cut, captions: Sequence[Segment], wishes: Wishes) -> Cut:
    """One more caption joins those that are there; several, or "captions", are all there shall be. A picture has one of its own."""
    anew = not wishes.adds and (wishes.several or len(captions) > 1)
    bound = {meta_of(part).get("of") for part in captions} - {None}
    old = [part for part in _styled(cut, "caption") if meta_of(part).get("of") not in bound] if not anew else []
    known = {meta_of(part).get("text") for part in old}
    fresh = [part for part in captions if meta_of(part).get("text") not in known]
    return replace(cut, texts=(*_styled(cut, "caption", other=True), *old, *fresh))


def _with_roles(sayings: tuple[Saying, ...], places: Sequence[Place | None], cut: Cut) -> list[Saying]:
    """Every text with a role: what nobody explained is the title if there is none yet, else (or for one picture) a caption."""
    roles = {saying.role for saying in sayings}
    has_title = has_title_card(cut) if is_of_words(cut) else bool(_styled(cut, "title"))
    free_title = "title" not in roles and not has_title
    given = []
    for saying, place in zip_longest(sayings, places[: len(sayings)]):
        role = saying.role or ("title" if free_title and place is None else "caption")
        free_title = free_title and role != "title"
        given.append(Saying(saying.text, role))
    return given


def _with_ending(cut: Cut, text: str) -> Cut:
    """The film with an end card: the last picture, blurred and dark, or a painted scene, under the words."""
    last = next((meta_of(part) for part in reversed(cut.body) if meta_of(part).get("key")), {})
    source = {name: last[name] for name in ("name", "key") if name in last} or {"scene": "night"}
    card = cut.end_card or segment(0, **source, card="ending", fit="backdrop", motion="still", volume=0)
    texts = (*_styled(cut, "end", other=True), segment(0, text=text, style="end"))
    return replace(cut, pictures=(*cut.body, card), texts=texts)


def laid_texts(cut: Cut, kept: Collection[Spot] = ()) -> Cut:
    """The texts placed in time: the title from the start, captions evenly between title and end card, the ending on its card.

    A caption of one picture stands over it. Texts of a hand-made style, on cards of their own, or at one of the `kept` spots stay where they are.
    """
    ending_ms = length_ms(cut.end_card) if cut.end_card else 0
    body_ms = cut.duration_ms - ending_ms
    title_ms = min(TITLE_MS, round(body_ms * 0.6))
    spans = _spans(cut)
    even = [
        part for part in _styled(cut, "caption") if "card" not in meta_of(part) and meta_of(part).get("of") not in spans
    ]
    first = title_ms if _styled(cut, "title") and body_ms >= title_ms + 1_000 * len(even) else 0
    taken = [spans[of] for part in _styled(cut, "caption") if (of := meta_of(part).get("of")) in spans]
    slots = _slots(first, body_ms, taken, len(even))
    texts, place = [], 0
    for part in cut.texts:
        bound = spans.get(meta_of(part).get("of"))
        if "card" in meta_of(part) or _spot(part) in kept:
            texts.append(part)
        elif style_of(part) == "title":
            texts.append(changed(part, title_ms, start=0))
        elif style_of(part) == "end":
            end_at = body_ms if ending_ms else max(0, cut.duration_ms - title_ms)
            texts.append(changed(part, ending_ms or title_ms, start=end_at))
        elif style_of(part) == "caption" and bound:
            texts.append(changed(part, bound[1] * 0.92, start=round(bound[0] + bound[1] * 0.04)))
        elif style_of(part) == "caption":
            start, slot = slots[place]
            texts.append(changed(part, min(CAPTION_MS, slot * 0.92), start=round(start + slot * 0.04)))
        else:
            texts.append(part)
        place += part in even
    return replace(cut, texts=tuple(texts))


def _slots(first: int, end: int, taken: Sequence[tuple[int, int]], count: int) -> list[tuple[float, float]]:
    """Start and length in ms for `count` captions between `first` and `end`, evenly, beside the times that others have `taken`."""
    free, at = [], first
    for start, length in sorted(taken):
        free.append((at, start - at))
        at = max(at, start + length)
    pieces = [(start, length) for start, length in (*free, (at, end - at)) if length >= CAPTION_MS_MIN]
    pieces = pieces or [(first, max(1, end - first))]
    shares = [0] * len(pieces)
    for _ in range(count):
        widest = max(range(len(pieces)), key=lambda index: (pieces[index][1] / (shares[index] + 1), -index))
        shares[widest] += 1
    return [
        (start + length / share * index, length / share)
        for (start, length), share in zip(pieces, shares, strict=True)
        for index in range(share)
    ]


def placed_by_hand(cut: Cut) -> list[Spot]:
    """Where texts stand that do not stand where this studio puts them: somebody has moved them."""
    pairs = zip(cut.texts, laid_texts(cut).texts, strict=True)
    return [_spot(part) for part, own in pairs if style_of(part) != "end" and _spot(part) != _spot(own)]


def _spot(part: Segment) -> Spot:
    return style_of(part), part.get("d"), meta_of(part).get("start")


def _spans(cut: Cut) -> dict[object, tuple[int, int]]:
    """Key of each picture → where it begins and how long it is seen, in ms."""
    spans: dict[object, tuple[int, int]] = {}
    at = 0
    for part in cut.pictures:
        key = meta_of(part).get("key")
        if isinstance(key, str):
            spans.setdefault(key, (at, length_ms(part)))
        at += length_ms(part)
    return spans


def style_of(part: Segment) -> str:
    """A text's style; a hand-made text without one is a title, as in the film plan."""
    style = meta_of(part).get("style", "title")
    return style if isinstance(style, str) else "title"


def _styled(cut: Cut, style: str, other: bool = False) -> tuple[Segment, ...]:
    """The texts of a style, or all others; words on cards are no title."""
    return tuple(part for part in cut.texts if _is_styled(part, style) is not other)


def _is_styled(part: Segment, style: str) -> bool:
    return style_of(part) == style and "card" not in meta_of(part)
