"""The table of failures: every cause with its state, what is needed, the sentence a person reads, and the next move.

Code, tests and README read this one table. It must never hold a decision of its own: code branches on `Move`, never on
a message. Facts: API text "Error Codes"; README "When something is wrong" for who acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from shlex import quote
from string import Formatter
from typing import Final


class Move(StrEnum):
    """What happens next, and who does it."""

    RETRY_LATER = "retry_later"  # the daemon, by itself, with growing waits
    RENEW_TOKEN = "renew_token"  # the daemon, at once: new anonymous token under the same client id
    RENEW_SESSION = "renew_session"  # the daemon, at once: new session, media uploaded again
    WATCH_BALANCE = "watch_balance"  # the daemon looks at the balance; a person may hurry it
    LEAVE_OUT = "leave_out"  # the daemon goes on without that file
    ASK = "ask"  # a person
    UNSURE = "unsure"  # the recovery rule first, then a person
    GIVE_UP = "give_up"  # failed; `retry` tries again
    STOP = "stop"  # this runner lost the job to another; silently


class FilmState(StrEnum):
    """The states of a film as programs read them in `status --json`."""

    SETTLING = "settling"
    WAITING_FOR_PROMPT = "waiting_for_prompt"
    QUEUED = "queued"
    WORKING = "working"
    DONE = "done"
    NEEDS_YOU = "needs_you"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Need(StrEnum):
    """What a film needs of a person, as programs read it in `status --json`."""

    ANSWER = "answer"
    DECISION = "decision"
    CREDITS = "credits"
    PLAN = "plan"
    TOKEN = "token"
    FILE = "file"
    SPACE = "space"


class Cause(StrEnum):
    """Why a film, a file or the whole daemon cannot go on just now."""

    TOKEN_REJECTED = "token_rejected"
    TOKEN_EXPIRED = "token_expired"
    TOKENS_USED_UP = "tokens_used_up"
    CLIENT_ID_MISSING = "client_id_missing"
    SESSION_LOST = "session_lost"
    SESSION_LOST_PAID = "session_lost_paid"
    SESSION_OF_ANOTHER = "session_of_another"
    SESSION_MOVED_ON = "session_moved_on"
    OUT_OF_CREDITS = "out_of_credits"
    PLAN_BLOCKS_EXPORT = "plan_blocks_export"
    RATE_LIMITED = "rate_limited"
    FILE_UNSUPPORTED = "file_unsupported"
    FILE_TOO_LARGE = "file_too_large"
    NOTHING_LEFT = "nothing_left"
    MESSAGE_UNSURE = "message_unsure"
    MESSAGE_REFUSED = "message_refused"
    SERVICE_ASKS = "service_asks"
    NOTHING_TO_EXPORT = "nothing_to_export"
    RENDER_FAILED = "render_failed"
    RENDER_UNKNOWN = "render_unknown"
    DOWNLOAD_BROKEN = "download_broken"
    DOWNLOAD_REFUSED = "download_refused"
    NETWORK_DOWN = "network_down"
    SERVICE_DOWN = "service_down"
    ANSWER_UNREADABLE = "answer_unreadable"
    REQUEST_REFUSED = "request_refused"
    AGENT_FAILED = "agent_failed"
    CREDITS_RAN_OUT = "credits_ran_out"
    FILE_CHANGED = "file_changed"
    FILE_UNREADABLE = "file_unreadable"
    TOO_MANY_FILES = "too_many_files"
    PROMPT_UNREADABLE = "prompt_unreadable"
    MEDIA_GONE = "media_gone"
    NO_SPACE = "no_space"
    OUTBOX_UNWRITABLE = "outbox_unwritable"
    INBOX_ABSENT = "inbox_absent"
    JOURNAL_AWAY = "journal_away"
    BRAKE_FIRST_START = "brake_first_start"
    BRAKE_DAILY = "brake_daily"
    CANCELLED = "cancelled"
    LOST_TO_ANOTHER = "lost_to_another"
    SURPRISE = "surprise"


@dataclass(frozen=True, slots=True)
class Failure:
    """One row of the table. `sentence` and `advice` are format strings over the trouble's data."""

    state: FilmState
    needs: Need | None
    move: Move
    sentence: str
    advice: str
    account_wide: bool = False  # told once for the whole account, not once for each film


_Q, _N, _F = FilmState.QUEUED, FilmState.NEEDS_YOU, FilmState.FAILED

