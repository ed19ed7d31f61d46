"""Films of words alone: each phrase on a painted card that suits it, and a title on a card of its own. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from nemo_watch.studio.directing.cut import Cut, Segment, changed, length_ms, meta_of, segment
from nemo_watch.studio.directing.text_words import SCENES
from nemo_watch.studio.directing.wishes import Wishes

CARD_MS = 3_200
_SCENE_CYCLE = ("sunset", "sea", "hills", "meadow", "night", "snow")
_COMMAND = re.compile(
    r"^\s*(?:please\s+|can you\s+|could you\s+)?(?:make|create|generate|produce|build|do|give me|i want|i'd like|show)?\s*(?:me\s+)?"
    r"(?:an?|the|some)?\s*(?:[\w-]+\s+){0,3}?(?:video|film|movie|clip|slide\s*show|reel|montage)s?\s*(?:about|of|on|for|with|showing)\s+"
    r"|^\s*(?:请)?(?:帮我)?(?:生成|制作|创建|做)(?:一个|一段|一部|个|段)?(?:关于)?",
    re.IGNORECASE,
)
_TAIL_ZH = re.compile(r"的?(?:视频|影片|短片|电影|片子)\s*$")


def film_of_words(prompt: str, wishes: Wishes) -> Cut:
    """A film without a single picture: each phrase of the prompt on a painted scene that suits it."""
    phrases = [saying.text for saying in wishes.sayings] or _phrases(prompt)
    cards, texts, at = [], [], 0
    for index, phrase in enumerate(phrases):
        scene = _scene(phrase) or _scene(prompt) or _SCENE_CYCLE[index % len(_SCENE_CYCLE)]
        duration = _reading_ms(phrase)
        cards.append(segment(duration, name=f"Painted scene: {scene}", scene=scene, seed=index, card="words"))
        texts.append(segment(duration, text=phrase, style="title", start=at, card=index))
        at += duration
    return Cut(pictures=tuple(cards), texts=tuple(texts))


def with_title_card(cut: Cut, text: str) -> Cut:
    """A film of words with its title on a card of its own in front, or other words on the one that is there."""
    if has_title_card(cut):
        texts = tuple(changed(part, None, text=text) if meta_of(part).get("title") else part for part in cut.texts)
        return replace(cut, texts=texts)
    scene = _scene(text) or str(meta_of(cut.pictures[0]).get("scene") or _SCENE_CYCLE[0])
    card = segment(_reading_ms(text), name=f"Painted scene: {scene}", scene=scene, seed=len(cut.pictures), card="words")
    title = segment(_reading_ms(text), text=text, style="title", start=0, card=0, title=True)
    return replace(cut, pictures=(card, *cut.pictures), texts=(title, *_renumbered(cut.texts, 1)))


def without_title_card(cut: Cut) -> Cut:
    """The film without the title's own card."""
    if not has_title_card(cut):
        return cut
    texts = tuple(part for part in cut.texts if not meta_of(part).get("title"))
    return replace(cut, pictures=cut.pictures[1:], texts=_renumbered(texts, -1))


def is_of_words(cut: Cut) -> bool:
    """Whether the film's pictures are cards with words on them."""
    return any(meta_of(part).get("card") == "words" for part in cut.pictures)


def has_title_card(cut: Cut) -> bool:
    """Whether the first card is the title's own."""
    return any(meta_of(part).get("title") is True and meta_of(part).get("card") == 0 for part in cut.texts)


def _renumbered(texts: Sequence[Segment], by: int) -> tuple[Segment, ...]:
    return tuple(
        changed(part, None, card=number + by)
        if isinstance(number := meta_of(part).get("card"), int) and not isinstance(number, bool)
        else part
        for part in texts
    )


def _reading_ms(phrase: str) -> int:
    return CARD_MS + min(2_000, 40 * len(phrase))


def on_cards(cut: Cut) -> Cut:
    """The texts that belong to cards (their `card` is the card's number) moved to where their cards are now."""
    spans, at = [], 0
    for part in cut.pictures:
        spans.append((at, length_ms(part)))
        at += length_ms(part)
    return replace(cut, texts=tuple(_on_card(part, spans) for part in cut.texts))


def _on_card(part: Segment, spans: Sequence[tuple[int, int]]) -> Segment:
    number = meta_of(part).get("card")
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(spans):
        return changed(part, spans[number][1], start=spans[number][0])
    return part


def _phrases(prompt: str) -> list[str]:
    """The prompt in pieces that fit on a card each, without the order to make a film."""
    subject = _TAIL_ZH.sub("", _COMMAND.sub("", prompt.strip(), count=1)).strip()
    pieces = [piece.strip(" ,，、.") for piece in re.split(r"[.!?。！？;；:：\n]+|(?:,|，|、)\s*", subject)]
    kept = [piece[:90] for piece in pieces if len(piece) > 1][:12]
    return [piece[0].upper() + piece[1:] for piece in kept] or [prompt.strip()[:90]]


def _scene(text: str) -> str | None:
    return next((scene for pattern, scene in SCENES if pattern.search(text)), None)
