"""Two company files of one Mosaic team: the hours of one never become the other's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.companies.team import time_claims
from qbwc_server.decisions import company_settings, conflicts, time_sharing
from qbwc_server.kinds import conflict
from qbwc_server.onboarding.preview import preview
from qbwc_server.operations import database_restored, forgetting
from qbwc_server.planning.time_files import TeamFiles
from qbwc_server.standing import who_must_act
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.begun import Pair, kept_pair
from tests.agreement.copies import copy_of
from tests.agreement.files import Again, both, share, time_of, with_same
from tests.agreement.house import House
from tests.agreement.test_findings import (
    day,
    in_mosaic,
    in_quickbooks,
    mosaic,
    quickbooks,
)
from tests.conftest import Clock, Kept

_NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
_OF_FILES = ("time_claim ", "time_rule", "pg_advisory")


@pytest.fixture
def two_files(engine: Engine, tmp_path: Path, kept_databases: Kept) -> Iterator[Pair]:
    """A file that is settled, and a second one of the same team with the same names."""
    with kept_pair(engine, tmp_path, kept_databases, "two_files", with_same) as pair:
        yield pair


@pytest.mark.parametrize("shared", [False, True])
def test_hours_of_one_file_do_not_come_into_the_other(
    two_files: Pair, shared: bool
) -> None:
    """Also where both are linked to the person, the project and the category."""
    first, second = two_files
    if shared:
        share(first, second)
    in_quickbooks(first, "worked for the first", minutes=480)
    both(first, second)
    assert [row["minutes"] for row in quickbooks(first)] == [480]
    assert quickbooks(second) == []
    assert len(mosaic(first)) == 1
    assert time_of(second) == []


def say(house: House, *, mine: bool) -> bool:
    """Say in a file whose Ann's hours on House are."""
    company = house.stored()
    with company_transaction(house.engine, company.id) as connection:
        (one,) = time_sharing.shared_hours(connection, company)
        return time_sharing.say_whose(
            connection,
            company,
            one.member_id,
            one.project_id,
            mine=mine,
            by="bookkeeper",
            why=None,
            now=house.clock(),
        )


def told(house: House) -> list[tuple[str, str, str, int, int]]:
    """Return what a file is shown of shared hours."""
    company = house.stored()
    with company_transaction(house.engine, company.id) as connection:
        return [
            (one.person, one.project, one.whose, one.entries, one.minutes)
            for one in time_sharing.shared_hours(connection, company)
        ]


@pytest.mark.in_turn
def test_hours_born_in_mosaic_on_what_one_file_has_are_that_file_s(
    two_files: Pair,
) -> None:
    """The other one knows nothing of them, not even a record that waits."""
    first, second = two_files
    in_mosaic(first, "call")
    both(first, second)
    assert [row["notes"] for row in quickbooks(first)] == ["call"]
    assert quickbooks(second) == []
    assert time_of(second) == []


@pytest.mark.in_turn
def test_hours_born_in_mosaic_on_what_both_share_wait_for_one_word(
    two_files: Pair,
) -> None:
    """The first word wins, is shown to both, and decides about what comes later too."""
    first, second = two_files
    share(first, second)
    in_mosaic(first, "call")
    both(first, second)
    assert quickbooks(first) == quickbooks(second) == []
    for house in two_files:
        (row,) = time_of(house)
        assert (row.state, who_must_act.of(row).who) == ("refused", "customer")
        assert "whose such hours are" in row.reason
        assert told(house) == [("Ann Lee", "House", "open", 1, 60)]

    assert say(second, mine=True)
    with pytest.raises(time_sharing.SaidElsewhere):
        say(first, mine=True)
    assert not say(first, mine=False)
    in_mosaic(first, "call")
    both(first, second)
    assert quickbooks(first) == []
    assert [row["notes"] for row in quickbooks(second)] == ["call", "call"]
    assert time_of(first) == []
    assert told(first) == [("Ann Lee", "House", "another file's", 0, 0)]
    assert told(second) == [("Ann Lee", "House", "this file's", 0, 0)]
    assert len(mosaic(first)) == 2

    # The hours that the first file has itself are its own all the same.
    in_quickbooks(first, "site visit", minutes=90)
    both(first, second)
    assert [row["notes"] for row in quickbooks(first)] == ["site visit"]
    assert len(quickbooks(second)) == 2