FAILURES: Final[dict[Cause, Failure]] = {
    # -- the account (API text "Error Codes": 1001, 2001, 402, 429, 400)
    Cause.TOKEN_REJECTED: Failure(
        _N, Need.TOKEN, Move.ASK,
        "NemoVideo does not accept your token.",
        "Put a new token into NEMO_TOKEN (or the systemd credential nemo_token) and restart nemo-watch.", True,
    ),
    Cause.TOKEN_EXPIRED: Failure(
        _Q, None, Move.RENEW_TOKEN,
        "The free token has expired; a new one is being fetched.", "Nothing to do.", True,
    ),
    Cause.TOKENS_USED_UP: Failure(
        _Q, None, Move.RETRY_LATER,
        "NemoVideo gives out no free token for this machine at the moment.",
        "Wait, or register at https://nemovideo.com and put your token into NEMO_TOKEN.", True,
    ),
    Cause.CLIENT_ID_MISSING: Failure(
        _Q, None, Move.RENEW_TOKEN, "NemoVideo asked for a client id; one is being made.", "Nothing to do.", True,
    ),
    Cause.OUT_OF_CREDITS: Failure(
        _N, Need.CREDITS, Move.WATCH_BALANCE,
        "NemoVideo has no credits left for this video.", "{how_to_get_credits}", True,
    ),
    Cause.PLAN_BLOCKS_EXPORT: Failure(
        _N, Need.PLAN, Move.ASK,
        "Your NemoVideo plan does not allow exporting this video; credits are not the problem, and the edit is kept.",
        "Register or choose a plan at https://nemovideo.com, then run: nemo-watch retry {film}", True,
    ),
    Cause.RATE_LIMITED: Failure(
        _Q, None, Move.RETRY_LATER, "NemoVideo asks us to slow down.", "Nothing to do.",
    ),
    # -- the session
    Cause.SESSION_LOST: Failure(
        _Q, None, Move.RENEW_SESSION,
        "NemoVideo has forgotten the editing session; a new one is being made and the media sent again.", "Nothing to do.",
    ),
    Cause.SESSION_LOST_PAID: Failure(
        _N, Need.DECISION, Move.ASK,
        "NemoVideo has lost the editing session, and what was paid in it is gone.",
        "To make it anew, which pays {messages} message(s): nemo-watch again {film}",
    ),
    Cause.SESSION_OF_ANOTHER: Failure(
        _N, Need.DECISION, Move.ASK,
        "What was paid for this film belongs to another NemoVideo token, and this one cannot open it.",
        "Put that token back; it is then tried again. Or make it anew, which pays {messages} message(s): nemo-watch again {film}",
    ),
    Cause.SESSION_MOVED_ON: Failure(
        _N, Need.DECISION, Move.ASK,
        "Another film of this folder was made in the same editing session since, so this edit would work on that film.",
        "To make this one anew with all its words, which pays {messages} message(s): nemo-watch again {film}",
    ),
    # -- media
    Cause.FILE_UNSUPPORTED: Failure(
        _N, Need.FILE, Move.LEAVE_OUT,
        "NemoVideo does not take {file}.",
        "Use mp4, mov, avi, webm, mkv, jpg, png, gif, webp, mp3, wav, m4a or aac.",
    ),
    Cause.FILE_TOO_LARGE: Failure(
        _N, Need.FILE, Move.LEAVE_OUT, "{file} is too large for NemoVideo (at most 500 MB).", "Compress or trim it.",
    ),
    Cause.NOTHING_LEFT: Failure(
        _N, Need.FILE, Move.ASK,
        "No file is left that a video could be made from: {reason}",
        "Add photos or clips (mp4, mov, avi, webm, mkv, jpg, png, gif, webp, heic; at most 500 MB each).",
    ),
    Cause.TOO_MANY_FILES: Failure(
        _N, Need.FILE, Move.ASK,
        "This project holds {count} files; at most {limit} make one video.",
        "Move some of them into a folder of their own; fewer images also make a tighter and faster video.",
    ),
    Cause.FILE_CHANGED: Failure(
        _Q, None, Move.RETRY_LATER, "{file} changed while it was being sent; it is taken again when it is at rest.", "Nothing to do.",
    ),
    Cause.FILE_UNREADABLE: Failure(
        _N, Need.FILE, Move.LEAVE_OUT, "{file} cannot be read: {reason}.", "Replace the file, or take it out of the folder.",
    ),
    Cause.MEDIA_GONE: Failure(
        _Q, None, Move.RETRY_LATER,
        "{file} has left the inbox before it could be sent.",
        "Put it back, or leave it: the film goes on with what is there. If its folder is gone for good: nemo-watch cancel {film}",
    ),
    Cause.PROMPT_UNREADABLE: Failure(
        _N, Need.FILE, Move.ASK, "{file} cannot be read as plain text: {reason}.", "Put a plain text file (UTF-8, at most 1 MB) in its place.",
    ),
    # -- the paid message
    Cause.MESSAGE_UNSURE: Failure(
        _N, Need.DECISION, Move.UNSURE,
        "It is not known whether NemoVideo took your message; it is not sent again, because it may have been paid.",
        "To render what is there, free: nemo-watch retry {film} — to buy it anew ({messages} message(s)): nemo-watch again {film}",
    ),
    Cause.MESSAGE_REFUSED: Failure(
        _N, Need.ANSWER, Move.ASK, "NemoVideo refused the message: {reason}", "Change the words in {prompt_file} and save it.",
    ),
    Cause.SERVICE_ASKS: Failure(
        _N, Need.ANSWER, Move.ASK, "NemoVideo asks: {question}", "Write your answer into {prompt_file} and save it.",
    ),
    Cause.AGENT_FAILED: Failure(
        _N, Need.DECISION, Move.UNSURE,
        "NemoVideo broke off while working on your message.",
        "To render what is there, free: nemo-watch retry {film} — to buy it anew ({messages} message(s)): nemo-watch again {film}",
    ),
    Cause.CREDITS_RAN_OUT: Failure(
        _N, Need.DECISION, Move.UNSURE,
        "The credits ran out while NemoVideo was working on your message; what was done so far is kept.",
        "To render what is there, free: nemo-watch retry {film} — to buy it anew ({messages} message(s)), once there are credits: nemo-watch again {film}",
    ),
    # -- the render and the video
    Cause.NOTHING_TO_EXPORT: Failure(
        _N, Need.ANSWER, Move.ASK,
        "There is no timeline to export yet.", "Say in {prompt_file} what video you want, and save it.",
    ),
    Cause.RENDER_FAILED: Failure(
        _F, None, Move.GIVE_UP, "NemoVideo could not render the video: {reason}", "To render again, free: nemo-watch retry {film}",
    ),
    Cause.RENDER_UNKNOWN: Failure(
        _F, None, Move.GIVE_UP, "NemoVideo no longer knows the render.", "To render again, free: nemo-watch retry {film}",
    ),
    Cause.DOWNLOAD_BROKEN: Failure(
        _Q, None, Move.RETRY_LATER, "The video did not arrive whole: {reason}", "Nothing to do; it is fetched again.",
    ),
    Cause.DOWNLOAD_REFUSED: Failure(
        _F, None, Move.GIVE_UP, "The video's address is not one that nemo-watch may fetch: {reason}", "To render again, free: nemo-watch retry {film}",
    ),
    # -- the way there
    Cause.NETWORK_DOWN: Failure(
        _Q, None, Move.RETRY_LATER, "NemoVideo cannot be reached ({reason}).", "Check the network; nemo-watch goes on by itself.",
    ),
    Cause.SERVICE_DOWN: Failure(
        _Q, None, Move.RETRY_LATER, "NemoVideo has a problem of its own ({reason}).", "Nothing to do; nemo-watch tries again.",
    ),
    Cause.ANSWER_UNREADABLE: Failure(
        _Q, None, Move.RETRY_LATER, "NemoVideo gave an answer that nemo-watch does not understand ({reason}).", "Nothing to do; nemo-watch tries again.",
    ),
    Cause.REQUEST_REFUSED: Failure(
        _F, None, Move.GIVE_UP, "NemoVideo refused a request ({reason}).", "See project.log; to try again: nemo-watch retry {film}",
    ),
    # -- this machine
    Cause.NO_SPACE: Failure(
        _N, Need.SPACE, Move.RETRY_LATER, "The disk that holds {folder} is full.", "Make room; nemo-watch goes on by itself.",
    ),
    Cause.OUTBOX_UNWRITABLE: Failure(
        _N, Need.SPACE, Move.RETRY_LATER, "{folder} cannot be written ({reason}).", "Give nemo-watch the right to write there; it goes on by itself.",
    ),
    Cause.INBOX_ABSENT: Failure(
        _Q, None, Move.RETRY_LATER, "The inbox {folder} is not there.", "Mount it or make it; nemo-watch goes on by itself.", True,
    ),
    Cause.JOURNAL_AWAY: Failure(
        _Q, None, Move.RETRY_LATER, "The journal on {journal} cannot be used just now ({reason}).",
        "Start the database, or mend the way to it; nemo-watch goes on by itself.", True,
    ),
    # -- the spending brake
    Cause.BRAKE_FIRST_START: Failure(
        _Q, None, Move.ASK,
        "This is a first start with {count} films to pay for, so nothing is bought unasked.",
        "To make this one: nemo-watch retry {film} — to make them all: nemo-watch retry --all",
    ),
    Cause.BRAKE_DAILY: Failure(
        _Q, None, Move.RETRY_LATER,
        "The daily limit of {limit} paid messages is reached.",
        "Nothing to do; the limit is paid_messages_a_day in the config.",
    ),
    # -- the person's own doing, and the rest
    Cause.CANCELLED: Failure(
        FilmState.CANCELLED, None, Move.GIVE_UP, "Cancelled.", "To take it up again: nemo-watch retry {film}",
    ),
    Cause.LOST_TO_ANOTHER: Failure(
        _Q, None, Move.STOP, "Another nemo-watch has taken this film over.", "Nothing to do.",
    ),
    Cause.SURPRISE: Failure(
        _F, None, Move.GIVE_UP, "nemo-watch stumbled over something it does not know ({reason}).", "See the log; to try again: nemo-watch retry {film}",
    ),
}  # fmt: skip


