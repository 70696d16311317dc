"""Clocks that were wrong: what they left behind keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import registry, sessions
from qbwc_server.companies.registry import Company, NewCompany
from qbwc_server.delivery.rate_budget import Budget, BudgetSpent
from qbwc_server.keys import Keys
from qbwc_server.mosaic_reading.time_window import Window
from qbwc_server.operations import clocks
from qbwc_server.quickbooks import list_requests
from qbwc_server.quickbooks.left_sessions import finish_left_over
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, next_id
from qbwc_server.web_connector.admission import _must_rest
from qbwc_server.worker.loop import Worker
from tests.conftest import Clock

_HOUR = timedelta(hours=1)


@pytest.fixture
def company(
    engine: Engine, new_company: Callable[..., NewCompany], clock: Clock
) -> int:
    """A company that is due at this moment."""
    new = new_company()
    _change(engine, new.id, deliver_at=clock())
    return new.id


def _change(engine: Engine, company_id: int, **values: Any) -> Company:
    with company_transaction(engine, company_id) as connection:
        registry.change(connection, company_id, **values)
        return registry.get(connection, company_id)


@pytest.mark.parametrize(
    ("ahead", "is_free"),
    [(timedelta(seconds=30), False), (_HOUR, True), (timedelta(days=400), True)],
)
def test_a_lease_that_reaches_too_far_ahead_is_no_lease(
    engine: Engine,
    keys: Keys,
    settings: Settings,
    clock: Clock,
    company: int,
    ahead: timedelta,
    is_free: bool,
) -> None:
    """Its worker died, and the clock that wrote it was wrong."""
    _change(engine, company, leased_until=clock() + ahead, leased_by="somebody")

    taken = Worker(engine, keys, settings, clock)._lease("me")

    assert (taken is not None) == is_free


def test_a_company_that_is_due_in_years_is_due_now(
    engine: Engine, keys: Keys, settings: Settings, clock: Clock, company: int
) -> None:
    """Nothing is ever put off for more than a day."""
    _change(engine, company, deliver_at=clock() + timedelta(days=400))

    assert Worker(engine, keys, settings, clock)._lease("me") is not None


def test_a_session_whose_last_call_lies_ahead_ends_after_the_same_time(
    engine: Engine, keys: Keys, settings: Settings, clock: Clock, company: int
) -> None:
    """From elsewhere: the idle limit, before or after."""
    with company_transaction(engine, company) as connection:
        sessions.begin(
            connection, keys, company, now=clock() + _HOUR, file_path="", peer="here"
        )

    finish_left_over(engine, settings, company, "elsewhere", clock())

    with company_transaction(engine, company) as connection:
        assert sessions.live(connection, company) is None


def test_reads_that_are_due_too_far_ahead_are_due_now(
    engine: Engine, clock: Clock, company: int
) -> None:
    """They come every quarter of an hour; in an hour is too late."""
    stored = _change(engine, company, next_read_at=clock() + _HOUR)

    with company_transaction(engine, company) as connection:
        list_requests.schedule(connection, stored, clock())

        assert registry.get(connection, company).next_read_at == clock() + timedelta(
            minutes=stored.read_every
        )


@pytest.mark.parametrize(("minutes", "rests"), [(-1, False), (10, True), (60, False)])
def test_a_computer_is_left_alone_for_a_quarter_of_an_hour_at_most(
    engine: Engine, clock: Clock, company: int, minutes: int, rests: bool
) -> None:
    """Whatever stands there."""
    after = clock() + timedelta(minutes=minutes)

    assert _must_rest(_change(engine, company, open_after=after), clock()) == rests


def test_time_of_mosaic_that_is_to_be_read_too_far_ahead_is_read_now(
    engine: Engine, settings: Settings, clock: Clock, company: int
) -> None:
    """The window comes every hour, its last days every five minutes."""
    window = Window.of(settings)
    ahead = clock() + timedelta(days=400)
    stored = _change(
        engine,
        company,
        mosaic_time_from=date(1990, 1, 1).isoformat(),
        time_window_at=ahead,
        time_hot_at=ahead,
    )

    assert window.next_at(stored, clock()) == clock()


def test_a_budget_that_was_used_by_a_wrong_clock_is_used_at_once(
    engine: Engine, clock: Clock
) -> None:
    """Its bucket was filled and blocked an hour from now."""
    budget = Budget(engine, "key", requests=300, window=300, clock=clock)
    clock.pass_(hours=2)
    budget.spend()
    budget.block(60)
    clock.pass_(hours=-2)

    with pytest.raises(BudgetSpent) as spent:
        budget.spend()

    assert spent.value.wait < 10
    clock.pass_(seconds=spent.value.wait + 0.01)
    budget.spend()


def test_what_is_put_off_for_more_than_a_day_is_done_now(
    engine: Engine, clock: Clock, company: int
) -> None:
    """A day or less may be meant."""
    record = tables.record
    meant, wrong = clock() + timedelta(hours=20), clock() + timedelta(days=3)
    with company_transaction(engine, company) as connection:
        for due in (meant, wrong):
            connection.execute(
                record.insert(),
                {
                    "company_id": company,
                    "id": next_id(connection, company),
                    "kind": "customer",
                    "state": "pending",
                    "name": "Acme",
                    "quickbooks_id": str(due),
                    "due_at": due,
                    "created_at": clock(),
                    "changed_at": clock(),
                },
            )

        clocks.put_right(connection, company, clock())

        found = connection.execute(sa.select(record.c.due_at).order_by(record.c.id))
        assert [row.due_at for row in found] == [meant, clock()]
