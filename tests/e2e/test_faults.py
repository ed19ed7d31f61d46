"""Every fault at every endpoint: the film ends by itself, or stands where the table of failures says, in one plain sentence; and goes on.

A cell is (call, which of the film's, fault). Each has a project of its own in a shared house. The sample runs by itself; `--all-kills`
(or NEMO_WATCH_ALL_KILLS=1) adds the rest. What a transfer that hangs for minutes does is told in simulated time (tests/nemo, tests/sim):
its deadlines are minutes. The marks of a cell's end:

`done` by itself · `queued` a wait that mends itself (or `retry` hurries it) · a need, by its name · `failed`, which `retry` takes up.
"""

from __future__ import annotations

import contextlib
import http.server
import re
import socket
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import pytest

from nemo_watch.studio.script import Call, call_named
from tests.e2e.cloud import Cloud
from tests.e2e.house import House, Row, photo

WITHIN_S = 150.0
LOST: dict[str, dict[str, Any]] = {
    # the answer does not come, or not whole
    "reset-before": {"reset": "before"},
    "reset-after": {"reset": "after"},
    "hang-before": {"hang": "before"},
    "hang-after": {"hang": "after"},
    "truncated": {"truncate": 20},
    "announced-too-long": {"wrong_length": 50},
    "dripped": {"drip": 3},  # slow, but whole
    "dripped-too-slowly": {"drip": 1, "drip_pause_s": 0.2},
}
BROKEN: dict[str, dict[str, Any]] = {
    # an answer that nobody can read, or a problem of the service's own
    "500": {"status": 500},
    "500-empty": {"status": 500, "body": "empty"},
    "502-html": {"status": 502, "body": "html"},
    "503": {"status": 503, "body": "detail"},
    "504-html": {"status": 504, "body": "html"},
    "200-html": {"status": 200, "body": "html"},
    "200-empty": {"status": 200, "body": "empty"},
    "no-object": {"status": 200, "body": ["no", "object"]},
    "wrong-types": {"status": 200, "body": {"code": 0, "data": 7, "status": [], "output": "no"}},
    "null-data": {"status": 200, "body": {"code": 0, "message": "success", "data": None}},
    "not-a-success": {"status": 200, "body": {"success": False, "error": "Boom."}},
    "redirect-loop": {"redirect": "self"},
    "redirect-loop-307": {"redirect": "self", "status": 307},
}
REFUSED: dict[str, dict[str, Any]] = {
    # an explicit no
    "400": {"status": 400, "body": "detail"},
    "401": {"status": 401, "body": "empty"},
    "402": {"status": 402},
    "403": {"status": 403, "body": "html"},
    "404": {"status": 404, "body": "detail"},
    "409": {"status": 409, "body": "detail"},
    "413": {"status": 413, "body": "html"},
    "422": {"status": 422, "body": {"detail": [{"loc": ["body"], "msg": "field required"}]}},
    "429": {"status": 429},
    "1001": {"code": 1001},
    "1002": {"code": 1002},
    "2001": {"code": 2001},
    "4001": {"code": 4001},
    "4002": {"code": 4002},
    "code-402": {"code": 402},
    "code-429": {"code": 429, "status": 200},
}
FAULTS = LOST | BROKEN | REFUSED
PLACES = [
    ("session", 1),
    ("upload", 1),
    ("urls", 1),
    ("state", 1),
    ("run_sse", 1),
    ("state", 3),
    ("render", 1),
    ("poll", 1),
    ("download", 1),
]

SAMPLE = {
    ("session", 1): ["reset-after", "1001"],
    ("upload", 1): ["truncated", "4001"],
    ("urls", 1): ["4001"],
    ("state", 1): ["1002"],
    ("run_sse", 1): ["reset-before", "reset-after", "truncated", "2001", "1002"],
    ("state", 3): ["1002"],
    ("render", 1): ["reset-after", "402"],
    ("poll", 1): ["404"],
    ("download", 1): ["truncated", "200-html"],
}
HANGS_FOR_MINUTES = {
    ("upload", "hang-before"),
    ("upload", "hang-after"),
    ("urls", "hang-before"),
    ("urls", "hang-after"),
    ("download", "hang-before"),
    ("download", "hang-after"),
    ("download", "dripped-too-slowly"),  # hours
}

