"""The gallery in a real Chromium, opened from disk."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from outbox_samples import NOW, TIMELINE, overview_of, row, sample_overview, sample_stories, story

from nemo_watch.errors import FilmState
from nemo_watch.outbox.gallery import gallery_page, write_gallery

FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
SHOWN_CARDS = "[...document.querySelectorAll('.cards > li')].filter(card => card.offsetParent).length"


@pytest.fixture
def show(outbox, chromium, fetched, real_mp4):
    """A function that opens the gallery of these films; `trip/trip.mp4` is a film that plays."""
    for folder in ("beach-trip", "odd #1 100% 旅"):
        outbox.publish_video(folder, folder, 1, fetched(folder, folder, 1, real_mp4))

    def opened(stories=None, overview=None, **view):
        stories = sample_stories() if stories is None else stories
        write_gallery(outbox, gallery_page(overview or overview_of(stories), stories, NOW))
        chromium.open(outbox.root / "index.html", **view)
        chromium.evaluate(FRAMES)  # what comes near has its player by then
        return chromium

    return opened


def type_into_search(browser, text):
    browser.evaluate(
        f"search = document.querySelector('#search'); search.value = {text!r}; search.dispatchEvent(new Event('input'))"
    )


def test_it_opens_without_a_complaint_and_asks_nothing_of_any_network(show, outbox):
    browser = show(overview=sample_overview())
    assert browser.complaints() == []
    own = outbox.root.as_uri()
    assert [url for url in browser.requested() if not url.startswith((own, "data:image/svg+xml"))] == []


def test_a_film_plays_from_disk_whatever_its_name(show):
    odd = "odd #1 100% 旅"
    browser = show([story(row(odd, video=f"{odd}/{odd}.mp4"), versions=((1, f"{odd}/{odd}-v1.mp4"),))])
    browser.evaluate("video = document.querySelector('video'); video.muted = true; video.play()")
    assert browser.evaluate("video.duration") == pytest.approx(2, abs=0.2)
    assert browser.evaluate("video.videoWidth") == 640
    assert browser.complaints() == []


def test_hostile_names_run_nothing(show):
    name = '"><img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>\u202e</style></title>'
    bad = story(
        row(name, FilmState.FAILED, detail=name),
        versions=((1, name),),
        timeline=TIMELINE,
        prompt=name,
        reply=name,
        sentence=name,
        advice=name,
    )
    browser = show([bad])
    assert browser.evaluate("document.title") == "nemo-watch"
    assert browser.evaluate("document.images.length + document.scripts.length") == 1
    assert browser.evaluate("document.querySelector('h3').textContent").startswith('"><img src=x onerror')
    assert browser.complaints() == []


def test_what_slips_through_would_still_not_run(show):
    """The policy is the second wall: even a script that got onto the page does nothing."""
    browser = show()
    browser.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title = `owned`'}))"
    )
    browser.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=https://example.invalid/x.png onerror=\"document.title=`owned`\">')"
    )
    browser.evaluate("new Promise(done => setTimeout(done, 50))")
    assert browser.evaluate("document.title") == "nemo-watch"
    assert len(browser.complaints()) >= 2


def test_search_and_groups_filter_the_films(show):
    browser = show()
    total = len(sample_stories())
    assert browser.evaluate(SHOWN_CARDS) == total
    type_into_search(browser, "WEDDING")
    assert browser.evaluate(SHOWN_CARDS) == 2
    assert browser.evaluate("document.querySelector('#found').textContent") == f"2 of {total} films"
    type_into_search(browser, "京都")
    assert browser.evaluate(SHOWN_CARDS) == 1
    assert browser.evaluate("[...document.querySelectorAll('main h2')].filter(h => h.offsetParent).length") == 1
    type_into_search(browser, "no such film")
    assert browser.evaluate("document.querySelector('#found').textContent") == "No film fits."
    type_into_search(browser, "")
    browser.evaluate("document.querySelector('.chips [data-group=done]').click()")
    assert browser.evaluate(SHOWN_CARDS) == 2
    assert browser.evaluate("document.querySelector('.chips [data-group=done]').ariaPressed") == "true"


def test_the_words_about_its_age_stand_apart(show):
    words = show().evaluate("document.querySelector('.bar p:last-child').innerText")
    assert re.match(r"As of \S", words)


def test_the_keyboard_reaches_everything_and_the_focus_shows(show):
    browser = show()
    reached = []
    for _step in range(6):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        browser.call("Input.dispatchKeyEvent", type="keyUp", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(
            browser.evaluate(
                "document.activeElement.className || document.activeElement.id || document.activeElement.dataset.group"
            )
        )
        assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == ["skip", "search", "all", "asks", "runs", "done"]
    browser.evaluate("document.activeElement.blur()")
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="/", text="/")
    assert browser.evaluate("document.activeElement.id") == "search"


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 2560])
def test_nothing_sticks_out_at_any_width(show, width):
    long = "Ein-sehr-langer-Name-ohne-jede-Lücke-" * 6
    stories = [
        *sample_stories(),
        story(row(long, FilmState.NEEDS_YOU, detail=long), prompt=long, timeline=TIMELINE, sentence=long),
    ]
    browser = show(stories, width=width)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


CONTRAST = """(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const found = channels(getComputedStyle(element).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const worst = {};
  for (const element of document.querySelectorAll("h1, h2, h3, p, a, summary, time, li, strong, span, button, label, footer, td, th")) {
    if (!element.offsetParent || !element.textContent.trim() || element.matches(".unseen, .skip")) continue;
    const pair = [light(channels(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + .05) / (pair[1] + .05);
    if (ratio < 4.5) worst[element.tagName + "." + element.className] = ratio;
  }
  return worst;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_are_readable_in_light_and_dark(show, scheme):
    """WCAG 1.4.3: a contrast of 4.5 at least."""
    browser = show(overview=sample_overview(), scheme=scheme)
    assert browser.evaluate(CONTRAST) == {}
    grounds = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert grounds == {"light": "rgb(244, 242, 238)", "dark": "rgb(19, 22, 26)"}[scheme]


def test_screen_readers_find_landmarks_films_and_states(show):
    browser = show()
    browser.call("Accessibility.enable")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    found = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]}
    roles = {role for role, _ in found}
    assert {"banner", "main", "contentinfo", "search", "progressbar"} <= roles
    assert {
        ("article", "beach-trip"),
        ("article", "旅行/京都"),
        ("region", "Needs you"),
        ("heading", "birthday"),
    } <= found
    assert {("searchbox", "Find a film"), ("checkbox", "keep up to date")} <= found


# The page's clock and timer in the test's hand: nobody waits fifteen seconds.
IN_HAND = """
  window.beats = []; window.ahead = 0;
  window.setInterval = (beat) => window.beats.push(beat);
  const now = performance.now.bind(performance);
  performance.now = () => now() + window.ahead;
"""


@pytest.fixture
def tick(chromium):
    """A function that lets the page's fifteen seconds pass, and says whether it loaded itself again."""
    script = chromium.call("Page.addScriptToEvaluateOnNewDocument", source=IN_HAND)["identifier"]

    def passed(doing: str = "0") -> bool:
        chromium.evaluate(doing)
        chromium.events.clear()
        chromium.evaluate("window.ahead += 16000; window.beats.forEach((beat) => beat())")
        going = any(event.get("method") == "Page.frameRequestedNavigation" for event in chromium.events)
        if going:
            chromium.wait("Page.loadEventFired")
        return going

    yield passed
    chromium.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


def test_it_loads_itself_again_and_keeps_what_was_chosen(show, outbox, tick):
    browser = show()
    type_into_search(browser, "wedding")
    browser.evaluate(
        "document.querySelector('.chips [data-group=runs]').click(); document.querySelector('.cards > li:not([hidden]) details').open = true"
    )
    stories = [*sample_stories(), story(row("wedding/c", FilmState.QUEUED))]
    write_gallery(outbox, gallery_page(overview_of(stories), stories, NOW))
    assert tick()
    assert browser.evaluate("document.querySelector('#search').value") == "wedding"
    assert browser.evaluate("document.querySelector('.chips [data-group=runs]').ariaPressed") == "true"
    assert browser.evaluate(SHOWN_CARDS) == 3  # the new film is here
    assert browser.evaluate("document.querySelectorAll('details[open]').length") == 1


@pytest.mark.parametrize(
    ("doing", "script"),
    [
        (
            "typing",
            "search = document.querySelector('#search'); search.focus(); search.dispatchEvent(new Event('input', {bubbles: true}))",
        ),
        ("reading", "getSelection().selectAllChildren(document.querySelector('h3'))"),
        (
            "watching",
            "(async () => { video = document.querySelector('video'); video.muted = true; video.loop = true; await video.play() })()",
        ),
        ("asked not to", "document.querySelector('#live').click()"),
    ],
)
def test_it_does_not_load_itself_while_someone_is(show, tick, doing, script):
    show()
    assert not tick(script), doing


def test_a_search_left_alone_lets_the_page_live_and_keeps_the_cursor(show, tick):
    browser = show()
    browser.evaluate("document.querySelector('#search').focus(); window.ahead += 60000")
    assert tick()
    assert browser.evaluate("document.activeElement.id") == "search"


def test_a_film_that_is_watched_is_the_only_one_and_the_others_let_go_when_far(show):
    films = [story(row(f"film {n}", video="beach-trip/beach-trip.mp4")) for n in range(40)]
    browser = show(films)
    browser.evaluate("""(async () => {
      window.two = [...document.querySelectorAll("video")].slice(0, 2);
      for (const video of two) { video.muted = video.loop = true; await video.play(); }
    })()""")
    assert browser.evaluate("two.map((video) => video.paused)") == [True, False]
    browser.evaluate("scrollTo(0, document.body.scrollHeight)")
    browser.evaluate(FRAMES)
    browser.evaluate(FRAMES)
    assert browser.evaluate("two.map((video) => video.isConnected)") == [True, True]  # begun: they keep their place
    assert browser.evaluate("document.querySelectorAll('video').length") < 30
    assert browser.evaluate("document.querySelector('.cards > li:last-child video') !== null")


def test_a_thousand_films_are_filtered_at_once(show):
    base = sample_stories()[0]
    stories = [replace(base, row=row(f"film {n}", video="beach-trip/beach-trip.mp4")) for n in range(1000)]
    browser = show(stories)
    not_hidden = "document.querySelectorAll('.cards > li:not([hidden])').length"
    assert browser.evaluate(not_hidden) == 1000
    type_into_search(browser, "film 777")
    assert browser.evaluate(not_hidden) == 1
    # Only what is near is laid out and loaded: the others' first frames are not fetched.
    assert len({url for url in browser.requested() if url.endswith(".mp4")}) <= 1
    assert browser.evaluate("[...document.querySelectorAll('video')].filter(v => v.preload === 'metadata').length") < 50
