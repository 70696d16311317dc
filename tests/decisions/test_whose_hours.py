"""One word for the hours of a whole project that two company files share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.companies.team.time_claims import EVERYBODY
from qbwc_server.decisions import time_sharing
from qbwc_server.decisions.time_sharing import NotShared, SaidElsewhere
from qbwc_server.storage.database import company_transaction
from tests.agreement.begun import Pair, kept_pair
from tests.agreement.files import both, record, share, time_of, with_same
from tests.agreement.house import House
from tests.agreement.test_findings import in_mosaic, mosaic, quickbooks
from tests.conftest import Kept


@pytest.fixture
def two_files(engine: Engine, tmp_path: Path, kept_databases: Kept) -> Iterator[Pair]:
    """A file that is settled, and a second one of the same team with the same names."""
    name = "two_files"
    with kept_pair(engine, tmp_path, kept_databases, name, with_same) as pair:
        yield pair


def _project(house: House) -> int:
    return int(record(house, "Acme:House").mosaic_id)


def _say(house: House, *, mine: bool) -> bool:
    company, project = house.stored(), _project(house)
    with company_transaction(house.engine, company.id) as connection:
        return time_sharing.say_whose(
            connection,
            company,
            EVERYBODY,
            project,
            mine=mine,
            by="bookkeeper",
            why=None,
            now=house.clock(),
        )


def _ask_again(house: House) -> bool:
    company, project = house.stored(), _project(house)
    with company_transaction(house.engine, company.id) as connection:
        return time_sharing.ask_again(
            connection, company, project, by="bookkeeper", now=house.clock()
        )


@pytest.mark.parametrize("mine", [True, False])
def test_hours_born_in_mosaic_go_where_the_word_of_the_project_says(
    two_files: Pair, mine: bool
) -> None:
    """Those that wait, and those of later; none of them goes into the other file."""
    first, second = two_files
    share(first, second)
    in_mosaic(first, "call")
    both(first, second)
    assert quickbooks(first) == quickbooks(second) == []
    assert _say(second, mine=mine)
    both(first, second)
    in_mosaic(first, "call")
    both(first, second)
    right, wrong = (second, first) if mine else (first, second)
    assert [row["notes"] for row in quickbooks(right)] == ["call", "call"]
    assert quickbooks(wrong) == []
    assert len(mosaic(first)) == 2


@pytest.mark.in_turn
def test_the_first_word_wins_and_can_be_taken_back_where_it_was_said(
    two_files: Pair,
) -> None:
    """Then it is asked again; what is in a file by then stays there."""
    first, second = two_files
    share(first, second)
    assert _say(first, mine=True)
    assert not _say(first, mine=True)
    assert not _say(second, mine=False)
    with pytest.raises(SaidElsewhere):
        _say(second, mine=True)
    with pytest.raises(SaidElsewhere):
        _ask_again(second)
    in_mosaic(first, "call")
    both(first, second)
    assert [row["notes"] for row in quickbooks(first)] == ["call"]
    assert _ask_again(first)
    assert not _ask_again(first)
    in_mosaic(first, "visit")
    both(first, second)
    assert [row["notes"] for row in quickbooks(first)] == ["call"]
    assert quickbooks(second) == []
    (waits,) = [row for row in time_of(second) if row.state == "refused"]
    assert "under Shared, whose such hours are" in waits.reason


@pytest.mark.in_turn
def test_a_word_about_one_person_comes_before_that_of_the_project(
    two_files: Pair,
) -> None:
    """Whatever was said later."""
    first, second = two_files
    share(first, second)
    in_mosaic(first, "call")
    both(first, second)
    company = second.stored()
    with company_transaction(second.engine, company.id) as connection:
        (one,) = time_sharing.shared_hours(connection, company)
        time_sharing.say_whose(
            connection,
            company,
            one.member_id,
            one.project_id,
            mine=False,
            by="bookkeeper",
            why=None,
            now=second.clock(),
        )
    assert _say(second, mine=True)
    both(first, second)
    assert [row["notes"] for row in quickbooks(first)] == ["call"]
    assert quickbooks(second) == []


@pytest.mark.in_turn
def test_a_word_decides_only_between_files_that_could_take_the_hours(
    two_files: Pair,
) -> None:
    """For a file that only means to link the project it waits until it does."""
    first, second = two_files
    assert _say(first, mine=False)
    in_mosaic(first, "call")
    both(first, second)
    assert [row["notes"] for row in quickbooks(first)] == ["call"]
    assert quickbooks(second) == []
    share(first, second)
    in_mosaic(first, "visit")
    both(first, second)
    assert [row["notes"] for row in quickbooks(first)] == ["call"]
    assert [row["notes"] for row in quickbooks(second)] == ["visit"]


@pytest.mark.in_turn
def test_there_is_no_other_file_whose_hours_on_its_own_project_could_be(
    two_files: Pair,
) -> None:
    """So that is refused."""
    first, _ = two_files
    company = first.stored()
    with (
        company_transaction(first.engine, company.id) as connection,
        pytest.raises(NotShared),
    ):
        time_sharing.say_whose(
            connection,
            company,
            EVERYBODY,
            424242,
            mine=False,
            by="bookkeeper",
            why=None,
            now=first.clock(),
        )