# How each cell ends before anyone does anything. Source: the table of failures (`errors.FAILURES`), API text "Error Codes".
USUAL: dict[str, str] = {
    **dict.fromkeys(LOST | BROKEN, "queued"),
    **dict.fromkeys(REFUSED, "failed"),
    **dict.fromkeys(["1001", "401", "429", "code-429"], "done"),  # renewed, or waited for, once
    **dict.fromkeys(["dripped", "redirect-loop-307"], "done"),  # the request itself comes through in the end
    "2001": "credits",
}
SESSION_RENEWED = {"1002": "done"}  # nothing was paid in it yet
SESSION_LOST = {"1002": "decision"}
SAYS_IT_WENT_WELL = dict.fromkeys(["wrong-types", "null-data"], "done")  # a code 0 stands in it
GET_AGAIN = {"redirect-loop": "done"}  # the second time it is the true answer
NO_PLAN = dict.fromkeys(["402", "code-402"], "plan")
LEFT_OUT = ["413", "4001", "4002"]
ENDS: dict[tuple[str, int], dict[str, str]] = {
    ("session", 1): USUAL | SESSION_RENEWED,
    ("upload", 1): USUAL
    | SESSION_RENEWED
    | SAYS_IT_WENT_WELL
    | dict.fromkeys(LEFT_OUT, "done")  # without that file
    | {
        "dripped-too-slowly": "done",
        "redirect-loop-307": "queued",
    },  # a transfer may take its time; its body is not sent twice
    ("urls", 1): USUAL
    | SESSION_RENEWED
    | SAYS_IT_WENT_WELL
    | dict.fromkeys(LEFT_OUT, "file")  # nothing else is there
    | {"dripped-too-slowly": "done"},
    ("state", 1): USUAL | SESSION_RENEWED | GET_AGAIN,
    ("run_sse", 1): {
        **dict.fromkeys(LOST, "done"),  # the service had it, and the state tells
        **dict.fromkeys(["reset-before", "hang-before"], "decision"),  # it was written, and nothing is to be seen
        **dict.fromkeys(BROKEN, "decision"),
        **dict.fromkeys(["403", "409"], "decision"),  # no refusal that the API text knows
        **dict.fromkeys(["400", "404", "413", "422", "4001", "4002"], "answer"),
        **dict.fromkeys(["1001", "401", "429", "code-429", "1002"], "done"),
        **dict.fromkeys(["402", "code-402"], "failed"),
        "2001": "credits",
    },
    ("state", 3): USUAL | SESSION_LOST | GET_AGAIN,
    ("render", 1): USUAL | SESSION_LOST | SAYS_IT_WENT_WELL | NO_PLAN,
    ("poll", 1): USUAL | SESSION_LOST | SAYS_IT_WENT_WELL | NO_PLAN | GET_AGAIN | {"404": "done"},  # rendered once more
    # Whatever the address answers, the render is asked for a new one; only the line itself is waited for.
    ("download", 1): dict.fromkeys(FAULTS, "done") | dict.fromkeys(["reset-before", "reset-after"], "queued"),
}


def cells() -> list[Any]:
    """Every cell; those outside the sample are slow."""
    found = []
    for call, nth in PLACES:
        for fault in FAULTS:
            if (call, fault) in HANGS_FOR_MINUTES:
                continue
            marks = [] if fault in SAMPLE.get((call, nth), []) else [pytest.mark.slow]
            found.append(pytest.param(call, nth, fault, marks=marks, id=f"{call}{nth}-{fault}"))
    return found


_NOT_PLAIN = re.compile(r"[{}<>\[\]]|Traceback|Error\b.*\(|httpx|\n")


def stands(house: House, name: str) -> tuple[str, Row]:
    """Where the film stands once nothing moves: `done`, `queued`, `failed` or what is needed."""

    def there() -> Row | None:
        row = house.row(name)
        waits = row.get("state") == "queued" and row["detail"] not in {"", "waiting for its turn"}
        return row if waits or row.get("state") in {"done", "needs_you", "failed"} else None

    row: Row = house.until(there, WITHIN_S)
    return str(row["needs"] or row["state"]), row


def assert_plain(house: House, name: str, row: Row) -> None:
    """What stopped the film is told in one plain sentence, with the next move."""
    assert row["detail"]
    assert not _NOT_PLAIN.search(row["detail"]), row["detail"]
    assert len(row["detail"]) < 300, row["detail"]
    if row["needs"] is not None:
        text = house.until(lambda: house.text(f"{name}/NEEDS-YOU.txt"), 30)
        assert "What to do" in text
        assert "…" not in text, "a blank was left in the advice"


