"""People type the same hours on both sides while the two cannot meet: they are one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from qbwc_server.decisions import linking
from qbwc_server.operations import database_restored
from qbwc_server.records.one_or_two import joined
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from tests.agreement.copies import copy_of
from tests.agreement.hours import (
    hours_in_mosaic,
    hours_in_quickbooks,
    time_records,
    typed_in_mosaic,
)
from tests.agreement.house import House
from tests.agreement.test_findings import (
    day,
    in_mosaic,
    in_quickbooks,
    mosaic,
    quickbooks,
    set_values,
)
from tests.agreement.test_looked_at import twist_answers


@pytest.mark.parametrize("worker_first", [True, False])
def test_hours_typed_on_both_sides_during_a_pause_are_joined(
    house: House, *, worker_first: bool
) -> None:
    """Five equal hours on each side are five, whoever comes first when it goes on."""
    set_values(house, mode="paused")
    for _ in range(5):
        in_quickbooks(house, "", day=day(house, 0))
        typed_in_mosaic(house, hours=1.0)
    for _ in range(3):
        house.clock.pass_(days=1)
        house.connect()
        house.work()
    set_values(house, mode="live")
    if worker_first:
        house.work()
        house.clock.pass_(seconds=10)
        house.work()
    house.connect()
    house.work()
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    assert len(hours_in_quickbooks(house)) == len(hours_in_mosaic(house)) == 5
    assert {one.state for one in time_records(house)} == {"in_sync"}


@pytest.mark.parametrize("days", [0, 3])
def test_hours_typed_while_the_computer_was_off_are_joined(
    house: House, days: int
) -> None:
    """The bookkeeper types Mosaic's hours into QuickBooks; then it calls again."""
    typed_in_mosaic(house, ago=1, notes="site visit")
    house.clock.pass_(minutes=65)
    house.work()
    house.work()
    for _ in range(days):
        house.clock.pass_(days=1)
        house.work()
    in_quickbooks(house, "site visit", day=day(house, 1 + days), minutes=480)
    house.clock.pass_(minutes=40)
    house.work()
    house.connect()
    house.work()
    house.settle_for(minutes=65)
    assert len(hours_in_quickbooks(house)) == len(hours_in_mosaic(house)) == 1


def _ready_to_add(house: House) -> None:
    typed_in_mosaic(house, "Bo", ago=1, notes="bo")
    house.clock.pass_(minutes=65)
    house.work()
    house.work()
    assert [one.action for one in house.unfinished_jobs()].count("add") == 1


@pytest.mark.parametrize("worker", [True, False])
@pytest.mark.parametrize("what", ["person", "job", "item"])
@pytest.mark.parametrize("word", ["unlink", "none"])
def test_what_waits_does_not_go_where_it_was_unlinked(
    house: House, what: str, word: str, *, worker: bool
) -> None:
    """Somebody sees that it is linked wrongly, and Web Connector comes at once."""
    _ready_to_add(house)
    kind, key = {
        "person": ("employee", house.persons["Bo Berg"]),
        "job": ("customer", house.jobs["Acme:House"]),
        "item": ("service_item", house.items["Design"]),
    }[what]
    (row,) = house.rows(
        tables.record,
        tables.record.c.kind == kind,
        tables.record.c.quickbooks_id == key,
    )
    said = linking.Word("bookkeeper", house.clock(), "wrong person")
    with company_transaction(house.engine, house.company.id) as connection:
        if word == "unlink":
            assert linking.unlink(connection, house.company.id, row.id, said)
        else:
            assert linking.choose(connection, house.company.id, row.id, "none", said)
    if worker:
        house.work()
    house.clock.pass_(minutes=2)
    house.connect()
    house.work()
    house.settle_for(minutes=65)
    assert hours_in_quickbooks(house) == []


def test_hours_of_what_was_not_to_be_linked_are_joined_when_it_is(house: House) -> None:
    """What their records said before does not count, but what is linked now.

    What is in Mosaic alone goes to QuickBooks then, too.
    """
    typed_in_mosaic(house, ago=1)
    typed_in_mosaic(house, "Bo", ago=1)
    (job,) = house.rows(
        tables.record,
        tables.record.c.kind == "customer",
        tables.record.c.quickbooks_id == house.jobs["Acme"],
    )
    said = linking.Word("bookkeeper", house.clock(), "not ours")
    with company_transaction(house.engine, house.company.id) as connection:
        linking.choose(connection, house.company.id, job.id, "none", said)
    house.settle_for(minutes=65)
    in_quickbooks(house, "", day=day(house, 1))
    in_quickbooks(house, "", day=day(house, 1), minutes=480)
    house.clock.pass_(minutes=16)
    with company_transaction(house.engine, house.company.id) as connection:
        linking.link(connection, house.company.id, job.id, job.mosaic_id, said)
    house.connect()
    house.work()
    house.settle_for(minutes=65)
    assert [one[2] for one in hours_in_quickbooks(house)] == [60, 480, 480]
    assert hours_in_mosaic(house) == hours_in_quickbooks(house)


