"""The page: self-contained, harmless whatever the names, and whole."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outbox_samples import NOW, TIMELINE, overview_of, row, sample_overview, sample_stories, story

from nemo_watch.errors import FilmState, Need
from nemo_watch.model import Backend, LeftAlone, Segment, Track, Watching
from nemo_watch.outbox.gallery import FILES_MAX, gallery_page, href, remove_gallery, write_gallery, write_status

HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'-alert(1)-'", "</title></style></script><b>", "]]>",
    "<!--", "&lt;b&gt;", "javascript:alert(1)", "\x1b[31mred", "photo\u202egpj.exe", "a\u2066b", "caf\udce9", "\0", "\u2028",
    "{{7*7}}", "x" * 10_000, "旅行",
]  # fmt: skip
VOID = {"meta", "link", "input", "rect", "line", "path", "use"}


class Page(HTMLParser):
    """The elements of a page, and what does not fit together."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.problems: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(tag)


def page_of(*stories, **changes) -> str:
    return gallery_page(overview_of(list(stories), **changes), stories, NOW)


def hostile_story(name: str):
    film = row(
        name,
        FilmState.NEEDS_YOU,
        detail=name,
        needs=Need.ANSWER,
        video=f"{name.replace('/', '_')}/x.mp4",
        progress=float("nan"),
    )
    tracks = (Track(name, (Segment(name, 0, 1000, 2.0, name), Segment(name, 500, 10**30))),)
    return story(
        film,
        folder=name,
        stem=name,
        versions=((1, name), (2, None)),
        timeline=tracks,
        prompt=name,
        reply=name,
        sentence=name,
        advice=name,
    )


def check_harmless(html: str) -> None:
    page = Page(html)
    assert page.problems == []
    assert page.open == []
    tags = [tag for tag, _ in page.elements]
    assert set(tags) <= {
        "html", "head", "meta", "title", "link", "style", "noscript", "body", "svg", "symbol", "path", "a", "header", "div",
        "h1", "h2", "h3", "p", "form", "label", "input", "button", "span", "time", "main", "section", "ul", "ol", "li",
        "article", "use", "bdi", "blockquote", "figure", "rect", "line", "text", "details", "summary", "footer", "s",
        "strong", "progress", "table", "thead", "tbody", "tr", "th", "td", "script",
    }  # fmt: skip
    assert tags.count("script") == tags.count("style") == 1
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("href", "src"):
            target = attributes.get(name)
            assert target is None or target.startswith(("./", "#", "data:,")), (tag, target)


# -- what it may do ----------------------------------------------------------------------------------


def test_the_policy_allows_its_own_two_blocks_and_the_videos_beside_it_and_nothing_else():
    html = page_of()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["media-src"] == "'self' file:"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        block = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)[1]
        assert rules[rule] == "'sha256-" + base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() + "'"
    assert not re.search(r"fetch\(|XMLHttp|WebSocket|@import|url\(|innerHTML|eval\(", html)
    assert "http:" not in html
    assert "https:" not in html


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_only_words(name):
    html = gallery_page(
        overview_of([hostile_story(name)], files=(LeftAlone(name, name, name),), watching=Watching("polling", (name,))),
        [hostile_story(name)],
        NOW,
    )
    check_harmless(html)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\ud800-\udfff]", html)


@settings(max_examples=40)
@given(st.text(st.characters(), max_size=60))
def test_any_text_is_only_words(name):
    check_harmless(page_of(hostile_story(name)))


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("beach-trip/beach-trip-v1.mp4", "./beach-trip/beach-trip-v1.mp4"),
        ("旅行/a b.mp4", "./%E6%97%85%E8%A1%8C/a%20b.mp4"),
        ('a/"#?%&<.mp4', "./a/%22%23%3F%25%26%3C.mp4"),
        ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
        ("caf\udce9/x.mp4", "./caf%E9/x.mp4"),
        ("\\\\host\\x", "./%5C%5Chost%5Cx"),
        (None, None), ("", None), ("../x.mp4", None), ("a/../../x", None), ("/etc/passwd", None), ("//host/x", None), ("a//b", None),
        ("\ud800/x", None),
    ],
)  # fmt: skip
def test_links_lead_into_the_outbox_and_nowhere_else(path, link):
    assert href(path) == link


# -- what it says ------------------------------------------------------------------------------------


def test_every_film_has_a_card_with_its_state_in_words():
    html = gallery_page(sample_overview(), sample_stories(), NOW)
    check_harmless(html)
    assert html.count("<article") == len(sample_stories())
    for words in (
        "Working",
        "In line",
        "Arriving",
        "Waiting for your words",
        "Needs you",
        "Failed",
        "Done",
        "Cancelled",
    ):
        assert f"</svg>{words}</span>" in html


def test_what_asks_for_someone_comes_first_and_the_latest_first_in_each_group():
    html = gallery_page(sample_overview(), sample_stories(), NOW)
    names = re.findall(r'<h3 id="[^"]+"><bdi>([^<]+)</bdi>', html)
    assert names[:2] == ["birthday", "mountain hike"]
    assert names[-3:] == ["beach-trip", "旅行/京都", "old-idea"]


