"""The main job: photos in, video out, with every way in that people have. One daemon, a project for each."""

from __future__ import annotations

import io
import json

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.house import House, copy_folder, photo


def said_in(house: House, *parts: str) -> list[str]:
    """The paid messages that hold one of these words: other projects of the shared house have said other things."""
    assert house.cloud is not None
    return [words for words in house.cloud.messages if any(part in words for part in parts)]


def test_photos_with_words_become_a_video(house: House, cloud: Cloud):
    house.project("beach", "A film of the beach, 10 seconds")
    before = house.belongings()
    house.start()
    row = house.until_done("beach")
    assert set(row) == {"name", "version", "state", "detail", "progress", "needs", "video", "updated_at"}
    assert (row["version"], row["progress"], row["needs"], row["video"]) == (1, 1.0, None, "beach/beach.mp4")
    assert house.video("beach/beach.mp4") == house.video("beach/beach-v1.mp4") == cloud.film.made[0]
    assert (house.outbox / "beach/beach.mp4").samefile(house.outbox / "beach/beach-v1.mp4")
    assert cloud.messages == ["A film of the beach, 10 seconds"]
    assert (cloud.count("token"), cloud.count("session"), cloud.count("upload"), cloud.count("render")) == (1, 1, 2, 1)
    assert {path.name for path in (house.outbox / "beach").iterdir()} == {
        "beach.mp4", "beach-v1.mp4", "timeline.txt", "reply.txt", "project.log", "project.toml",
    }  # fmt: skip
    assert house.text("beach/timeline.txt").startswith("Timeline (")
    story = house.text("beach/project.log")
    assert (
        story.index("Setting up...")
        < story.index("Uploading IMG_0001.jpg")
        < story.index("Sending: ")
        < story.index("ready")
    )
    assert house.belongings() == before
    house.until(lambda: not house.leftovers())  # the page may just be being written
    assert house.stop() == 0


def test_loose_files_are_gathered_into_a_project_with_their_prompt(house: House, cloud: Cloud):
    house.photos("IMG_2001.jpg", "IMG_2002.jpg")
    house.write("prompt.txt", "A film of loose photos")
    before = house.belongings()
    house.start()
    house.until(lambda: any(row["state"] == "done" for row in house.rows().values()))
    [name] = house.rows()
    assert sorted(path.name for path in (house.inbox / name).iterdir()) == [
        "IMG_2001.jpg",
        "IMG_2002.jpg",
        "prompt.txt",
    ]
    assert sorted(house.belongings().values()) == sorted(before.values())
    assert cloud.messages == ["A film of loose photos"]
    house.until(lambda: not house.leftovers())  # the page may just be being written


def test_a_loose_file_with_its_sidecar_becomes_a_project_of_its_own(street: House):
    street.write("cat.txt", "A film of the cat")
    street.photos("cat.jpg")
    row = street.until_done("cat")
    assert row["video"] == "cat/cat.mp4"
    assert said_in(street, "the cat") == ["A film of the cat"]
    assert sorted(path.name for path in (street.inbox / "cat").iterdir()) == ["cat.jpg", "cat.txt"]


def test_a_prompt_is_written_and_waited_for_and_its_edit_is_what_is_sent(house: House, cloud: Cloud):
    house.configure({"inbox": {"prompt_wait": "forever"}})
    house.project("garden", None)
    house.start()
    row = house.until_state("garden", "waiting_for_prompt")
    assert (row["version"], row["needs"], row["video"]) == (0, None, None)
    prompt = house.until(lambda: (house.inbox / "garden/prompt.txt").exists() and house.inbox / "garden/prompt.txt")
    template = prompt.read_text("utf-8")
    assert sum(line.startswith("# ") for line in template.splitlines()) == 3
    assert "generate a video from my photos with transitions and background music" in template
    assert cloud.count("run_sse") == 0
    house.write("garden/prompt.txt", "# a comment\nThe garden in spring\n")
    house.until_done("garden")
    assert cloud.messages == ["The garden in spring"]


