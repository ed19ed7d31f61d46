"""Downloads on loopback: whole or known to be broken, resumed only as the same file, and only from where they may."""

from __future__ import annotations

import asyncio
import errno
import json

import pytest

from nemo_watch.errors import Cause, Trouble
from nemo_watch.nemo import partfile
from nemo_watch.nemo.wire import Render, RenderStatus

VIDEO = bytes(range(256)) * 10_000
FALLBACK = "/api/render/proxy/r1/download"


class Host:
    """A small HTTP server of files: `files[path]` is a list of answers, the last of which is given for ever."""

    def __init__(self, files):
        self.files, self.requests = files, []

    async def __call__(self, reader, writer):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in lines[1:] if line}
        path = lines[0].split()[1]
        self.requests.append((path, headers))
        answers = self.files.get(path) or [answer(404)]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        writer.write(found(headers) if callable(found) else found)
        await writer.drain()


def answer(status, body=b"", length=None, **headers):
    lines = [f"HTTP/1.1 {status} X", "Connection: close"]
    if length is not False:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def ranged(etag, video=VIDEO):
    """A server that knows ranges, as nginx does."""

    def found(headers):
        start = int(headers.get("range", "bytes=0-")[6:-1])
        if "range" not in headers or headers.get("if-range") != etag:
            return answer(200, video, ETag=etag)
        if start >= len(video):
            return answer(416, Content_Range=f"bytes */{len(video)}")
        return answer(206, video[start:], Content_Range=f"bytes {start}-{len(video) - 1}/{len(video)}", ETag=etag)

    return found


def cut(at, etag='"e1"', **more):
    return answer(200, VIDEO[:at], length=len(VIDEO), ETag=etag, **more)


@pytest.fixture
def part(tmp_path):
    return tmp_path / "video.mp4.part"


async def broken(client, url, part):
    with pytest.raises(Trouble) as raised:
        await client.download(url, "r1", part)
    return raised.value


async def test_a_video_arrives_whole_and_its_note_goes(client_for, serving, part):
    told = []
    async with serving(Host({"/v": [ranged('"e1"')]})) as url, client_for(url) as client:
        done = await client.download(Render("r1", RenderStatus.COMPLETED, url=f"{url}/v"), "r1", part, told.append)
    assert (done.size_bytes, done.announced, part.read_bytes()) == (len(VIDEO), True, VIDEO)
    assert [path.name for path in part.parent.iterdir()] == [part.name]
    assert told[-1] == len(VIDEO)


async def test_a_broken_download_goes_on_where_it_broke_off(client_for, serving, part):
    host = Host({"/v": [cut(1_500_000), ranged('"e1"')]})
    async with serving(host) as url, client_for(url) as client:
        assert (await broken(client, f"{url}/v", part)).cause is Cause.DOWNLOAD_BROKEN
        assert part.stat().st_size == 1_500_000
        done = await client.download(f"{url}/v", "r1", part)
    assert (done.size_bytes, part.read_bytes()) == (len(VIDEO), VIDEO)
    again = [headers for path, headers in host.requests if path == "/v"][-1]
    assert (again["range"], again["if-range"], again["accept-encoding"]) == ("bytes=1500000-", '"e1"', "identity")


async def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(client_for, serving, part):
    other = VIDEO[::-1]
    host = Host({"/v": [cut(1_500_000), ranged('"e2"', other)]})
    async with serving(host) as url, client_for(url) as client:
        await broken(client, f"{url}/v", part)
        await client.download(f"{url}/v", "r1", part)
    assert part.read_bytes() == other


@pytest.mark.parametrize(
    "odd",
    [
        answer(206, VIDEO[:10], Content_Range="bytes 0-9/2560000", ETag='"e1"'),
        answer(206, VIDEO[1_500_000:], Content_Range="bytes 1500000-2559999/2560001", ETag='"e1"'),
        answer(206, VIDEO, ETag='"e1"'),
        answer(416, Content_Range="bytes */77"),
    ],
)
async def test_a_part_that_does_not_fit_is_thrown_away_and_the_whole_fetched(client_for, serving, part, odd):
    async with serving(Host({"/v": [cut(1_500_000), odd, ranged('"e1"')]})) as url, client_for(url) as client:
        await broken(client, f"{url}/v", part)
        await client.download(f"{url}/v", "r1", part)
    assert part.read_bytes() == VIDEO


