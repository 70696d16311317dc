"""What both sides changed or typed is shown until somebody has settled or seen it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server.companies.registry import NewCompany
from qbwc_server.kinds import conflict
from qbwc_server.records import history
from qbwc_server.records.one_or_two import joined
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

pytestmark = pytest.mark.in_turn

NewCompanies = Callable[..., NewCompany]


def test_a_conflict_is_shown_side_by_side_and_settled_once(
    server: Client, engine: Engine, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """What a person refers to has a name; the choice is kept with who made it."""
    company = new_company()
    put(company.id, "Ada", kind="employee", quickbooks_id="P-1")
    conflict = {
        "minutes": {"quickbooks": 90, "mosaic": 75, "kept": None},
        "person": {"quickbooks": "P-1", "mosaic": 7, "kept": None},
    }
    number = put(
        company.id,
        "Time",
        kind="time_entry",
        state="conflict",
        conflict=conflict,
        # The same moment, each by the clock of its side.
        time_modified="2026-03-02T07:00:00-08:00",
        edit_sequence="1772463600",
        mosaic={"updated_at": "2026-03-02T15:00:00Z"},
    )
    path = f"/setup/{company.setup_token}/conflicts"
    text = server.get(path).text
    for shown in ("1:30", "1:15", "Ada", "QuickBooks is right"):
        assert shown in text
    assert text.count('<time datetime="2026-03-02T15:00:00Z"') == 2
    assert server.post(f"{path}/{number}", data={"side": "both"}).status_code == 400
    stale = server.post(f"{path}/{number}", data={"side": "mosaic", "shown": "other"})
    assert stale.status_code == 409
    assert "It was changed again meanwhile." in stale.text
    mark = re.search(r'name="shown" value="(\w+)"', text)
    assert mark is not None
    answer = server.post(f"{path}/{number}", data={"side": "mosaic", "shown": mark[1]})
    assert answer.status_code == 303
    text = server.get(path).text
    assert "You said: Mosaic is right" in text
    assert "QuickBooks is right" not in text
    event = tables.record_event
    with company_transaction(engine, company.id) as connection:
        (row,) = connection.execute(
            sa.select(event).where(event.c.company_id == company.id)
        )
    assert (row.what, row.by) == ("settled: mosaic is right", "the setup page")
    with engine.begin() as connection:
        kept = connection.execute(sa.select(tables.audit).order_by(tables.audit.c.id))
        assert (last := kept.all()[-1]).who == "the setup page"
    assert last.what == "conflict settled: mosaic is right"
    assert last.detail["record"] == number
    plain = put(company.id, "Plain")
    refused = server.post(f"{path}/{plain}", data={"side": "mosaic"})
    assert refused.status_code == 409
    assert "This record has no conflict." in refused.text


def test_what_a_policy_decided_is_shown_until_somebody_has_seen_it(
    server: Client, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """The value that lost can be read; once it was seen it is off the list."""
    company = new_company()
    conflict = {"notes": {"quickbooks": "won", "mosaic": "lost", "kept": "quickbooks"}}
    number = put(company.id, "Time", kind="time_entry", conflict=conflict)
    path = f"/setup/{company.setup_token}/conflicts"
    text = server.get(path).text
    assert "lost" in text
    assert "Mosaic is right" not in text
    assert "Your rule" not in text
    assert "the later change, QuickBooks&#39;s, was kept" in text
    assert 'Conflicts <span class="count">1<' in text
    overview = server.get(f"/setup/{company.setup_token}/overview").text
    told = "1 time entry was changed on both sides; QuickBooks&#39;s values were kept"
    assert told in overview
    server.post(f"{path}/{number}", data={"side": "seen"})
    assert "lost" not in server.get(path).text
    assert "Conflicts <span" not in server.get(path).text


def test_hours_that_differ_in_billable_alone_are_one_question(
    server: Client, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """With counts, and a button for each side that answers it for all."""
    company = new_company()
    for number, billable in ((1, "Billable"), (2, "Billable"), (3, "NotBillable")):
        put(
            company.id,
            f"Hours {number}",
            kind="time_entry",
            state="conflict",
            day="2026-03-02",
            quickbooks_id=f"T-{number}",
            quickbooks={"date": "2026-03-02", "minutes": 75, "billable": billable},
            mosaic_type="time_entry",
            mosaic_id=number,
            mosaic={"date": "2026-03-02", "billable": number == 3},
            conflict={
                "billable": {
                    "quickbooks": billable,
                    "mosaic": number == 3,
                    "kept": None,
                }
            },
        )
    path = f"/setup/{company.setup_token}/conflicts"
    text = server.get(path).text
    assert "3 entries are the same on both sides but for whether" in text
    assert "2 (2:30 hours) are billable in QuickBooks only" in text
    assert "1 (1:15 hours) are billable in Mosaic only" in text
    assert server.post(f"{path}/billable", data={"side": "ours"}).status_code == 400
    answer = server.post(f"{path}/billable", data={"side": "mosaic"})
    assert answer.status_code == 303
    text = server.get(path).text
    assert "but for whether" not in text
    assert text.count("You said: Mosaic is right.") == 3


def test_what_was_typed_on_both_sides_is_shown_until_somebody_has_seen_it(
    server: Client, engine: Engine, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """With its hours, a badge, and a button that says that they are two."""
    company = new_company()
    now = datetime(2026, 3, 2, 15, tzinfo=UTC)
    both = []
    for number in (1, 2):
        found = put(
            company.id,
            f"Hours {number}",
            kind="time_entry",
            day="2026-03-02",
            quickbooks_id=f"T-{number}",
            quickbooks={"date": "2026-03-02", "minutes": 225},
            mosaic_type="time_entry",
            mosaic_id=number,
            mosaic={"date": "2026-03-02", "minutes": 225, "notes": "site visit"},
        )
        both.append(found)
        with company_transaction(engine, company.id) as connection:
            joined.note(connection, company.id, found, 225, "typed", now)
            history.event(
                connection, company.id, found, at=now, what="joined with 1", by="plan"
            )
    path = f"/setup/{company.setup_token}/conflicts"
    text = server.get(path).text
    told = "2 entries, 7:30 hours, were typed on both sides and are one each"
    assert told in text
    assert told in server.get(f"/setup/{company.setup_token}/overview").text
    assert "site visit" in text
    assert 'Conflicts <span class="count">2<' in text
    answer = server.post(f"{path}/joined", data={"two": both[0], "number": both})
    assert answer.status_code == 303
    again = server.post(f"{path}/joined", data={"two": both[0], "number": both})
    assert again.status_code == 409
    assert "not on both sides" in again.text
    assert "1 entry, 3:45 hours, was typed on both sides" in server.get(path).text
    assert server.post(f"{path}/joined", data={"number": both}).status_code == 400
    answer = server.post(f"{path}/joined", data={"seen": "yes", "number": both})
    assert answer.status_code == 303
    text = server.get(path).text
    assert "typed on both sides" not in text
    assert "Conflicts <span" not in text


def test_what_was_decided_does_not_hide_what_is_asked(
    server: Client, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """The buttons are for the question; what a policy decided is seen after it."""
    company = new_company()
    kept = {
        "notes": {"quickbooks": "won", "mosaic": "lost", "kept": "quickbooks"},
        "minutes": {"quickbooks": 90, "mosaic": 75, "kept": None},
    }
    number = put(company.id, "Time", kind="time_entry", conflict=kept)
    path = f"/setup/{company.setup_token}/conflicts"
    assert "Mosaic is right" in server.get(path).text
    assert "I have seen it" not in server.get(path).text
    answer = server.post(f"{path}/{number}", data={"side": "mosaic"})
    assert answer.status_code == 303
    assert "I have seen it" in server.get(path).text
    server.post(f"{path}/{number}", data={"side": "quickbooks"})
    assert "You said: Mosaic is right" in server.get(path).text


def test_a_conflict_that_was_settled_and_done_is_taken_off_the_list(
    server: Client, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """Both sides have what the person said; nothing is left to decide."""
    company = new_company()
    done = {"quickbooks": 90, "mosaic": 75, "settled": "mosaic", "kept": "mosaic"}
    number = put(
        company.id,
        "Time",
        kind="time_entry",
        state="in_sync",
        conflict={"minutes": done},
    )
    path = f"/setup/{company.setup_token}/conflicts"
    assert "I have seen it" in server.get(path).text

    assert server.post(f"{path}/{number}", data={"side": "mosaic"}).status_code == 303

    assert "There is no conflict." in server.get(path).text


def test_what_a_rule_did_not_keep_can_be_taken_after_all(
    server: Client, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """A badge until it is seen; with the word for the other value it is seen, too."""
    company = new_company()
    kept = {"quickbooks": 90, "mosaic": 195, "kept": "mosaic"}
    number = put(
        company.id,
        "Time",
        kind="time_entry",
        state="in_sync",
        conflict={"minutes": kept},
    )
    path = f"/setup/{company.setup_token}/conflicts"
    text = server.get(path).text
    assert 'Conflicts <span class="count">1<' in text
    assert "Take what QuickBooks had" in text
    (shown,) = re.findall('name="shown" value="([0-9a-f]+)"', text)
    said = {"side": "quickbooks", "shown": "0" * 16}
    assert server.post(f"{path}/{number}", data=said).status_code == 409
    said["shown"] = shown
    assert server.post(f"{path}/{number}", data=said).status_code == 303
    text = server.get(path).text
    assert "You said: QuickBooks is right. It goes to both sides by itself." in text
    assert 'Conflicts <span class="count">' not in text


@pytest.mark.parametrize(
    ("field", "quickbooks", "kept"),
    [("person", "80000001-1", "mosaic"), ("notes", "x" * 4095, "mosaic")],
)
def test_what_quickbooks_had_in_terms_of_its_own_is_entered_there(
    server: Client,
    new_company: NewCompanies,
    put: Callable[..., int],
    field: str,
    quickbooks: str,
    kept: str,
) -> None:
    """A name is linked to something else by now, a long text was cut."""
    company = new_company()
    both = {field: {"quickbooks": quickbooks, "mosaic": "7", "kept": kept}}
    number = put(company.id, "Time", kind="time_entry", state="in_sync", conflict=both)
    path = f"/setup/{company.setup_token}/conflicts"
    text = server.get(path).text
    assert "Take what" not in text
    assert "To have the other value, enter it again." in text
    answer = server.post(f"{path}/{number}", data={"side": "quickbooks"})
    assert answer.status_code == 409


def test_who_has_seen_it_has_changed_nothing(
    server: Client, engine: Engine, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """Where a rule kept one field of each side there is no side to say: it is seen."""
    company = new_company()
    kept = {
        "notes": {"quickbooks": "won", "mosaic": "lost", "kept": "quickbooks"},
        "minutes": {"quickbooks": 90, "mosaic": 195, "kept": "mosaic"},
    }
    number = put(company.id, "Time", kind="time_entry", state="in_sync", conflict=kept)
    path = f"/setup/{company.setup_token}/conflicts"
    (shown,) = re.findall('name="shown" value="([0-9a-f]+)"', server.get(path).text)
    assert 'value="seen">I have seen it' in server.get(path).text
    stale = {"side": "seen", "shown": "0" * 16}
    assert server.post(f"{path}/{number}", data=stale).status_code == 409
    seen = {"side": "seen", "shown": shown}
    assert server.post(f"{path}/{number}", data=seen).status_code == 303
    record, event = tables.record, tables.record_event
    with company_transaction(engine, company.id) as connection:
        row = connection.execute(
            sa.select(record.c.conflict).where(record.c.company_id == company.id)
        ).one()
        said = connection.execute(
            sa.select(event.c.what).where(event.c.company_id == company.id)
        ).scalars()
        assert (conflict.is_seen(row.conflict), list(said)) == (True, ["seen"])
    assert "There is no conflict." in server.get(path).text
    assert server.post(f"{path}/{number}", data=seen).status_code == 409
