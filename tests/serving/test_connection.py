"""What strangers send and do not send: nobody else waits for it, and it is bounded."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPException

import pytest

from qbwc_server.serving import connection, crowd, gathering
from qbwc_server.serving.connection import Connection
from qbwc_server.serving.gathering import Gathering
from tests.serving.stand import HOST, LARGE, THREADS, Stand, read_all, standing
from tests.waiting import until

SOON = 1.0
"""Seconds that an honest request may wait, and after which a control is over."""
HEAD = b"POST /form HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /one HTTP/1.1\r\nHost: localhost\r\n\r\n"
KB = 1024

SENT = {
    "half a head": b"POST /fo",
    "a chunk that looks like the last": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n0FF\r\n\r\n\r\n",
    "a chunk that holds a last one": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n9\r\n0\r\n\r\n",
    "a chunk that is announced": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\nx",
    "a body that stops early": HEAD + b"Content-Length: 60000\r\n\r\n" + b"x" * 100,
    "a body that stops after 64 KB": HEAD
    + b"Content-Length: 1000000\r\n\r\n"
    + b"x" * 66_000,
    "a promise to go on": HEAD
    + b"Content-Length: 60000\r\nExpect: 100-continue\r\n\r\n",
    "an allowed body that stops": b"POST /mine HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 1000000\r\n\r\n" + b"x" * 70_000,
}
"""Requests that are not whole."""


@pytest.fixture
def stand() -> Iterator[Stand]:
    """A server with two threads."""
    with standing() as made:
        yield made


def _hand_over_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a thread to a request whose body is still to come: the rule switched off."""
    gather = Gathering._rest

    async def waits_in_a_thread(
        self: Gathering, environ: object, begun: bytes, receive: object, here: object
    ) -> object:
        import asyncio

        loop = asyncio.get_running_loop()
        coming = gather(self, environ, begun, receive, here)  # type: ignore[arg-type]
        task = loop.create_task(coming)

        def wait() -> object:
            async def come() -> object:
                return await task

            return asyncio.run_coroutine_threadsafe(come(), loop).result()

        return await loop.run_in_executor(self._threads, wait)

    monkeypatch.setattr(Gathering, "_rest", waits_in_a_thread)


@pytest.mark.parametrize("name", SENT)
def test_who_does_not_send_all_of_it_holds_up_nobody(stand: Stand, name: str) -> None:
    """Four times as many as there are threads."""
    with ExitStack() as slow:
        for _ in range(4 * THREADS):
            slow.enter_context(closing(stand.wire(SENT[name])))
        began = time.monotonic()
        assert stand.ask("/honest", b"abc", seconds=SOON) == "/honest 3"
        assert time.monotonic() - began < SOON


def test_given_a_thread_early_they_would_hold_up_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control of the test above."""
    _hand_over_early(monkeypatch)
    with standing() as stand, ExitStack() as slow:
        for _ in range(4 * THREADS):
            wire = stand.wire(SENT["a chunk that looks like the last"])
            slow.enter_context(closing(wire))
        with pytest.raises(TimeoutError):
            stand.ask("/honest", b"abc", seconds=SOON)


@pytest.mark.parametrize(
    "name", [name for name in SENT if name != "a body that stops after 64 KB"]
)
def test_what_does_not_come_in_time_is_closed(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Heads and bodies alike."""
    for module in (connection, gathering):
        monkeypatch.setattr(module, "TO_ARRIVE", 0.1)
    monkeypatch.setattr(gathering, "TO_ARRIVE_LARGE", 0.1)
    with standing() as stand, closing(stand.wire(SENT[name])) as wire:
        assert read_all(wire) in {b"", b"HTTP/1.1 100 Continue\r\n\r\n"}


