"""The golden exchanges bind both sides: what the client sends is what the studio takes, and what it answers reads the same.

The client is tried against the very same files in `tests/nemo/test_client.py`; here each goes over loopback to a studio, which is
a second reading of the API text.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field, is_dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from nemo_watch.clock import SystemClock
from nemo_watch.config import Pace
from nemo_watch.errors import Trouble
from nemo_watch.nemo.client import NemoClient
from nemo_watch.nemo.wire import Attribution
from nemo_watch.studio.rendering_jobs import Order, Progress
from nemo_watch.studio.server import running_studio
from nemo_watch.studio.settings import Settings

GOLDEN = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).parents[1] / "nemo/golden").glob("*.json"))
}
SESSION, TASK, RENDER, LINK = "7312345678901234567", "t-1", "render_1795327807123", "https://example.com/a.jpg"


def photo() -> bytes:
    file = BytesIO()
    Image.new("RGB", (64, 48), "teal").save(file, "JPEG")
    return file.getvalue()


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """The way to the studio, on which everything that goes out is seen."""

    inner: httpx.AsyncHTTPTransport = field(default_factory=lambda: httpx.AsyncHTTPTransport(verify=False))
    requests: list[tuple[httpx.Request, bytes]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request, await request.aread()))
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


@dataclass
class Account:
    """A token of the studio's own."""

    token: str = "token-0"
    given: bool = False

    async def bearer(self) -> str:
        return self.token

    async def renew(self, rejected: str) -> str:
        raise AssertionError(rejected)

    async def client_id(self) -> str:
        return "client-7"

    async def learn(self, user_id: str) -> None:
        pass

    def accepted(self, bearer: str) -> None:
        pass

    def how_to_get_credits(self) -> str:
        return "Register"


@dataclass
class Renderer:
    """Ends each render as the test says, and not before."""

    fail: bool = False
    finish: asyncio.Event = field(default_factory=asyncio.Event)
    halfway: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, order: Order, progress: Progress) -> list[str]:
        progress(0.5)
        self.halfway.set()
        await self.finish.wait()
        if self.fail:
            raise RuntimeError("asset not found in render")
        order.output.write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0")
        return []


@dataclass
class Stage:
    """A studio with a client of ours before it."""

    url: str
    client: NemoClient
    wire: Wire
    account: Account
    renderer: Renderer
    names: dict[str, str] = field(default_factory=dict)

    async def ready(self, name: str) -> None:
        """Bring the studio to where the exchange `name` begins; `names` leads from the files' ids to the studio's."""
        self.account.token = (await self.client.fetch_token("7c9e6679-7425-40de-944b-e07fc1f90ae8")).token
        session = await self.client.create_session("en")
        assert session.task_id is not None
        self.names |= {SESSION: session.session_id, TASK: session.task_id}
        if name.startswith(("state", "render")) and name != "state-empty":
            await self._draft(session.session_id)
        if name.startswith("render-") and not name.startswith(("render-submit", "render-unknown")):
            await self._rendered(session.session_id, name)
        self.wire.requests.clear()

    async def _draft(self, session_id: str) -> None:
        data = photo()
        await self.client.upload(session_id, "a.jpg", len(data), lambda: BytesIO(data))
        await self.client.send_message(session_id, "A calm film", lambda _: None)

    async def _rendered(self, session_id: str, name: str) -> None:
        state = await self.client.state(session_id)
        assert state.draft is not None
        await self.client.submit_render(RENDER, session_id, state.draft)
        await self.renderer.halfway.wait()
        if "processing" not in name:
            self.renderer.fail = "failed" in name
            self.renderer.finish.set()
            while (await self.client.render(RENDER)).status == "processing":
                pass  # each look is a turn of the loop

    def own(self, value: Any) -> Any:
        """The golden value with the studio's ids in it."""
        text = json.dumps(value)
        for golden, real in self.names.items():
            text = text.replace(golden, real)
        return json.loads(text)

    async def script(self, call: str, do: dict[str, Any]) -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            rules = [{"call": call, "at": "every", "do": do}]
            answer = await http.post(f"{self.url}/__studio/script", json={"rules": rules})
            answer.raise_for_status()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    renderer, wire, account = Renderer(), Wire(), Account()
    settings = Settings(credits=100, pace_s=0.0, silent_percent=0)
    async with running_studio(tmp_path / "studio", settings=settings, control=True, render=renderer) as serving:
        url = serving.url
        client = NemoClient(url, Attribution(), account, Pace(), SystemClock(), wire=wire)
        await client.start()
        try:
            yield Stage(url, client, wire, account, renderer)
        finally:
            renderer.finish.set()
            await client.aclose()


