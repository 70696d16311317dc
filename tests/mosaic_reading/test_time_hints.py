"""Callbacks about time that nobody waits for: worth a question, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.storage import tables
from tests.delivery.mirror import Mirror
from tests.delivery.timesheet import Timesheet

pytestmark = pytest.mark.in_turn


@pytest.fixture
def sheet(mirror: Mirror) -> Timesheet:
    """Alice's company, which has read Mosaic and agrees with it."""
    made = Timesheet(mirror)
    made.wake()
    mirror.run()
    return made


def _hint(sheet: Timesheet, number: int, action: str = "update", **more: Any) -> None:
    content = {
        "dataType": "time_entry",
        "actionType": action,
        "metadata": {},
        "dataPayload": {"mosaicId": number, "hours": "99.0"},
        "apiRequestId": "somebody-elses",
        **more,
    }
    assert sheet.mirror.call_back(content) == 200


def _run(sheet: Timesheet) -> int:
    """Run the worker once; return how many reads of time that took."""
    before = len(sheet.reads())
    sheet.mirror.worker().run_once()
    return len(sheet.reads()) - before


def test_a_hint_brings_a_new_entry_at_once(sheet: Timesheet) -> None:
    """However old its day is; what the callback says of it is not believed."""
    number = sheet.write(2000, 2)
    _hint(sheet, number, "create")
    assert _run(sheet) == 1
    assert sheet.of(number).mosaic["minutes"] == 120


def test_several_hints_are_one_read(sheet: Timesheet) -> None:
    """Also when they name the same entry."""
    numbers = [sheet.write(each) for each in range(5)]
    for number in (*numbers, *numbers):
        _hint(sheet, number)
    assert _run(sheet) == 1
    assert sheet.known() == set(numbers)
    assert _run(sheet) == 0


def test_a_deletion_is_believed_when_mosaic_does_not_know_the_entry(
    sheet: Timesheet,
) -> None:
    """One callback and one question are enough."""
    numbers = [sheet.write(each) for each in range(6)]
    sheet.poll()
    sheet.mirror.sandbox.delete_time_entry(numbers[0])
    _hint(sheet, numbers[0], "delete")
    _run(sheet)
    assert sheet.of(numbers[0]).mosaic_gone
    assert sheet.known() == set(numbers[1:])


def test_a_forged_deletion_changes_nothing(sheet: Timesheet) -> None:
    """Mosaic still has the entry."""
    number = sheet.write()
    sheet.poll()
    before = sheet.records()
    _hint(sheet, number, "delete")
    _hint(sheet, 987_654_321, "delete")
    _hint(sheet, 987_654_322)
    _run(sheet)
    assert sheet.records() == before


def test_many_deletions_by_callback_need_a_persons_word_too(sheet: Timesheet) -> None:
    """And are asked for again when it is given, whatever their day."""
    numbers = [sheet.write(200 + each % 10) for each in range(30)]
    sheet.write(1)
    for number in numbers:
        _hint(sheet, number)
    sheet.mirror.run()
    sheet.poll()
    assert len(sheet.known()) == 31
    for number in numbers:
        sheet.mirror.sandbox.delete_time_entry(number)
        _hint(sheet, number, "delete")
    sheet.mirror.run()
    assert sheet.mirror.state().attention_id == "mosaic-too-many-gone"
    assert len(sheet.known()) == 31
    sheet.accept()
    sheet.mirror.run()
    assert len(sheet.known()) == 1


def test_our_own_echo_is_no_hint(sheet: Timesheet) -> None:
    """A callback for what is settled asks nothing, however late or often it comes."""
    sheet.mirror.sandbox.answer_mode = "body"
    sheet.want()
    sheet.mirror.run()
    call = sheet.mirror.calls()[-1]
    for _ in range(3):
        _hint(sheet, sheet.entries()[0]["mosaic_id"], metadata={"ref": call.ref})
    assert _run(sheet) == 0


def test_a_hint_that_cannot_be_asked_for_now_is_kept(sheet: Timesheet) -> None:
    """Mosaic is down: it is asked when it is up again."""
    number = sheet.write(2000)
    _hint(sheet, number, "create")
    sheet.mirror.sandbox.fail_next("error", 3, "GET time_entry")
    sheet.mirror.worker().run_once()
    assert sheet.known() == set()
    sheet.mirror.run()
    assert sheet.known() == {number}


def test_a_hint_that_mosaic_refuses_holds_up_nobody(
    sheet: Timesheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is done with; the entry is seen when its day is read."""
    from qbwc_server.mosaic.client import MosaicClient
    from qbwc_server.mosaic.errors import Invalid

    number = sheet.write()
    read = MosaicClient.read

    def refuse(self: MosaicClient, data_type: str, **filters: Any) -> Any:
        if "time_entry_ids" in filters:
            raise Invalid("no such filter")
        return read(self, data_type, **filters)

    monkeypatch.setattr(MosaicClient, "read", refuse)
    _hint(sheet, number)
    sheet.mirror.run()
    rows = sheet.mirror.rows(tables.mosaic_callback)
    assert all(row.handled_at is not None for row in rows)
    sheet.poll()
    assert sheet.known() == {number}


def test_hints_about_lists_are_noted_only(sheet: Timesheet) -> None:
    """Lists are read as a whole."""
    _hint(sheet, 1, dataType="client")
    assert _run(sheet) == 0
    assert sheet.mirror.rows(tables.mosaic_callback)[-1].handled_at is not None