@pytest.mark.in_turn
def test_while_a_file_creates_time_another_takes_no_new_one_of_that_person(
    two_files: Pair,
) -> None:
    """Its answer may be lost: then the entry in Mosaic is nobody's for a while."""
    first, second = two_files
    share(first, second)
    in_mosaic(first, "asked")
    both(first, second)
    say(second, mine=True)
    both(first, second)
    assert len(quickbooks(second)) == 1

    in_quickbooks(first, "lost", minutes=90)
    first.clock.pass_(minutes=16)
    first.connect()
    first.wire.after = lose_answers
    first.work()
    assert len(mosaic(first)) == 2
    set_deliver_at(first, None)
    for _ in range(3):
        second.clock.pass_(minutes=6)
        second.work()
        second.connect()
    assert len(quickbooks(second)) == 1
    waiting = [row for row in time_of(second) if row.state == "pending"]
    assert [row.mosaic["minutes"] for row in waiting] == [90]
    assert "just creating time" in waiting[0].reason

    set_deliver_at(first, first.clock())
    both(first, second)
    assert [row["minutes"] for row in quickbooks(second)] == [60]
    assert [row["minutes"] for row in quickbooks(first)] == [90]
    assert len(mosaic(first)) == 2


@pytest.mark.in_turn
@pytest.mark.parametrize("known", [False, True])
def test_an_equal_hour_of_another_file_is_not_taken_for_one_whose_creation_was_lost(
    two_files: Pair, known: bool
) -> None:
    """Both worked the same hours that day; only the second one's arrived in Mosaic.

    `known` tells whether the second file knew already that it is its own. If not, the
    first may take it, for it is equal, and the second one's is made again.
    """
    first, second = two_files
    share(first, second)
    in_quickbooks(first, "site visit", minutes=480)
    first.clock.pass_(minutes=16)
    first.connect()
    first.wire.before = lose_requests
    first.work()
    assert mosaic(first) == []
    set_deliver_at(first, None)
    in_quickbooks(second, "site visit", minutes=480)
    second.clock.pass_(minutes=16)
    second.connect()
    second.sandbox.answer_mode = "body" if known else "callback"
    second.work()
    assert len(mosaic(first)) == 1
    assert {row.state for row in time_of(second)} == {"in_sync" if known else "pending"}

    set_deliver_at(first, first.clock())
    both(first, second)
    assert len(mosaic(first)) == 2
    for house in two_files:
        assert [row.state for row in time_of(house)] == ["in_sync"]
    assert len(quickbooks(first)) == len(quickbooks(second)) == 1


@pytest.mark.in_turn
def test_an_equal_hour_that_another_file_took_is_not_joined_with(
    two_files: Pair,
) -> None:
    """It was known here while nobody had said whose it is."""
    first, second = two_files
    share(first, second)
    in_mosaic(first, "call")
    both(first, second)
    say(second, mine=True)
    set_deliver_at(first, None)
    second.work()
    in_quickbooks(first, "call")
    first.clock.pass_(minutes=16)
    first.connect()
    set_deliver_at(first, first.clock())
    both(first, second)
    assert len(mosaic(first)) == 2
    assert len(quickbooks(first)) == len(quickbooks(second)) == 1


def lose_requests(request: httpx.Request) -> None:
    """Lose whatever is to be created on its way."""
    if request.method == "POST":
        raise httpx.ReadTimeout("timed out")


def lose_answers(request: httpx.Request) -> None:
    """Lose the answer to whatever is created."""
    if request.method == "POST":
        raise httpx.ReadTimeout("timed out")


def set_deliver_at(house: House, at: datetime | None) -> None:
    """Have workers come to a company then, or not at all."""
    with company_transaction(house.engine, house.company.id) as connection:
        registry.change(connection, house.company.id, deliver_at=at)


def as_before(*houses: House, claims: str) -> None:
    """Have it be as before hours were claimed, or as when that is noticed."""
    with houses[0].engine.begin() as connection:
        connection.execute(tables.team_file.update().values(time_claims=claims))


