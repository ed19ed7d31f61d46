"""Samples for the outbox's tests: the smallest MP4, and films in every state."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

from nemo_watch.errors import FilmState, Need
from nemo_watch.model import Backend, Credits, FilmRow, FilmStory, LeftAlone, Overview, Segment, Track, Watching

NOW = datetime(2026, 11, 22, 15, 42, 7, tzinfo=UTC)


def box(kind: bytes, contents: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(contents), kind) + contents


def mp4(pictures: bytes = b"pictures") -> bytes:
    """The smallest file that has all the parts of an MP4; it shows nothing."""
    return (
        box(b"ftyp", b"isom\0\0\2\0isomiso2")
        + box(b"moov", box(b"mvhd", bytes(100)) + box(b"trak", box(b"tkhd", bytes(84))))
        + box(b"mdat", pictures)
    )


def row(name: str = "beach-trip", state: FilmState = FilmState.DONE, **changes: Any) -> FilmRow:
    given: dict[str, Any] = {
        "name": name, "version": 1, "state": state, "detail": "", "progress": 0.0, "needs": None, "video": None,
        "updated_at": NOW,
    }  # fmt: skip
    return FilmRow(**(given | changes))


def story(film: FilmRow, **changes: Any) -> FilmStory:
    given: dict[str, Any] = {
        "row": film, "folder": film.name.split("/")[0], "stem": film.name.split("/")[-1], "versions": (), "timeline": (),
        "prompt": "", "reply": "",
    }  # fmt: skip
    return FilmStory(**(given | changes))


def overview_of(stories: list[FilmStory], **changes: Any) -> Overview:
    given: dict[str, Any] = {
        "films": tuple(s.row for s in stories), "files": (), "backend": Backend.CLOUD,
        "credits": Credits(120, 10, 130), "watching": Watching("events"),
    }  # fmt: skip
    return Overview(**(given | changes))


TIMELINE = (
    Track("Video", (Segment("sunrise.mov", 0, 3500), Segment("IMG_0001.jpg", 3500, 2500), Segment("IMG_0002.heic", 6000, 4000))),
    Track("BGM", (Segment("Lo-fi, warm and slow", 0, 10000, 0.35),)),
    Track("Title", (Segment("title", 0, 3000, None, "Urban Dreams"), Segment("title", 7000, 2500, None, "城市之梦"))),
)  # fmt: skip


def sample_stories() -> list[FilmStory]:
    """One film in each state, as a person's inbox might hold them."""
    video = "beach-trip/beach-trip.mp4"
    return [
        story(
            row("beach-trip", version=2, video=video, detail="Ready to watch", updated_at=NOW - timedelta(minutes=3)),
            versions=((2, "beach-trip/beach-trip-v2.mp4"), (1, "beach-trip/beach-trip-v1.mp4")), timeline=TIMELINE,
            prompt="A calm film of our week at the sea, with slow transitions and warm music.\n---\nMake the opening title bigger.",
            reply="I've put your photos in order of time, added soft crossfades and a lo-fi track at 35 %.\nTitle: larger, first three seconds.",
        ),
        story(
            row("旅行/京都", video=video, updated_at=NOW - timedelta(hours=5)), versions=((1, video),), timeline=TIMELINE,
            prompt="用我的照片做一个关于京都秋天的短片，配上安静的钢琴音乐和简洁的字幕。", reply="已按时间顺序排列照片，添加了淡入淡出转场。",
        ),
        story(row("wedding/a", FilmState.WORKING, progress=0.62, detail="Rendering the video: 62 %", updated_at=NOW), prompt="Romantic, with the vows as text", timeline=TIMELINE[:2]),
        story(row("wedding/b", FilmState.QUEUED, detail="Waits for wedding/a: one film after the other"), prompt="Fast cuts of the dance floor"),
        story(row("2026-11-22-1542", FilmState.SETTLING, detail="3 of 12 files are still being copied", version=0)),
        story(row("garden", FilmState.WAITING_FOR_PROMPT, detail="Starts in 2 minutes with the words in prompt.txt"), prompt="generate a video from my photos with transitions and background music"),
        story(
            row("birthday", FilmState.NEEDS_YOU, needs=Need.CREDITS, detail="Waits for credits"), prompt="Birthday party, upbeat",
            sentence="NemoVideo has no credits left for this video.", advice="Top up at https://nemovideo.com; nemo-watch goes on by itself.",
        ),
        story(
            row("mountain hike", FilmState.FAILED, detail="The render failed"), prompt="Drone shots first", versions=((1, None),),
            sentence="NemoVideo could not render the video: codec error", advice="To render again, free: nemo-watch retry 'mountain hike'",
        ),
        story(row("old-idea", FilmState.CANCELLED, detail="Cancelled"), prompt="Never mind"),
    ]  # fmt: skip


def sample_overview() -> Overview:
    return overview_of(
        sample_stories(),
        files=(LeftAlone("beach-trip/notes.docx", "beach-trip", "nemo-watch makes nothing of .docx files"), LeftAlone(".DS_Store", None, "hidden")),
        watching=Watching("polling", ("The inbox lies on a network drive: changes are noticed within 30 seconds.",)),
    )  # fmt: skip