async def test_a_part_that_was_whole_already_is_known_by_its_length(client_for, serving, part):
    note = {"render_id": "r1", "validator": '"e1"', "total_bytes": len(VIDEO), "boot": partfile._boot()}
    part.write_bytes(VIDEO)
    part.with_name(part.name + ".note").write_text(json.dumps(note))
    async with serving(Host({"/v": [ranged('"e1"')]})) as url, client_for(url) as client:
        done = await client.download(f"{url}/v", "r1", part)
    assert (done.size_bytes, done.announced, part.read_bytes()) == (len(VIDEO), True, VIDEO)


@pytest.mark.parametrize(
    "note", ["", "{}", "[]", '{"render_id":"r1","validator":"x","total_bytes":1,"boot":"another boot"}',
             '{"render_id":"r2","validator":"x","total_bytes":1,"boot":"unknown"}'],
)  # fmt: skip
async def test_a_part_of_unknown_origin_is_not_built_upon(client_for, serving, part, note):
    part.write_bytes(b"junk" * 1_000_000)
    part.with_name(part.name + ".note").write_text(note)
    host = Host({"/v": [ranged('"e1"')]})
    async with serving(host) as url, client_for(url) as client:
        await client.download(f"{url}/v", "r1", part)
    assert part.read_bytes() == VIDEO
    assert "range" not in host.requests[0][1]


async def test_without_a_validator_nothing_is_resumed(client_for, serving, part):
    host = Host({"/v": [answer(200, VIDEO[:100], length=len(VIDEO), ETag='W/"weak"'), ranged('"e1"')]})
    async with serving(host) as url, client_for(url) as client:
        await broken(client, f"{url}/v", part)
        await client.download(f"{url}/v", "r1", part)
    assert part.read_bytes() == VIDEO
    assert all("range" not in headers for _, headers in host.requests)


async def test_a_length_that_was_not_announced_is_told(client_for, serving, part):
    async with serving(Host({"/v": [answer(200, VIDEO, length=False)]})) as url, client_for(url) as client:
        done = await client.download(f"{url}/v", "r1", part)
    assert (done.size_bytes, done.announced) == (len(VIDEO), False)


@pytest.mark.parametrize(
    "bad",
    [
        answer(404), answer(403, b"<Error/>"), answer(500), answer(401), answer(200, b""),
        answer(200, b"<html>", Content_Type="text/html"), answer(200, VIDEO, Content_Encoding="gzip"),
        answer(302, Location="ftp://x/y"), answer(302, Location="http://[bad"),
    ],
)  # fmt: skip
async def test_a_link_that_gives_no_video_leads_to_the_service_itself(client_for, serving, part, account, bad):
    own = Host({FALLBACK: [answer(200, VIDEO, ETag='"o"')]})
    async with serving(own) as base, serving(Host({"/v": [bad]})) as other, client_for(base) as client:
        done = await client.download(f"{other}/v", "r1", part)
    assert (done.size_bytes, part.read_bytes()) == (len(VIDEO), VIDEO)
    assert own.requests[0][1]["authorization"] == "Bearer token-0"
    assert account.renewals == []


async def test_a_render_without_a_link_is_fetched_from_the_service_itself(client_for, serving, part):
    async with serving(Host({FALLBACK: [answer(200, VIDEO)]})) as base, client_for(base) as client:
        await client.download(Render("r1", RenderStatus.COMPLETED), "r1", part)
    assert part.read_bytes() == VIDEO


