"""What the service says as if there were buttons → what people read here, and the deeds behind the buttons.

What it says about the content is kept to the letter; only the clause that needs a hand on a mouse is replaced, and the
sentence around it stays a sentence. It must never take content for a button: "the video opens with a sunset" and "I added
a click sound" stay. Pure.
Source: API text "Translating GUI Instructions".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from nemo_watch.nemo import clauses, guiforms
from nemo_watch.nemo.sentences import sentences


class DeedKind(StrEnum):
    """What is done instead of the click: each has its endpoint."""

    EXPORT = "export"
    PREVIEW = "preview"
    OPEN = "open"
    CLICK = "click"
    EDIT = "edit"
    BALANCE = "balance"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class Deed:
    """A deed. `text` is the whole instruction to send for EDIT, the button's name for CLICK, else empty."""

    kind: DeedKind
    text: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What people read, and the deeds that the service asked for, each once, in order; all its edits are one deed."""

    text: str
    deeds: tuple[Deed, ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A clause: what parts it from the one before, its words, its deed if it asks for one, and what is read instead."""

    parting: str
    words: str
    deed: Deed | None = None
    said: str = ""


_SAID: Final[dict[DeedKind, tuple[str, str]]] = {
    DeedKind.EXPORT: ("nemo-watch exports the video for you", "nemo-watch 会为您导出视频"),
    DeedKind.PREVIEW: ("the timeline stands in timeline.txt", "时间线写在 timeline.txt 里"),
    DeedKind.OPEN: ("nemo-watch reads the project for you", "nemo-watch 会为您读取项目"),
    DeedKind.CLICK: ("there is no button to press here: say it in the prompt", "这里没有按钮：请写在提示词里"),
    DeedKind.EDIT: ("this step is sent to NemoVideo as an edit", "这一步会作为编辑指令发送"),
    DeedKind.BALANCE: ("the balance is shown by: nemo-watch credits", "余额可用命令查看：nemo-watch credits"),
    DeedKind.UPLOAD: (
        "nemo-watch uploads what is put into the project's folder",
        "nemo-watch 会上传项目文件夹里的文件",
    ),
}
_IN_THE_PROMPT: Final = ("say it in the prompt", "请写在提示词里")
_WEAK: Final = frozenset({DeedKind.OPEN, DeedKind.CLICK})  # the way to another deed, not worth a word beside it

_LABEL: Final = re.compile(
    r"[\"“'‘「【\[*`]+([^\"”'’」】\]*`\n]{1,40})[\"”'’」】\]*`]+|(?<=\s)([A-Z][\w]*(?: [A-Z][\w]*)*)"
)
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_QUOTED: Final = re.compile(r"[\"“「『【《`][^\"”」』】》`\n]{0,80}[\"”」』】》`]")
_BRACKETS: Final = re.compile(r"(\s*)([(（])([^()（）\n]{1,300})([)）])")
_LIST_MARK: Final = re.compile(r"\s*(?:[-*•>–—]\s+)?(?:\d{1,2}[.)、]\s*)?")
_BARE_NUMBER: Final = re.compile(r"\s*\d{1,2}[.)、]\s*")
_GERUND: Final = re.compile(r"(?i)\A(dragg|dropp|mov|plac)ing\b")
_STEMS: Final = {"dragg": "drag", "dropp": "drop", "mov": "move", "plac": "place"}
_PLEA: Final = re.compile(
    r"(?i)\s*(?:let me know|tell me|reply|describe)\b"
)  # an order beside a statement is no sentence
_NO_OBJECT: Final = re.compile(
    r"(?i)(?:drag|drop|dragging|and|&|-|it|them|this|that|then|please|[\s.,!]|拖拽|拖动|拖放|拖|即可|可以|请|将|把|它|其|一下|来|进行|操作|，|。)+"
)

# Every form needs one of these: a sentence without any of them is done with at once.
_GUI_WORDS: Final = re.compile(
    r"click|tap|press|hit|drag|drop|open|go to|head|(?:switch|navigate) to|export|download|preview|watch|play|view|see\b|check|look|"
    r"visit|manage|credits|balance|select|choose|find|use|点|单击|按下|拖|导出|下载|预览|时间[线轴]|查看|检查|查询|前往|打开|访问|进入|切换",
    re.IGNORECASE,
)
_LOOKED_AT: Final = 50_000  # characters from the end; a reply of megabytes must not hold the others up


def shown(text: str) -> Shown:
    """`text` as people here should read it, with the deeds that its GUI words stand for."""
    deeds: list[Deed] = []
    told: set[str] = set()
    start = max(len(text) - _LOOKED_AT, 0)
    pieces = [_sentence_shown(sentence, deeds, told) for sentence in _numbered(sentences(text[start:]))]
    return Shown((text[:start] + "".join(pieces)).strip(), _once(deeds))


