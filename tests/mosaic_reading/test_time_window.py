"""Reading time from Mosaic: all of it once, then a window, and what is gone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from qbwc_server.companies import attention
from qbwc_server.kinds import time_entry
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.delivery.mirror import Mirror
from tests.delivery.timesheet import Timesheet

pytestmark = pytest.mark.in_turn


@pytest.fixture
def sheet(mirror: Mirror) -> Timesheet:
    """Alice's company, whose people write time in Mosaic."""
    return Timesheet(mirror)


def _events(sheet: Timesheet, record_id: int) -> list[str]:
    table = tables.record_event
    return [
        row.what for row in sheet.mirror.rows(table, table.c.record_id == record_id)
    ]


def test_all_time_of_ten_years_is_read_once(sheet: Timesheet) -> None:
    """Also what lies in the future; what is older is not."""
    days = (-400, -1, 0, 1, 200, 365, 366, 1000, 3640)
    wanted = {sheet.write(each) for each in days}
    sheet.write(3700)
    sheet.wake()
    sheet.mirror.run()
    assert sheet.known() == wanted
    assert len(sheet.reads()) == 10
    oldest = date.fromisoformat(sheet.mirror.state().mosaic_time_from or "")
    assert oldest == sheet.today - timedelta(days=3650)


def test_an_entry_of_mosaic_is_a_record_with_a_name_and_a_day(sheet: Timesheet) -> None:
    """People can tell which it is, and the snapshot is in Mosaic's terms."""
    number = sheet.write(1, 7.5, description="Plans \r\n", billable=False)
    sheet.wake()
    sheet.mirror.run()
    row = sheet.of(number)
    assert row.name == "2026-03-01 Ann Lee 7:30 House"
    assert (row.day, row.kind, row.quickbooks_id) == ("2026-03-01", "time_entry", None)
    assert row.mosaic["job"] == [sheet.project, sheet.phase]
    assert row.mosaic["notes"] == "Plans"
    assert row.delivery_rank == 60


def test_one_year_is_read_in_a_pass_and_others_come_between(sheet: Timesheet) -> None:
    """The newest first; what is due meanwhile goes out."""
    new, old = sheet.write(10), sheet.write(500)
    sheet.wake()
    mirror = sheet.mirror
    mirror.worker()._serve_next()
    assert sheet.known() == {new}
    assert mirror.due_at() <= mirror.clock()
    record_id = sheet.want()
    mirror.worker()._serve_next()
    assert sheet.known() >= {new, old}
    assert len(sheet.reads()) == 2
    assert mirror.calls()[-1].record_id == record_id


@pytest.mark.in_turn(False)
def test_the_first_read_goes_on_where_it_was_killed(sheet: Timesheet) -> None:
    """A range that broke off is read again; a finished one is not."""
    wanted = {sheet.write(each) for each in (10, 500, 900)}
    sheet.wake()
    mirror = sheet.mirror
    worker = mirror.worker()
    worker._serve_next()

    def die(request: httpx.Request) -> None:
        if b"time_entry?" in request.url.raw_path:
            raise KeyboardInterrupt

    mirror.wire.after = die
    with pytest.raises(KeyboardInterrupt):
        worker._serve_next()
    mirror.wire.after = lambda _: None
    mirror.clock.pass_(minutes=2)  # the lease of the dead worker
    mirror.run()
    assert sheet.known() == wanted
    assert len(sheet.reads()) == 11


def test_a_list_that_breaks_off_counts_for_nothing(sheet: Timesheet) -> None:
    """Its range is read again, and nothing in it was missed."""
    number = sheet.write(1)
    sheet.wake()
    sheet.mirror.run()
    for _ in range(3):
        sheet.mirror.sandbox.fail_next("bad_json", 1, "GET time_entry")
        sheet.poll()
    assert sheet.of(number).misses == 0
    assert sheet.mirror.state().attention_id is None


def test_records_that_wait_for_a_day_go_on_when_it_was_read(sheet: Timesheet) -> None:
    """Those of older days wait on."""
    near, far = sheet.want(10), sheet.want(500)
    mirror = sheet.mirror
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        connection.execute(
            tables.record.update()
            .where(tables.record.c.kind == "time_entry")
            .values(waits_for="time:mosaic", due_at=None)
        )
    mirror.worker()._serve_next()
    assert sheet.record(near).waits_for is None
    assert sheet.record(far).waits_for == "time:mosaic"
    mirror.run()
    assert sheet.record(far).waits_for is None


