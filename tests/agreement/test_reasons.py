"""What a record says of itself is so: its reason names what is the matter now."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.mosaic_reading import time_mosaic
from qbwc_server.quickbooks import time_jobs
from qbwc_server.sandbox.quickbooks import company_file
from qbwc_server.sandbox.quickbooks.answer import Refused
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.hours import they_are_deleted
from tests.agreement.house import House
from tests.agreement.test_findings import (
    day,
    in_mosaic,
    in_quickbooks,
    linked,
    mosaic,
    quickbooks,
)

OWN = "There was an error. QuickBooks error message: "
MESSAGES = {"add": "TimeTrackingAddRq", "mod": "TimeTrackingModRq", "del": "TxnDelRq"}


def wanted_in_quickbooks(house: House, action: str) -> None:
    """Have Mosaic want an entry added, changed or deleted in QuickBooks."""
    house.people.calls_back = True
    if action == "add":
        in_mosaic(house)
    else:
        in_quickbooks(house)
        house.quiet()
        number = mosaic(house)[0]["mosaic_id"]
        if action == "mod":
            house.people.edit_time(number, description="more")
        else:
            house.people.delete_time(number)
    house.sandbox.deliver_callbacks()
    if action == "del":
        house.work()
        they_are_deleted(house)


def refuse(
    patch: pytest.MonkeyPatch, action: str, message: str, code: int = 3170
) -> list[str]:
    """Have QuickBooks refuse one kind of write; return what it was asked."""
    asked: list[str] = []

    def refusing(_store: Any, request: Any) -> Any:
        asked.append(request.tag)
        raise Refused(code, message)

    patch.setitem(company_file._HANDLERS, MESSAGES[action], refusing)
    return asked


def half_a_day(house: House, asked: list[str]) -> list[Any]:
    """Let 13 hours pass in quarters; return the record after each."""
    seen = []
    for _ in range(52):
        house.clock.pass_(minutes=15)
        house.connect()
        house.work()
        if asked:
            seen.append(linked(house))
    return seen


def by_somebody_without_address(house: House, **where: Any) -> str:
    """Enter an hour of a new person whom nobody gave an e-mail; return the ListID."""
    person = house.hands.add("Employee", "Di Moss", FirstName="Di", LastName="Moss")
    house.hands.add_time(person, day(house), 60, notes="work", **where)
    return person


def test_a_waiting_entry_names_only_what_is_still_missing(house: House) -> None:
    """Its job and its item came later in the same pass; its person never does."""
    job = house.hands.add("Customer", "Annex", parent=house.jobs["Acme"])
    item = house.hands.add("ItemService", "Survey")
    person = by_somebody_without_address(house, customer=job, item=item)

    house.quiet()

    row = linked(house)
    assert (row.state, row.waits_for) == ("unlinked", f"employee:{person}")
    assert row.reason.startswith("Di Moss has no member in Mosaic yet.")
    assert "Annex" not in row.reason
    assert "Survey" not in row.reason


def test_a_reason_has_the_name_of_what_was_only_a_number(house: House) -> None:
    """Mosaic's time is read more often than its lists."""
    made = house.sandbox.team.create("standard_work_category", {"title": "Survey"})
    number = in_mosaic(house)
    house.people.edit_time(number, standard_work_category_id=made["mosaic_id"])
    house.settle_for(hours=2)
    assert f"category {made['mosaic_id']} is not linked" in linked(house).reason

    house.quiet()

    assert "The work category Survey is not linked" in linked(house).reason


def test_an_entry_that_a_person_must_mend_names_only_what_is_to_be_mended(
    house: House,
) -> None:
    """One without a job does not go by itself, and still loses what has arrived."""
    item = house.hands.add("ItemService", "Survey")
    by_somebody_without_address(house, customer=None, item=item)

    house.quiet()

    row = linked(house)
    assert (row.state, row.waits_for) == ("unlinked", None)
    assert "Has no customer or job in QuickBooks" in row.reason
    assert "Survey" not in row.reason