@pytest.mark.in_turn
def test_what_two_files_have_from_before_is_held_where_it_did_not_begin(
    two_files: Pair,
) -> None:
    """Nothing is deleted anywhere; deleting the intruder leaves the file it came from.

    The second file is asked first what it has.
    """
    first, second = two_files
    share(first, second)
    as_before(first, second, claims=time_claims.NONE)
    in_quickbooks(first, "worked for the first", minutes=480)
    both(first, second)
    assert len(quickbooks(second)) == 1

    as_before(first, second, claims=time_claims.DUE)
    both(first, second)
    (row,) = time_of(second)
    assert (row.state, who_must_act.of(row).who) == ("refused", "customer")
    assert "belongs to another one" in row.reason
    assert [one.state for one in time_of(first)] == ["in_sync"]
    assert len(quickbooks(first)) == len(quickbooks(second)) == len(mosaic(first)) == 1

    # What is done with it in Mosaic or in the other file does not come here.
    first.people.edit_time(mosaic(first)[0]["mosaic_id"], hours=3.0)
    both(first, second)
    assert [one["minutes"] for one in quickbooks(first)] == [180]
    assert [one["minutes"] for one in quickbooks(second)] == [480]

    second.hands.delete_time(quickbooks(second)[0]["txn_id"])
    second.clock.pass_(minutes=16)
    both(first, second)
    assert quickbooks(second) == []
    assert len(quickbooks(first)) == len(mosaic(first)) == 1
    assert [one.state for one in time_of(second)] == ["gone"]


@pytest.mark.in_turn
@pytest.mark.parametrize("how", ["paused", "forgotten"])
def test_hours_of_a_file_that_is_paused_or_forgotten_stay_out_of_the_other(
    two_files: Pair, how: str
) -> None:
    """Its claims stay, as numbers."""
    first, second = two_files
    share(first, second)
    in_quickbooks(first, "worked for the first", minutes=480)
    both(first, second)
    company = first.stored()
    if how == "paused":
        company_settings.set_values(
            first.engine, company.id, now=first.clock(), who="o", mode="paused"
        )
    else:
        forgetting.forget(
            first.engine,
            company,
            first.settings,
            now=first.clock(),
            who="operator",
            even_if_running=True,
        )
    first.people.edit_time(mosaic(first)[0]["mosaic_id"], hours=7.0)
    for _ in range(3):
        second.settle_for(minutes=65)
    assert quickbooks(second) == []
    assert time_of(second) == []
    assert len(mosaic(second)) == 1


@pytest.mark.in_turn
def test_a_file_that_was_forgotten_and_added_again_has_its_hours_again(
    new_house: House,
) -> None:
    """It is known by its TxnIDs, also what somebody edited and moved in between."""
    new_house.settle()
    for minutes in (60, 60, 90):
        in_quickbooks(new_house, "meeting", minutes=minutes)
    both(new_house)
    number = next(e["mosaic_id"] for e in mosaic(new_house) if e["hours"] == "1.5")
    again = Again(new_house)
    again.people.edit_time(number, hours=2.0, date=day(again, 0))
    for _ in range(4):
        again.settle_for(minutes=65)
    # What it was before nobody knows any more, so nobody knows whose change is later.
    (asked,) = (row for row in time_of(again) if row.state == "conflict")
    assert conflict.asked(asked.conflict).keys() == {"minutes", "date"}
    with company_transaction(again.engine, again.company.id) as connection:
        conflicts.settle(connection, asked, "mosaic", by="person", now=again.clock())
    for _ in range(2):
        again.settle_for(minutes=65)
    assert sorted(row["minutes"] for row in quickbooks(again)) == [60, 60, 120]
    assert sorted(one["hours"] for one in mosaic(again)) == ["1.0", "1.0", "2.0"]
    assert {row.state for row in time_of(again)} == {"in_sync"}


