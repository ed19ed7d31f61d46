from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from nemo_watch.studio.drawing import motion
from nemo_watch.studio.drawing.composition import chosen_fit
from nemo_watch.studio.drawing.frames import Frame, blank, from_rgb, to_rgb
from nemo_watch.studio.drawing.looks import apply_look
from nemo_watch.studio.drawing.material import probed
from nemo_watch.studio.drawing.photo import Still, _decoded_sizes, composed, moving, photo
from nemo_watch.studio.drawing.pictures import Broken, opened, pixels, shown_size
from nemo_watch.studio.drawing.snapping import snapped

CANVAS = (640, 360)


def texture(size: tuple[int, int], seed: int = 1) -> np.ndarray:
    """Soft random blobs: something for the registration to hold on to."""
    noise = np.random.default_rng(seed).random((size[1] // 6, size[0] // 6, 3)).astype(np.float32)
    large = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(large * 200 + 25, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("move", ["in", "out", "left", "down"])
def test_the_camera_moves_smoothly_far_below_one_pixel(move: str) -> None:
    """Frames before encoding, measured in patches against the ideal motion. Source: own measurements."""
    source = composed(from_rgb(texture((1392, 1044))), (960, 540), "cover")
    still = moving(source, (960, 540), "cover", move, 90, 30)
    errors = np.array([patch_errors(drawn(still, number), still, number) for number in range(1, 90, 3)])
    assert float(np.sqrt(np.mean(np.square(errors)))) < 0.03


def drawn(still: Still, number: int) -> Frame:
    out = blank(*still.canvas)
    still.draw(number, out)
    return out


def patch_errors(frame: Frame, still: Still, number: int) -> list[float]:
    """How far four patches of the frame lie from where the ideal window puts them, in pixels on each axis."""
    seen = motion.window(still.way, number / (still.frames - 1), still.source.size, still.canvas)
    found: list[float] = []
    for left, top in ((100, 60), (700, 60), (100, 360), (700, 360)):
        ideal = sampled(still.source.y, seen, left, top)
        real = frame.y[top : top + 128, left : left + 128].astype(np.float64)
        found += shift(ideal, real)
    return found


def shift(ideal: np.ndarray, real: np.ndarray) -> list[float]:
    """The small shift between two patches by least squares over their gradients (one step of Lucas-Kanade)."""
    down, across = np.gradient(ideal)
    slopes = np.stack([across.ravel(), down.ravel()], axis=1)
    return list(np.linalg.lstsq(slopes, (ideal - real).ravel(), rcond=None)[0])


def sampled(plane: np.ndarray, seen: motion.Window, left: int, top: int) -> np.ndarray:
    """A patch of the ideal frame, interpolated in full precision."""
    x = (np.arange(left, left + 128) + 0.5) * seen.scale + seen.x - 0.5
    y = (np.arange(top, top + 128) + 0.5) * seen.scale + seen.y - 0.5
    (x0, y0), (fx, fy) = (np.floor(x).astype(int), np.floor(y).astype(int)), (x % 1, y % 1)
    rows = [plane[y0 + step].astype(np.float64) for step in (0, 1)]
    lines = [row[:, x0] * (1 - fx) + row[:, x0 + 1] * fx for row in rows]
    return np.asarray(lines[0] * (1 - fy)[:, None] + lines[1] * fy[:, None])


def test_whole_numbers_stand_for_a_window_to_a_tenth_of_a_pixel() -> None:
    hits = 0
    for step in range(200):
        offset, scale = 30 + step * 0.137, 1.3 + step * 0.0004
        snap = snapped(offset, scale, 1920, 2784)
        if snap is None:
            continue
        hits += 1
        for place in (0.0, 1919.0):
            met = (place + snap.crop + 0.5) * snap.length / snap.output - 0.5 + snap.start
            assert abs(met - (scale * (place + 0.5) + offset - 0.5)) / scale <= 0.07
        assert not (snap.start | snap.length | snap.output | snap.crop) & 1
        assert snap.start >= 0
        assert snap.start + snap.length <= 2784
    assert hits > 120


def test_resizing_and_warping_give_the_same_picture() -> None:
    from nemo_watch.studio.drawing import photo as module

    source = from_rgb(texture((928, 522)))
    seen = motion.Window(17.3, 9.8, 1.31)
    one, two = blank(*CANVAS), blank(*CANVAS)
    module.resample(source, seen, one)
    for plane, target, step in zip(source.planes, two.planes, (1, 2, 2), strict=True):
        module._warped(plane, target, seen, step)
    assert np.abs(one.buffer.astype(int) - two.buffer).mean() < 1.0


def test_colours_survive_the_way_to_planes_and_back() -> None:
    rgb = np.zeros((8, 48, 3), dtype=np.uint8)
    for number, colour in enumerate(
        [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 120, 40)]
    ):
        rgb[:, number * 8 : number * 8 + 8] = colour
    frame = from_rgb(rgb)
    assert frame.y[0, 24] == 235
    assert frame.y[0, 32] == 16
    assert frame.y[0, 0] == 63  # ITU-R BT.709: red is 16 + 219 * 0.2126
    back = to_rgb(frame)[4, 4::8].astype(int)
    assert np.abs(back - rgb[4, 4::8]).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_format_in_every_exif_orientation_stands_upright(orientation: int, form: str, tmp_path: Path) -> None:
    upright = np.zeros((60, 80, 3), dtype=np.uint8)
    upright[:30, :40] = (250, 20, 20)  # red at the upper left, blue at the lower right
    upright[30:, 40:] = (20, 20, 250)
    stored = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
              5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: np.rot90(upright, 2).transpose(1, 0, 2), 8: np.rot90(upright, -1)}  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "picture"
    Image.fromarray(np.ascontiguousarray(stored[orientation])).save(path, form, exif=exif, quality=95)
    with opened(path) as image:
        size = shown_size(image)
        shown = pixels(image, (40, 30))
    assert size == (80, 60)
    assert shown[7, 9, 0] > 180 > 60 > shown[7, 9, 2]
    assert shown[22, 29, 2] > 180 > 60 > shown[22, 29, 0]


def test_heic_photos_open(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "IMG_1.HEIC"
    pillow_heif.from_pillow(Image.fromarray(texture((320, 240)))).save(str(path))
    still = photo(path, CANVAS, "auto", "in", 30, 30, "none")
    assert drawn(still, 10).y.std() > 5


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "CMYK", "1", "I;16"])
def test_every_mode_becomes_a_picture(mode: str, tmp_path: Path) -> None:
    path = tmp_path / ("x.tif" if mode in ("CMYK", "I;16") else "x.png")
    grey = Image.fromarray(texture((160, 120)))
    image = Image.fromarray(np.full((120, 160), 30_000, dtype=np.uint16)) if mode == "I;16" else grey.convert(mode)
    image.save(path)
    with opened(path) as image:
        shown = pixels(image, (80, 60))
    assert shown.shape == (60, 80, 3)
    assert 40 < shown.mean() < 220