@pytest.mark.parametrize("action", list(MESSAGES))
@pytest.mark.parametrize(
    ("message", "state"),
    [
        (OWN + "You cannot modify it before the dividing date.", "locked"),
        (OWN + "Nobody knows why.", "refused"),
    ],
)
def test_quickbooks_own_sentence_stays_in_the_reason_at_every_try(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    message: str,
    state: str,
) -> None:
    """Also after the third refusal and while the next one is on its way."""
    wanted_in_quickbooks(house, action)
    with monkeypatch.context() as patch:
        asked = refuse(patch, action, message)
        rows = half_a_day(house, asked)

        for row in rows:
            assert f'QuickBooks says: "{message}"' in row.reason
            assert "which side is right" not in row.reason
        # Once it is told who must act, that does not come and go with each try.
        first = next(n for n, row in enumerate(rows) if row.state == state)
        assert {row.state for row in rows[first:]} == {state}
        assert 2 < len(asked) < 8
    house.settle_for(hours=7)

    assert linked(house).state in {"in_sync", "gone"}
    assert len(quickbooks(house)) == len(mosaic(house))


def test_a_write_that_is_answered_and_never_done_needs_somebody_all_the_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """530 without an entry, each time: who must act does not come and go."""
    wanted_in_quickbooks(house, "add")
    with monkeypatch.context() as patch:
        asked = refuse(patch, "add", "A field was ignored.", code=530)
        rows = half_a_day(house, asked)
        first = next(n for n, row in enumerate(rows) if row.state == "refused")
        assert {row.reason for row in rows[first:]} == {time_jobs.NEVER_DONE}
        assert {row.state for row in rows[first:]} == {"refused"}
        assert quickbooks(house) == []
    house.settle_for(hours=2)

    assert linked(house).state == "in_sync"
    assert len(quickbooks(house)) == len(mosaic(house)) == 1


def test_an_accountants_copy_locks_until_it_is_over(house: House) -> None:
    """Released at once: the company file says itself that the copy is gone."""
    wanted_in_quickbooks(house, "mod")
    house.hands.set("dividing_date", day(house, 0))
    house.settle()
    row = linked(house)
    assert row.state == "locked"
    assert "Import the accountant's changes" in row.reason

    house.clock.pass_(minutes=20)
    house.hands.set("dividing_date", "")
    house.settle_for(minutes=16)

    assert linked(house).state == "in_sync"
    assert [one["notes"] for one in quickbooks(house)] == ["more"]


@pytest.mark.parametrize(
    ("field", "said"),
    [("project_id", "Has no project in Mosaic"), ("member_id", "Has no person in")],
)
def test_an_entry_without_project_or_person_in_mosaic_is_told(
    house: House, field: str, said: str
) -> None:
    """A new one is a record, and a linked one does not rest with what it was."""
    in_quickbooks(house, "linked")
    house.quiet()
    in_mosaic(house, "new", ago=2)
    before = [dict(one) for one in mosaic(house)]
    for one in mosaic(house):
        one[field], one["hours"] = None, 2.0
    house.quiet()

    rows = house.rows(tables.record, tables.record.c.kind == "time_entry")
    assert [(row.state, row.waits_for) for row in rows] == [("unlinked", None)] * 2
    assert all(said in row.reason for row in rows)
    # What can go goes: the linked one has its hours.
    assert [one["minutes"] for one in quickbooks(house)] == [120]

    for one, old in zip(mosaic(house), before, strict=True):
        one[field] = old[field]
    house.quiet()
    rows = house.rows(tables.record, tables.record.c.kind == "time_entry")
    assert {row.state for row in rows} == {"in_sync"}
    assert [one["minutes"] for one in quickbooks(house)] == [120, 120]


def test_a_linked_entry_that_mosaic_shows_unreadably_says_so(house: House) -> None:
    """And goes on when it can be read again, with whatever it is by then."""
    in_quickbooks(house)
    house.quiet()
    [entry] = mosaic(house)
    day_, entry["date"] = entry["date"], None
    with company_transaction(house.engine, house.company.id) as connection:
        body = {**entry, "mosaic_id": entry["mosaic_id"]}
        time_mosaic.keep_mosaic(connection, house.company.id, [body], now=house.clock())
    row = linked(house)
    assert (row.state, row.reason, row.due_at) == ("refused", time_mosaic.UNREAD, None)

    entry["date"] = day_
    house.quiet()
    assert linked(house).state == "in_sync"
