"""The views stay fast: whatever support looks for is found by an index."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.storage.database import make_engine
from qbwc_server.support import open_work, views
from qbwc_server.support.views import Wanted
from tests.conftest import Kept

_COMPANIES, _RECORDS = 400, 60_000
_FEW = "n % 500 = 0"
_IS_PERSON = "n % 97 = 0"
_A_WEEK = "day BETWEEN '2026-03-02' AND '2026-03-08'"
_ROWS = {
    "record": {
        "kind": f"CASE WHEN {_IS_PERSON} THEN 'employee' ELSE 'time_entry' END",
        "state": f"CASE WHEN {_FEW} THEN 'conflict' ELSE 'in_sync' END",
        "parent_id": f"CASE WHEN NOT ({_IS_PERSON}) THEN 'T' || n % 600 * 97 END",
        "name": "'Ann ' || n",
        "quickbooks_id": "'T' || n",
        "mosaic_type": "'time_entry'",
        "mosaic_id": "n",
        "day": "CAST(DATE '2026-01-01' + n % 200 AS text)",
        "created_at": "now()",
        "changed_at": "now()",
    },
    "job": {
        "kind": "'time_entry'",
        "state": f"CASE WHEN {_FEW} THEN 'failed' ELSE 'done' END",
        "action": "'add'",
        "record_id": "n",
        "summary": "'Add'",
        "created_at": "now()",
        "run_at": "now()",
        "finished_at": f"CASE WHEN NOT {_FEW} THEN now() END",
    },
    "session": {
        "state": f"CASE WHEN n <= {_COMPANIES} THEN 'asked' ELSE 'closed' END",
        "started_at": "now()",
        "last_call_at": "now()",
        "ended_at": f"CASE WHEN n > {_COMPANIES} THEN now() END",
        "ticket_hash": "'h' || n",
    },
    "exchange": {
        "state": f"CASE WHEN {_FEW} THEN 'lost' ELSE 'answered' END",
        "purpose": "'work'",
        "session_id": "1",
        "sent_at": "now() - n * interval '1 second'",
        "request": "''",
    },
    "mosaic_call": {
        "state": f"CASE WHEN {_FEW} THEN 'refused' ELSE 'done' END",
        "operation": "'create'",
        "data_type": "'time_entry'",
        "record_id": "n",
        "mosaic_id": "n",
        "fields": "CAST('1' AS jsonb)",
        "ref": "'r' || n",
        "created_at": "now()",
        "settled_at": "now()",
    },
    "job_event": {"job_id": "n", "at": "now()", "to_state": "'done'", "by": "'y'"},
    "record_event": {"record_id": "n", "at": "now()", "what": "'x'", "by": "'y'"},
    "former_id": {
        "side": "'quickbooks'",
        "value": "'WAS' || n",
        "record_id": "n",
        "at": "now()",
    },
    "audit": {"at": "now()", "who": "'x'", "what": "'y'"},
}
_ALL = (
    *("sessions", "jobs", "records", "hours", "exchanges", "calls", "history"),
    "audit",
)
_GREAT = {
    *("record", "job", "session", "exchange", "mosaic_call", "record_event"),
    *("audit", "job_event"),
}
_NOW = datetime.now(UTC)
_DAYS = ("2026-03-02", "2026-03-08")
_MONTH: dict[str, Any] = {"since": _NOW - timedelta(days=31), "until": _NOW}
_HOUR: dict[str, Any] = {
    "since": _NOW - timedelta(hours=2),
    "until": _NOW - timedelta(hours=1),
}
_REF = "0b8f5a3e-6f0c-4a55-9a53-0d5b0c7f5d11"
_WANTED = (
    ("records", Wanted(person="ann 970")),
    ("records", Wanted(person="ann 970", company_id=171)),
    ("records", Wanted(person="ann 970", company_id=171, days=_DAYS)),
    ("records", Wanted(job="acme", company_id=7, days=_DAYS)),
    ("records", Wanted(job="acme", company_id=7, days=("2026-01-01", "2026-03-31"))),
    ("records", Wanted(company_id=7, days=_DAYS)),
    ("records", Wanted(name="ann 970")),
    ("records", Wanted(name="ann 970", company_id=171)),
    ("records", Wanted(id="T17")),
    ("records", Wanted(id="17")),
    ("records", Wanted(id="18-17")),
    ("records", Wanted(state="conflict")),
    ("records", Wanted(company_id=7, after=(7, 50_000))),
    ("jobs", Wanted(id="T17")),
    ("jobs", Wanted(company_id=7, **_HOUR)),
    ("exchanges", Wanted(text="acme", company_id=7, **_MONTH)),
    ("exchanges", Wanted(text="acme", company_id=7, **_HOUR)),
    ("exchanges", Wanted(company_id=7, **_HOUR)),
    ("history", Wanted(id="18-17")),
    ("history", Wanted(company_id=7, **_HOUR)),
    ("sessions", Wanted(file="maple", company_id=7)),
    ("companies", Wanted(file="maple")),
    ("attentions", Wanted(who="support")),
    ("audit", Wanted(id="18-17")),
    ("calls", Wanted(id="T17")),
    ("calls", Wanted(id="17")),
    ("calls", Wanted(id=_REF, company_id=7)),
    ("jobs", Wanted(id="WAS17")),
    ("history", Wanted(id="T17")),
)
"""What `qbwc-server support` asks, with its options."""


@pytest.fixture
def engine(postgres_url: str, kept_databases: Kept) -> Iterator[Engine]:
    """Many companies and records; SQLite's plans tell less, its tables are small."""
    made = make_engine(postgres_url)
    if kept_databases.put(made, "speed") is None:
        _fill_all(made)
        kept_databases.keep(made, "speed", beside=True)
    yield made
    made.dispose()


