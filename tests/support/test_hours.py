"""Hours of both sides: the view and the command's rule say the same, and add up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import stamina
from sqlalchemy.engine import Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company, NewCompany
from qbwc_server.kinds.restored import Mark
from qbwc_server.standing import hours
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    next_ids,
)
from qbwc_server.words.hours import REASONS
from tests.both_read import both_read
from tests.conftest import Clock
from tests.support import firms

NewCompanies = Callable[..., NewCompany]
_ALWAYS = ("2000-01-01", "2100-01-01")
_COLUMNS = (
    *("person", "day", "job", "quickbooks_minutes", "mosaic_minutes", "difference"),
    *("reason", "why", "who_must_act", "next_step", "record_id", "what"),
)
_PERSON, _OTHER = "80-1", "80-2"
_JOBS = {"acme": "90-1", "house": "90-2", "sketches": "90-3", "deeper": "90-4"}
_PERIOD = ("2026-03-02", "2026-03-08")


def _said(engine: Engine, company: Company, first: str, last: str) -> list[Any]:
    """Return what the rule says, as rows of the view."""
    with company_reading(engine, company.id) as connection:
        lines = hours.of(connection, company, first, last)
    return sorted(
        (tuple(getattr(one, name) for name in _COLUMNS) for one in lines), key=repr
    )


def _seen(engine: Engine, company: Company, first: str, last: str) -> list[Any]:
    """Return what the view says."""
    query = sa.text(
        f"SELECT {', '.join(_COLUMNS)} FROM support_hours WHERE company_id = :company"
        " AND (day IS NULL OR day BETWEEN :first AND :last)"
    )
    given = {"company": company.id, "first": first, "last": last}
    with engine.begin() as connection:
        return sorted(map(tuple, connection.execute(query, given)), key=repr)


def _keep(engine: Engine, company_id: int, clock: Clock, rows: list[Any]) -> None:
    with company_transaction(engine, company_id) as connection:
        ids = next_ids(connection, company_id, len(rows))
        plain: dict[str, Any] = {column.name: None for column in tables.record.c}
        for name in ("quickbooks_gone", "mosaic_gone"):
            plain[name] = False
        for name in ("misses", "attempt", "failures"):
            plain[name] = 0
        plain |= {"created_at": clock(), "changed_at": clock(), "delivery_rank": 50}
        connection.execute(
            tables.record.insert(),
            [
                {**plain, "company_id": company_id, "id": number, **row}
                for number, row in zip(ids, rows, strict=True)
            ],
        )


def _lists() -> list[dict[str, Any]]:
    """Return two people and four levels of a customer, some of them linked."""

    def one(kind: str, list_id: str, name: str, **more: Any) -> dict[str, Any]:
        plain = {"kind": kind, "quickbooks_id": list_id, "name": name}
        return {**plain, "state": "in_sync", **more}

    project = {"mosaic_type": "project", "mosaic_id": 50}
    return [
        one("employee", _PERSON, "Ann", mosaic_type="employee", mosaic_id=7),
        one("vendor", _OTHER, "Bo"),
        one("vendor", _PERSON, "A vendor with the number of an employee"),
        one("customer", _JOBS["acme"], "Acme", mosaic_type="client", mosaic_id=40),
        one(
            "customer",
            _JOBS["house"],
            "Acme:House",
            parent_id=_JOBS["acme"],
            mosaic={"main_phase_id": 51},
            **project,
        ),
        one(
            "customer",
            _JOBS["sketches"],
            "Acme:House:Sketches",
            parent_id=_JOBS["house"],
            mosaic_type="phase",
            mosaic_id=52,
        ),
        one(
            "customer",
            _JOBS["deeper"],
            "Acme:House:Sketches:First",
            parent_id=_JOBS["sketches"],
            state="pending",
        ),
    ]


_HERE: tuple[Any, ...] = (
    None,
    {"person": _PERSON, "job": _JOBS["house"], "minutes": 60},
    {"person": _PERSON, "job": _JOBS["deeper"], "minutes": 75},
    {"person": _OTHER, "job": None, "minutes": 30},
    {"person": "80-9", "job": "90-9", "minutes": 15},
)
_THERE: tuple[Any, ...] = (
    None,
    {"date": "2026-03-02", "person": 7, "job": [50, 51], "minutes": 60},
    {"date": "2026-03-02", "person": 7, "job": [50, 52], "minutes": 75},
    {"date": "2026-03-02", "person": 7, "job": [50, 53], "minutes": 60},
    {"date": "2026-03-02", "person": 8, "job": [60, None], "minutes": 20},
    {"date": "2026-03-09", "person": 7, "job": [50, 51], "minutes": 60},
    {"date": "2026-03-02", "person": None, "job": [None, None], "minutes": 5},
)
_MORE: tuple[dict[str, Any], ...] = (
    {},
    {"quickbooks_gone": True},
    {"mosaic_gone": True},
    {"unread": "Not a duration."},
    {"waits_for": f"customer:{_JOBS['deeper']}"},
    {"waits_for": f"vendor:{_OTHER}", "reason": "Bo has no member."},
    {"waits_for": "employee:80-7"},
    {"waits_for": "project:60"},
    {"waits_for": "standard_work_category:60"},
    {"waits_for": "company:before-live"},
    {"failures": 5},
    {"conflict": {"job": {"settled": "left"}}},
    {"conflict": {"person": {"settled": "mosaic"}}},
    {"quickbooks_id": None},
    *({"restored": mark.value} for mark in Mark),
)


def _entries() -> list[dict[str, Any]]:
    """Return every way in which two sides can have an entry, in every state."""
    found: list[dict[str, Any]] = []
    for here, there, more, state in product(_HERE, _THERE, _MORE, tables.RECORD_STATES):
        number = len(found) + 1_000
        found.append(
            {
                "kind": "time_entry",
                "state": state,
                "name": f"2026-03-02 {number}",
                "day": "2026-03-02",
                "quickbooks_id": f"T{number}",
                "mosaic_type": "time_entry" if there else None,
                "mosaic_id": number if there else None,
                "quickbooks": here,
                "mosaic": there,
                **more,
            }
        )
    unreadable = {"kind": "time_entry", "state": "refused", "name": "2026-03-02 ?"}
    found.append({**unreadable, "quickbooks_id": "T1", "unread": "No person."})
    return found


_PLAIN: dict[str, Any] = {
    "mode": "live",
    "paused_by": None,
    "two_way": True,
    "before_live": "add",
    "late_at": None,
    "attention_id": None,
    "attention": None,
    "file_name": "Vale",
}
_COMPANIES: tuple[dict[str, Any], ...] = (
    {},
    {"two_way": False, "before_live": "leave"},
    {"before_live": "leave"},
    {"mode": "paused"},
    {"mode": "paused", "paused_by": "customer"},
    {"mode": "preview"},
    {"mode": "preview", "file_name": None},
    {"late_at": "now"},
    {"attention_id": "wrong-company-file", "attention": "Another one is open."},
    {"attention_id": "backup-restored", "attention": "It is compared."},
    {"attention_id": "never-heard-of", "attention": "Look."},
    {"attention_id": "quickbooks-unsupported-country", "attention": "Not ours."},
)


@pytest.fixture
def kept(engine: Engine, new_company: NewCompanies, clock: Clock) -> Engine:
    """Every way in which an entry can be, of one company; another has one, too."""
    company, other = new_company(), new_company("Another")
    _keep(engine, company.id, clock, _lists())
    _keep(engine, company.id, clock, _entries())
    _keep(engine, other.id, clock, _entries()[-2:])
    with company_transaction(engine, company.id) as connection:
        both_read(connection, company.id, clock())
        connection.execute(
            tables.mosaic_object.insert(),
            [
                {
                    "company_id": company.id,
                    "data_type": data_type,
                    "mosaic_id": number,
                    "name": found.get("name", "x"),
                    "match_key": "",
                    "name_key": "",
                    "snapshot": found,
                    "seen_in": 1,
                }
                for data_type, number, found in (
                    (
                        "employee",
                        8,
                        {"first_name": "Di", "last_name": "O", "email": ""},
                    ),
                    ("project", 60, {"name": "Annex"}),
                    ("phase", 51, {"name": "Main", "is_main": True}),
                    ("phase", 53, {"name": "Extra", "is_main": False}),
                )
            ],
        )
        entry = connection.execute(
            sa.select(tables.record.c.id).where(
                tables.record.c.state == "pending",
                tables.record.c.kind == "time_entry",
                tables.record.c.quickbooks_gone,
            )
        ).scalars()
        jobs = [
            {
                "company_id": company.id,
                "id": 900_000 + number,
                "kind": "time_entry",
                "state": "failed",
                "action": "mod",
                "record_id": number,
                "summary": "Change",
                "created_at": clock(),
                "run_at": clock(),
                "finished_at": None,
            }
            for number in entry
        ]
        connection.execute(tables.job.insert(), jobs)
    return engine


def test_view_and_rule_say_the_same_of_every_entry_that_can_be(
    kept: Engine, clock: Clock
) -> None:
    """Place, minutes, reason, who acts and what to do, however the company is."""
    seen: set[str] = set()
    for values in _COMPANIES:
        known = clock() + timedelta(days=1 if "before_live" in values else -1)
        late = {"late_at": clock()} if "late_at" in values else {}
        with company_transaction(kept, 1) as connection:
            registry.change(
                connection, 1, **{**_PLAIN, "first_known_at": known, **values, **late}
            )
        company = registry.find(kept, "1")
        said = _said(kept, company, *_PERIOD)
        assert len(said) > 2_000
        assert said == _seen(kept, company, *_PERIOD), values
        seen |= {one[6] for one in said}
        assert all(
            one[9].startswith("Nothing to do") for one in said if one[8] == "nobody"
        )
    assert seen == set(REASONS)


def test_lines_add_up_to_what_each_side_has(kept: Engine) -> None:
    """Whatever is apart, moved, unknown or left out: no minute is lost, none twice."""
    company = registry.find(kept, "1")
    said = _said(kept, company, *_ALWAYS)
    record = tables.record.c
    with kept.begin() as connection:
        rows = connection.execute(
            sa.select(tables.record).where(
                record.company_id == 1, record.kind == "time_entry"
            )
        ).all()
    taken = {Mark.MISSING, Mark.ADD, Mark.LEFT}
    here = [
        row.quickbooks["minutes"]
        for row in rows
        if row.quickbooks
        and row.restored not in taken
        and (not row.quickbooks_gone or row.restored == "again")
    ]
    there = [
        row.mosaic["minutes"] for row in rows if row.mosaic and not row.mosaic_gone
    ]
    assert sum(one[3] or 0 for one in said) == sum(here)
    assert sum(one[4] for one in said) == sum(there)
    assert [one for one in said if one[3] is None and one[1] is None]


def test_a_period_has_what_either_side_has_in_it(kept: Engine) -> None:
    """An entry that somebody moved to another week is in both, each with its hours."""
    company = registry.find(kept, "1")
    weeks = (_PERIOD, ("2026-03-09", "2026-03-09"))
    both = [_said(kept, company, *one) for one in weeks]
    assert both == [_seen(kept, company, *one) for one in weeks]
    every = [one for one in _said(kept, company, *_ALWAYS) if one[1] is not None]
    apart = [one for week in both for one in week if one[1] is not None]
    assert sorted(apart, key=repr) == every
    assert {one[1] for one in both[1]} == {"2026-03-09", None}


def test_a_record_tells_whose_time_it_is_on_which_job_and_how_long(
    kept: Engine,
) -> None:
    """As QuickBooks has it, or else as Mosaic; of anything but time nothing."""
    query = sa.text(
        "SELECT DISTINCT person, job, minutes FROM support_records"
        " WHERE company_id = 1 AND kind = 'time_entry'"
        " AND state = 'pending' AND name <> '2026-03-02 ?'"
    )
    with kept.begin() as connection:
        found = {tuple(row) for row in connection.execute(query)}
        others = connection.exec_driver_sql(
            "SELECT DISTINCT person, job, minutes FROM support_records"
            " WHERE company_id = 1 AND kind <> 'time_entry'"
        ).all()
    assert found >= {
        ("Ann", "Acme:House", 60),
        ("Ann", "Acme:House:Sketches:First", 75),
        ("Bo", None, 30),
        ("Ann", "Acme:House:Sketches", 75),
        ("Di O", "Annex", 20),
        (None, None, 5),
        (None, None, None),
    }
    assert others == [(None, None, None)]


def test_hours_of_firms_in_trouble_are_those_of_both_programs(
    engine: Engine, tmp_path: Path
) -> None:
    """Counted in the company files and in Mosaic themselves, not in what we know."""
    with stamina.set_testing(True, attempts=3, cap=True):
        made = firms.build(engine, tmp_path)
    for firm in made:
        company = firm.stored()
        said = _said(engine, company, *_ALWAYS)
        assert said == _seen(engine, company, *_ALWAYS)
        entered = firm.file.store.all("SELECT minutes FROM time_entry")
        assert sum(one[3] for one in said) == sum(map(int, (row[0] for row in entered)))
        # What the team of two files has in Mosaic was entered in the first one.
        is_second = isinstance(firm, firms.SecondFile)
        theirs = [] if is_second else firm.people.time()
        there = sum(round(float(one["hours"]) * 60) for one in theirs)
        assert sum(one[4] for one in said) == there
        firm.close()
    assert len(said := _said(engine, made[0].stored(), *_ALWAYS)) > 3
    assert {one[6] for one in said} >= {"same", "conflict", "person"}
