"""What is known of all films → one HTML page that opens from disk: no server, no network, no framework.

Every foreign word is cut, cleaned, escaped and isolated here; the page's own content policy allows nothing but its own two
hashed blocks and the videos beside it. The page and status.json appear whole or not at all.
Source: CSP Level 3 §6.7 (hashes), WHATWG HTML `bdi`, RFC 3986 §2.1.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache, lru_cache
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from nemo_watch.errors import FilmState
from nemo_watch.model import Backend
from nemo_watch.outbox.drawing import timeline_figure, timeline_words
from nemo_watch.shown import shown, shown_lines
from nemo_watch.status import NEED_WORDS, STATE_WORDS, dumps, progress, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from nemo_watch.model import FilmRow, FilmStory, LeftAlone, Overview
    from nemo_watch.outbox.publish import OutboxFolder

PAGE: Final = "index.html"
STATUS: Final = "status.json"
WORDS_CHARACTERS_MAX: Final = 4_000
"""Characters of a prompt or reply on the page; the whole stands in the files beside the video."""
CARDS_KEPT: Final = 1_000
"""Cards drawn before that have not changed; some 4 MB."""
FILES_MAX: Final = 300
"""Rows of other files; `nemo-watch status` lists all."""
_TITLE: Final = "<title>nemo-watch</title>"  # by which a page is known as ours

_GROUPS: Final[dict[str, tuple[str, frozenset[FilmState]]]] = {
    "asks": ("Needs you", frozenset({FilmState.NEEDS_YOU, FilmState.FAILED})),
    "runs": (
        "On the way",
        frozenset({FilmState.WORKING, FilmState.QUEUED, FilmState.WAITING_FOR_PROMPT, FilmState.SETTLING}),
    ),
    "done": ("Done", frozenset({FilmState.DONE})),
    "gone": ("Cancelled", frozenset({FilmState.CANCELLED})),
}
_ICONS: Final = {
    FilmState.DONE: "M3 8.5l3.2 3.2L13 4.8",
    FilmState.WORKING: "M14 8a6 6 0 1 1-6-6",
    FilmState.NEEDS_YOU: "M8 2.5v7M8 13v.2",
    FilmState.FAILED: "M4 4l8 8M12 4l-8 8",
    FilmState.CANCELLED: "M3 8h10",
    FilmState.SETTLING: "M8 2v9M4 7.5L8 11l4-3.5M3 14h10",
    FilmState.WAITING_FOR_PROMPT: "M3 12.5l1-3L11 2.5l2 2-7 7zM9 14h4",
    FilmState.QUEUED: "M8 4v4l2.5 2M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0",
}


def write_gallery(outbox: OutboxFolder, html: str) -> None:
    """`index.html` holds this page. Raises: Trouble NO_SPACE, OUTBOX_UNWRITABLE."""
    outbox.replace(None, PAGE, html.encode("utf-8", "replace"))


def remove_gallery(outbox: OutboxFolder) -> None:
    """No page of ours is there (any more); a person's own `index.html` stays. Raises: Trouble OUTBOX_UNWRITABLE."""
    outbox.remove(PAGE, _TITLE.encode())


def write_status(outbox: OutboxFolder, overview: Overview) -> None:
    """`status.json` holds the object of `status --json`. Raises: Trouble NO_SPACE, OUTBOX_UNWRITABLE."""
    outbox.replace(None, STATUS, dumps(overview).encode())


