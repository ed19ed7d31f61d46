"""A render from its submission to its end: written down before it is sent, looked at until it is over, once more if it failed.

It must never orphan a render: after any doubt the id is asked for before it is sent again. Source: API text "Cloud Render Pipeline
Details" and "Export"; the vendor's polls.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from nemo_watch.errors import Cause, Trouble

if TYPE_CHECKING:
    from nemo_watch.jobs.ports import RenderAnswer
    from nemo_watch.jobs.run import Run, Session


async def rendered(run: Run, session: Session, draft: dict[str, Any]) -> RenderAnswer:
    """The completed render of the draft.

    Raises: Trouble(RENDER_FAILED or RENDER_UNKNOWN) when a second render under a new id did not succeed either.
    """
    for attempt in (1, 2):
        render_id = await _submitted(run, session, draft, f"render/{attempt}")
        render = await _ended(run, render_id)
        if render.status == "completed":
            return render
        await run.tell(f"The render did not succeed: {render.error or render.status}")
    if render.status == "unknown":
        raise Trouble(Cause.RENDER_UNKNOWN, film=run.film)
    raise Trouble(Cause.RENDER_FAILED, film=run.film, reason=render.error or "no reason given")


async def _submitted(run: Run, session: Session, draft: dict[str, Any], name: str) -> str:
    """The id of a render that the service has."""
    found = await run.journal.find(name)
    if found is not None and found.receipt is not None:
        return str(found.receipt["id"])
    if found is None:
        found = await run.journal.intent(name, {"id": f"render_{await run.journal.distinct_ms()}"})
        doubt = False
    else:
        doubt = True
    assert found.data is not None  # noqa: S101  an intent has data
    render_id = str(found.data["id"])
    run.report(0.6, "rendering")
    if not doubt or (await run.service.render(render_id)).status == "unknown":
        await run.tell("Rendering.")
        try:
            await run.service.submit_render(render_id, session.session_id, draft)
        except Trouble as trouble:
            if trouble.not_taken:
                await run.journal.void(name)
            raise
    await run.journal.receipt(name, {"id": render_id})
    return render_id


async def _ended(run: Run, render_id: str) -> RenderAnswer:
    """The render once it is completed, failed or unknown: looked at every 30 s, after ten looks every five minutes."""
    looks = 0
    try:
        while True:
            render = await run.service.render(render_id)
            if render.status not in {"pending", "processing"}:
                return render
            looks += 1
            share = render.progress or 0.0
            run.report(0.6 + 0.3 * share, f"rendering ({share:.0%})" if render.progress is not None else "rendering")
            later = looks >= run.pace.render_polls
            await run.clock.sleep(run.pace.render_poll_later_s if later else run.pace.render_poll_s)
    except asyncio.CancelledError:  # by a person, or by the end of the daemon: nobody looks at it any more
        run.service.let_go(render_id)
        raise