def _fill_all(engine: Engine) -> None:
    with engine.begin() as connection:
        texts = (
            *("username", "password_hash", "owner_id", "file_id", "mosaic_url"),
            *("setup_token_hash", "webhook_token_hash", "mosaic_team"),
        )
        company = {"name": "'Company ' || n", "created_at": "now()"}
        company |= dict.fromkeys(texts, "'x' || n")
        _fill(connection, "company", company, _COMPANIES)
        for table, values in _ROWS.items():
            own = {"company_id": f"n % {_COMPANIES} + 1"}
            own |= {} if table == "former_id" else {"id": "n"}
            _fill(connection, table, own | values, _RECORDS)
        connection.exec_driver_sql("ANALYZE")


def _fill(
    connection: Connection, table: str, values: dict[str, str], many: int
) -> None:
    columns, made = ", ".join(values), ", ".join(values.values())
    numbers = f"generate_series(1, {many}) n"
    connection.execute(
        sa.text(f"INSERT INTO {table} ({columns}) SELECT {made} FROM {numbers}")
    )


def _whole(engine: Engine, query: str) -> set[str]:
    """Return the great tables that a query would read from beginning to end."""
    with engine.begin() as connection:
        return _scanned(connection, query.replace("%", "%%"))


def _scanned(connection: Connection, query: str, values: Any = None) -> set[str]:
    # Of a small table it may be cheaper that several processes read all of it.
    connection.exec_driver_sql("SET LOCAL max_parallel_workers_per_gather = 0")
    explain = f"EXPLAIN (FORMAT JSON) {query}"
    plan = connection.exec_driver_sql(explain, values).scalar_one()

    def scanned(node: dict[str, object]) -> set[str]:
        below = node.get("Plans", [])
        assert isinstance(below, list)
        own = {str(node["Relation Name"])} if node["Node Type"] == "Seq Scan" else set()
        return own.union(*(scanned(one) for one in below))

    return scanned(plan[0]["Plan"]) & _GREAT


def test_what_support_looks_for_is_found_by_an_index(engine: Engine) -> None:
    """By company, by TxnID, by Mosaic's number, by a state, and by what was copied."""
    queries = [
        *(f"support_{name} WHERE company_id = 7" for name in _ALL),
        *(f"support_{name} WHERE company = 'Company 7'" for name in _ALL),
        "support_attentions WHERE company = 'Company 7'",
        "support_attentions WHERE company_id = 7",
        "support_attentions",
        *("support_health", "support_outages", "support_failed_logins"),
        "support_outages WHERE company_id = 7",
        "support_failed_logins WHERE company_id = 7",
        "support_records WHERE waits_because IS NOT NULL AND state = 'pending'",
        "support_jobs WHERE waits_because IS NOT NULL AND state = 'ready'",
        "support_companies WHERE company = 'Company 7'",
        "support_companies WHERE company_id = 7",
        "support_companies",
        "support_records WHERE quickbooks_id = 'T17'",
        "support_records WHERE mosaic_id = 17",
        "support_records WHERE company_id = 7 AND record_id = 17",
        "support_records WHERE company_id = 7 AND state = 'conflict'",
        "support_jobs WHERE quickbooks_id = 'T17'",
        "support_jobs WHERE company_id = 7 AND record_id = 17",
        "support_calls WHERE quickbooks_id = 'T17'",
        "support_calls WHERE company_id = 7 AND record_id = 17",
        "support_history WHERE company_id = 7 AND record_id = 17",
        f"support_hours WHERE company_id = 7 AND {_A_WEEK}",
        "support_hours WHERE company = 'Company 7' AND reason <> 'same'",
        "support_hours WHERE company_id = 7 AND record_id = 17",
        "support_records WHERE state = 'conflict'",
        "support_records WHERE state = 'unlinked'",
        "support_jobs WHERE state = 'failed'",
        "support_sessions WHERE state = 'asked'",
        "support_exchanges WHERE state = 'lost'",
        "support_calls WHERE state = 'refused'",
        "support_exchanges WHERE company_id = 7 AND sent_at >= now()",
        "support_jobs WHERE company_id = 7 ORDER BY job_id DESC LIMIT 50",
        "support_former_ids WHERE value = 'T17'",
        "support_former_ids WHERE company_id = 7 AND record_id = 17",
        "support_clocks WHERE company_id = 7",
        "support_exchanges WHERE failed_at IS NOT NULL",
        "support_records WHERE kind <> 'time_entry' AND lower(name) LIKE 'ann%'",
    ]
    slow = {query: _whole(engine, f"SELECT * FROM {query}") for query in queries}

    assert {query: read for query, read in slow.items() if read} == {}


