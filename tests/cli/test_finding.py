"""Commands find what somebody has in hand, and cut no list silently."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.app import utc_now
from qbwc_server.cli.times import in_utc
from qbwc_server.records import history
from qbwc_server.records.told import former
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.cli.conftest import ENTRY, Run, put_entry


def test_a_list_says_how_much_follows_and_how_to_go_on(run: Run, kept: Engine) -> None:
    """And the next page ends with what is left, and says nothing more."""
    numbers = [put_entry(kept, quickbooks_id=f"T-{one}") for one in range(5)]
    told = run("support", "records", "--limit", "2", "--json")
    first = [one["record_id"] for one in json.loads(told.stdout)]
    assert first == numbers[:2:-1]
    assert told.stderr == f"3 more records: --after 1-{first[-1]} goes on.\n"
    told = run("support", "records", "--json", "--after", f"1-{first[-1]}")
    assert [one["record_id"] for one in json.loads(told.stdout)] == numbers[2::-1]
    assert told.stderr == ""


@pytest.mark.parametrize("what", ["records", "jobs", "exchanges"])
def test_plain_lists_say_that_they_are_cut(run: Run, kept: Engine, what: str) -> None:
    """Each says where the rest is."""
    for one in range(3):
        put_entry(kept, quickbooks_id=f"T-{one}")
    told = run(what, "list", "--limit", "2")
    assert ("More records" in told.stderr) is (what == "records")


def test_a_record_that_was_joined_is_named(run: Run, kept: Engine) -> None:
    """`records explain` knows which one took its place, and what that was called."""
    here = put_entry(kept, quickbooks_id="T-1", quickbooks=ENTRY)
    with company_transaction(kept, 1) as connection:
        former.keep(connection, 1, here, [("quickbooks", "OLD-1")], utc_now())
        history.move(connection, 1, 9999, utc_now(), to=here)
    told = run("records", "explain", "1-9999")
    assert f"There is no record 1-9999. It is 1-{here} now." in told.output
    told = run("records", "explain", f"1-{here}", "--json")
    called = json.loads(told.output)["called_before"]
    assert any(one.startswith("OLD-1 in QuickBooks until") for one in called)
    assert any(one.startswith("1-9999 as a record until") for one in called)
    found = run("support", "records", "--id", "OLD-1", "--json")
    assert [one["record"] for one in json.loads(found.output)] == [f"1-{here}"]


def test_a_history_is_told_in_words(run: Run, kept: Engine) -> None:
    """Not in JSON; who wants that asks for it."""
    here = put_entry(kept, quickbooks_id="T-1", quickbooks=ENTRY)
    job = {"before": "Finn:Kitchen", "after": "Bolt"}
    detail = {"changed": {"job": job}, "txn_id": "T-1", "exchange": 7}
    with company_transaction(kept, 1) as connection:
        history.event(
            connection, 1, here, at=utc_now(), what="moved", by="x", detail=detail
        )
    words = "customer or job from Finn:Kitchen to Bolt; TxnID T-1; exchange 1-7"
    for told in (
        run("records", "show", f"1-{here}"),
        run("support", "history", "--company", "1"),
    ):
        assert "customer or job" in told.output
        assert words.rsplit(maxsplit=1)[-1] in told.output
        assert "{" not in told.output.split("moved")[-1]


def test_since_is_by_the_clock_of_the_companys_computer(run: Run, kept: Engine) -> None:
    """Support hears "at 10:42" of somebody whose clock is not in UTC."""
    here = put_entry(kept, quickbooks_id="T-1", quickbooks=ENTRY)
    at = datetime(2026, 11, 24, 15, 42, tzinfo=UTC)
    with company_transaction(kept, 1) as connection:
        company = tables.company
        connection.execute(
            company.update().where(company.c.id == 1).values(offset_minutes=-300)
        )
        history.event(connection, 1, here, at=at, what="moved", by="x")

    def found(*options: str) -> int:
        told = run("support", "history", "--json", *options)
        return len(json.loads(told.output))

    span = ("--since", "2026-11-24 10:42", "--until", "2026-11-24 10:43")
    assert found("--company", "1", *span) == 1
    assert found(*span) == 0
    assert found("--since", "2026-11-24 10:42-0500", "--until", "2026-11-24 15:43") == 1


def test_a_moment_without_a_zone_is_of_that_clock() -> None:
    """One that tells its zone is of no other."""
    noon = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - as it is typed
    assert in_utc(noon, -300) == datetime(2026, 11, 24, 17, tzinfo=UTC)
    assert in_utc(noon, None) == noon.replace(tzinfo=UTC)
    assert in_utc(noon.replace(tzinfo=UTC), -300) == noon.replace(tzinfo=UTC)


def test_time_of_a_person_is_found_and_what_cannot_be_is_said(
    run: Run, kept: Engine
) -> None:
    """With a word about what is missing."""
    own = {**ENTRY, "person": "80-1"}
    here = put_entry(kept, quickbooks_id="T-1", quickbooks=own, parent_id="80-1")
    maria = {"kind": "employee", "name": "Maria Santos", "day": None}
    put_entry(kept, **maria, quickbooks_id="80-1")
    asked = ("--person", "MARIA", "--company", "1", "--days", "2026-03-02", "--json")
    told = run("support", "records", *asked)
    assert [one["record"] for one in json.loads(told.output)] == [f"1-{here}"]
    told = run("support", "records", "--job", "Finn", "--company", "1")
    assert "Tell the days as well" in told.output


def test_what_waits_in_all_companies_is_a_command(run: Run, kept: Engine) -> None:
    """What support must act on, or one kind of it."""
    here = put_entry(kept, quickbooks_id="T-1", state="conflict")
    told = json.loads(run("support", "open", "conflicts", "--json").output)
    assert [one["reference"] for one in told] == [f"1-{here}"]
    assert json.loads(run("support", "open", "failed", "--json").output) == []
    more = [put_entry(kept, quickbooks_id=f"T-{n}", state="conflict") for n in (2, 3)]
    first = run("support", "open", "conflicts", "--limit", "1")
    assert first.stderr.startswith("2 more of it: --after ")
    after = first.stderr.split("--after ")[1].split()[0]
    asked = ("--after", after, "--json")
    told = json.loads(run("support", "open", "conflicts", *asked).output)
    assert [one["reference"] for one in told] == [f"1-{one}" for one in more]
    for strange in ("x", "/1/companies/1", "/x/jobs/1", "/1/jobs/x", "2026/1/jobs/1"):
        assert run("support", "open", "--after", strange).exit_code == 2
