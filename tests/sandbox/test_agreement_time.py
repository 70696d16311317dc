"""The comparison of time entries: what it calls equal, and what it finds."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from qbwc_server.sandbox.agreement import Agreement, compare
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TYPES = (
    *("client", "project", "phase", "employee", "standard_work_category"),
    "time_entry",
)


class Pair:
    """A company file and a Mosaic with the same people, jobs and items."""

    def __init__(self) -> None:
        self.file = CompanyFile(":memory:", clock=NOW.timestamp)
        self.mosaic = MosaicSandbox(clock=lambda: NOW)
        hands, mosaic = self.file.hands, self.mosaic
        self.client = hands.add("Customer", "Vale")
        self.job = hands.add("Customer", "Barn", parent=self.client)
        self.phase = hands.add("Customer", "Plans", parent=self.job)
        self.deep = hands.add("Customer", "Roof", parent=self.phase)
        self.ann = hands.add(
            "Employee", "Ann Lee", Email="ann@a.b", FirstName="Ann", LastName="Lee"
        )
        self.item = hands.add("ItemService", "Design")
        mosaic.create("client", client_name="Vale")
        board = mosaic.create("portfolio", title="All")["mosaic_id"]
        project = mosaic.create(
            "project", portfolio_id=board, title="Barn", client="Vale"
        )
        self.project = project["mosaic_id"]
        self.main = project["main_phase_id"]
        self.plans = mosaic.create("phase", project_id=self.project, name="Plans")
        self.member = mosaic.create(
            "employee", email="ann@a.b", first_name="Ann", last_name="Lee"
        )["mosaic_id"]
        self.work = mosaic.create("standard_work_category", title="Design")["mosaic_id"]

    def enter(self, **changes: Any) -> str:
        """Enter time in QuickBooks."""
        entry: dict[str, Any] = {
            "person": self.ann,
            "txn_date": "2026-03-01",
            "minutes": 20,
            "customer": self.job,
            "item": self.item,
            "notes": "Roof\r\nand walls ",
            "billable": "Billable",
        }
        return self.file.hands.add_time(**entry | changes)

    def record(self, **changes: Any) -> int:
        """Enter the same time in Mosaic."""
        entry: dict[str, Any] = {
            "member_id": self.member,
            "project_id": self.project,
            "phase_id": self.main,
            "standard_work_category_id": self.work,
            "date": "2026-03-01",
            "hours": 0.3333,
            "description": "Roof\nand walls",
            "billable": True,
        }
        return int(self.mosaic.create("time_entry", **entry | changes)["mosaic_id"])

    def compare(self) -> Agreement:
        """Compare both sides."""
        objects = {name: self.mosaic.objects(name) for name in TYPES}
        return compare(self.file, objects)


@pytest.fixture
def pair() -> Pair:
    """Both sides, without time."""
    return Pair()


def test_equal_entries_are_counterparts(pair: Pair) -> None:
    """Line ends, trailing blanks and a third of an hour are no differences."""
    pair.enter()
    pair.enter(billable="HasBeenBilled")
    pair.enter(billable="NotBillable", customer=pair.deep, notes="5 € “ok” ☃")
    pair.record()
    pair.record()
    plans = pair.plans["mosaic_id"]
    pair.record(phase_id=plans, billable=False, description="5 € “ok” ☃")

    found = pair.compare()

    assert found.differences == []
    assert found.in_quickbooks["time entries"] == found.in_mosaic["time entries"] == 3


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("day", {"date": "2026-03-02"}),
        ("minutes", {"hours": 0.35}),
        ("text", {"description": "Roof and walls"}),
        ("billable", {"billable": False}),
        ("place", {"phase_id": "plans"}),
        ("category", {"standard_work_category_id": "other"}),
        ("member", {"member_id": "other"}),
    ],
)
def test_each_field_counts(pair: Pair, field: str, change: dict[str, Any]) -> None:
    """An entry that differs in one field is left over on both sides."""
    other = pair.mosaic.create(
        "employee", email="bo@a.b", first_name="Bo", last_name="B"
    )
    objects = {
        "phase_id": pair.plans["mosaic_id"],
        "member_id": other["mosaic_id"],
        "standard_work_category_id": pair.mosaic.create(
            "standard_work_category", title="Other"
        )["mosaic_id"],
    }
    change = {
        name: objects[name] if value in {"plans", "other"} else value
        for name, value in change.items()
    }
    txn_id, mosaic_id = pair.enter(), pair.record(**change)

    found = pair.compare().time

    assert [(one.txn_id, one.mosaic_id) for one in found] == [
        (txn_id, None),
        (None, mosaic_id),
    ]
    if field not in {"day", "member"}:
        assert found[0].text.endswith(f"differs in {field}")


@pytest.mark.parametrize("side", ["enter", "record"])
def test_an_entry_that_is_there_twice_is_found(pair: Pair, side: str) -> None:
    """A double is a difference, whichever side it is on."""
    pair.enter()
    pair.record()
    getattr(pair, side)()

    assert len(pair.compare().time) == 1


def test_an_entry_that_can_have_no_counterpart_is_counted_with_its_reason(
    pair: Pair,
) -> None:
    """Each reason is its own, and none is a difference."""
    hands = pair.file.hands
    vendor = hands.add("Vendor", "Quill")
    nobody = hands.add("Employee", "Bo")
    pair.enter(customer=None)
    pair.enter(customer=pair.client)
    pair.enter(item=None)
    pair.enter(person=vendor, person_kind="Vendor")
    pair.enter(person=nobody)
    pair.enter(minutes=0)
    pair.enter(minutes=1441)

    found = pair.compare()

    assert found.differences == []
    assert sorted(found.needless.values()) == [1, 1, 1, 1, 1, 2]


def test_twenty_thousand_entries_are_compared_in_seconds(pair: Pair) -> None:
    """Comparing is no reason to wait."""
    from qbwc_server.sandbox.quickbooks.new_records import NewTime, insert_times

    store = pair.file.store
    with store.transaction():
        insert_times(
            store,
            [
                NewTime(
                    store.now(),
                    f"2026-{1 + number % 12:02}-{1 + number % 28:02}",
                    "Employee",
                    pair.ann,
                    1 + number % 600,
                    pair.job,
                    pair.item,
                    notes=f"Note {number}",
                    billable="Billable",
                )
                for number in range(20_000)
            ],
        )
    for number in range(20_000):
        pair.record(
            date=f"2026-{1 + number % 12:02}-{1 + number % 28:02}",
            hours=round((1 + number % 600) / 60, 4),
            description=f"Note {number}",
        )
    start = time.process_time()

    found = pair.compare()

    assert found.differences == []
    assert found.in_quickbooks["time entries"] == 20_000
    assert time.process_time() - start < 10