def _asked(engine: Engine, what: str, wanted: Wanted | None) -> dict[str, set[str]]:
    """Return each question that a command asks, and what it reads whole.

    With no `wanted` it is one of the lists of `support open`.
    """
    sent: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        sent.append((text, values))

    with engine.begin() as connection:
        sa.event.listen(engine, "before_cursor_execute", listen)
        if wanted is None:
            open_work.look(connection, open_work.Asked(what, _NOW), limit=50)
        else:
            views.look(connection, what, wanted)
            views.left(connection, what, wanted)
        sa.event.remove(engine, "before_cursor_execute", listen)
        return {text: _scanned(connection, text, values) for text, values in sent}


def test_what_commands_send_is_found_by_an_index(engine: Engine) -> None:
    """With each option, and what it asks first: whose name, which number, when."""
    asked: list[tuple[str, Wanted | None]] = [*_WANTED]
    asked += [(which, None) for which in open_work.LISTS]
    for what, wanted in asked:
        found = _asked(engine, what, wanted)
        assert found, wanted
        slow = {query: read for query, read in found.items() if read}
        assert slow == {}, (what, wanted)


def test_hours_of_a_period_are_looked_up_once_however_they_are_shown(
    engine: Engine,
) -> None:
    """By their days, once; what was moved to other days is found by its state."""
    query = f"SELECT * FROM support_hours WHERE company_id = 7 AND {_A_WEEK}"
    with engine.begin() as connection:
        plan = connection.execute(sa.text(f"EXPLAIN {query}")).scalars().all()
    looks = [one for one in plan if "Index Cond" in one and "day >= " in one]
    assert len(looks) == 1, looks


def test_what_hinders_companies_is_counted_of_those_that_have_any(
    engine: Engine,
) -> None:
    """Not looked up company by company, nor again for each column that shows it."""
    explain = "EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM support_companies"
    with engine.begin() as connection:
        (plan,) = connection.exec_driver_sql(explain).scalar_one()

    def looks(node: dict[str, Any]) -> int:
        is_one = node.get("Relation Name") in _GREAT and "Scan" in node["Node Type"]
        own = int(node["Actual Loops"]) if is_one else 0
        return own + sum(looks(one) for one in node.get("Plans", []))

    assert 0 < looks(plan["Plan"]) < _COMPANIES / 4


def test_a_query_without_an_index_would_be_found(engine: Engine) -> None:
    """The negative control: an index less, or a condition that none serves."""
    assert _whole(engine, "SELECT * FROM support_records WHERE name LIKE '%x%'")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_record_quickbooks_id")
    query = "SELECT * FROM support_records WHERE quickbooks_id = 'T17'"
    assert _whole(engine, query) == {"record"}
    wanted = Wanted(person="ann 970", company_id=171, days=_DAYS)
    with engine.begin() as connection:
        for index in ("day", "parent", "state", "support", "needs", "due"):
            connection.exec_driver_sql(f"DROP INDEX ix_record_{index}")
        connection.exec_driver_sql("DROP INDEX uq_record_quickbooks")
        connection.exec_driver_sql(
            "ALTER TABLE record DROP CONSTRAINT pk_record CASCADE"
        )
    assert {"record"} in _asked(engine, "records", wanted).values()
