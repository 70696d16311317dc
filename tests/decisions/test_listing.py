"""Lists for people: by group and need, searched, paged; and what they cost."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection, Engine

from qbwc_server import words
from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import listing
from qbwc_server.kinds.list_plan import Choice
from qbwc_server.standing import who_must_act
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.conftest import Clock

NewCompanies = Callable[..., NewCompany]
KINDS = ("employee", "customer", "service_item", "time_entry", "vendor")


@pytest.fixture
def company(new_company: NewCompanies, engine: Engine, clock: Clock) -> NewCompany:
    """A company with a record of each kind in each state, and waiting ones."""
    made = new_company()
    with company_transaction(engine, made.id) as connection:
        number = 0
        for kind in KINDS:
            for state in (*tables.RECORD_STATES, "waits"):
                number += 1
                add(connection, made.id, number, kind, state, clock)
    return made


def add(
    connection: Connection,
    company_id: int,
    number: int,
    kind: str,
    state: str,
    clock: Clock,
) -> None:
    """Put a record into a company; `waits` is unlinked and waits for another."""
    waits = state == "waits"
    connection.execute(
        tables.record.insert(),
        {
            "company_id": company_id,
            "id": number,
            "kind": kind,
            "state": "unlinked" if waits else state,
            "waits_for": "customer:X" if waits else None,
            "name": f"Ürsula {number} {state}",
            "quickbooks_id": f"{kind}-{number}",
            "quickbooks": {"name": f"N{number}"},
            "created_at": clock(),
            "changed_at": clock(),
        },
    )


def _all(connection: Connection, company: Any, group: str, **how: Any) -> list[int]:
    """Return the ids of every page, three at a time."""
    found: list[int] = []
    after: int | None = 0
    while after is not None:
        page = listing.page(connection, company, group, after=after, limit=3, **how)
        assert len(page.records) <= 3
        found += [one.id for one in page.records]
        after = page.after
    return found


def test_every_record_is_in_one_group_and_one_need_and_on_one_page(
    engine: Engine, company: NewCompany
) -> None:
    """The pages together are the whole, each record once, in order; as the counts."""
    with company_transaction(engine, company.id) as connection:
        found = registry.get(connection, company.id)
        counts = {one.kind: one for one in who_must_act.counts(connection, company.id)}
        met: list[int] = []
        for group, kinds in listing.GROUPS.items():
            whole = _all(connection, found, group)
            assert whole == sorted(whole)
            met += whole
            parts = {
                need: _all(connection, found, group, need=need) for need in words.NEEDS
            }
            assert sorted(itertools.chain(*parts.values())) == whole
            for need, ids in parts.items():
                told = sum(counts[kind].by_need[need] for kind in kinds)
                assert told == len(ids), (group, need)
                shown = listing.show(connection, found, ids)
                assert {one.need for one in shown} == {need}
                assert all(one.next_step for one in shown)
    assert sorted(met) == list(range(1, len(KINDS) * 9 + 1))


def test_a_search_finds_any_part_of_a_name_and_goes_on(
    engine: Engine, company: NewCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case, spaces and accents as people write them; each step looks at few rows."""
    monkeypatch.setattr(listing, "_SCAN", 2)
    monkeypatch.setattr(listing, "_SCANNED", 4)
    with company_transaction(engine, company.id) as connection:
        found = registry.get(connection, company.id)
        everybody = _all(connection, found, "people")
        assert _all(connection, found, "people", search="  ÜRSULA ") == everybody
        few = _all(connection, found, "jobs", search="conflict")
        assert len(few) == 1
        assert _all(connection, found, "jobs", search="nobody") == []
        locked = _all(connection, found, "people", search="locked", state="locked")
        assert len(locked) == 2


_ROW = st.tuples(
    st.sampled_from(sorted(who_must_act.SHOWN)),
    st.sampled_from(tables.RECORD_STATES),
    st.sampled_from([None, "customer:X", "employee:Y"]),
    st.sampled_from([None, *Choice]),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=st.lists(_ROW, max_size=40))
