"""Is it us? `support health` and the console's banner, now and for a past hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.companies import attention, heartbeat, registry, silence
from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage.database import company_transaction, transaction
from qbwc_server.support import health
from tests.conftest import Clock

_URL = "https://mosaic.example"
NewCompanies = Callable[..., NewCompany]


def _beat(engine: Engine, clock: Clock) -> None:
    with transaction(engine) as connection:
        for name in (heartbeat.SERVER, heartbeat.WORKER):
            heartbeat.beat(connection, clock(), name)


def _pass(engine: Engine, clock: Clock, minutes: int) -> None:
    for _ in range(minutes):
        clock.pass_(minutes=1)
        _beat(engine, clock)
        silence.look(engine, clock())


def _call(engine: Engine, clock: Clock, company_id: int) -> None:
    """Have Web Connector call, as one that gives the right password."""
    with company_transaction(engine, company_id) as connection:
        silence.heard(connection, registry.get(connection, company_id), clock())
        registry.change(connection, company_id, last_seen_at=clock())


@pytest.fixture
def company(engine: Engine, new_company: NewCompanies, clock: Clock) -> NewCompany:
    """A company that calls, beside another; all of ours is up."""
    made, other = new_company("Alder"), new_company("Birch")
    _beat(engine, clock)
    for one in (made, other):
        _call(engine, clock, one.id)
        with company_transaction(engine, one.id) as connection:
            registry.change(connection, one.id, mosaic_key="k", mosaic_url=_URL)
    return made


def test_all_is_well_until_something_of_ours_is_not(
    engine: Engine, company: NewCompany, clock: Clock
) -> None:
    """A worker that is gone, and Mosaic that answers only one of two companies."""
    with engine.begin() as connection:
        assert all(one.is_well for one in health.now(connection, clock()))
    clock.pass_(minutes=5)
    with transaction(engine) as connection:
        heartbeat.beat(connection, clock())
    with company_transaction(engine, company.id) as connection:
        attention.attend(
            connection,
            company.id,
            error_id="mosaic-unavailable",
            text="Not reached.",
            now=clock(),
        )
    with engine.begin() as connection:
        ill = [one for one in health.now(connection, clock()) if not one.is_well]
    assert [(one.part, one.state, one.who_must_act) for one in ill] == [
        ("mosaic", "partly", "operations"),
        ("worker", "down", "operations"),
    ]
    assert "1 of 2 companies" in ill[0].why


def test_a_past_hour_says_whether_the_computer_was_off_or_we_were_down(
    engine: Engine, company: NewCompany, clock: Clock
) -> None:
    """Ours is never told as the customer's, nor the customer's as another's."""
    _pass(engine, clock, 20)
    silent_from = clock() - timedelta(minutes=20)
    _call(engine, clock, company.id)
    back = clock()
    down_from = clock()
    clock.pass_(minutes=30)
    _beat(engine, clock)
    up_again = clock()
    with company_transaction(engine, company.id) as connection:
        attention.attend(
            connection,
            company.id,
            error_id="wrong-company-file",
            text="Another file is open.",
            now=clock(),
        )
    _pass(engine, clock, 2)
    wanted = {
        silent_from - timedelta(minutes=1): "nobody",
        silent_from + timedelta(minutes=1): "customer",
        back - timedelta(minutes=1): "customer",
        down_from + timedelta(minutes=15): "operations",
        up_again + timedelta(minutes=1): "company",
    }
    for at, who in wanted.items():
        with engine.begin() as connection:
            first, *_ = health.then(connection, company.id, at)
        assert first.who == who, (at, first)


def test_one_company_s_trouble_is_not_told_of_another(
    engine: Engine, company: NewCompany, clock: Clock
) -> None:
    """What was ours was everybody's."""
    with company_transaction(engine, company.id) as connection:
        attention.attend(
            connection, company.id, error_id="too-many-gone", text="!", now=clock()
        )
    at = clock.pass_(minutes=1)
    with engine.begin() as connection:
        found = {number: health.then(connection, number, at) for number in (1, 2)}
    assert [one.why for one in found[company.id]] == ["!"]
    assert [one.who for one in found[2]] == ["nobody"]