def test_without_a_limit_it_would_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the test above."""
    for module in (connection, gathering):
        monkeypatch.setattr(module, "TO_ARRIVE", 0.1)
    monkeypatch.setattr(crowd.Crowd, "limit", lambda *_: None)
    with standing() as stand, closing(stand.wire(SENT["half a head"])) as wire:
        wire.settimeout(SOON)
        with pytest.raises(TimeoutError):
            wire.recv(1)


def test_a_body_of_a_stranger_is_answered_after_64_kb(stand: Stand) -> None:
    """And is the last of its connection, because nobody read the rest."""
    with closing(stand.wire(SENT["a body that stops after 64 KB"])) as wire:
        answer = read_all(wire)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    assert KB * 64 < int(answer.rpartition(b" ")[2]) < KB * 200


def test_who_still_sends_gets_his_answer(stand: Stand) -> None:
    """Closed at once, what he sends would cut it off."""
    head = HEAD + b"Content-Length: 8000000\r\n\r\n"
    with closing(stand.wire(head)) as wire:
        for _ in range(100):
            wire.sendall(b"x" * 20_000)
        assert read_all(wire).startswith(b"HTTP/1.1 200")


def test_who_is_allowed_may_send_more(stand: Stand) -> None:
    """Whichever piece is the last one."""
    for size in (65_535, 65_536, 65_537, 66_000, 70_000, 1_000_000, LARGE):
        body = b"x" * size
        assert stand.ask("/mine", body, seconds=10) == f"/mine {size}"


def test_what_is_larger_than_allowed_is_read_to_its_end(stand: Stand) -> None:
    """Its sender looks for an answer only then; more than allowed is not kept."""
    told = stand.ask("/mine", b"x" * (LARGE + 3_000_000))
    assert LARGE < int(told.split()[1]) < LARGE + 300_000


def test_each_sends_one_large_body_at_a_time(stand: Stand) -> None:
    """Else whoever has a ticket could fill the memory with it."""
    with closing(stand.wire(SENT["an allowed body that stops"])) as first:
        body = b"x" * 100_000
        assert stand.ask("/mine/other", body) == f"/mine/other {len(body)}"
        assert stand.ask("/mine", body) == f"/mine {len(body)}"
        assert read_all(first) == b""


def test_a_head_without_end_is_closed(stand: Stand) -> None:
    """However fast it comes."""
    endless = b"".join(
        b"X-%d: " % number + b"x" * 1000 + b"\r\n" for number in range(20_000)
    )
    with (
        closing(stand.wire(HEAD)) as wire,
        pytest.raises(OSError, match=r"reset|pipe"),
    ):
        wire.sendall(endless)


@pytest.mark.parametrize(
    ("begun", "piece"),
    [
        (b"", b"X: y\r\n"),
        (b"Content-Length: 9\r\n", b"X: y\r\n"),
        (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", b"X: y\r\n"),
        (b"Transfer-Encoding: chunked\r\n\r\n3;", b"x=y;"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    ],
    ids=["head", "head with a length", "trailer", "extension of a chunk", "length"],
)
def test_what_brings_a_request_no_further_is_closed(
    stand: Stand, begun: bytes, piece: bytes
) -> None:
    """Nobody is kept busy, and no memory filled, by what is no body."""
    with closing(stand.wire(HEAD + begun)) as wire:
        with suppress(OSError):
            wire.sendall(piece * 4_000_000)
        got = read_all(wire)
    assert b" 200 " not in got
    assert stand.asked == []


def test_a_body_in_the_smallest_chunks_is_a_body(stand: Stand) -> None:
    """It takes six times as many bytes as are in it."""
    sent = b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 60_000
    with closing(stand.wire(HEAD + sent + b"0\r\n\r\n")) as wire:
        assert b"/form 60000" in wire.recv(65_536)


def test_a_head_of_many_fields_is_refused(stand: Stand) -> None:
    """In a line of text."""
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(70))
    with closing(stand.wire(HEAD + many + b"\r\n")) as wire:
        assert read_all(wire).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: -3\r\n\r\nabc",
        HEAD + b"Content-Length: 3 4\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\nhello",
        HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        HEAD + b"X y: a\r\n\r\n",
        HEAD + b"Host : other\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\xff\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT localhost:25 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(stand: Stand, sent: bytes) -> None:
    """The application sees nothing of it, and the server goes on."""
    with closing(stand.wire(sent)) as wire:
        assert read_all(wire).startswith(b"HTTP/1.1 400")
    assert stand.asked == []
    assert stand.ask("/honest") == "/honest 0"


def test_more_than_was_announced_is_no_part_of_a_body(stand: Stand) -> None:
    """It is a request of its own, and here none."""
    sent = HEAD + b"Content-Length: 3\r\n\r\nabc" + b"defgh\r\n\r\n"
    with closing(stand.wire(sent)) as wire:
        answer = read_all(wire)
    assert b"HTTP/1.1 400" in answer
    assert b"/form 8" not in answer
    assert len(stand.asked) <= 1


def test_requests_that_came_together_are_answered_in_their_order(stand: Stand) -> None:
    """Many more than are looked at at once."""
    sent = b"".join(GET.replace(b"one", b"%d" % number) for number in range(500))
    with closing(stand.wire(sent)) as wire:
        got = b""
        while got.count(b"HTTP/1.1 200") < 500 or not got.endswith(b"/499 0"):
            got += wire.recv(65_536)
    places = [got.index(b"/%d 0" % number) for number in range(500)]
    assert places == sorted(places)


@pytest.mark.parametrize("count", [1, 2, 40])
def test_who_will_send_no_more_is_answered_all_the_same(
    stand: Stand, count: int
) -> None:
    """Half of the connection is closed; then the other half is."""
    with closing(stand.wire(count * GET)) as wire:
        wire.shutdown(socket.SHUT_WR)
        assert read_all(wire).count(b"HTTP/1.1 200") == count


@pytest.mark.parametrize("name", SENT)
def test_who_ends_in_the_middle_is_gone(stand: Stand, name: str) -> None:
    """Nothing is waited for that cannot come."""
    with closing(stand.wire(SENT[name])) as wire:
        wire.shutdown(socket.SHUT_WR)
        began = time.monotonic()
        read_all(wire)
        assert time.monotonic() - began < crowd.TO_CLOSE + SOON


def test_who_asks_whether_to_go_on_is_told_also_behind_another(stand: Stand) -> None:
    """Web Connector asks before every body."""
    asking = HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    with closing(stand.wire(GET + asking)) as wire:
        got = b""
        while b"HTTP/1.1 100 Continue\r\n\r\n" not in got:
            got += wire.recv(65_536)
        assert b"/one 0" in got
        wire.sendall(b"abc")
        while b"/form 3" not in got:
            got += wire.recv(65_536)


def _fill_answers(stand: Stand, stack: ExitStack, count: int) -> list[socket.socket]:
    """Ask for large answers, and read none of them."""
    wires = []
    for _ in range(count):
        wire = stack.enter_context(closing(socket.socket()))
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        wire.connect((HOST, stand.port))
        wire.sendall(600 * GET.replace(b"/one", b"/large"))
        wires.append(wire)
    return wires


def test_who_does_not_read_holds_up_nobody(stand: Stand) -> None:
    """Many requests behind one another, and no answer fetched."""
    with ExitStack() as slow:
        _fill_answers(stand, slow, 4 * THREADS)
        assert stand.ask("/honest", b"abc", seconds=SOON) == "/honest 3"


def test_who_does_not_read_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent until then can be read, and then the end."""
    monkeypatch.setattr(connection, "TO_FETCH", 0.1)
    with standing() as stand, ExitStack() as slow:
        (wire,) = _fill_answers(stand, slow, 1)
        _until_closed(wire)


