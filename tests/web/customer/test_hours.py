"""Hours before payroll: a period on both sides, why they differ, and who must act."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.web.customer import hours
from qbwc_server.words import hours as hour_words
from tests.both_read import both_read
from tests.conftest import Clock
from tests.web.customer.test_records_csv import here, there

pytestmark = pytest.mark.in_turn
NewCompanies = Callable[..., NewCompany]
Put = Callable[..., int]

MONDAY = datetime(2026, 3, 9, 20, tzinfo=UTC)
WEEK = "from=2026-03-02&to=2026-03-08"
JOBS = ("Elm:Garage", "Oak:Barn")


@pytest.fixture
def firm(
    engine: Engine, clock: Clock, new_company: NewCompanies, put: Put
) -> NewCompany:
    """A company of which both sides were read on the Monday after a week."""
    clock.now = MONDAY
    made = new_company()
    lately = {"first": "2026-01-01", "last": "9999-12-31", "members": None}
    reads: tuple[tuple[str, dict[str, Any]], ...] = (
        ("time_entry", {"reach": "2016-03-09", "begun_at": MONDAY}),
        ("mosaic_time", {"lately": [{**lately, "begun_at": MONDAY.isoformat()}]}),
    )
    with company_transaction(engine, made.id) as connection:
        registry.change(
            connection,
            made.id,
            mosaic_time_from="2016-03-09",
            offset_minutes=-480,
            file_name="Harbor",
            mosaic_read_at=MONDAY,
        )
        for kind, values in reads:
            row = {"company_id": made.id, "kind": kind, **values}
            connection.execute(tables.reading.insert().values(**row))
    for number, name in enumerate(("Anna Berg", "Bo Dahl")):
        put(
            made.id,
            name,
            kind="employee",
            quickbooks_id=f"E-{number + 1}",
            mosaic_type="employee",
            mosaic_id=7 + number,
        )
    for number, name in enumerate(JOBS):
        put(
            made.id,
            name,
            quickbooks_id=f"J-{number + 1}",
            mosaic_type="project",
            mosaic_id=80 + number,
        )
    return made


@pytest.fixture
def time(firm: NewCompany, put: Put) -> Put:
    """A function that puts an entry by what each side has of it."""
    numbers = count(901)

    def one(
        quickbooks: dict[str, Any] | None, mosaic: dict[str, Any] | None, **more: Any
    ) -> int:
        day = (quickbooks or mosaic or {}).get("date")
        told = {"quickbooks": quickbooks, "mosaic": mosaic, "day": day, **more}
        if mosaic is not None:
            told |= {"mosaic_type": "time_entry", "mosaic_id": next(numbers)}
        return put(firm.id, f"{day} Anna Berg", kind="time_entry", **told)

    return one


def _both(minutes: int, **values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an entry as both sides have it."""
    day = values.pop("date", "2026-03-03")
    return (
        here(date=day, minutes=minutes),
        there(date=day, minutes=minutes, job=[80, None]),
    )


def _page(server: Client, firm: NewCompany, asked: str = WEEK) -> str:
    answer = server.get(f"/setup/{firm.setup_token}/hours?{asked}")
    assert answer.status_code == 200
    return html.unescape(answer.text)


def _rows(server: Client, firm: NewCompany, asked: str = WEEK) -> list[dict[str, str]]:
    text = server.get(f"/setup/{firm.setup_token}/hours.csv?{asked}").text
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def _sums(page: str) -> dict[str, tuple[str, ...]]:
    """Return the sums of a page by their names."""
    found = re.findall(
        r'row">([^<]+)</th>\s*<td data-title="QuickBooks">([^<]+)</td>'
        r'<td data-title="Mosaic">([^<]+)</td>'
        r'<td data-title="Difference"[^>]*>([^<]+)<',
        page,
    )
    return {name: tuple(told) for name, *told in found}


