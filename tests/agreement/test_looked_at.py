"""What is to be changed or deleted is seen first: asked is not answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.agreement.hours import hours_in_quickbooks, they_are_deleted
from tests.agreement.house import House
from tests.agreement.test_findings import day, in_quickbooks, mosaic


class _Twisted:
    """A session with QuickBooks whose answers are changed on the way."""

    def __init__(self, session: Any, twist: Callable[[str, str], str]) -> None:
        self._session = session
        self._twist = twist

    def process(self, request: str) -> str:
        """Have QuickBooks answer, and change that."""
        return self._twist(request, self._session.process(request))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def twist_answers(
    house: House, patch: pytest.MonkeyPatch, twist: Callable[[str, str], str]
) -> None:
    """Change what QuickBooks answers, until the patch is undone."""
    begin = house.file.begin_session
    patch.setattr(
        house.file, "begin_session", lambda **given: _Twisted(begin(**given), twist)
    )


def to_be_deleted(house: House, count: int) -> list[str]:
    """Return the TxnIDs of entries that were deleted in Mosaic, planned so."""
    ids = [in_quickbooks(house, "") for _ in range(count)]
    in_quickbooks(house, "stays")
    house.settle_for(minutes=65)
    house.connect()
    house.people.calls_back = True
    for one in list(mosaic(house)):
        if one["description"] != "stays":
            house.people.delete_time(one["mosaic_id"])
    house.sandbox.deliver_callbacks()
    house.work()
    they_are_deleted(house)
    house.work()
    assert [job.action for job in house.unfinished_jobs()] == ["del"] * count
    return ids


def refuse_questions_by_id(status: str, most: int = 0) -> Callable[[str, str], str]:
    """Return a twist: questions for more TxnIDs than `most` are refused."""

    def twist(request: str, answer: str) -> str:
        for asked in re.finditer(
            r'<TimeTrackingQueryRq requestID="(\d+)"[^>]*>((?:<TxnID>.*?</TxnID>)+)',
            request,
        ):
            if asked[2].count("<TxnID>") > most:
                answer = re.sub(
                    rf'<TimeTrackingQueryRs[^>]*requestID="{asked[1]}".*?'
                    r"(?:</TimeTrackingQueryRs>|/>)",
                    f'<TimeTrackingQueryRs requestID="{asked[1]}" '
                    f'statusCode="{status}" statusSeverity="Error" '
                    'statusMessage="trouble"/>',
                    answer,
                    flags=re.DOTALL,
                )
        return answer

    return twist


@pytest.mark.parametrize("status", ["3175", "3180", "1000"])
def test_an_edited_entry_is_not_deleted_where_the_look_failed(
    house: House, status: str
) -> None:
    """A deletion loses to an edit, also where the edit could not be seen at once."""
    (txn_id,) = to_be_deleted(house, 1)
    house.hands.edit_time(txn_id, minutes=480)
    house.clock.pass_(minutes=1)
    with pytest.MonkeyPatch.context() as patch:
        twist_answers(house, patch, refuse_questions_by_id(status))
        house.connect()
        house.work()
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    assert ("Ann Lee", day(house), 480, "") in hours_in_quickbooks(house)


def test_an_edited_entry_is_not_deleted_where_another_one_had_the_look_refused(
    house: House,
) -> None:
    """QuickBooks refuses the question for several if one of them is gone."""
    first, second = to_be_deleted(house, 2)
    house.hands.delete_time(first)
    house.hands.edit_time(second, minutes=480)
    house.clock.pass_(minutes=1)
    with pytest.MonkeyPatch.context() as patch:
        twist_answers(house, patch, refuse_questions_by_id("3120", most=1))
        house.connect()
        house.work()
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    assert ("Ann Lee", day(house), 480, "") in hours_in_quickbooks(house)


def test_an_entry_that_cannot_be_read_is_not_deleted(house: House) -> None:
    """Whatever it is now, it is not what was to be deleted."""
    (txn_id,) = to_be_deleted(house, 1)
    house.hands.edit_time(txn_id, minutes=480)
    house.clock.pass_(minutes=1)
    with pytest.MonkeyPatch.context() as patch:
        twist_answers(
            house,
            patch,
            lambda _, answer: answer.replace(
                "<Duration>PT8H0M0S</Duration>", "<Duration>8:00</Duration>"
            ),
        )
        house.connect()
        house.work()
    house.settle_for(minutes=65)
    assert ("Ann Lee", day(house), 480, "") in hours_in_quickbooks(house)
