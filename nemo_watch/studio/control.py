"""The strings behind the scenes, for tests and for people who try a client. Off unless asked for.

`POST /__studio/script` (a script's JSON) · `POST /__studio/credits` (`{"total", "user_ids"?}`) ·
`POST /__studio/expire` (every token ends now) · `GET /__studio/log?after=N` (what was asked).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nemo_watch.studio import bodies
from nemo_watch.studio.script import Play, read_script
from nemo_watch.studio.settings import MEGABYTE

if TYPE_CHECKING:
    from nemo_watch.studio.gate import Gate, RequestLog
    from nemo_watch.studio.studio import Studio


class _Credits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    total: int
    user_ids: list[str] = []


def routes(studio: Studio, gate: Gate, log: RequestLog) -> list[Route]:
    """The control endpoints. They ask for no token: who can reach them is on this machine."""

    async def script(request: Request) -> Response:
        try:
            new = read_script(await bodies.json_body(request, MEGABYTE))
            settings = new.settings_over(studio.settings)
        except ValueError as error:
            return _wrong(error)
        studio.settings, gate.play = settings, Play(new)
        return JSONResponse({"rules": len(new.rules)})

    async def balance(request: Request) -> Response:
        try:
            wish = msgspec.convert(await bodies.json_body(request, MEGABYTE), _Credits)
        except ValueError as error:
            return _wrong(error)
        studio.world.set_credits(wish.total, wish.user_ids)
        await studio.keep()
        return JSONResponse({"total": wish.total})

    async def expire(request: Request) -> Response:
        studio.world.expire_tokens(studio.now())
        await studio.keep()
        return JSONResponse({})

    async def entries(request: Request) -> Response:
        after = request.query_params.get("after", "0")
        found = log.after(int(after) if after.isascii() and after.isdigit() else 0)
        rows: Any = await asyncio.to_thread(msgspec.to_builtins, found)
        return JSONResponse({"log": rows})

    return [
        Route("/__studio/script", script, methods=["POST"]),
        Route("/__studio/credits", balance, methods=["POST"]),
        Route("/__studio/expire", expire, methods=["POST"]),
        Route("/__studio/log", entries, methods=["GET"]),
    ]


def _wrong(error: ValueError) -> Response:
    return JSONResponse({"error": str(error)}, 422)
