"""The client on a wire of our own: simulated time with a mock transport, or a loopback server that a test writes out."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from nemo_watch.config import Pace
from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo.client import NemoClient
from nemo_watch.nemo.wire import Attribution

EPOCH = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class LoopClock:
    """Dates derived from the loop's own time, so that simulated time is all the time there is."""

    def monotonic(self):
        return asyncio.get_running_loop().time()

    def now(self):
        return EPOCH + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


class Wire(httpx.MockTransport):
    """A mock transport whose answers stream, as a network's do."""

    async def handle_async_request(self, request):
        answer = await super().handle_async_request(request)
        if not answer.is_stream_consumed:
            return answer

        async def body():
            yield answer.content

        return httpx.Response(answer.status_code, headers=answer.headers, content=body())


class FakeAccount:
    """Tokens token-0, token-1, …; a renewal counts only when the refused token is the newest."""

    def __init__(self, *, given=False):
        self.given, self.number, self.renewals, self.learned = given, 0, [], []

    async def bearer(self):
        return f"token-{self.number}"

    async def renew(self, rejected):
        self.renewals.append(rejected)
        if self.given:
            raise Trouble(Cause.TOKEN_REJECTED)
        self.number += 1
        return await self.bearer()

    async def client_id(self):
        return "client-7"

    def accepted(self, bearer):
        pass

    async def learn(self, user_id):
        self.learned.append(user_id)

    def how_to_get_credits(self):
        return "Register at https://nemovideo.com/register?bind=u1"


CERTIFICATES = httpx.create_ssl_context()


@pytest.fixture(autouse=True)
def shared_certificates(monkeypatch):
    """Reading the certificates takes 50 ms; one reading serves all tests."""
    monkeypatch.setattr(httpx, "create_ssl_context", lambda **_: CERTIFICATES)


@pytest.fixture
def clock():
    return LoopClock()


@pytest.fixture
def account():
    return FakeAccount()


@pytest.fixture
def given_account():
    return FakeAccount(given=True)


@pytest.fixture
def client_for(clock, account):
    """`async with client_for(handler or base_url) as client`: started, and closed in the end."""

    @asynccontextmanager
    async def made(target, *, account=account, pace=None, **options):
        base = target if isinstance(target, str) else "https://api.test"
        wire = None if isinstance(target, str) else Wire(target)
        client = NemoClient(base, Attribution(), account, pace or Pace(), clock, wire=wire, **options)
        await client.start()
        try:
            yield client
        finally:
            await client.aclose()

    return made


@pytest.fixture
def answering():
    """A handler that gives the listed answers in turn and keeps the requests: (status, JSON or bytes, headers)."""

    class Answering:
        def __init__(self, *answers):
            self.answers, self.requests = list(answers), []

        async def __call__(self, request):
            self.requests.append(request)
            status, body, *headers = self.answers.pop(0)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            return httpx.Response(status, content=content, headers=headers[0] if headers else None)

    return Answering


@pytest.fixture
def streaming():
    """A handler that answers with an event stream: texts are sent, numbers are waits in (simulated) seconds."""

    def made(*steps, status=200, kind="text/event-stream", end=None):
        async def body():
            for step in steps:
                if isinstance(step, int | float):
                    await asyncio.sleep(step)
                else:
                    yield step if isinstance(step, bytes) else step.encode()
            if end is not None:
                raise end

        requests = []

        async def handler(request):
            requests.append(request)
            return httpx.Response(status, content=body(), headers={"content-type": kind})

        handler.requests = requests
        return handler

    return made


@pytest.fixture
def serving():
    """`async with serving(talk) as base_url`: a raw loopback server; `talk(reader, writer)` is one connection."""

    @asynccontextmanager
    async def made(talk, host="127.0.0.1"):
        tasks = set()

        async def connection(reader, writer):
            tasks.add(asyncio.current_task())
            try:
                await talk(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(connection, host, 0)
        try:
            yield f"http://{host}:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return made


@pytest.fixture
def streams():
    """The recorded streams by name."""
    return {path.stem: path.read_bytes() for path in sorted(Path(__file__).parent.glob("streams/*.txt"))}
