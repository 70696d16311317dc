"""What a worker does when the database, and not our program, is what fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.storage.away import pause_after
from qbwc_server.worker.loop import Worker
from qbwc_server.worker.one_pass import Delivery
from tests.conftest import SECRET, Clock

_AWAY = [
    OperationalError("COMMIT", {}, Exception("serialization failure")),
    InterfaceError("SELECT", {}, Exception("the connection is closed")),
    InternalError("SELECT", {}, Exception("current transaction is aborted")),
    NoConnectionFree("QueuePool limit"),
]


@pytest.mark.parametrize("error", _AWAY, ids=lambda error: type(error).__name__)
def test_a_database_that_went_away_is_no_fault_of_a_record(error: Exception) -> None:
    """Nothing is written about the record: it is planned again."""
    begun: list[str] = []

    @contextmanager
    def transaction() -> Iterator[None]:
        begun.append("transaction")
        yield

    def plan(*_: Any) -> list[Any]:
        raise error

    delivery = cast("Delivery", SimpleNamespace(_transaction=transaction))
    planner = cast("Any", SimpleNamespace(plan=plan))

    with pytest.raises(type(error)):
        Delivery._planned(delivery, planner, [1])

    assert begun == ["transaction"]


@pytest.mark.parametrize(
    "error", [*_AWAY, RuntimeError("can't start new thread")], ids=repr
)
def test_a_thread_of_the_worker_outlives_every_error(
    error: Exception, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ended would serve nobody any more, and nobody would see it."""
    worker = Worker(cast("Any", None), Keys([SECRET]), settings, Clock())
    calls: list[Callable[[], None]] = [lambda: None, worker.stopping.set]

    def serve_next() -> bool:
        calls.pop(0)()
        raise error

    monkeypatch.setattr("qbwc_server.storage.away._PAUSE_SECONDS", 0.0)

    worker._loop(serve_next)

    assert not calls


def test_a_thread_asks_ever_less_often_and_is_soon_back() -> None:
    """Ten threads that asked twice a second wrote 270 MB of log a day."""
    pauses = [pause_after(failures) for failures in (0, 1, 2, 3, 4, 100_000)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_all_threads_together_log_a_line_a_minute(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each pauses as its own failures say, from the beginning where it is over."""
    worker = Worker(cast("Any", None), Keys([SECRET]), settings, Clock())
    pauses: list[float] = []
    monkeypatch.setattr(worker.stopping, "wait", pauses.append)
    ways = ["away"] * 9 + ["nothing"] + ["away", "stop"]

    def serve_next() -> bool:
        way = ways.pop(0)
        if way == "stop":
            worker.stopping.set()
        if way == "away":
            raise _AWAY[0]
        return False

    with structlog.testing.capture_logs() as lines:
        worker._loop(serve_next)

    assert pauses == [1.0, 2.0, *[4.0] * 7, 0.5, 1.0, 0.5]
    assert [(one["event"], one["by"]) for one in lines] == [
        ("database not usable", "worker")
    ]