def goes_on(house: House, cloud: Cloud, name: str, end: str, words: str, web: str) -> None:
    """What a person does about it, and the film is made."""
    sent = cloud.messages.count(words)
    match end:
        case "done":
            return
        case "credits":
            cloud.credits(1000 + len(cloud.calls))
        case "answer":
            house.write(f"{name}/prompt.txt", f"{words}, said in other words")
        case "file":
            house.write(f"{name}/urls.txt", f"{web}/another-{name}.jpg\n")
        case "decision":
            after = house.decide("retry", name)
            assert cloud.messages.count(words) == sent, "retry never sends a message that may have been taken"
            if after["state"] == "needs_you":
                house.decide("again", name)
        case _:
            assert house.command("retry", name).returncode == 0
    house.until_done(name, within_s=WITHIN_S)


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """A page of photos; its address."""

    class Photos(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.end_headers()
            self.wfile.write(photo(self.path))

        def log_message(self, *words: object) -> None:
            """Be quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Photos)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def dropped_in(house: House, place: str, name: str, words: str, web: str) -> None:
    """A project that comes to this place: photos, or addresses of photos."""
    if place == "urls":
        house.write(f"{name}/urls.txt", f"{web}/{name}.jpg\n")
        house.write(f"{name}/prompt.txt", words)
    else:
        house.project(name, words)


@pytest.mark.parametrize(("call", "nth", "fault"), cells())
def test_a_fault_at_a_call_ends_well_or_is_told_plainly_and_goes_on(
    street: House, call: str, nth: int, fault: str, web: str
):
    cloud = street.cloud
    assert cloud is not None
    name = f"{call}{nth}-{fault}"
    words = f"A film after {name}"
    cloud.play({"call": "upload" if call == "urls" else call, "at": nth, "do": FAULTS[fault]}, token_cap=False)
    dropped_in(street, call, name, words, web)
    end, row = stands(street, name)
    assert end == ENDS[call, nth][fault], street.report()
    if end != "done":
        assert_plain(street, name, row)
    refusals = {"1001", "401", "429", "code-429", "1002", "404"}
    assert cloud.messages.count(words) <= (2 if call == "run_sse" and fault in refusals else 1)
    cloud.play(token_cap=False)
    goes_on(street, cloud, name, end, words, web)
    assert street.video(f"{name}/{name}-v1.mp4") in cloud.film.made
    assert not (street.outbox / name / "NEEDS-YOU.txt").exists() or street.until(
        lambda: not (street.outbox / name / "NEEDS-YOU.txt").exists(), 10
    )


# -- calls that stand before a film, or beside it ---------------------------------------------------------------------------------


def sampled(faults: Iterable[str], sample: Collection[str]) -> list[Any]:
    """The faults as cells; those outside the sample are slow."""
    return [pytest.param(fault, marks=[] if fault in sample else [pytest.mark.slow]) for fault in faults]


TOKEN_ENDS = {
    **dict.fromkeys(FAULTS, "queued"),
    **dict.fromkeys(["400", "402", "403", "404", "409", "413", "422", "4001", "4002", "code-402"], "failed"),
    "2001": "credits",
    "dripped": "done",
}
HAMMERING = 8  # calls; a second look, a renewal and the balance's ask for a token as well


@pytest.mark.parametrize("fault", sampled(FAULTS, ["200-html"]))
def test_a_fault_at_the_first_token_is_told_and_the_film_is_made_when_it_is_over(
    house: House, cloud: Cloud, fault: str
):
    cloud.play({"call": "token", "at": "every", "do": FAULTS[fault]}, token_cap=False)
    house.project("f", "A film without a token")
    house.start()
    end, row = stands(house, "f")
    assert end == TOKEN_ENDS[fault], house.report()
    if end != "done":
        assert_plain(house, "f", row)
        assert cloud.count("token") <= HAMMERING, "nobody hammers at a service that refuses"
    assert cloud.count("run_sse") == (1 if end == "done" else 0)
    cloud.play(token_cap=False)
    if end == "credits":
        cloud.credits(1000)
    elif end != "done":
        assert house.command("retry", "f").returncode == 0
    house.until_done("f")
    assert cloud.messages == ["A film without a token"]


@pytest.mark.parametrize("fault", sampled(FAULTS, ["hang-after", "wrong-types", "2001"]))
def test_a_fault_at_every_look_at_the_balance_holds_no_film(street: House, fault: str):
    cloud = street.cloud
    assert cloud is not None
    cloud.play({"call": "credits", "at": "every", "do": FAULTS[fault]}, token_cap=False)
    before = cloud.count("credits")
    name = f"balance-{fault}"
    street.project(name, f"A film, balance {fault}")
    street.until_done(name, within_s=WITHIN_S)
    street.until(lambda: cloud.count("credits") > before)
    assert cloud.messages.count(f"A film, balance {fault}") == 1
    assert not (street.outbox / "NEEDS-YOU.txt").exists()


# -- nobody listens -----------------------------------------------------------------------------------------------------------


class Door:
    """A door before the cloud that passes one request a connection, and shuts before the answer to a given call is out.

    What comes after that answer finds nobody who listens: the connection itself is refused.
    """

    def __init__(self, cloud: Cloud) -> None:
        host = cloud.url.removeprefix("http://")
        self._there = host.partition(":")[0], int(host.partition(":")[2])
        self._after: tuple[Call, int] | None = None
        self.shut = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._serve()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.address[1]}"

    def shut_after(self, call: str, nth: int) -> None:
        """Shut when the nth call of its kind from now on is answered."""
        self._after = Call(call), nth

    def open(self) -> None:
        """Let everybody in again."""
        self._listener = socket.create_server(self.address, reuse_port=False)
        self._serve()

    def close(self) -> None:
        """Shut for good."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._there) as service:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            service.sendall(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            threading.Thread(target=_pour, args=(client, service), daemon=True).start()
            answer = b""
            while piece := service.recv(65536):
                answer += piece
            self._count(head)
            with contextlib.suppress(OSError):
                client.sendall(answer)

    def _count(self, head: bytes) -> None:
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        if self._after is None or call_named(method, path.partition("?")[0]) is not self._after[0]:
            return
        call, left = self._after
        self._after = (call, left - 1) if left > 1 else None
        if self._after is None:
            self.close()
            self.shut.set()


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)