@pytest.fixture
def linked() -> Iterator[str]:
    """An address on this machine at which a photo lies: a studio fetches from nowhere else."""
    data = photo()

    class Photo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Photo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/a.jpg"
        finally:
            server.shutdown()
            thread.join()


def plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    value = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    return json.loads(json.dumps(value, default=str))


def kinds(value: Any) -> Any:
    """What a value is made of: its keys and the kinds of what stands there. Numbers are numbers; what may be missing is no kind."""
    if isinstance(value, dict):
        return {key: kinds(item) for key, item in value.items()}
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__
    return "number"


MAY_BE_MISSING = {
    "user_id", "expires_at", "credits", "duration", "width", "height", "cdn_url", "file_type", "progress", "error", "url",
}  # fmt: skip
"""Optional in the API text or in the vendor's own clients: an answer without them is whole."""


def assert_alike(found: Any, golden: Any) -> None:
    if isinstance(golden, list) and isinstance(found, list):
        for one, other in zip(found, golden, strict=True):
            assert_alike(one, other)
        return
    if not isinstance(golden, dict):
        assert kinds(found) == kinds(golden)
        return
    assert found.keys() == golden.keys()
    for key in golden:
        if key in {"draft", "video_infos", "generated_media"}:
            assert type(found[key]) is type(golden[key])
        elif key in MAY_BE_MISSING and None in {found[key], golden[key]}:
            continue
        elif key == "status":
            assert found[key] == golden[key] or {found[key], golden[key]} == {"pending", "processing"}
        else:
            assert kinds(found[key]) == kinds(golden[key]), key


VARIANTS = {"balance-zero", "session-number", "render-unknown-data"}  # shapes that others give and the studio does not


@pytest.mark.parametrize("name", [n for n, e in GOLDEN.items() if "value" in e and n not in VARIANTS])
async def test_the_studio_takes_what_the_client_sends_and_the_client_reads_what_it_answers(stage, linked, name):
    exchange = GOLDEN[name]
    if name == "render-submit-top-level":
        await stage.script("render", {"shape": "top"})
    elif "-data" in name:
        await stage.script("poll", {"shape": "data"})
    await stage.ready(name)
    stage.names[LINK] = linked
    method, arguments = exchange["call"]
    wanted = stage.own(exchange["request"])
    value = await getattr(stage.client, method)(*stage.own(arguments))
    ((request, body),) = stage.wire.requests
    assert (request.method, request.url.raw_path.decode()) == (wanted["method"], wanted["path"])
    assert (json.loads(body) if body else None) == wanted["json"]
    assert_alike(plain(value), exchange["value"])


CALLS = {
    "fetch_token": "token", "create_session": "session", "upload_urls": "upload", "balance": "credits", "state": "state",
    "submit_render": "render", "render": "poll", "claim": "claim",
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n, e in GOLDEN.items() if "cause" in e])
async def test_the_studio_plays_every_refusal_and_the_client_reads_the_same_cause(stage, name):
    exchange = GOLDEN[name]
    await stage.ready("session")
    method, arguments = exchange["call"]
    answer = exchange["answer"]
    body = answer["json"] if "json" in answer else "html" if answer["text"] else "empty"
    await stage.script(CALLS[method], {"status": answer["status"], "body": body})
    with pytest.raises(Trouble) as raised:
        await getattr(stage.client, method)(*stage.own(arguments))
    assert raised.value.cause == exchange["cause"]
