"""The one place where native decoders meet strange files: a child process with limits and without secrets.

`python -m nemo_watch.inbox.decoding_child check`, or `… convert N`: standard input is the file itself, `convert` writes a JPEG to file
descriptor N, standard output gets one line of JSON. It must never open a path or a socket. Facts: Pillow raises on a cut image and
caps its pixels; libheif turns the picture by itself; a limit that is hit ends this process, never the daemon.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from PIL.Image import Image

PIXELS_MAX: Final = 150_000_000  # three times a phone's 48 megapixels; more is a bomb
FRAMES_MAX: Final = 2_000
JPEG_QUALITY: Final = 92
_CPU_SECONDS_MAX: Final = 60
_MEMORY_BYTES_MAX: Final = (
    3 << 30
)  # address space: 48 megapixels take 0.6 GB with the decoder's copies, threads reserve more
_OUTPUT_BYTES_MAX: Final = 500_000_000
_EXIF_ORIENTATION: Final = 0x0112


class UnfitError(Exception):
    """A picture that cannot be taken; the text says why, for people."""


def _limit() -> None:
    """Takes from this process what a decoder never needs; before any decoder is loaded."""
    for what, most in (
        (resource.RLIMIT_CPU, _CPU_SECONDS_MAX),
        (resource.RLIMIT_AS, _MEMORY_BYTES_MAX),
        (resource.RLIMIT_FSIZE, _OUTPUT_BYTES_MAX),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (value, value))


def _opened(file: BinaryIO) -> Image:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    image = Image.open(file, formats=_decoders(file))  # no other of Pillow's many formats is ever tried
    width, height = image.size
    if width * height > PIXELS_MAX:
        raise UnfitError(f"it has too many pixels ({width} x {height})")
    return image


def _decoders(file: BinaryIO) -> list[str]:
    """The names of the decoders that may try this file; they are registered by this."""
    if _is_heif(file):
        import pi_heif

        pi_heif.register_heif_opener()
        return ["HEIF"]
    for plugin in ("Jpeg", "Png", "Gif", "WebP"):
        importlib.import_module(f"PIL.{plugin}ImagePlugin")
    return ["JPEG", "PNG", "GIF", "WEBP"]


def _is_heif(file: BinaryIO) -> bool:
    file.seek(4)
    box = file.read(4)
    file.seek(0)
    return box == b"ftyp"


def check(file: BinaryIO) -> dict[str, Any]:
    """Decodes every frame of a picture. Raises whatever the decoder raises for one that is cut."""
    image = _opened(file)
    frames = int(getattr(image, "n_frames", 1))
    for number in range(min(frames, FRAMES_MAX) if image.format in {"GIF", "WEBP", "PNG"} else 1):
        image.seek(number)
        image.load()
    return {"ok": True}


def convert(file: BinaryIO, output: BinaryIO) -> dict[str, Any]:
    """Writes the picture as an upright JPEG, with its EXIF times and colour profile. Raises as `check`."""
    from PIL import ImageOps

    image = _opened(file)
    image.load()
    upright = ImageOps.exif_transpose(image).convert("RGB")
    icc_profile = image.info.get("icc_profile")
    upright.save(output, "JPEG", quality=JPEG_QUALITY, exif=_upright_exif(image), icc_profile=icc_profile)
    return {"ok": True, "width": upright.width, "height": upright.height}


def _upright_exif(image: Image) -> bytes:
    """The picture's EXIF for pixels that stand upright already; nothing where it is too broken to be written again."""
    exif = image.getexif()
    exif[_EXIF_ORIENTATION] = 1
    try:
        return exif.tobytes()
    except (ValueError, TypeError, KeyError, OverflowError, SyntaxError, OSError):
        return b""


def main(arguments: list[str]) -> int:
    """Does the one thing asked, and answers in one line of JSON: `{"ok": true}` or `{"ok": false, "reason": …}`."""
    _limit()
    try:
        if arguments[0] == "convert":
            with open(int(arguments[1]), "wb") as output:  # noqa: PTH123  a handle, not a path
                answer = convert(sys.stdin.buffer, output)
        else:
            answer = check(sys.stdin.buffer)
    except UnfitError as error:
        answer = {"ok": False, "reason": str(error)}
    except MemoryError:
        answer = {"ok": False, "reason": "decoding it takes too much memory"}
    except Exception as error:  # noqa: BLE001  decoders raise anything; the daemon wants one word
        answer = {"ok": False, "reason": f"it cannot be decoded ({type(error).__name__})"}
    print(json.dumps(answer))  # noqa: T201  the answer's way back
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
