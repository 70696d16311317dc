"""A person says on the command line that entries are one, or two."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.app import utc_now
from qbwc_server.records.one_or_two import joined
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.cli.conftest import ENTRY, Run, put_entry


def _here(kept: Engine) -> int:
    return put_entry(kept, quickbooks_id="T-1", quickbooks=ENTRY)


def _there(kept: Engine) -> int:
    there = {"mosaic_type": "time_entry", "mosaic_id": 7, "mosaic": ENTRY}
    return put_entry(kept, **there)


def test_two_records_are_one_and_two_again(run: Run, kept: Engine) -> None:
    """Both words are in the audit, with who said it and why."""
    here, there = _here(kept), _there(kept)
    told = run("records", "one", f"1-{there}", f"1-{here}", "--by", "eve", "--why", "x")
    assert (told.exit_code, f"Record 1-{here} has both" in told.output) == (0, True)
    told = run("records", "two", f"1-{here}", "--by", "eve", "--why", "y")
    assert (told.exit_code, "Taken apart" in told.output) == (0, True)
    with kept.connect() as connection:
        rows = connection.execute(sa.select(tables.audit.c.what, tables.audit.c.why))
        said = [tuple(row) for row in rows if row.what.startswith("these are")]
        words = connection.execute(sa.select(tables.said)).all()
    assert said == [("these are one", "x"), ("these are two", "y")]
    assert [(one.quickbooks_id, one.mosaic_id, one.word) for one in words] == [
        ("T-1", 7, "two")
    ]


def test_the_other_may_be_named_by_its_number(run: Run, kept: Engine) -> None:
    """Support has it from Mosaic's own page."""
    here, _ = _here(kept), _there(kept)
    told = run("records", "one", f"1-{here}", "--mosaic", "8")
    assert (told.exit_code, "No time entry 8" in told.output) == (1, True)
    assert run("records", "one", f"1-{here}", "--mosaic", "7").exit_code == 0


def test_what_is_named_wrongly_is_told(run: Run, kept: Engine) -> None:
    """Too many, too few, or on both sides."""
    here = f"1-{_here(kept)}"
    assert run("records", "two", here, here, here).exit_code == 2
    told = run("records", "two", here)
    assert (told.exit_code, "nothing to take apart" in told.output) == (1, True)


def test_what_was_typed_on_both_sides_is_listed(run: Run, kept: Engine) -> None:
    """In entries and hours, until somebody says that it was seen."""
    here = _here(kept)
    with company_transaction(kept, 1) as connection:
        joined.note(connection, 1, here, 450, "typed", utc_now())
    told = run("records", "joined", "1").output
    assert "1 entry, 7:30 hours, was typed on both sides and is one." in told
    assert f"1-{here}" in told
    assert run("records", "joined", "1", "--seen").exit_code == 0
    assert f"1-{here}" not in run("records", "joined", "1").output
    assert f"1-{here}" in run("records", "joined", "1", "--all").output
