"""What Mosaic had before a company went live enters QuickBooks after a yes."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.companies import registry
from qbwc_server.decisions import before_live, company_settings
from qbwc_server.decisions.before_live import NotAllKnown
from qbwc_server.onboarding import forecast
from qbwc_server.onboarding.going_live import NotReady
from qbwc_server.operations import database_restored
from qbwc_server.storage.database import company_reading, company_transaction
from tests.agreement.house import House
from tests.agreement.test_preview import (
    _fill_mosaic,
    _fill_quickbooks,
    _preview,
    _set_mode,
)

pytestmark = pytest.mark.in_turn


@pytest.fixture
def house(new_house: House) -> House:
    """A house in preview that asks, on each of the databases."""
    _set_mode(new_house, "preview")
    _asks(new_house)
    return new_house


def _asks(house: House) -> None:
    """Have the company as it is where nobody was told what going live means."""
    with company_transaction(house.engine, house.company.id) as connection:
        registry.change(connection, house.company.id, before_live="ask")


def _typed_again(house: House) -> None:
    """Type in Mosaic once more what is there alone."""
    there = next(
        one
        for one in house.sandbox.objects("time_entry")
        if one["description"] == "only here"
    )
    house.people.add_time(
        there["member_id"],
        there["date"],
        2,
        project=there["project_id"],
        category=there["standard_work_category_id"],
        text="only here",
    )


def _in_quickbooks(house: House) -> list[int]:
    """Return the minutes of the entries that are in QuickBooks and came from Mosaic."""
    rows = house.file.store.all(
        "SELECT * FROM time_entry WHERE external_guid IS NOT NULL"
    )
    return sorted(row["minutes"] for row in rows)


@pytest.mark.parametrize("add", [True, False])
def test_hours_from_before_it_went_live_enter_quickbooks_after_a_yes(
    house: House, *, add: bool
) -> None:
    """Told with count and hours; what is typed afterwards goes without one."""
    _live_with_hours_that_wait(house)
    _typed_again(house)
    house.settle_for(minutes=65)
    assert _in_quickbooks(house) == [120]

    _say(house, add=add)
    house.settle_for(minutes=65)

    assert _in_quickbooks(house) == ([120] * 3 if add else [120])
    assert _waiting(house) == (0, 0)


@pytest.mark.parametrize("word", ["leave", "ask"])
def test_hours_typed_after_going_live_are_none_of_before_after_a_restore(
    house: House, word: str
) -> None:
    """What a restored backup makes known anew was not there before going live."""
    _live_with_hours_that_wait(house)
    if word == "leave":
        _say(house, add=False)
    house.settle_for(minutes=65)
    _typed_again(house)
    database_restored.declare(house.engine, now=house.clock(), who="operator")
    assert house.stored().both_known_at is not None
    for _ in range(3):
        house.settle_for(minutes=65)
    _typed_again(house)
    house.settle_for(minutes=65)

    first = house.stored().first_known_at
    assert first is not None
    assert first < (house.stored().both_known_at or first)
    assert _in_quickbooks(house) == [120, 120]
    assert _waiting(house) == ((0, 0) if word == "leave" else (2, 240))


def test_a_pause_before_it_goes_live_is_no_going_live(house: House) -> None:
    """What is typed in Mosaic after that pause was still there before."""
    _fill_quickbooks(house)
    _fill_mosaic(house)
    house.settle()
    told: Any = {"now": house.clock(), "who": "office", "by": "customer"}
    company_settings.pause(house.engine, house.stored(), **told)
    house.clock.pass_(minutes=1)
    house.work()
    company_settings.resume(house.engine, house.stored(), **told)
    assert house.stored().first_known_at is None
    house.settle_for(minutes=65)
    _typed_again(house)
    house.settle_for(minutes=65)
    _set_mode(house, "live")
    house.quiet()
    assert _in_quickbooks(house) == []
    assert _waiting(house) == (2, 240)


def test_nothing_is_left_before_all_of_it_is_known(house: House) -> None:
    """More may still be read; that it is added may be said at any time."""
    _fill_mosaic(house)
    with pytest.raises(NotAllKnown):
        _say(house, add=False)
    assert house.stored().before_live == "ask"
    _say(house, add=True)
    assert house.stored().before_live == "add"


@pytest.mark.parametrize("shown", [(1, 120), None])
def test_going_live_is_the_yes_to_what_was_shown(
    house: House, shown: tuple[int, int] | None
) -> None:
    """A preview that the worker made and nobody saw is no yes of anybody."""
    _fill_quickbooks(house)
    _fill_mosaic(house)
    house.settle()
    assert _preview(house).counts["time_entry"]["add"] == 1
    kept = forecast.make(house.engine, house.stored(), house.settings, house.clock)
    assert kept.enters == (1, 120)
    company = house.stored()
    with pytest.raises(NotReady, match="has changed since you looked"):
        forecast.go_live(
            house.engine, company, house.clock, who="person", shown=(1, 60)
        )
    forecast.go_live(house.engine, company, house.clock, who="person", shown=shown)
    assert house.stored().mode == "live"
    assert house.stored().before_live == ("add" if shown else "ask")


def _live_with_hours_that_wait(house: House) -> None:
    _fill_quickbooks(house)
    _fill_mosaic(house)
    house.settle()
    _typed_again(house)
    _set_mode(house, "live")
    house.quiet()
    assert _in_quickbooks(house) == []
    assert _waiting(house) == (2, 240)


def _waiting(house: House) -> tuple[int, int]:
    with company_reading(house.engine, house.company.id) as connection:
        return before_live.waiting(connection, house.company.id)


def _say(house: House, *, add: bool) -> None:
    company = house.stored()
    with company_transaction(house.engine, company.id) as connection:
        before_live.say(
            connection, company, add=add, by="person", why=None, now=house.clock()
        )
