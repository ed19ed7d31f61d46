"""The proof by the request log: what rides on every request, and where the token never is."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.cloud import Cloud
from tests.e2e.house import House

ATTRIBUTION = {
    "x-skill-source": "hitpaw-ai-video-generator-free",
    "x-skill-version": "1.0.0",
}


def test_every_request_carries_the_attribution_and_the_bearer_and_the_token_is_nowhere_else(house: House, cloud: Cloud):
    token = cloud.token()
    house.env |= {"NEMO_TOKEN": token, "SKILL_SOURCE": "cursor"}
    cloud.film.gate.clear()
    house.project("discreet", "A discreet film")
    pid = house.start()
    house.until(lambda: cloud.count("poll") > 1)
    for what in ("cmdline", "environ"):
        seen = Path(f"/proc/{pid}/{what}").read_bytes()
        assert what == "environ" or token.encode() not in seen
    cloud.film.gate.set()
    house.until_done("discreet")
    assert house.command("link", "discreet").returncode == 0
    assert house.stop() == 0
    kinds = {asked.call for asked in cloud.calls}
    assert {"session", "upload", "credits", "state", "run_sse", "render", "poll", "download", "claim"} <= kinds
    for asked in cloud.calls:
        where = f"{asked.method} {asked.path}"
        for header, value in (ATTRIBUTION | {"x-skill-platform": "cursor"}).items():
            assert asked.headers.get(header) == value, where
        assert asked.headers.get("authorization") == f"Bearer {token}", where
        assert token not in asked.path
        assert token.encode() not in asked.body
    assert not house.holding(token.encode())


def test_an_anonymous_token_call_carries_the_attribution_and_no_bearer_and_its_token_stays_in_the_state(
    house: House, cloud: Cloud
):
    house.project("anonymous", "A film by nobody")
    house.start()
    house.until_done("anonymous")
    assert house.stop() == 0
    [first] = cloud.asked("token")
    assert cloud.calls[0] is first
    assert "authorization" not in first.headers
    assert first.headers["x-client-id"]
    tokens = {asked.headers["authorization"] for asked in cloud.calls[1:]}
    assert len(tokens) == 1
    token = tokens.pop().removeprefix("Bearer ").encode()
    for asked in cloud.calls:
        for header, value in (ATTRIBUTION | {"x-skill-platform": "unknown"}).items():
            assert asked.headers.get(header) == value
    holders = house.holding(token)
    assert all(house.state in path.parents for path in holders)
    assert all(path.stat().st_mode & 0o077 == 0 for path in holders), "only its owner may read it"
    assert not [path for path in house.state.glob("journal.db*") if token in path.read_bytes()]
    for path in house.state.rglob("*"):
        if path.is_file() and path.name.startswith("journal"):
            assert path.stat().st_mode & 0o077 == 0
    client_id = first.headers["x-client-id"]
    house.project("again", "Another film by nobody")
    house.start()
    house.until_done("again")
    assert cloud.count("token") == 1, "the token is kept"
    cloud.expire()
    house.project("third", "A third film by nobody")
    house.until_done("third")
    assert {asked.headers["x-client-id"] for asked in cloud.asked("token")} == {client_id}


def test_neither_bearer_nor_attribution_go_to_a_download_host_that_is_not_the_service(
    house: House, cloud: Cloud, sample: bytes
):
    import http.server
    import threading

    seen: list[dict[str, str]] = []

    class Host(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Length", str(len(sample)))
            self.end_headers()
            self.wfile.write(sample)

        def log_message(self, *words):
            """Be quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/signed/film.mp4?sig=abc"
        cloud.play({"call": "poll", "at": "every", "do": {"merge": {"output": {"url": url}}}})
        house.project("elsewhere", "A film from elsewhere")
        house.start()
        house.until_done("elsewhere")
    finally:
        server.shutdown()
    for headers in seen:
        assert "authorization" not in headers
        assert not [name for name in headers if name.startswith("x-skill")]
    assert house.video("elsewhere/elsewhere-v1.mp4") in {sample, *cloud.film.made}
    log = house.log.read_text()
    assert "sig=abc" not in log
    assert not house.holding(b"sig=abc", house.outbox)