def _numbered(found: list[str]) -> list[str]:
    """The sentences, the number of a list's point as part of its point."""
    together: list[str] = []
    for sentence in found:
        if together and _BARE_NUMBER.fullmatch(together[-1]):
            together[-1] += sentence
        else:
            together.append(sentence)
    return together


def _once(deeds: list[Deed]) -> tuple[Deed, ...]:
    """Each deed once; the edits as one whole instruction, because at most one is sent."""
    edits = list(dict.fromkeys(deed.text for deed in deeds if deed.kind is DeedKind.EDIT))
    whole = Deed(DeedKind.EDIT, ". ".join(edits) if not _is_chinese("".join(edits)) else "。".join(edits))
    return tuple(dict.fromkeys(whole if deed.kind is DeedKind.EDIT else deed for deed in deeds))


def _sentence_shown(sentence: str, deeds: list[Deed], told: set[str]) -> str:
    body = sentence.rstrip()
    if body.endswith(("?", "？")) or "://" in body or not _GUI_WORDS.search(body):
        return sentence  # a question is the person's to answer, a link is content, whatever words stand around it
    space = sentence[len(body) :]
    mark_at = len(body.rstrip(".!…。！；"))
    list_mark = _LIST_MARK.match(body)
    start = list_mark.end() if list_mark else 0
    words = _brackets_shown(body[start:mark_at], deeds, told)
    pieces = _with_deeds(clauses.clauses(words))
    found = [piece.deed for piece in pieces if piece.deed is not None]
    if not found:
        return f"{body[:start]}{words}{body[mark_at:]}{space}" if words.strip(" *_") else ""
    deeds += found
    joined = _joined(_said(pieces, told))
    if not joined:
        return ""
    first = joined[0].upper() if not joined.startswith("nemo-watch") else joined[0]
    return f"{body[:start]}{first}{joined[1:]}{body[mark_at:]}{space}"


def _brackets_shown(words: str, deeds: list[Deed], told: set[str]) -> str:
    """`words` with what stands in brackets translated by itself, when it asks for a deed."""

    def bracket(found: re.Match[str]) -> str:
        pieces = _with_deeds(clauses.clauses(found[3]))
        asked = [piece.deed for piece in pieces if piece.deed is not None]
        if not asked:
            return found[0]
        deeds.extend(asked)
        joined = _joined(_said(pieces, told))
        return f"{found[1]}{found[2]}{joined}{found[4]}" if joined else ""

    if guiforms.kind_of(words) is not None:
        return words  # the button's own remark goes with it
    return _BRACKETS.sub(bracket, words)


# -- from clauses to deeds -------------------------------------------------------------------------------------------------


def _with_deeds(parts: list[tuple[str, str]]) -> list[_Piece]:
    """The clauses with their deeds; what only goes on with a deed belongs to it."""
    pieces: list[_Piece] = []
    for parting, clause in parts:
        last = pieces[-1] if pieces else None
        kind = guiforms.kind_of(clause)
        if last is not None and last.deed is not None and last.deed.kind is DeedKind.EDIT:
            if kind == "edit" or (kind is None and clauses.belongs_to_edit(last.words, clause)):
                pieces[-1] = _edit(last.parting, last.words + parting + clause)
                continue
        elif last is not None and last.deed is not None and kind is None and clauses.belongs_to_button(clause):
            continue
        if kind == "edit" and last is not None and guiforms.leads_to_edit(last.words):
            pieces[-1] = _edit(
                last.parting, clause, last.words + parting
            )  # "it" in the clause may be named there alone
            continue
        pieces += _pieces_of(parting, clause, kind)
    return pieces


def _pieces_of(parting: str, clause: str, kind: str | None) -> list[_Piece]:
    """One clause as content, as a deed, or as both, content first."""
    if kind == "edit":
        return [_edit(parting, clause)]
    if kind is not None:
        return [_Piece(parting, clause, Deed(DeedKind(kind), _label(clause) if kind == "click" else ""))]
    both = guiforms.parted(clause)
    if both is None:
        return [_Piece(parting, clause)]
    content, hand, kind = both
    if kind == "edit":
        return [_Piece(parting, content), _edit(" ", hand)]
    if kind == "hand":  # "You can change it by clicking …": the prompt is where that is said
        return [
            _Piece(parting, content),
            _Piece(": ", hand, Deed(DeedKind.CLICK, _label(hand)), said=_by_language(_IN_THE_PROMPT, hand)),
        ]
    return [_Piece(parting, content), _Piece(" ", hand, Deed(DeedKind(kind), _label(hand) if kind == "click" else ""))]


