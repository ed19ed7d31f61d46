"""A file as one part of a multipart body: the bytes before and after it. Pure.

The names of files are people's: quotes, line ends and control characters must never reach the header as they are.
Source: API text "Upload" (field `files`); RFC 7578 §2, §4.2; WHATWG HTML "Multipart form data" for the escapes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# Source: API text "Supported formats".
_TYPES: Final = {
    "mp4": "video/mp4", "mov": "video/quicktime", "avi": "video/x-msvideo", "webm": "video/webm", "mkv": "video/x-matroska",
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp",
    "mp3": "audio/mpeg", "wav": "audio/wav", "m4a": "audio/mp4", "aac": "audio/aac",
}  # fmt: skip
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NAME_LIMIT_BYTES: Final = 200


@dataclass(frozen=True, slots=True)
class Part:
    """The one part of a body: its `boundary`, and the bytes around the file's own."""

    boundary: str
    head: bytes
    tail: bytes

    @property
    def content_type(self) -> str:
        """The header that names the boundary."""
        return f"multipart/form-data; boundary={self.boundary}"

    def length(self, size_bytes: int) -> int:
        """The length of the whole body around a file of `size_bytes`."""
        return len(self.head) + size_bytes + len(self.tail)


def file_part(name: str, boundary: str) -> Part:
    """The part for a file called `name`, in field `files`."""
    safe = safe_name(name)
    kind = _TYPES.get(safe.rsplit(".", 1)[-1].casefold(), "application/octet-stream")
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="files"; filename="{safe}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    )
    return Part(boundary, head.encode(), f"\r\n--{boundary}--\r\n".encode())


def safe_name(name: str) -> str:
    """`name` as it may stand in quotes in a header: its last part, without controls, at most 200 bytes, its ending kept."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = _CONTROLS.sub("_", last).encode("utf-8", "replace").decode().replace('"', "%22")
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending) > 10:
        stem, ending = plain, ""
    room = _NAME_LIMIT_BYTES - len(ending.encode()) - 1
    stem = stem.encode()[:room].decode("utf-8", "ignore")
    return f"{stem}.{ending}" if ending else stem or "file"