def test_hours_are_added_up_by_person_and_by_job(
    server: Client, firm: NewCompany, time: Put
) -> None:
    """Both sides, their difference, and all of it; thousands are separated."""
    time(*_both(60_030))
    time(here(minutes=90, job="J-2", person="E-2"), None, state="pending")
    time(None, there(minutes=120, job=[80, None]), state="pending")
    assert _sums(_page(server, firm)) == {
        "Anna Berg": ("1,000:30", "1,002:30", "-2:00"),
        "Bo Dahl": ("1:30", "0:00", "1:30"),
        "Elm:Garage": ("1,000:30", "1,002:30", "-2:00"),
        "Oak:Barn": ("1:30", "0:00", "1:30"),
        "All": ("1,002:00", "1,002:30", "-0:30"),
    }


def test_a_week_is_complete_as_of_both_reads(
    server: Client, firm: NewCompany, time: Put
) -> None:
    """Times are the reader's own, by the page's script."""
    time(*_both(480))
    page = _page(server, firm)
    assert "Complete for payroll." in page
    assert "Nothing differs" in page
    as_of = '<time datetime="2026-03-09T20:00:00Z" data-local>'
    assert f"QuickBooks as of {as_of}" in page
    assert page.count(as_of) == 2


def test_what_is_missing_is_told_with_who_must_act(
    server: Client, firm: NewCompany, time: Put
) -> None:
    """Above what is asked of nobody, of the reader, and of us."""
    time(here(minutes=60), None, state="pending")
    time(here(minutes=90), there(minutes=60), state="conflict")
    time(None, None, state="refused", unread="No duration.")
    page = _page(server, firm)
    assert "Not complete for payroll yet." in page
    missing = page.partition("<ul>\n<li>")[2].partition("</ul></section>")[0]
    assert re.findall(r"must act: <strong>([\w ]+)</strong>", missing) == [
        *("nobody", "you", "our support"),
    ]
    assert "Nothing to do for you: our support looks at it." in missing


def test_each_difference_has_its_entries_and_the_way_to_its_buttons(
    server: Client, firm: NewCompany, time: Put
) -> None:
    """Day, person, job, both minutes and why; the link opens that very entry."""
    time(*_both(480))
    first = time(here(minutes=15), None, state="refused", reason="Too short.")
    conflict = {"minutes": {"quickbooks": 90, "mosaic": 75, "kept": None}}
    second = time(
        here(minutes=90),
        there(date="2026-03-02", minutes=75, job=[80, None]),
        state="conflict",
        conflict=conflict,
        reason="Both changed the duration. Support: `qbwc-server records settle`.",
    )
    page = _page(server, firm)
    why = page.partition('id="why"')[2]
    assert "Both changed the duration." in why
    assert "qbwc-server" not in page
    cells = [
        re.sub(r"<[^>]+>", "", one)
        for one in re.findall(r"<td[^>]*>(.*?)</td>", why.replace("\n", " "))
    ]
    assert cells[:5] == ["2026-03-02", "Anna Berg", "Elm:Garage", "1:30", "1:15"]
    assert "Too short." in " ".join(cells)
    links = re.findall(r'class="screen" href="([^"]+)"', why)
    found = {one: server.get(one) for one in links if "csv" not in one}
    assert [one.status_code for one in found.values()] == [200, 200]
    shown = [one.text for one in found.values()]
    assert f'id="case-{second}"' in shown[0]
    assert f"number {firm.id}-{first}<" in shown[1]


def test_what_answers_for_all_of_a_reason_is_linked(
    server: Client,
    firm: NewCompany,
    engine: Engine,
    clock: Clock,
    time: Put,
) -> None:
    """Every address that the page may name is there."""
    places = {at for at, _ in hours._OF_REASON.values()}
    places |= {at.format(before=0) for at, _ in hours._OF_ENTRY.values()}
    for place in places:
        assert server.get(f"/setup/{firm.setup_token}{place}").status_code == 200
    assert set(hour_words.REASONS) >= {*hours._OF_REASON, *hours._OF_ENTRY}
    with company_transaction(engine, firm.id) as connection:
        both_read(connection, firm.id, clock())
        registry.change(connection, firm.id, mode="preview")
    time(here(minutes=60), None, state="pending")
    page = _page(server, firm)
    assert f'/setup/{firm.setup_token}/preview">Look at the preview.</a>' in page


