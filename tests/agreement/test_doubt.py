"""While it is in doubt whether QuickBooks has an hour, the same hour waits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qbwc_server.jobs import by_hand, queue
from qbwc_server.sandbox.quickbooks.company_file import Session
from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.house import START, House, MakeHouse
from tests.agreement.test_findings import in_mosaic, in_quickbooks, mosaic
from tests.agreement.test_findings import quickbooks as in_the_file


@pytest.fixture
def house(make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house in which nobody can find out whether Ann's hour was added."""
    made = make_house(START, "America/New_York")
    made.settle()
    process = Session.process

    def spoilt(self: Session, qbxml: str) -> str:
        looks = "<TimeTrackingEntityFilter" in qbxml
        if looks or ("oldMessageSetID" in qbxml and " requestID=" not in qbxml):
            raise QuickBooksRefusal("0x80040402", "QuickBooks could not do it.")
        answer = process(self, qbxml)
        return answer[: len(answer) // 2] if "TimeTrackingAddRq" in qbxml else answer

    in_mosaic(made)
    made.clock.pass_(minutes=6)
    made.work()
    monkeypatch.setattr(Session, "process", spoilt)
    _go_on(made, 3)
    assert [job.state for job in made.unfinished_jobs() if job.record_id] == ["unsure"]
    yield made
    made.close()


def _go_on(house: House, many: int = 4) -> None:
    for _ in range(many):
        house.connect()
        house.work()
        house.clock.pass_(minutes=16)


def _waiting(house: House) -> list[str]:
    record = tables.record
    rows = house.rows(record, record.c.waits_for.startswith("job:"))
    return [str(row.reason) for row in rows]


def test_the_same_hour_in_mosaic_waits_and_is_added_once_the_doubt_is_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two visits of an hour: two entries on both sides, and never three."""
    in_mosaic(house)
    _go_on(house)
    [reason] = _waiting(house)
    assert "whether QuickBooks has an entry that equals it" in reason
    assert len(in_the_file(house)) == 1

    monkeypatch.undo()
    _go_on(house)
    assert _waiting(house) == []
    assert (len(in_the_file(house)), len(mosaic(house))) == (2, 2)


def test_the_same_hour_in_quickbooks_waits_and_is_made_once_a_person_has_spoken(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It might have been the very one; the person says which one that is."""
    [ours] = [row["txn_id"] for row in in_the_file(house)]
    in_quickbooks(house)
    _go_on(house)
    assert _waiting(house)
    assert len(mosaic(house)) == 1

    [number] = [job.id for job in house.unfinished_jobs() if job.record_id]
    with company_transaction(house.engine, house.company.id) as connection:
        [job] = queue.select(connection, house.company.id, tables.job.c.id == number)
        by_hand.found(connection, job, ours, by="Eve", now=house.clock())
    monkeypatch.undo()
    _go_on(house)
    assert _waiting(house) == []
    assert (len(in_the_file(house)), len(mosaic(house))) == (2, 2)


def test_what_somebody_has_left_stays_left_when_either_side_changes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is nobody's trouble any more, and one of the other words still takes it in."""
    [ours] = [row["txn_id"] for row in in_the_file(house)]
    [number] = [job.id for job in house.unfinished_jobs() if job.record_id]
    for word in ("leave", "found"):
        with company_transaction(house.engine, house.company.id) as connection:
            [job] = queue.select(
                connection, house.company.id, tables.job.c.id == number
            )
            if word == "leave":
                by_hand.leave(connection, job, by="Eve", now=house.clock())
            else:
                by_hand.found(connection, job, ours, by="Eve", now=house.clock())
        if word == "found":
            break
        monkeypatch.undo()
        house.people.edit_time(mosaic(house)[0]["mosaic_id"], hours=2.0)
        house.hands.edit_time(ours, notes="roof")
        house.settle_for(minutes=65)
        (row,) = house.rows(tables.record, tables.record.c.kind == "time_entry")
        assert (row.state, row.reason) == ("do_not_link", by_hand.LEFT)
    _go_on(house)
    house.quiet()
    assert [(row["minutes"], row["notes"]) for row in in_the_file(house)] == [
        (120, "roof")
    ]
    assert [row["description"] for row in mosaic(house)] == ["roof"]
