"""Which files count: names, sizes and leading bytes → what a file is for, or why it is left alone.

It must never open a file: whoever has the bytes hands them in. Facts: API text "Cloud Render Pipeline Details" (jpeg is jpg); HEIC and HEIF are
ours, turned into JPEG on the way up; junk and temporary names as cameras, phones, browsers, editors and file servers make them.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from nemo_watch.inbox.signatures import format_of
from nemo_watch.model import EntryKind, MediaKind, Sighting

FORMATS: Final[dict[str, MediaKind]] = {
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "webp", "heic", "heif"), MediaKind.IMAGE),
    **dict.fromkeys(("mp4", "mov", "avi", "webm", "mkv"), MediaKind.VIDEO),
    **dict.fromkeys(("mp3", "wav", "m4a", "aac"), MediaKind.AUDIO),
}
CONVERTED: Final = frozenset({"heic", "heif"})  # go up as JPEG
TEXT_BYTES_MAX: Final = 1_000_000  # far more words than the service takes; a larger text is no prompt
STAGING_PREFIX: Final = (
    ".gathering-"  # a folder being filled with loose files: hidden until it is complete; then renamed
)
EMPTY: Final = "it is empty"
PROMPT_NAME: Final = "prompt.txt"

_ISO_FAMILY: Final = frozenset({"mp4", "mov", "m4a"})  # one container; players and the service go by the contents
_SAME_FORMAT: Final[tuple[frozenset[str], ...]] = (
    frozenset({"jpg", "jpeg"}),
    frozenset({"heic", "heif"}),
    _ISO_FAMILY,
    frozenset({"mkv", "webm"}),
    frozenset({"mp3", "aac"}),  # both may begin with an ID3 tag
)


class Role(StrEnum):
    """What a file in the inbox is for."""

    MEDIA = "media"
    PROMPT = "prompt"
    URLS = "urls"
    SIDECAR = "sidecar"  # any other .txt: whose words it holds is for the grouping to say
    ARRIVING = "arriving"  # a known temporary name: it will be renamed when it is whole
    ALONE = "alone"


# -- names -------------------------------------------------------------------------------------------------------------

_JUNK_NAMES: Final = frozenset(
    name.casefold()
    for name in [
        ".DS_Store",
        "desktop.ini",
        "Thumbs.db",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "Icon\r",
        "@eaDir",
        ".stfolder",
        ".stversions",
        "__MACOSX",
        ".Trashes",
        ".Spotlight-V100",
        ".fseventsd",
        ".AppleDouble",
        ".TemporaryItems",
        ".thumbnails",
        "$RECYCLE.BIN",
        "#recycle",
        "@Recycle",
        "lost+found",
        "SYNOFILE_THUMB",
        "@SynoResource",
        ".dropbox",
        ".dropbox.cache",
    ]
) | {"system volume information"}

# A name that means "still arriving": the sender renames it when the file is whole.
_ARRIVING: Final = re.compile(
    r"""
    .*\.(part|partial|crdownload|download|opdownload|filepart|tmp|temp|!ut|!qb|aria2|ytdl|unconfirmed|icloud)  # downloads
    | .*\.part\d+ | unconfirmed\ \d+\..*                 # split downloads; Chromium before it knows the name
    | \..+\.[A-Za-z0-9]{6}                               # rsync
    | \.pending-\d+-.* | \.goutputstream-.* | \..*\.sb-[0-9a-f]+-.* | .*\.sb-[0-9a-f]{8}-[A-Za-z0-9]{6}  # Android, GNOME, macOS
    | \.?~?\.?syncthing[.~].*\.tmp | \.ocTransferId\d+\.part
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
# Names that are temporary, but never become media: editors' swap, lock and backup files, file servers' leftovers.
_EPHEMERAL: Final = re.compile(
    r"~\$.* | \.?\#.* | .*~ | .*\.(sw[a-z]|bak|lock|lck) | \.~lock.* | 4913 | \.nfs[0-9a-f]{8,} | \.fuse_hidden.* | \.smbdelete.*"
    r" | \.trashed-\d+-.*",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_UNPACKING: Final = re.compile(r"_(UNPACK|FAILED|ADMIN)_.*", re.IGNORECASE | re.DOTALL)  # SABnzbd, while it works
_WORDS_IN_A_DOCUMENT: Final = frozenset({"rtf", "rtfd", "doc", "docx", "odt", "pages", "md", "html"})


def temporary_name(name: str) -> str:
    """The name under which a file of ours is written before it appears. Always the same: what a kill left behind is found again."""
    return f".nemo-watch-{name}.tmp"


_OWN: Final = temporary_name(PROMPT_NAME)  # nothing else is ever written into a project


def is_leftover(path: str) -> bool:
    """Whether this is exactly the name under which a prompt of ours is written, in a project's own folder."""
    return path.endswith(_OWN) and path.count("/") == 1 and base_name(path) == _OWN


def base_name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def extension(path: str) -> str:
    """The extension in lower case without its dot; `""` where there is none."""
    stem, dot, ending = base_name(path).rpartition(".")
    return ending.lower() if dot and stem else ""


def stem_of(path: str) -> str:
    """The file name without its extension."""
    name = base_name(path)
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name


def kind_of(path: str) -> MediaKind | None:
    """What a file of this name would show or play; None for a name that is no medium's."""
    return FORMATS.get(extension(path))


def is_temporary(name: str) -> bool:
    """Whether a file of this name is on its way to another name, or will vanish."""
    return _ARRIVING.fullmatch(name) is not None or _EPHEMERAL.fullmatch(name) is not None


def is_junk(name: str) -> bool:
    """Whether a computer, camera or NAS put this here for itself."""
    return name.casefold() in _JUNK_NAMES or name.startswith("._")


def is_prompt_name(name: str) -> bool:
    """Whether this is `prompt.txt`, in any case: phones and old cards write capitals."""
    return name.casefold() == "prompt.txt"


def is_urls_name(name: str) -> bool:
    """Whether this is `urls.txt`, in any case."""
    return name.casefold() == "urls.txt"


def is_sidecar_name(name: str) -> bool:
    """Whether a file of this name may hold the words for a file of the same stem."""
    return extension(name) == "txt" and not is_prompt_name(name) and not is_urls_name(name)


def reason_to_pass_by(folder_name: str) -> str | None:
    """Why a folder is not looked into; None when it is. What lies in it is covered by this one reason."""
    if is_junk(folder_name):
        return "a computer's or NAS's own folder"
    if folder_name.startswith("."):
        return "hidden folder"
    if _UNPACKING.fullmatch(folder_name):
        return "still being unpacked"
    return None


_DIGITS: Final = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[str | int, ...], str]:
    """The sort key by which IMG_9 comes before IMG_10, whatever the case; names that differ never tie."""
    parts: list[str | int] = [*_DIGITS.split(name.casefold())]
    parts[1::2] = [int(digits) for digits in parts[1::2]]
    return tuple(parts), name


