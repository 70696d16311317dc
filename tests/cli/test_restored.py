"""What a restored backup did: listed with its hours, and decided by a word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.app import utc_now
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_transaction,
    make_engine,
    next_id,
)
from tests.cli.conftest import Run, add_company

_NAME = "Harbor & Vale"
LOST = {"minutes": 90, "person": "P-1", "date": "2026-03-02"}


@pytest.fixture
def engine(run: Run) -> Iterator[Engine]:
    """The database of the commands, with one company."""
    add_company(run)
    made = make_engine(Settings().url())
    yield made
    made.dispose()


@pytest.fixture
def two(engine: Engine) -> list[int]:
    """A company with two entries of Ann that a restored backup took."""
    return [_entry(engine, f"T-{number}", restored="missing") for number in (1, 2)]


def _rows(engine: Engine, table: sa.Table) -> list[Any]:
    with engine.begin() as connection:
        return list(connection.execute(sa.select(table)))


def _entry(engine: Engine, txn_id: str, **more: Any) -> int:
    with company_transaction(engine, 1) as connection:
        number = next_id(connection, 1)
        connection.execute(
            tables.record.insert().values(
                **{
                    "company_id": 1,
                    "id": number,
                    "kind": "time_entry",
                    "state": "refused",
                    "name": "2026-03-02 Ann Lee 1:30",
                    "day": "2026-03-02",
                    "quickbooks_id": txn_id,
                    "quickbooks": LOST,
                    "lost": LOST,
                    "parent_id": "P-1",
                    "created_at": utc_now(),
                    "changed_at": utc_now(),
                    **more,
                }
            )
        )
        return number


def test_it_is_listed_with_its_hours(run: Run, two: list[int]) -> None:
    """Each entry, and the sum."""
    listed = run("records", "restored", _NAME)
    assert listed.exit_code == 0, listed.output
    for number in two:
        assert f"1-{number}" in listed.output
    assert "2 entries, 3:00 hours: somebody 3:00. 2 of them are asked." in listed.output
    shown = run("company", "show", _NAME, "--json")
    assert '"hours": "3:00"' in shown.output


@pytest.mark.parametrize(("command", "mark"), [("put-back", "add"), ("leave", "left")])
def test_one_word_is_for_one_or_for_all(
    run: Run, engine: Engine, two: list[int], command: str, mark: str
) -> None:
    """And it is kept who said it, and why."""
    said = run("records", command, f"1-{two[0]}", "--why", "Ann asked")
    assert said.exit_code == 0, said.output
    marks = {row.id: row.restored for row in _rows(engine, tables.record)}
    assert marks == {two[0]: mark, two[1]: "missing"}
    again = run("records", command, f"1-{two[0]}")
    assert again.exit_code == 1
    assert "no restored backup" in again.output
    assert run("records", command, "--all", _NAME).exit_code == 0
    assert {row.restored for row in _rows(engine, tables.record)} == {mark}
    audit = _rows(engine, tables.audit)
    assert "Ann asked" in {row.why for row in audit}


def test_records_and_a_company_are_not_named_together(run: Run, two: list[int]) -> None:
    """Neither nothing."""
    assert run("records", "leave").exit_code == 2
    assert run("records", "leave", f"1-{two[0]}", "--all", _NAME).exit_code == 2