def test_without_an_edit_the_default_prompt_is_sent_as_it_stands(street: House):
    before = len(street.cloud.messages)
    street.project("unsaid", None)
    street.until_done("unsaid")
    assert street.cloud.messages[before:] == ["generate a video from my photos with transitions and background music"]


def test_a_chinese_prompt_opens_a_chinese_session_and_is_sent_as_written(street: House):
    words = "用我的照片做一个十秒的视频，标题“海边的一天”，配上轻松的背景音乐"
    street.project("海边", words)
    street.until_done("海边")
    assert said_in(street, "海边的一天") == [words]
    assert json.loads(street.cloud.asked("session")[-1].body)["language"] == "zh-CN"
    assert street.video("海边/海边-v1.mp4")


def test_an_edited_prompt_is_the_next_version_in_the_same_session_and_sends_only_what_is_new(street: House):
    street.project("hills", "A film of the hills")
    street.until_done("hills", 1)
    first, sessions = street.video("hills/hills-v1.mp4"), street.cloud.count("session")
    street.write("hills/prompt.txt", "A film of the hills\n---\nMake the film of the hills 20 seconds long\n")
    row = street.until_done("hills", 2)
    assert row["video"] == "hills/hills.mp4"
    assert said_in(street, "hills") == ["A film of the hills", "Make the film of the hills 20 seconds long"]
    assert street.cloud.count("session") == sessions
    assert len({asked.session for asked in street.cloud.asked("run_sse") if "hills" in asked.words}) == 1
    assert street.video("hills/hills-v1.mp4") == first != street.video("hills/hills-v2.mp4")
    assert street.video("hills/hills.mp4") == street.video("hills/hills-v2.mp4")
    street.write("hills/prompt.txt", 'Now with a title "Up the hills"\n')
    street.until_done("hills", 3)
    assert said_in(street, "hills")[2:] == ['Now with a title "Up the hills"']


def test_saving_without_a_change_and_deleting_the_prompt_do_nothing(street: House):
    street.project("quiet", "A film of quiet")
    street.until_done("quiet", 1)
    asked = len(street.cloud.asked("run_sse"))
    street.write("quiet/prompt.txt", "A film of quiet\n\n# a comment is no change\n")
    street.project("quiet-after", "A film made after the quiet one")
    street.until_done("quiet-after")
    (street.inbox / "quiet/prompt.txt").unlink()
    street.project("quiet-last", "A film made last, after the silent one")
    street.until_done("quiet-last")
    assert street.row("quiet")["version"] == 1
    assert street.row("quiet")["state"] == "done"
    assert len(street.cloud.asked("run_sse")) == asked + 2
    assert not (street.inbox / "quiet/prompt.txt").exists()


def test_batch_style_makes_film_after_film_in_one_session(street: House):
    street.write("wedding/b.txt", "The wedding cake")
    street.write("wedding/a.txt", "The wedding rings")
    street.photos("wedding/a.jpg", "wedding/b.jpg")
    street.until_done("wedding/a")
    row = street.until_done("wedding/b")
    assert row["video"] == "wedding/b.mp4"
    names = {path.name for path in (street.outbox / "wedding").iterdir()}
    assert {"a.mp4", "a-v1.mp4", "a.reply.txt", "a.timeline.txt", "b.mp4", "b-v1.mp4", "b.reply.txt"} <= names
    assert "wedding" not in street.rows()
    asked = [asked for asked in street.cloud.asked("run_sse") if "wedding" in asked.words]
    assert [a.words for a in asked] == ["The wedding rings", "The wedding cake"]
    assert len({a.session for a in asked}) == 1
    order = [a for a in street.cloud.calls if a.call in {"upload", "run_sse"} and a.session == asked[0].session]
    assert [str(a.call) for a in order] == ["upload", "run_sse", "upload", "run_sse"], (
        "media go up right before their own message"
    )
    assert street.video("wedding/a.mp4") != street.video("wedding/b.mp4")


def test_a_sidecar_added_later_starts_a_film_of_its_own(street: House):
    street.project("party", "The whole party", 1)
    street.until_done("party", 1)
    street.photos("party/cake.jpg")
    street.write("party/cake.txt", "Only the cake of the party")
    street.until_done("party/cake")
    assert said_in(street, "party") == ["The whole party", "Only the cake of the party"]
    assert street.row("party")["version"] == 1


