"""The balance of credits around a paid message: looked at before, noted after, and told with a refusal.

A balance that cannot be read holds no film up. Source: API text "Error Codes" 2001.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from nemo_watch.errors import Cause, Trouble

if TYPE_CHECKING:
    from nemo_watch.jobs.run import Run


async def look_at_balance(run: Run) -> None:
    """A balance of 0 is said before time is spent on uploads. One that cannot be read holds no film up.

    A film that was refused for want of credits goes on only when the balance has risen above what it was then: no endpoint
    tells prices, so anything less would be the same refusal again.
    """
    if run.paid_a_day is None or not run.order.send or run.as_it_stands:
        return
    if run.refused_at is None and await run.journal.find("message/0"):
        return
    try:
        available = (await run.service.balance()).available
    except Trouble as trouble:
        if trouble.cause is Cause.TOKEN_REJECTED:
            raise
        if run.refused_at is None:
            return
        # Not known to have risen: it waits on as it did.
        raise Trouble(Cause.OUT_OF_CREDITS, not_taken=True, available=run.refused_at) from trouble
    run.balance_before = available
    await run.journal.receipt("credits/before", {"available": available})
    if available <= (run.refused_at or 0.0):
        bar = available if run.refused_at is None else run.refused_at
        raise Trouble(Cause.OUT_OF_CREDITS, not_taken=True, available=bar)
    if (
        run.refused_at is not None
    ):  # it has risen: what the messages take of it from here on is no refusal, nor is a restart
        await run.journal.write(cause=None, data=None)
        run.refused_at = None


@asynccontextmanager
async def balance_noted(run: Run) -> AsyncIterator[None]:
    """Beside the render, whose looks wait anyway: what the balance says now, for the receipt. It holds nothing up."""

    async def note() -> None:
        with suppress(Trouble):
            balance = await run.service.balance()
            await run.journal.receipt("credits/after", {"available": balance.available})

    noting = None if run.paid_a_day is None or not run.order.send else asyncio.ensure_future(note())
    try:
        yield
    finally:
        if noting is not None:
            noting.cancel()
            await asyncio.gather(noting, return_exceptions=True)


async def with_balance(run: Run, refused: Trouble) -> Trouble:
    """The refusal with what is needed to mend it: the balance at which it came, and how to get credits.

    Of the looks right before and after the refusal the lower counts: a top-up in between must not raise what has to be exceeded.
    """
    if "available" not in refused.data:
        seen = [] if run.balance_before is None else [run.balance_before]
        try:
            seen.append((await run.service.balance()).available)
        except Trouble:
            seen = seen or [run.refused_at or 0.0]
        refused.data["available"] = min(seen)
    refused.data["how_to_get_credits"] = await run.service.how_to_get_credits()
    return refused
