"""A studio on loopback with small, quick hands, and a client that speaks to it as the API text says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from nemo_watch.studio.rendering_jobs import Order, Progress
from nemo_watch.studio.script import Script, read_script
from nemo_watch.studio.server import running_studio
from nemo_watch.studio.settings import Settings
from nemo_watch.studio.world import Upload

ATTRIBUTION = {
    "X-Skill-Source": "hitpaw-ai-video-generator-free",
    "X-Skill-Version": "1.0.0",
    "X-Skill-Platform": "unknown",
}
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the CA bundle for every client would take the most time
VIDEO = bytes(range(256)) * 1000


@dataclass(frozen=True)
class Direction:
    draft: dict[str, Any]
    said: str
    asks: bool = False


def direct(prompt: str, uploads: Sequence[Upload], draft: Mapping[str, Any] | None, language: str) -> Direction:
    """A prompt makes video, music and title; one with a question mark is asked back."""
    if prompt == "explode":
        raise RuntimeError('boom: "quoted" 中文')
    if prompt.endswith("?"):
        return Direction(dict(draft or {}), "Which photo do you mean?", asks=True)
    if prompt == "nothing":
        return Direction(dict(draft or {}), "There is nothing to do.")
    photos = [{"d": 3000, "m": {"name": upload.name}} for upload in uploads] or [{"d": 3000, "m": {"name": "words"}}]
    tracks = [{"tt": 0, "sg": photos}, {"tt": 1, "sg": [{"d": 3000}]}, {"tt": 7, "sg": [{"d": 3000, "text": prompt}]}]
    return Direction({"t": tracks, "d": 3000 * len(photos)}, f"Made with {len(photos)}: {prompt} 🎬\u2028done.")


def probe(path: Path, key: str, name: str) -> Upload:
    """Anything that begins like a picture is one."""
    if not path.read_bytes().startswith(b"picture"):
        raise ValueError("This is no picture.")
    return Upload(key, name, "image", 40, 30, 0, has_sound=False)


@dataclass
class Renders:
    """A renderer under the test's hand: each render waits in `started` until `finish` is set."""

    finish: asyncio.Event = field(default_factory=asyncio.Event)
    orders: list[Order] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    halfway: float = 0.42

    async def __call__(self, order: Order, progress: Progress) -> Sequence[str]:
        self.orders.append(order)
        progress(self.halfway)
        self.started.set()
        await self.finish.wait()
        order.output.write_bytes(VIDEO)
        return ["A photo was small."]


class Client:
    """The API as its users call it."""

    def __init__(self, url: str, rest: Callable[[str], None] = lambda _: None) -> None:
        self.url, self.rest = url, rest
        self.http = httpx.AsyncClient(base_url=url, headers=ATTRIBUTION, trust_env=False, timeout=20, verify=NO_TLS)
        self.without_token = httpx.AsyncClient(trust_env=False, verify=NO_TLS)
        self.session_id = ""
        self.task_id = ""

    async def sign_in(self, client_id: str | None = None) -> dict[str, Any]:
        answer = await self.http.post(
            "/api/auth/anonymous-token", headers={"X-Client-Id": client_id or str(uuid.uuid4())}
        )
        data: dict[str, Any] = answer.json()["data"]
        self.http.headers["Authorization"] = f"Bearer {data['token']}"
        return data

    async def open_session(self, language: str = "en") -> httpx.Response:
        answer = await self.http.post(
            "/api/tasks/me/with-session/nemo_agent", json={"task_name": "project", "language": language}
        )
        self.session_id, self.task_id = answer.json()["data"]["session_id"], answer.json()["data"]["task_id"]
        return answer

    async def send(self, text: str, session_id: str | None = None) -> httpx.Response:
        return await self.http.post("/run_sse", json=self.message(text, session_id))

    def message(self, text: str, session_id: str | None = None) -> dict[str, Any]:
        return {
            "app_name": "nemo_agent",
            "user_id": "me",
            "session_id": session_id or self.session_id,
            "new_message": {"parts": [{"text": text}]},
        }

    async def upload(self, *files: tuple[str, bytes]) -> httpx.Response:
        return await self.http.post(self.upload_path, files=[("files", file) for file in files])

    @property
    def upload_path(self) -> str:
        return f"/api/upload-video/nemo_agent/me/{self.session_id}"

    async def state(self) -> dict[str, Any]:
        answer = await self.http.get(f"/api/state/nemo_agent/me/{self.session_id}/latest")
        state: dict[str, Any] = answer.json()["data"]["state"]
        return state

    async def credits(self) -> dict[str, int]:
        balance: dict[str, int] = (await self.http.get("/api/credits/balance/simple")).json()["data"]
        return balance

    async def render(self, render_id: str, draft: dict[str, Any] | None = None) -> httpx.Response:
        body = {
            "id": render_id,
            "sessionId": self.session_id,
            "draft": draft or (await self.state())["draft"],
            "output": {"format": "mp4", "quality": "high"},
        }
        return await self.http.post("/api/render/proxy/lambda", json=body)

    async def poll(self, render_id: str) -> dict[str, Any]:
        facts: dict[str, Any] = (await self.http.get(f"/api/render/proxy/lambda/{render_id}")).json()
        return facts

    async def ended(self, render_id: str) -> dict[str, Any]:
        while (facts := await self.poll(render_id))["status"] not in ("completed", "failed"):
            pass  # each poll is a turn of the loop
        return facts

    async def play(self, *rules: dict[str, Any], **settings: Any) -> httpx.Response:
        return await self.http.post("/__studio/script", json={"rules": list(rules), "settings": settings})

    async def log(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self.http.get("/__studio/log")).json()["log"]
        return rows


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    """The JSON events of a whole stream, heartbeats left out."""
    blocks = [block for block in answer.content.split(b"\n\n") if block.startswith(b"data: {")]
    found = [json.loads(block.removeprefix(b"data: ")) for block in blocks]
    return [event for event in found if event.get("type") != "heartbeat"]


def full_texts(answer: httpx.Response) -> list[str]:
    """What was said in full, deltas left out."""
    parts = [e["content"]["parts"] for e in events(answer) if "content" in e and not e.get("partial")]
    return [part["text"] for some in parts for part in some if "text" in part]


@pytest.fixture
def say() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`events` and `full_texts`, for reading streams."""
    return events, full_texts


@pytest.fixture(autouse=True)
def no_power_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power is cut in these tests, and waiting for the disk would take most of their time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def renders() -> Renders:
    return Renders()


@pytest.fixture
def open_studio(tmp_path: Path, renders: Renders) -> Callable[..., Any]:
    """Start a studio: keywords are settings; `script` a script's data, `folder` and `render` other ones."""

    @contextlib.asynccontextmanager
    async def started(
        *, folder: Path | None = None, script: dict[str, Any] | None = None, render: Any = None, **settings: Any
    ) -> AsyncIterator[Client]:
        played = read_script(script) if script else Script()
        async with running_studio(
            folder or tmp_path / "studio",
            settings=played.settings_over(Settings(pace_s=0, **settings)),
            script=played,
            control=True,
            direct=direct,
            probe=probe,
            render=render or renders,
        ) as serving:
            client = Client(serving.url, serving.rest)
            try:
                yield client
            finally:
                await client.http.aclose()
                await client.without_token.aclose()

    return started


@pytest.fixture
async def client(open_studio: Callable[..., Any]) -> AsyncIterator[Client]:
    """A client with a token and a session of a studio that never falls silent."""
    async with open_studio(silent_percent=0) as client:
        await client.sign_in()
        await client.open_session()
        yield client
