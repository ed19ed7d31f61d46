"""The studio as a server: faults on the wire, renders in children, stopping, and starting again on the same folder."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from nemo_watch.studio.__main__ import script_from
from nemo_watch.studio.rendering_jobs import child_renderer
from nemo_watch.studio.server import running_studio
from nemo_watch.studio.storage import FolderBusyError, FolderUnreadableError

PICTURE = b"picture" + bytes(1000)
CREDITS = "/api/credits/balance/simple"


class TestFaultsOnTheWire:
    @pytest.mark.parametrize(
        ("do", "status", "content"),
        [
            ({"code": 2001}, 200, b'{"code":2001,"message":"Scripted fault.","data":null}'),
            ({"code": 1001, "status": 401, "message": "no"}, 401, b'{"code":1001,"message":"no","data":null}'),
            ({"status": 500}, 500, b'{"code":500,"message":"Scripted fault.","data":null}'),
            ({"status": 503, "body": "empty"}, 503, b""),
            ({"status": 404, "body": "detail", "message": "gone"}, 404, b'{"detail":"gone"}'),
            ({"status": 200, "body": "success"}, 200, b'{"success":false,"error":"Scripted fault."}'),
            ({"status": 200, "body": {"data": [1]}}, 200, b'{"data":[1]}'),
            ({"status": 502, "body": "html"}, 502, b"<html><body><h1>502</h1><p>Scripted fault.</p></body></html>"),
        ],
    )
    async def test_an_answer_of_its_own_in_every_shape(self, client, do, status, content):
        await client.play({"call": "credits", "do": do})
        answer = await client.http.get(CREDITS)
        assert (answer.status_code, answer.content) == (status, content)
        assert (await client.http.get(CREDITS)).json()["code"] == 0

    async def test_a_rate_limit_carries_its_headers(self, client):
        await client.play({"call": "credits", "do": {"status": 429, "headers": {"Retry-After": "7"}}})
        assert (await client.http.get(CREDITS)).headers["retry-after"] == "7"

    @pytest.mark.parametrize(("when", "taken"), [("before", False), ("after", True)])
    async def test_a_reset_loses_the_answer_and_the_call_with_it_or_not(self, client, when, taken):
        await client.play({"call": "upload", "do": {"reset": when}})
        with pytest.raises((httpx.ReadError, httpx.WriteError)):
            await client.upload(("a.jpg", PICTURE))
        assert len((await client.state())["video_infos"]) == taken

    @pytest.mark.parametrize("taken", [False, True])
    async def test_a_gateway_error_can_hide_a_message_that_was_taken(self, client, taken):
        await client.play({"call": "run_sse", "do": {"status": 504, "body": "html", "taken": taken}})
        assert (await client.send("go")).status_code == 504
        assert ((await client.state())["draft"] is not None) == taken

    @pytest.mark.parametrize(("hang", "taken"), [("before", False), ("after", True)])
    async def test_a_hang_gives_no_answer_at_all(self, client, hang, taken):
        await client.play({"call": "upload", "do": {"hang": hang}})
        with pytest.raises(httpx.ReadTimeout):
            await client.http.post(
                client.upload_path, files={"files": ("a.jpg", PICTURE)}, timeout=httpx.Timeout(20, read=0.2)
            )
        assert len((await client.state())["video_infos"]) == taken

    async def test_a_hang_can_come_in_the_middle_of_a_body(self, client):
        await client.play({"call": "credits", "do": {"hang": 10}})
        async with client.http.stream("GET", CREDITS, timeout=httpx.Timeout(20, read=0.2)) as answer:
            chunks = answer.aiter_raw()
            assert await anext(chunks) == b'{"code":0,'
            with pytest.raises(httpx.ReadTimeout):
                await anext(chunks)

    async def test_a_studio_that_hangs_can_be_stopped(self, open_studio):
        async with open_studio(script={"rules": [{"call": "credits", "do": {"hang": "before"}}]}) as client:
            waiting = asyncio.create_task(client.http.get(CREDITS))
            while not any(row["call"] == "credits" for row in await client.log()):
                pass
        with pytest.raises(httpx.HTTPError):
            await waiting

    async def test_a_cut_body_is_seen_by_its_announced_length(self, client):
        await client.play({"call": "credits", "do": {"truncate": 10}})
        with pytest.raises(httpx.RemoteProtocolError):
            await client.http.get(CREDITS)

    async def test_a_length_too_long_ends_in_a_closed_line(self, client):
        await client.play({"call": "credits", "do": {"wrong_length": 5}})
        with pytest.raises(httpx.RemoteProtocolError):
            await client.http.get(CREDITS)

    async def test_a_length_too_short_cuts_the_body_without_a_sign(self, client):
        whole = (await client.http.get(CREDITS)).content
        await client.play({"call": "credits", "do": {"wrong_length": -5}})
        assert (await client.http.get(CREDITS)).content == whole[:-5]

    async def test_a_body_can_come_without_a_length_and_in_single_bytes(self, client):
        whole = (await client.http.get(CREDITS)).content
        await client.play({"call": "credits", "do": {"no_length": True, "drip": 1}})
        async with client.http.stream("GET", CREDITS) as answer:
            assert "content-length" not in answer.headers
            assert b"".join([chunk async for chunk in answer.aiter_raw()]) == whole

    async def test_a_stream_can_come_in_single_bytes(self, client, say):
        _, full_texts = say
        await client.play({"call": "run_sse", "do": {"drip": 1}})
        assert "视频" in full_texts(await client.send("视频"))[-1]

    async def test_an_answer_can_be_bent_by_a_merge_patch(self, client):
        await client.play({"call": "credits", "do": {"merge": {"data": {"available": None, "total": "many"}}}})
        assert (await client.http.get(CREDITS)).json()["data"] == {"frozen": 0, "total": "many"}

    @pytest.mark.parametrize(("target", "status"), [("self", 302), ("https://example.org/x", 307)])
    async def test_a_redirect_leads_where_it_says(self, client, target, status):
        await client.play({"call": "credits", "do": {"redirect": target, "status": status}})
        answer = await client.http.get(CREDITS)
        assert answer.status_code == status
        assert answer.headers["location"] == (CREDITS if target == "self" else target)

    async def test_a_delay_comes_before_everything_else(self, client):
        await client.play({"call": "credits", "do": {"delay": 0.4}})
        with pytest.raises(httpx.ReadTimeout):
            await client.http.get(CREDITS, timeout=0.1)

    async def test_a_download_can_be_cut_and_the_next_one_is_whole(self, client, renders):
        renders.finish.set()
        await client.send("go")
        await client.render("render_1")
        url = (await client.ended("render_1"))["output"]["url"]
        await client.play({"call": "download", "do": {"truncate": 100_000}})
        got = bytearray()
        with pytest.raises(httpx.RemoteProtocolError):
            await read_into(got, client, url)
        assert len(got) == 100_000
        assert (await client.without_token.get(url)).content[:100_000] == got

    async def test_a_wrong_script_is_refused_and_the_old_one_goes_on(self, client):
        await client.play({"call": "credits", "at": "every", "do": {"status": 500}})
        for wrong in ({"call": "credits", "do": {"statsu": 1}}, {"call": "nothing", "do": {}}):
            assert (await client.play(wrong)).status_code == 422
        assert (await client.play(parallel=0)).status_code == 422
        assert (await client.http.get(CREDITS)).status_code == 500


async def read_into(got, client, url):
    async with client.without_token.stream("GET", url) as answer:
        async for chunk in answer.aiter_raw():
            got += chunk


class TestScriptedStreams:
    async def test_heartbeats_come_first_in_every_spelling(self, client):
        await client.play({"call": "run_sse", "do": {"heartbeats": 6}})
        body = (await client.send("go")).content
        assert body.startswith(
            b'data: {"type":"heartbeat"}\n\ndata:\n\n: ping\n\ndata: heartbeat\n\nevent: heartbeat\ndata: {}\n\n'
            b'data: {"type":"heartbeat"}\n\ndata: {"content"'
        )

    async def test_a_long_silence_is_filled_with_heartbeats(self, client):
        await client.play({"call": "run_sse", "do": {"pace_s": 0.15, "silent": True}}, heartbeat_s=0.05)
        body = (await client.send("go")).content
        assert body.startswith(b'data: {"type":"heartbeat"}')
        assert body.rstrip().endswith(b"}")
        assert (await client.state())["draft"]

    async def test_a_cut_stream_breaks_off_while_the_message_is_worked_on_to_its_end(self, client):
        await client.play({"call": "run_sse", "do": {"break_after": 2}})
        got = bytearray()
        with pytest.raises(httpx.RemoteProtocolError):
            await read_message(got, client, "go")
        assert got.count(b"\n\n") == 2
        while len(((await client.state())["draft"] or {}).get("t", ())) < 3:
            pass

    async def test_a_cut_stream_can_cancel_the_message_uncharged(self, open_studio):
        rule = {"call": "run_sse", "do": {"break_after": 0, "pace_s": 1.0, "on_cut": "cancel"}}
        async with open_studio(generation_cost=60, script={"rules": [rule]}) as client:
            await client.sign_in()
            await client.open_session()
            with pytest.raises(httpx.RemoteProtocolError):
                await client.send("go")
            while (await client.credits())["frozen"]:
                pass
            assert (await client.credits())["total"] == 100
            assert (await client.state())["draft"] is None

    @pytest.mark.parametrize(("on_cut", "total"), [("finish", 40), ("cancel", 100)])
    async def test_a_client_that_leaves_cuts_its_stream(self, open_studio, on_cut, total):
        async with open_studio(generation_cost=60, on_cut=on_cut) as client:
            await client.sign_in()
            await client.open_session()
            await client.play({"call": "run_sse", "do": {"pace_s": 0.02}})
            async with client.http.stream("POST", "/run_sse", json=client.message("go")) as answer:
                await anext(answer.aiter_raw())
            while (await client.credits())["frozen"]:
                pass
            assert (await client.credits())["total"] == total

    async def test_a_film_that_is_there_is_paid_for_even_if_its_announcement_is_cut_off(self, open_studio):
        rule = {"call": "run_sse", "do": {"break_after": 8, "pace_s": 0.05, "on_cut": "cancel"}}
        async with open_studio(generation_cost=60, script={"rules": [rule]}) as client:
            await client.sign_in()
            await client.open_session()
            got = bytearray()
            with pytest.raises(httpx.RemoteProtocolError):
                await read_message(got, client, "go")
            assert b"edit_multitrack" in got
            assert "Made with" not in got.decode()
            while (await client.credits())["frozen"]:
                pass
            assert (await client.credits())["total"] == 40

    async def test_a_stream_can_end_early_and_properly(self, client, say):
        events, _ = say
        await client.play({"call": "run_sse", "do": {"end_after": 1}})
        assert len(events(await client.send("go"))) == 1

    async def test_scripted_events_stand_in_for_the_true_ones_and_strings_go_out_as_they_are(self, client):
        own = [{"content": {"parts": [{"text": "城"}]}}, "data: {broken\r\n\r\n", ": ping\n\n"]
        await client.play({"call": "run_sse", "do": {"events": own}})
        body = (await client.send("go")).content.decode()
        assert body == 'data: {"content":{"parts":[{"text":"城"}]}}\n\ndata: {broken\r\n\r\n: ping\n\n'
        assert (await client.state())["draft"] is None

    async def test_scripted_events_can_hide_a_message_that_was_taken(self, client):
        await client.play({"call": "run_sse", "do": {"events": [], "taken": True}})
        assert (await client.send("go")).content == b""
        assert (await client.state())["draft"]

    async def test_an_error_event_ends_a_stream_that_began_as_a_200(self, client, say):
        events, _ = say
        await client.play({"call": "run_sse", "do": {"error_event": "2001"}})
        (event,) = events(await client.send("go"))
        assert (event["errorCode"], event["errorMessage"]) == ("2001", "Insufficient credits.")
        assert (await client.state())["draft"] is None

    async def test_an_agent_can_be_made_to_raise_before_or_after_its_work(self, client, say):
        events, _ = say
        await client.play({"call": "run_sse", "at": "every", "do": {"raise": "RuntimeError: boom"}})
        assert events(await client.send("go"))[-1]["error"] == "RuntimeError: boom"
        assert (await client.state())["draft"] is None
        await client.play({"call": "run_sse", "do": {"raise": "RuntimeError: boom", "taken": True}})
        got = events(await client.send("go"))
        assert len(got) > 1
        assert got[-1]["error"] == "RuntimeError: boom"
        assert (await client.state())["draft"]

    async def test_the_agent_can_be_made_silent_talkative_curious_and_noisy(self, client, say):
        _, full_texts = say
        await client.play(
            {"call": "run_sse", "match": "one", "do": {"silent": True}},
            {"call": "run_sse", "match": "two", "do": {"say": "Click Export."}},
            {"call": "run_sse", "match": "three", "do": {"ask": "Which?"}},
            {"call": "run_sse", "match": "four", "do": {"noise": True}},
        )
        assert full_texts(await client.send("one")) == []
        assert full_texts(await client.send("two"))[0].startswith("Click Export.")
        before = (await client.state())["draft"]
        assert full_texts(await client.send("three")) == ["Which?"]
        assert (await client.state())["draft"] == before
        assert full_texts(await client.send("four"))[-1] == "I encountered a temporary issue."


async def read_message(got, client, text):
    async with client.http.stream("POST", "/run_sse", json=client.message(text)) as answer:
        async for chunk in answer.aiter_raw():
            got += chunk


class TestRendering:
    async def test_a_scripted_failure_comes_with_its_reason_and_another_id_may_follow(self, client, renders):
        renders.finish.set()
        await client.send("go")
        await client.play({"call": "render", "do": {"fail": "GPU on fire."}})
        await client.render("render_1")
        facts = await client.ended("render_1")
        assert (facts["status"], facts["error"], "output" in facts) == ("failed", "GPU on fire.", False)
        await client.render("render_2")
        assert (await client.ended("render_2"))["status"] == "completed"

    async def test_sessions_take_turns(self, client, renders):
        first = client.session_id
        await client.send("go")
        for number in (1, 2, 3):
            await client.render(f"render_{number}")
        await client.open_session()
        await client.send("go")
        await client.render("render_4")
        renders.finish.set()
        for number in (1, 2, 3, 4):
            await client.ended(f"render_{number}")
        order = [order.media_folder.parent.name == first for order in renders.orders]
        assert order == [True, False, True, True]

    async def test_three_clients_take_turns_however_much_each_asks_for(self, client, renders):
        """One asks for four films before the others come; each of the others waits for one film and not for four."""
        people = [client, type(client)(client.url), type(client)(client.url)]
        folders = []
        try:
            for person, count in zip(people, (4, 2, 1), strict=True):
                if person is not client:
                    await person.sign_in()
                    await person.open_session()
                await person.send("go")
                for number in range(count):
                    await person.render(f"render_{number}")
                folders.append(person.session_id)
            renders.finish.set()
            for person, count in zip(people, (4, 2, 1), strict=True):
                for number in range(count):
                    assert (await person.ended(f"render_{number}"))["status"] == "completed"
        finally:
            for person in people[1:]:
                await person.http.aclose()
                await person.without_token.aclose()
        turns = [folders.index(order.media_folder.parent.name) for order in renders.orders]
        assert turns == [0, 1, 2, 0, 1, 0, 0]

    async def test_a_render_that_nobody_waits_for_gives_its_place_away_and_goes_on_when_asked_for(
        self, client, renders
    ):
        await client.send("go")
        for number in (1, 2):
            await client.render(f"render_{number}")
        await renders.started.wait()
        client.rest("render_1")
        client.rest("render_1")
        client.rest("render_3")
        while len(renders.orders) < 2:
            await client.poll("render_2")
        assert [entry.name for entry in (renders.orders[0].work.parent).iterdir()] == [renders.orders[1].work.name]
        renders.finish.set()
        assert (await client.ended("render_2"))["status"] == "completed"
        assert len(renders.orders) == 2
        assert (await client.ended("render_1"))["status"] == "completed"
        client.rest("render_1")
        assert (await client.poll("render_1"))["status"] == "completed"

    async def test_as_many_render_at_once_as_the_settings_say(self, client, renders):
        await client.play(parallel=2)
        await client.send("go")
        for number in (1, 2, 3):
            await client.render(f"render_{number}")
        while len(renders.orders) < 2:
            await client.poll("render_3")
        states = [(await client.poll(f"render_{number}"))["status"] for number in (1, 2, 3)]
        assert states == ["processing", "processing", "pending"]
        renders.finish.set()
        assert (await client.ended("render_3"))["status"] == "completed"

    async def test_a_renderers_bug_fails_its_own_render_and_no_other(self, open_studio):
        async def buggy(order, progress):
            if order.draft["d"] == 1:
                raise ZeroDivisionError
            order.output.write_bytes(b"video")
            return []

        async with open_studio(render=buggy) as client:
            await client.sign_in()
            await client.open_session()
            for number in (1, 2):
                await client.render(f"render_{number}", {"t": [{"sg": [1]}], "d": number})
            assert (await client.ended("render_1"))["error"] == "The renderer crashed."
            assert (await client.ended("render_2"))["status"] == "completed"


CHILD = """
import json, os, sys, time
job = json.load(open(sys.argv[1]))
print(json.dumps({"progress": 0.5}), flush=True)
%s
"""


def child(tmp_path: Path, end: str) -> Sequence[str]:
    """A renderer program that says how far it is and then does `end`."""
    program = tmp_path / "renderer.py"
    program.write_text(CHILD % end)
    return (sys.executable, str(program))


class TestRendererChildren:
    @pytest.mark.parametrize(
        ("end", "status", "error"),
        [
            (
                'open(job["output"], "wb").write(b"v"); print(json.dumps({"done": True, "warnings": ["w"]}))',
                "completed",
                None,
            ),
            (
                'print(json.dumps({"error": "The clip has no picture."})); sys.exit(1)',
                "failed",
                "The clip has no picture.",
            ),
            ("sys.exit(3)", "failed", "The renderer ended with exit code 3."),
            ("os.kill(os.getpid(), 9)", "failed", "The renderer was stopped by signal 9."),
            ('print(json.dumps({"done": True}))', "failed", "The renderer ended without a video."),
            ('open(job["output"], "wb").write(b"v")', "failed", "The renderer ended with exit code 0."),
            ('print("no json"); print("[]"); sys.exit(1)', "failed", "The renderer ended with exit code 1."),
        ],
    )
    async def test_a_childs_end_is_the_renders(self, open_studio, tmp_path, end, status, error):
        async with open_studio(render=child_renderer(child(tmp_path, end))) as client:
            await client.sign_in()
            await client.open_session()
            await client.render("render_1", {"t": [{"sg": [1]}]})
            facts = await client.ended("render_1")
            assert (facts["status"], facts.get("error")) == (status, error)
            assert facts["progress"] == (100 if status == "completed" else 50)
        assert list((tmp_path / "studio" / "work").iterdir()) == []

    async def test_a_stop_kills_the_child_with_all_its_children(self, open_studio, tmp_path):
        pids = tmp_path / "pids"
        end = f"""
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(pids)!r} + ".part", "w").write(f"{{os.getpid()}} {{child.pid}}")
os.rename({str(pids)!r} + ".part", {str(pids)!r})
time.sleep(600)
"""
        async with open_studio(render=child_renderer(child(tmp_path, end))) as client:
            await client.sign_in()
            await client.open_session()
            await client.render("render_1", {"t": [{"sg": [1]}]})
            while not pids.exists():
                assert (await client.poll("render_1"))["status"] != "failed"
            family = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
            assert family[0].nice() >= 10
        assert psutil.wait_procs(family, timeout=10)[1] == []


class TestStartingAgain:
    async def test_accounts_sessions_drafts_media_and_videos_are_known_again(self, open_studio, renders):
        renders.finish.set()
        client_id = str(uuid.uuid4())
        async with open_studio() as client:
            token = (await client.sign_in(client_id))["token"]
            await client.open_session()
            await client.upload(("a.jpg", PICTURE))
            await client.send("go")
            await client.render("render_1")
            await client.ended("render_1")
            session_id, before = client.session_id, await client.state()
            video = (await client.http.get("/api/render/proxy/render_1/download")).content
        async with open_studio() as client:
            client.http.headers["Authorization"] = f"Bearer {token}"
            client.session_id = session_id
            after = await client.state()
            assert after["draft"] == before["draft"]
            assert (await client.http.get(after["video_infos"][0]["cdn_url"])).content == PICTURE
            assert (await client.http.get("/api/render/proxy/render_1/download")).content == video
            assert (await client.render("render_1")).status_code == 409
            assert (await client.sign_in(client_id))["token"] == token

    async def test_a_render_that_was_being_made_is_made_again(self, open_studio, renders):
        async with open_studio() as client:
            token = (await client.sign_in())["token"]
            await client.open_session()
            await client.render("render_1", {"t": [{"sg": [1]}]})
            await renders.started.wait()
        renders.finish.set()
        async with open_studio() as client:
            client.http.headers["Authorization"] = f"Bearer {token}"
            assert (await client.ended("render_1"))["status"] == "completed"
        assert len(renders.orders) == 2

    async def test_only_its_owner_can_read_the_tokens(self, open_studio, tmp_path):
        async with open_studio() as client:
            await client.sign_in()
        world = tmp_path / "studio" / "world.json"
        assert b"nmv_usr_" in world.read_bytes()
        assert stat.S_IMODE(world.stat().st_mode) == 0o600
        assert stat.S_IMODE(world.parent.stat().st_mode) == 0o700

    async def test_a_second_studio_on_the_folder_is_refused_and_the_first_goes_on(self, open_studio, tmp_path):
        async with open_studio() as client:
            with pytest.raises(FolderBusyError):
                async with running_studio(tmp_path / "studio"):
                    pass
            assert (await client.sign_in())["token"]

    async def test_a_damaged_memory_is_named_and_left_as_it_is(self, tmp_path):
        (tmp_path / "world.json").write_text("{")
        with pytest.raises(FolderUnreadableError, match=r"world\.json"):
            async with running_studio(tmp_path):
                pass
        assert (tmp_path / "world.json").read_text() == "{"

    async def test_a_taken_port_is_an_oserror(self, open_studio, tmp_path):
        async with open_studio() as client:
            with pytest.raises(OSError, match="in use"):
                async with running_studio(tmp_path / "other", port=int(client.url.rsplit(":", 1)[1])):
                    pass

    async def test_what_nobody_touched_for_long_is_removed_from_disk_too(self, open_studio, renders, tmp_path):
        renders.finish.set()
        async with open_studio() as client:
            await client.sign_in()
            await client.open_session()
            await client.upload(("a.jpg", PICTURE))
            await client.render("render_1", {"t": [{"sg": [1]}]})
            await client.ended("render_1")
        async with open_studio(keep_days=0):
            pass
        assert [path.name for path in (tmp_path / "studio").rglob("*") if path.suffix in (".jpg", ".mp4")] == []

    async def test_without_control_there_are_no_strings(self, tmp_path):
        async with (
            running_studio(tmp_path) as serving,
            httpx.AsyncClient(base_url=serving.url, trust_env=False) as http,
        ):
            assert (await http.get("/__studio/log")).status_code == 404
            assert (await http.post("/__studio/credits", json={"total": 1})).status_code == 404


class TestTheProcess:
    """`python -m nemo_watch.studio` with the real director and the real renderer."""

    @pytest.fixture
    async def process(self, tmp_path):
        script = tmp_path / "script.toml"
        script.write_text('[settings]\npace_s = 0.0\n[[rules]]\ncall = "credits"\ndo = { status = 503 }\n')
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "nemo_watch.studio", "--folder", str(tmp_path / "studio")),
            *("--script", str(script), "--control"),
            stdout=asyncio.subprocess.PIPE,
        )
        yield started
        if started.returncode is None:
            started.kill()
            await started.wait()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_it_prints_its_url_plays_its_script_and_ends_with_0_when_told(self, process, number):
        url = (await process.stdout.readline()).decode().strip()
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            answer = await http.post("/api/auth/anonymous-token", headers={"X-Client-Id": str(uuid.uuid4())})
            http.headers["Authorization"] = f"Bearer {answer.json()['data']['token']}"
            assert (await http.get(CREDITS)).status_code == 503
            assert (await http.get(CREDITS)).json()["data"]["total"] == 100
        process.send_signal(number)
        assert await process.wait() == 0


class TestTheRealHands:
    """Photos in, MP4 out: the real probe, director and renderer behind the API."""

    @pytest.fixture
    async def real(self, tmp_path):
        arguments = (sys.executable, "-m", "nemo_watch.studio", "--folder", str(tmp_path / "studio"))
        process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
        try:
            url = (await process.stdout.readline()).decode().strip()
            async with httpx.AsyncClient(base_url=url, headers=ATTRIBUTION, trust_env=False, timeout=60) as http:
                client = RealClient(http, process)
                await client.begin(*(photo(tmp_path / name, color) for name, color in PHOTOS.items()))
                yield client
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def test_photos_become_an_mp4(self, real, tmp_path):
        said = await real.send("a 3 second video of my photos with soft music, title: Two colours")
        assert said
        draft = (await real.state())["draft"]
        assert {track["tt"] for track in draft["t"]} >= {0, 1, 7}
        await real.render("render_1763800000000", draft)
        facts = await real.ended("render_1763800000000")
        assert (facts["status"], facts["progress"]) == ("completed", 100)
        video = (await real.http.get(facts["output"]["url"])).content
        assert video[4:8] == b"ftyp"
        (tmp_path / "video.mp4").write_bytes(video)
        told = described(tmp_path / "video.mp4")
        assert "Video: h264" in told
        assert "Audio: aac" in told

    async def test_a_killed_studio_leaves_no_renderer_behind_and_finishes_the_render_when_it_comes_back(
        self, real, tmp_path
    ):
        await real.send("a 60 second video of my photos")
        await real.render("render_1", (await real.state())["draft"])
        while (facts := await real.poll("render_1"))["progress"] < 5:
            assert facts["status"] != "failed"
        family = psutil.Process(real.process.pid).children(recursive=True)
        assert family
        real.process.kill()
        await real.process.wait()
        assert psutil.wait_procs(family, timeout=30)[1] == []

        async def finish(order, progress):
            order.output.write_bytes(b"video")
            return []

        async with (
            running_studio(tmp_path / "studio", render=finish) as serving,
            httpx.AsyncClient(base_url=serving.url, headers=real.http.headers, trust_env=False) as http,
        ):
            again = RealClient(http, process=None)
            assert (await again.ended("render_1"))["status"] == "completed"


PHOTOS = {"red.jpg": "red", "blue.png": "blue"}
ATTRIBUTION = {"X-Skill-Source": "s", "X-Skill-Version": "1", "X-Skill-Platform": "unknown"}


def photo(path, color):
    Image.new("RGB", (640, 480), color).save(path)
    return path


def described(path):
    return subprocess.run([get_ffmpeg_exe(), "-i", path], capture_output=True, text=True).stderr


class RealClient:
    """A client of a studio in a process of its own."""

    def __init__(self, http, process):
        self.http = http
        self.process = process

    async def begin(self, *photos):
        answer = await self.http.post("/api/auth/anonymous-token", headers={"X-Client-Id": str(uuid.uuid4())})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['data']['token']}"
        body = {"task_name": "project", "language": "en"}
        answer = await self.http.post("/api/tasks/me/with-session/nemo_agent", json=body)
        self.session_id = answer.json()["data"]["session_id"]
        for path in photos:
            upload = f"/api/upload-video/nemo_agent/me/{self.session_id}"
            answer = await self.http.post(upload, files={"files": (path.name, path.read_bytes())})
            (file,) = answer.json()["data"]["files"]
            assert (file["filename"], file["file_type"], file["width"], file["height"]) == (
                path.name,
                "image",
                640,
                480,
            )

    async def send(self, text):
        body = {"app_name": "nemo_agent", "user_id": "me", "session_id": self.session_id}
        body["new_message"] = {"parts": [{"text": text}]}
        return (await self.http.post("/run_sse", json=body)).text

    async def state(self):
        return (await self.http.get(f"/api/state/nemo_agent/me/{self.session_id}/latest")).json()["data"]["state"]

    async def render(self, render_id, draft):
        body = {"id": render_id, "sessionId": self.session_id, "draft": draft}
        body["output"] = {"format": "mp4", "quality": "high"}
        assert (await self.http.post("/api/render/proxy/lambda", json=body)).json()["success"]

    async def ended(self, render_id):
        while True:
            facts = await self.poll(render_id)
            if facts["status"] in ("completed", "failed"):
                return facts
            await asyncio.sleep(0.05)  # a busy client would take the renderer's processor

    async def poll(self, render_id):
        return (await self.http.get(f"/api/render/proxy/lambda/{render_id}")).json()


def test_a_script_file_is_toml_or_json(tmp_path):
    rule = {"call": "poll", "do": {"status": 500}}
    (tmp_path / "a.json").write_text(json.dumps({"rules": [rule]}))
    (tmp_path / "a.toml").write_text('[[rules]]\ncall = "poll"\ndo = { status = 500 }\n')
    assert script_from(tmp_path / "a.json") == script_from(tmp_path / "a.toml")
