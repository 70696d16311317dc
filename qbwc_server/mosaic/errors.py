"""What can go wrong between us and Mosaic, one class per thing to do about it.

    MosaicError
    +- Unauthorised     401  the key or the team number is wrong
    +- Forbidden        403  the key is right but may not do this from here
    +- NotFound         404  the object, or the portfolio asked for, is not there
    +- Invalid          400, 409, 422  Mosaic refuses what was sent
    +- RateLimited      429  asked too often
    +- Unavailable      5xx, time-outs, broken connections
    +- Malformed        an answer that is not what the API promises

Mosaic's API reference documents 401 and 404; 429 and its Retry-After are known from
clients in use. The rest are the ordinary meanings of HTTP.

Rule 1: no error holds the API key, not even when Mosaic repeats it.
Rule 2: `outcome_unknown` says that a write may have happened. Whoever sees it must look
before writing again.
"""

from __future__ import annotations

from typing import ClassVar

from qbwc_server.mosaic.sentences import whole

SHORTEST_WAIT_S = 2.0
"""Mosaic has been seen to answer `Retry-After: 0` and refuse again at once."""

LONGEST_WAIT_S = 3600.0
"""A header asking for more than this is a mistake, not an instruction."""


class MosaicError(Exception):
    """Mosaic could not do what was asked.

    `code` is a stable id for documentation and metrics. `customer` is a plain sentence
    for the person whose data it is. `support` is one, too, with the details: what was
    asked, what came back. `status` is the HTTP status, None when there was no answer.
    `request_id` is Mosaic's own name of the request, None when it gave none.
    `retryable` says that the same call may succeed later without anybody changing
    anything.
    """

    code: ClassVar[str] = "mosaic-error"
    customer: ClassVar[str] = "Mosaic could not do what was asked."
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        support: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        self.support = whole(support)
        super().__init__(f"{self.code}: {self.support}")
        self.status = status
        self.request_id = request_id
        self.outcome_unknown = outcome_unknown


class Unauthorised(MosaicError):
    """Mosaic accepts neither the key nor the team number (401)."""

    code = "mosaic-unauthorised"
    customer = (
        "Mosaic did not accept the API key or the team number. "
        "Please enter the key that Mosaic gave you on the setup page."
    )


class Forbidden(MosaicError):
    """The key is known but may not do this, or not from this origin (403)."""

    code = "mosaic-forbidden"
    customer = (
        "Mosaic knows the API key but does not allow this. "
        "Please ask Mosaic to allow the key for the address of this server."
    )


class NotFound(MosaicError):
    """The object is not in Mosaic, or no longer (404)."""

    code = "mosaic-not-found"
    customer = "Mosaic no longer has this record."


class Invalid(MosaicError):
    """Mosaic refuses the content (400, 409, 422). The same content fails again."""

    code = "mosaic-invalid"
    customer = "Mosaic refused this record; its reason is in the details."


class RateLimited(MosaicError):
    """Mosaic was asked too often (429).

    `retry_after` is how many seconds to wait, between 2 and 3600.
    """

    code = "mosaic-rate-limited"
    customer = "Mosaic is being asked too often; this continues by itself shortly."
    retryable = True

    def __init__(
        self,
        support: str,
        *,
        retry_after: float,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(support, status=status, request_id=request_id)
        self.retry_after = min(max(retry_after, SHORTEST_WAIT_S), LONGEST_WAIT_S)


class Unavailable(MosaicError):
    """No usable answer: 5xx, a time-out, a connection refused or broken."""

    code = "mosaic-unavailable"
    customer = "Mosaic could not be reached; this continues by itself when it can."
    retryable = True


class Malformed(MosaicError):
    """An answer that is not what the API promises: a web page, broken JSON."""

    code = "mosaic-malformed"
    customer = (
        "Mosaic answered something that is not data. "
        "Support has been given what it was and will look into it."
    )
