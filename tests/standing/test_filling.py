"""How far Mosaic is filled, and until when: counted, and by what it took lately."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from qbwc_server import words
from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.standing import filling
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.conftest import Clock

_NOW = datetime(2026, 3, 2, 15, 2, tzinfo=UTC)


def _each(seconds: float, many: int, *, ago: float = 0) -> list[datetime]:
    """Return when Mosaic took each of many writes, one in so many seconds."""
    return [_NOW - timedelta(seconds=ago + seconds * n) for n in range(many)]


@pytest.mark.parametrize(
    ("taken", "ends_at"),
    [
        (_each(1, 300), "16:02"),
        (_each(2, 300), "17:05"),
        # A burst tells of the time since, too.
        (_each(0.01, 300, ago=600), "17:05"),
        # Nothing has moved for a quarter of an hour.
        (_each(1, 300, ago=900), None),
        # Too few to tell a pace of.
        (_each(1, 19), None),
        ([], None),
        # A clock that was wrong.
        ([_NOW + timedelta(hours=1)] * 300, None),
    ],
)
def test_it_is_done_by_what_mosaic_took_in_the_last_minutes(
    taken: list[datetime], ends_at: str | None
) -> None:
    """3,600 are to go, and it is two minutes past three."""
    found = filling.ends(3_600, taken, _NOW)
    assert (None if found is None else f"{found:%H:%M}") == ends_at


@pytest.mark.parametrize(
    ("ago", "left", "ends_at"),
    [
        # An hour's work, as was told; or as much as was left a minute ago.
        (1, 3_600, "16:02"),
        (1, 3_000, "15:52"),
        # It goes faster than was told.
        (1, 5_000, "16:02"),
        # What was told is wrong by more than a half.
        (1, 1_700, "16:02"),
        # It was told too long ago, or by a clock that was wrong.
        (20, 3_000, "16:02"),
        (-1, 3_000, "16:02"),
    ],
)
def test_the_time_left_does_not_rise(ago: int, left: float, ends_at: str) -> None:
    """Unless what was told is wrong by more than a half."""
    noted = filling.Noted(_NOW - timedelta(minutes=ago), timedelta(seconds=left))
    found = filling.ends(3_600, _each(1, 300), _NOW, noted=noted)
    assert found is not None
    assert f"{found:%H:%M}" == ends_at


@pytest.fixture
def company(new_company: Callable[..., NewCompany]) -> NewCompany:
    """A live company that has nothing yet."""
    return new_company()


def _rows(clock: Clock, many: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    known = {"company_id": 1, "kind": "time_entry", "state": "in_sync", "name": "x"}
    known |= {"waits_for": None, "quickbooks_id": None, "due_at": None}
    at = {"created_at": clock(), "changed_at": clock()}
    return [
        {**known, "id": 1_000 + number, **at, **one} for number, one in enumerate(many)
    ]


def _many(count: int, **values: Any) -> list[dict[str, Any]]:
    return [{"quickbooks_id": f"T{values}{n}", **values} for n in range(count)]


def test_what_waits_for_what_is_on_its_way_goes_along(
    engine: Engine, company: NewCompany, clock: Clock
) -> None:
    """And what waits for a person's word does not, nor what goes to QuickBooks."""
    job = {"kind": "customer"}
    with company_transaction(engine, company.id) as connection:
        rows = [
            {**job, "quickbooks_id": "A", "state": "pending"},
            {
                **job,
                "quickbooks_id": "B",
                "state": "unlinked",
                "waits_for": "customer:A",
            },
            {**job, "quickbooks_id": "C", "state": "unlinked"},
            *_many(40, state="in_sync"),
            *_many(70, state="pending"),
            *_many(3, state="unlinked", waits_for="customer:A"),
            *_many(5, state="unlinked", waits_for="customer:B"),
            *_many(7, state="unlinked", waits_for="customer:C"),
            *_many(11, state="unlinked", waits_for="customer:never-heard-of"),
            *_many(13, state="unlinked"),
            *({"state": "pending"} for _ in range(17)),
        ]
        connection.execute(tables.record.insert(), _rows(clock, rows))
        found = registry.get(connection, company.id)
        told = filling.of(connection, found, clock())
    assert told == filling.Filling(40, 40 + 1 + 1 + 70 + 3 + 5, None)


def test_a_few_are_no_filling(
    engine: Engine, company: NewCompany, clock: Clock
) -> None:
    """A minute is not worth a word; nor is what is only waiting."""
    with company_transaction(engine, company.id) as connection:
        rows = [
            *_many(59, state="pending"),
            *_many(100, state="unlinked", waits_for="customer:C"),
        ]
        connection.execute(tables.record.insert(), _rows(clock, rows))
        found = registry.get(connection, company.id)
        assert filling.of(connection, found, clock()) is None


@pytest.mark.parametrize("mode", ["preview", "paused"])
def test_what_is_not_live_is_not_filled(
    engine: Engine, company: NewCompany, clock: Clock, mode: str
) -> None:
    """However much there would be to go."""
    with company_transaction(engine, company.id) as connection:
        rows = _rows(clock, _many(100, state="pending"))
        connection.execute(tables.record.insert(), rows)
        registry.change(connection, company.id, mode=mode)
        found = registry.get(connection, company.id)
        assert filling.of(connection, found, clock()) is None


_HALF = {"there": 12_400, "total": 18_648}


@pytest.mark.parametrize(
    ("ends_at", "offset", "said"),
    [
        (_NOW.replace(hour=21, minute=0), -300, "done about 4 pm."),
        (_NOW.replace(hour=21, minute=35), -300, "done about 4:35 pm."),
        (_NOW.replace(hour=17, minute=0), -300, "done about 12 pm."),
        (_NOW.replace(day=3, hour=5, minute=0), -300, "done about 12 am tomorrow."),
        (_NOW.replace(day=4, hour=14, minute=0), -300, "done about 9 am on Wednesday."),
        (_NOW.replace(day=20), -300, "done about March 20."),
        (_NOW + timedelta(minutes=118), None, "the rest in about 118 minutes."),
        (_NOW + timedelta(minutes=1), None, "the rest in about 1 minute."),
        (_NOW + timedelta(hours=5.3), None, "the rest in about 5 hours."),
        (None, -300, "the rest follows."),
    ],
)
def test_status_tells_it_in_the_office_s_own_time(
    ends_at: datetime | None, offset: int | None, said: str
) -> None:
    """Two minutes past ten in New York."""
    told = words.filling(**_HALF, ends_at=ends_at, now=_NOW, offset_minutes=offset)
    assert told == f"Mosaic has 12,400 of 18,648, {said}"


def test_status_has_room_for_it_where_there_is_and_says_what_is_more_urgent() -> None:
    """ASCII, under 200 characters; the page is told in any case."""
    far = words.filling(**_HALF, ends_at=None, now=_NOW, offset_minutes=None)
    url = "https://qb.example.com"
    assert words.summary({}, {}, 0, url, filling=far) == f"Nothing new. {far}"
    told = words.summary({"customers": 1}, {}, 1_234, url, filling=far)
    assert told.startswith(f"1 customer in. {far} More than 1,000 need you")
    stop = "Look at what is the matter with it. " * 4
    told = words.summary({}, {}, 3, url, attention=stop.strip(), filling=far)
    assert "Mosaic has" not in told
    assert told.endswith(f"3 need you: {url}")
    assert len(told) < 200
