"""The API over real HTTP on loopback, clause by clause, as the API text has it."""

from __future__ import annotations

import asyncio
import json
import re
import uuid

import pytest

PICTURE = b"picture" + bytes(1000)


class TestTokens:
    async def test_a_client_id_gets_a_token_credits_and_an_end(self, open_studio):
        async with open_studio() as client:
            data = await client.sign_in()
            assert data["token"].startswith("nmv_usr_")
            assert data["credits"] == 100
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", data["expires_at"])
            assert data["user_id"].isdigit()

    @pytest.mark.parametrize("headers", [{}, {"X-Client-Id": ""}, {"X-Client-Id": "me"}])
    async def test_without_a_client_id_it_is_a_400_with_the_code(self, open_studio, headers):
        async with open_studio() as client:
            answer = await client.http.post("/api/auth/anonymous-token", headers=headers)
            assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (400, 400, None)

    async def test_a_client_id_gets_the_same_token_again(self, open_studio):
        client_id = str(uuid.uuid4())
        async with open_studio() as client:
            assert await client.sign_in(client_id) == await client.sign_in(client_id.upper())

    async def test_with_the_cap_the_second_one_is_a_429(self, open_studio):
        client_id = str(uuid.uuid4())
        async with open_studio(token_cap=True) as client:
            await client.sign_in(client_id)
            answer = await client.http.post("/api/auth/anonymous-token", headers={"X-Client-Id": client_id})
            assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, 429, "30")

    async def test_an_ended_token_is_1001_everywhere_and_the_same_client_id_gets_a_new_one(self, client):
        client_id = str(uuid.uuid4())
        old = await client.sign_in(client_id)
        await client.http.post("/__studio/expire")
        for answer in await every_call(client):
            assert (answer.status_code, answer.json()["code"]) == (401, 1001)
        new = await client.sign_in(client_id)
        assert (new["user_id"], new["token"] == old["token"]) == (old["user_id"], False)

    @pytest.mark.parametrize("bearer", ["", "Bearer", "Bearer nmv_usr_no", "Basic eA=="])
    async def test_every_call_but_the_token_one_needs_the_bearer(self, client, bearer):
        client.http.headers["Authorization"] = bearer
        assert {answer.json()["code"] for answer in await every_call(client)} == {1001}

    async def test_where_the_settings_say_so_the_same_refusal_comes_as_http_200(self, open_studio):
        async with open_studio(errors_as="ok") as client:
            answer = await client.http.get("/api/credits/balance/simple")
            assert (answer.status_code, answer.json()["code"]) == (200, 1001)


async def every_call(client):
    """One answer of each endpoint that needs a bearer."""
    client.session_id = client.session_id or "1"
    posts = ["/api/tasks/me/with-session/nemo_agent", "/run_sse", client.upload_path, "/api/render/proxy/lambda"]
    gets = ["/api/credits/balance/simple", f"/api/state/nemo_agent/me/{client.session_id}/latest"]
    gets += ["/api/render/proxy/lambda/render_1", "/api/render/proxy/render_1/download"]
    answers = [await client.http.post(path, json={}) for path in [*posts, "/api/auth/claim-token"]]
    return answers + [await client.http.get(path) for path in gets]