def test_a_card_shows_the_video_its_versions_its_words_and_its_timeline():
    html = page_of(sample_stories()[0])
    assert '<a href="./beach-trip/beach-trip.mp4" aria-label="Play beach-trip, version 2">' in html
    assert '<a href="./beach-trip/beach-trip-v2.mp4">v2</a>' in html
    assert '<a href="./beach-trip/beach-trip-v1.mp4">v1</a>' in html
    assert "A calm film of our week at the sea" in html
    assert "put your photos in order" in html
    assert '<figure class="timeline"' in html
    assert "Urban Dreams" in html


def test_a_version_that_a_person_took_away_is_named_and_no_link():
    html = page_of(story(row(), versions=((1, None),)))
    assert "<s>v1</s>" in html
    assert "Play beach-trip" not in html


def test_progress_is_shown_while_a_film_is_worked_on_and_only_then():
    working = row(state=FilmState.WORKING, progress=0.625)
    assert '<progress max="1" value="0.625"' in page_of(story(working))
    assert "<progress" not in page_of(story(replace(working, state=FilmState.DONE)))


def test_what_is_needed_is_said_even_without_a_sentence():
    assert "It needs credits." in page_of(story(row(state=FilmState.NEEDS_YOU, needs=Need.CREDITS)))
    asked = story(row(state=FilmState.NEEDS_YOU, needs=Need.TOKEN), sentence="No token.", advice="Put one in.")
    assert "<strong><bdi>No token.</bdi></strong><span><bdi>Put one in.</bdi></span>" in page_of(asked)


def test_the_balance_and_the_studio():
    assert "120 credits available, 10 more reserved" in page_of()
    assert "Films are made by NemoVideo." in page_of(credits=None)
    assert "on this machine, free of charge" in page_of(backend=Backend.STUDIO)


def test_files_in_no_film_are_listed_to_a_limit():
    files = tuple(LeftAlone(f"f{n}.docx", None, "unsupported") for n in range(FILES_MAX + 7))
    html = page_of(files=files)
    assert f"{FILES_MAX + 7} files, and why" in html
    assert html.count("unsupported") == FILES_MAX
    assert "and 7 more: nemo-watch status" in html


def test_an_empty_outbox_says_what_to_do():
    assert "Drop a folder of photos into the inbox" in page_of()


def test_the_same_input_makes_the_same_page():
    assert gallery_page(sample_overview(), sample_stories(), NOW) == gallery_page(
        sample_overview(), sample_stories(), NOW
    )


# -- for everyone ------------------------------------------------------------------------------------


def test_landmarks_headings_and_labels():
    html = gallery_page(sample_overview(), sample_stories(), NOW)
    page = Page(html)
    tags = [tag for tag, _ in page.elements]
    for landmark in ("header", "main", "footer", "h1"):
        assert landmark in tags
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        for reference in ("aria-labelledby", "for"):
            assert attributes.get(reference) is None or attributes[reference] in ids
        if tag in {"section", "article"}:
            assert attributes.get("aria-labelledby")
        if tag == "progress":
            assert attributes.get("aria-label")
        if tag == "svg":
            assert (
                attributes.get("aria-hidden")
                or attributes.get("class") == "ruler"
                or "lane" in str(attributes)
                or "x" in attributes
            )
    assert '<html lang="en">' in html


def test_the_drawing_is_hidden_from_screen_readers_and_told_in_words_instead():
    html = page_of(story(row(), timeline=TIMELINE))
    assert '<figure class="timeline" aria-hidden="true">' in html
    assert "Timeline in words" in html


# -- on disk -----------------------------------------------------------------------------------------


def test_page_and_status_are_written(outbox):
    overview = sample_overview()
    write_gallery(outbox, gallery_page(overview, sample_stories(), NOW))
    write_status(outbox, overview)
    assert sorted(path.name for path in outbox.root.iterdir()) == ["index.html", "status.json"]
    assert (outbox.root / "index.html").read_text().endswith("</html>\n")
    assert json.loads((outbox.root / "status.json").read_text())["projects"][0]["name"] == "beach-trip"


def test_a_thousand_films_make_a_page_of_bearable_size():
    stories = [replace(sample_stories()[0], row=row(f"film {n}", video=f"film {n}/film {n}.mp4")) for n in range(1000)]
    assert len(page_of(*stories)) < 6_000_000


def test_a_sentence_is_said_once():
    told = "It is not known whether NemoVideo took your message."
    film = row("a", FilmState.NEEDS_YOU, needs=Need.DECISION, detail=told)
    html = page_of(story(film, sentence=told, advice="Run: nemo-watch retry a"))
    assert html.count(told) == 1
    assert "Run: nemo-watch retry a" in html


def test_only_a_page_of_ours_is_removed(outbox):
    page = outbox.root / "index.html"
    remove_gallery(outbox)
    write_gallery(outbox, gallery_page(sample_overview(), sample_stories(), NOW))
    remove_gallery(outbox)
    assert not page.exists()
    page.write_text("<title>A person's own</title>")
    remove_gallery(outbox)
    assert page.exists()
    write_gallery(outbox, gallery_page(sample_overview(), sample_stories(), NOW))
    page.rename(outbox.root / "kept.html")
    page.symlink_to("kept.html")
    remove_gallery(outbox)
    assert page.is_symlink()
