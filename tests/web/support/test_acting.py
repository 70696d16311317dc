"""What support does in the console, who may, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.jobs import queue
from qbwc_server.kinds import conflict
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from tests.conftest import Clock
from tests.jobs import jobs
from tests.web.support.conftest import Browser

NewCompanies = Callable[..., NewCompany]
WHY = "They asked for it."
CONFLICT = {"minutes": {"quickbooks": 45, "mosaic": 60}}


@pytest.fixture
def company(new_company: NewCompanies) -> int:
    """A company, which is not the first one."""
    new_company("Before")
    return new_company("Harbor & Vale").id


@pytest.fixture
def failed(engine: Engine, company: int, clock: Clock) -> list[int]:
    """Twelve jobs of it that failed."""
    with company_transaction(engine, company) as connection:
        return [jobs.into(connection, company, clock(), "failed").id for _ in range(12)]


def _audit(engine: Engine, company_id: int) -> list[tuple[str, str, str | None]]:
    table = tables.audit
    with company_reading(engine, company_id) as connection:
        query = sa.select(table.c.who, table.c.what, table.c.why).where(
            table.c.company_id == company_id
        )
        rows = connection.execute(query.order_by(table.c.id)).all()
    return [tuple(row) for row in rows if row.what != "company added"]


def _one(engine: Engine, table: sa.Table, company_id: int, number: int) -> Any:
    with company_reading(engine, company_id) as connection:
        query = sa.select(table).where(
            table.c.company_id == company_id, table.c.id == number
        )
        return connection.execute(query).one()


def _mode(engine: Engine, company_id: int) -> str:
    table = tables.company
    with company_reading(engine, company_id) as connection:
        query = sa.select(table.c.mode).where(table.c.id == company_id)
        return str(connection.execute(query).scalar_one())


def _record(engine: Engine, company_id: int, clock: Clock, **values: Any) -> int:
    row = {
        "company_id": company_id,
        "id": 900 + len(values),
        "kind": "time_entry",
        "state": "in_sync",
        "name": "Tom 0:45",
        "quickbooks_id": f"T{len(values)}",
        "created_at": clock(),
        "changed_at": clock(),
        **values,
    }
    with company_transaction(engine, company_id) as connection:
        connection.execute(tables.record.insert(), row)
    return int(str(row["id"]))


def test_who_may_only_look_changes_nothing(
    bob: Browser, engine: Engine, company: int, failed: list[int], clock: Clock
) -> None:
    """Neither buttons nor forms: each of them is refused."""
    record = _record(engine, company, clock, conflict=CONFLICT, state="conflict")
    for path, fields in (
        (f"companies/{company}", {"do": "pause", "confirmed": "yes"}),
        (f"companies/{company}/jobs", {"do": "retry", "number": failed[0]}),
        (f"companies/{company}/records", {"do": "unlink", "number": record}),
        (f"jobs/{company}-{failed[0]}", {"do": "retry"}),
        (f"records/{company}-{record}", {"do": "settle:mosaic"}),
    ):
        page = bob.get(f"/support/{path}")
        assert page.status_code == 200
        assert 'name="do"' not in page.text
        answer = bob.post(f"/support/{path}/act", why=WHY, **fields)
        assert answer.status_code == 403
        assert "may look" in answer.text
    assert _audit(engine, company) == []
    assert _mode(engine, company) == "live"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_a_form_of_another_site_or_of_nobody_does_nothing(
    ann: Browser, engine: Engine, company: int, headers: dict[str, str]
) -> None:
    """Here a browser that says nothing is not believed either."""
    answer = ann.post(
        f"/support/companies/{company}/act",
        headers,
        do="pause",
        why=WHY,
        confirmed="yes",
    )
    assert answer.status_code == 403
    assert _mode(engine, company) == "live"


def test_a_company_is_paused_and_goes_on(
    ann: Browser, engine: Engine, company: int
) -> None:
    """After a question, with who and why; twice is the same as once."""
    path = f"/support/companies/{company}/act"
    asked = ann.post(path, do="pause", why=WHY)
    assert asked.status_code == 200
    assert "Go on?" in asked.text
    assert _mode(engine, company) == "live"
    assert ann.post(path, do="pause", why=WHY, confirmed="yes").status_code == 303
    assert _mode(engine, company) == "paused"
    for _ in range(2):
        assert ann.post(path, do="resume", why=WHY).status_code == 303
    assert _mode(engine, company) == "live"
    assert _audit(engine, company) == [("ann", "company changed", WHY)] * 2


def test_everything_of_a_company_is_read_again_after_a_question(
    ann: Browser, engine: Engine, company: int
) -> None:
    """As the command does."""
    path = f"/support/companies/{company}/act"
    assert "Go on?" in ann.post(path, do="resync", why=WHY).text
    assert ann.post(path, do="resync", why=WHY, confirmed="yes").status_code == 303
    assert _audit(engine, company) == [("ann", "company read again", WHY)]


def test_who_does_not_say_why_changes_nothing(
    ann: Browser, engine: Engine, company: int, failed: list[int], clock: Clock
) -> None:
    """Spaces are no reason."""
    record = _record(engine, company, clock, conflict=CONFLICT, state="conflict")
    for path, fields in (
        (f"companies/{company}", {"do": "pause", "confirmed": "yes"}),
        (f"companies/{company}/jobs", {"do": "retry", "number": failed[0]}),
        (f"jobs/{company}-{failed[0]}", {"do": "retry"}),
        (f"records/{company}-{record}", {"do": "settle:mosaic"}),
    ):
        answer = ann.post(f"/support/{path}/act", why="  ", **fields)
        assert answer.status_code == 400
        assert "say why" in answer.text
    assert _audit(engine, company) == []


def test_a_failed_job_is_tried_again_or_taken_back(
    ann: Browser, engine: Engine, company: int, failed: list[int]
) -> None:
    """What cannot be is told with its reason."""
    first, second = (f"/support/jobs/{company}-{number}/act" for number in failed[:2])
    assert ann.post(first, do="retry", why=WHY).status_code == 303
    assert _one(engine, tables.job, company, failed[0]).state == "ready"
    assert ann.post(second, do="cancel", why=WHY).status_code == 303
    assert _one(engine, tables.job, company, failed[1]).state == "cancelled"
    refused = ann.post(second, do="retry", why=WHY)
    assert refused.status_code == 409
    assert "only a failed one is retried" in refused.text
    assert _audit(engine, company) == [
        ("ann", "job retried", WHY),
        ("ann", "job taken back", WHY),
    ]


@pytest.mark.parametrize(
    ("do", "state", "what"),
    [
        ("found", "unsure", "job said to be done"),
        ("missing", "cancelled", "job said not to be done"),
        ("leave", "failed", "job left"),
    ],
)
def test_an_addition_in_doubt_is_said_to_be_there_or_not_or_left(
    ann: Browser,
    engine: Engine,
    company: int,
    clock: Clock,
    do: str,
    state: str,
    what: str,
) -> None:
    """The page offers all three; of one that is not in doubt none is taken."""
    doubtful = _failed_add(engine, company, clock, {"in_doubt": True})
    sure = _failed_add(engine, company, clock, None)
    page = f"/support/jobs/{company}-{doubtful}"
    assert ann.get(page).text.count('value="found"') == 1
    fields: dict[str, Any] = {"do": do, "txn_id": "1A-2", "why": WHY}
    refused = ann.post(f"/support/jobs/{company}-{sure}/act", **fields)
    assert (refused.status_code, "not in doubt" in refused.text) == (409, True)
    assert ann.post(f"{page}/act", **fields).status_code == 303
    assert _one(engine, tables.job, company, doubtful).state == state
    assert _audit(engine, company) == [("ann", what, WHY)]


def _failed_add(
    engine: Engine, company: int, clock: Clock, cursor: dict[str, Any] | None
) -> int:
    with company_transaction(engine, company) as connection:
        job = jobs.into(connection, company, clock(), "unsure")
        queue.move(connection, job, "failed", by="test", now=clock(), cursor=cursor)
    return job.id


def test_many_are_asked_about_first(
    ann: Browser, engine: Engine, company: int, failed: list[int]
) -> None:
    """More than ten: the question says how many, and its form says them again."""
    path = f"/support/companies/{company}/jobs/act"
    asked = ann.post(path, do="retry", why=WHY, number=failed)
    assert "12 jobs are tried again." in asked.text
    assert asked.text.count('name="number"') == 12
    assert _audit(engine, company) == []
    answer = ann.post(path, do="retry", why=WHY, number=failed, confirmed="yes")
    assert answer.status_code == 303
    assert _audit(engine, company) == [("ann", "job retried", WHY)] * 12


def test_a_conflict_is_shown_side_by_side_and_settled(
    ann: Browser, engine: Engine, company: int, clock: Clock
) -> None:
    """For a side that is one."""
    number = _record(
        engine, company, clock, conflict=CONFLICT, state="conflict", mosaic_id=7
    )
    page = ann.get(f"/support/records/{company}-{number}").text
    assert "<td>0:45</td><td>1:00</td>" in page.replace("\n", "")
    path = f"/support/records/{company}-{number}/act"
    assert ann.post(path, do="settle:nobody", why=WHY).status_code == 400
    stale = ann.post(path, do="settle:mosaic", why=WHY, shown="other values")
    assert stale.status_code == 409
    assert "It was changed again meanwhile." in stale.text
    shown = conflict.mark(CONFLICT)
    assert f'name="shown" value="{shown}"' in page
    answer = ann.post(path, do="settle:mosaic", why=WHY, shown=shown)
    assert answer.status_code == 303
    row = _one(engine, tables.record, company, number)
    assert row.conflict["minutes"]["settled"] == "mosaic"
    assert _audit(engine, company) == [
        ("ann", "conflict settled: mosaic is right", WHY)
    ]


def test_what_a_restored_backup_took_is_put_back_or_left(
    ann: Browser, engine: Engine, company: int, clock: Clock
) -> None:
    """Only where that is asked; and who said it, and why, is kept."""
    taken = {"kind": "time_entry", "state": "refused", "restored": "missing"}
    one = _record(engine, company, clock, quickbooks_id="T-1", **taken)
    other = _record(engine, company, clock, id=990, quickbooks_id="T-2", **taken)
    page = ann.get(f"/support/records/{company}-{one}").text
    assert "Put it back" in page
    assert "Right as restored" in page
    for number, do, mark in ((one, "back", "add"), (other, "leave", "left")):
        path = f"/support/records/{company}-{number}/act"
        assert ann.post(path, do=f"restored:{do}", why=WHY).status_code == 303
        assert _one(engine, tables.record, company, number).restored == mark
        again = ann.post(path, do=f"restored:{do}", why=WHY)
        assert again.status_code == 409
        assert "no restored backup" in again.text
        page = ann.get(f"/support/records/{company}-{number}").text
        assert "Put it back" not in page
    assert _audit(engine, company) == [
        ("ann", "put back after the restore", WHY),
        ("ann", "right as restored", WHY),
    ]


def test_a_record_is_read_again(
    ann: Browser, engine: Engine, company: int, clock: Clock
) -> None:
    """And is told of in the audit."""
    number = _record(engine, company, clock)
    path = f"/support/records/{company}-{number}/act"
    answer = ann.post(path, do="resync", why=WHY)
    assert answer.location == f"/support/records/{company}-{number}?said=done"
    assert _one(engine, tables.record, company, number).due_at is not None
    assert _audit(engine, company) == [("ann", "records read again", WHY)]


def test_what_is_of_another_company_is_not_touched(
    ann: Browser, engine: Engine, company: int, failed: list[int], new_company: Any
) -> None:
    """Numbers are of a company: elsewhere they are nothing."""
    other = new_company("Other").id
    for path in (
        *(f"jobs/{other}-{failed[0]}/act", f"records/{other}-{failed[0]}/act"),
        *(f"jobs/{2**70}-1/act", f"companies/{other + 1}/act"),
    ):
        assert ann.post(f"/support/{path}", do="retry", why=WHY).status_code == 404
    path = f"/support/companies/{other}/jobs/act"
    assert ann.post(path, do="retry", why=WHY, number=failed[0]).status_code == 303
    assert _one(engine, tables.job, company, failed[0]).state == "failed"
    assert _audit(engine, company) == _audit(engine, other) == []
