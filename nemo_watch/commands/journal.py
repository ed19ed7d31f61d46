"""`journal move TARGET`: the journal of one host on SQLite to PostgreSQL, or back; whole or not at all."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from nemo_watch.commands.acting import need_state
from nemo_watch.commands.asking import journal
from nemo_watch.commands.configuring import configured
from nemo_watch.commands.speaking import say
from nemo_watch.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from nemo_watch.config import Config
    from nemo_watch.jobs.store import Store
    from nemo_watch.nemo.tokens import TokenStore

HERE = "sqlite"


def run(options: argparse.Namespace) -> int:
    """Move it while no daemon runs, then say what to write into the configuration."""
    config = configured(options)
    need_state(config, options)
    url = "" if options.target == HERE else str(options.target)
    if url and not url.startswith(("postgresql://", "postgres://")):
        raise UsageError(f'TARGET must be "{HERE}" or "postgresql://…".')
    if url == config.journal.url:
        raise UsageError("The journal is there already.")
    from nemo_watch.daemon.wiring import only_daemon

    with only_daemon(config):
        rows = _moved(config, replace(config, journal=replace(config.journal, url=url)))
    say(f"Moved: {rows} rows." if rows else "Moved.")
    from nemo_watch.daemon.membership import site_name

    lines = [f'url = "{_without_password(url)}"'] + ([f'site = "{site_name(config)}"'] if url else [])
    say(
        f"Now set it in {config.path or 'the configuration'}, or nothing starts:\n\n[journal]\n"
        + "\n".join(lines)
        + "\n"
    )
    if url != _without_password(url):
        say("The password belongs into ~/.pgpass, or into the address.")
    return 0


def _without_password(url: str) -> str:
    """The address as it may be shown and copied."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{place}"))


def _moved(config: Config, there: Config) -> int:
    from nemo_watch.daemon.membership import outbox_mark, site_name
    from nemo_watch.daemon.wiring import left_behind, opened_anew
    from nemo_watch.jobs import copying, hosts
    from nemo_watch.jobs.postgres import shown_address

    address = shown_address(there.journal.url) if there.journal.url else str(there.folders.state)
    with journal(config, also_left=True) as source, closing(opened_anew(there)) as target:
        left_for = copying.left_for(source)
        if left_for == address and copying.is_copy(source, target):  # it was cut between the two
            copying.take_up(target)
            return 0
        if left_for is not None:
            raise left_behind(left_for)
        living = {**source.submit(hosts.alive).result(), **target.submit(hosts.alive).result()}
        if living:
            names = ", ".join(sorted({name for name, _ in living.values()}))
            raise UsageError(f"nemo-watch still runs on {names}. Stop it there first: the journal must stand still.")
        shared = bool(there.journal.url)
        mark = outbox_mark(there.folders.outbox) if shared else None
        rows = copying.copied(source, target, site_name(config), site_name(there) if shared else "", mark)
        asyncio.run(_account_moved(_tokens(config, source), _tokens(there, target)))
        copying.leave(source, address)  # first: the journal of before never goes on beside the one that is true
        copying.take_up(target)
    return rows


def _tokens(config: Config, store: Store) -> TokenStore:
    from nemo_watch.daemon.shared_account import SharedTokens
    from nemo_watch.nemo.tokens import FileTokens

    return SharedTokens(store, config.journal.url) if config.journal.url else FileTokens(config.folders.state)


async def _account_moved(before: TokenStore, now: TokenStore) -> None:
    """The anonymous account goes along: its credits and sessions are nobody else's."""
    client_id, token = await before.client_id(), await before.token()
    if client_id is not None:
        await now.keep_client_id(*client_id)
    if token is not None:
        await now.keep_token(token)