# -- files -------------------------------------------------------------------------------------------------------------


def role_of(path: str) -> Role:
    """What a regular file is for, by its name alone."""
    name = base_name(path)
    if is_junk(name) or _EPHEMERAL.fullmatch(name) or name == _OWN:
        return Role.ALONE
    if _ARRIVING.fullmatch(name):
        return Role.ARRIVING
    if name.startswith("."):
        return Role.ALONE
    if is_prompt_name(name):
        return Role.PROMPT
    if is_urls_name(name):
        return Role.URLS
    if is_sidecar_name(name):
        return Role.SIDECAR
    return Role.MEDIA if kind_of(name) else Role.ALONE


def reason_left_alone(sighting: Sighting, max_file_bytes: int) -> str | None:
    """Why this entry takes part in nothing, in words; None for one that may.

    Texts (prompt, urls, sidecars) may be empty: an emptied prompt means something. A temporary name is a reason here; whether
    it also holds its project up is for the settling to say.
    """
    if sighting.kind is EntryKind.LINK:
        return "a link; links are not followed"
    if sighting.kind is EntryKind.OTHER:
        return "not a regular file"
    name = base_name(sighting.path)
    if sighting.kind is EntryKind.FOLDER:
        return reason_to_pass_by(name) or "folder that cannot be looked into"
    role = role_of(name)
    if role is Role.ALONE:
        return _reason_of_name(name)
    if role is Role.ARRIVING:
        return "temporary file"
    if role is Role.MEDIA:
        return _reason_of_size(sighting.size_bytes, max_file_bytes)
    return "too long for words" if sighting.size_bytes > TEXT_BYTES_MAX else None


def _reason_of_name(name: str) -> str:
    if is_junk(name):
        return "a computer's or NAS's own file"
    if is_temporary(name):
        return "temporary file"
    if name.startswith("."):
        return "hidden file"
    if extension(name) in _WORDS_IN_A_DOCUMENT and stem_of(name).casefold() in {
        "prompt",
        "prompt.txt",
        "urls",
        "urls.txt",
    }:
        return "not plain text: save it as prompt.txt (plain text, UTF-8)"
    return "not a format that NemoVideo takes"


def _reason_of_size(size_bytes: int, max_file_bytes: int) -> str | None:
    if size_bytes == 0:
        return EMPTY
    if size_bytes > max_file_bytes:
        return f"larger than {max_file_bytes / 1e6:g} MB"
    return None


def true_name(name: str, head: bytes) -> str | None:
    """The name that fits the contents, judged by the leading bytes (a few hundred suffice); None if they are no medium.

    A PNG called .jpg becomes .png; an .exe called .jpg is None. A right extension stays as it is, case and all.
    """
    found = format_of(head)
    if found is None:
        return None
    claimed = extension(name)
    if claimed == found or any({claimed, found} <= family for family in _SAME_FORMAT):
        return name
    return f"{stem_of(name)}.{found}"
