"""Who stands above a record, what happened to it, and that companies never touch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.kinds.kind import Lineage
from qbwc_server.records import ancestors, history, store, waiting
from qbwc_server.records.due import make_due
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.conftest import Clock
from tests.records.seen import CLASS, CUSTOMER, change, deliver_all, due, rows, seen

NewCompanies = Callable[..., NewCompany]


def _lineage(connection: Connection, company_id: int, quickbooks_id: str) -> Lineage:
    row = rows(connection, company_id)[quickbooks_id]
    return ancestors.lineage(connection, company_id, row)


def test_a_line_goes_from_the_topmost_ancestor_down(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Each with what both sides have of it."""
    company = new_company()
    objects = [seen("1", "A"), seen("2", "A:B", "1"), seen("3", "A:B:C", "2")]
    with company_transaction(engine, company.id) as connection:
        store.keep_seen(connection, company.id, CUSTOMER, objects, now=clock())
        change(connection, company.id, "1", mosaic_type="client", mosaic_id=7)

        lineage = _lineage(connection, company.id, "3")

        assert [one.quickbooks["name"] for one in lineage] == ["A", "B", "C"]
        assert (lineage[0].mosaic_type, lineage[0].mosaic_id) == ("client", 7)
        assert not any(one.missing for one in lineage)
        assert len(_lineage(connection, company.id, "1")) == 1


@pytest.mark.parametrize("gone", [False, True])
def test_a_line_says_where_a_parent_is_missing(
    engine: Engine, new_company: NewCompanies, clock: Clock, *, gone: bool
) -> None:
    """Never read, or deleted: what stands above that is not asked for."""
    company = new_company()
    objects = [seen("2", "A:B", "1"), seen("3", "A:B:C", "2")]
    if gone:
        objects.append(seen("1", "A"))
    with company_transaction(engine, company.id) as connection:
        store.keep_seen(connection, company.id, CUSTOMER, objects, now=clock())
        store.keep_seen(connection, company.id, CLASS, [seen("1", "A")], now=clock())
        store.mark_gone(connection, company.id, CUSTOMER, ["1"], now=clock())

        lineage = ancestors.lineage(
            connection,
            company.id,
            connection.execute(
                sa.select(tables.record).where(tables.record.c.quickbooks_id == "3")
            ).one(),
        )

        assert [one.quickbooks_id for one in lineage] == ["1", "2", "3"]
        assert [one.missing for one in lineage] == [True, False, False]


def test_a_line_in_a_circle_ends(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """It is deeper than anything QuickBooks can hold, and that is all."""
    company = new_company()
    objects = [seen("1", "A", "2"), seen("2", "B", "1"), seen("3", "C", "3")]
    with company_transaction(engine, company.id) as connection:
        store.keep_seen(connection, company.id, CUSTOMER, objects, now=clock())

        for one in "123":
            lineage = _lineage(connection, company.id, one)
            assert 5 < len(lineage) < 20
            assert lineage[-1].quickbooks_id == one


def test_what_happened_to_a_record_is_kept(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """With who and when, and any detail."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        for number in range(2):
            history.event(
                connection,
                company.id,
                4,
                at=clock(),
                what="linked",
                by="a person",
                detail={"number": number},
            )
        events = connection.execute(
            sa.select(tables.record_event).order_by(tables.record_event.c.id)
        ).all()

    assert [one.detail for one in events] == [{"number": 0}, {"number": 1}]
    assert {(one.record_id, one.at, one.by) for one in events} == {
        (4, clock(), "a person")
    }


def test_two_companies_with_the_same_ids_never_touch(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Two copies of one company file: whatever is done with one, the other stays."""
    alice, bob = new_company("Alice"), new_company("Bob")
    family = [seen("1", "A"), seen("2", "A:B", "1"), seen("3", "A:B:C", "2")]
    for company in (alice, bob):
        with company_transaction(engine, company.id) as connection:
            store.keep_seen(connection, company.id, CUSTOMER, family, now=clock())
            deliver_all(connection, company.id)
            change(connection, company.id, "1", mosaic_type="client", mosaic_id=5)
            change(connection, company.id, "2", waits_for="customer:1")
    with company_transaction(engine, alice.id) as connection:
        before = rows(connection, alice.id)
    with company_transaction(engine, bob.id) as connection:
        of_bob = rows(connection, bob.id)
    assert {row.id for row in before.values()} == {row.id for row in of_bob.values()}

    clock.pass_(hours=1)
    with company_transaction(engine, bob.id) as connection:
        renamed = seen("1", "Z", version=2)
        store.keep_seen(
            connection, bob.id, CUSTOMER, [renamed], now=clock(), full_read=77
        )
        waiting.wake_waiting(connection, bob.id, "customer", "1", clock())
        store.mark_gone(connection, bob.id, CUSTOMER, ["3"], now=clock())
        make_due(connection, bob.id, [before["1"].id], clock())
        assert store.unseen(connection, bob.id, CUSTOMER, 77) == (["2"], 2)
        assert due(connection, bob.id) == {"1", "2", "3"}

    with company_transaction(engine, alice.id) as connection:
        assert before == rows(connection, alice.id)
        assert [
            one.quickbooks["name"] for one in _lineage(connection, alice.id, "3")
        ] == [
            "A",
            "B",
            "C",
        ]


def test_the_database_refuses_two_records_of_one_object(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Of one object of QuickBooks, and of one object of Mosaic."""
    company = new_company()
    objects = [seen("1", "A"), seen("2", "B")]
    with company_transaction(engine, company.id) as connection:
        store.keep_seen(connection, company.id, CUSTOMER, objects, now=clock())
    for values in (
        {"quickbooks_id": "1"},
        {"mosaic_type": "client", "mosaic_id": 9},
        {"state": "lost"},
    ):
        with (
            pytest.raises(sa.exc.IntegrityError),
            company_transaction(engine, company.id) as connection,
        ):
            change(connection, company.id, ["1", "2"], **values)
