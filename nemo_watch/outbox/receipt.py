r"""A project's purchases ↔ `project.toml`, for people to read and for a lost journal to be rebuilt from; exact both ways.

A receipt that cannot be read is never overwritten without a copy, and never stops anything. It holds no secret: of the
account only what the journal calls it. TOML is Unicode, names need not be: a byte that is no UTF-8 is written `\udcXX`,
what would steer a terminal or turn the reading direction `\uXXXX`, and a backslash `\\`, inside every string. Source: TOML 1.0 "String"; PEP 383.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nemo_watch.errors import Trouble
from nemo_watch.logs import logger
from nemo_watch.model import Backend, BoughtVersion, FilmReceipt, ProjectReceipt
from nemo_watch.outbox.publish import OutboxFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECEIPT: Final = "project.toml"
FORMAT: Final = 1
RECEIPT_BYTES_MAX: Final = 64_000_000
"""Bytes. 2,000 media (`inbox.max_files`) in 100 versions are about 40 MB."""

_OPENING: Final = (
    "# The receipt of this project: what was made, from what, and under which numbers NemoVideo knows it.\n"
    "# nemo-watch reads it so that nothing is ever bought twice. Keep it beside the videos.\n\n"
)
_log = logger("outbox")


def write_receipt(outbox: OutboxFolder, receipt: ProjectReceipt) -> None:
    """`project.toml` in the project's folder holds this receipt. What stood there unreadably is kept as `project.toml.bad`.

    Raises: Trouble NO_SPACE, OUTBOX_UNWRITABLE.
    """
    data = receipt_text(receipt).encode()
    before = outbox.read(receipt.folder, RECEIPT, RECEIPT_BYTES_MAX)
    if before == data:
        return
    if before is not None and _parsed(before, f"{receipt.folder}/{RECEIPT}") is None:
        outbox.keep_copy(receipt.folder, RECEIPT, f"{RECEIPT}.bad")
    outbox.replace(receipt.folder, RECEIPT, data)


def read_receipts(root: Path) -> tuple[ProjectReceipt, ...]:
    """Every receipt in the outbox, in order of the folders' names. One that cannot be read is logged and left out.

    Raises: Trouble OUTBOX_UNWRITABLE when the outbox itself cannot be read.
    """
    outbox = OutboxFolder(root)
    found = (_read(outbox, folder) for folder in outbox.folders())
    return tuple(receipt for receipt in found if receipt is not None)


def read_receipt(path: Path) -> ProjectReceipt | None:
    """The receipt in this file, `<outbox>/<folder>/project.toml`; None when there is none, or (logged) none to be read."""
    outbox = OutboxFolder(path.parent.parent)
    return _read(outbox, path.parent.name, path.name)


def _read(outbox: OutboxFolder, folder: str, name: str = RECEIPT) -> ProjectReceipt | None:
    place = f"{folder}/{name}"
    try:
        data = outbox.read(folder, name, RECEIPT_BYTES_MAX)
    except Trouble as trouble:
        _log.warning("receipt.found_unreadable", file=place, reason=str(trouble))
        return None
    return None if data is None else _parsed(data, place)


def _parsed(data: bytes, place: str) -> ProjectReceipt | None:
    try:
        return parsed_receipt(data.decode())
    except (ValueError, RecursionError) as error:  # TOML's and UTF-8's errors are ValueErrors
        _log.warning("receipt.found_damaged", file=place, reason=str(error))
        return None


# -- the text ----------------------------------------------------------------------------------------


def receipt_text(receipt: ProjectReceipt) -> str:
    """The receipt as TOML."""
    import tomli_w

    return _OPENING + tomli_w.dumps(
        {
            "format": FORMAT,
            "project": _written(receipt.project),
            "folder": _written(receipt.folder),
            "films": [
                {
                    "name": _written(film.name),
                    "stem": _written(film.stem),
                    "versions": [_version_table(version) for version in film.versions],
                }
                for film in receipt.films
            ],
        }
    )


def _version_table(version: BoughtVersion) -> dict[str, Any]:
    table = {field.name: _toml(getattr(version, field.name)) for field in fields(version)}
    del table["paths"]
    table["media"] = [
        {"sha256": _written(sha256)} | _entry("name", version.media, sha256) | _entry("path", version.paths, sha256)
        for sha256 in version.media | version.paths
    ]
    return {key: item for key, item in table.items() if item is not None}  # TOML knows no null


def _entry(key: str, known: Mapping[str, str], sha256: str) -> dict[str, str]:
    return {key: _written(known[sha256])} if sha256 in known else {}


def _toml(item: object) -> object:
    if isinstance(item, str):
        return _written(str(item))
    if isinstance(item, datetime):
        return item.astimezone(UTC)
    return [_written(text) for text in item] if isinstance(item, tuple) else item


def parsed_receipt(text: str) -> ProjectReceipt:
    """The receipt that this TOML is. Raises: ValueError, with the reason, when it is none."""
    table = tomllib.loads(text)
    if table.get("format") != FORMAT:
        raise ValueError(f"format = {FORMAT} is missing: damaged, or written by another nemo-watch")
    films = (
        FilmReceipt(_text(film, "name"), _text(film, "stem"), tuple(map(_version, _tables(film, "versions"))))
        for film in _tables(table, "films")
    )
    return ProjectReceipt(_text(table, "project"), _text(table, "folder"), tuple(films))


def _version(table: Mapping[str, Any]) -> BoughtVersion:
    media = _tables(table, "media")
    return BoughtVersion(
        version=_expected(table, "version", int),
        backend=Backend(_text(table, "backend")),
        made_at=_moment(table),
        video=_optional_text(table, "video"),
        video_sha256=_optional_text(table, "video_sha256"),
        media={_text(medium, "sha256"): _text(medium, "name") for medium in media if "name" in medium},
        urls=_texts(table, "urls"),
        messages=_texts(table, "messages"),
        account=_text(table, "account"),
        session_id=_text(table, "session_id"),
        task_id=_optional_text(table, "task_id"),
        render_id=_optional_text(table, "render_id"),
        credits_before=_optional_number(table, "credits_before"),
        credits_after=_optional_number(table, "credits_after"),
        paths={_text(medium, "sha256"): _text(medium, "path") for medium in media if "path" in medium},
        finished=table.get("finished", True) is not False,
        unsure=table.get("unsure", False) is True,
        left_out=_texts(table, "left_out") if "left_out" in table else (),
    )


def _moment(table: Mapping[str, Any]) -> datetime:
    moment: datetime = _expected(table, "made_at", datetime)
    if moment.tzinfo is None:
        raise ValueError("made_at says no offset")
    return moment.astimezone(UTC)


def _text(table: Mapping[str, Any], key: str) -> str:
    return _read_back(_expected(table, key, str))


def _optional_text(table: Mapping[str, Any], key: str) -> str | None:
    return _text(table, key) if key in table else None


def _optional_number(table: Mapping[str, Any], key: str) -> float | None:
    return float(_expected(table, key, int | float)) if key in table else None


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    items: Iterable[object] = _expected(table, key, list)
    return tuple(_read_back(_kind(item, key, str)) for item in items)


def _tables(table: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    return [_kind(item, key, dict) for item in _expected(table, key, list)]


def _expected(table: Mapping[str, Any], key: str, kind: Any) -> Any:  # noqa: ANN401  a union is no `type`
    if key not in table:
        raise ValueError(f"{key} is missing")
    return _kind(table[key], key, kind)


def _kind(item: object, key: str, kind: Any) -> Any:  # noqa: ANN401  a union is no `type`
    if not isinstance(item, kind) or isinstance(item, bool):
        raise ValueError(f"{key} is not what a receipt has there")  # noqa: TRY004  one kind of damage among others
    return item


# -- names that are no Unicode -----------------------------------------------------------------------

_TO_WRITE: Final = re.compile(r"[\\\ud800-\udfff\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb]")
_TO_READ: Final = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


def _written(text: str) -> str:
    return _TO_WRITE.sub(lambda found: "\\\\" if found[0] == "\\" else f"\\u{ord(found[0]):04x}", text)


def _read_back(text: str) -> str:
    return _TO_READ.sub(lambda found: chr(int(found[1], 16)) if found[1] else "\\", text)
