"""What becomes of writes of time: never twice, never lost, whatever Mosaic answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

from .mirror import Mirror, nothing_twice
from .timesheet import Timesheet

pytestmark = pytest.mark.in_turn

MODES = ["callback", "body", "bare", "silent", "mute"]
LOST = [("slow", "after"), ("down", "after"), ("error", "after"), ("bad_json", "after")]
NEVER = [("slow", "before"), ("down", "before"), ("error", "before")]


@pytest.fixture
def sheet(mirror: Mirror) -> Timesheet:
    """Alice's company, which has read Mosaic and agrees with it."""
    made = Timesheet(mirror)
    made.wake()
    mirror.run()
    return made


class Forgetful(dict[str, Any]):
    """A request log that remembers nothing."""

    def values(self) -> Any:
        """Return no line."""
        return []


def _forget(sheet: Timesheet) -> None:
    sheet.mirror.sandbox._logs["100"] = Forgetful()


def _agrees(sheet: Timesheet) -> None:
    """Assert that each record wants what its own entry has, and nobody has another."""
    nothing_twice(sheet.mirror)
    assert sheet.mirror.calls(settled=False) == []
    there = {one["mosaic_id"]: one for one in sheet.entries()}
    assert sheet.known() == set(there)
    for row in sheet.records():
        if row.quickbooks is None or row.quickbooks_gone:
            continue
        assert row.state == "in_sync", row.reason
        assert {name: row.mosaic[name] for name in row.quickbooks} == row.quickbooks
        assert row.agreed["mosaic"] == row.agreed["quickbooks"] == row.quickbooks
        assert there[row.mosaic_id]["hours"] == str(row.quickbooks["minutes"] / 60)


@pytest.mark.parametrize("mode", MODES)
def test_all_arrives_however_mosaic_answers(sheet: Timesheet, mode: Any) -> None:
    """Creations, changes and deletions, whether Mosaic tells of them or not."""
    sheet.mirror.sandbox.answer_mode = mode
    ids = [sheet.want(each % 3, notes=f"Plan {each}") for each in range(5)]
    sheet.mirror.run()
    _agrees(sheet)
    sheet.edit(ids[0], minutes=60)
    sheet.edit(ids[1], gone=True)
    sheet.mirror.run()
    _agrees(sheet)
    assert sheet.record(ids[1]).mosaic_gone
    assert sheet.record(ids[1]).state == "gone"
    assert len(sheet.entries()) == 4
    assert sheet.mirror.state().attention_id is None


@pytest.mark.parametrize("log", ["log", "no log"])
@pytest.mark.parametrize(("fault", "when"), LOST + NEVER)
def test_a_creation_whose_answer_is_lost_is_made_once(
    sheet: Timesheet, fault: str, when: Any, log: str
) -> None:
    """What happened is found, by the log or by its content; what did not, is sent."""
    if log == "no log":
        _forget(sheet)
    sheet.mirror.sandbox.team.callback_url = None
    sheet.mirror.sandbox.fail_next(fault, 1, "POST time_entry", when=when)
    wanted = [sheet.want(1, notes="Plan"), sheet.want(1, notes="Plan")]
    sheet.mirror.run()
    _agrees(sheet)
    assert len(sheet.entries()) == len(wanted) == sheet.creations()


def test_an_entry_that_shows_up_late_is_still_ours(sheet: Timesheet) -> None:
    """Two looks, a settling time apart, come before it is sent again."""
    _forget(sheet)
    mirror = sheet.mirror
    mirror.sandbox.team.callback_url = None
    mirror.sandbox.fail_next("slow", 1, "POST time_entry", when="after")
    sheet.want(1)
    items = mirror.sandbox.team.store.objects["time_entry"]
    mirror.worker().run_once()
    hidden = dict(items)
    items.clear()
    mirror.clock.pass_(seconds=125)
    mirror.worker().run_once()
    items.update(hidden)
    mirror.run()
    _agrees(sheet)
    assert sheet.creations() == 1