def test_media_by_url_are_handed_over(house: House, cloud: Cloud, make_house):
    import http.server
    import threading

    class Photos(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.end_headers()
            self.wfile.write(photo(self.path))

        def log_message(self, *words):
            """Be quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Photos)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        house.write("web/urls.txt", f"# two photos\n{base}/one.jpg\n{base}/two.jpg\n")
        house.write("web/prompt.txt", "A film of the web")
        house.start()
        house.until_done("web")
    finally:
        server.shutdown()
    [upload] = cloud.asked("upload")
    assert upload.headers["content-type"].startswith("application/json")
    assert cloud.messages == ["A film of the web"]


def test_an_empty_urls_file_lets_words_alone_make_a_film_and_without_it_they_wait(street: House):
    street.write("words/prompt.txt", "Ten seconds of words alone")
    street.until(lambda: street.row("words").get("detail") == "no photos yet")
    assert street.row("words")["state"] == "settling"
    street.write("words/urls.txt", "")
    street.until_done("words")
    assert said_in(street, "words alone") == ["Ten seconds of words alone"]


def test_audio_alone_waits_for_a_picture(street: House):
    import wave

    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16_000))
    street.write("song/prompt.txt", "A film of my song")
    street.write("song/song.wav", out.getvalue())
    street.until(lambda: "picture" in street.row("song").get("detail", ""))
    assert street.row("song")["state"] == "settling"
    street.photos("song/cover.jpg")
    street.until_done("song")
    assert said_in(street, "my song") == ["A film of my song"]


def test_several_messages_are_paid_steps_one_after_another_and_one_video(street: House):
    street.project("steps", 'First the forest\n---\nThen 15 seconds of the forest\n---\nLast, a title "Forest"\n')
    row = street.until_done("steps")
    assert row["version"] == 1
    assert said_in(street, "orest") == ["First the forest", "Then 15 seconds of the forest", 'Last, a title "Forest"']
    assert sorted(path.name for path in (street.outbox / "steps").glob("*.mp4")) == ["steps-v1.mp4", "steps.mp4"]


def test_added_photos_are_uploaded_and_named_with_the_last_message(street: House):
    street.project("growing", "A film of growing")
    street.until_done("growing", 1)
    uploads = street.cloud.count("upload")
    street.photos("growing/later.jpg")
    street.until_done("growing", 2)
    assert street.cloud.count("upload") == uploads + 1
    told = said_in(street, "growing")
    assert len(told) == 2
    assert told[1].startswith("A film of growing")
    assert "later.jpg" in told[1]


def test_removed_photos_change_nothing_until_the_words_change_and_the_reply_says_so(street: House):
    street.project("shrinking", "A film of shrinking")
    street.until_done("shrinking", 1)
    (street.inbox / "shrinking/IMG_0002.jpg").unlink()
    street.project("shrinking-next", "Made after the smaller one")
    street.until_done("shrinking-next")
    assert street.row("shrinking")["version"] == 1
    street.write("shrinking/prompt.txt", "A film of shrinking, 20 seconds")
    street.until_done("shrinking", 2)
    assert "IMG_0002.jpg" in street.text("shrinking/reply.txt")
    assert "again" in street.text("shrinking/reply.txt")


@pytest.mark.parametrize("words", ["export", "导出"])
def test_export_renders_again_and_costs_nothing(street: House, words: str):
    name = f"exported-{len(words)}"
    street.project(name, f"A film to be {name}")
    street.until_done(name, 1)
    paid, renders = street.cloud.count("run_sse"), street.cloud.count("render")
    street.write(f"{name}/prompt.txt", words)
    street.until_done(name, 2)
    assert street.cloud.count("run_sse") == paid
    assert street.cloud.count("render") == renders + 1
    street.write(f"{name}/prompt.txt", f"A film to be {name}\n---\nand 20 seconds of it: {name}")
    street.until_done(name, 3)
    assert street.cloud.messages[paid:] == [f"and 20 seconds of it: {name}"], (
        "routing words are no part of the film's words"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [("credits", "Credits"), ("余额", "Credits"), ("status", "Timeline ("), ("show tracks", "Timeline (")],
)
def test_questions_are_answered_in_the_reply_and_cost_nothing(street: House, words: str, told: str):
    name = "asked-" + words.replace(" ", "-")
    street.project(name, f"A film called {name}")
    street.until_done(name, 1)
    paid, renders = street.cloud.count("run_sse"), street.cloud.count("render")
    street.write(f"{name}/prompt.txt", words)
    street.until(lambda: street.text(f"{name}/reply.txt").startswith(told))
    assert street.until_done(name)["video"] == f"{name}/{name}.mp4"
    assert (street.cloud.count("run_sse"), street.cloud.count("render")) == (paid, renders)


def test_upload_brings_new_media_up_and_sends_nothing(street: House):
    street.project("up", "A film to go up")
    street.until_done("up", 1)
    paid, uploads = street.cloud.count("run_sse"), street.cloud.count("upload")
    street.write("up/prompt.txt", "upload")
    street.photos("up/new.jpg")
    street.until(lambda: "new.jpg" in street.text("up/reply.txt"))
    street.until_done("up")
    assert street.cloud.count("upload") == uploads + 1
    assert street.cloud.count("run_sse") == paid
    assert not (street.outbox / "up/up-v2.mp4").exists()


def test_a_copied_folder_gets_the_video_that_exists_and_pays_nothing(street: House):
    street.project("original", "A film worth copying")
    street.until_done("original")
    paid = street.cloud.count("run_sse")
    copy_folder(street.inbox / "original", street.inbox / "original copy")
    street.until_done("original copy", 1)
    assert street.cloud.count("run_sse") == paid
    assert street.video("original copy/original copy-v1.mp4") == street.video("original/original-v1.mp4")
    sessions = street.cloud.count("session")
    street.write("original copy/prompt.txt", "A film worth copying\n---\nNow the copy, 20 seconds")
    street.until_done("original copy", 2)
    assert street.cloud.count("session") == sessions + 1
    assert street.cloud.messages[paid:] == ["A film worth copying", "Now the copy, 20 seconds"]
    assert street.row("original")["version"] == 1


def test_a_renamed_folder_stays_the_same_project(street: House):
    street.project("before", "A film of names")
    street.until_done("before")
    paid = street.cloud.count("run_sse")
    (street.inbox / "before").rename(street.inbox / "after")
    row = street.until_done("after")
    assert row["video"] == "before/before.mp4"
    assert "before" not in street.rows()
    assert street.cloud.count("run_sse") == paid
    sessions = street.cloud.count("session")
    street.write("after/prompt.txt", "A film of names\n---\nthe renamed one, 20 seconds")
    street.until_done("after", 2)
    assert (street.cloud.count("session"), street.cloud.count("run_sse")) == (sessions, paid + 1)
    assert (street.outbox / "before/before-v2.mp4").exists()


def test_from_a_to_b_to_a_is_a_new_version_each_time(street: House):
    street.project("turn", "A film of turning, 10 seconds")
    street.until_done("turn", 1)
    street.write("turn/prompt.txt", "A film of turning, 20 seconds")
    street.until_done("turn", 2)
    street.write("turn/prompt.txt", "A film of turning, 10 seconds")
    street.until_done("turn", 3)
    assert [words[-10:] for words in said_in(street, "turning")] == ["10 seconds", "20 seconds", "10 seconds"]


def test_a_version_that_was_taken_away_is_not_made_again_unasked(street: House):
    street.project("taken", "A film to be taken away")
    street.until_done("taken")
    renders = street.cloud.count("render")
    for video in (street.outbox / "taken").glob("*.mp4"):
        video.unlink()
    street.until(lambda: street.row("taken").get("video") is None)
    assert street.row("taken")["state"] == "done"
    assert street.cloud.count("render") == renders
    assert street.command("retry", "taken").returncode == 0
    assert street.until(lambda: street.row("taken").get("video")) == "taken/taken.mp4"
    assert street.cloud.count("render") == renders + 1
    assert len(said_in(street, "to be taken away")) == 1
