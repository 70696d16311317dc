"""A creation in Mosaic comes late and is read; only then its hour is changed."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.decisions import linking
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.hours import time_records, typed_in_mosaic
from tests.agreement.house import House
from tests.agreement.test_deleted_and_late import TAKEN, Late, not_quiet
from tests.agreement.test_findings import day, in_quickbooks, mosaic, quickbooks
from tests.agreement.test_lost_posts import let_it_settle


def read_before(house: House) -> tuple[str, Late]:
    """Have what was sent be missed, come late, and be read before QuickBooks is."""
    txn_id = in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    late = Late(house)
    house.work()
    late.is_full = True
    not_quiet(house)
    house.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    house.clock.pass_(minutes=6)
    house.work()
    assert len(mosaic(house)) == 1
    assert [one.mosaic_id is None for one in time_records(house)] == [True, False]
    return txn_id, late


def asked(house: House, late: Late) -> Any:
    """Let all come to rest; return the record that asks a person."""
    not_quiet(house)
    late.is_full = False
    let_it_settle(house)
    house.quiet()
    (row,) = (row for row in time_records(house) if row.quickbooks_id is None)
    assert f"records two {row.company_id}-{row.id}" in row.reason
    return row


@pytest.mark.in_turn
def test_what_came_before_its_hour_was_edited_is_asked_about(house: House) -> None:
    """It was equal when it was read; the edit became known before it was joined."""
    txn_id, late = read_before(house)
    house.hands.edit_time(txn_id, minutes=180)
    asked(house, late)
    assert [one["minutes"] for one in quickbooks(house)] == [180]


@pytest.mark.in_turn
def test_what_came_before_its_hour_was_deleted_is_not_added_again(
    house: House,
) -> None:
    """It was there still when it was read; the deletion became known after that."""
    txn_id, late = read_before(house)
    house.hands.delete_time(txn_id)
    asked(house, late)
    assert quickbooks(house) == []


@pytest.mark.in_turn
def test_what_comes_late_after_the_same_was_typed_by_hand_is_asked_about(
    house: House,
) -> None:
    """It was taken as never made, and what a person typed took its place."""
    in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    late = Late(house)
    house.work()
    late.is_full = True
    not_quiet(house)
    typed_in_mosaic(house, hours=1.0)
    not_quiet(house)
    assert [one.state for one in time_records(house)] == ["in_sync"]
    house.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    assert asked(house, late).mosaic_id is not None
    assert len(quickbooks(house)) == 1


@pytest.mark.in_turn
def test_what_comes_after_it_was_made_by_hand_as_we_said_is_asked_about(
    house: House,
) -> None:
    """Mosaic took it and never showed it: whoever is told so makes it by hand."""
    in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    late = Late(house, TAKEN)
    house.work()
    for _ in range(6):
        house.settle_for(minutes=65)
    assert [one.state for one in time_records(house)] == ["refused"]
    typed_in_mosaic(house, hours=1.0, ago=0)
    let_it_settle(house)
    assert [one.state for one in time_records(house)] == ["in_sync"]
    house.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    asked(house, late)
    assert len(quickbooks(house)) == 1


@pytest.mark.in_turn
def test_what_comes_late_while_its_job_is_linked_to_nothing_is_asked_about(
    house: House,
) -> None:
    """It is like nothing then, and was sent all the same."""
    in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    late = Late(house)
    house.work()
    late.is_full = True
    not_quiet(house)
    (item,) = house.rows(tables.record, tables.record.c.name == "Design")
    assert item.kind == "service_item"
    with company_transaction(house.engine, house.company.id) as connection:
        word = linking.Word("bookkeeper", house.clock())
        linking.unlink(connection, house.company.id, item.id, word)
    house.sandbox.fail_next("callback_never", 1, seconds=7200)
    late.takes_effect()
    not_quiet(house)
    assert len(quickbooks(house)) == 1


@pytest.mark.in_turn
def test_what_mosaic_says_we_made_is_known_though_its_record_was_joined(
    house: House,
) -> None:
    """Made by hand as we said, and by that one record: then it is there twice."""
    in_quickbooks(house, "", day=day(house, 0))
    house.clock.pass_(minutes=16)
    house.connect()
    late = Late(house, TAKEN)
    house.work()
    for _ in range(6):
        house.settle_for(minutes=65)
    typed_in_mosaic(house, hours=1.0, ago=0)
    let_it_settle(house)
    late.takes_effect()
    let_it_settle(house)
    house.quiet()
    assert len(quickbooks(house)) == len(mosaic(house)) == 1
