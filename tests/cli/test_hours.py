"""Questions about many hours are shown and answered on the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.app import utc_now
from qbwc_server.companies import registry
from qbwc_server.onboarding import going_live
from qbwc_server.planning.time_waits import BEFORE_LIVE
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.cli.conftest import ENTRY, Run, put_entry


def _told(run: Run, *arguments: str) -> Any:
    result = run("company", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _audited(kept: Engine) -> list[tuple[str, str, str | None]]:
    """Return what was said, by whom and why."""
    audit = tables.audit.c
    with kept.connect() as connection:
        rows = connection.execute(sa.select(audit.who, audit.what, audit.why))
        return [tuple(row) for row in rows if row.why == "payroll"]


def _change(kept: Engine, **values: Any) -> None:
    with company_transaction(kept, 1) as connection:
        registry.change(connection, 1, **values)


@pytest.mark.parametrize("word", ["add", "leave"])
def test_hours_from_before_going_live_are_told_and_answered(
    run: Run, kept: Engine, word: str
) -> None:
    """Which were not all read yet cannot be left."""
    _change(kept, before_live="ask")
    for number, minutes in enumerate((450, 450, 15), 1):
        put_entry(
            kept,
            mosaic_type="time_entry",
            mosaic_id=number,
            mosaic={**ENTRY, "minutes": minutes},
            state="refused",
            waits_for=BEFORE_LIVE,
        )
    asked = {"said": "ask", "entries": 3, "hours": "15:15"}
    assert _told(run, "before-live", "1") == asked
    if word == "leave":
        early = run("company", "before-live", "1", "--leave")
        assert (early.exit_code, "hours-not-all-known" in early.output) == (1, True)
        assert _told(run, "before-live", "1") == asked
    _change(kept, first_known_at=utc_now())
    said = _told(
        run, "before-live", "1", f"--{word}", "--by", "eve", "--why", "payroll"
    )
    assert said == {**asked, "said": word}
    what = f"hours from before it went live: {word}"
    assert _audited(kept) == [("eve", what, "payroll")]


def test_what_differs_in_billable_alone_is_told_and_settled(
    run: Run, kept: Engine
) -> None:
    """By where it is billable; once it is said, nothing is asked any more."""
    for number, billable in enumerate(("Billable", "Billable", "NotBillable"), 1):
        there = billable != "Billable"
        one = {"quickbooks": billable, "mosaic": there, "kept": None}
        put_entry(
            kept,
            quickbooks_id=f"T-{number}",
            quickbooks={**ENTRY, "billable": billable},
            mosaic_type="time_entry",
            mosaic_id=number,
            mosaic={**ENTRY, "billable": there},
            conflict={"billable": one},
            state="conflict",
        )
    asked = [
        {"billable_in": "QuickBooks", "entries": 2, "hours": "15:00"},
        {"billable_in": "Mosaic", "entries": 1, "hours": "7:30"},
    ]
    assert _told(run, "billable", "1") == asked
    assert run("company", "billable", "1", "--keep", "nobody").exit_code == 2
    word = ("--keep", "mosaic", "--by", "eve", "--why", "payroll")
    assert _told(run, "billable", "1", *word) == asked
    said = ("eve", "conflict settled: mosaic is right", "payroll")
    assert _audited(kept) == [said] * 3
    with kept.connect() as connection:
        for told in connection.execute(sa.select(tables.record.c.conflict)).scalars():
            assert told["billable"]["settled"] == "mosaic"


@pytest.mark.usefixtures("kept")
def test_nothing_that_quickbooks_lacks_is_an_empty_list(run: Run) -> None:
    """As of a company that was just added."""
    assert _told(run, "unplaced", "1") == []
    assert _told(run, "relinked", "1") == []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """With each company that goes live: whether its hours were shown before."""
    told: list[bool] = []

    def go_live(*_: object, previewed: bool, **__: object) -> bool:
        told.append(previewed)
        return True

    monkeypatch.setattr(going_live, "go_live", go_live)
    return told


def _previewed(kept: Engine) -> None:
    """Have a preview told that three entries of Mosaic enter QuickBooks."""
    with company_transaction(kept, 1) as connection:
        row = {"company_id": 1, "made_at": utc_now(), "milliseconds": 1}
        told = {"result": {"enters": [3, 915]}}
        connection.execute(tables.preview_result.insert().values(**row, **told))


@pytest.mark.parametrize(
    ("answer", "previewed"), [("y\n", True), ("n\n", None), ("--yes", True)]
)
def test_going_live_tells_the_hours_that_enter_quickbooks_and_asks_back(
    run: Run,
    kept: Engine,
    asked: list[bool],
    answer: str,
    previewed: bool | None,
) -> None:
    """The preview that a worker made by itself is no yes of anybody."""
    _change(kept, mode="preview")
    _previewed(kept)
    more = (answer,) if answer.startswith("--") else ()
    result = run("company", "go-live", "1", *more, typed=answer)
    if not more:
        assert "3 time entries of Mosaic, 15:15 hours, are entered" in result.output
    assert asked == ([previewed] if previewed is not None else [])
    assert result.exit_code == (0 if previewed else 1)


@pytest.mark.usefixtures("kept")
def test_without_a_preview_going_live_is_no_yes_to_mosaic_s_hours(
    run: Run, kept: Engine, asked: list[bool]
) -> None:
    """And the command says that they wait for a word."""
    for word in ("ask", "add"):
        _change(kept, mode="preview", before_live=word)
        result = run("company", "go-live", "1")
        assert result.exit_code == 0
        assert ("company before-live" in result.output) is (word == "ask")
    assert asked == [False, False]


def test_who_wants_mosaic_s_earlier_hours_to_wait_says_so(
    run: Run, kept: Engine, asked: list[bool]
) -> None:
    """They were paid already, perhaps: nothing is asked back, nothing is a yes."""
    _change(kept, mode="preview")
    _previewed(kept)
    result = run("company", "go-live", "1", "--hold-earlier")
    assert result.exit_code == 0
    assert "company before-live" in result.output
    assert asked == [False]