BEFORE = {  # the call that finds nobody → the one before it, and the how manieth
    "session": ("token", 1),
    "upload": ("session", 1),
    "state": ("upload", 2),
    "run_sse": ("state", 2),
    "render": ("state", 3),
    "poll": ("render", 1),
    "download": ("poll", 1),
}


@pytest.mark.parametrize("call", sampled(BEFORE, ["run_sse", "render"]))
def test_a_refused_connection_at_any_call_is_a_wait_that_is_told_and_nothing_is_sent_twice(
    make_house: Callable[..., House], cloud: Cloud, call: str
):
    door = Door(cloud)
    try:
        house = make_house(cloud, url=door.url)
        door.shut_after(*BEFORE[call])
        house.project("f", "A film behind a door")
        house.start()
        assert door.shut.wait(WITHIN_S), house.report()
        asked = {kind: cloud.count(kind) for kind in BEFORE}
        end, row = stands(house, "f")
        assert end == "queued", house.report()
        assert "cannot be reached" in row["detail"]
        assert_plain(house, "f", row)
        assert {kind: cloud.count(kind) for kind in BEFORE} == asked, "somebody got in"
        assert asked[call] == 0 or call == "state"
        door.open()
        assert house.command("retry", "f").returncode == 0
        house.until_done("f")
        assert cloud.messages == ["A film behind a door"]
        assert len(cloud.renders) == 1
        assert house.video("f/f-v1.mp4") in cloud.film.made
    finally:
        house.close()
        door.close()


# -- faults that do not pass ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["502-html", *(pytest.param(fault, marks=pytest.mark.slow) for fault in ("reset-after", "429"))]
)
@pytest.mark.parametrize(
    "call", ["session", pytest.param("upload", marks=pytest.mark.slow), "render", "poll", "download"]
)
def test_a_fault_that_stays_is_a_wait_that_is_told_and_ends_with_it(street: House, call: str, fault: str):
    cloud = street.cloud
    assert cloud is not None
    name = f"stays-{call}-{fault}"
    cloud.play({"call": call, "at": "every", "do": FAULTS[fault]}, token_cap=False)
    street.project(name, f"A film after {name}")
    before = cloud.count(call)
    end, row = stands(street, name)
    assert end == "queued", street.report()
    assert_plain(street, name, row)
    cloud.play(token_cap=False)
    assert cloud.count(call) - before <= 4, "nobody hammers at a service that is down"
    assert street.command("retry", name).returncode == 0
    street.until_done(name)
    assert cloud.messages.count(f"A film after {name}") == 1
    assert street.video(f"{name}/{name}-v1.mp4") in cloud.film.made


