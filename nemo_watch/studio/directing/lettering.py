"""The film's words: title, captions, end card, and films made of words alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from nemo_watch.studio.directing import vocabulary as words
from nemo_watch.studio.directing.cut import Cut, Segment, changed, length_ms, meta_of, segment
from nemo_watch.studio.directing.quoting import Saying
from nemo_watch.studio.directing.wishes import Wishes

TITLE_MS = 3_500
CAPTION_MS = 4_000
CARD_MS = 3_200
_SCENE_CYCLE = ("sunset", "sea", "hills", "meadow", "night", "snow")
_COMMAND = re.compile(
    r"^\s*(?:please\s+|can you\s+|could you\s+)?(?:make|create|generate|produce|build|do|give me|i want|i'd like|show)?\s*(?:me\s+)?"
    r"(?:an?|the|some)?\s*(?:[\w-]+\s+){0,3}?(?:video|film|movie|clip|slide\s*show|reel|montage)s?\s*(?:about|of|on|for|with|showing)\s+"
    r"|^\s*(?:请)?(?:帮我)?(?:生成|制作|创建|做)(?:一个|一段|一部|个|段)?(?:关于)?",
    re.IGNORECASE,
)
_TAIL_ZH = re.compile(r"的?(?:视频|影片|短片|电影|片子)\s*$")


def with_texts(cut: Cut, wishes: Wishes) -> Cut:
    """The film with the wished title, captions and end card; what is not mentioned stays."""
    cut = _without_removed(cut, wishes)
    cut, rest = _exchanged(cut, wishes.sayings)
    given = _with_roles(rest, cut)
    titles = [saying.text for saying in given if saying.role == "title"]
    endings = [saying.text for saying in given if saying.role == "ending"]
    captions = [saying.text for saying in given if saying.role == "caption"]
    if titles:
        kept = [part for part in cut.texts if _style(part) != "title" or meta_of(part).get("card") is not None]
        cut = replace(cut, texts=(segment(0, text=" \n".join(titles[:2]), style="title"), *kept))
    if endings:
        cut = _with_ending(cut, " \n".join(endings[:2]))
    if captions:
        old = [str(meta_of(part).get("text")) for part in _styled(cut, "caption")] if wishes.adds else []
        fresh = [text for text in captions if text not in old]
        cut = replace(cut, texts=(*_styled(cut, "caption", other=True), *_caption_segments([*old, *fresh])))
    return cut


def _exchanged(cut: Cut, sayings: tuple[Saying, ...]) -> tuple[Cut, tuple[Saying, ...]]:
    """The film with the texts that stand there changed or taken away as said, and the sayings that are left to do."""
    rest = []
    for saying in sayings:
        wanted = (saying.replaces or saying.text).casefold()
        there = [part for part in cut.texts if str(meta_of(part).get("text", "")).strip().casefold() == wanted]
        if saying.gone:
            cut = replace(cut, texts=tuple(part for part in cut.texts if part not in there))
        elif saying.replaces and there:
            texts = tuple(changed(part, None, text=saying.text) if part in there else part for part in cut.texts)
            cut = replace(cut, texts=texts)
        else:
            rest.append(saying)
    if cut.end_card and not _styled(cut, "end"):
        cut = replace(cut, pictures=cut.body)
    return cut, tuple(rest)


def _caption_segments(texts: list[str]) -> list[Segment]:
    return [segment(0, text=text, style="caption") for text in texts]


def _with_roles(sayings: tuple[Saying, ...], cut: Cut) -> list[Saying]:
    """Every text with a role: what nobody explained is the title if there is none yet, else a caption."""
    roles = {saying.role for saying in sayings}
    free_title = "title" not in roles and not _styled(cut, "title")
    given = []
    for saying in sayings:
        role = saying.role or ("title" if free_title else "caption")
        free_title = free_title and role != "title"
        given.append(Saying(saying.text, role))
    return given


def _without_removed(cut: Cut, wishes: Wishes) -> Cut:
    gone = {"title": {"title"}, "captions": {"caption"}, "ending": {"end"}, "texts": {"title", "caption", "end"}}
    styles = set().union(*(gone[name] for name in wishes.removals)) if wishes.removals else set()
    texts = tuple(part for part in cut.texts if _style(part) not in styles)
    return replace(cut, texts=texts, pictures=cut.body if "end" in styles else cut.pictures)


def _with_ending(cut: Cut, text: str) -> Cut:
    """The film with an end card: the last picture, blurred and dark, or a painted scene, under the words."""
    last = next((meta_of(part) for part in reversed(cut.body) if meta_of(part).get("key")), {})
    source = {name: last[name] for name in ("name", "key") if name in last} or {"scene": "night"}
    card = cut.end_card or segment(0, **source, card="ending", fit="backdrop", motion="still", volume=0)
    texts = (*_styled(cut, "end", other=True), segment(0, text=text, style="end"))
    return replace(cut, pictures=(*cut.body, card), texts=texts)


def laid_texts(cut: Cut) -> Cut:
    """The texts placed in time: the title from the start, captions evenly between title and end card, the ending on its card.

    Texts of a hand-made style, or on cards of their own, stay where they are.
    """
    total = cut.duration_ms
    ending_ms = length_ms(cut.end_card) if cut.end_card else 0
    body_ms = total - ending_ms
    title_ms = min(TITLE_MS, round(body_ms * 0.6))
    captions = [part for part in _styled(cut, "caption") if not _is_placed(part)]
    first = title_ms if _styled(cut, "title") and body_ms >= title_ms + 1_000 * len(captions) else 0
    slot = (body_ms - first) / len(captions) if captions else 0
    texts = []
    for part in cut.texts:
        if _is_placed(part):
            texts.append(part)
        elif _style(part) == "title":
            texts.append(changed(part, title_ms, start=0))
        elif _style(part) == "end":
            texts.append(changed(part, ending_ms or title_ms, start=body_ms if ending_ms else max(0, total - title_ms)))
        elif _style(part) == "caption":
            place = sum(_style(one) == "caption" and not _is_placed(one) for one in texts)
            texts.append(changed(part, min(CAPTION_MS, slot * 0.92), start=round(first + slot * place + slot * 0.04)))
        else:
            texts.append(part)
    return replace(cut, texts=tuple(texts))


def film_of_words(prompt: str, wishes: Wishes) -> Cut:
    """A film without a single picture: each phrase of the prompt on a painted scene that suits it."""
    phrases = [saying.text for saying in wishes.sayings] or _phrases(prompt)
    cards, texts, at = [], [], 0
    for index, phrase in enumerate(phrases):
        scene = _scene(phrase) or _scene(prompt) or _SCENE_CYCLE[index % len(_SCENE_CYCLE)]
        duration = CARD_MS + min(2_000, 40 * len(phrase))
        cards.append(segment(duration, name=f"Painted scene: {scene}", scene=scene, seed=index, card="words"))
        texts.append(segment(duration, text=phrase, style="title", start=at, card=index))
        at += duration
    return Cut(pictures=tuple(cards), texts=tuple(texts))


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
    return next((scene for pattern, scene in words.SCENES if pattern.search(text)), None)


def _style(part: Segment) -> str:
    """A text's style; a hand-made text without one is a title, as in the film plan."""
    style = meta_of(part).get("style", "title")
    return style if isinstance(style, str) else "title"


def _is_placed(part: Segment) -> bool:
    return "card" in meta_of(part)


def _styled(cut: Cut, style: str, other: bool = False) -> tuple[Segment, ...]:
    """The texts of a style, or all others."""
    return tuple(part for part in cut.texts if (_style(part) == style) is not other)