def gallery_page(overview: Overview, stories: Sequence[FilmStory], made_at: datetime) -> str:
    """The whole page: what asks for someone first, then what moves, then what is done, the latest change first in each."""
    style, script = _asset("gallery.css"), _asset("gallery.js")
    ordered = sorted(stories, key=lambda story: story.row.updated_at, reverse=True)
    grouped = {group: [s for s in ordered if s.row.state in states] for group, (_, states) in _GROUPS.items()}
    sections = "".join(_section(group, members) for group, members in grouped.items() if members)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
{_TITLE}
<link rel="icon" href="data:,">
<style>{style}</style>
<noscript><meta http-equiv="refresh" content="30"></noscript>
</head>
<body>
<svg class="unseen" aria-hidden="true">{_icons()}</svg>
<a class="skip" href="#films">To the films</a>
{_header(overview, grouped, made_at)}
<main id="films" tabindex="-1">
{_problems(overview)}{sections or _EMPTY}
{_files(overview.files)}
</main>
<footer class="muted">Made by nemo-watch from the folders on this machine. This page sends and loads nothing.</footer>
<script>{script}</script>
</body>
</html>
"""


_EMPTY: Final = '<p class="empty"><strong>Nothing here yet</strong>Drop a folder of photos into the inbox; its film appears here.</p>'


@cache
def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    # `file:` because a page opened from disk has no origin that 'self' could mean.
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; media-src 'self' file:; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _icons() -> str:
    return "".join(
        f'<symbol id="i-{name}" viewBox="0 0 16 16"><path d="{path}"/></symbol>'
        for name, path in (("play", "M4 2l10 6-10 6z"), *_ICONS.items())
    )


# -- the head ----------------------------------------------------------------------------------------


def _header(overview: Overview, grouped: dict[str, list[FilmStory]], made_at: datetime) -> str:
    counts = {group: len(members) for group, members in grouped.items() if members}
    chips = "".join(
        f'<button type="button" data-group="{group}" aria-pressed="{str(group == "all").lower()}">{word} {count}</button>'
        for group, word, count in [
            ("all", "All", sum(counts.values())),
            *((group, _GROUPS[group][0], count) for group, count in counts.items()),
        ]
    )
    return f"""<header>