def test_all_that_tells_where_records_stand_tells_the_same(
    engine: Engine, company: NewCompany, clock: Clock, rows: list[Any]
) -> None:
    """Dashboard, lists, downloads, Web Connector: one rule, whatever there is."""
    with company_transaction(engine, company.id) as connection:
        found = registry.get(connection, company.id)
        connection.execute(tables.record.delete())
        for number, (kind, state, waits_for, choice) in enumerate(rows, 1):
            add(connection, company.id, number, kind, state, clock)
            connection.execute(
                tables.record.update()
                .where(tables.record.c.id == number)
                .values(waits_for=waits_for, choice=choice)
            )
        stored = connection.execute(sa.select(tables.record)).all()
        told = {
            kind: {
                need: {
                    row.id
                    for row in stored
                    if row.kind == kind and who_must_act.of(row).need == need
                }
                for need in words.NEEDS
            }
            for kind in who_must_act.SHOWN
        }
        for one in who_must_act.counts(connection, company.id):
            assert one.by_need == {n: len(ids) for n, ids in told[one.kind].items()}
            for need, ids in told[one.kind].items():
                page, following = listing.rows(connection, company.id, [one.kind], need)
                assert ({row.id for row in page}, following) == (ids, None)
        for group, kinds in listing.GROUPS.items():
            for need in words.NEEDS:
                listed = set(_all(connection, found, group, need=need))
                assert listed == set().union(*(told[kind][need] for kind in kinds))
                batch, more = listing.matching(connection, company.id, group, need=need)
                assert (set(batch), more) == (listed, None)
        asked = sum(len(ids["needs_you"]) for ids in told.values())
        assert who_must_act.count(connection, company.id) == asked


def test_a_large_company_is_counted_exactly(
    engine: Engine, company: NewCompany, clock: Clock
) -> None:
    """And every page that tells of them tells the same number."""
    with company_transaction(engine, company.id) as connection:
        rows = [
            {
                "company_id": company.id,
                "id": number,
                "kind": "customer",
                "state": "in_sync",
                "name": "x",
                "created_at": clock(),
                "changed_at": clock(),
            }
            for number in range(100, 10_700)
        ]
        connection.execute(tables.record.insert(), rows)
        (counted,) = (
            one
            for one in who_must_act.counts(connection, company.id)
            if one.kind == "customer"
        )
    assert counted.by_need["in_sync"] == 10_601
    assert counted.by_need["on_its_way"] == 1


def test_an_hour_that_waits_for_its_person_is_not_one_more_thing_to_do() -> None:
    """Its person needs somebody, once."""
    for waits in (True, False):
        stands = words.standing("time_entry", "unlinked", waits=waits)
        assert (stands.need, stands.who) == ("waiting", "nobody")
    assert words.standing("employee", "unlinked", waits=False).need == "needs_you"
    later = words.standing("employee", "unlinked", waits=False, choice="later")
    assert (later.need, "what it is" in later.do) == ("needs_you", True)


def test_lists_and_counts_of_a_large_company_are_read_from_indexes(
    engine: Engine, company: NewCompany
) -> None:
    """No statement of them looks at every record, on PostgreSQL by its own plan."""
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite's plan tells less")
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO record (company_id, id, kind, state, name, waits_for,"
                " created_at, changed_at) SELECT :company, 1000 + n, 'time_entry',"
                " CASE WHEN n % 100 = 0 THEN 'unlinked' ELSE 'in_sync' END, 'x',"
                " CASE WHEN n % 200 = 0 THEN 'customer:X' END, now(), now()"
                " FROM generate_series(1, 60000) n"
            ),
            {"company": company.id},
        )
        connection.execute(sa.text("ANALYZE record"))
    said: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        if "FROM record" in text:
            said.append((text, values))

    sa.event.listen(engine, "before_cursor_execute", listen)
    with company_transaction(engine, company.id) as connection:
        found = registry.get(connection, company.id)
        who_must_act.counts(connection, company.id)
        who_must_act.count(connection, company.id)
        for need in words.NEEDS:
            listing.page(connection, found, "time", need=need, after=30_000)
            listing.page(connection, found, "people", need=need)
    sa.event.remove(engine, "before_cursor_execute", listen)

    assert len(said) > len(words.NEEDS)
    with company_transaction(engine, company.id) as connection:
        for text, values in said:
            plan = connection.exec_driver_sql(f"EXPLAIN {text}", values)
            told = "\n".join(plan.scalars())
            assert "Seq Scan on record" not in told, told
            assert "ix_record" in told or "pk_record" in told, told