class _Blanks(Formatter):
    """A formatter to which a missing name is a visible blank, so that telling a failure can never fail."""

    def get_value(self, key: int | str, args: object, kwargs: object) -> object:
        return kwargs.get(str(key), "…") if isinstance(kwargs, dict) else "…"


def sentence(cause: Cause, data: dict[str, object]) -> str:
    """What happened, in one plain sentence, with the trouble's data filled in."""
    return _Blanks().vformat(FAILURES[cause].sentence, (), data)


def advice(cause: Cause, data: dict[str, object]) -> str:
    """What to do next, in one plain sentence, with the trouble's data filled in; a film's name as a shell takes it."""
    film = {"film": argument(str(data["film"]))} if "film" in data else {}
    return _Blanks().vformat(FAILURES[cause].advice, (), data | film)


_PLAIN: Final = frozenset("@%+=:,./-_")


def argument(name: str) -> str:
    """A name as it is pasted into a shell's command line: one word, no option, and nothing in it is carried out.

    Source: bash(1) "QUOTING"; `$'…'`, for what no terminal shows, is known to bash and zsh.
    """
    if not name.isprintable():
        word = "$'" + "".join(map(_escaped, name)) + "'"
    else:
        word = name if name and all(each.isalnum() or each in _PLAIN for each in name) else quote(name)
    return f"-- {word}" if name.startswith("-") else word