def test_without_a_limit_for_readers_it_would_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(connection, "TO_FETCH", 0.1)
    monkeypatch.setattr(Connection, "late", lambda _: None)
    with standing() as stand, ExitStack() as slow:
        (wire,) = _fill_answers(stand, slow, 1)
        with pytest.raises(AssertionError):
            _until_closed(wire, seconds=SOON)
        wire.close()


def _until_closed(wire: socket.socket, seconds: float = 10) -> None:
    """Wait until the other side has closed, without reading."""

    def closed() -> bool:
        # A byte that nobody takes finds out.
        try:
            wire.send(b"x", socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False

    until(closed, "an end", seconds=seconds)


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"])
def test_a_slow_reader_who_reads_gets_all_of_it(
    monkeypatch: pytest.MonkeyPatch, last: bytes
) -> None:
    """Though it takes him many times as long as nothing may be fetched."""
    monkeypatch.setattr(connection, "TO_FETCH", 0.5)
    monkeypatch.setattr(connection, "TO_CLOSE", 0.01)
    with standing() as stand, closing(socket.socket()) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.connect((HOST, stand.port))
        wire.settimeout(30)
        wire.sendall(GET.replace(b"/one", b"/large").replace(b"Host", last + b"Host"))
        got = 0
        while got < LARGE:
            piece = wire.recv(65_536)
            assert piece
            got += len(piece)


def test_the_one_that_waits_longest_goes_where_too_many_are_open() -> None:
    """And those that were answered only after those that send nothing."""
    with standing(most=20) as stand, ExitStack() as many:
        kept = many.enter_context(closing(stand.wire(GET)))
        assert b"200" in kept.recv(65_536)
        first = many.enter_context(closing(stand.wire(b"POST /x")))
        for _ in range(30):
            many.enter_context(closing(stand.wire(b"POST /x")))
        assert read_all(first) == b""
        assert stand.ask("/honest", seconds=SOON) == "/honest 0"
        kept.sendall(GET)
        assert b"200" in kept.recv(65_536)


def test_who_does_not_read_makes_room_for_others() -> None:
    """Who takes a little now and then would have his place for ever."""
    with standing(most=4, threads=4) as stand, ExitStack() as many:
        _fill_answers(stand, many, 4)
        until(lambda: stand.asked.count("/large") >= 4)
        until(lambda: _is_heard(stand), seconds=8)


def _is_heard(stand: Stand) -> bool:
    try:
        return stand.ask("/honest", seconds=SOON) == "/honest 0"
    except (OSError, HTTPException):
        return False


def test_who_is_known_makes_room_for_nobody() -> None:
    """However long a large answer of QuickBooks takes on a slow line."""
    sent = SENT["an allowed body that stops"]
    with standing(most=20) as stand, closing(stand.wire(sent)) as known:
        assert stand.ask("/mine/other", b"x" * 70_000) == "/mine/other 70000"
        with ExitStack() as many:
            for _ in range(30):
                many.enter_context(closing(stand.wire(b"POST /x")))
            assert stand.ask("/honest", seconds=SOON) == "/honest 0"
        known.sendall(b"x" * 930_000)
        assert b"/mine 1000000" in known.recv(65_536)


def test_a_request_that_is_answered_is_never_the_one_that_goes() -> None:
    """Where all are being answered, the new one is refused."""
    with standing(most=4, threads=4) as stand, ExitStack() as many:
        asking = GET.replace(b"/one", b"/wait")
        busy = [many.enter_context(closing(stand.wire(asking))) for _ in range(4)]
        until(lambda: len(stand.asked) == 4)
        with closing(stand.wire()) as refused:
            assert read_all(refused) == b""
        stand.go_on.set()
        assert all(b"/wait 0" in one.recv(65_536) for one in busy)


def test_what_waits_for_nothing_is_answered_while_all_threads_work(
    stand: Stand,
) -> None:
    """Two of three calls of a poll."""
    with ExitStack() as many:
        for _ in range(THREADS):
            asking = GET.replace(b"/one", b"/wait")
            many.enter_context(closing(stand.wire(asking)))
        assert stand.ask("/now", seconds=SOON) == "now\n"
        stand.go_on.set()


def test_an_application_that_fails_is_answered_in_a_line(stand: Stand) -> None:
    """And the connection ends, as nobody knows what was read."""
    assert stand.ask("/fail") == "Something went wrong on our side.\n"
    assert stand.ask("/honest") == "/honest 0"
