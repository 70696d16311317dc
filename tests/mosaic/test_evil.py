"""Answers of a Mosaic that means harm cost little and are named errors."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
import pytest

from qbwc_server.mosaic import client as client_module
from qbwc_server.mosaic import listing, receiving
from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.mosaic.errors import Malformed, MosaicError, Unavailable

from .evil import MB, Says, answer, mosaic, packed
from .wire import connection

MOST_MB = 24
"""Of a whole answer 4 MB are taken, in pieces and joined; a bomb would be 64."""
GOOD = b'{"client": [{"mosaic_id": 1, "client_name": "Ann"}]}'
JSON = "Content-Type: application/json"


def _read(client: MosaicClient) -> Any:
    return list(client.read("client"))


def _log(client: MosaicClient) -> Any:
    return client.request_log("client")


def _write(client: MosaicClient) -> Any:
    return client.create("client", {"client_name": "Ann"}, ref="r1")


ASKS = pytest.mark.parametrize("ask", [_read, _log, _write])


def _asked(
    says: bytes | Says, ask: Callable[[MosaicClient], Any], **limits: Any
) -> tuple[Any, float]:
    """Return what one question came to, and the megabytes that it took."""
    with mosaic(says) as (address, _):
        client = MosaicClient(
            connection(base_url=address), spend=lambda: None, **limits
        )
        tracemalloc.start()
        try:
            came: Any = ask(client)
        except MosaicError as error:
            came = error
        finally:
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            client.close()
    return came, most / MB


@ASKS
@pytest.mark.parametrize(
    ("body", "coding", "said"),
    [
        (b" " * 64 * MB, "", "more than|an object of more than"),
        (packed(64), "gzip", "more than|an object of more than"),
        (packed(64, layers=2), "gzip, gzip", "coded as 'gzip, gzip'"),
        (packed(64), "br", "coded as 'br'"),
        (packed(64), "deflate", "coded as 'deflate'"),
    ],
    ids=["plain", "gzip", "twice", "br", "deflate"],
)
def test_a_small_answer_never_becomes_a_large_one(
    ask: Callable[[MosaicClient], Any], body: bytes, coding: str, said: str
) -> None:
    """Whether a list, a page or the answer to a write: named, and it costs little."""
    headers = [JSON, f"Content-Encoding: {coding}"] if coding else [JSON]
    came, megabytes = _asked(answer(body, *headers), ask)
    assert isinstance(came, Malformed)
    assert came.outcome_unknown is (ask is _write)
    assert megabytes < MOST_MB
    assert any(one in str(came) for one in said.split("|"))


def test_one_layer_of_gzip_is_read() -> None:
    """Something between may pack whatever passes; the control of those above."""
    body = json.dumps(
        {"client": [{"mosaic_id": n, "client_name": "x" * 200} for n in range(1, 9000)]}
    ).encode()
    came, _ = _asked(answer(gzip.compress(body), JSON, "Content-Encoding: gzip"), _read)
    assert len(came) == 8999


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (gzip.compress(GOOD)[:-9], "cut off"),
        (gzip.compress(GOOD) + b"more", "behind the end"),
        (GOOD, "broken"),
    ],
    ids=["short", "long", "none"],
)
def test_what_is_packed_wrongly_is_named(body: bytes, said: str) -> None:
    """A list that ends early looks like one whose objects were deleted."""
    came, _ = _asked(answer(body, JSON, "Content-Encoding: gzip"), _read)
    assert isinstance(came, Malformed)
    assert said in str(came)


def test_nothing_packed_is_asked_for() -> None:
    """The header says so in every request."""
    with mosaic(answer(GOOD, JSON)) as (address, asked):
        client = MosaicClient(connection(base_url=address), spend=lambda: None)
        assert _read(client) == [{"mosaic_id": 1, "client_name": "Ann"}]
        client.close()
    heads = asked[0].lower()
    assert heads.count(b"accept-encoding") == 1
    assert b"\r\naccept-encoding: identity\r\n" in heads


@ASKS
@pytest.mark.parametrize("place", ["head", "body"])
def test_a_byte_now_and_then_is_not_waited_for_longer_than_a_whole_answer(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[MosaicClient], Any], place: str
) -> None:
    """Each piece comes in time, the answer never does; a read is tried three times."""
    monkeypatch.setattr(client_module, "LONGEST_LIST_S", 0.4)
    over = threading.Event()
    whole = answer(b" " * 1000, JSON, "X-Long: " + "x" * 1000)
    first = 20 if place == "head" else len(whole) - 999

    def drip(wire: socket.socket) -> None:
        wire.sendall(whole[:first])
        for one in whole[first:]:
            if over.wait(0.05):
                return
            wire.sendall(bytes([one]))

    began = time.monotonic()
    try:
        came, _ = _asked(drip, ask, timeout=30.0, longest=0.4)
    finally:
        over.set()
    assert isinstance(came, Unavailable)
    assert "the whole answer was not there within 0.4 s" in str(came)
    assert came.outcome_unknown is (ask is _write)
    assert time.monotonic() - began < 10


@ASKS
@pytest.mark.parametrize(
    "kind", ["text/html; charset=utf-8", "image/png", "text/plain"]
)
def test_an_answer_that_says_that_it_is_something_else_is_named(
    ask: Callable[[MosaicClient], Any], kind: str
) -> None:
    """Even where it could be read."""
    came, _ = _asked(answer(GOOD, f"Content-Type: {kind}"), ask)
    assert isinstance(came, Malformed)
    assert "and not JSON" in str(came)


@pytest.mark.parametrize(
    "kind",
    ["application/json", "Application/JSON; charset=utf-8", "application/x+json"],
)
def test_json_by_any_of_its_names_is_read(kind: str) -> None:
    """The control."""
    came, _ = _asked(answer(GOOD, f"Content-Type: {kind}"), _read)
    assert len(came) == 1


@ASKS
def test_a_redirect_is_not_followed_and_named(
    ask: Callable[[MosaicClient], Any],
) -> None:
    """The key goes to the server that was set; nobody asks the other one."""
    with mosaic(answer(GOOD, JSON)) as (elsewhere, asked):
        place = f"Location: {elsewhere}/api/100/client"
        came, _ = _asked(answer(b"", place, status="307 Temporary Redirect"), ask)
        assert asked == []
    assert isinstance(came, Malformed)
    named = f'a redirect to "{elsewhere}/api/100/client", which is not followed'
    assert named in str(came)


@ASKS
@pytest.mark.parametrize("deep", [40, 5000, 500_000])
def test_json_that_is_nested_deeply_is_named(
    ask: Callable[[MosaicClient], Any], deep: int
) -> None:
    """Of whatever depth, with an end or without."""
    nested = b"[" * deep + b"]" * deep
    for body in (nested, b'{"client": {"mosaic_id": 1, "x": ' + nested + b"}}"):
        came, megabytes = _asked(answer(body, JSON), ask)
        assert isinstance(came, Malformed)
        assert megabytes < MOST_MB


def test_a_list_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each object is good; so many are not taken."""
    monkeypatch.setattr(listing, "MOST_OBJECTS", 100)
    many = {"client": [{"mosaic_id": number} for number in range(1, 102)]}
    came, _ = _asked(answer(json.dumps(many).encode(), JSON), _read)
    assert isinstance(came, Malformed)
    assert "more than 100 objects" in str(came)


def test_who_waits_too_long_ends_nobody_else_s_connection() -> None:
    """Several threads write at a time: another answer comes whole."""
    arrived, over = threading.Event(), threading.Event()
    whole = answer(GOOD, JSON)

    def drip(wire: socket.socket) -> None:
        wire.sendall(whole[:-40])
        arrived.set()
        over.wait(20)
        wire.sendall(whole[-40:])

    sockets = receiving.Sockets()
    with mosaic(drip) as (slow, _), mosaic(drip) as (other, _), httpx.Client() as http:

        def ask(address: str, seconds: float) -> bytes:
            patience = receiving.Patience(seconds, sockets)
            with (
                patience.waiting(),
                closing(
                    http.send(
                        http.build_request(
                            "GET", address, extensions={"trace": patience.trace}
                        ),
                        stream=True,
                    )
                ) as response,
            ):
                return b"".join(receiving.pieces(response, patience, most=MB))

        with ThreadPoolExecutor(1) as pool:
            waits = pool.submit(ask, other, 30.0)
            assert arrived.wait(10)
            with pytest.raises(receiving.TooSlow):
                ask(slow, 0.3)
            over.set()
            assert waits.result(20) == GOOD
