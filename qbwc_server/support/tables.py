"""The views for support as tables that queries are made of."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from qbwc_server.storage.database import JSON, UTCDateTime
from qbwc_server.storage.meanings import VIEWS

_JSON: Final = {
    *("detail", "host", "quickbooks", "mosaic", "agreed", "conflict", "fields")
}
_MOMENTS: Final = {"since", "until", "at", "late_since", "waits_since"}
_NO_MOMENTS: Final = {"local_at", "local_sent_at"}
"""What is told in the clock of a company's computer, as text."""


class NotThere(ValueError):
    """Something is asked of a view that it does not have; says what."""


@cache
def view(what: str) -> sa.TableClause:
    """Return one of the views, by what can be looked at: the same one each time.

    Two of the same name would be two tables in a query, each row of one beside each of
    the other.
    """
    name = f"support_{what}"
    return sa.table(name, *(_column(one) for one in VIEWS[name][1]))


def _column(name: str) -> sa.ColumnClause[Any]:
    if name in _JSON:
        return sa.column(name, JSON)
    if name in _NO_MOMENTS:
        return sa.column(name, sa.Text)
    if name in _MOMENTS or name.endswith("_at"):
        return sa.column(name, UTCDateTime)
    return sa.column(name)
