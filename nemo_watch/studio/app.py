"""The API over HTTP: routes that read a call, let the studio do it, and shape the answer.

Source: README "The service's answers".
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from nemo_watch.studio import bodies, control
from nemo_watch.studio.answers import AnsweredError, Code, RefusedError, RenderRefusedError, UnknownSessionError, fine
from nemo_watch.studio.faults import HangUp
from nemo_watch.studio.gate import FAULT, Gate, RequestLog
from nemo_watch.studio.script import Fault, Script
from nemo_watch.studio.settings import MEGABYTE
from nemo_watch.studio.streams import Frames, event_stream, nothing
from nemo_watch.studio.studio import Studio
from nemo_watch.studio.uploads import store_multipart, store_urls
from nemo_watch.studio.world import DAY_S, Account, Render, Session, Upload

ATTRIBUTION: Final = ("x-skill-source", "x-skill-version", "x-skill-platform")
SMALL_BODY_BYTES: Final = MEGABYTE
CLAIM_DAYS: Final = 7


def create_app(studio: Studio, *, hang_up: HangUp, script: Script | None = None, with_control: bool = False) -> ASGIApp:
    """The ASGI application for an open studio. `hang_up` ends a request's connection; only faults use it.

    With `with_control` the script can be changed and the request log read over HTTP (`control`).
    """
    api = _Api(studio, hang_up)
    log = RequestLog()
    routes = api.routes()
    # Only loopback names: a web page in this machine's browser must not reach the studio under a name of its own.
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    app = Starlette(routes=routes, middleware=[hosts], exception_handlers=_HANDLERS)
    app.state.errors_as = lambda: studio.settings.errors_as
    gate = Gate(app, log, studio.now, hang_up, script or Script())
    if with_control:
        routes_of_control = control.routes(studio, gate, log)
        app.router.routes.extend(routes_of_control)
    return gate


class _Api:
    """The endpoints."""

    def __init__(self, studio: Studio, hang_up: HangUp) -> None:
        self._studio = studio
        self._hang_up = hang_up

    def routes(self) -> list[Route]:
        """Every path of the API."""
        return [
            Route("/api/auth/anonymous-token", self.token, methods=["POST"]),
            Route("/api/auth/claim-token", self.claim, methods=["POST"]),
            Route("/api/tasks/me/with-session/nemo_agent", self.session, methods=["POST"]),
            Route("/run_sse", self.run_sse, methods=["POST"]),
            Route("/api/upload-video/nemo_agent/me/{session_id}", self.upload, methods=["POST"]),
            Route("/api/credits/balance/simple", self.credits, methods=["GET"]),
            Route("/api/state/nemo_agent/me/{session_id}/latest", self.state, methods=["GET"]),
            Route("/api/render/proxy/lambda", self.render, methods=["POST"]),
            Route("/api/render/proxy/lambda/{render_id}", self.poll, methods=["GET"]),
            Route("/api/render/proxy/{render_id}/download", self.download, methods=["GET"]),
            Route("/download/{link}/{name}", self.signed_download, methods=["GET"]),
            Route("/media/{session_id}/{key}", self.media, methods=["GET"]),
        ]

    # -- account and session ----------------------------------------------------------------------------------------

    async def token(self, request: Request) -> Response:
        """An anonymous token for a client id, which must be a UUID."""
        try:
            client_id = str(UUID(request.headers.get("x-client-id", "")))
        except ValueError as error:
            raise RefusedError(Code.CLIENT_ID) from error
        account = await self._studio.sign_in(client_id)
        return JSONResponse(
            fine(
                {
                    "token": account.token,
                    "user_id": account.user_id,
                    "credits": account.available,
                    "expires_at": _iso(account.expires_at),
                }
            )
        )

    async def claim(self, request: Request) -> Response:
        """A token to open a project with in a browser. The studio has no browser side: it only hands it out."""
        account = self._account(request)
        body = await bodies.json_body(request, SMALL_BODY_BYTES)
        session = self._studio.world.session_of(bodies.word(body, "session_id"), account.user_id)
        if session.task_id != bodies.word(body, "task_id"):
            raise RefusedError(Code.SESSION, "The task does not belong to this session.")
        expires = _iso(self._studio.now() + CLAIM_DAYS * DAY_S)
        return JSONResponse(fine({"claim_token": f"clm_{secrets.token_urlsafe(24)}", "expires_at": expires}))

    async def session(self, request: Request) -> Response:
        """A new project with its session."""
        account = self._account(request)
        body = await bodies.json_body(request, SMALL_BODY_BYTES)
        bodies.word(body, "task_name")
        session = await self._studio.open_session(account, bodies.word(body, "language"))
        return JSONResponse(
            fine({"task_id": session.task_id, "session_id": session.session_id, "user_id": account.user_id})
        )

    async def credits(self, request: Request) -> Response:
        """The balance."""
        account = self._account(request)
        return JSONResponse(fine({"available": account.available, "frozen": account.frozen, "total": account.total}))

    # -- work -------------------------------------------------------------------------------------------------------

    async def run_sse(self, request: Request) -> Response:
        """Take a message and stream what becomes of it."""
        account = self._account(request)
        session_id, text = bodies.message(await bodies.json_body(request, SMALL_BODY_BYTES))
        try:
            session = self._studio.world.session_of(session_id, account.user_id)
        except RefusedError as refusal:
            raise UnknownSessionError(session_id) from refusal
        fault = _fault(request)
        frames: Frames = self._studio.agent.take(session, text, fault) if fault.performed else nothing()
        return event_stream(frames, fault, lambda: self._hang_up(request.scope, False), self._studio.now())

    async def upload(self, request: Request) -> Response:
        """Take files, or addresses of files, into a session."""
        session = self._session(request)
        kind = request.headers.get("content-type", "")
        if kind.lower().startswith("application/json"):
            body = await bodies.json_body(request, SMALL_BODY_BYTES)
            uploads = await self._studio.upload(session, lambda batch: store_urls(body, batch))
        else:
            uploads = await self._studio.upload(session, lambda batch: store_multipart(kind, request.stream(), batch))
        return JSONResponse(fine({"files": [_upload(request, session, upload) for upload in uploads]}))

    async def state(self, request: Request) -> Response:
        """The session as it is: timeline, uploads, what was made."""
        session = self._session(request)
        state = {
            "draft": session.draft,
            "video_infos": [_upload(request, session, upload) for upload in session.uploads],
            "generated_media": list(session.generated),
        }
        return JSONResponse(fine({"session_id": session.session_id, "user_id": session.user_id, "state": state}))

    async def media(self, request: Request) -> Response:
        """An uploaded file; its key in the address is the secret."""
        session = self._studio.world.sessions.get(request.path_params["session_id"])
        key = request.path_params["key"]
        if session is None or all(upload.key != key for upload in session.uploads):
            raise HTTPException(404)
        return FileResponse(self._studio.storage.media(session.session_id) / key)

    # -- renders ----------------------------------------------------------------------------------------------------

    async def render(self, request: Request) -> Response:
        """Take an export. A missing attribution header is the plan's refusal."""
        account = self._account(request)
        missing = [name for name in ATTRIBUTION if not request.headers.get(name, "").strip()]
        if missing:
            raise RefusedError(Code.PLAN, f"Export blocked: missing {', '.join(missing)}.")
        render_id, session_id, draft = bodies.export(
            await bodies.json_body(request, self._studio.settings.max_json_bytes)
        )
        session = self._studio.world.session_of(session_id, account.user_id)
        fail = _fault(request).fail
        doom = fail if isinstance(fail, str) else "Scripted failure." if fail else None
        render = await self._studio.submit(session, render_id, draft, doom)
        facts = {"id": render.render_id, "status": render.status, "progress": render.progress}
        return JSONResponse({"success": True, "data": facts} if self._shape(request, "data") == "data" else facts)

    async def poll(self, request: Request) -> Response:
        """How an export stands, in the shape that the settings or the script name."""
        render = self._render(request)
        self._studio.queue.wanted(render.link)
        url = self._url(request, render) if render.status == "completed" else None
        facts: dict[str, Any] = {"id": render.render_id, "status": render.status, "progress": render.progress}
        if render.error:
            facts["error"] = render.error
        if render.warnings:
            facts["warnings"] = list(render.warnings)
        if self._shape(request, self._studio.settings.shape) == "data":
            return JSONResponse({"success": True, "data": facts | ({"outputUrl": url} if url else {})})
        return JSONResponse(facts | ({"output": {"url": url}} if url else {}))

    async def download(self, request: Request) -> Response:
        """The video, for its owner."""
        return self._video(self._render(request))

    async def signed_download(self, request: Request) -> Response:
        """The video, for whoever has the link."""
        render = self._studio.world.renders.get(request.path_params["link"])
        if render is None:
            raise HTTPException(404)
        return self._video(render)

    def _video(self, render: Render) -> Response:
        path = self._studio.storage.renders / render.file_name
        if render.status != "completed" or not path.is_file():
            raise RenderRefusedError(404, f"No video for render job: {render.render_id}")
        return FileResponse(path, media_type="video/mp4", filename=f"{render.render_id}.mp4")

    def _shape(self, request: Request, usual: str) -> str:
        return _fault(request).shape or usual

    def _url(self, request: Request, render: Render) -> str:
        return f"{request.base_url}download/{render.link}/{render.render_id}.mp4"

    # -- who asks ---------------------------------------------------------------------------------------------------

    def _account(self, request: Request) -> Account:
        """Whose bearer this is. Raises `RefusedError` 1001."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise RefusedError(Code.TOKEN)
        return self._studio.world.account_of(token, self._studio.now())

    def _session(self, request: Request) -> Session:
        """The path's session. Raises `RefusedError` 1001 or 1002."""
        account = self._account(request)
        return self._studio.world.session_of(request.path_params["session_id"], account.user_id)

    def _render(self, request: Request) -> Render:
        """The path's render. Raises `RefusedError` 1001 or `RenderRefusedError` 404."""
        account = self._account(request)
        return self._studio.world.render_of(request.path_params["render_id"], account.user_id)