<div class="top">
<div><h1>nemo-watch</h1><p class="muted">{_service(overview)}</p></div>
<form class="search script" role="search" hidden><label class="unseen" for="search">Find a film</label>
<input id="search" type="search" placeholder="Find a film" autocomplete="off" spellcheck="false"></form>
</div>
<div class="bar">
<div class="chips script" role="group" aria-label="Show" hidden>{chips}</div>
<p class="muted"><span id="found" role="status"></span></p>
<p class="muted"><span>As of {_time(made_at)}<span id="held"></span></span>
<label class="live script" hidden><input type="checkbox" id="live" checked> keep up to date</label></p>
</div>
</header>"""


def _service(overview: Overview) -> str:
    if overview.backend is Backend.STUDIO:
        return "Films are made on this machine, free of charge."
    if overview.credits is None:
        return "Films are made by NemoVideo."
    frozen = f", {overview.credits.frozen:g} more reserved for work in progress" if overview.credits.frozen else ""
    return f"Films are made by NemoVideo; {overview.credits.available:g} credits available{frozen}."


def _problems(overview: Overview) -> str:
    told = "".join(f"<p>{_inline(problem)}</p>" for problem in overview.watching.problems)
    return f'<div class="notice" role="note" aria-label="About the inbox">{told}</div>' if told else ""


def _files(files: Sequence[LeftAlone]) -> str:
    if not files:
        return ""
    rows = "".join(f"<tr><td>{_inline(f.path)}</td><td>{_inline(f.reason)}</td></tr>" for f in files[:FILES_MAX])
    if len(files) > FILES_MAX:
        rows += f'<tr><td colspan="2">and {len(files) - FILES_MAX} more: nemo-watch status</td></tr>'
    word = "file" if len(files) == 1 else "files"
    return (
        f'<section aria-labelledby="other"><h2 id="other">In the inbox, but in no film</h2>'
        f'<details data-key="files"><summary>{len(files)} {word}, and why</summary>'
        f'<table class="files"><thead><tr><th scope="col">File</th><th scope="col">Why</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></details></section>"
    )


# -- a film ------------------------------------------------------------------------------------------


def _section(group: str, stories: Iterable[FilmStory]) -> str:
    cards = "\n".join(_card(group, story) for story in stories)
    return (
        f'<section data-group="{group}" aria-labelledby="h-{group}"><h2 id="h-{group}">{_GROUPS[group][0]}</h2>'
        f'<ul class="cards" role="list">\n{cards}\n</ul></section>\n'
    )


@lru_cache(CARDS_KEPT)
def _card(group: str, story: FilmStory) -> str:
    row = story.row
    name_id = "f-" + hashlib.sha256(row.name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return (
        f'<li data-group="{group}" data-film="{name_id}">'
        f'<article class="card {row.state}" aria-labelledby="{name_id}">{_video(row)}<div class="in">'
        f'<div class="name"><h3 id="{name_id}">{_inline(row.name)}</h3>{_state(row)}</div>'
        f"{_detail(story)}{_ask(story)}{_words(story.prompt)}{timeline_figure(story.timeline)}{_more(story, name_id)}"
        f'<footer class="muted">{_versions(story)}<span>Changed {_time(row.updated_at)}</span></footer>'
        f"</div></article></li>"
    )


def _video(row: FilmRow) -> str:
    source = href(row.video)
    if source is None:
        return ""
    label = escape(shown(f"{row.name}, version {row.version}"))
    # A link, which the script turns into a player when it comes near: a thousand players take a browser many seconds.
    return f'<div class="screen"><a href="{source}" aria-label="Play {label}"><svg aria-hidden="true"><use href="#i-play"/></svg></a></div>'


def _state(row: FilmRow) -> str:
    return (
        f'<span class="state"><svg aria-hidden="true"><use href="#i-{row.state}"/></svg>{STATE_WORDS[row.state]}</span>'
    )


def _detail(story: FilmStory) -> str:
    row = story.row
    detail = f'<p class="detail">{_inline(row.detail)}</p>' if row.detail and row.detail != story.sentence else ""
    if row.state is not FilmState.WORKING:
        return detail
    share = progress(row)
    return f'{detail}<progress max="1" value="{share:.3f}" aria-label="Progress">{share:.0%}</progress>'


def _ask(story: FilmStory) -> str:
    if not (story.sentence or story.advice or story.row.needs):
        return ""
    first = story.sentence or f"It needs {NEED_WORDS[story.row.needs]}." if story.row.needs else story.sentence
    advice = f"<span>{_inline(story.advice)}</span>" if story.advice else ""
    return f'<div class="ask"><strong>{_inline(first)}</strong>{advice}</div>'


def _words(prompt: str) -> str:
    if not prompt.strip():
        return ""
    short = prompt.replace("\n---\n", "\n")  # three lines are shown; the line between two messages is none of them
    return f'<blockquote class="words"><p class="short" dir="auto"><span class="unseen">Your words: </span>{_lines(short)}</p></blockquote>'


def _more(story: FilmStory, key: str) -> str:
    parts = []
    if len(story.prompt) > 120 or story.prompt.count("\n") > 2:
        parts.append(("words", "Your words in full", f'<div class="well" dir="auto">{_lines(story.prompt)}</div>'))
    if story.reply.strip():
        parts.append(("reply", "What the service said", f'<div class="well" dir="auto">{_lines(story.reply)}</div>'))
    if words := timeline_words(story.timeline):
        parts.append(("time", "Timeline in words", words))
    return "".join(
        f'<details data-key="{key}-{what}"><summary>{title}</summary>{body}</details>' for what, title, body in parts
    )


def _versions(story: FilmStory) -> str:
    if not story.versions:
        return ""
    links = "".join(
        f'<li><a href="{target}">v{version}</a></li>'
        if (target := href(path))
        else f'<li><s>v{version}</s><span class="unseen"> (no video here)</span></li>'
        for version, path in story.versions
    )
    return f'<ul class="versions" aria-label="Versions">{links}</ul>'


# -- foreign words -----------------------------------------------------------------------------------


def href(path: str | None) -> str | None:
    """A path in the outbox as a relative link that cannot be anything else; None when it would leave the outbox."""
    if path is None or not path or path.startswith("/") or {"", ".", ".."} & set(path.split("/")):
        return None
    try:
        return "./" + quote(path.encode("utf-8", "surrogateescape"), safe="/")
    except UnicodeEncodeError:  # half a character that no file name can hold: a forged receipt
        return None


def _inline(text: str) -> str:
    return f"<bdi>{escape(shown(text[:WORDS_CHARACTERS_MAX]))}</bdi>"


def _lines(text: str) -> str:
    cut = text.strip()[:WORDS_CHARACTERS_MAX]
    return escape(shown_lines(cut)) + ("…" if len(text.strip()) > len(cut) else "")


def _time(moment: datetime) -> str:
    stamp = utc_text(moment)
    return f'<time datetime="{stamp}">{stamp[:16].replace("T", " ")} UTC</time>'