def test_what_was_edited_before_it_was_found_is_asked_about(sheet: Timesheet) -> None:
    """It may be ours with other notes or another: neither taken nor sent again."""
    _forget(sheet)
    mirror = sheet.mirror
    mirror.sandbox.team.callback_url = None
    mirror.sandbox.fail_next("down", 1, "POST time_entry", when="after")
    record_id = sheet.want(1, notes="Plan")
    mirror.worker().run_once()
    number = sheet.entries()[0]["mosaic_id"]
    mirror.sandbox.edit("time_entry", number, description="Plan, second draft")
    mirror.time_planner = None
    mirror.clock.pass_(seconds=125)
    sheet.wake()
    mirror.worker().run_once()
    row = sheet.record(record_id)
    assert (row.state, row.mosaic_id) == ("refused", None)
    assert f"time entry {number} " in row.reason
    assert sheet.creations() == 1
    mirror.sandbox.edit("time_entry", number, description="Plan")
    mirror.clock.pass_(minutes=61)
    sheet.wake()
    mirror.worker().run_once()
    assert sheet.record(record_id).mosaic_id == number
    assert sheet.creations() == 1


def test_an_older_entry_with_other_notes_is_not_taken_for_ours(
    sheet: Timesheet,
) -> None:
    """It was there before our write began."""
    _forget(sheet)
    other = sheet.write(1, description="Site visit")
    mirror = sheet.mirror
    mirror.clock.pass_(minutes=30)
    mirror.sandbox.team.callback_url = None
    mirror.sandbox.fail_next("down", 1, "POST time_entry", when="before")
    record_id = sheet.want(1, notes="Plan")
    mirror.run()
    assert sheet.record(record_id).mosaic_id != other
    assert len(sheet.entries()) == 2


def test_while_a_creation_is_open_an_unknown_entry_that_may_be_it_waits(
    sheet: Timesheet,
) -> None:
    """Edited since it was made it may be the very one; what nobody touched is not."""
    _forget(sheet)
    mirror = sheet.mirror
    mirror.sandbox.answer_mode = "silent"
    ours = sheet.want(1, notes="Plan")
    mirror.worker().run_once()
    created = sheet.entries()[0]["mosaic_id"]
    other, elsewhere = sheet.write(1, 2), sheet.write(1, 2)
    mirror.clock.pass_(seconds=1)
    mirror.sandbox.edit("time_entry", other, description="Plan it")
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        connection.execute(tables.company.update().values(time_window_at=None))
    sheet.wake()
    mirror.worker().run_once()
    call = mirror.calls(settled=False)[0]
    for number in (created, other):
        row = sheet.of(number)
        assert (row.state, row.due_at) == ("pending", None)
        assert row.waits_for == f"call:{call.id}"
        assert "may be" in row.reason.lower()
    assert sheet.of(elsewhere).waits_for is None
    mirror.run()
    assert sheet.record(ours).mosaic_id == created
    assert sheet.of(other).waits_for is None
    assert sheet.known() == {created, other, elsewhere}
    assert len(sheet.records()) == 3
    nothing_twice(mirror)


def test_what_waited_for_one_creation_waits_for_the_next_of_that_person(
    sheet: Timesheet,
) -> None:
    """Until none is open."""
    mirror = sheet.mirror
    mirror.sandbox.answer_mode = "silent"
    first, second = sheet.want(1, 60), sheet.want(1, 120)
    mirror.worker().run_once()
    other = sheet.write(1, 3)
    mirror.clock.pass_(seconds=1)
    mirror.sandbox.edit("time_entry", other, description="Plan it")
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        connection.execute(tables.company.update().values(time_window_at=None))
        connection.execute(
            tables.mosaic_call.update()
            .where(tables.mosaic_call.c.record_id == second)
            .values(check_at=mirror.clock() + timedelta(hours=1))
        )
    sheet.wake()
    mirror.worker().run_once()
    mirror.clock.pass_(seconds=125)
    mirror.worker().run_once()
    assert sheet.record(first).mosaic_id is not None
    left = mirror.calls(settled=False)[0]
    assert sheet.of(other).waits_for == f"call:{left.id}"
    mirror.run()
    assert sheet.of(other).waits_for is None


def test_an_acknowledged_creation_that_never_appears_ends(sheet: Timesheet) -> None:
    """It is not sent again: a person is asked to look."""
    _forget(sheet)
    mirror = sheet.mirror
    mirror.sandbox.answer_mode = "silent"
    record_id = sheet.want(1)
    items = mirror.sandbox.team.store.objects["time_entry"]
    mirror.wire.after = lambda _: items.clear()
    mirror.run()
    row = sheet.record(record_id)
    assert row.state == "refused"
    assert "never appeared" in row.reason
    assert sheet.creations() == 1


