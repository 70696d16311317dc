"""A database that goes away is an error of one kind, and the next one asks anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage.database import NOT_USABLE, make_engine
from qbwc_server.storage.one_trip import at_once
from qbwc_server.storage.tables import company as table

_OF = table.c.id == sa.bindparam("company")
_SEEN = sa.update(table).where(_OF).values(attention=sa.null())


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """What ends in mid-connection is a server."""
    return postgres_url


@pytest.fixture
def others(postgres_url: str) -> Iterator[Engine]:
    """An engine for who ends connections."""
    made = make_engine(postgres_url)
    yield made
    made.dispose()


def end(others: Engine, pid: int) -> None:
    """End a connection from the server's side, and wait until it has."""
    ended = sa.func.pg_terminate_backend(pid, 5_000)
    with others.begin() as connection:
        assert connection.scalar(sa.select(ended))


def test_a_statement_in_one_trip_says_that_as_any_other_does(
    engine: Engine,
    others: Engine,
    new_company: Callable[..., NewCompany],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whether it is in use while it ends is decided by nothing that can be asked."""
    company = new_company()

    def end_it(connection: Any, _record: object, _proxy: object) -> None:
        end(others, connection.info.backend_pid)

    sa.event.listen(engine, "checkout", end_it)
    with pytest.raises(NOT_USABLE):
        at_once(engine, company.id, _SEEN, {"company": company.id})

    assert not [row for row in caplog.records if row.levelname == "ERROR"]

    sa.event.remove(engine, "checkout", end_it)
    assert at_once(engine, company.id, _SEEN, {"company": company.id}) == 1


def test_a_connection_that_ended_while_nobody_used_it_is_not_given_out(
    engine: Engine, others: Engine
) -> None:
    """It is found by what the server said at its end, without asking the server."""
    pid = sa.select(sa.func.pg_backend_pid())
    with engine.begin() as connection:
        before = connection.execute(pid).scalar_one()
    end(others, before)

    with engine.begin() as connection:
        assert connection.scalar(pid) != before
