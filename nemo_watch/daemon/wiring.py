"""The real things chosen and joined: the journal, the lock, the account, the service.

The token comes in here, goes to the account, and nowhere else.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from nemo_watch.clock import Clock, SystemClock
from nemo_watch.config import Config
from nemo_watch.daemon.metrics import Metrics
from nemo_watch.errors import Cause, Trouble, UsageError
from nemo_watch.keys import is_plain
from nemo_watch.logs import without_rich
from nemo_watch.masking import mask
from nemo_watch.model import Credits

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_watch.jobs.ports import RenderAnswer, ReplyAnswer, Source
    from nemo_watch.jobs.store import Store
    from nemo_watch.nemo.account import Account
    from nemo_watch.nemo.client import NemoClient
    from nemo_watch.nemo.tokens import TokenStore
    from nemo_watch.nemo.wire import Token


Answer = TypeVar("Answer")

_LOCK_TRIES: Final = 3
_LOCK_AGAIN_S: Final = 0.1
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_PASSING: Final = frozenset(
    {errno.EROFS, errno.EIO, errno.ESTALE, errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
)


# -- the state folder --------------------------------------------------------------------------------------------------------


JOURNAL: Final = "journal.db"


def journal_path(config: Config) -> Path:
    """Where the journal lies."""
    return config.folders.state / JOURNAL


def open_journal(config: Config) -> Store:
    """The journal's store.

    Raises: UsageError when it is damaged, newer, or its folder cannot be used; Trouble (NO_SPACE, OUTBOX_UNWRITABLE,
    JOURNAL_AWAY) where that passes: it is locked, its disk full or read-only, its server away.
    """
    from nemo_watch.jobs.copying import left_for

    store = opened_anew(config)
    target = left_for(store)
    if target is not None:
        store.close()
        raise left_behind(target)
    return store


def left_behind(target: str) -> UsageError:
    """What to say of a journal that is no longer the true one."""
    return UsageError(
        f"journal.url: this journal was moved to {target}, and what is true stands there. Set journal.url, or move it back, with "
        "journal.url set: nemo-watch journal move sqlite"
    )


def opened_anew(config: Config) -> Store:
    """The same, one that was left included. Raises: as `open_journal`."""
    from nemo_watch.jobs.opening import open_sqlite

    if config.journal.url:
        from nemo_watch.jobs.postgres import open_postgres

        return open_postgres(config.journal.url)
    try:
        return open_sqlite(journal_path(config), lambda: _holds_receipts(config.folders.outbox))
    except OSError as error:
        raise _refused(config.folders.state, error) from error


def _holds_receipts(outbox: Path) -> bool:
    """Whether films were made into this outbox; one that cannot be looked into may well hold some."""
    from nemo_watch.outbox.receipt import RECEIPT

    try:
        return any((folder / RECEIPT).exists() for folder in outbox.iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _refused(state: Path, error: OSError) -> Trouble | UsageError:
    """What a state folder that refuses means: a full or failing disk passes, and is no reason never to start again."""
    if error.errno in _FULL:
        return Trouble(Cause.NO_SPACE, folder=str(state))
    if error.errno in _PASSING:
        return Trouble(Cause.OUTBOX_UNWRITABLE, folder=f"The state folder {state}", reason=error.strerror)
    return UsageError(f"The state folder {state} cannot be used ({error.strerror}).")


def _close_to_others(state: Path) -> None:
    """Make a state folder that was there before its owner's alone, if it is this account's and holds nothing but ours."""
    found = state.stat()
    if found.st_uid != os.geteuid() or not found.st_mode & 0o077 or found.st_mode & stat.S_ISVTX:
        return
    if (state / JOURNAL).exists() or not any(each.name != "lock" for each in state.iterdir()):
        state.chmod(0o700)


@contextmanager
def only_daemon(config: Config) -> Iterator[None]:
    """Hold the lock of the state folder. Raises: UsageError when another daemon holds it; Trouble when the disk refuses."""
    state = config.folders.state
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close_to_others(state)
        handle = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _refused(state, error) from error
    try:
        try:
            _lock(handle)
        except OSError as error:
            raise UsageError(
                f"A nemo-watch is already running on {state}. Stop it first, or give this one its own folders (--state)."
            ) from error
        with suppress(OSError):  # a full disk: the lock holds without the number, by which commands only hurry us
            os.truncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    """Lock the file for this process. A command that asks whether a daemon runs holds it for an instant. Raises: OSError."""
    for _ in range(_LOCK_TRIES - 1):
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_LOCK_AGAIN_S)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def daemon_is_running(config: Config) -> bool:
    """Whether a daemon holds the lock of the state folder; the lock is not taken."""
    try:
        handle = os.open(config.folders.state / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(handle)


def poke_daemon(config: Config) -> bool:
    """Have a running daemon look at once (SIGHUP); whether there is one that this user may poke.

    The number in the lock file is that of the lock's holder, so it can be no stranger's while the lock is held.
    """
    if not daemon_is_running(config):
        return False
    try:
        os.kill(int((config.folders.state / "lock").read_text()), signal.SIGHUP)
    except (OSError, ValueError):
        return False
    return True


def state_owner(config: Config) -> tuple[int, int] | None:
    """User and group that own the state folder, None while there is none."""
    try:
        found = config.folders.state.stat()
    except OSError:
        return None
    return found.st_uid, found.st_gid


# -- the account -------------------------------------------------------------------------------------------------------------


def take_token(env: MutableMapping[str, str]) -> str | None:
    """The person's own token: systemd's credential first, then NEMO_TOKEN, which is taken out of the environment.

    Raises: UsageError when the credential is there but cannot be read, or the token is not one line of plain characters.
    """
    token = _credential(env)
    from_env = env.pop("NEMO_TOKEN", None)
    token = (token or from_env or "").strip()
    if not token:
        return None
    if not is_plain(token):
        raise UsageError("The token must be one line of plain characters (NEMO_TOKEN, or the credential nemo_token).")
    mask(token)
    return token


def _credential(env: Mapping[str, str]) -> str | None:
    folder = env.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    path = Path(folder) / "nemo_token"
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The credential {path} cannot be read ({error}).") from error


# -- the service -------------------------------------------------------------------------------------------------------------


_EXPORTS: Final = frozenset({"render_submit", "render", "download"})


def _tell_plan(trouble: Trouble) -> None:
    from nemo_watch.nemo.refusals import tell_plan  # with the rest of the client, which `--help` does without

    tell_plan(trouble)


class RealService:
    """`jobs.ports.Service`: the client and its account as jobs ask for them."""

    def __init__(
        self,
        client: NemoClient,
        account: Account,
        metrics: Metrics | None = None,
        let_go: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.client = client
        self.let_go = let_go
        self.account = account
        self.metrics = metrics or Metrics()
        self.last_credits: Credits | None = None

    async def _counted(self, call: str, work: Awaitable[Answer]) -> Answer:
        try:
            answer = await work
        except Trouble as trouble:
            self.metrics.counted(call, trouble)
            if call not in _EXPORTS:
                _tell_plan(trouble)
            raise
        self.metrics.counted(call)
        return answer

    @property
    def account_key(self) -> str:
        """Which account this is; never the token."""
        return self.account.key

    async def how_to_get_credits(self) -> str:
        """Where credits come from for this account."""
        return self.account.how_to_get_credits()

    async def create_session(self, language: str) -> Any:  # noqa: ANN401  a SessionAnswer
        """A new session."""
        return await self._counted("session", self.client.create_session(language))

    async def upload(
        self, session_id: str, source: Source, progress: Callable[[int], None]
    ) -> Sequence[Mapping[str, Any]]:
        """Bring one file up."""
        import msgspec

        uploading = self.client.upload(session_id, source.name, source.size_bytes, source.open, progress)
        files = await self._counted("upload", uploading)
        self.metrics.uploaded_bytes += source.size_bytes
        return [msgspec.to_builtins(file) for file in files]

    async def upload_urls(self, session_id: str, urls: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Hand addresses over; the service fetches them."""
        import msgspec

        return [
            msgspec.to_builtins(file)
            for file in await self._counted("upload_urls", self.client.upload_urls(session_id, urls))
        ]

    async def send_message(self, session_id: str, text: str, heard: Callable[[ReplyAnswer], None]) -> Any:  # noqa: ANN401
        """One attempt at the paid message."""
        return await self._counted("message", self.client.send_message(session_id, text, heard))

    async def balance(self) -> Credits:
        """The balance."""
        balance = await self._counted("balance", self.client.balance())
        frozen = balance.frozen or 0.0
        total = balance.available + frozen if balance.total is None else balance.total
        self.last_credits = Credits(balance.available, frozen, total)
        return self.last_credits

    async def claim(self, task_id: str, session_id: str) -> str:
        """A link that opens the project in a browser; made on demand, kept nowhere."""
        return await self._counted("claim", self.client.claim(task_id, session_id))

    async def state(self, session_id: str) -> Any:  # noqa: ANN401  a StateAnswer
        """The session's state."""
        return await self._counted("state", self.client.state(session_id))

    async def submit_render(self, render_id: str, session_id: str, draft: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Start a render."""
        return await self._counted("render_submit", self.client.submit_render(render_id, session_id, draft))

    async def render(self, render_id: str) -> Any:  # noqa: ANN401  a RenderAnswer
        """Look at a render."""
        return await self._counted("render", self.client.render(render_id))

    async def download(self, render: RenderAnswer, part: Path, progress: Callable[[float], None]) -> int:
        """Fetch the video into `part`; its size in bytes."""
        fetching = self.client.download(render.url, render.id, part, lambda _size: progress(0.5))
        downloaded = await self._counted("download", fetching)
        self.metrics.downloaded_bytes += downloaded.size_bytes
        return downloaded.size_bytes


@asynccontextmanager
async def running_service(
    config: Config,
    *,
    token: str | None = None,
    clock: Clock | None = None,
    store: Store | None = None,
    let_go: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[RealService]:
    """The service's client with its account, started and in the end closed. `store` is given where hosts share the account."""
    with without_rich():
        from nemo_watch.nemo.account import Account
        from nemo_watch.nemo.client import NemoClient
        from nemo_watch.nemo.tokens import FileTokens
        from nemo_watch.nemo.wire import Attribution, platform_of

    clock = clock or SystemClock()
    env = {"SKILL_SOURCE": config.skill_source} if config.skill_source else {}
    attribution = Attribution(
        version=config.service.skill_version, platform=platform_of(str(Path(__file__).parent), env)
    )
    studio = config.service.backend == "studio"
    state = config.folders.state / "studio-account" if studio else config.folders.state
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(state, error) from error
    # The studio listens on another port at every start; it is the same account all the same.
    host = "studio" if studio else urlsplit(config.service.url).netloc

    async def fetch_token(client_id: str) -> Token:
        return await client.fetch_token(client_id)

    tokens: TokenStore = FileTokens(state)
    if store is not None and not studio:  # a studio is each host's own
        from nemo_watch.daemon.shared_account import SharedTokens

        tokens = SharedTokens(store, config.journal.url)
    account = Account(
        host,
        tokens,
        clock,
        fetch_token,
        given_token=None if studio else token,
        given_client_id=config.client_id,
    )
    client = NemoClient(config.service.url, attribution, account, config.service.pace, clock)
    await account.open()
    await client.start()
    try:
        yield RealService(client, account, let_go=let_go)
    finally:
        await client.aclose()
