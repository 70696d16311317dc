"""What a person must look at: rows that begin, are seen again, and end, each alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import attention, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.words import urgency
from tests.conftest import Clock

NewCompanies = Callable[..., NewCompany]
_MINUTE = timedelta(minutes=1)


class Board:
    """What stands of a company, as one who asks minute by minute sees it."""

    def __init__(self, engine: Engine, clock: Clock, company_id: int) -> None:
        self.engine, self.clock, self.company_id = engine, clock, company_id

    def attend(self, *reasons: str, text: str = "Look.") -> None:
        """Say each, a minute after the one before."""
        for one in reasons:
            self.clock.pass_(minutes=1)
            with company_transaction(self.engine, self.company_id) as connection:
                attention.attend(
                    connection,
                    self.company_id,
                    error_id=one,
                    text=text,
                    now=self.clock(),
                )

    def calm(self, **how: Any) -> None:
        """Say that it is over, a minute later."""
        self.clock.pass_(minutes=1)
        with company_transaction(self.engine, self.company_id) as connection:
            attention.calm(connection, self.company_id, now=self.clock(), **how)

    def standing(self) -> list[str]:
        """Return what stands, and see that the company's row says the first of it."""
        with company_transaction(self.engine, self.company_id) as connection:
            found = attention.standing(connection, self.company_id)
            company = registry.get(connection, self.company_id)
        first = (found[0].reason, found[0].text) if found else (None, None)
        assert (company.attention_id, company.attention) == first
        return [one.reason for one in found]

    def one(self, reason: str) -> Any:
        """Return the only row of a reason."""
        with self.engine.begin() as connection:
            query = sa.select(tables.attention).where(
                tables.attention.c.reason == reason
            )
            return connection.execute(query).one()


@pytest.fixture
def board(engine: Engine, new_company: NewCompanies, clock: Clock) -> Board:
    """A company of which nothing needs attention."""
    return Board(engine, clock, new_company().id)


def test_several_stand_at_once_a_stop_first_and_what_is_to_be_known_last(
    board: Board,
) -> None:
    """None is lost because another was there before it or goes before it."""
    board.attend(
        *("time-tracking-off", "list-not-read", "wrong-company-file"),
        *("mosaic-unavailable", "mosaic-portfolio-missing", "too-many-gone"),
        *("quickbooks-status-3180", "backup-restored"),
    )
    assert board.standing() == [
        *("backup-restored", "too-many-gone", "wrong-company-file"),
        *("mosaic-portfolio-missing", "mosaic-unavailable"),
        *("quickbooks-status-3180", "list-not-read", "time-tracking-off"),
    ]


def test_what_one_try_meets_takes_the_place_of_what_the_one_before_met(
    board: Board,
) -> None:
    """A run gets no further than its first trouble, nor does a call of Mosaic."""
    board.attend("wrong-company-file", "quickbooks-0x80040408")
    board.attend("mosaic-unavailable", "mosaic-unauthorised")
    assert board.standing() == ["quickbooks-0x80040408", "mosaic-unauthorised"]


def test_it_began_once_however_often_it_is_met(board: Board) -> None:
    """And says the latest words."""
    began = board.clock() + _MINUTE
    board.attend(*["wrong-company-file"] * 3)
    board.attend("wrong-company-file", text="Another one.")
    row = board.one("wrong-company-file")
    assert (row.began_at, row.seen_at) == (began, began + 3 * _MINUTE)
    assert row.text == "Another one."


@pytest.mark.parametrize(("minutes", "same"), [(50, True), (70, False)])
def test_what_comes_back_within_an_hour_is_the_same_one(
    board: Board, minutes: int, same: bool
) -> None:
    """A list that fails at each schedule is not new each time."""
    board.attend("quickbooks-status-3180")
    board.calm()
    assert board.standing() == []
    board.clock.pass_(minutes=minutes)
    board.attend("quickbooks-status-3180")
    assert board.standing() == ["quickbooks-status-3180"]
    with board.engine.begin() as connection:
        rows = connection.execute(sa.select(tables.attention)).all()
    assert len(rows) == (1 if same else 2)


def test_a_good_run_ends_its_own_side_but_no_stop_and_nothing_that_lasts(
    board: Board,
) -> None:
    """Nor what it found itself and says again."""
    board.attend("too-many-gone", "write-in-doubt", "two-computers")
    board.attend("wrong-company-file", "mosaic-unavailable")
    board.calm(but={"two-computers"})
    assert board.standing() == [
        *("too-many-gone", "mosaic-unavailable", "two-computers", "write-in-doubt"),
    ]
    board.calm(mosaic=True)
    board.calm(also_stops=True)
    assert board.standing() == ["write-in-doubt"]


@contextmanager
def _writes(engine: Engine) -> Iterator[list[str]]:
    """Count what is written to the two tables meanwhile."""
    found: list[str] = []

    def note(
        _connection: Connection, _cursor: object, statement: str, *_more: object
    ) -> None:
        if statement.startswith(("INSERT INTO attention", "UPDATE ")) and (
            "attention" in statement
        ):
            found.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(engine, "before_cursor_execute", note)


def test_nothing_is_written_where_nothing_changed(board: Board) -> None:
    """Every run says that it got at the file, and every pass what it met."""
    with _writes(board.engine) as found:
        board.calm()
        board.calm(mosaic=True)
    assert found == []
    board.attend("mosaic-unavailable")
    with (
        _writes(board.engine) as found,
        company_transaction(board.engine, board.company_id) as connection,
    ):
        attention.attend(
            connection,
            board.company_id,
            error_id="mosaic-unavailable",
            text="Look.",
            now=board.clock() + _MINUTE / 2,
        )
    assert found == []
    with _writes(board.engine) as found:
        board.attend("mosaic-unavailable")
    assert len(found) == 1


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        (None, ["write-in-doubt"]),
        ("list-not-read", ["list-not-read", "write-in-doubt"]),
        (
            "too-many-gone",
            [
                *("too-many-gone", "wrong-company-file", "list-not-read"),
                "write-in-doubt",
            ],
        ),
        (
            "quickbooks-0x80040408",
            ["quickbooks-0x80040408", "list-not-read", "write-in-doubt"],
        ),
    ],
)
def test_what_the_program_before_this_one_says_is_taken_over(
    board: Board, said: str | None, stands: list[str]
) -> None:
    """It writes to the company alone, while servers are replaced one by one."""
    board.attend("list-not-read", "wrong-company-file")
    with company_transaction(board.engine, board.company_id) as connection:
        connection.execute(
            tables.company.update()
            .where(tables.company.c.id == board.company_id)
            .values(attention_id=said, attention=said and "Look.")
        )
    board.attend("write-in-doubt")
    assert sorted(board.standing()) == sorted(stands)


@pytest.mark.parametrize(
    ("reason", "place"),
    [
        ("backup-restored", 0),
        ("backup-restored-which-side", 0),
        ("too-many-gone", 1),
        ("mosaic-too-many-gone", 1),
        ("wrong-company-file", 6),
        ("quickbooks-0x80040408", 6),
        ("nobody-knows-it", 6),
        ("mosaic-unauthorised", 7),
        ("mosaic-delivery-failed", 7),
        ("two-computers", 9),
        ("quickbooks-status-3180", 9),
        ("company-file-moved", 15),
    ],
)
def test_where_each_stands(reason: str, place: int) -> None:
    """Stops, then what no run or call gets past, then parts, then remarks."""
    assert urgency.place(reason) == place
    assert urgency.keeps_from_going_on(place) is (place < 9)