def test_without_a_period_it_is_the_last_week_where_the_company_file_is(
    server: Client, clock: Clock, firm: NewCompany
) -> None:
    """It is still Sunday in California when it is Monday in London."""
    for hour, told in (
        (7, "2026-02-23 to 2026-03-01"),
        (9, "2026-03-02 to 2026-03-08"),
    ):
        clock.now = datetime(2026, 3, 9, hour, tzinfo=UTC)
        assert f"<title>Hours, {told}: " in _page(server, firm, "")


def test_two_weeks_are_asked_by_the_day_they_end_on(
    server: Client, firm: NewCompany
) -> None:
    """And those beside them are one button away."""
    page = _page(server, firm, "ending=2026-03-06")
    assert "<title>Hours, 2026-02-21 to 2026-03-06: " in page
    assert "/hours?from=2026-02-07&to=2026-02-20" in page
    assert "/hours?from=2026-03-07&to=2026-03-20" in page


@pytest.mark.parametrize("file", ["", ".csv"])
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("from=yesterday&to=2026-03-08", '"yesterday" is no day.'),
        ("from=2026-03-08&to=2026-03-02", "is before the first"),
        ("from=2026-03-02", "Please choose both days"),
        ("ending=2026-02-30", '"2026-02-30" is no day.'),
        ("from=0001-01-01&to=9999-12-31", "between 2000 and 2099"),
        ("from=<b>&to=", '"<b>" is no day.'),
    ],
)
def test_what_is_no_period_is_said_above_the_periods_there_are(
    server: Client, firm: NewCompany, file: str, asked: str, told: str
) -> None:
    """Nobody stands before an empty page, also not who asked for a file."""
    answer = server.get(f"/setup/{firm.setup_token}/hours{file}?{asked}")
    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert told in html.unescape(answer.text)
    assert "<b>" not in answer.text
    assert "Last two weeks</a>" in answer.text
    assert 'name="from"' in answer.text


def test_a_period_that_is_too_long_for_a_page_is_a_file(
    server: Client, firm: NewCompany, time: Put
) -> None:
    """And one that is too long for a file is said, too."""
    for day in ("2026-01-05", "2026-03-03", "2026-05-06", "2026-12-31"):
        time(*_both(60, date=day))
    time(None, None, state="refused", unread="No duration.")
    year = "from=2026-01-01&to=2026-12-31"
    answer = server.get(f"/setup/{firm.setup_token}/hours?{year}")
    text = html.unescape(answer.text)
    assert answer.status_code == 400
    assert "are 365 days, and at most 92 are shown." in text
    (file,) = re.findall(r'href="([^"]+)" download', text)
    assert file.endswith(f"/hours.csv?{year}")
    rows = _rows(server, firm, year)
    # What could not be read is in every period, and once in each.
    assert sorted(row["day"] for row in rows) == [
        *("", "2026-01-05", "2026-03-03", "2026-05-06", "2026-12-31"),
    ]
    ever = server.get(
        f"/setup/{firm.setup_token}/hours.csv?from=2001-01-01&to=2026-12-31"
    )
    assert (ever.status_code, "at most 3,660 are shown" in ever.text) == (400, True)


def test_the_file_adds_up_to_what_the_page_says(
    server: Client, firm: NewCompany, time: Put
) -> None:
    """In minutes and in hours; what nobody knows is empty and adds nothing."""
    for minutes in (20, 20, 20, 480):
        time(*_both(minutes))
    time(here(minutes=50), there(minutes=125), state="conflict")
    time(None, there(minutes=100), state="pending")
    time(None, None, state="refused", unread="No duration.")
    rows = _rows(server, firm)

    def added(column: str) -> float:
        return sum(float(row[column] or 0) for row in rows)

    sides = ("QuickBooks", "Mosaic", "difference")
    assert [added(f"{one} minutes") for one in sides] == [590, 765, -175]
    in_hours = [round(added(f"{one} hours"), 2) for one in sides]
    assert in_hours == [9.83, 12.75, -2.92]
    page = _page(server, firm)
    assert _sums(page)["All"] == ("9:50 and 1 unknown", "12:45", "-2:55")
    assert [row["QuickBooks minutes"] for row in rows if row["day"] == ""] == [""]