def _fault(request: Request) -> Fault:
    fault: Fault = request.scope[FAULT]
    return fault


def _upload(request: Request, session: Session, upload: Upload) -> dict[str, Any]:
    """An upload as the API tells it; `duration` in seconds."""
    return {
        "filename": upload.name,
        "file_type": upload.kind,
        "cdn_url": f"{request.base_url}media/{session.session_id}/{upload.key}",
        "duration": upload.duration_ms / 1000,
        "width": upload.width,
        "height": upload.height,
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


async def _answered(request: Request, error: Exception) -> Response:
    """A refusal in its own shape; where the settings say so, one with a code rides on HTTP 200."""
    if not isinstance(error, AnsweredError):
        raise error
    quiet = isinstance(error, RefusedError) and request.app.state.errors_as() == "ok"
    return JSONResponse(error.body, 200 if quiet else error.status, error.headers)


async def _http(request: Request, error: Exception) -> Response:
    """What the framework refuses, in the agent server's shape."""
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    """The client left in the middle of its request; nobody reads this."""
    return Response(status_code=400)


_HANDLERS: Final[dict[Any, Callable[[Request, Exception], Awaitable[Response]]]] = {
    AnsweredError: _answered,
    HTTPException: _http,
    ClientDisconnect: _gone,
}
