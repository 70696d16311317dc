"""What support looks for, a page at a time, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage.database import (
    company_transaction,
)
from qbwc_server.storage.support_reading import support_reading
from qbwc_server.support import views
from qbwc_server.support.views import LOOKS, NotThere, Wanted
from tests.conftest import Clock
from tests.jobs import jobs

NewCompanies = Callable[..., NewCompany]


@pytest.fixture(autouse=True)
def _two(engine: Engine, new_company: NewCompanies, clock: Clock) -> None:
    """Two companies with seven jobs each."""
    for name in ("Alice", "Bob"):
        company = new_company(name)
        with company_transaction(engine, company.id) as connection:
            for _ in range(7):
                jobs.add(connection, company.id, clock())


def test_pages_go_on_from_a_key_and_come_to_an_end(engine: Engine) -> None:
    """Nothing twice, nothing left out, the newest first."""
    seen: list[tuple[int, int]] = []
    after: tuple[int, int] | None = None
    with support_reading(engine) as connection:
        for _ in range(10):
            page = views.look(connection, "jobs", Wanted(after=after), limit=4)
            if not page:
                break
            seen += [(row.company_id, row.job_id) for row in page]
            after = seen[-1]
        first = views.look(connection, "companies", Wanted(), limit=1)
        second = views.look(
            connection, "companies", Wanted(after=(first[0].company_id, 0)), limit=5
        )
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 14
    assert [row.company for row in (*first, *second)] == ["Alice", "Bob"]


def test_everything_can_be_looked_at(engine: Engine, clock: Clock) -> None:
    """Moments are aware, and raw messages stay where they are."""
    with support_reading(engine) as connection:
        for what in LOOKS:
            wanted = Wanted(company_id=1) if what != "words" else Wanted()
            rows = views.look(connection, what, wanted)
            for row in rows:
                assert not {"request", "answer"} & set(row._fields)
                if "since" in row._fields:
                    assert abs(row.since - clock()) < timedelta(days=1)
        with pytest.raises(NotThere):
            views.look(connection, "words", Wanted(company_id=1))


def test_looking_cannot_write(engine: Engine) -> None:
    """On PostgreSQL; a SQLite file belongs to who may open it."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite knows no roles")
    with (
        pytest.raises(Exception, match=r"read-only|permission denied"),
        support_reading(engine) as connection,
    ):
        connection.exec_driver_sql("CREATE TEMP TABLE mine (id int)")


@pytest.mark.parametrize("what", ["jobs", "steps"])
def test_a_job_is_found_as_commands_name_it(engine: Engine, what: str) -> None:
    """By its own number, of its own company."""
    with support_reading(engine) as connection:
        number = views.look(connection, "jobs", Wanted(company_id=2))[0].job_id
        found = views.look(connection, what, Wanted(id=f"2-{number}"))
        assert {(row.company_id, row.job_id) for row in found} == {(2, number)}
        assert views.look(connection, what, Wanted(id=f"3-{number}")) == []