def test_a_row_of_the_file_says_all_of_a_line(
    server: Client, firm: NewCompany, time: Put
) -> None:
    """Where, how much, why, whose turn it is, and what it is called on both sides."""
    number = time(
        here(date="2026-03-03", minutes=90),
        there(date="2026-03-03", minutes=60, job=[80, None]),
        state="refused",
        reason="=Too short. Support: `qbwc-server records resync`.",
    )
    (row,) = _rows(server, firm)
    assert row == {
        "day": "2026-03-03",
        "person": "Anna Berg",
        "job": "Elm:Garage",
        "item": "I-1",
        "QuickBooks minutes": "90",
        "QuickBooks hours": "1.5",
        "Mosaic minutes": "60",
        "Mosaic hours": "1.0",
        "difference minutes": "30",
        "difference hours": "0.5",
        "reason": "The other side does not take it.",
        "why": "'=Too short.",
        "who acts": "customer",
        "what to do": "Please read the reason and mend it where it was made.",
        "QuickBooks id": f"Q-{number}",
        "Mosaic id": "901",
        "number": str(number),
    }


def test_an_entry_at_two_places_is_a_line_at_each(
    server: Client, firm: NewCompany, time: Put
) -> None:
    """So that each day's sum is what a side has on it; below zero is a number."""
    time(
        here(date="2026-03-02", minutes=60),
        there(date="2026-03-03", minutes=60, item=None),
        state="pending",
    )
    told = [
        (row["day"], row["item"], row["difference minutes"])
        for row in _rows(server, firm)
    ]
    assert told == [("2026-03-02", "I-1", "60"), ("2026-03-03", "", "-60")]


def test_the_page_does_not_grow_with_the_company(
    server: Client, firm: NewCompany, time: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is more is counted, and its sum is there; the file has all of it."""
    monkeypatch.setattr(hours, "MOST_ROWS", 3)
    monkeypatch.setattr(hours, "MOST_ENTRIES", 2)
    for number in range(5):
        time(here(minutes=60, person=f"X-{number}", job=None), None, state="pending")
    page = _page(server, firm)
    sums = _sums(page)
    assert sums["2 more: their entries are in the CSV"] == ("2:00", "0:00", "2:00")
    assert sums["All"] == ("5:00", "0:00", "5:00")
    assert page.count('data-title="Day"') == 2
    assert "3 more lines are in the CSV." in page
    assert len(_rows(server, firm)) == 5


def test_days_with_too_many_entries_for_a_page_are_a_file(
    server: Client, firm: NewCompany, time: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short the period is: a page takes a server no longer than this."""
    monkeypatch.setattr(hours, "MOST_READ", 2)
    for minutes in (60, 480):
        time(*_both(minutes))
    assert "Complete for payroll." in _page(server, firm)
    time(*_both(60))
    answer = server.get(f"/setup/{firm.setup_token}/hours?{WEEK}")
    text = html.unescape(answer.text)
    assert (answer.status_code, "too many for a page" in text) == (400, True)
    assert f'href="/setup/{firm.setup_token}/hours.csv?{WEEK}" download' in text
    assert len(_rows(server, firm)) == 3


def test_the_tab_is_there_once_a_company_file_is_known(
    server: Client, new_company: NewCompanies, firm: NewCompany
) -> None:
    """Before that there is nothing to reconcile."""
    for company, is_there in ((firm, True), (new_company("Other"), False)):
        text = server.get(f"/setup/{company.setup_token}/runs").text
        assert ("/hours" in text) is is_there