def _edit(parting: str, words: str, before: str = "") -> _Piece:
    """The piece of an edit, with what leads to it; a drag of nothing is no instruction that could be sent."""
    text = guiforms.without_lead(words).strip(' *"“”')
    text = _GERUND.sub(lambda found: _STEMS[found[1].casefold()], text)
    if _NO_OBJECT.fullmatch(text):
        return _Piece(parting, words, Deed(DeedKind.CLICK))
    return _Piece(parting, before + words, Deed(DeedKind.EDIT, before + text))


def _label(clause: str) -> str:
    label = _LABEL.search(clause)
    return (label.group(1) or label.group(2)).strip() if label else ""


# -- from deeds to words ---------------------------------------------------------------------------------------------------


def _said(pieces: list[_Piece], told: set[str]) -> list[_Piece]:
    """The pieces that are read, in order: each deed in words once, and nothing that only led to words left out."""
    strong = any(piece.deed is not None and piece.deed.kind not in _WEAK for piece in pieces)
    kept: list[_Piece] = []
    for piece in pieces:
        if piece.deed is None:
            kept.append(piece)
            continue
        lead_in = kept[-1] if kept and kept[-1].deed is None and clauses.is_lead_in(kept[-1].words) else None
        words = _words_of(piece, lead_in)
        silent = words in told or (strong and piece.deed.kind in _WEAK)
        if lead_in is not None and (silent or clauses.is_wish_for_deed(lead_in.words)):
            kept.pop()
        if not silent:
            told |= set() if piece.deed.kind is DeedKind.EDIT or words in _IN_THE_PROMPT else {words}
            kept.append(replace(piece, said=words))
    return kept if any(piece.deed is not None or not clauses.is_lead_in(piece.words) for piece in kept) else []


def _words_of(piece: _Piece, lead_in: _Piece | None) -> str:
    """What stands in place of an instruction."""
    assert piece.deed is not None  # noqa: S101  only deeds are asked
    if piece.said:
        return piece.said
    if piece.deed.kind is DeedKind.EDIT:
        form = "{} ({})" if not _is_chinese(piece.words) else "{}（{}）"
        return form.format(_by_language(_SAID[DeedKind.EDIT], piece.words), piece.deed.text)
    if piece.deed.kind in _WEAK and lead_in is not None and clauses.is_wish(lead_in.words):
        return _by_language(_IN_THE_PROMPT, piece.words)
    return _by_language(_SAID[piece.deed.kind], piece.words)


def _by_language(words: tuple[str, str], clause: str) -> str:
    return words[1] if _is_chinese(clause) else words[0]


def _is_chinese(text: str) -> bool:
    """Whether text is Chinese, whatever a button in quotes is called."""
    return _HAN.search(_QUOTED.sub("", text)) is not None


def _joined(pieces: list[_Piece]) -> str:
    """The pieces as one sentence."""
    result = ""
    for before, piece in zip([None, *pieces], pieces, strict=False):
        words = piece.words if piece.deed is None else piece.said
        result += words if before is None else _seam(before, piece) + words
    return result.strip()


def _seam(before: _Piece, piece: _Piece) -> str:
    """What parts two pieces: as received between content and content, else what makes two clauses one sentence."""
    parting = piece.parting
    if before.deed is None and piece.deed is None:
        return parting
    if _is_chinese(before.said or before.words) or _is_chinese(piece.said or piece.words):
        return parting if parting.strip() in {"；", "：", ";", ":", "——"} else "，"
    sign, conjunction = _sign_and_conjunction(parting, piece)
    if sign in {";", ":", "–", "—", "-", "——"}:
        return f"{parting.rstrip()} " if sign in {";", ":"} else parting
    if before.deed is not None and piece.deed is not None:
        return ", and "
    if before.deed is None and clauses.is_lead_in(before.words):
        return ", "
    if before.deed is not None and (conjunction in {"or", "then"} or clauses.is_lead_in(piece.words)):
        return f", {conjunction} " if conjunction else ", "
    if conjunction in {"and", "but", "so"} and not _PLEA.match(piece.words):
        return f"{sign} {conjunction} "
    return "; "


def _sign_and_conjunction(parting: str, piece: _Piece) -> tuple[str, str]:
    """The sign and the word that part a piece from the one before; the word may be the beginning of an instruction."""
    sign, _, word = parting.strip().partition(" ")
    if sign.isalpha():
        sign, word = "", parting.strip()
    if not word and piece.deed is not None and (first := re.match(r"(?i)\s*(and|so|but|or|then)\b", piece.words)):
        word = first[1].casefold()
    return sign.strip("*"), word.split(" ")[0].casefold()
