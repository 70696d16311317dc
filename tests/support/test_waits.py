"""A record and a piece of work know what their company waits for, and since when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import attention, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import listing
from qbwc_server.storage import tables
from qbwc_server.storage.database import UTCDateTime, company_transaction
from tests.both_read import both_read
from tests.conftest import Clock
from tests.jobs import jobs

NewCompanies = Callable[..., NewCompany]


@pytest.fixture
def company(engine: Engine, new_company: NewCompanies, clock: Clock) -> NewCompany:
    """A company that goes on, with an entry on its way, and work for QuickBooks."""
    made = new_company("Alder")
    with company_transaction(engine, made.id) as connection:
        registry.change(connection, made.id, last_seen_at=clock(), mosaic_key="k")
        for number, state in enumerate(("pending", "in_sync", "refused"), 700):
            connection.execute(
                tables.record.insert(),
                {
                    "company_id": made.id,
                    "id": number,
                    "kind": "time_entry",
                    "state": state,
                    "name": f"2026-03-02 {number}",
                    "reason": "Mosaic was busy.",
                    "created_at": clock(),
                    "changed_at": clock(),
                },
            )
        for action in ("add", "read"):
            jobs.add(connection, made.id, clock(), action=action)
    return made


def _waits(engine: Engine, view: str, number: str) -> dict[Any, tuple[Any, ...]]:
    query = sa.text(
        f"SELECT {number}, waits_because, who_must_act, waits_since, why "
        f"FROM support_{view} WHERE company_id = 1"
    ).columns(waits_since=UTCDateTime)
    with engine.begin() as connection:
        return {row[0]: tuple(row[1:]) for row in connection.execute(query)}


def _attend(engine: Engine, reason: str, now: datetime) -> None:
    with company_transaction(engine, 1) as connection:
        attention.attend(connection, 1, error_id=reason, text="Look.", now=now)


def test_what_is_on_its_way_waits_for_what_stops_its_company(
    engine: Engine, company: NewCompany, clock: Clock
) -> None:
    """What is in sync or refused does not: it is done, or needs somebody itself."""
    assert {one[0] for one in _waits(engine, "records", "record_id").values()} == {None}
    began = clock.pass_(hours=1)
    _attend(engine, "wrong-company-file", began)
    clock.pass_(hours=20)
    found = _waits(engine, "records", "record_id")
    told = ("wrong-company-file", "customer", began, "It waits: Look.")
    assert found.pop(700) == told
    assert {one[0] for one in found.values()} == {None}
    with company_transaction(engine, company.id) as connection:
        known = registry.get(connection, company.id)
        (shown,) = listing.show(connection, known, [700])
    assert (shown.why, shown.who) == ("It waits: Look.", "customer")
    assert shown.need == "on_its_way"


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize(
    ("reason", "waits"),
    [
        ("wrong-company-file", ["read", "add"]),
        ("backup-restored-which-side", ["add"]),
        ("mosaic-unauthorised", []),
        ("list-not-read", []),
        ("time-tracking-off", []),
    ],
)
def test_work_for_quickbooks_waits_for_what_keeps_it_from_there(
    engine: Engine, clock: Clock, reason: str, waits: list[str]
) -> None:
    """Who stops writing reads on; Mosaic's trouble is not QuickBooks'."""
    _attend(engine, reason, clock())
    found = _waits(engine, "jobs", "action")
    assert {name for name, one in found.items() if one[0] is not None} == set(waits)
    for name in waits:
        assert found[name][1] != "nobody"


def test_a_preview_and_a_pause_hold_it_too(
    engine: Engine, company: NewCompany, clock: Clock
) -> None:
    """Somebody has to look, or to have it go on; nobody before both sides were read."""
    for told, who in (
        ("first_reads", "nobody"),
        ("preview", "customer"),
        ("paused", "support"),
    ):
        mode = "preview" if told == "first_reads" else told
        with company_transaction(engine, company.id) as connection:
            if told == "preview":
                both_read(connection, company.id, clock())
            registry.change(connection, company.id, mode=mode, mode_at=clock())
        found = _waits(engine, "records", "record_id")[700]
        assert found[:3] == (told, who, clock())