class TestSessions:
    async def test_a_session_has_a_long_decimal_id_a_task_and_its_user(self, open_studio):
        async with open_studio() as client:
            user = await client.sign_in()
            data = (await client.open_session("zh-CN")).json()["data"]
            assert re.fullmatch(r"\d{19}", data["session_id"])
            assert data["task_id"]
            assert data["user_id"] == user["user_id"]
            assert await client.state() == {"draft": None, "video_infos": [], "generated_media": []}

    @pytest.mark.parametrize("body", [{}, {"task_name": "project"}, {"task_name": "project", "language": 1}])
    async def test_a_body_that_lacks_something_is_422_with_its_place(self, client, body):
        answer = await client.http.post("/api/tasks/me/with-session/nemo_agent", json=body)
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"][0] == "body"

    async def test_another_users_session_is_1002(self, client):
        await client.sign_in()
        answer = await client.http.get(f"/api/state/nemo_agent/me/{client.session_id}/latest")
        assert (answer.status_code, answer.json()["code"]) == (404, 1002)

    async def test_a_claim_token_is_given_for_a_session_and_its_own_task(self, client):
        body = {"task_id": client.task_id, "session_id": client.session_id}
        data = (await client.http.post("/api/auth/claim-token", json=body)).json()["data"]
        assert data["claim_token"].startswith("clm_")
        wrong = await client.http.post("/api/auth/claim-token", json={**body, "task_id": "another"})
        assert wrong.json()["code"] == 1002

    @pytest.mark.parametrize("content", [b"{", b"[]", b"[" * 100_000, b"\xff\xfe"])
    async def test_a_body_that_is_no_json_object_is_422(self, client, content):
        answer = await client.http.post(
            "/api/tasks/me/with-session/nemo_agent", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422


class TestUploads:
    async def test_files_are_stored_and_told_in_the_order_sent(self, client, tmp_path):
        answer = await client.upload(("b.JPG", PICTURE), ("海 滩.png", PICTURE + b"2"))
        files = answer.json()["data"]["files"]
        assert [file["filename"] for file in files] == ["b.JPG", "海 滩.png"]
        assert (files[0]["file_type"], files[0]["width"], files[0]["height"], files[0]["duration"]) == (
            "image",
            40,
            30,
            0,
        )
        assert (await client.state())["video_infos"] == files
        assert (await client.http.get(files[1]["cdn_url"])).content == PICTURE + b"2"
        assert len(media_files(tmp_path)) == 2

    async def test_a_body_in_single_bytes_is_the_same_upload(self, client):
        request = client.http.build_request("POST", client.upload_path, files={"files": ("a.jpg", PICTURE)})
        body = await request.aread()

        async def single_bytes():
            for at in range(len(body)):
                yield body[at : at + 1]

        answer = await client.http.post(
            client.upload_path, content=single_bytes(), headers={"Content-Type": request.headers["content-type"]}
        )
        (file,) = answer.json()["data"]["files"]
        assert (await client.http.get(file["cdn_url"])).content == PICTURE

    @pytest.mark.parametrize("name", ["a.exe", "a", "a.heic", ".jpg", "a.jpg.txt"])
    async def test_a_format_that_is_not_accepted_is_4001_and_says_which_are(self, client, tmp_path, name):
        answer = await client.upload((name, PICTURE))
        assert (answer.status_code, answer.json()["code"]) == (415, 4001)
        assert "mp4" in answer.json()["message"]
        assert media_files(tmp_path) == []

    @pytest.mark.parametrize("content", [b"", b"no such thing"])
    async def test_a_file_that_is_not_what_its_name_says_is_4001(self, client, tmp_path, content):
        answer = await client.upload(("a.jpg", content))
        assert answer.json()["code"] == 4001
        assert "a.jpg" in answer.json()["message"]
        assert media_files(tmp_path) == []

    async def test_a_file_over_the_limit_is_4002_and_the_client_hears_it_after_a_long_body(self, open_studio, tmp_path):
        async with open_studio(max_file_bytes=100_000) as client:
            await client.sign_in()
            await client.open_session()
            answer = await client.upload(("a.jpg", b"picture" + bytes(8_000_000)))
            assert (answer.status_code, answer.json()["code"]) == (413, 4002)
            assert media_files(tmp_path) == []
            assert (await client.upload(("a.jpg", b"picture" + bytes(99_993)))).json()["code"] == 0

    async def test_one_bad_file_refuses_the_whole_call(self, client, tmp_path):
        answer = await client.upload(("a.jpg", PICTURE), ("b.exe", PICTURE))
        assert answer.json()["code"] == 4001
        assert (await client.state())["video_infos"] == []
        assert media_files(tmp_path) == []

    async def test_names_cannot_lead_out_of_the_folder(self, client, tmp_path):
        answer = await client.upload(("../../../evil\r\n.jpg", PICTURE))
        assert answer.json()["data"]["files"][0]["filename"].endswith(".jpg")
        assert "/" not in answer.json()["data"]["files"][0]["filename"]
        assert len(media_files(tmp_path)) == 1
        assert not list(tmp_path.rglob("*evil*"))

    @pytest.mark.parametrize(
        "request_",
        [
            {"files": {"file": ("a.jpg", PICTURE)}},
            {"data": {"files": "text"}},
            {"content": b"--x\r\nnonsense", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
            {"content": b"", "headers": {"Content-Type": "multipart/form-data"}},
            {"content": PICTURE, "headers": {"Content-Type": "image/jpeg"}},
        ],
    )
    async def test_a_body_without_a_field_named_files_is_422(self, client, tmp_path, request_):
        answer = await client.http.post(client.upload_path, **request_)
        assert answer.status_code == 422
        assert media_files(tmp_path) == []

    async def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(self, client, tmp_path):
        request = client.http.build_request("POST", client.upload_path, files={"files": ("a.jpg", PICTURE)})
        body = await request.aread()
        begun = asyncio.Event()

        async def half():
            yield body[:-100] + bytes(2_000_000)
            begun.set()
            await asyncio.Event().wait()

        headers = {"Content-Type": request.headers["content-type"]}
        sending = asyncio.create_task(client.http.post(client.upload_path, content=half(), headers=headers))
        await begun.wait()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        while media_files(tmp_path):
            await client.state()
        assert (await client.state())["video_infos"] == []

    async def test_an_unknown_session_takes_no_files(self, client):
        client.session_id = "1"
        assert (await client.upload(("a.jpg", PICTURE))).json()["code"] == 1002


class TestUploadsByUrl:
    async def test_media_on_this_machine_are_fetched(self, client):
        (file,) = (await client.upload(("a b.jpg", PICTURE))).json()["data"]["files"]
        body = {"urls": [file["cdn_url"]], "source_type": "url"}
        (fetched,) = (await client.http.post(client.upload_path, json=body)).json()["data"]["files"]
        assert fetched["filename"] == file["cdn_url"].rsplit("/", 1)[1]
        assert (await client.http.get(fetched["cdn_url"])).content == PICTURE

    @pytest.mark.parametrize(
        "url",
        [
            "https://example.org/a.jpg",
            "http://10.0.0.1/a.jpg",
            "file:///etc/passwd.jpg",
            "http://127.0.0.1.example.org/a.jpg",
            "http://user@example.org/127.0.0.1/a.jpg",
            "http://[::1/a.jpg",
            "a.jpg",
        ],
    )
    async def test_any_other_address_is_4001_and_says_that_the_studio_works_offline(self, client, url):
        answer = await client.http.post(client.upload_path, json={"urls": [url], "source_type": "url"})
        assert answer.json()["code"] == 4001
        assert "offline" in answer.json()["message"]

    async def test_an_address_that_gives_no_file_is_4001(self, client):
        for path in ("/nothing.jpg", "/a.txt"):
            body = {"urls": [client.url + path], "source_type": "url"}
            assert (await client.http.post(client.upload_path, json=body)).json()["code"] == 4001

    @pytest.mark.parametrize(
        "body",
        [{}, {"urls": [], "source_type": "url"}, {"urls": [1], "source_type": "url"}, {"urls": ["http://x/a.jpg"]}],
    )
    async def test_a_body_of_another_shape_is_422(self, client, body):
        assert (await client.http.post(client.upload_path, json=body)).status_code == 422


def media_files(tmp_path):
    return [path for path in tmp_path.rglob("media/*") if path.is_file()]


class TestTheStream:
    async def test_a_first_film_comes_in_two_stages_and_the_end_of_the_stream_is_the_end(self, client, say):
        events, full_texts = say
        await client.upload(("a.jpg", PICTURE), ("b.jpg", PICTURE))
        answer = await client.send("城市 sunset")
        assert answer.headers["content-type"].startswith("text/event-stream")
        deltas = [e["actions"]["stateDelta"]["draft"] for e in events(answer) if e.get("actions", {}).get("stateDelta")]
        assert [[track["tt"] for track in draft["t"]] for draft in deltas] == [[0], [0, 1, 7]]
        state = await client.state()
        assert state["draft"] == deltas[-1]
        assert len(state["generated_media"]) == 1
        first, last = full_texts(answer)
        assert "raw video" in first
        assert last.startswith("Made with 2: 城市 sunset 🎬\u2028done.")

    async def test_on_the_wire_are_data_lines_only_raw_utf8_and_camel_case(self, client):
        body = (await client.send("视频")).content
        blocks = body.split(b"\n\n")
        assert blocks.pop() == b""
        assert all(block.startswith(b"data: {") and b"\n" not in block for block in blocks)
        assert "视频 🎬\u2028done.".encode() in body
        assert b"invocationId" in body
        assert b'"functionCall"' in body
        assert b'"functionResponse"' in body

    async def test_deltas_are_repeated_by_the_full_event(self, client, say):
        events, full_texts = say
        answer = await client.send("go")
        partial = "".join(e["content"]["parts"][0]["text"] for e in events(answer) if e.get("partial"))
        assert partial == "".join(full_texts(answer))

    async def test_an_edit_changes_the_draft_in_one_stage(self, client, say):
        events, _ = say
        await client.send("go")
        answer = await client.send("softer")
        deltas = [e for e in events(answer) if e["actions"]["stateDelta"]]
        assert len(deltas) == 1
        assert (await client.state())["draft"] == deltas[0]["actions"]["stateDelta"]["draft"]

    async def test_a_question_leaves_the_draft_and_the_money_alone(self, open_studio, say):
        _, full_texts = say
        async with open_studio(generation_cost=60) as client:
            await client.sign_in()
            await client.open_session()
            assert full_texts(await client.send("which one?")) == ["Which photo do you mean?"]
            assert (await client.state())["draft"] is None
            assert (await client.credits())["total"] == 100

    @pytest.mark.parametrize("first", [True, False])
    async def test_a_message_that_changes_nothing_says_so_and_costs_nothing(self, open_studio, say, first):
        _, full_texts = say
        async with open_studio(edit_cost=20, silent_percent=100) as client:
            await client.sign_in()
            await client.open_session()
            if not first:
                await client.send("go")
            before = await client.state()
            assert full_texts(await client.send("nothing")) == ["There is nothing to do."]
            assert await client.state() == before
            assert (await client.credits())["available"] == 100

    async def test_silent_edits_are_about_as_many_as_the_settings_say_and_never_a_first_film(self, open_studio, say):
        _, full_texts = say
        async with open_studio(silent_percent=100) as client:
            await client.sign_in()
            await client.open_session()
            assert full_texts(await client.send("go"))
            assert full_texts(await client.send("softer")) == []
            assert full_texts(await client.send("which?"))
            await client.play(silent_percent=30)
            said = [full_texts(await client.send(f"edit {n}")) for n in range(60)]
            assert 8 <= said.count([]) <= 28

    async def test_the_same_seed_is_silent_at_the_same_edits(self, open_studio, say, tmp_path):
        _, full_texts = say

        async def silence(folder, seed):
            async with open_studio(folder=tmp_path / folder, seed=seed) as client:
                await client.sign_in()
                await client.open_session()
                return [bool(full_texts(await client.send(f"edit {n}"))) for n in range(8)]

        assert await silence("a", 1) == await silence("b", 1)
        assert await silence("c", 1) != await silence("d", 2)

    async def test_replies_speak_of_buttons_now_and_then(self, client, say):
        _, full_texts = say
        said = [full_texts(await client.send(f"edit {n}"))[-1] for n in range(12)]
        assert 0 < sum("Export" in text for text in said) < 12

    async def test_an_unknown_session_is_adks_404(self, client):
        answer = await client.send("go", "999")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Session not found: 999"})

    @pytest.mark.parametrize("change", [{"app_name": "other"}, {"user_id": "you"}])
    async def test_another_app_or_user_is_a_session_that_is_not_found(self, client, change):
        answer = await client.http.post("/run_sse", json=client.message("go") | change)
        assert answer.status_code == 404

    @pytest.mark.parametrize(
        "change",
        [
            {"new_message": None},
            {"new_message": {"parts": []}},
            {"new_message": {"parts": [{"text": 1}]}},
            {"new_message": {"parts": ["go"]}},
            {"new_message": {"parts": [{"text": " \n"}]}},
            {"session_id": 123},
        ],
    )
    async def test_a_bad_body_is_422_and_nothing_was_taken(self, client, change):
        answer = await client.http.post("/run_sse", json=client.message("go") | change)
        assert answer.status_code == 422
        assert (await client.state())["draft"] is None

    async def test_an_agent_that_crashes_says_so_inside_a_200(self, open_studio, say):
        events, _ = say
        async with open_studio(generation_cost=10) as client:
            await client.sign_in()
            await client.open_session()
            answer = await client.send("explode")
            assert answer.status_code == 200
            assert events(answer)[-1]["error"] == 'RuntimeError: boom: "quoted" 中文'
            assert b"\\u4e2d" in answer.content
            assert await client.credits() == {"available": 100, "frozen": 0, "total": 100}

    async def test_messages_of_one_session_are_worked_on_one_after_the_other(self, client):
        answers = await asyncio.gather(*(client.send(f"edit {n}") for n in range(5)))
        assert all(answer.status_code == 200 for answer in answers)
        title = (await client.state())["draft"]["t"][2]["sg"][0]["text"]
        assert title in {f"edit {n}" for n in range(5)}
        assert sum(b"generate_video" in answer.content for answer in answers) == 1


class TestCredits:
    async def test_a_studio_is_free_by_default(self, client):
        await client.send("go")
        assert await client.credits() == {"available": 100, "frozen": 0, "total": 100}

    async def test_work_costs_what_the_settings_say_and_too_little_is_2001_before_anything_happens(self, open_studio):
        async with open_studio(generation_cost=70, edit_cost=20, silent_percent=0) as client:
            await client.sign_in()
            await client.open_session()
            await client.send("go")
            assert (await client.credits())["available"] == 30
            await client.send("softer")
            before = await client.state()
            answer = await client.send("louder")
            assert (answer.status_code, answer.json()["code"]) == (200, 2001)
            assert await client.state() == before
            await client.http.post("/__studio/credits", json={"total": 50})
            assert (await client.send("louder")).headers["content-type"].startswith("text/event-stream")

    async def test_credits_are_frozen_while_the_work_is_going_on(self, open_studio):
        async with open_studio(generation_cost=70) as client:
            await client.sign_in()
            await client.open_session()
            await client.play({"call": "run_sse", "do": {"pace_s": 30}})
            async with client.http.stream("POST", "/run_sse", json=client.message("go")):
                assert await client.credits() == {"available": 30, "frozen": 70, "total": 100}


class TestRenders:
    async def test_a_render_goes_from_pending_to_completed_and_its_link_gives_the_video(self, client, renders):
        await client.send("go")
        answer = await client.render("render_1763800000000")
        assert answer.json() == {
            "success": True,
            "data": {"id": "render_1763800000000", "status": "pending", "progress": 0},
        }
        await renders.started.wait()
        facts = await client.poll("render_1763800000000")
        assert facts == {"id": "render_1763800000000", "status": "processing", "progress": 42}
        renders.finish.set()
        facts = await client.ended("render_1763800000000")
        assert (facts["status"], facts["progress"], facts["warnings"]) == ("completed", 100, ["A photo was small."])
        video = await client.without_token.get(facts["output"]["url"])
        assert (video.status_code, video.headers["content-type"]) == (200, "video/mp4")
        assert video.content == bytes(range(256)) * 1000
        own = await client.http.get("/api/render/proxy/render_1763800000000/download")
        assert own.content == video.content

    async def test_the_renderer_gets_the_draft_exactly_as_it_was_sent(self, client, renders):
        draft = {"t": [{"tt": 0, "sg": [{"d": 1}]}], "unknown": {"深": [1.5, None, 2**70]}}
        await client.render("render_1", draft)
        await renders.started.wait()
        assert renders.orders[0].draft == draft

    @pytest.mark.parametrize("shape", ["top", "data"])
    async def test_both_shapes_of_an_answer_can_be_had(self, client, renders, shape):
        renders.finish.set()
        await client.send("go")
        await client.play({"call": "render", "do": {"shape": shape}}, shape=shape)
        submitted = (await client.render("render_1")).json()
        assert ("data" in submitted) == (shape == "data")
        while "url" not in json.dumps(facts := await client.poll("render_1")).lower():
            pass
        url = facts["output"]["url"] if shape == "top" else facts["data"]["outputUrl"]
        assert url.startswith(client.url + "/download/")

    async def test_a_repeated_id_is_an_error_and_starts_nothing(self, client, renders):
        await client.send("go")
        await client.render("render_1")
        await renders.started.wait()
        again = await client.render("render_1")
        assert again.status_code == 409
        assert again.json()["success"] is False
        assert len(renders.orders) == 1

    @pytest.mark.parametrize("header", ["X-Skill-Source", "X-Skill-Version", "X-Skill-Platform"])
    async def test_a_missing_attribution_header_blocks_the_export_with_402(self, client, header):
        await client.send("go")
        del client.http.headers[header]
        answer = await client.render("render_1")
        assert (answer.status_code, answer.json()["code"]) == (402, 402)
        assert (await client.http.get("/api/render/proxy/lambda/render_1")).status_code == 404

    @pytest.mark.parametrize(
        "change",
        [
            {"id": "video_1"},
            {"id": "render_../../x"},
            {"id": 1},
            {"sessionId": None},
            {"draft": "{}"},
            {"draft": {"t": []}},
            {"output": None},
            {"output": {"format": "gif", "quality": "high"}},
        ],
    )
    async def test_a_bad_body_is_a_400_in_the_renderers_shape(self, client, change):
        draft = {"t": [{"tt": 0, "sg": [{"d": 1}]}]}
        body = {"id": "render_1", "sessionId": client.session_id, "draft": draft}
        body |= {"output": {"format": "mp4", "quality": "high"}} | change
        answer = await client.http.post("/api/render/proxy/lambda", json=body)
        assert (answer.status_code, answer.json()["success"]) == (400, False)

    async def test_a_draft_that_is_too_large_is_413(self, open_studio):
        async with open_studio(max_json_bytes=10_000) as client:
            await client.sign_in()
            await client.open_session()
            answer = await client.render("render_1", {"t": [{"sg": ["x" * 10_000]}]})
            assert answer.status_code == 413

    async def test_an_unknown_render_and_one_without_a_video_are_404(self, client, renders):
        await client.send("go")
        await client.render("render_1")
        for path in ("lambda/render_2", "render_2/download", "render_1/download"):
            answer = await client.http.get(f"/api/render/proxy/{path}")
            assert (answer.status_code, answer.json()["success"]) == (404, False)

    async def test_a_download_can_be_resumed_and_a_changed_file_starts_anew(self, client, renders):
        renders.finish.set()
        await client.send("go")
        await client.render("render_1")
        url = (await client.ended("render_1"))["output"]["url"]
        whole = await client.http.get(url)
        assert int(whole.headers["content-length"]) == len(whole.content)
        rest = {"Range": "bytes=1000-", "If-Range": whole.headers["etag"]}
        part = await client.http.get(url, headers=rest)
        assert (part.status_code, part.content) == (206, whole.content[1000:])
        changed = await client.http.get(url, headers=rest | {"If-Range": '"other"'})
        assert (changed.status_code, changed.content) == (200, whole.content)


class TestWhoMayAsk:
    async def test_a_foreign_host_name_is_turned_away(self, client):
        answer = await client.http.get("/api/credits/balance/simple", headers={"Host": "evil.example"})
        assert answer.status_code == 400

    async def test_an_unknown_path_is_404_with_detail(self, client):
        answer = await client.http.get("/api/nothing")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})

    @pytest.mark.parametrize("path", ["/media/1/0001-x.jpg", "/media/1/..%2f..%2fworld.json", "/download/x/y.mp4"])
    async def test_guessed_links_lead_nowhere(self, client, path):
        assert (await client.http.get(path)).status_code == 404


class TestTheLog:
    async def test_every_request_is_in_it_with_words_and_headers_and_without_the_token(self, client):
        await client.send("make it so")
        rows = await client.log()
        assert [row["call"] for row in rows] == ["token", "session", "run_sse", None]
        message = rows[2]
        assert (message["method"], message["path"], message["status"]) == ("POST", "/run_sse", 200)
        assert message["message"] == "make it so"
        assert message["headers"]["x-skill-platform"] == "unknown"
        assert message["headers"]["authorization"] == "Bearer ***"
        assert "nmv_usr_" not in json.dumps(rows)
        later = (await client.http.get("/__studio/log?after=3")).json()["log"]
        assert [row["number"] for row in later] == [4, 5]
