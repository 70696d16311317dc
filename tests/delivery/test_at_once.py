"""Writes that are settled together: what is beside them is seen all the same."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, next_id
from tests.delivery.mirror import Mirror
from tests.delivery.timesheet import Timesheet

_RECORD = tables.record


@pytest.fixture
def sheet(mirror: Mirror) -> Timesheet:
    """Alice's company, whose Mosaic answers with what it made."""
    made = Timesheet(mirror)
    made.wake()
    mirror.run()
    mirror.sandbox.answer_mode = "body"
    return made


def beside(sheet: Timesheet, **values: Any) -> list[int]:
    """Have a record be there once the first of some entries was sent."""
    made: list[int] = []

    def after(request: httpx.Request) -> None:
        if request.method != "POST" or made:
            return
        number = max(sheet.mirror.sandbox.team.store.objects["time_entry"])
        company_id = sheet.mirror.company.id
        with company_transaction(sheet.mirror.engine, company_id) as connection:
            call = connection.execute(
                sa.select(sa.func.min(tables.mosaic_call.c.id)).where(
                    tables.mosaic_call.c.company_id == company_id,
                    tables.mosaic_call.c.settled_at.is_(None),
                )
            ).scalar_one()
            made.append(next_id(connection, company_id))
            now = sheet.mirror.clock()
            row = {
                "company_id": company_id,
                "id": made[0],
                "kind": "time_entry",
                "state": "pending",
                "name": "typed",
                "created_at": now,
                "changed_at": now,
                **{
                    name: value(call, number) if callable(value) else value
                    for name, value in values.items()
                },
            }
            connection.execute(_RECORD.insert(), row)

    sheet.mirror.wire.after = after
    return made


def several(sheet: Timesheet) -> None:
    """Have several entries be sent together."""
    for each in range(3):
        sheet.want(each, notes=f"Plan {each}")
    sheet.mirror.worker().run_once()


def test_what_waited_for_one_of_several_goes_on(sheet: Timesheet) -> None:
    """It was held because that one was open; it is not for ever."""
    made = beside(sheet, waits_for=lambda call, _: f"call:{call}")
    several(sheet)
    assert sheet.record(made[0]).waits_for is None


def test_what_was_held_for_one_of_several_and_is_it_is_forgotten(
    sheet: Timesheet,
) -> None:
    """Its number was read before the answer came: there is one record of it."""
    made = beside(
        sheet,
        waits_for="call:1",
        mosaic_type="time_entry",
        mosaic_id=lambda _, number: number,
        mosaic={},
    )
    several(sheet)
    assert made[0] not in {row.id for row in sheet.records()}
    assert len(sheet.known()) == 3


def test_several_that_went_as_expected_are_told_each(sheet: Timesheet) -> None:
    """In the history of each record, with its own number."""
    several(sheet)
    rows = [row for row in sheet.records() if row.quickbooks_id]
    with sheet.mirror.engine.connect() as connection:
        told = connection.execute(
            sa.select(tables.record_event).where(
                tables.record_event.c.what == "created in Mosaic",
                tables.record_event.c.record_id.in_([row.id for row in rows]),
            )
        ).all()
    assert {(one.record_id, one.detail["mosaic_id"]) for one in told} == {
        (row.id, row.mosaic_id) for row in rows
    }
