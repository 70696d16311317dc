"""What has taken too long is told by one thread for all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from threading import Event

from qbwc_server.mosaic.alarms import Alarms

_LONG = 30.0
"""Seconds after which a test gives up waiting; nothing waits that long."""


def _noting(rang: list[str], name: str, done: Event) -> Callable[[], None]:
    def ring() -> None:
        rang.append(name)
        done.set()

    return ring


def test_the_earliest_rings_first_whenever_it_was_set() -> None:
    """The thread that waits for a later one is woken."""
    alarms, rang = Alarms(), list[str]()
    first, second = Event(), Event()
    alarms.set(0.2, _noting(rang, "second", second))
    alarms.set(0.01, _noting(rang, "first", first))
    assert first.wait(_LONG)
    assert second.wait(_LONG)
    assert rang == ["first", "second"]


def test_what_is_off_does_not_ring() -> None:
    """An answer came in time."""
    alarms, rang, done = Alarms(), list[str](), Event()
    off = alarms.set(0.01, _noting(rang, "off", done))
    off.is_off = True
    alarms.set(0.02, _noting(rang, "on", done))
    assert done.wait(_LONG)
    assert rang == ["on"]


def test_one_thread_is_enough_for_many() -> None:
    """Each call to Mosaic waits several times."""
    alarms, before = Alarms(), threading.active_count()
    for _ in range(200):
        alarms.set(_LONG, lambda: None).is_off = True
    assert threading.active_count() == before + 1
