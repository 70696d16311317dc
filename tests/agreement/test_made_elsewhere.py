"""While one company file makes a person's time in Mosaic, another takes none of theirs.

That ends with what is made: hours of that person do not wait for anything else of the
other file, and nothing is asked about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.decisions import company_settings, linking, time_sharing
from qbwc_server.mosaic_reading.time_window import TimeReader
from qbwc_server.operations import forgetting
from qbwc_server.operations.forgetting import CompanyBusy
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.begun import Pair, kept_pair
from tests.agreement.files import add_second, both, time_of
from tests.agreement.hours import object_of, typed_in_mosaic
from tests.agreement.house import House
from tests.agreement.test_files_of_one_team import lose_answers, set_deliver_at
from tests.agreement.test_findings import (
    day,
    in_quickbooks,
    mosaic,
    quickbooks,
)
from tests.conftest import Kept


@pytest.fixture
def files(engine: Engine, tmp_path: Path, kept_databases: Kept) -> Iterator[Pair]:
    """Two files of a team, each with a job of its own; both employ Ann."""
    with kept_pair(engine, tmp_path, kept_databases, "two_jobs", _with_a_job) as pair:
        yield pair


def _with_a_job(first: House) -> House:
    first.settle()
    add_second(first)
    assert first.second is not None
    return first.second


def at_the_barn(second: House, hours: float = 2.0) -> int:
    """Have Ann enter time in Mosaic on the job that only the second file has."""
    return second.people.add_time(
        object_of(second, "employee", first_name="Ann"),
        day(second, 0),
        hours,
        project=object_of(second, "project", title="Barn"),
        category=object_of(second, "standard_work_category", title="Design"),
        text="barn",
    )


def _choose(house: House, kind: str, name: str, way: Any) -> int:
    """Link a record to its counterpart of before, or say "none"; return that."""
    table = tables.record
    (row,) = house.rows(table, table.c.kind == kind, table.c.name == name)
    word = linking.Word("bookkeeper", house.clock(), None)
    with company_transaction(house.engine, house.company.id) as connection:
        given = connection, house.company.id, row.id, way, word
        if way == "none":
            linking.choose(*given)
        else:
            linking.link(*given, share=True)
    return int(row.mosaic_id or 0)


@pytest.mark.parametrize("is_read", ["before", "meanwhile"])
def test_an_hour_that_was_another_file_s_when_it_was_read_is_not_made_again(
    files: Pair, monkeypatch: pytest.MonkeyPatch, is_read: str
) -> None:
    """The same hour is typed in Mosaic and in this file; its job is linked after that.

    Mosaic is read just before, or while somebody links it.
    """
    first, second = files
    _choose(second, "employee", "Ann Lee", "none")
    project = _choose(first, "customer", "Acme:House", "none")
    in_quickbooks(first, "", day=day(first, 0), minutes=480)
    typed_in_mosaic(first)
    both(first, second, rounds=1)
    assert [row.mosaic_id for row in time_of(first)] == [None]

    def link(*_: Any) -> None:
        monkeypatch.undo()
        _choose(first, "customer", "Acme:House", project)

    first.clock.pass_(minutes=6)
    if is_read == "meanwhile":
        keep = TimeReader._keep

        def kept(reader: TimeReader, bodies: list[dict[str, Any]]) -> None:
            keep(reader, bodies)
            link()

        monkeypatch.setattr(TimeReader, "_keep", kept)
    first.work()
    if is_read == "before":
        link()
        first.work()
    both(first, second)
    assert len(mosaic(first)) == len(quickbooks(first)) == 1
    assert quickbooks(second) == []


def making(first: House) -> None:
    """Have the first file make time of Ann in Mosaic, and lose the answer."""
    in_quickbooks(first, "build", minutes=90)
    first.clock.pass_(minutes=16)
    first.connect()
    first.wire.after = lose_answers
    first.work()


def held(second: House) -> None:
    """See that Ann's hour at the barn waits, while the first file is not served."""
    set_deliver_at(second._first, None)  # type: ignore[attr-defined]
    for _ in range(3):
        second.clock.pass_(minutes=6)
        second.work()
        second.connect()
    assert "just creating time" in of_the_barn(second).reason


def of_the_barn(second: House) -> Any:
    """Return the record of Ann's hour at the barn."""
    (row,) = (one for one in time_of(second) if one.mosaic["notes"] == "barn")
    return row


@pytest.mark.in_turn
def test_what_waits_for_its_day_in_one_file_holds_no_hour_in_another(
    files: Pair,
) -> None:
    """Somebody deletes an hour in Mosaic every day; that is another matter."""
    first, second = files
    in_quickbooks(first, "plan")
    both(first, second)
    (lost,) = (one["mosaic_id"] for one in mosaic(first))
    first.people.delete_time(lost)
    for _ in range(4):
        first.clock.pass_(minutes=6)
        first.work()
    assert [row.mosaic_gone for row in time_of(first)] == [True]
    in_quickbooks(first, "build", minutes=90)
    first.settle_for(minutes=16)
    at_the_barn(second)
    both(first, second)
    assert [row.state for row in time_of(second)] == ["in_sync"]
    assert [row["notes"] for row in quickbooks(second)] == ["barn"]


@pytest.mark.in_turn
def test_nobody_is_asked_whose_hours_are_that_only_wait(
    files: Pair,
) -> None:
    """They are on what this file has alone."""
    first, second = files
    making(first)
    at_the_barn(second)
    held(second)
    company = second.stored()
    with company_transaction(second.engine, company.id) as connection:
        asked = time_sharing.shared_hours(connection, company)
    assert "Barn" not in {one.project for one in asked}


@pytest.mark.in_turn
@pytest.mark.parametrize("paused", [False, True])
def test_hours_go_on_when_it_is_known_what_the_other_file_made(
    files: Pair, *, paused: bool
) -> None:
    """Also where that file is paused then."""
    first, second = files
    making(first)
    at_the_barn(second)
    held(second)
    if paused:
        company_settings.set_values(
            first.engine, first.company.id, now=first.clock(), who="o", mode="paused"
        )
    set_deliver_at(first, first.clock())
    for house in (first, second):
        for _ in range(3):
            house.settle_for(minutes=65)
    assert [row["notes"] for row in quickbooks(second)] == ["barn"]


@pytest.mark.in_turn
def test_a_file_is_not_forgotten_while_it_is_not_known_what_it_made(
    files: Pair,
) -> None:
    """Nobody could tell then whose that is, and it would enter the other file."""
    first, second = files
    making(first)
    first.clock.pass_(minutes=60)
    company = first.stored()
    with pytest.raises(CompanyBusy, match="not known yet what became of it"):
        forgetting.forget(
            first.engine, company, first.settings, now=first.clock(), who="operator"
        )
    both(first, second)
    forgetting.forget(
        first.engine,
        company,
        first.settings,
        now=first.clock(),
        who="operator",
        even_if_running=True,
    )
    for _ in range(3):
        second.settle_for(minutes=65)
    assert quickbooks(second) == []


@pytest.mark.in_turn
def test_a_hold_that_lasts_says_who_must_act(files: Pair) -> None:
    """The other file may have lost its key: it cannot find out what became of it."""
    first, second = files
    making(first)
    at_the_barn(second)
    held(second)
    for _ in range(30):
        second.clock.pass_(minutes=60)
        second.work()
    assert "support companies" in of_the_barn(second).reason
