"""The studio as "the cloud": on loopback, in a thread of the test, with every request written down and every moment to hook.

The daemon under test is another process and knows only the address. `Cloud.calls` is the request log that the tests count paid
messages, uploads and renders in; it survives `down` and `up`, which are how a service goes away and comes back.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from nemo_watch.studio import server
from nemo_watch.studio.rendering_jobs import Order, Progress
from nemo_watch.studio.script import Call, call_named
from nemo_watch.studio.settings import Settings

LISTENS_WITHIN_S = 30.0
_studio_of_thread = threading.local()
_create_app = server.create_app


@dataclass
class Asked:
    """One request, and how far its answer got. Times are only for people who read a failure."""

    call: Call | None
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    status: int | None = None
    answered: bool = False

    @property
    def words(self) -> str:
        """The text of a message."""
        if not self.body:  # its sender was killed before it was out
            return ""
        return "\n".join(part["text"] for part in json.loads(self.body)["new_message"]["parts"])

    @property
    def session(self) -> str:
        """The session that a message, an upload or a look at the state is for."""
        if self.call is Call.RUN_SSE:
            return str(json.loads(self.body)["session_id"]) if self.body else ""
        return self.path.removesuffix("/latest").rpartition("/")[2]

    @property
    def render_id(self) -> str:
        """The id under which a render is submitted."""
        return str(json.loads(self.body)["id"]) if self.body else ""


Deed = Callable[[], None]
MOMENTS = ("asked", "heard", "performed", "part", "answered")
"""A request has come; the first of its body too; the service has done what it asks and is about to say so; the first part of the
answer is out; its answer is on its way to the last byte. (A stream is `performed` when it begins.)"""


@dataclass
class Hook:
    """Do `deed` once, at this moment of the `nth` call of its kind (from 1, since the cloud began). `happened` is set when it is done.

    With `holds`, that call (and no other) goes no further until `released`.
    """

    call: Call
    moment: str
    deed: Deed
    nth: int = 1
    holds: bool = False
    happened: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


class Tap:
    """The ASGI application round the studio's: it writes down what passes, and does deeds at given moments."""

    def __init__(self, cloud: Cloud, app: Any) -> None:
        self._cloud = cloud
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request; the control's own are no part of the log."""
        if scope["type"] != "http" or scope["path"].startswith("/__studio"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        asked = Asked(call_named(scope["method"], scope["path"]), scope["method"], scope["path"], headers)
        self._cloud.calls.append(asked)
        number = sum(other.call is asked.call for other in self._cloud.calls)
        await self._moment(asked, number, "asked")

        async def hear() -> Any:
            message = await receive()
            if asked.call is not Call.UPLOAD:
                asked.body += message.get("body", b"")
            if message["type"] == "http.request":
                await self._moment(asked, number, "heard")
            return message

        async def tell(message: Any) -> None:
            if message["type"] == "http.response.start":
                asked.status = message["status"]
                await self._moment(asked, number, "performed")
            await send(message)
            if message["type"] == "http.response.body":
                asked.answered = not message.get("more_body", False)
                await self._moment(asked, number, "answered" if asked.answered else "part")

        await self._app(scope, hear, tell)

    async def _moment(self, asked: Asked, number: int, moment: str) -> None:
        """Do what is hooked here, and hold the whole cloud meanwhile: nothing happens between the moment and the deed."""
        for hook in list(self._cloud.hooks):
            if (hook.call, hook.nth, hook.moment) == (asked.call, number, moment) and not hook.happened.is_set():
                hook.deed()
                hook.happened.set()
                while hook.holds and not hook.released.is_set():  # noqa: ASYNC110  released by another thread
                    await asyncio.sleep(0.01)


def _tapped(*args: Any, **kwargs: Any) -> Any:
    app = _create_app(*args, **kwargs)
    cloud = getattr(_studio_of_thread, "cloud", None)
    return app if cloud is None else Tap(cloud, app)


server.create_app = _tapped  # the one way in: the server makes its application itself


@dataclass
class Film:
    """A quick renderer: a whole MP4 that is different for every render, at once, or when `gate` opens."""

    sample: bytes
    gate: threading.Event = field(default_factory=threading.Event)
    made: list[bytes] = field(default_factory=list)

    async def __call__(self, order: Order, progress: Progress) -> Sequence[str]:
        """Make it: the sample with a box behind it that no player looks at."""
        progress(0.5)
        while not self.gate.is_set():  # noqa: ASYNC110  opened by another thread
            await asyncio.sleep(0.01)
        mark = f"{len(self.made)}/{json.dumps(order.draft, sort_keys=True)}".encode() + bytes(200_000)
        video = self.sample + (len(mark) + 8).to_bytes(4, "big") + b"free" + mark
        self.made.append(video)
        order.output.write_bytes(video)
        return []


class Cloud:
    """A studio that can be told everything: its script, its money, its end and its return on the same port."""

    def __init__(self, folder: Path, sample: bytes, *, real: bool = False, **settings: Any) -> None:
        self.folder = folder
        self.film = Film(sample)
        self.film.gate.set()
        self.calls: list[Asked] = []
        self.hooks: list[Hook] = []
        self.url = ""
        self._real = real
        self._settings = Settings(**{"pace_s": 0.0, "silent_percent": 0, **settings})
        self._thread: threading.Thread | None = None
        self._trouble: BaseException | None = None
        self._http = httpx.Client(trust_env=False, timeout=20)

    # -- there and away ----------------------------------------------------------------------------------------------------

    def up(self) -> None:
        """Listen; after `down` on the same port, with the same accounts, sessions and renders."""
        listening = threading.Event()
        port = int(self.url.rpartition(":")[2]) if self.url else 0
        self._thread = threading.Thread(target=self._serve, args=(port, listening), daemon=True)
        self._thread.start()
        if not listening.wait(LISTENS_WITHIN_S) or self._trouble is not None:
            raise RuntimeError("the studio does not listen") from self._trouble

    def _serve(self, port: int, listening: threading.Event) -> None:
        _studio_of_thread.cloud = self
        try:
            asyncio.run(self._live(port, listening))
        except BaseException as error:  # noqa: BLE001  told by whoever waits for it
            self._trouble = error
            listening.set()

    async def _live(self, port: int, listening: threading.Event) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        render = None if self._real else self.film
        async with server.running_studio(
            self.folder, port=port, settings=self._settings, control=True, render=render
        ) as serving:
            self.url = serving.url
            listening.set()
            await self._ending.wait()

    def down(self) -> None:
        """Stop listening: every connection is refused from now on."""
        if self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(LISTENS_WITHIN_S)
        self._thread = None

    # -- what it is told ---------------------------------------------------------------------------------------------------

    def _control(self, what: str, data: dict[str, Any]) -> None:
        self._http.post(f"{self.url}/__studio/{what}", json=data).raise_for_status()

    def play(self, *rules: dict[str, Any], **settings: Any) -> None:
        """Play this script from now on; counting begins anew."""
        self._control("script", {"rules": list(rules), "settings": settings})

    def fault(self, call: str, at: int | str = 1, times: int = 1, **do: Any) -> None:
        """Play one fault."""
        self.play({"call": call, "at": at, "times": times, "do": do})

    def credits(self, total: int) -> None:
        """Every account has so many credits."""
        self._control("credits", {"total": total})

    def expire(self) -> None:
        """Every token ends now."""
        self._control("expire", {})

    def forget(self, *, sessions: bool = False, renders: bool = False) -> None:
        """Lose every session, or every render, as a service does that was set up anew. Only while it is down."""
        file = self.folder / "world.json"
        world = json.loads(file.read_bytes())
        for key, wanted in (("sessions", sessions), ("renders", renders)):
            if wanted:
                world[key] = {}
        file.write_text(json.dumps(world), "utf-8")

    def hook(self, call: str, moment: str, deed: Deed = lambda: None, nth: int = 1, *, holds: bool = False) -> Hook:
        """Do something at a moment of the `nth` call from now on."""
        hook = Hook(Call(call), moment, deed, nth + self.count(call), holds)
        self.hooks.append(hook)
        return hook

    def token(self) -> str:
        """A token of a registered account, as a person would have one."""
        import uuid

        answer = self._http.post(f"{self.url}/api/auth/anonymous-token", headers={"X-Client-Id": str(uuid.uuid4())})
        self.calls.clear()
        return str(answer.json()["data"]["token"])

    # -- what it was asked -------------------------------------------------------------------------------------------------

    def count(self, call: str) -> int:
        """How often this was asked."""
        return len(self.asked(call))

    def asked(self, call: str) -> list[Asked]:
        """All requests of this kind, in the order they came."""
        return [asked for asked in self.calls if asked.call == call]

    @property
    def messages(self) -> list[str]:
        """The words of every paid message that came, in their order: a message that came twice stands here twice."""
        return [asked.words for asked in self.asked("run_sse")]

    @property
    def renders(self) -> list[str]:
        """The ids of every render that was submitted."""
        return [asked.render_id for asked in self.asked("render") if asked.body]

    @property
    def video_sums(self) -> set[str]:
        """What every whole video of this cloud sums up to."""
        return {sha256(video).hexdigest() for video in self.film.made}


def story(calls: Iterable[Asked]) -> str:
    """The requests as lines, for a failure's reader."""
    return "\n".join(f"{a.method} {a.path} -> {a.status}{'' if a.answered else ' (not to its end)'}" for a in calls)
