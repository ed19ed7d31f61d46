"""What a message speaks of and the film does not have, a sentence each, so that nothing is called done that was not. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nemo_watch.studio.directing.cut import Cut, meta_of
from nemo_watch.studio.directing.editing import gathered, kinds_of
from nemo_watch.studio.directing.footage import Material
from nemo_watch.studio.directing.lettering import meant, style_of
from nemo_watch.studio.directing.places import Place, index_of
from nemo_watch.studio.directing.wishes import Wishes

Sentence = tuple[str, str]
_KINDS: dict[str, tuple[str, Sentence]] = {
    "title": ("title", ("There is no title to remove.", "没有可去掉的标题。")),
    "captions": ("caption", ("There are no captions to remove.", "没有可去掉的字幕。")),
    "ending": ("end", ("There is no end card to remove.", "没有可去掉的片尾。")),
    "texts": ("", ("There are no texts to remove.", "没有可去掉的文字。")),
}
_NO_WORDS: Sentence = (
    "A title or caption needs its text in quotes: title “By the sea”.",
    "标题或字幕请用引号给出文字，例如：标题“海边”。",
)
_NO_SUCH_CAPTION: Sentence = ("There are not so many captions.", "没有那么多条字幕。")
_NO_MUSIC: Sentence = ("There is no music to change.", "没有可调整的配乐。")
_NO_SONG: Sentence = (
    "There is no song: drop an audio file beside the photos and it becomes the music.",
    "没有歌曲：把音频文件放进来，我会用作配乐。",
)
_NO_CLIP: Sentence = ("There is no clip with sound of its own.", "没有带原声的视频片段。")


def missing(cut: Cut, wishes: Wishes, materials: Sequence[Material]) -> tuple[str, ...]:
    """The sentences, in the language of the reply, about the film as it stood before the message with what has come since."""
    said = [*_places(cut, wishes, materials), *_texts(cut, wishes), *_sound(cut, wishes, materials)]
    return tuple(dict.fromkeys(sentence[wishes.chinese] for sentence in said))


def _places(cut: Cut, wishes: Wishes, materials: Sequence[Material]) -> Iterator[Sentence]:
    parts = gathered(cut, materials)
    metas, kinds = [meta_of(part) for part in parts], kinds_of(parts, materials)
    named: list[Place] = [
        *wishes.left_out,
        *wishes.only,
        *(move.place for move in wishes.moves),
        *(stay.place for stay in wishes.lengths.stays),
    ]
    for place in [*named, *(place for place in wishes.places if place)]:
        if index_of(place, metas, kinds) is None:
            count = len(parts)
            yield (
                f"There is no {place.said}: the film has {count} picture{'s' * (count != 1)}.",
                f"没有{place.said}：影片里有 {count} 个画面。",
            )
    if parts and len({index_of(place, metas, kinds) for place in wishes.left_out} - {None}) == len(parts):
        yield "A film needs a picture: none was left out.", "影片至少要有一个画面，没有去掉任何一个。"


def _texts(cut: Cut, wishes: Wishes) -> Iterator[Sentence]:
    for saying in wishes.removed:
        if saying.number and not meant(cut, saying):
            yield _NO_SUCH_CAPTION
        elif not meant(cut, saying):
            yield f"There is no text “{saying.text}” to remove.", f"没有文字“{saying.text}”可去掉。"
    for rewording in wishes.rewordings:
        if rewording.number and not meant(cut, rewording):
            yield _NO_SUCH_CAPTION
        elif not meant(cut, rewording):
            yield f"There is no text “{rewording.old}” to change.", f"没有文字“{rewording.old}”可修改。"
    for name in sorted(wishes.removals):
        style, sentence = _KINDS[name]
        if cut.pictures and not any(style in ("", style_of(part)) for part in cut.texts):
            yield sentence
    if wishes.roles:
        yield _NO_WORDS


def _sound(cut: Cut, wishes: Wishes, materials: Sequence[Material]) -> Iterator[Sentence]:
    sound = wishes.sound
    if cut.pictures and not cut.music and sound.implied and not wishes.adds:
        yield _NO_MUSIC
    if sound.own and sound.music is not False and not any(one.kind == "audio" for one in materials):
        yield _NO_SONG
    asks_clips = (
        sound.clips is not None or sound.clips_volume is not None or sound.clips_louder or sound.duck is not None
    )
    if asks_clips and sound.music is not False and not any(one.kind == "video" and one.has_sound for one in materials):
        yield _NO_CLIP