def test_the_last_days_are_read_often_and_the_window_now_and_then(
    sheet: Timesheet,
) -> None:
    """Changes are seen at the next read of their day."""
    hot, warm = sheet.write(5), sheet.write(60)
    sheet.wake()
    sheet.mirror.run()
    for number in (hot, warm):
        sheet.mirror.sandbox.edit("time_entry", number, hours=3)
    before = len(sheet.reads())
    sheet.poll(minutes=181)
    assert sheet.of(hot).mosaic["minutes"] == 180
    assert sheet.of(warm).mosaic["minutes"] == 480
    assert len(sheet.reads()) == before + 1
    sheet.poll(minutes=181)
    assert sheet.of(warm).mosaic["minutes"] == 180
    assert len(sheet.reads()) == before + 2


def test_what_did_not_change_is_not_written(sheet: Timesheet) -> None:
    """A quiet read leaves every record as it was."""
    for each in range(5):
        sheet.write(each)
    sheet.wake()
    sheet.mirror.run()
    before = sheet.records()
    sheet.poll()
    assert sheet.records() == before


def test_a_change_that_does_not_travel_plans_nothing(sheet: Timesheet) -> None:
    """A new rate is only kept, with its time stamp."""
    number = sheet.write()
    sheet.wake()
    sheet.mirror.run()
    sheet.mirror.sandbox.edit("time_entry", number, rate=99)
    sheet.mirror.clock.pass_(hours=6)
    sheet.mirror.time_planner = None
    sheet.wake()
    sheet.mirror.run()
    row = sheet.of(number)
    assert row.due_at is None
    assert row.mosaic["updated_at"] > before_of(row)


def before_of(row: Any) -> str:
    """Return when a record was made, as Mosaic writes it."""
    return str(row.created_at.isoformat(timespec="milliseconds"))


def test_a_paused_company_is_not_read_and_goes_on_when_it_is_not(
    sheet: Timesheet,
) -> None:
    """A preview is."""
    sheet.write()
    sheet.mirror.change(mode="paused")
    sheet.wake()
    sheet.mirror.run()
    assert sheet.reads() == []
    sheet.mirror.change(mode="preview")
    sheet.mirror.run()
    assert len(sheet.known()) == 1


def test_one_way_skips_the_frequent_read(sheet: Timesheet) -> None:
    """What is not written to QuickBooks need not be seen at once."""
    sheet.wake()
    sheet.mirror.run()
    sheet.mirror.change(two_way=False)
    before = len(sheet.reads())
    sheet.poll(minutes=181)
    assert len(sheet.reads()) == before
    sheet.poll(minutes=181)
    assert len(sheet.reads()) == before + 1


def test_gone_is_what_two_reads_missed_and_mosaic_does_not_know(
    sheet: Timesheet,
) -> None:
    """One miss is none, and both misses are followed by a question."""
    wanted = [sheet.write(each) for each in range(6)]
    sheet.wake()
    sheet.mirror.run()
    sheet.mirror.sandbox.delete_time_entry(wanted[0])
    sheet.poll()
    assert sheet.of(wanted[0]).misses == 1
    assert not sheet.of(wanted[0]).mosaic_gone
    sheet.poll()
    row = sheet.of(wanted[0])
    assert row.mosaic_gone
    assert _events(sheet, row.id) == ["not shown by Mosaic any more"]
    assert sheet.known() == set(wanted[1:])
    asked = [path for path in sheet.reads() if "time_entry_ids" in path]
    assert len(asked) == 1


def test_what_is_shown_again_was_not_missed(sheet: Timesheet) -> None:
    """Two misses count only in a row."""
    number = sheet.write()
    sheet.write(1)
    sheet.wake()
    sheet.mirror.run()
    items = sheet.mirror.sandbox.team.store.objects["time_entry"]
    for _ in range(3):
        hidden = items.pop(number)
        sheet.poll()
        assert sheet.of(number).misses == 1
        items[number] = hidden
        sheet.poll()
        assert sheet.of(number).misses == 0
    assert not sheet.of(number).mosaic_gone


def test_what_moved_out_of_the_window_is_not_gone(sheet: Timesheet) -> None:
    """Asked for by its number it is there, with its new day."""
    number = sheet.write(3)
    sheet.write(4)
    sheet.wake()
    sheet.mirror.run()
    day = str(sheet.today - timedelta(days=300))
    sheet.mirror.sandbox.edit("time_entry", number, date=day)
    sheet.poll()
    sheet.poll()
    row = sheet.of(number)
    assert not row.mosaic_gone
    assert (row.mosaic["date"], row.day, row.misses) == (day, day, 0)


