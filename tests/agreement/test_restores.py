"""A backup of the company file is restored: what it took is known, told, never lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from qbwc_server import words
from qbwc_server.decisions import listing, restored
from qbwc_server.kinds.restored import Way
from qbwc_server.quickbooks.restores import deciding
from qbwc_server.standing import who_must_act
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from tests.agreement.hours import (
    hours_in_mosaic,
    hours_in_quickbooks,
    time_records,
)
from tests.agreement.house import START, House, MakeHouse
from tests.agreement.test_findings import (
    day,
    in_quickbooks,
    mosaic,
    quickbooks,
    set_values,
)

Restore = Callable[[], None]


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    """A house with somebody who has no e-mail, and so is not in Mosaic."""
    made = make_house(START, "America/New_York")
    made.persons["Luis Ruiz"] = made.hands.add("Employee", "Luis Ruiz")
    made.settle()
    yield made
    made.close()


def worked(house: House, many: int = 12) -> Restore:
    """Have hours on both sides and a backup of them; return what restores it."""
    for _ in range(many):
        in_quickbooks(house, "", day=day(house, 2))
    house.settle_for(minutes=65)
    house.hands.back_up(house.folder / "backup.qbb")
    house.clock.pass_(minutes=16)

    def restore() -> None:
        house.clock.pass_(minutes=16)
        house.hands.restore(house.folder / "backup.qbb")
        house.settle_for(minutes=65)
        house.settle_for(minutes=65)

    return restore


def luis_works(house: House, minutes: int = 480, ago: int = 0) -> str:
    """Enter time of somebody without an e-mail, who is in QuickBooks alone."""
    return house.hands.add_time(
        house.persons["Luis Ruiz"],
        day(house, ago),
        minutes,
        customer=house.jobs["Acme:House"],
        item=house.items["Design"],
        notes="",
    )


def marked(house: House, *marks: str) -> list[Any]:
    """Return the records that a restored backup befell, and that are not over."""
    return [one for one in time_records(house) if one.restored in marks]


def who(row: Any) -> str:
    """Return who must act, as pages, lists and commands tell it."""
    return who_must_act.of(row).who


def told(house: House) -> restored.Hours:
    """Return what is told of a restored backup in hours."""
    with company_reading(house.engine, house.company.id) as connection:
        found = restored.hours(connection, house.company.id)
    assert found is not None
    return found


def say(house: House, rows: list[Any], *, back: bool) -> None:
    """Have a person decide about records."""
    with company_transaction(house.engine, house.company.id) as connection:
        ids = [row.id for row in rows]
        restored.say(
            connection,
            house.company.id,
            ids,
            back=back,
            by="bookkeeper",
            now=house.clock(),
        )
    for _ in range(2):
        house.settle_for(minutes=65)


def decide(house: House, way: Way) -> None:
    """Have a person say which side is right."""
    with company_transaction(house.engine, house.company.id) as connection:
        deciding.decide(
            connection, house.company.id, way, now=house.clock(), who="person"
        )
    for _ in range(2):
        house.settle_for(minutes=65)


def seen_by_support(house: House, record_id: int) -> Any:
    """Return a record as the view of support has it."""
    view = sa.text(
        "SELECT * FROM support_records WHERE company_id = :company AND record_id = :id"
    )
    with company_reading(house.engine, house.company.id) as connection:
        given = {"company": house.company.id, "id": record_id}
        return connection.execute(view, given).one()


def test_what_only_quickbooks_had_is_asked_and_never_called_deleted(
    house: House,
) -> None:
    """Ann's hours are in Mosaic, too, and come back; Luis' are known to us alone."""
    restore = worked(house)
    luis_works(house, 90)
    in_quickbooks(house, "", day=day(house, 0), minutes=480)
    house.settle_for(minutes=65)
    restore()
    assert house.stored().attention_id is None
    assert ("Ann Lee", day(house, 0), 480, "") in hours_in_quickbooks(house)
    (row,) = marked(house, "missing")
    assert row.state == "refused"
    assert row.reason.startswith("Not in the restored file: ")
    assert "Luis Ruiz 1:30" in row.reason
    assert who(row) == "customer"
    assert told(house) == restored.Hours(1, 1, "1:30", "Luis Ruiz 1:30")
    view = seen_by_support(house, row.id)
    assert (view.who_must_act, view.why) == ("customer", row.reason)
    assert (view.restored, view.next_step) == (
        "missing",
        words.state("record", "restored").do,
    )
    company = house.stored()
    with company_reading(house.engine, company.id) as connection:
        assert who_must_act.count(connection, company.id) >= 1
        (shown,) = listing.show(connection, company, [row.id])
    assert (shown.who, shown.need) == ("customer", "needs_you")
    events = house.rows(tables.record_event, tables.record_event.c.record_id == row.id)
    assert {one.what for one in events} == {
        "undone by a restored backup",
        "waits for somebody",
    }
    for one in time_records(house):
        assert "eleted" not in (one.reason or "")


def test_what_only_quickbooks_had_is_added_again_by_one_word(house: House) -> None:
    """Person, job, item and minutes are QuickBooks' own; it is added once."""
    restore = worked(house)
    before = luis_works(house, 90)
    house.settle_for(minutes=65)
    restore()
    assert ("Luis Ruiz", day(house, 0), 90, "") not in hours_in_quickbooks(house)
    say(house, marked(house, "missing"), back=True)
    assert hours_in_quickbooks(house).count(("Luis Ruiz", day(house, 0), 90, "")) == 1
    assert marked(house, "missing", "add") == []
    (row,) = [one for one in time_records(house) if "Luis" in one.name]
    assert row.quickbooks_id != before
    assert row.state == "unlinked"


