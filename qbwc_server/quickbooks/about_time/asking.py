"""Many entries gone at once: nothing is taken away before a person has agreed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from qbwc_server.companies import attention
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.quickbooks import list_requests


def accepted(connection: Connection, company_id: int) -> bool:
    """Tell whether a person said that what is gone is right.

    It is said to the next complete compare; what answers before it may believe it too.
    """
    state = list_requests.state(connection, company_id, NAME)
    return state is not None and bool(state.deletions_accepted)


def ask_a_person(
    connection: Connection, company_id: int, gone: int, known: int, now: datetime
) -> str:
    """Stop the company until a person has said that it is right; return the words."""
    text = (
        f"{gone} of {known} time entries are no longer in the company file."
        " Nothing was removed from Mosaic. If that is right, say so on the "
        "setup page."
    )
    attention.attend(
        connection, company_id, error_id="too-many-gone", text=text, now=now
    )
    return text