@pytest.mark.in_turn
def test_what_comes_back_waits_until_mosaic_was_read_since(
    new_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned once more before that, it is not taken for what Mosaic has no more."""
    new_house.settle()
    in_quickbooks(new_house, "meeting")
    both(new_house)
    again = Again(new_house)
    once_more: list[Any] = []
    real = TeamFiles.own_again

    def twice(files: TeamFiles, row: Any) -> Any:
        found = real(files, row)
        if found[1] is not None and not once_more:
            connection, company_id = files._connection, again.company.id
            company = registry.get(connection, company_id)
            later = TeamFiles(connection, company, [row], again.keys, again.clock())
            once_more.append(real(later, row)[1])
        return found

    monkeypatch.setattr(TeamFiles, "own_again", twice)
    for _ in range(4):
        again.settle_for(minutes=65)
    assert [one is not None for one in once_more] == [True]
    assert len(quickbooks(again)) == len(mosaic(again)) == 1
    assert {row.state for row in time_of(again)} == {"in_sync"}


@pytest.mark.in_turn
def test_a_file_that_succeeds_a_forgotten_one_takes_its_hours_over_by_one_word(
    two_files: Pair,
) -> None:
    """Without it they stay out; the preview says how many there are."""
    first, second = two_files
    share(first, second)
    in_quickbooks(first, "site visit", minutes=480)
    both(first, second)
    forgetting.forget(
        first.engine,
        first.stored(),
        first.settings,
        now=first.clock(),
        who="operator",
        even_if_running=True,
    )
    second.settle_for(minutes=65)
    assert time_of(second) == []
    found = preview(second.engine, second.stored(), second.settings, second.clock)
    assert any("1 time entries" in one for one in found.remarks)
    company = second.stored()
    with company_transaction(second.engine, company.id) as connection:
        taken = time_sharing.succeed(
            connection, company, by="operator", why=None, now=second.clock()
        )
    assert taken == 1
    for _ in range(3):
        second.settle_for(minutes=65)
    assert [row["minutes"] for row in quickbooks(second)] == [480]
    assert len(mosaic(second)) == 1


@pytest.mark.in_turn
@pytest.mark.parametrize("edited", [False, True])
def test_what_a_file_made_since_the_copy_of_our_database_enters_no_other_one(
    two_files: Pair, edited: bool
) -> None:
    """Though such hours are the second one's by a word: it was not entered in Mosaic.

    It is the first one's again where it still equals its entry; where it does not, each
    file asks.
    """
    first, second = two_files
    share(first, second)
    in_mosaic(first, "call")
    both(first, second)
    say(second, mine=True)
    both(first, second)
    put_back = copy_of(first.engine)
    in_quickbooks(first, "site visit", minutes=480)
    both(first, second)
    if edited:
        number = quickbooks(first)[0]["txn_id"]
        first.hands.edit_time(number, minutes=420)
    put_back()
    database_restored.declare(first.engine, now=first.clock(), who="operator")
    both(first, second, rounds=3)
    assert [row["notes"] for row in quickbooks(second)] == ["call"]
    assert len(mosaic(first)) == 2
    states = [[row.state for row in time_of(house)] for house in two_files]
    if not edited:
        assert states == [["in_sync"], ["in_sync"]]
        return
    assert states == [["refused", "refused"], ["in_sync", "refused"]]
    asked = next(row for row in time_of(second) if row.state == "refused")
    assert "another company file" in asked.reason
    assert who_must_act.of(asked).who == "customer"


def test_claims_of_time_are_written_by_their_own_company_alone(
    engine: Engine, new_company: Callable[..., NewCompany], clock: Clock
) -> None:
    """PostgreSQL sees to it; all of the team may read them."""
    one, other = new_company("One"), new_company("Other")
    claim, rule = tables.time_claim, tables.time_rule
    said = {"team": "t", "member_id": 1, "project_id": 2, "since": clock()}
    with company_transaction(engine, one.id) as connection:
        time_claims.claim(connection, "t", one.id, [7, 8], now=clock())
        connection.execute(
            rule.insert(), {**said, "held_by": one.id, "said_by": one.id}
        )
    with company_transaction(engine, other.id) as connection:
        time_claims.claim(connection, "t", other.id, [8, 9], now=clock())
        held = time_claims.claims(connection, "t", [7, 8, 9])
        assert {one: by.holder for one, by in held.items()} == {
            7: one.id,
            8: one.id,
            9: other.id,
        }
        assert connection.execute(sa.select(rule.c.held_by)).scalars().all() == [one.id]
        if connection.dialect.name == "postgresql":
            mine = connection.execute(claim.update().values(since=clock()))
            assert mine.rowcount == 1
            assert connection.execute(rule.delete()).rowcount == 0


def test_a_file_that_is_alone_in_its_team_asks_nothing_about_claims(
    new_house: House,
) -> None:
    """Not for one entry, nor for many."""
    new_house.settle()
    asked: list[str] = []

    def note(*given: Any) -> None:
        asked.extend(name for name in _OF_FILES if name in given[2])

    in_quickbooks(new_house, "meeting")
    in_mosaic(new_house, "call")
    sa.event.listen(new_house.engine, "before_cursor_execute", note)
    both(new_house, rounds=1)
    sa.event.remove(new_house.engine, "before_cursor_execute", note)
    assert len(quickbooks(new_house)) == len(mosaic(new_house)) == 2
    assert asked == []