def test_entries_that_differ_in_notes_only_are_not_mixed_up(sheet: Timesheet) -> None:
    """One that is not there yet does not take what is another's."""
    _forget(sheet)
    mirror = sheet.mirror
    mirror.sandbox.answer_mode = "silent"
    ids = [sheet.want(1, notes="Plan"), sheet.want(1, notes="Visit")]
    mirror.worker().run_once()
    items = mirror.sandbox.team.store.objects["time_entry"]
    first = min(items)
    hidden = items.pop(first)
    mirror.clock.pass_(seconds=125)
    mirror.worker().run_once()
    items[first] = hidden
    mirror.run()
    _agrees(sheet)
    assert [sheet.record(one).mosaic["notes"] for one in ids] == ["Plan", "Visit"]


@pytest.mark.parametrize(("fault", "when"), LOST + NEVER)
def test_a_change_whose_answer_is_lost_arrives(
    sheet: Timesheet, fault: str, when: Any
) -> None:
    """It is looked at, and made again if it was not made."""
    record_id = sheet.want(1)
    sheet.mirror.run()
    sheet.mirror.sandbox.fail_next(fault, 1, "PUT time_entry", when=when)
    sheet.edit(record_id, minutes=90, notes="Shorter")
    sheet.mirror.run()
    _agrees(sheet)


@pytest.mark.parametrize(("fault", "when"), LOST + NEVER)
def test_a_deletion_whose_answer_is_lost_arrives(
    sheet: Timesheet, fault: str, when: Any
) -> None:
    """Done is what Mosaic does not show any more."""
    record_id = sheet.want(1)
    sheet.mirror.run()
    sheet.mirror.sandbox.fail_next(fault, 1, "DELETE time_entry", when=when)
    sheet.edit(record_id, gone=True)
    sheet.mirror.run()
    assert sheet.entries() == []
    assert sheet.record(record_id).mosaic_gone
    assert sheet.mirror.calls(settled=False) == []


@pytest.mark.parametrize("mode", ["callback", "body"])
@pytest.mark.parametrize("gone", [False, True], ids=["change", "deletion"])
def test_what_was_deleted_there_meanwhile_is_known_at_once(
    sheet: Timesheet, mode: Any, gone: bool
) -> None:
    """A 404 is followed by a question, and then it is gone."""
    record_id = sheet.want(1)
    sheet.mirror.run()
    sheet.mirror.sandbox.answer_mode = mode
    sheet.mirror.sandbox.delete_time_entry(sheet.record(record_id).mosaic_id)
    sheet.only_once(record_id)
    sheet.edit(record_id, minutes=30, gone=gone)
    sheet.mirror.run()
    assert sheet.record(record_id).mosaic_gone
    assert sheet.mirror.calls(settled=False) == []
    assert sheet.creations() == 1


def test_a_record_that_is_being_written_is_not_missed(sheet: Timesheet) -> None:
    """A read that does not show it counts for nothing while its call is open."""
    record_id = sheet.want(1)
    sheet.want(2)
    mirror = sheet.mirror
    mirror.run()
    mirror.sandbox.answer_mode = "silent"
    sheet.edit(record_id, minutes=30)
    mirror.worker().run_once()
    items = mirror.sandbox.team.store.objects["time_entry"]
    hidden = items.pop(sheet.record(record_id).mosaic_id)
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        connection.execute(tables.company.update().values(time_window_at=None))
    sheet.wake()
    mirror.worker().run_once()
    assert sheet.record(record_id).misses == 0
    items[hidden["mosaic_id"]] = hidden
    mirror.run()
    _agrees(sheet)


def test_what_mosaic_refuses_stops_only_itself(sheet: Timesheet) -> None:
    """At once or later, with its reason; what changed meanwhile is tried."""
    mirror = sheet.mirror
    mirror.sandbox.fail_next("refuse_later", 1, "POST time_entry")
    late, fine = sheet.want(1), sheet.want(2)
    at_once = sheet.want(3, minutes=25 * 60)
    mirror.run()
    assert "could not be processed" in sheet.record(late).reason
    assert "between 0 and 24" in sheet.record(at_once).reason
    assert sheet.record(fine).state == "in_sync"
    assert {sheet.record(one).state for one in (late, at_once)} == {"refused"}


def test_a_refusal_of_what_was_changed_meanwhile_is_not_the_end(
    sheet: Timesheet,
) -> None:
    """The newer content is sent."""
    mirror = sheet.mirror
    mirror.sandbox.fail_next("refuse_later", 1, "POST time_entry")
    record_id = sheet.want(1)
    mirror.worker().run_once()
    mirror.clock.pass_(seconds=1)
    sheet.edit(record_id, minutes=30)
    mirror.worker().run_once()
    mirror.run()
    _agrees(sheet)


