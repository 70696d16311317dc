"""A restore shows by numbers that begin again where the backup left off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from qbwc_server.companies.registry import Company
from qbwc_server.kinds.time_entry import NAME, SeenTime
from qbwc_server.qbxml.values import believed, wall_datetime
from qbwc_server.quickbooks import list_requests, time_records
from qbwc_server.quickbooks.restores import signs

_CLOCKS_DIFFER = timedelta(hours=2)


def look_for_restore(
    connection: Connection, company: Company, seen: Sequence[SeenTime], now: datetime
) -> bool:
    """Notice a restore by numbers that begin again where the backup left off.

    QuickBooks numbers transactions upwards, so a new entry that was made later than
    the one with the greatest number has a greater number still. Two hours are left for
    clocks that go back and computers that do not agree.
    """
    state = list_requests.state(connection, company.id, NAME)
    if state is None or state.greatest_number is None or not state.greatest_number_at:
        return False
    limit = (wall_datetime(state.greatest_number_at) + _CLOCKS_DIFFER).isoformat()
    suspects = [
        one
        for one in seen
        if one.number is not None
        and one.number < state.greatest_number
        and limit < believed(one.created, now)
    ]
    there = time_records.known(connection, company.id, [one.txn_id for one in suspects])
    for one in suspects:
        if one.txn_id in there or signs.stands(connection, company.id):
            continue
        detail = {
            "number": one.number,
            "created": one.created,
            "greatest_number": state.greatest_number,
            "greatest_number_at": state.greatest_number_at,
        }
        signs.begin(connection, company.id, now=now, detail=detail)
        # The new counting starts here, or the same sign would be seen for ever.
        list_requests.remember(
            connection,
            company.id,
            NAME,
            greatest_number=None,
            greatest_number_at=None,
        )
        return True
    return False
