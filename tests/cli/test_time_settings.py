"""What `company set` decides about time, and whom it wakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.app import utc_now
from qbwc_server.companies import attention, registry
from qbwc_server.kinds import time_entry
from qbwc_server.quickbooks import list_requests
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_transaction,
    make_engine,
    next_id,
)
from tests.cli.conftest import Run, add_company

_NAME = "Harbor & Vale"


@pytest.fixture
def engine(run: Run) -> Iterator[Engine]:
    """The database of the commands, with one company."""
    add_company(run)
    made = make_engine(Settings().url())
    yield made
    made.dispose()


def _shown(run: Run) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run("company", "show", _NAME, "--json").output)
    return told


def _set(run: Run, *arguments: str) -> None:
    result = run("company", "set", _NAME, *arguments)
    assert result.exit_code == 0, result.output


def _rows(engine: Engine, table: sa.Table) -> list[Any]:
    with engine.begin() as connection:
        return list(connection.execute(sa.select(table)))


_BEFORE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def _attend(engine: Engine, error_id: str) -> None:
    with company_transaction(engine, 1) as connection:
        attention.attend(
            connection, 1, error_id=error_id, text="Look at it.", now=_BEFORE
        )


def _entry(engine: Engine) -> None:
    """Keep an entry that agrees and is not due."""
    with company_transaction(engine, 1) as connection:
        connection.execute(
            tables.record.insert(),
            {
                "company_id": 1,
                "id": next_id(connection, 1),
                "kind": time_entry.NAME,
                "state": "in_sync",
                "name": "2026-03-02 Ann Lee 60 min",
                "created_at": utc_now(),
                "changed_at": utc_now(),
            },
        )


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--one-way"], "two_way", False),
        (["--two-way"], "two_way", True),
        *((["--policy", one], "policy", one) for one in tables.POLICIES),
        (["--contractors"], "contractors", True),
        (["--employees-only"], "contractors", False),
        (["--time-class", "Studio"], "time_class", "Studio"),
        (["--time-class", ""], "time_class", ""),
        (["--time-payroll-item", "Hourly"], "time_payroll_item", "Hourly"),
        (["--time-payroll-item", ""], "time_payroll_item", ""),
    ],
)
def test_each_setting_of_time_is_kept_and_shown(
    run: Run, arguments: list[str], name: str, value: object
) -> None:
    """What is set is shown afterwards, and nothing else is changed by it."""
    _set(
        run,
        *("--one-way", "--policy", "ask", "--contractors"),
        *("--time-class", "Old", "--time-payroll-item", "Old"),
    )
    before = _shown(run)

    _set(run, *arguments)

    assert _shown(run) == {**before, name: value}


@pytest.mark.usefixtures("engine")
def test_what_was_not_said_stays(run: Run) -> None:
    """New companies write both ways, the newest value is right, employees only."""
    told = _shown(run)

    assert (told["two_way"], told["policy"], told["contractors"]) == (
        *(True, "newest", False),
    )
    result = run("company", "set", _NAME)
    assert result.exit_code == 2
    assert "Say what to change" in result.output
    assert run("company", "set", _NAME, "--policy", "oldest").exit_code == 2
    assert _shown(run) == told


@pytest.mark.parametrize(
    ("arguments", "wakes"),
    [
        (["--one-way"], True),
        (["--policy", "quickbooks"], True),
        (["--contractors"], True),
        (["--time-class", "Studio"], False),
        (["--poll-every", "5"], False),
    ],
)
def test_what_changes_the_plan_has_time_planned_anew(
    run: Run, engine: Engine, arguments: list[str], *, wakes: bool
) -> None:
    """And it is kept who decided it."""
    _entry(engine)

    _set(run, *arguments)

    (record,) = _rows(engine, tables.record)
    assert (record.due_at is not None) is wakes
    assert [(row.who, row.what) for row in _rows(engine, tables.audit)][-1] == (
        *("operator eve", "company changed"),
    )


def test_after_a_restore_a_person_says_which_side_is_right(
    run: Run, engine: Engine
) -> None:
    """The word goes with the next complete read of time."""
    _attend(engine, attention.WHICH_SIDE)

    _set(run, "--after-restore", "mosaic")

    (job,) = _rows(engine, tables.job)
    assert (job.kind, job.action) == (time_entry.NAME, "read")
    assert job.payload == {"after_restore": "mosaic"}
    (read,) = _rows(engine, tables.reading)
    assert (read.kind, read.full_due) == (time_entry.NAME, True)
    assert _shown(run)["attention_id"] == attention.WHICH_SIDE


def test_a_word_about_a_restore_that_was_not_is_refused(
    run: Run, engine: Engine
) -> None:
    """And what was to be changed with it is not changed either."""
    result = run(
        *("company", "set", _NAME, "--after-restore", "mosaic", "--policy", "ask")
    )

    assert result.exit_code == 1
    assert "waits for no word about a restored backup" in result.output
    assert _shown(run)["policy"] == "newest"
    assert _rows(engine, tables.job) == []


@pytest.mark.parametrize(
    ("stopped_by", "of_mosaic"),
    [("too-many-gone", False), ("mosaic-too-many-gone", True)],
)
def test_deletions_are_accepted_on_the_side_that_was_asked_about(
    run: Run, engine: Engine, stopped_by: str, *, of_mosaic: bool
) -> None:
    """The stop ends, everything is read again, and then what is gone is believed."""
    with company_transaction(engine, 1) as connection:
        list_requests.remember(connection, 1, time_entry.NAME, last_full_at=utc_now())
        list_requests.remember(connection, 1, "customer", last_full_at=utc_now())
    _entry(engine)
    _attend(engine, stopped_by)

    _set(run, "--accept-deletions")

    assert _shown(run)["attention_id"] is None
    accepted = {
        row.kind: row.full_due
        for row in _rows(engine, tables.reading)
        if row.deletions_accepted
    }
    of_quickbooks = {time_entry.NAME: True, "customer": True}
    assert accepted == ({registry.MOSAIC_TIME: False} if of_mosaic else of_quickbooks)
    (company,) = _rows(engine, tables.company)
    assert company.next_read_at <= utc_now()
    assert company.time_window_at <= utc_now()
    (record,) = _rows(engine, tables.record)
    assert record.due_at is not None
    assert _rows(engine, tables.audit)[-1].what == "deletions accepted"
