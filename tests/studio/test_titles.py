from __future__ import annotations

import numpy as np
import pytest

from nemo_watch.studio.drawing import bidi, fonts
from nemo_watch.studio.drawing.frames import blank
from nemo_watch.studio.drawing.overlay import Overlay
from nemo_watch.studio.drawing.plan import Caption
from nemo_watch.studio.drawing.titles import SAFE, STYLES, layer

SAMPLES = [
    "Paradise Found", "海边的一天", "日本の夏、こんにちは", "안녕하세요", "رحلة إلى البحر 2026", "שלום עולם", "हिन्दी में शीर्षक",
    "สวัสดี", "Ελλάδα Україна ї", "Tiếng Việt", "這個國家 mixed العربية 123", "A very long title " * 8, "没有空格的很长的标题" * 8, "W" * 80,
    "two\nlines",
]  # fmt: skip


@pytest.mark.parametrize(
    ("style", "canvas"), [("title", (960, 540)), ("title", (360, 640)), ("caption", (320, 180)), ("end", (480, 480))]
)
@pytest.mark.parametrize("text", SAMPLES)
def test_every_script_is_drawn_inside_the_safe_area(text: str, style: str, canvas: tuple[int, int]) -> None:
    made = layer(text, style, canvas)
    white = (np.asarray(made.image)[:, :, :3].min(axis=2) > 200) & (np.asarray(made.image)[:, :, 3] > 200)
    rows, columns = np.nonzero(white)
    assert len(rows) > 20
    assert columns.min() + made.left >= canvas[0] * SAFE * 0.85
    assert columns.max() + made.left <= canvas[0] * (1 - SAFE * 0.85)
    assert rows.min() + made.top >= canvas[1] * SAFE * 0.6
    assert rows.max() + made.top <= canvas[1] * (1 - SAFE * 0.6)
    assert not (made.left | made.top | made.image.width | made.image.height) & 1
    assert made.left + made.image.width <= canvas[0]
    assert made.top + made.image.height <= canvas[1]


def test_a_space_beside_an_emoji_is_as_wide_as_between_words() -> None:
    pieces = fonts.runs("love ❤️ 👨‍👩‍👧 you 😀 !")
    assert all(run.text.strip() or "Emoji" not in run.face.path.name for run in pieces)
    assert not any(" " in run.text for run in pieces if "Emoji" in run.face.path.name)
    assert "👨‍👩‍👧" in [run.text for run in pieces]  # one run, so that the joined picture is drawn


@pytest.mark.parametrize("text", SAMPLES)
def test_no_character_is_an_empty_box(text: str) -> None:
    for run in fonts.runs(text.replace("\n", " ")):
        for char in run.text:
            assert char.isspace() or fonts._draws(run.face, ord(char)), f"{char!r} has no glyph in {run.face.path.name}"


@pytest.mark.parametrize("backdrop", [16, 128, 235])
@pytest.mark.parametrize("style", sorted(STYLES))
@pytest.mark.parametrize("text", ["Summer in Bali", "海边的一天"])
def test_a_text_has_the_contrast_of_a_readable_page_on_black_grey_and_white(
    text: str, style: str, backdrop: int
) -> None:
    """Beside the letters, against white: 4.5 to 1. Source: WCAG 2.2, success criterion 1.4.3 (3 to 1 for large letters)."""
    frame = blank(640, 360)
    frame.fill((backdrop, 128, 128))
    Overlay(Caption(0, 90, text, style), (640, 360), 30).lay(45, frame)
    contrasts = 1.05 / (luminance(frame.y[beside_letters(text, style)]) + 0.05)
    assert float(np.median(contrasts)) >= 4.5
    assert float(np.percentile(contrasts, 10)) >= 2.5


def luminance(luma: np.ndarray) -> np.ndarray:
    """The light of grey pixels, 0…1, from their limited-range luma. Source: WCAG 2.2, "relative luminance"."""
    level = np.clip((luma.astype(float) - 16) / 219, 0, 1)
    return np.asarray(np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4))


def beside_letters(text: str, style: str) -> np.ndarray:
    """The pixels right beside the letters, from the layer's own ink."""
    made = layer(text, style, (640, 360))
    ink = np.zeros((360, 640), dtype=bool)
    rgba = np.asarray(made.image)
    white = (rgba[:, :, :3].min(axis=2) > 200) & (rgba[:, :, 3] > 200)
    ink[made.top : made.top + white.shape[0], made.left : made.left + white.shape[1]] = white
    return dilated(ink, 2) & ~dilated(ink, 1)


def dilated(mask: np.ndarray, radius: int = 2) -> np.ndarray:
    import cv2

    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)).astype(bool)


def test_a_text_fades_in_and_out_and_is_gone_outside_its_time() -> None:
    overlay = Overlay(Caption(10, 70, "Hello", "title"), (320, 180), 30)
    bright = []
    for number in (9, 10, 14, 40, 68, 69, 70):
        frame = blank(320, 180)
        frame.fill((40, 128, 128))
        overlay.lay(number, frame)
        bright.append(int(frame.y.max()))
    assert bright[0] == bright[-1] == 40
    assert bright[1] < bright[2] < bright[3]
    assert bright[3] > bright[4] > bright[5]


def test_arabic_stands_right_of_what_follows_it() -> None:
    pieces = [run.text.strip() for run in fonts.runs("رحلة إلى البحر 2026 with NASA") if run.text.strip()]
    assert pieces == ["with NASA", "2026", "رحلة إلى البحر"]
    pieces = [run.text.strip() for run in fonts.runs("Trip إلى البحر 2026, again") if run.text.strip()]
    assert pieces == ["Trip", "2026", "إلى البحر", ",", "again"]


@pytest.mark.parametrize(
    ("line", "rtl"), [("hello", False), ("שלום", True), ("2026 سلام", True), ("", False), ("...", False)]
)
def test_the_first_letter_decides_the_direction_of_a_line(line: str, rtl: bool) -> None:
    assert bidi.is_rtl(line) is rtl


def test_han_characters_take_the_shapes_of_their_country() -> None:
    faces = {text: next(run.face.index for run in fonts.runs(text)) for text in ("骨直", "骨ひらがな", "國語會話")}
    assert faces == {"骨直": fonts.SC, "骨ひらがな": fonts.JP, "國語會話": fonts.TC}
