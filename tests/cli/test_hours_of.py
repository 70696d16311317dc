"""`qbwc-server hours`: sums of both sides, reasons, entries, complete or not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server import app
from qbwc_server.companies import registry
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.cli.conftest import ENTRY, Run, put_entry

_NOW = datetime(2026, 3, 9, 20, tzinfo=UTC)
_WEEK = ("--from", "2026-03-02", "--to", "2026-03-08")


@pytest.fixture
def read(kept: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A company of which both sides were read a moment ago."""
    monkeypatch.setattr(app, "utc_now", lambda: _NOW)
    lately = {"first": "2026-01-01", "last": "9999-12-31", "members": None}
    with company_transaction(kept, 1) as connection:
        registry.change(
            connection, 1, mosaic_time_from="2016-03-09", offset_minutes=-300
        )
        for kind, values in (
            ("time_entry", {"reach": "2016-03-09", "begun_at": _NOW}),
            ("mosaic_time", {"lately": [{**lately, "begun_at": _NOW.isoformat()}]}),
        ):
            row = {"company_id": 1, "kind": kind, **values}
            connection.execute(tables.reading.insert().values(**row))
    return kept


def _put(
    kept: Engine, number: int, here: int | None, there: int | None, **more: Any
) -> None:
    entry = {**ENTRY, "person": "80-1", "job": None}
    seen = {**ENTRY, "person": 7, "job": [None, None]}
    plain: dict[str, Any] = {}
    if here is not None:
        quickbooks = {**entry, "minutes": here}
        plain |= {"quickbooks_id": f"T{number}", "quickbooks": quickbooks}
    if there is not None:
        mosaic = {**seen, "minutes": there}
        plain |= {"mosaic_type": "time_entry", "mosaic_id": number, "mosaic": mosaic}
    put_entry(kept, **{**plain, **more})


@pytest.fixture
def messy(read: Engine) -> Engine:
    """One that agrees, one in conflict, one left out, one that could not be read."""
    put_entry(
        read,
        kind="employee",
        name="Ann Lee",
        day=None,
        quickbooks_id="80-1",
        mosaic_type="employee",
        mosaic_id=7,
        state="in_sync",
    )
    _put(read, 1, 450, 450, state="in_sync")
    _put(read, 3, 60, 90, state="conflict", reason="Both changed the duration.")
    _put(read, 4, None, 30, state="do_not_link")
    put_entry(read, state="refused", unread="No duration.", day=None, name="Bo ?")
    return read


def _told(run: Run, *arguments: str) -> Any:
    result = run("hours", "1", *_WEEK, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.usefixtures("messy")
def test_sums_reasons_entries_and_what_is_missing_are_told(run: Run) -> None:
    """Nothing is left out: what somebody took out is a reason, and no hindrance."""
    told = _told(run)
    assert not told["complete"]
    assert [one["who_must_act"] for one in told["missing"]] == ["customer", "support"]
    reasons = {one["reason"]: one["entries"] for one in told["reasons"]}
    assert reasons == {"same": 1, "left_out": 1, "conflict": 1, "unread": 1}
    assert {one["reason"] for one in told["entries"]} == set(reasons) - {"same"}
    total = told["total"]
    assert (total["quickbooks_minutes"], total["mosaic_minutes"]) == (510, 570)
    assert (total["difference"], total["unknown"]) == (-60, 1)
    for what in ("by_person", "by_job"):
        for side in ("quickbooks_minutes", "mosaic_minutes"):
            assert sum(one[side] for one in told[what]) == total[side]
    assert {one["name"] for one in told["by_person"]} == {"Ann Lee", None}


@pytest.mark.usefixtures("messy")
def test_people_read_it_as_tables(run: Run) -> None:
    """The answer first, then what is missing, sums, reasons, and every entry."""
    printed = run("hours", "1", *_WEEK).output
    first, second, *rest = printed.splitlines()
    assert first == "Harbor & Vale, 2026-03-02 to 2026-03-08: not complete."
    assert second == (
        "QuickBooks as of 2026-03-09 20:00:00 UTC, "
        "Mosaic as of 2026-03-09 20:00:00 UTC."
    )
    text = "\n".join(rest)
    assert "1 entry, 1:00 hours in QuickBooks, 1:30 in" in text
    assert "8:30 and 1 unknown" in text
    for one in ("Both changed the duration.", "unknown", "(no person)"):
        assert one in text


@pytest.mark.usefixtures("messy")
def test_sums_are_of_what_is_asked_for(run: Run) -> None:
    """By day, and not by what is not asked for."""
    told = _told(run, "--by", "day")
    assert {one["name"] for one in told["by_day"]} == {"2026-03-02", None}
    assert not {"by_person", "by_job"} & set(told)


def test_a_week_is_complete_as_of_both_reads(run: Run, read: Engine) -> None:
    """What was left out on purpose is told, and keeps nobody from paying."""
    _put(read, 4, None, 30, state="do_not_link")
    told = _told(run)
    assert (told["complete"], told["missing"]) == (True, [])
    assert told["quickbooks_as_of"] == told["mosaic_as_of"] == str(_NOW)
    assert [one["reason"] for one in told["entries"]] == ["left_out"]
    assert "2026-03-08: complete." in run("hours", "1", *_WEEK).output


def test_what_keeps_the_connection_from_reading_is_told(run: Run, read: Engine) -> None:
    """A computer that is off is the customer's, not nobody's."""
    before = datetime(2026, 3, 7, tzinfo=UTC)
    with company_transaction(read, 1) as connection:
        registry.change(connection, 1, late_at=before)
        reading = tables.reading
        connection.execute(
            sa.update(reading)
            .where(reading.c.kind == "time_entry")
            .values(begun_at=before)
        )
    (one,) = _told(run)["missing"]
    assert one["what"] == "Time of QuickBooks was read last before the period was over."
    assert one["who_must_act"] == "customer"
    assert one["next_step"].startswith("Please start the computer")


@pytest.mark.usefixtures("kept")
def test_a_company_that_was_never_read_is_not_complete(run: Run) -> None:
    """Both sides are named, and that a period ends after it begins."""
    told = _told(run)
    assert len(told["missing"]) == 2
    assert "as of nothing" in run("hours", "1", *_WEEK).output
    wrong = run("hours", "1", "--from", "2026-03-08", "--to", "2026-03-02")
    assert (wrong.exit_code, "--to is before --from" in wrong.output) == (2, True)
