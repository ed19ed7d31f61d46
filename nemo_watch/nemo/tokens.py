"""Where the anonymous account is kept between runs: a client id for ever, its token for its days.

The file store keeps both in the state folder, the token readable by its owner alone; every write appears whole or not at
all. Other stores (a shared database) serve through the same Protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

_FILE_LIMIT_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class KeptToken:
    """A token as it is kept: for which host and client id it was made, and what came with it. Times are aware UTC."""

    host: str
    client_id: str
    token: str
    user_id: str | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"KeptToken(host={self.host!r}, token=***)"


class TokenStore(Protocol):
    """What the account asks of its store. Raises, everywhere: OSError when it cannot be read, or written."""

    async def client_id(self) -> tuple[str, datetime] | None:
        """The client id and when it was taken; None before the first."""
        ...

    async def keep_client_id(self, client_id: str, taken_at: datetime) -> None:
        """Keep a client id in place of the one before."""
        ...

    async def token(self) -> KeptToken | None:
        """The token kept last; None before the first."""
        ...

    async def keep_token(self, token: KeptToken) -> None:
        """Keep a token in place of the one before."""
        ...

    def alone(self) -> AbstractAsyncContextManager[None]:
        """While inside, nobody else who shares this store takes a client id or a token. Raises: Trouble on entering."""
        ...


class FileTokens:
    """The state folder's files `client-id` and `token.json`. A damaged file counts as none; the folder's lock keeps others out."""

    def __init__(self, folder: Path) -> None:
        self._client_id = folder / "client-id"
        self._token = folder / "token.json"

    async def client_id(self) -> tuple[str, datetime] | None:
        """The client id in `client-id`: its first word, and the date after it."""
        words = (await asyncio.to_thread(_text, self._client_id)).split()
        if not words:
            return None
        try:
            return words[0], _date(words[1])
        except (IndexError, ValueError):
            return words[0], datetime(1970, 1, 1, tzinfo=UTC)

    async def keep_client_id(self, client_id: str, taken_at: datetime) -> None:
        """Write `client-id`."""
        await asyncio.to_thread(_write, self._client_id, f"{client_id} {taken_at.isoformat()}\n")

    async def token(self) -> KeptToken | None:
        """The token in `token.json`."""
        return from_json(await asyncio.to_thread(_text, self._token))

    async def keep_token(self, token: KeptToken) -> None:
        """Write `token.json`."""
        await asyncio.to_thread(_write, self._token, as_json(token))

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """The daemon has its state folder for itself."""
        yield


def as_json(token: KeptToken) -> str:
    """The token as it is kept."""
    expires_at = token.expires_at.isoformat() if token.expires_at else None
    return json.dumps({**asdict(token), "expires_at": expires_at})


def from_json(text: str) -> KeptToken | None:
    """The token that was kept; None where it is none, or damaged."""
    try:
        kept = KeptToken(**json.loads(text))
        if not kept.token or not isinstance(kept.token, str):
            return None
        return replace(
            kept, expires_at=_date(str(kept.expires_at)) if kept.expires_at else None
        )  # it came back as text
    except (ValueError, TypeError):
        return None


def _date(text: str) -> datetime:
    """A date as it was written. Raises: ValueError, also where it does not say of which zone it is."""
    date = datetime.fromisoformat(text)
    if date.tzinfo is None:
        raise ValueError("a date without a zone")
    return date


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_FILE_LIMIT_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    """Write `text` for its owner alone: whole on the disk before the name leads to it, and the name as well."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
