"""Whatever Mosaic says, customer and support read whole sentences."""

from __future__ import annotations

import re
from functools import partial

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.kinds import tries
from qbwc_server.mosaic import errors
from qbwc_server.mosaic.errors import MosaicError, RateLimited
from qbwc_server.mosaic.refusal import refusal
from qbwc_server.mosaic.sentences import LONGEST_QUOTE, quoted, whole
from qbwc_server.records import transitions
from qbwc_server.words import attentions
from tests.conftest import SECRET

KINDS = [
    one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, MosaicError)
]
UGLY = (
    "",
    " ",
    "...",
    "member is archived",
    "Member is archived.",
    "no!",
    "Really?\n\n  Yes:\t",
    'it says "no" and "never"',
    "<html>\r\n<body>502 Bad Gateway</body></html>",
    "{'email': ['has already been taken']}",
    "ßtrasse is unknown; ",
    "\u202eright to left \u0000 and a null",
    "word " * 400,
    "x" * 5_000,
)
STATUSES = (302, 400, 401, 403, 404, 408, 409, 418, 422, 429, 500, 502, 503)
"""Each error that a status makes, and what no page of Mosaic knows."""
LONGEST_REASON = 500


def is_whole(text: str) -> bool:
    """Tell whether a text is sentences of one line: a capital first, a stop last."""
    return bool(re.fullmatch(r"[A-Z0-9].*[^.\s:;,]\.", text)) and "  " not in text


def said(status: int, text: str) -> MosaicError:
    """Return the error of a write that was answered with a status and a text."""
    body = httpx.Response(status, json={"error": text}).content
    headers = {"location": "https://elsewhere.example/a b"}
    what = "POST /api/external/time_entry"
    return refusal(what, status, headers, body, writes=True, secret=SECRET)


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.code)
def test_what_a_customer_reads_of_each_error_is_whole(kind: type[MosaicError]) -> None:
    """In the error itself and in the table of words."""
    assert is_whole(kind.customer)
    told = attentions.attention(kind.code)
    assert is_whole(told.happened)
    assert is_whole(told.do)


@pytest.mark.parametrize("text", UGLY)
@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.code)
def test_what_support_reads_of_each_error_is_whole(
    kind: type[MosaicError], text: str
) -> None:
    """Whatever it was made with."""
    make = partial(RateLimited, retry_after=5.0) if kind is RateLimited else kind
    assert is_whole(make(f"what was asked: {quoted(text)}").support)
    assert is_whole(make(f"what was asked: {text[:1]}a").support)


@pytest.mark.parametrize("text", UGLY)
@pytest.mark.parametrize("status", STATUSES)
def test_what_is_kept_of_a_refusal_is_whole(status: int, text: str) -> None:
    """Also as the reason of a record, which is kept no longer than it may be."""
    error = said(status, text)
    assert is_whole(error.support)
    for reason in (
        f"{transitions.REFUSED}{error.support}",
        tries.FAILED + error.support,
    ):
        assert is_whole(whole(reason))
        assert len(reason) <= LONGEST_REASON


@given(st.text(), st.sampled_from(STATUSES))
def test_any_text_of_mosaic_stands_in_a_whole_sentence(text: str, status: int) -> None:
    """In one line; what is long is cut, and says so."""
    assert is_whole(said(status, text).support)
    assert is_whole(whole(f"{transitions.REFUSED}{quoted(text)}"))
    assert len(quoted(text)) <= LONGEST_QUOTE + 2


def test_nothing_said_is_a_sentence_too() -> None:
    """The bounds: no text, and one that is nothing but stops."""
    assert whole("") == whole(" .:") == "No reason is known."
    assert quoted('a "b"\n c') == "\"a 'b' c\""
