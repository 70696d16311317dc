"""Faults on the way, workers that die, and workers that meet: never a second POST."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.storage import tables

from .mirror import Mirror, everything_said, nothing_twice


class Killed(BaseException):
    """The process ends here."""


def _arrived(mirror: Mirror) -> None:
    nothing_twice(mirror)
    everything_said(mirror)
    assert mirror.names("client") == ["Acme Incorporated", "Bolt"]
    assert mirror.names("project") == ["Garage", "House"]
    assert mirror.names("phase") == ["Sketches"]
    assert mirror.names("employee") == ["ann@example.com"]
    assert mirror.names("standard_work_category") == ["Design", "Detail"]
    assert len(mirror.sandbox.objects("portfolio")) == 1
    states = {row.quickbooks_id: row.state for row in mirror.rows(tables.record)}
    assert states.pop("E2") == "unlinked"
    assert set(states.values()) == {"in_sync"}
    assert mirror.calls(settled=False) == []


@pytest.mark.in_turn
@pytest.mark.parametrize("log", [True, False], ids=["log", "no-log"])
@pytest.mark.parametrize(
    ("fault", "when"),
    [
        ("down", "before"),
        ("down", "after"),
        ("slow", "before"),
        ("slow", "after"),
        ("error", "before"),
        ("error", "after"),
        ("html", "after"),
        ("bad_json", "before"),
        ("bad_json", "after"),
        ("rate_limit", "before"),
        ("rate_limit_mute", "before"),
    ],
)
def test_each_object_is_made_once_whatever_answers(
    firm: Mirror, fault: Any, when: Any, log: bool
) -> None:
    """A write whose answer was lost is looked for, not repeated."""
    if not log:
        firm.sandbox._logs["100"] = Forgetful()
    firm.sandbox.fail_next(fault, 4, "POST", when=when, seconds=5)
    firm.run(rounds=200)
    _arrived(firm)


class Forgetful(dict[str, Any]):
    """A request log that remembers nothing."""

    def values(self) -> Any:
        """Return no line."""
        return []


@pytest.mark.in_turn
def test_what_appears_after_the_first_look_is_not_made_again(mirror: Mirror) -> None:
    """Mosaic works off writes later: one list without the object proves nothing."""
    mirror.books.item("S1", "Design")
    mirror.sandbox._logs["100"] = Forgetful()
    there = mirror.sandbox.team.store.objects["standard_work_category"]
    hidden: list[dict[str, Any]] = []

    def hide(request: httpx.Request) -> None:
        if not request.url.path.endswith("standard_work_category"):
            return
        if request.method == "POST" and not hidden:
            hidden.extend(there.values())
            there.clear()
            raise httpx.ReadTimeout("timed out")
        if request.method == "GET" and hidden:
            there[hidden[0]["mosaic_id"]] = hidden[0]

    mirror.wire.after = hide
    mirror.run()
    assert mirror.names("standard_work_category") == ["Design"]
    assert mirror.writes().count(("create", "standard_work_category")) == 1
    assert mirror.record("S1").state == "in_sync"


@pytest.mark.in_turn
def test_a_429_makes_everybody_wait_as_long_as_it_says(mirror: Mirror) -> None:
    """No request leaves before Retry-After is over."""
    mirror.books.item("S1", "Design")
    mirror.sandbox.fail_next("rate_limit", match="POST", seconds=90)
    mirror.read()
    mirror.worker().run_once()
    asked = len(mirror.sandbox.requests)
    mirror.clock.pass_(seconds=89)
    mirror.worker().run_once()
    assert len(mirror.sandbox.requests) == asked
    mirror.run()
    assert mirror.record("S1").state == "in_sync"


@pytest.mark.in_turn
def test_a_key_refused_in_the_middle_loses_nothing(firm: Mirror) -> None:
    """What was on its way is sent when the key is right again."""
    made = iter(range(100))

    def refuse(request: httpx.Request) -> None:
        if request.method == "POST" and next(made) == 2:
            firm.sandbox.team.api_key = "another"

    firm.wire.before = refuse
    firm.read()
    for _ in range(3):
        firm.worker().run_once()
        firm.sandbox.deliver_callbacks()
        firm.clock.pass_(seconds=5)
    assert firm.state().attention_id == "mosaic-unauthorised"
    firm.sandbox.team.api_key = "sandbox-key"
    firm.run()
    _arrived(firm)
    assert firm.state().attention_id is None


# Dying


@contextmanager
def _dying_at(engine: Engine, number: int, moment: str) -> Iterator[list[int]]:
    """Raise at the N-th commit, before it or as soon as it is done."""
    seen = [0]

    def before(connection: sa.Connection) -> None:
        seen[0] += 1
        if seen[0] == number and moment == "before":
            connection.connection.rollback()
            raise Killed

    def begin(_: sa.Connection) -> None:
        if seen[0] >= number and moment == "after":
            raise Killed

    sa.event.listen(engine, "commit", before)
    sa.event.listen(engine, "begin", begin)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "commit", before)
        sa.event.remove(engine, "begin", begin)


def _small(make_mirror: Callable[..., Mirror], name: str) -> Mirror:
    mirror = make_mirror(name)
    mirror.books.customer("C1", "Acme")
    mirror.books.customer("J1", "House", "C1")
    mirror.books.item("S1", "Design")
    return mirror


def _small_arrived(mirror: Mirror) -> None:
    nothing_twice(mirror)
    assert mirror.names("client") == ["Acme"]
    assert mirror.names("project") == ["House"]
    assert mirror.names("standard_work_category") == ["Design"]
    assert len(mirror.sandbox.objects("portfolio")) == 1
    assert {row.state for row in mirror.rows(tables.record)} == {"in_sync"}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_may_die_at_every_transaction(
    make_mirror: Callable[..., Mirror], engine: Engine, moment: str
) -> None:
    """Another one goes on when the lease has run out; the end is the same."""
    number = 1 if moment == "before" else 4
    step = 19 if engine.dialect.name == "postgresql" else 9
    while True:
        mirror = _small(make_mirror, f"{moment} {number}")
        mirror.sandbox.answer_mode = "body" if number % 2 else "callback"
        mirror.read()
        with _dying_at(engine, number, moment) as seen:
            try:
                mirror.worker().run_once()
            except Killed:
                pass
            else:
                assert seen[0] < number or moment == "after"
                break
        mirror.clock.pass_(seconds=mirror.settings.lease_seconds + 1)
        mirror.run()
        _small_arrived(mirror)
        number += step
    assert number > 20


def test_a_worker_may_die_at_every_request(
    make_mirror: Callable[..., Mirror],
) -> None:
    """Also when Mosaic has carried out the request and nobody kept its answer."""
    for number in range(1, 40):
        mirror = _small(make_mirror, f"request {number}")
        mirror.sandbox.answer_mode = "body"
        if number % 2:
            mirror.sandbox._logs["100"] = Forgetful()
        left = [number]

        def kill(_: httpx.Request, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        mirror.wire.after = kill
        try:
            mirror.run()
        except Killed:
            mirror.clock.pass_(seconds=mirror.settings.lease_seconds + 1)
            mirror.run()
            _small_arrived(mirror)
        else:
            assert number > 9
            return


# Two workers


def test_a_company_is_served_by_one_worker_at_a_time(firm: Mirror) -> None:
    """While one is at it another finds nothing to do."""
    served: list[int] = []

    def meanwhile(_: httpx.Request) -> None:
        firm.wire.before = lambda _: None
        served.append(firm.worker().run_once())

    firm.wire.before = meanwhile
    firm.run()
    assert served == [0]
    _arrived(firm)


def test_a_worker_that_lost_its_lease_writes_no_more(firm: Mirror) -> None:
    """One that was away for too long leaves the company to the one that took over."""
    firm.sandbox.answer_mode = "body"
    after: list[int] = []

    def stall(request: httpx.Request) -> None:
        if request.method == "POST":
            firm.wire.before = lambda _: None
            lease = firm.settings.lease_seconds
            now = firm.clock.pass_(seconds=lease + 1)
            with firm.engine.begin() as connection:
                connection.execute(
                    tables.duty.update().values(
                        leased_by="another",
                        leased_until=now + timedelta(seconds=lease),
                    )
                )
            after.append(len(firm.sandbox.writes))

    firm.wire.before = stall
    firm.read()
    firm.worker().run_once()
    assert len(firm.sandbox.writes) <= after[0] + 1
    with firm.engine.begin() as connection:
        connection.execute(
            tables.duty.update().values(leased_by=None, leased_until=None)
        )
    firm.wire.before = lambda _: None
    firm.run()
    _arrived(firm)


def test_a_worker_told_to_stop_gives_the_company_back(firm: Mirror) -> None:
    """The next one need not wait for the lease to run out."""
    firm.sandbox.answer_mode = "body"
    worker = firm.worker()

    def stop(request: httpx.Request) -> None:
        if request.method == "POST":
            worker.stopping.set()

    firm.wire.before = stop
    firm.read()
    worker.run_once()
    assert firm.writes() == [("create", "portfolio")]
    assert firm.worker().run_once() >= 1
    firm.run()
    _arrived(firm)


# Size


@pytest.mark.in_turn
def test_a_list_longer_than_the_bucket_is_read_to_its_end(mirror: Mirror) -> None:
    """More pages than the rate budget holds at once are waited for."""
    portfolio = mirror.sandbox.create("portfolio", title="Alice & Co")["mosaic_id"]
    for number in range(40):
        mirror.sandbox.create("project", portfolio_id=portfolio, title=f"P{number}")
    mirror.sandbox.largest_page = 2
    mirror.books.item("S1", "Design")
    mirror.run()
    assert mirror.record("S1").state == "in_sync"
    assert len(mirror.rows(tables.mosaic_object)) > 80


@pytest.mark.in_turn
def test_due_records_are_taken_a_few_at_a_time(mirror: Mirror) -> None:
    """A hundred thousand due records are never in memory at once."""
    for number in range(120):
        mirror.books.employee(f"E{number}", f"Ann {number}", None)
    mirror.read()
    asked: list[str] = []

    @sa.event.listens_for(mirror.engine, "before_cursor_execute")
    def look(*arguments: Any) -> None:
        statement = str(arguments[2])
        if "ORDER BY record.delivery_rank" in statement:
            asked.append(statement)

    mirror.worker().run_once()
    sa.event.remove(mirror.engine, "before_cursor_execute", look)
    assert len(asked) > 2
    assert all("LIMIT" in statement for statement in asked)
    assert {row.state for row in mirror.rows(tables.record)} == {"unlinked"}