def test_what_is_back_is_believed(sheet: Timesheet) -> None:
    """An entry that was taken for deleted and is shown again is there again."""
    number = sheet.write()
    sheet.write(1)
    sheet.wake()
    sheet.mirror.run()
    items = sheet.mirror.sandbox.team.store.objects["time_entry"]
    hidden = items.pop(number)
    sheet.poll()
    sheet.poll()
    assert sheet.of(number).mosaic_gone
    items[number] = hidden
    sheet.poll()
    assert not sheet.of(number).mosaic_gone
    assert _events(sheet, sheet.of(number).id)[-1] == "shown again by Mosaic"


def test_many_gone_at_once_need_a_persons_word(sheet: Timesheet) -> None:
    """Nothing is taken for deleted until a person accepts it; then all that is."""
    wanted = [sheet.write(each % 10) for each in range(30)]
    kept = sheet.write(20)
    sheet.wake()
    sheet.mirror.run()
    for number in wanted:
        sheet.mirror.sandbox.delete_time_entry(number)
    for _ in range(4):
        sheet.poll()
    mirror = sheet.mirror
    assert mirror.state().attention_id == "mosaic-too-many-gone"
    assert "30 of 31 time entries" in (mirror.state().attention or "")
    assert not any(row.mosaic_gone for row in sheet.records())
    sheet.accept()
    mirror.run()
    assert sheet.known() == {kept}
    assert mirror.state().attention_id is None


def test_a_word_for_one_time_does_not_last(sheet: Timesheet) -> None:
    """The next time many are gone it is asked for again."""
    wanted = [sheet.write(each % 10) for each in range(30)]
    sheet.wake()
    sheet.mirror.run()
    mirror = sheet.mirror
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        attention.attend(
            connection,
            mirror.company.id,
            error_id="mosaic-too-many-gone",
            text="-",
            now=mirror.clock(),
        )
    sheet.accept()
    mirror.run()
    for number in wanted:
        mirror.sandbox.delete_time_entry(number)
    for _ in range(3):
        sheet.poll()
    assert mirror.state().attention_id == "mosaic-too-many-gone"
    assert len(sheet.known()) == 30


def test_trouble_on_the_wire_does_not_take_the_question_away(sheet: Timesheet) -> None:
    """While a person is asked, an unusable Mosaic is not in front."""
    mirror = sheet.mirror
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        for name in ("mosaic-too-many-gone", "mosaic-unavailable"):
            attention.attend(
                connection,
                mirror.company.id,
                error_id=name,
                text="-",
                now=mirror.clock(),
            )
    assert mirror.state().attention_id == "mosaic-too-many-gone"


def test_an_entry_nobody_can_read_is_there_all_the_same(sheet: Timesheet) -> None:
    """It changes nothing and is not missed."""
    number = sheet.write()
    sheet.wake()
    sheet.mirror.run()
    items = sheet.mirror.sandbox.team.store.objects["time_entry"]
    items[number] = {**items[number], "hours": None}
    for _ in range(3):
        sheet.poll()
    assert sheet.of(number).misses == 0
    assert sheet.of(number).mosaic["minutes"] == 480


def test_rank_puts_edits_first_and_then_the_newest() -> None:
    """Old time waits for new time."""
    today = date(2026, 3, 2)
    ranks = [
        time_entry.delivery_rank(day, today, linked=linked)
        for day, linked in (
            ("2001-01-01", True),
            ("2026-03-02", False),
            ("2026-01-01", False),
            ("2001-01-01", False),
        )
    ]
    assert ranks == [10, 60, 62, 180]


def test_content_keys_tell_everything_apart_but_the_spelling_of_notes() -> None:
    """And are short enough for any index."""
    one: dict[str, Any] = {
        "date": "2026-03-02",
        "minutes": 60,
        "person": 1,
        "job": [2, 3],
        "item": 4,
        "notes": "x" * 10_000,
        "billable": True,
    }
    keys = {
        time_entry.content_key({**one, name: value})
        for name, value in (
            *(("date", "2026-03-03"), ("minutes", 61), ("person", 2)),
            *(("job", [2, None]), ("item", None), ("notes", "y"), ("billable", False)),
        )
    }
    assert len(keys) == 7
    assert time_entry.content_key(one) in keys
    assert max(map(len, keys)) < 200