def test_many_entries_go_between_two_transactions(sheet: Timesheet) -> None:
    """Planned together and settled together, as many as the budget lets out soon."""
    for each in range(20):
        sheet.want(each % 5, notes=str(each))
    sent: list[int] = []

    def count(request: httpx.Request) -> None:
        if request.method == "POST":
            sent.append(len(sheet.mirror.calls(settled=False)))

    sheet.mirror.settings = sheet.mirror.settings.model_copy(
        update={"mosaic_requests": 100_000}
    )
    sheet.mirror.sandbox.answer_mode = "body"
    sheet.mirror.wire.before = count
    sheet.mirror.run()
    _agrees(sheet)
    assert len(sent) == 20
    assert sent == [20] * 20


@pytest.mark.in_turn(False)
def test_several_senders_make_each_entry_once(sheet: Timesheet) -> None:
    """Threads share the connections, the budget and the reason to stop."""
    sheet.mirror.senders = 4
    sheet.mirror.sandbox.answer_mode = "body"
    sheet.mirror.sandbox.fail_next("rate_limit", 1, "POST time_entry", seconds=3)
    sheet.mirror.sandbox.fail_next("slow", 2, "POST time_entry", when="after")
    for each in range(25):
        sheet.want(each % 5, notes=str(each))
    sheet.mirror.run()
    _agrees(sheet)
    assert len(sheet.entries()) == 25


def test_too_many_requests_stop_a_batch_and_it_goes_on(sheet: Timesheet) -> None:
    """What was not sent is planned again after the wait; nobody is told off."""
    sheet.mirror.sandbox.fail_next("rate_limit", 1, "POST time_entry", seconds=30)
    for each in range(10):
        sheet.want(each)
    sheet.mirror.run()
    _agrees(sheet)
    assert sheet.mirror.state().attention_id is None


@pytest.mark.in_turn(False)
def test_a_worker_that_dies_in_a_batch_leaves_nothing_twice(sheet: Timesheet) -> None:
    """What had left is looked for, what had not is sent."""
    mirror = sheet.mirror
    mirror.sandbox.team.callback_url = None
    for each in range(6):
        sheet.want(1, notes=str(each % 2))
    posts = 0

    def die(request: httpx.Request) -> None:
        nonlocal posts
        posts += request.method == "POST"
        if posts == 3:
            raise KeyboardInterrupt

    mirror.wire.after = die
    with pytest.raises(KeyboardInterrupt):
        mirror.worker().run_once()
    mirror.wire.after = lambda _: None
    mirror.clock.pass_(minutes=2)
    mirror.run()
    _agrees(sheet)
    assert len(sheet.entries()) == 6


@pytest.mark.parametrize(
    "fault", ["callback_late", "callback_twice", "callback_never", "callback_forged"]
)
def test_callbacks_may_come_late_twice_never_or_false(
    sheet: Timesheet, fault: str
) -> None:
    """Each record is linked to its own entry all the same."""
    sheet.mirror.sandbox.fail_next(fault, 100, seconds=400)
    ids = [sheet.want(each % 2) for each in range(4)]
    sheet.mirror.run()
    sheet.edit(ids[0], minutes=60)
    sheet.edit(ids[1], gone=True)
    sheet.mirror.run()
    sheet.mirror.clock.pass_(seconds=500)
    sheet.mirror.sandbox.deliver_callbacks()
    sheet.mirror.run()
    _agrees(sheet)
    assert len(sheet.entries()) == 3


def test_an_entry_waits_for_its_project_and_goes_on_when_it_is_linked(
    mirror: Mirror,
) -> None:
    """Linking an object of Mosaic wakes who waits for it."""
    sheet = Timesheet(mirror)
    record_id = sheet.want(1)
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        connection.execute(
            tables.record.update()
            .where(tables.record.c.id == record_id)
            .values(due_at=None, waits_for=f"project:{sheet.project}")
        )
    mirror.run()
    assert sheet.record(record_id).mosaic_id is None
    mirror.sandbox.edit("project", sheet.project, client="Acme")
    mirror.books.customer("C1", "Acme")
    mirror.books.customer("J1", "House", "C1")
    mirror.refresh()
    assert mirror.record("J1").mosaic_id == sheet.project
    assert sheet.record(record_id).mosaic_id is not None
