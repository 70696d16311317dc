"""One record on which our own program fails."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from qbwc_server.planning import time_facts
from qbwc_server.storage import tables
from tests.agreement.house import MakeHouse
from tests.agreement.test_years import enter


def test_a_record_on_which_planning_fails_stops_itself_alone(
    make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, the others arrive, and the company needs no attention."""
    house = make_house(datetime(2026, 3, 3, 15, tzinfo=UTC), "America/New_York")
    house.settle()
    bad, *others = [enter(house, number) for number in range(5)]
    entry_of = time_facts.entry_of

    def fail_on_one(company: Any, row: Any, *known: Any) -> Any:
        if row.quickbooks_id == bad:
            raise KeyError("unforeseen")
        return entry_of(company, row, *known)

    monkeypatch.setattr(time_facts, "entry_of", fail_on_one)
    house.clock.pass_(minutes=16)
    house.settle()

    rows = house.rows(tables.record, tables.record.c.kind == "time_entry")
    states = {row.quickbooks_id: row.state for row in rows}
    assert states == {bad: "refused", **dict.fromkeys(others, "in_sync")}
    [reason] = [row.reason for row in rows if row.quickbooks_id == bad]
    assert "tell support" in reason
    assert house.stored().attention is None
    house.close()
