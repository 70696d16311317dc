"""What stands in Web Connector's Status column after a run, over the real SOAP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server import words
from qbwc_server.companies import attention
from qbwc_server.standing import reasons, who_must_act
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, next_ids
from tests.web_connector.desk import Desk
from tests.web_connector.timesheet import Timesheet


def records(desk: Desk, kind: str, state: str, many: int, **more: object) -> None:
    """Make records of a kind in a state."""
    with company_transaction(desk.engine, desk.company.id) as connection:
        connection.execute(
            tables.record.insert(),
            [
                {
                    "company_id": desk.company.id,
                    "id": number,
                    "kind": kind,
                    "state": state,
                    "name": f"{kind} {number}",
                    "created_at": desk.clock(),
                    "changed_at": desk.clock(),
                    **more,
                }
                for number in next_ids(connection, desk.company.id, many)
            ],
        )


def waiting(desk: Desk) -> int:
    """Count what needs a person."""
    with company_transaction(desk.engine, desk.company.id) as connection:
        return who_must_act.count(connection, desk.company.id)


def test_a_run_tells_what_came_and_what_went(desk: Desk, timesheet: Timesheet) -> None:
    """Counts of both ways, as they were in this run; ours is not read again."""
    timesheet.new()
    timesheet.new(day="2026-02-26")
    desk.clock.pass_(minutes=15)
    desk.hands.add("Employee", "Bob", Email="bob@alice.example")
    desk.run()
    said = desk.session().summary
    assert "2 time entries out; " in said
    assert "1 employee in" in said


def test_a_run_that_changed_nothing_says_so(desk: Desk) -> None:
    """QuickBooks shows again what was read last: that is nothing new, however often."""
    desk.run()
    assert " in." in desk.session().summary
    for _ in range(3):
        desk.clock.pass_(minutes=15)
        desk.run()
        assert desk.session().summary == "Nothing new."
    desk.clock.pass_(minutes=15)
    desk.hands.rename("Customer", desk.customer, "Harbor West")
    desk.run()
    assert "customers and jobs in" in desk.session().summary


def test_what_needs_a_person_is_told_with_an_address_without_a_secret(
    desk: Desk,
) -> None:
    """The setup link's token is known to nobody; the plain address says how to ask."""
    records(desk, "customer", "conflict", 1)
    records(desk, "employee", "unlinked", 1)
    run = desk.run()
    assert run.result.endswith(f" 2 need you: {desk.url}")
    assert desk.company.setup_token not in run.result
    assert (run.result.isascii(), len(run.result) < 200) == (True, True)


def test_get_last_error_tells_it_too_where_there_is_no_error(desk: Desk) -> None:
    """Never empty."""
    ticket = desk.ticket()
    assert desk.call("getLastError", ticket) == "No error."
    records(desk, "customer", "refused", 3)
    assert desk.call("getLastError", ticket) == f"No error. 3 need you: {desk.url}"


def test_a_run_with_trouble_ends_with_it(desk: Desk) -> None:
    """What a company must look at comes before what was done."""
    with company_transaction(desk.engine, desk.company.id) as connection:
        attention.attend(
            connection,
            desk.company.id,
            error_id="mosaic-key-missing",
            text="No key.",
            now=desk.clock(),
        )
    records(desk, "customer", "conflict", 1)
    said = desk.run().result
    assert said.startswith("No key. ")
    assert said.endswith(f" 1 needs you: {desk.url}")


def test_what_is_ours_is_told_too_and_never_in_front_of_what_is_not(
    desk: Desk,
) -> None:
    """As `support_attentions` has it: first what a company must look at."""
    ours = "Our program or Mosaic fails on a record. Our support looks at it."
    records(desk, "time_entry", "refused", 1, unread="No duration.")
    assert desk.run().result.startswith(ours)
    with company_transaction(desk.engine, desk.company.id) as connection:
        attention.attend(
            connection,
            desk.company.id,
            error_id="mosaic-key-missing",
            text="No key.",
            now=desk.clock(),
        )
        found = reasons.read(connection, desk.company.id)
    assert [one.reason for one in found] == ["mosaic-key-missing", "faults"]
    desk.clock.pass_(minutes=15)
    assert desk.run().result == "No key."