def test_what_only_quickbooks_had_may_be_left_so(house: House) -> None:
    """Then it is kept for the history, and says that a backup took it."""
    restore = worked(house)
    luis_works(house)
    house.settle_for(minutes=65)
    restore()
    say(house, marked(house, "missing"), back=False)
    (row,) = marked(house, "left")
    assert (row.state, who(row)) == ("gone", "nobody")
    assert "restored backup took it" in row.reason
    assert "Luis Ruiz" not in {one[0] for one in hours_in_quickbooks(house)}


@pytest.mark.parametrize("word", [True, None])
def test_typed_again_it_takes_the_place_of_what_was_lost(
    house: House, *, word: bool | None
) -> None:
    """Somebody types Luis' hours again; nothing is added beside them."""
    restore = worked(house)
    luis_works(house)
    house.settle_for(minutes=65)
    restore()
    lost = marked(house, "missing")
    if word:
        with company_transaction(house.engine, house.company.id) as connection:
            restored.say(
                connection,
                house.company.id,
                [lost[0].id],
                back=True,
                by="bookkeeper",
                now=house.clock(),
            )
    typed = luis_works(house)
    for _ in range(2):
        house.settle_for(minutes=65)
    (row,) = [one for one in time_records(house) if "Luis" in one.name]
    assert (row.id, row.quickbooks_id, row.restored) == (lost[0].id, typed, None)
    assert len([one for one in hours_in_quickbooks(house) if "Luis" in one[0]]) == 1


def great(house: House) -> list[str]:
    """Restore a backup that lacks most; return the TxnIDs that it lacks."""
    restore = worked(house, 4)
    lost = [in_quickbooks(house, "", day=day(house, 0)) for _ in range(12)]
    lost += [luis_works(house, 90), luis_works(house, 90)]
    house.settle_for(minutes=65)
    restore()
    return lost


def test_a_great_difference_is_told_of_each_entry_at_once(house: House) -> None:
    """Before anybody decided: who, what, how many hours; and who must act."""
    lost = great(house)
    company = house.stored()
    assert company.attention_id == "backup-restored-which-side"
    assert company.attention is not None
    assert "14 time entries are missing in it (15:00 hours)" in company.attention
    assert "Ann Lee 12:00, Luis Ruiz 3:00" in company.attention
    assert words.who_must_act(words.attention(company.attention_id)) == "customer"
    rows = marked(house, "missing")
    assert {row.quickbooks_id for row in rows} == set(lost)
    assert {row.state for row in rows} == {"refused"}
    assert {who(row) for row in rows} == {"customer"}
    assert {one.what for one in house.rows(tables.record_event)} >= {
        "undone by a restored backup"
    }
    again = house.stored().attention
    house.settle_for(hours=25)
    assert house.stored().attention == again
    assert len(quickbooks(house)) == 4
    assert len(mosaic(house)) == 16


def test_a_restore_that_is_compared_needs_nobody_yet() -> None:
    """The words before and after it is known whether it mends itself are two."""
    assert words.who_must_act(words.attention("backup-restored")) == "nobody"