def _refused(_request: str, answer: str) -> str:
    """Have QuickBooks refuse to show any time."""
    return re.sub(
        r'<TimeTrackingQueryRs[^>]*requestID="(\d+)".*?(?:</TimeTrackingQueryRs>|/>)',
        r'<TimeTrackingQueryRs requestID="\1" statusCode="3175" '
        'statusSeverity="Error" statusMessage="in use"/>',
        answer,
        flags=re.DOTALL,
    )


def test_time_that_cannot_be_read_holds_what_is_made(house: House) -> None:
    """Without a look nobody knows what was typed; it is tried again later."""
    _ready_to_add(house)
    house.clock.pass_(minutes=2)
    with pytest.MonkeyPatch.context() as patch:
        twist_answers(house, patch, _refused)
        house.connect()
    assert "TimeTrackingAdd" not in house.talk.writes
    house.settle_for(minutes=65)
    assert len(hours_in_quickbooks(house)) == 1


@pytest.mark.parametrize("minutes", [0, 4])
def test_an_hour_that_is_taken_back_in_mosaic_before_both_were_read_stays(
    house: House, minutes: int
) -> None:
    """It was typed twice, and one of the two deleted: the other one is the hour."""
    house.settle_for(minutes=65)
    number = in_mosaic(house, "")
    house.clock.pass_(minutes=6)
    house.work()
    in_quickbooks(house, "")
    house.clock.pass_(minutes=16)
    house.connect()
    house.clock.pass_(minutes=minutes)
    house.people.delete_time(number)
    for _ in range(3):
        house.settle_for(minutes=65)
    house.settle_for(hours=25)
    assert [row["minutes"] for row in quickbooks(house)] == [60]
    assert [one["hours"] for one in mosaic(house)] == ["1.0"]
    assert house.open() == []


def test_an_hour_that_is_taken_back_in_quickbooks_before_both_were_read_stays(
    house: House,
) -> None:
    """Mosaic's is the hour then."""
    house.settle_for(minutes=65)
    house.clock.pass_(minutes=16)
    txn_id = in_quickbooks(house, "")
    house.connect()
    in_mosaic(house, "")
    house.hands.delete_time(txn_id)
    house.clock.pass_(minutes=6)
    house.work()
    for _ in range(3):
        house.settle_for(minutes=65)
    assert [row["minutes"] for row in quickbooks(house)] == [60]
    assert [one["hours"] for one in mosaic(house)] == ["1.0"]
    assert house.open() == []


def _looks_only(house: House) -> Callable[[], None]:
    """Have support let the connection only look for a while."""
    return lambda: set_values(house, mode="preview")


def _our_copy(house: House) -> Callable[[], None]:
    """Keep a copy of our own database; return what puts it back."""
    put_back = copy_of(house.engine)

    def restore() -> None:
        put_back()
        database_restored.declare(house.engine, now=house.clock(), who="operator")

    return restore


@pytest.mark.parametrize("happens", [_looks_only, _our_copy])
def test_an_hour_that_is_taken_back_stays_though_all_is_read_anew(
    house: House, happens: Callable[[House], Callable[[], None]]
) -> None:
    """Nobody has read the deletion when what happens makes both sides be compared."""
    house.clock.pass_(minutes=16)
    house.sandbox.fail_next("down", 20)
    txn_id = in_quickbooks(house, "")
    house.connect()
    it_happens = happens(house)
    in_mosaic(house, "")
    house.hands.delete_time(txn_id)
    it_happens()
    house.sandbox.faults._waiting.clear()
    for _ in range(3):
        house.clock.pass_(hours=2)
        house.work()
    set_values(house, mode="live")
    for _ in range(3):
        house.settle_for(minutes=65)
    house.settle_for(hours=25)
    assert [row["minutes"] for row in quickbooks(house)] == [60]
    assert [one["hours"] for one in mosaic(house)] == ["1.0"]
    assert house.open() == []


def test_what_is_typed_on_both_sides_while_it_only_looks_is_said(house: House) -> None:
    """It was live before: these are no hours of before that."""
    set_values(house, mode="preview")
    in_quickbooks(house, "")
    in_mosaic(house, "")
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    (row,) = time_records(house)
    with company_reading(house.engine, house.company.id) as connection:
        told = joined.unseen(connection, house.company.id)
    assert row.state == "in_sync"
    assert told == {"typed": joined.Unseen(1, 60)}
