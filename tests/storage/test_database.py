"""What both databases must do alike: moments, JSON, upserts, ids, forgetting."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage import statements, tables
from qbwc_server.storage.database import (
    company_transaction,
    make_engine,
    next_id,
    next_ids,
    transaction,
)
from qbwc_server.storage.statements import insert_many, upsert
from qbwc_server.storage.walls import bind_company
from tests.conftest import Clock
from tests.jobs import jobs
from tests.tenants.statements import LOOKUPS

NewCompanies = Callable[..., NewCompany]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 7, 1, 12, 0, 0, 123456, UTC),
        datetime(2026, 7, 1, 12, 0, tzinfo=timezone(timedelta(hours=-5))),
        datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=1))),
        datetime(1999, 12, 31, 23, 59, 59, 999999, UTC),
    ],
)
def test_a_moment_comes_back_as_itself_and_in_utc(
    engine: Engine, new_company: NewCompanies, moment: datetime
) -> None:
    """On both databases, whatever zone it was said in, and compared as a moment."""
    company = new_company()
    earlier = moment - timedelta(microseconds=1)
    with company_transaction(engine, company.id) as connection:
        job = jobs.add(connection, company.id, moment)
        before = connection.execute(
            sa.select(tables.job.c.id).where(tables.job.c.run_at > earlier)
        ).all()

    assert moment == job.created_at
    assert timedelta(0) == job.created_at.utcoffset()
    assert len(before) == 1


_ANYWHERE = ("quickbooks_id", "mosaic_id", "external_guid", "value", "called")
"""What support looks for without knowing whose it is: an id, or how a name begins."""


def test_a_moment_is_utc_also_where_the_database_server_lives_elsewhere(
    postgres_url: str,
) -> None:
    """PostgreSQL answers in its session's zone; we do not hand that on."""
    engine = make_engine(postgres_url)
    moment = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL TIME ZONE 'Asia/Kathmandu'")
        connection.execute(
            tables.login_failure.insert(), {"who": "x", "last_at": moment}
        )
        found = connection.execute(sa.select(tables.login_failure.c.last_at)).scalar()
    engine.dispose()

    assert moment == found
    assert found.isoformat() == "2026-07-01T12:00:00+00:00"


def test_a_moment_without_a_zone_is_refused(
    engine: Engine, new_company: NewCompanies
) -> None:
    """It could be any of 38 moments."""
    company = new_company()
    naive = datetime(2026, 7, 1, 12, 0)  # noqa: DTZ001 - the point of the test

    with (
        pytest.raises(sa.exc.StatementError, match="without a time zone"),
        company_transaction(engine, company.id) as connection,
    ):
        jobs.add(connection, company.id, naive)


def test_json_comes_back_as_it_was(engine: Engine, new_company: NewCompanies) -> None:
    """Text of any language, nesting, empty things, and nothing as NULL."""
    company = new_company()
    now = datetime(2026, 7, 1, tzinfo=UTC)
    payload = {"name": "Jörg 名前 🏗️ \u2028 \" ' \\ \n", "none": None, "list": [1, {}]}
    with company_transaction(engine, company.id) as connection:
        one = jobs.add(connection, company.id, now, payload=payload)
        other = jobs.add(connection, company.id, now, payload=None)
        nothing = connection.execute(
            sa.select(tables.job.c.id).where(tables.job.c.payload.is_(None))
        ).scalars()

        assert payload == one.payload
        assert [other.id] == list(nothing)


