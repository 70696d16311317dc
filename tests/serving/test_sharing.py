"""Processes share connections: who has fewer takes the next one."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from qbwc_server.serving import sharing
from qbwc_server.serving.crowd import Crowd
from qbwc_server.serving.sharing import Shared


class One:
    """A connection that is there."""

    def late(self) -> None:
        """Go on."""

    def drop(self) -> None:
        """Go on."""


@pytest.fixture(autouse=True)
def passes(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock: no time passes but what is put in here, for each look at it."""
    each = [0.0]
    now = [0.0]

    def monotonic() -> float:
        now[0] += each[0]
        return now[0]

    monkeypatch.setattr(sharing, "monotonic", monotonic)
    return each


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """A listening socket at which somebody waits."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        yield listener


def rounds(listener: socket.socket, connections: int) -> int:
    """Return in which round of its loop a process with so many takes the next one."""
    crowd = Crowd()
    for _ in range(connections):
        crowd.work(One())
    shared = Shared(listener, crowd)
    for number in range(20):
        try:
            taken, _ = shared.accept()
        except BlockingIOError:
            continue
        taken.close()
        shared.close()
        return number
    raise AssertionError("it is never taken")


@pytest.mark.parametrize(
    ("connections", "round_"),
    [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (40, 6), (1000, 6)],
)
def test_who_has_more_hesitates_longer(
    port: socket.socket, connections: int, round_: int
) -> None:
    """Up to a bound, so that nobody waits for long."""
    assert rounds(port, connections) == round_


def test_a_loop_with_much_to_do_does_not_let_anybody_wait(
    port: socket.socket, passes: list[float]
) -> None:
    """Its rounds take long, so it hesitates for one of them at most."""
    passes[0] = 0.005
    assert rounds(port, 1000) == 1


def test_of_two_the_one_with_fewer_is_first(port: socket.socket) -> None:
    """Both look in turn, as their loops do."""
    with socket.socket(fileno=socket.dup(port.fileno())) as other:
        few, many = Crowd(), Crowd()
        few.work(One())
        for _ in range(8):
            many.work(One())
        both = {"many": Shared(other, many), "few": Shared(port, few)}
        for name in ("many", "few") * 20:
            try:
                taken, _ = both[name].accept()
            except BlockingIOError:
                continue
            taken.close()
            break
        for one in both.values():
            one.close()
    assert name == "few"