def test_transparent_places_are_paper(tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(tmp_path / "logo.png")
    with opened(tmp_path / "logo.png") as image:
        assert pixels(image, (32, 32)).min() == 255


def test_a_colour_profile_is_turned_into_srgb(tmp_path: Path) -> None:
    """A picture in Lab-free XYZ-swapped primaries cannot be had; a linear-light grey profile stands for any profile."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = Image.fromarray(texture((64, 64)))
    plain.save(tmp_path / "srgb.png", icc_profile=profile)
    with opened(tmp_path / "srgb.png") as image:
        same = pixels(image, (64, 64))
    assert np.abs(same.astype(int) - np.asarray(plain)).max() <= 2


def test_a_giant_webp_decoded_by_a_child_is_the_same_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    layer = Image.fromarray(texture((320, 240))).convert("RGBA")
    layer.paste((0, 0, 0, 0), (0, 0, 80, 60))
    layer.save(tmp_path / "x.webp", lossless=True, exif=exif)
    shown = []
    for limit in (10**9, 1):
        monkeypatch.setattr("nemo_watch.studio.drawing.giants.PIXELS", limit)
        with opened(tmp_path / "x.webp") as image:
            shown.append(pixels(image, (120, 160)).astype(int))
    assert shown[1][:20, 100:].min() > 250
    assert np.abs(shown[0] - shown[1]).mean() < 3
    (tmp_path / "x.webp").write_bytes((tmp_path / "x.webp").read_bytes()[:3_000])
    with pytest.raises(Broken), opened(tmp_path / "x.webp") as image:
        pixels(image, (120, 160))


def test_damaged_data_and_giants_are_refused_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(texture((400, 300))).save(tmp_path / "x.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "x.jpg").read_bytes()[:1_500])
    with pytest.raises(Broken, match="damaged"):
        photo(tmp_path / "cut.jpg", CANVAS, "auto", "in", 30, 30, "none")
    monkeypatch.setattr("nemo_watch.studio.drawing.pictures.PIXELS_MAX", 1_000)
    with pytest.raises(Broken, match="million pixels"):
        photo(tmp_path / "x.jpg", CANVAS, "auto", "in", 30, 30, "none")


@pytest.mark.parametrize("turned", [1, 6])
@pytest.mark.parametrize("size", [(8000, 20), (20, 8000)])
def test_of_a_strip_no_more_is_made_than_is_shown(size: tuple[int, int], turned: int, tmp_path: Path) -> None:
    """All of it, scaled to cover the canvas, would be 1.5 gigabytes."""
    along = np.linspace(0, 255, max(size)).astype(np.uint8)
    stored = np.tile(along[:, None] if size[1] > size[0] else along[None, :], (1, 20) if size[1] > size[0] else (20, 1))
    image, exif = Image.fromarray(np.dstack([stored] * 3)), Image.Exif()
    exif[0x0112] = turned
    image.save(tmp_path / "x.png", exif=exif)
    with opened(tmp_path / "x.png") as picture:
        shown = shown_size(picture)
        whole, part = _decoded_sizes(shown, CANVAS, "cover")
        made = pixels(picture, whole, part)
    assert whole[0] * whole[1] > 10 * made.size
    assert made.shape[:2] == part[::-1]
    assert abs(int(made.mean()) - 127) < 3
    source = photo(tmp_path / "x.png", CANVAS, "cover", "in", 30, 30, "none").source
    assert max(source.size[0] / CANVAS[0], source.size[1] / CANVAS[1]) < 4


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG", "GIF", "TIFF"])
def test_a_picture_cut_in_its_middle_is_refused(form: str, tmp_path: Path) -> None:
    Image.fromarray(texture((800, 600))).save(tmp_path / "x", form, quality=95)
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Broken, match="damaged"):
        photo(tmp_path / "x", CANVAS, "auto", "in", 30, 30, "none")


def test_a_png_with_flipped_bytes_is_refused_and_not_shown_half_black(tmp_path: Path) -> None:
    """Pillow tells of damaged pixels at the first loading only, which for a PNG may be the search for its EXIF block."""
    Image.fromarray(texture((800, 600))).save(tmp_path / "x.png")
    data = bytearray((tmp_path / "x.png").read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 300):
        data[at] ^= 0x5A
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(Broken, match="damaged"):
        photo(tmp_path / "x.png", CANVAS, "auto", "in", 30, 30, "none")
    with pytest.raises(Broken, match="damaged"), opened(tmp_path / "x.png") as image:
        pixels(image, (400, 300))
    assert probed(tmp_path / "x.png", "k", "x.png").kind == "image"  # it is taken, and left out of the film by name


@pytest.mark.parametrize(
    ("picture", "canvas", "fit"),
    [((4, 3), (16, 9), "cover"), ((3, 4), (16, 9), "blur"), ((1, 1), (16, 9), "blur"), ((3, 2), (16, 9), "cover"),
     ((4, 3), (9, 16), "blur"), ((3, 4), (9, 16), "cover"), ((5, 1), (16, 9), "cover"), ((5, 1), (9, 16), "blur")],
)  # fmt: skip
def test_a_picture_is_cropped_a_little_or_shown_whole(
    picture: tuple[int, int], canvas: tuple[int, int], fit: str
) -> None:
    assert chosen_fit("auto", picture, canvas) == fit


def test_a_whole_picture_stands_inside_the_canvas_over_its_own_blur(tmp_path: Path) -> None:
    rgb = np.zeros((400, 300, 3), dtype=np.uint8)
    rgb[:] = (40, 160, 60)
    rgb[:8] = rgb[-8:] = (250, 250, 250)  # its edges must stay visible, even when the camera is nearest
    Image.fromarray(rgb).save(tmp_path / "x.png")
    still = photo(tmp_path / "x.png", CANVAS, "auto", "in", 60, 30, "none")
    for number in (0, 59):
        luma = drawn(still, number).y
        assert luma[:26, 320].max() > 200
        assert luma[-26:, 320].max() > 200
        assert luma[180, 20] < luma[180, 320] - 10


def test_black_and_white_has_no_colour() -> None:
    frame = from_rgb(texture((64, 64)))
    apply_look("bw", frame)
    assert set(np.unique(frame.u)) == set(np.unique(frame.v)) == {128}
    before = frame.buffer.copy()
    apply_look("no such look", frame)
    assert np.array_equal(frame.buffer, before)