def test_an_error_does_not_tell_the_values(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Errors are logged, and the values are people's names and addresses."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        job = jobs.add(connection, company.id, clock())
        event: dict[str, object] = {"company_id": company.id, "id": job.id}
        event |= {"job_id": job.id, "at": clock(), "to_state": "ready", "by": "Ann Lee"}
        connection.execute(tables.job_event.insert(), event)
    with (
        engine.connect() as connection,
        pytest.raises(sa.exc.IntegrityError) as raised,
    ):
        connection.execute(tables.job_event.insert(), event)

    assert "Ann Lee" not in str(raised.value)


def test_upsert_inserts_what_is_new_and_changes_what_is_there(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Also twice in one call: the last one counts, as with separate calls."""
    company = new_company()
    table, key = tables.mosaic_object, ("company_id", "data_type", "mosaic_id")

    def row(mosaic_id: int, name: str) -> dict[str, object]:
        return {
            "company_id": company.id,
            "data_type": "client",
            "mosaic_id": mosaic_id,
            "name": name,
            "match_key": name,
            "name_key": name,
            "snapshot": {"name": name},
            "seen_in": clock().year,
        }

    with company_transaction(engine, company.id) as connection:
        upsert(connection, table, [], key=key)
        upsert(connection, table, [row(1, "a"), row(2, "b")], key=key)
        rows = [row(2, "B"), row(3, "c"), row(3, "C")]
        upsert(connection, table, rows, key=key)
        found = connection.execute(
            sa.select(table.c.mosaic_id, table.c.name).order_by(table.c.mosaic_id)
        ).all()

    assert [tuple(one) for one in found] == [(1, "a"), (2, "B"), (3, "C")]


def test_ids_rise_from_one_within_each_company(
    engine: Engine, new_company: NewCompanies
) -> None:
    """Adding a company takes its first id, for the entry in its audit."""
    alice, bob = new_company("Alice"), new_company("Bob")
    for company in (alice, bob):
        with company_transaction(engine, company.id) as connection:
            assert range(2, 5) == next_ids(connection, company.id, 3)
            assert range(5, 6) == next_ids(connection, company.id)


def test_a_company_that_is_forgotten_leaves_nothing_and_nobody_else_is_touched(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Every table of a company's data goes with it."""
    alice, bob = new_company("Alice"), new_company("Bob")
    for company in (alice, bob):
        with company_transaction(engine, company.id) as connection:
            jobs.into(connection, company.id, clock(), "sent")
    with engine.begin() as connection:
        connection.execute(
            tables.company.delete().where(tables.company.c.id == alice.id)
        )

    with engine.begin() as connection:
        for table in tables.metadata.sorted_tables:
            if "company_id" in table.c and table.foreign_keys:
                owners = connection.execute(sa.select(table.c.company_id)).scalars()
                assert set(owners) <= {bob.id}, table.name
        jobs_left = connection.execute(sa.select(tables.job)).all()
    assert len(jobs_left) == 1


def test_every_table_of_a_company_begins_its_keys_with_the_company() -> None:
    """So that companies can be spread over partitions without touching code."""
    without = {"company", "mosaic_budget", "login_failure", "heartbeat", "mosaic_claim"}
    without |= {"time_claim", "time_rule"}
    without |= {"word", "outage", "database_mark", "forgotten_company"}  # nobody's data
    without |= LOOKUPS
    for table in tables.metadata.sorted_tables:
        if table.name in without or table.name.startswith("support_"):
            continue
        assert next(iter(table.primary_key.columns)).name == "company_id", table
        unique = [
            one for one in table.constraints if isinstance(one, sa.UniqueConstraint)
        ]
        # Support looks for a TxnID or a state in all companies at once.
        of_all = {f"ix_{table.name}_{key}" for key in _ANYWHERE}
        of_all.add(f"ix_{table.name}_support")
        of_one = [one for one in table.indexes if one.name not in of_all]
        listed: list[sa.Index | sa.UniqueConstraint] = [*of_one, *unique]
        for one in listed:
            assert next(iter(one.columns)).name == "company_id", one.name


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_spelling_of_a_postgresql_url_is_understood(scheme: str) -> None:
    """Hosting companies write it in different ways."""
    engine = make_engine(f"{scheme}://u:p%40ss@db/name?sslmode=require")

    assert (engine.dialect.name, engine.driver) == ("postgresql", "psycopg")
    assert engine.url.password == "p@ss"


def test_connections_that_the_server_has_closed_are_made_anew(
    postgres_url: str,
) -> None:
    """Nobody sees that the database was started again."""
    engine, other = make_engine(postgres_url), make_engine(postgres_url)
    kept = [engine.connect() for _ in range(3)]
    for one in kept:
        one.close()

    with other.begin() as connection:
        ended = sa.text(
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )  # waits until they have
        assert connection.execute(ended).scalar_one() == 3
    for _ in range(4):
        with engine.begin() as connection:
            assert connection.execute(sa.select(1)).scalar_one() == 1

    engine.dispose()
    other.dispose()


def test_ids_taken_in_a_transaction_are_taken_when_it_ends(
    engine: Engine, new_company: Callable[..., NewCompany]
) -> None:
    """They rise from one to the next, and one that failed has taken none."""
    company_id = new_company().id
    with company_transaction(engine, company_id) as connection:
        first, second = next_id(connection, company_id), next_id(connection, company_id)
        with contextlib.suppress(ZeroDivisionError), connection.begin_nested():
            inner = next_id(connection, company_id)
            raise ZeroDivisionError
        many = next_ids(connection, company_id, 3)
    with (
        contextlib.suppress(ZeroDivisionError),
        company_transaction(engine, company_id) as connection,
    ):
        lost = next_id(connection, company_id)
        raise ZeroDivisionError
    with transaction(engine) as connection:
        bind_company(connection, company_id)
        outside = next_id(connection, company_id)
    with company_transaction(engine, company_id) as connection:
        after = next_id(connection, company_id)

    assert [second, inner, *many, outside, after] == list(range(first + 1, first + 8))
    assert lost == outside


def test_another_company_s_ids_are_not_counted_along(
    engine: Engine, new_company: Callable[..., NewCompany]
) -> None:
    """Who holds one company's lock and asks for an id of another gets that one's."""
    alice, bob = new_company("Alice").id, new_company("Bob").id
    with company_transaction(engine, bob) as connection:
        before = next_id(connection, bob)
    with company_transaction(engine, alice) as connection:
        next_ids(connection, alice, 50)
        bind_company(connection, bob)
        assert next_id(connection, bob) == before + 1
        bind_company(connection, alice)


@pytest.mark.parametrize("alike", [{"company_id"}, {"company_id", "at", "detail"}])
def test_rows_with_numbers_of_any_length_are_inserted(
    engine: Engine, new_company: Callable[..., NewCompany], alike: set[str]
) -> None:
    """The quick way to write them as a text knows 64 bits only.

    What all rows have alike is written beside that text.
    """
    company_id = new_company().id
    at = datetime(2026, 3, 2, 15, 0, 0, 250_000, tzinfo=UTC)
    detail = {"number": 2**70, "text": "\u2028 €"}
    with company_transaction(engine, company_id) as connection:
        row = {
            "company_id": company_id,
            "record_id": 1,
            "at": at,
            "what": "seen",
            "by": "test",
            "detail": detail,
        }
        same = {name: value for name, value in row.items() if name in alike}
        differing = {name: value for name, value in row.items() if name not in alike}
        rows = [
            {"id": number, **differing}
            for number in next_ids(connection, company_id, 10)
        ]
        insert_many(connection, tables.record_event, rows, same)
        stored = connection.execute(
            sa.select(tables.record_event.c.at, tables.record_event.c.detail)
        ).all()
    assert stored == [(at, detail)] * 10


def test_a_change_tells_how_many_rows_it_found(
    engine: Engine, new_company: Callable[..., NewCompany]
) -> None:
    """Values are taken as they are; an expression is one."""
    company_id = new_company().id
    table = tables.company_sequence
    key = {"company_id": company_id}
    with company_transaction(engine, company_id) as connection:
        assert statements.change(connection, table, key, {"last_id": 7}) == 1
        more = {"last_id": table.c.last_id + 1}
        assert statements.change(connection, table, key, more) == 1
        wrong = {**key, "last_id": 7}
        assert statements.change(connection, table, wrong, {"last_id": 9}) == 0
        assert connection.execute(sa.select(table.c.last_id)).scalar_one() == 8
