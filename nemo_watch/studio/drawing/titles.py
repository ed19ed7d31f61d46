"""A text → an RGBA layer in its place on the canvas: wrapped, fitted into the safe area, legible on any picture.

White letters over two soft shadows: a wide one that calms the picture behind them, a narrow one that draws their edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFilter

from nemo_watch.studio.drawing import fonts

SAFE = 0.08
"""The margin at each edge that no letter enters. Source: EBU R 95 names 5 % for 16:9; phones cover more than televisions."""
WORD_MAX = 24
"""A longer word (an address, say) may be broken anywhere: it would press the whole title to nothing."""
_INK = (255, 255, 255, 255)


@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of text looks. `size` is the letters' height as a part of the canvas' shorter side, `top` the middle of the block."""

    size: float
    weight: int
    lines: int
    middle: float
    from_bottom: bool
    shade: float


STYLES = {
    "title": Style(size=0.105, weight=700, lines=3, middle=0.5, from_bottom=False, shade=0.78),
    "end": Style(size=0.085, weight=600, lines=4, middle=0.5, from_bottom=False, shade=0.78),
    "caption": Style(size=0.06, weight=600, lines=3, middle=0.0, from_bottom=True, shade=0.85),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """An RGBA picture and where its upper left corner stands (even numbers)."""

    image: Image.Image
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class _Line:
    runs: tuple[fonts.Run, ...]
    width: float


def layer(text: str, style_name: str, canvas: tuple[int, int]) -> Layer:
    """The text's layer for a canvas (width, height)."""
    style = STYLES.get(style_name, STYLES["title"])
    size, lines = _set(text, style, canvas)
    step = round(size * 1.32)
    reach = max(4, size // 2)
    width = min(canvas[0], round(max(line.width for line in lines)) + 4 * reach)
    height = min(canvas[1], step * len(lines) + 4 * reach)
    left, top = (canvas[0] - width) // 2, _top(style, canvas, height, 2 * reach)
    ink = Image.new("L", (width, height), 0)
    for number, line in enumerate(lines):
        _draw(ink, line, size, style.weight, (width - line.width) / 2, 2 * reach + step * number + round(size * 1.02))
    return _evened(_shaded(ink, size, style.shade), left, top, canvas)


def _top(style: Style, canvas: tuple[int, int], height: int, margin: int) -> int:
    """Where the layer begins, its shadow's `margin` included."""
    if style.from_bottom:
        return max(0, round(canvas[1] * (1 - SAFE * 1.1)) - height + margin)
    return round(canvas[1] * style.middle) - height // 2


def _set(text: str, style: Style, canvas: tuple[int, int]) -> tuple[int, list[_Line]]:
    """The letters' size and the lines: as large as the style wants, smaller until all fits."""
    room = canvas[0] * (1 - 2 * SAFE)
    height = canvas[1] * (1 - 2 * SAFE)
    size = max(8, round(min(canvas) * style.size))
    while True:
        lines = [line for part in text.splitlines() for line in _wrapped(part.strip(), size, style.weight, room)]
        widest = max((line.width for line in lines), default=0)
        if size <= 8 or (
            len(lines) <= style.lines + text.count("\n") and widest <= room and size * 1.32 * len(lines) <= height
        ):
            return size, lines or [_Line((), 0)]
        size = max(8, min(size - 1, round(size * 0.92)))


def _wrapped(text: str, size: int, weight: int, room: float) -> list[_Line]:
    """The text in lines of even length that are no wider than the room: a last line of one word looks like a mistake."""
    greedy = _filled(text, size, weight, room)
    if len(greedy) < 2:
        return greedy
    low, high = room / len(greedy) * 0.8, room
    for _ in range(6):
        middle = (low + high) / 2
        if len(_filled(text, size, weight, middle)) <= len(greedy):
            high = middle
        else:
            low = middle
    return _filled(text, size, weight, high)


def _filled(text: str, size: int, weight: int, room: float) -> list[_Line]:
    """As many words on each line as there is room for; widths are added up word by word, which is near enough."""
    lines: list[str] = []
    width = 0.0
    for word in _words(text):
        own = _word_width(word.rstrip(), size, weight)
        if lines and width + own <= room:
            lines[-1] += word
        else:
            lines.append(word)
            width = 0.0
        width += _word_width(word, size, weight)
    return [_line(part.strip(), size, weight) for part in lines if part.strip()]


@lru_cache(maxsize=4096)
def _word_width(word: str, size: int, weight: int) -> float:
    return _line(word, size, weight).width


def _words(text: str) -> list[str]:
    """Pieces between which a line may break: after spaces, and between Han characters and kana (never before a full stop)."""
    pieces: list[str] = []
    for char in text:
        fits = pieces and len(pieces[-1]) < WORD_MAX
        joins = fits and not pieces[-1].endswith(" ") and not _breaks(pieces[-1][-1], char)
        if pieces and (joins or char == " "):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _breaks(before: str, char: str) -> bool:
    if char in "，。！？、；：）」』》”’…ー.,!?;:)":
        return False
    return (
        any("\u2e80" <= one <= "\u9fff" or "\u3040" <= one <= "\u30ff" for one in (before, char))
        and before not in "（「『《“‘("
    )


def _line(text: str, size: int, weight: int) -> _Line:
    pieces = tuple(fonts.runs(text))
    return _Line(pieces, sum(_width(run, size, weight) for run in pieces))


def _width(run: fonts.Run, size: int, weight: int) -> float:
    font = fonts.loaded(run.face, size, weight)
    return font.getlength(run.text, direction="rtl" if run.rtl else "ltr") + 2 * _thickening(run, size, weight)


def _thickening(run: fonts.Run, size: int, weight: int) -> int:
    """The stroke that makes a face without weights bold, in pixels."""
    return 0 if fonts.is_variable(run.face) else max(0, round(size * (weight - 400) / 14_000))


def _draw(ink: Image.Image, line: _Line, size: int, weight: int, left: float, baseline: float) -> None:
    pen = ImageDraw.Draw(ink)
    for run in line.runs:
        stroke = _thickening(run, size, weight)
        font = fonts.loaded(run.face, size, weight)
        direction = "rtl" if run.rtl else "ltr"
        pen.text((left + stroke, baseline), run.text, 255, font, anchor="ls", direction=direction, stroke_width=stroke)
        left += _width(run, size, weight)


def _shaded(ink: Image.Image, size: int, shade: float) -> Image.Image:
    """The letters in white over their shadows."""
    wide = ink.filter(ImageFilter.GaussianBlur(size * 0.42)).point(lambda value: min(255, value * 3))
    narrow = ink.filter(ImageFilter.GaussianBlur(max(1.0, size * 0.08))).point(lambda value: min(255, value * 2))
    shadow = Image.composite(Image.new("L", ink.size, round(255 * shade)), Image.new("L", ink.size, 0), wide)
    shadow = Image.composite(Image.new("L", ink.size, round(255 * min(1.0, shade + 0.1))), shadow, narrow)
    dark = Image.new("RGBA", ink.size, (0, 0, 0, 0))
    dark.putalpha(shadow)
    light = Image.new("RGBA", ink.size, (*_INK[:3], 0))
    light.putalpha(ink)
    return Image.alpha_composite(dark, light)


def _evened(image: Image.Image, left: int, top: int, canvas: tuple[int, int]) -> Layer:
    """The layer moved and grown to even numbers inside the canvas, so that its chroma falls on the canvas' chroma."""
    x, y = max(0, left) // 2 * 2, max(0, top) // 2 * 2
    width = min(canvas[0] - x, (image.width + left - x + 1) // 2 * 2)
    height = min(canvas[1] - y, (image.height + top - y + 1) // 2 * 2)
    out = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    out.paste(image, (left - x, top - y))
    return Layer(out, x, y)
