"""What both sides have of a record, as people read it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage.database import (
    company_transaction,
)
from qbwc_server.storage.support_reading import support_reading
from qbwc_server.storage.tables import record
from qbwc_server.support import console
from qbwc_server.web.support import sides
from tests.conftest import Clock

ENTRY = {
    "quickbooks": {"minutes": 45, "person": "8-1", "job": "8-1", "item": "8-1"},
    "mosaic": {"minutes": 60, "person": 5, "job": [6, 7], "item": 5, "class": None},
    "agreed": {"quickbooks": {"minutes": 30}, "mosaic": {"minutes": 30}},
    "conflict": {"minutes": {"quickbooks": 45, "mosaic": 60, "settled": "mosaic"}},
}
OTHERS = (
    ("employee", "8-1", "employee", 5, "Ann Lee"),
    ("customer", "8-1", "phase", 7, "Acme:House"),
    ("service_item", "8-1", "standard_work_category", 5, "Design"),
)


def test_what_a_time_entry_refers_to_is_told_by_name(
    engine: Engine, new_company: Callable[..., NewCompany], clock: Clock
) -> None:
    """A person, a job and an item may have the same ListID, or number; others' not."""
    mine, other = new_company("Mine").id, new_company("Other").id
    for company_id, suffix in ((mine, ""), (other, " of others")):
        rows = [
            {
                "kind": kind,
                "quickbooks_id": quickbooks_id,
                "mosaic_type": mosaic_type,
                "mosaic_id": mosaic_id,
                "name": name + suffix,
            }
            for kind, quickbooks_id, mosaic_type, mosaic_id, name in OTHERS
        ]
        entry = {"kind": "time_entry", "quickbooks_id": "T", "name": "e", **ENTRY}
        with company_transaction(engine, company_id) as connection:
            for number, row in enumerate((entry, *rows), 1):
                own = {"company_id": company_id, "id": number, "state": "in_sync"}
                moments = {"created_at": clock(), "changed_at": clock()}
                connection.execute(record.insert(), {**own, **moments, **row})
    with support_reading(engine) as connection:
        found = console.one(connection, "records", mine, 1)
        assert found is not None
        ids = sides.references(found)
        names = console.names(connection, mine, *ids)
    told = {one["name"]: one["values"] for one in sides.sides(found, names)}
    assert told == {
        "hours": ["0:45", "1:00", "0:30"],
        "person": ["Ann Lee (8-1)", "Ann Lee (5)", ""],
        "job": ["Acme:House (8-1)", "Acme:House (6, 7)", ""],
        "item": ["Design (8-1)", "Design (5)", ""],
        "class": ["", "", ""],
    }
    assert sides.conflict(found, names) == [
        {
            "name": "hours",
            "quickbooks": "0:45",
            "mosaic": "1:00",
            "kept": None,
            "settled": "mosaic",
        }
    ]