async def test_the_bearer_and_the_three_headers_go_to_the_own_host_only(client_for, serving, part):
    secret = {"authorization", "x-skill-source", "x-skill-version", "x-skill-platform"}
    other = Host({"/v": [answer(200, VIDEO)]})
    async with serving(other, "127.0.0.2") as elsewhere:
        own = Host({"/own": [answer(302, Location=f"{elsewhere}/v")]})
        async with serving(own) as base, client_for(base) as client:
            await client.download("/own", "r1", part)
            await client.download(base.replace("127.0.0.1", "localhost") + "/own", "r2", part)
    assert secret <= own.requests[0][1].keys()
    assert not secret & own.requests[1][1].keys()
    assert own.requests[1][1]["host"].startswith("localhost:")
    assert all(not secret & headers.keys() for _, headers in other.requests)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://169.254.169.254/latest", "http://0.0.0.0/", "http://", "x" * 70_000,
     "http://224.0.0.1/x", "http://[fe80::1]/x", "javascript:alert(1)"],
)  # fmt: skip
async def test_addresses_that_may_not_be_fetched_are_refused(client_for, serving, part, url):
    async with serving(Host({})) as base, client_for(base) as client:
        trouble = await broken(client, url, part)
    assert trouble.cause in {Cause.DOWNLOAD_REFUSED, Cause.DOWNLOAD_BROKEN}
    assert not part.exists()


async def test_redirects_that_never_end_are_refused(client_for, serving, part):
    host = Host({"/v": [answer(302, Location="/v")]})
    async with serving(host) as base, client_for(base) as client:
        assert (await broken(client, f"{base}/v", part)).cause is Cause.DOWNLOAD_REFUSED
    assert sum(path == "/v" for path, _ in host.requests) == 6


async def test_an_expired_token_is_renewed_for_the_services_own_download(client_for, serving, part, account):
    async with serving(Host({FALLBACK: [answer(401), answer(200, VIDEO)]})) as base, client_for(base) as client:
        await client.download(None, "r1", part)
    assert account.renewals == ["token-0"]
    assert part.read_bytes() == VIDEO


@pytest.mark.parametrize(
    ("number", "cause"),
    [(errno.ENOSPC, Cause.NO_SPACE), (errno.EDQUOT, Cause.NO_SPACE), (errno.EROFS, Cause.OUTBOX_UNWRITABLE)],
)
async def test_a_full_or_closed_disk_is_its_own_trouble(client_for, serving, part, monkeypatch, number, cause):
    def refuse(path, offset):
        raise OSError(number, "no")

    monkeypatch.setattr(partfile, "_opened", refuse)
    async with serving(Host({"/v": [answer(200, VIDEO)]})) as base, client_for(base) as client:
        trouble = await broken(client, f"{base}/v", part)
    assert (trouble.cause, trouble.data["folder"]) == (cause, str(part.parent))


async def test_a_part_file_is_never_written_through_a_link(client_for, serving, part, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    part.symlink_to(victim)
    async with serving(Host({"/v": [answer(200, VIDEO)]})) as base, client_for(base) as client:
        assert (await broken(client, f"{base}/v", part)).cause is Cause.OUTBOX_UNWRITABLE
    assert victim.read_text() == "mine"


@pytest.mark.looptime
async def test_a_download_that_stands_still_ends_and_keeps_what_came(client_for, part, looptime):
    import httpx

    async def body():
        yield VIDEO[:5000]
        await asyncio.sleep(10_000)

    handler = lambda _: httpx.Response(200, content=body(), headers={"content-length": "99999", "etag": '"e"'})  # noqa: E731
    async with client_for(handler) as client:
        assert (await broken(client, "https://api.test/v", part)).cause is Cause.NETWORK_DOWN
    assert looptime == 60
    assert part.read_bytes() == VIDEO[:5000]


async def test_a_host_that_ignores_if_range_cannot_mix_two_files_of_one_length(client_for, serving, part):
    other = VIDEO[::-1]

    def ignoring(headers):
        if "range" not in headers:
            return answer(200, other, ETag='"e2"')
        start = int(headers["range"].removeprefix("bytes=").rstrip("-"))
        where = f"bytes {start}-{len(other) - 1}/{len(other)}"
        return answer(206, other[start:], Content_Range=where, ETag='"e2"')

    host = Host({"/v": [cut(1_500_000), ignoring, ignoring]})
    async with serving(host) as url, client_for(url) as client:
        await broken(client, f"{url}/v", part)
        done = await client.download(f"{url}/v", "r1", part)
    assert done.announced
    assert part.read_bytes() == other