def test_a_message_refused_for_credits_again_and_again_goes_on_when_the_balance_has_risen(house: House, cloud: Cloud):
    cloud.play(generation_cost=150)
    house.project("dear", "A dear film")
    house.project("dear-too", "A dear film too")
    house.start()
    row = house.until_state("dear", "needs_you")
    assert row["needs"] == "credits"
    account = house.until(lambda: house.text("NEEDS-YOU.txt"))
    assert "https://nemovideo.com/register?bind=" in account
    house.until_state("dear-too", "needs_you")
    asked = cloud.count("run_sse")
    balances = cloud.count("credits")
    house.until(lambda: cloud.count("credits") > balances + 4)
    assert cloud.count("run_sse") == asked, "the same balance is the same refusal"
    cloud.credits(140)  # more, but not enough: one film is tried
    house.until(lambda: cloud.count("run_sse") == asked + 1)
    cloud.credits(1000)
    house.until_done("dear")
    house.until_done("dear-too")
    house.until(lambda: not (house.outbox / "NEEDS-YOU.txt").exists())


def test_a_rejected_token_of_the_person_stops_and_asks_and_a_restart_with_a_new_one_goes_on(house: House, cloud: Cloud):
    good = cloud.token()
    house.env["NEMO_TOKEN"] = "nmv_usr_this-one-has-expired"
    house.project("mine", "A film with my token")
    house.start()
    row = house.until_state("mine", "needs_you")
    assert row["needs"] == "token"
    assert "NEMO_TOKEN" in house.until(lambda: house.text("NEEDS-YOU.txt"))
    assert cloud.count("token") == 0, "a given token is never replaced by an anonymous one"
    assert cloud.count("run_sse") == 0
    assert house.stop() == 0
    house.env["NEMO_TOKEN"] = good
    house.start()
    house.until_done("mine")
    assert cloud.count("token") == 0


def test_an_expired_token_is_renewed_under_the_same_client_id_in_the_middle(house: House, cloud: Cloud):
    hook = cloud.hook("upload", "answered", lambda: None, 2)
    cloud.film.gate.clear()
    house.project("expiring", "A film in spite of the token")
    house.start()
    assert hook.happened.wait(WITHIN_S)
    house.until(lambda: cloud.count("poll"))
    cloud.expire()
    cloud.film.gate.set()
    house.until_done("expiring")
    assert len({asked.headers["x-client-id"] for asked in cloud.asked("token")}) == 1
    assert cloud.messages == ["A film in spite of the token"]


def test_the_service_that_is_away_is_a_wait_and_its_return_ends_it(house: House, cloud: Cloud):
    cloud.down()
    house.project("away", "A film that comes later")
    house.start()
    row = house.until(
        lambda: (
            house.row("away").get("state") == "queued"
            and "reached" in house.row("away")["detail"]
            and house.row("away")
        )
    )
    assert row["needs"] is None
    cloud.up()
    assert house.command("retry", "away").returncode == 0
    house.until_done("away")
    assert cloud.messages == ["A film that comes later"]


def test_the_service_that_goes_away_in_the_middle_of_a_stream_is_asked_what_became_of_it(house: House, cloud: Cloud):
    stream = cloud.hook("run_sse", "part", holds=True)
    house.project("gone", "A film whose service went")
    house.start()
    assert stream.happened.wait(WITHIN_S)
    stream.released.set()
    cloud.down()
    cloud.up()
    end, _ = stands(house, "gone")
    if end == "queued":
        assert house.command("retry", "gone").returncode == 0
        house.until_state("gone", "done", "needs_you")
    assert cloud.messages == ["A film whose service went"]


def test_a_session_that_is_lost_after_payment_asks_and_again_says_what_it_costs(house: House, cloud: Cloud):
    house.project("lost", "A film to lose")
    house.start()
    house.until_done("lost", 1)
    cloud.down()
    cloud.forget(sessions=True)
    cloud.up()
    house.write("lost/prompt.txt", "A film to lose\n---\nlonger, 20 seconds")
    row = house.until_state("lost", "needs_you")
    assert row["needs"] == "decision"
    assert "2 message" in house.until(lambda: house.text("lost/NEEDS-YOU.txt"))
    assert cloud.messages[1:] == ["longer, 20 seconds"] or cloud.messages[1:] == []
    said = house.command("again", "lost")
    assert "2 messages" in said.stdout
    house.until_done("lost", 2)
    assert cloud.messages[-2:] == ["A film to lose", "longer, 20 seconds"]