def _escaped(character: str) -> str:
    number = ord(character)
    if character.isprintable():
        return f"\\{character}" if character in "\\'" else character
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is no UTF-8. Source: PEP 383
        return f"\\x{number - 0xDC00:02x}"
    return f"\\x{number:02x}" if number < 0x80 else f"\\U{number:08x}"


class Trouble(Exception):  # noqa: N818  the field's word; "Error" would say less
    """Something from the table happened. The one exception type that crosses rooms.

    `data` fills the table's sentences and never holds a secret. `not_taken` is True only where it is proven that the
    service took nothing of a paid message: no byte of the body written, or an explicit refusal before any content event.
    `retry_after_s` is the wait that the service asked for, in seconds.
    """

    def __init__(
        self, cause: Cause, /, *, not_taken: bool = False, retry_after_s: float | None = None, **data: object
    ) -> None:
        super().__init__(cause, data)
        self.cause = cause
        self.data = data
        self.not_taken = not_taken
        self.retry_after_s = retry_after_s

    @property
    def failure(self) -> Failure:
        """The trouble's row of the table."""
        return FAILURES[self.cause]

    def __str__(self) -> str:
        return sentence(self.cause, self.data)


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong in a configuration: where it stands (`file:line` or an option), the key, and what to do."""

    where: str
    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.problem}" if self.key else f"{self.where}: {self.problem}"


class UsageError(Exception):
    """Wrong usage or configuration: every problem at once; commands print them and exit with 2."""

    def __init__(self, *problems: ConfigProblem | str) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
