"""Turns an HTTP status that is not a success into the error that says what to do."""

from __future__ import annotations

from collections.abc import Mapping

from qbwc_server.mosaic import answers
from qbwc_server.mosaic.errors import (
    Forbidden,
    Invalid,
    Malformed,
    MosaicError,
    NotFound,
    RateLimited,
    Unauthorised,
    Unavailable,
)
from qbwc_server.mosaic.sentences import quoted

WAIT_WITHOUT_ADVICE_S = 60.0
"""Waited after a 429 without Retry-After: enough for a fifth of the 5-minute window."""

_BY_STATUS: Mapping[int, type[MosaicError]] = {
    401: Unauthorised,
    403: Forbidden,
    404: NotFound,
}


def refusal(
    what: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    writes: bool,
    secret: str,
) -> MosaicError:
    """Name a refusal.

    Args:
        what: The method and path that were asked for.
        status: The HTTP status, not 2xx.
        headers: Of the answer; Retry-After and X-Request-Id are used.
        body: Of the answer, for Mosaic's own words.
        writes: Whether the request could have changed anything.
        secret: Taken out of Mosaic's words, should it repeat it.
    """
    try:
        content = answers.load(body)
    except answers.Unreadable:
        content = None
    words = (answers.message(content) or "").replace(secret, "[key]")
    told = f": {quoted(words)}" if words else " and no reason"
    if 300 <= status < 400:
        place = answers.short_text(headers.get("location")) or "nowhere"
        told = (
            f", a redirect to {quoted(place.replace(secret, '[key]'))}, which is not "
            "followed: the key goes to the server that was set and to no other"
        )
    support = f"{what} was answered with HTTP {status}{told}"
    request_id = answers.request_id(content) or answers.short_text(
        headers.get("x-request-id")
    )
    if status == 429:
        return RateLimited(
            support,
            retry_after=_seconds(headers.get("retry-after")),
            status=status,
            request_id=request_id,
        )
    if status >= 500 or status == 408:
        return Unavailable(
            support, status=status, request_id=request_id, outcome_unknown=writes
        )
    if status < 400:
        return Malformed(
            support, status=status, request_id=request_id, outcome_unknown=writes
        )
    kind = _BY_STATUS.get(status, Invalid)
    return kind(support, status=status, request_id=request_id)


def _seconds(advice: str | None) -> float:
    if advice is None or not (advice.isascii() and advice.isdigit()):
        return WAIT_WITHOUT_ADVICE_S
    return float(advice[:6])
