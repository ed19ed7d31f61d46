"""A picture file → upright sRGB pixels of the wanted size: EXIF orientation, colour profile, transparency, memory bounds.

Pillow decides what an image is and which way is up, for every format; nothing else decodes users' pictures.
Source: own measurements (memory, orientation by decoder).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nemo_watch.studio.drawing import giants

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF", "TIFF", "BMP")  # MPO comes in through JPEG
PIXELS_MAX = 200_000_000
"""Four times the largest phone photos (48-50 MP); beyond it a picture is refused rather than let it fill the memory."""
PAPER = (255, 255, 255)
"""What shines through transparent places: logos and drawings are made for white paper."""
_ORIENTATION = 0x0112


class Broken(ValueError):  # noqa: N818 - a finding about a file, not a fault of ours
    """A file that cannot be shown; the message is a reason for people, without the file's name."""


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The image file, header read, pixels not yet. Raises `Broken` for what is no image, is too large or is damaged.

    Errors while the pixels are read inside the block become `Broken` too.
    """
    import warnings

    import pi_heif
    from PIL import Image, UnidentifiedImageError

    pi_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX // 2  # Pillow warns at this, refuses at twice it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except Broken:
        raise
    except Image.DecompressionBombError as error:
        raise Broken(f"it has more than {PIXELS_MAX // 1_000_000} million pixels") from error
    except UnidentifiedImageError as error:
        raise Broken("it is not a picture in a known format") from error
    # Pillow's decoders raise almost anything for damaged data; each of these is a picture that cannot be shown.
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        TypeError,
        IndexError,
        KeyError,
        RuntimeError,
        MemoryError,
    ) as error:
        raise Broken(f"it is damaged ({str(error)[:120] or type(error).__name__})") from error


def shown_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) after EXIF orientation. pi-heif has turned HEIC already and says so by orientation 1.

    Raises what Pillow makes of damaged pixels (`OSError`, `SyntaxError`), where they must be read for it.
    """
    return image.size[::-1] if _orientation(image) >= 5 else image.size


def pixels(image: Image.Image, wanted: tuple[int, int], middle: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The picture upright in sRGB, resized to `wanted` (width, height), as an array height × width × 3.

    Of a strip, the `middle` part of that size is made and the rest never is.
    """
    lying, part = ((size[::-1] if _orientation(image) >= 5 else size) for size in (wanted, middle or wanted))
    profile, orientation = image.info.get("icc_profile"), _orientation(image)
    if image.format == "WEBP" and image.width * image.height >= giants.PIXELS:
        return _upright(
            _in_srgb(giants.shrunk(Path(str(getattr(image, "filename", ""))), lying, PAPER), "RGB", profile),
            orientation,
        )
    image.draft(None, lying)  # JPEG only: decodes to the next larger power of two, a quarter of the time and memory
    flat = _flattened(image)
    if part != lying:
        flat, lying = _middle(flat, (part[0] / lying[0], part[1] / lying[1])), part
    return _upright(_in_srgb(_resized(flat, lying), flat.mode, profile), orientation)


def _middle(flat: Image.Image, share: tuple[float, float]) -> Image.Image:
    """The middle of the picture: this share of its width and height."""
    width, height = (max(1, round(side * part)) for side, part in zip(flat.size, share, strict=True))
    left, top = (flat.width - width) // 2, (flat.height - height) // 2
    return flat.crop((left, top, left + width, top + height))


def _resized(flat: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    factor = min(flat.width // size[0], flat.height // size[1])
    if factor > 1:
        flat = flat.reduce(factor)  # in place of a second full-size copy: 48 million pixels are 144 MB
    shrinks = flat.width >= size[0] and flat.height >= size[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.asarray(flat), size, interpolation=how), dtype=np.uint8)


def _upright(stored: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The picture turned as its EXIF orientation says. Source: EXIF 2.32 §4.6.4."""
    import numpy as np

    turned = stored.transpose(1, 0, 2) if orientation >= 5 else stored
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(turned[::rows, ::columns])


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation that is still to be done; Pillow has done that of TIFF itself."""
    if image.format == "TIFF":
        return 1
    if image.format == "PNG" and "exif" not in image.info:
        image.load()  # it may stand behind the pixels; Pillow tells of damaged ones only once, so not inside the `try`
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - broken EXIF blocks raise anything; the picture itself may be fine
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _flattened(image: Image.Image) -> Image.Image:
    """The picture without palette, transparency or 16 bits; CMYK stays for its colour profile."""
    from PIL import Image as Pillow

    if image.mode.startswith("I"):
        import numpy as np

        deep = np.asarray(image, dtype=np.float32)
        return Pillow.fromarray((deep / (257 if deep.max(initial=0) > 255 else 1)).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Pillow.new("RGB", layer.size, PAPER)
        paper.paste(layer, mask=layer.getchannel("A"))
        return paper
    if image.mode in ("RGB", "CMYK"):
        image.load()
        return image  # not a copy: 48 million pixels are 144 MB
    return image.convert("RGB")


def _in_srgb(stored: NDArray[np.uint8], mode: str, profile: bytes | None) -> NDArray[np.uint8]:
    """The picture's colours in sRGB; a damaged or unsuitable profile is as good as none."""
    import numpy as np
    from PIL import Image, ImageCms

    if mode == "RGB" and not profile:
        return stored
    image = Image.fromarray(stored, mode) if mode == "CMYK" else Image.fromarray(stored)
    turned = None
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            turned = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return np.asarray(turned or image.convert("RGB"))