# -- the stream ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("heartbeats", {"heartbeats": 12, "heartbeat_pause_s": 0.02}),
        ("broken-off", {"break_after": 3}),
        ("ended-early", {"end_after": 2}),
        ("silent", {"silent": True}),
        ("noise", {"noise": True}),
        ("one-byte-at-a-time", {"drip": 1}),
        ("crashed-after", {"raise": "KeyError: 'boom'", "taken": True}),
        ("error-event-after", {"error_event": "500", "taken": True}),
    ],
)
def test_a_stream_of_any_kind_whose_result_is_there_ends_in_the_video(street: House, name: str, fault: dict[str, Any]):
    cloud = street.cloud
    assert cloud is not None
    cloud.play({"call": "run_sse", "do": fault}, token_cap=False)
    street.project(f"stream-{name}", f"A film, stream {name}")
    street.until_done(f"stream-{name}", within_s=WITHIN_S)
    assert cloud.messages.count(f"A film, stream {name}") == 1
    assert "I encountered a temporary issue" not in street.text(f"stream-{name}/reply.txt")


def test_an_error_event_about_credits_before_any_content_asks_for_credits(street: House):
    cloud = street.cloud
    assert cloud is not None
    cloud.play({"call": "run_sse", "do": {"error_event": "2001"}}, token_cap=False)
    street.project("stream-2001", "A film without credits")
    assert street.until_state("stream-2001", "needs_you")["needs"] == "credits"
    cloud.play(token_cap=False)
    cloud.credits(100_000)  # above whatever earlier cells have left
    street.until_done("stream-2001")


def test_a_crash_of_the_agent_that_left_nothing_waits_for_a_decision(street: House):
    cloud = street.cloud
    assert cloud is not None
    cloud.play({"call": "run_sse", "do": {"raise": "RuntimeError: {'secret': 1}"}}, token_cap=False)
    street.project("stream-crash", "A film that crashed")
    row = street.until_state("stream-crash", "needs_you", within_s=WITHIN_S)
    assert row["needs"] == "decision"
    assert_plain(street, "stream-crash", row)
    assert cloud.messages.count("A film that crashed") == 1


def test_a_question_of_the_service_is_told_and_the_next_edit_is_the_answer(street: House):
    cloud = street.cloud
    assert cloud is not None
    cloud.play({"call": "run_sse", "do": {"ask": "Which of the photos should come first?"}}, token_cap=False)
    street.project("asking", "A film with a question")
    row = street.until_state("asking", "needs_you")
    assert row["needs"] == "answer"
    assert "Which of the photos should come first?" in street.until(lambda: street.text("asking/NEEDS-YOU.txt"))
    sessions = cloud.count("session")
    street.write("asking/prompt.txt", "A film with a question\n---\nThe first photo of the asking ones")
    street.until_done("asking")
    assert cloud.count("session") == sessions
    assert [w for w in cloud.messages if "question" in w or "asking" in w] == [
        "A film with a question",
        "The first photo of the asking ones",
    ]


def test_an_edit_that_changes_nothing_makes_no_video(street: House):
    cloud = street.cloud
    assert cloud is not None
    street.project("same", "A film that stays the same")
    street.until_done("same", 1)
    renders = cloud.count("render")
    cloud.play(
        {"call": "run_sse", "do": {"events": [{"content": {"parts": [{"text": "All is well."}]}}]}}, token_cap=False
    )
    street.write("same/prompt.txt", "A film that stays the same\n---\nand stays the same again")
    street.until(lambda: "changed nothing" in street.row("same").get("detail", ""))
    assert street.row("same")["state"] == "done"
    assert cloud.count("render") == renders
    assert not (street.outbox / "same/same-v2.mp4").exists()


@pytest.mark.parametrize("times", [1, 2])
def test_a_render_that_fails_is_tried_once_more_and_then_told(street: House, times: int):
    cloud = street.cloud
    assert cloud is not None
    name = f"unrendered-{times}"
    cloud.play({"call": "render", "times": times, "do": {"fail": "The clip <b>is</b> broken."}}, token_cap=False)
    before = len(cloud.renders)
    street.project(name, f"A film {name}")
    row = street.until_state(name, "done", "failed")
    assert len(set(cloud.renders[before:])) == len(cloud.renders[before:]) == 2
    assert row["state"] == ("done" if times == 1 else "failed")
    if times == 2:
        assert street.command("retry", name).returncode == 0
        street.until_done(name)
    assert cloud.messages.count(f"A film {name}") == 1