@pytest.mark.parametrize(
    ("kind", "state", "more", "counted"),
    [
        ("customer", "unlinked", {}, 1),
        ("customer", "unlinked", {"waits_for": "customer:80000001"}, 0),
        ("time_entry", "unlinked", {}, 0),
        ("time_entry", "conflict", {}, 1),
        ("time_entry", "refused", {}, 1),
        ("time_entry", "refused", {"unread": "No duration."}, 0),
        ("time_entry", "refused", {"failures": 5}, 0),
        ("time_entry", "locked", {}, 1),
        ("customer", "pending", {}, 0),
        ("customer", "do_not_link", {}, 0),
    ],
)
def test_only_what_a_person_can_do_is_counted(
    desk: Desk, kind: str, state: str, more: dict[str, object], counted: int
) -> None:
    """What waits for another record is that record's affair."""
    records(desk, kind, state, 1, **more)
    assert waiting(desk) == counted


def test_another_companys_records_are_not_counted(desk: Desk) -> None:
    """Everybody sees their own."""
    records(desk, "customer", "conflict", 1)
    with company_transaction(desk.engine, desk.company.id) as connection:
        assert who_must_act.count(connection, desk.company.id + 1) == 0


def test_a_great_number_is_not_counted_to_its_end(desk: Desk) -> None:
    """More than a thousand is enough to know."""
    records(desk, "time_entry", "conflict", 1500)
    assert waiting(desk) == words.MANY + 1
    assert "More than 1,000 need you" in desk.run().result


@pytest.fixture
def plans(desk: Desk) -> Iterator[list[str]]:
    """What the database says of how it finds what is counted."""
    told: list[str] = []

    def explain(
        connection: sa.Connection, _cursor: object, text: str, *more: Any
    ) -> None:
        if "waits_for IS NULL" in text and not text.startswith("EXPLAIN"):
            how = "EXPLAIN QUERY PLAN " if desk.engine.name == "sqlite" else "EXPLAIN "
            found = connection.exec_driver_sql(how + text, more[0])
            told.extend(str(row[-1]) for row in found)

    sa.event.listen(desk.engine, "before_cursor_execute", explain)
    yield told
    sa.event.remove(desk.engine, "before_cursor_execute", explain)


def test_the_count_goes_by_the_index_and_never_over_the_table(
    desk: Desk, engine: Engine, plans: list[str]
) -> None:
    """At a million records, too."""
    if engine.name == "postgresql":
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            who_must_act.count(connection, desk.company.id)
    else:
        waiting(desk)
    text = "\n".join(plans)
    assert "ix_record_state" in text or "ix_record_support" in text
    assert "Seq Scan" not in text
    assert "SCAN record" not in text


def test_a_run_while_mosaic_is_filled_says_how_far_that_is(desk: Desk) -> None:
    """Until when is told once Mosaic has taken enough to tell a pace."""
    for number in range(100):
        desk.hands.add("Customer", f"Client {number}")
    records(desk, "customer", "in_sync", 1_200)
    desk.run()
    assert "Mosaic has 1,200 of 1,304, the rest follows." in desk.session().summary
    desk.clock.pass_(minutes=10)
    with company_transaction(desk.engine, desk.company.id) as connection:
        calls = next_ids(connection, desk.company.id, 30)
        done = {"company_id": desk.company.id, "state": "done", "fields": {}}
        done |= {
            "operation": "create",
            "data_type": "client",
            "created_at": desk.clock(),
        }
        connection.execute(
            tables.mosaic_call.insert(),
            [
                {**done, "id": one, "ref": f"r{one}", "settled_at": desk.clock()}
                for one in calls
            ],
        )
    desk.clock.pass_(minutes=6)
    desk.run()
    said = desk.session().summary
    assert said.startswith("Nothing new. Mosaic has 1,200 of 1,304, done about ")
