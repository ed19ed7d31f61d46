"""The service's wire in one door: call → request (`calls`), answer → value or trouble (`answers`, `refusals`).

Pure. Everything outside this room that speaks of requests and answers says `wire`.
"""

from __future__ import annotations

from nemo_watch.nemo.answers import (
    read_balance,
    read_claim,
    read_render,
    read_session,
    read_state,
    read_submitted,
    read_token,
    read_uploaded,
)
from nemo_watch.nemo.calls import (
    Attribution,
    Request,
    balance_request,
    claim_request,
    message_request,
    platform_of,
    render_download_request,
    render_request,
    render_status_request,
    session_request,
    state_request,
    token_request,
    upload_path,
    upload_urls_request,
)
from nemo_watch.nemo.refusals import Answer, refusal, retry_after_s
from nemo_watch.nemo.values import Balance, Render, RenderStatus, Session, State, Token, UploadedFile

__all__ = [
    "Answer",
    "Attribution",
    "Balance",
    "Render",
    "RenderStatus",
    "Request",
    "Session",
    "State",
    "Token",
    "UploadedFile",
    "balance_request",
    "claim_request",
    "message_request",
    "platform_of",
    "read_balance",
    "read_claim",
    "read_render",
    "read_session",
    "read_state",
    "read_submitted",
    "read_token",
    "read_uploaded",
    "refusal",
    "render_download_request",
    "render_request",
    "render_status_request",
    "retry_after_s",
    "session_request",
    "state_request",
    "token_request",
    "upload_path",
    "upload_urls_request",
]