@pytest.mark.parametrize("way", ["mosaic", "quickbooks"])
def test_after_a_great_difference_the_word_is_carried_out(
    house: House, way: Way
) -> None:
    """Mosaic's twelve come back once, or go there, too; Luis' two are never gone."""
    great(house)
    decide(house, way)
    assert house.stored().attention_id is None
    both = 16 if way == "mosaic" else 4
    assert len(quickbooks(house)) == len(mosaic(house)) == both
    luis = [one for one in time_records(house) if "Luis" in one.name]
    if way == "mosaic":
        assert {one.restored for one in luis} == {"missing"}
        assert {who(one) for one in luis} == {"customer"}
        say(house, luis, back=True)
        assert len(quickbooks(house)) == 18
    else:
        assert {(one.state, one.restored) for one in luis} == {("gone", "left")}
    for one in time_records(house):
        assert "Deleted" not in (one.reason or "")


def test_the_newer_file_restored_over_it_ends_all_questions(house: House) -> None:
    """They had taken the wrong backup, and take the right one."""
    restore = worked(house, 4)
    for _ in range(12):
        in_quickbooks(house, "", day=day(house, 0))
    luis_works(house)
    house.settle_for(minutes=65)
    house.hands.back_up(house.folder / "newest.qbb")
    restore()
    assert len(marked(house, "missing")) == 13
    house.clock.pass_(minutes=16)
    house.hands.restore(house.folder / "newest.qbb")
    for _ in range(3):
        house.settle_for(minutes=65)
    assert house.stored().attention_id is None
    assert marked(house, "missing", "add", "left") == []
    assert len(quickbooks(house)) == len(mosaic(house)) + 1 == 17


@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize("two_way", [True, False])
def test_older_values_that_only_quickbooks_had_are_asked(
    house: House, *, two_way: bool, back: bool
) -> None:
    """We know that Luis had two hours; the restored file has one."""
    if not two_way:
        set_values(house, two_way=False)
    luis = luis_works(house, 60)
    restore = worked(house)
    house.hands.edit_time(luis, minutes=120)
    house.settle_for(minutes=65)
    restore()
    (row,) = marked(house, "older")
    assert who(row) == "customer"
    assert "it had 2:00" in row.reason
    say(house, [row], back=back)
    minutes = [one[2] for one in hours_in_quickbooks(house) if one[0] == "Luis Ruiz"]
    assert minutes == [120 if back else 60]
    assert marked(house, "older", "change") == []


@pytest.mark.parametrize("back", [True, False])
def test_one_way_company_after_a_restored_backup_agrees(
    house: House, *, back: bool
) -> None:
    """The restored file lacks two hours; the office types them in with other notes."""
    set_values(house, two_way=False)
    restore = worked(house)
    in_quickbooks(house, "", day=day(house, 0), minutes=120)
    house.settle_for(minutes=65)
    restore()
    assert house.stored().attention_id is None
    (row,) = marked(house, "missing")
    assert (row.state, who(row)) == ("refused", "customer")
    assert "removed from Mosaic" in row.reason
    assert told(house).by_person == "Ann Lee 2:00"
    in_quickbooks(house, "typed again", day=day(house, 0), minutes=120)
    house.settle_for(minutes=65)
    say(house, [row], back=back)
    assert hours_in_quickbooks(house) == hours_in_mosaic(house)
    assert len(quickbooks(house)) == (14 if back else 13)
    assert {one.state for one in time_records(house)} <= {"in_sync", "gone"}


def test_one_way_nothing_but_what_was_taken_goes_to_quickbooks(house: House) -> None:
    """An addition from before it went one way does not leave with it."""
    restore = worked(house)
    in_quickbooks(house, "", day=day(house, 0), minutes=120)
    house.settle_for(minutes=65)
    set_values(house, two_way=False)
    restore()
    like = mosaic(house)[0]
    house.people.add_time(
        like["member_id"],
        day(house, 0),
        0.5,
        project=like["project_id"],
        phase=like["phase_id"],
        category=like["standard_work_category_id"],
        text="",
    )
    house.settle_for(minutes=65)
    say(house, marked(house, "missing"), back=True)
    assert 30 not in {one[2] for one in hours_in_quickbooks(house)}
    assert len(quickbooks(house)) == 13
