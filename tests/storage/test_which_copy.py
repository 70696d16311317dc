"""An earlier moment of our own database is noticed, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.operations import doctor
from qbwc_server.storage import tables, which_copy
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    make_engine,
    operator_transaction,
)
from qbwc_server.storage.which_copy import Mark, OlderCopy, Place, difference
from tests.conftest import Clock

NewCompanies = Callable[..., NewCompany]
_HERE = Place("7714209458081427652", "00000001", "16384")
_NOTED = Mark(_HERE, epoch=3, beats=40)


@pytest.mark.parametrize(
    ("here", "noted", "epoch", "beats", "wanted"),
    [
        (_HERE, _NOTED, 3, 40, None),
        (_HERE, _NOTED, -1, 0, None),
        # Another process has beaten, or has noticed something, meanwhile.
        (_HERE, _NOTED, 3, 39, None),
        (_HERE, _NOTED, 2, 4000, None),
        # Nobody has noted where it is.
        (_HERE, Mark(Place("", "", ""), 0, 0), -1, 0, None),
        (replace(_HERE, installation="8"), _NOTED, 3, 40, "another installation"),
        (replace(_HERE, database="16385"), _NOTED, 3, 40, "another database"),
        (replace(_HERE, timeline="0000000A"), _NOTED, -1, 0, "timeline 1 became 10"),
        (_HERE, _NOTED, 3, 41, "beats"),
        (_HERE, _NOTED, 4, 1, "beats"),
        (
            replace(_HERE, timeline="00000002"),
            replace(_NOTED, is_handed_over=True),
            3,
            40,
            None,
        ),
    ],
)
def test_what_is_an_earlier_moment(
    here: Place, noted: Mark, epoch: int, beats: int, wanted: str | None
) -> None:
    """By where it is, and by what the process that looks has written itself."""
    found = difference(here, noted, epoch=epoch, beats=beats)
    assert found is None if wanted is None else wanted in (found or "")


def test_a_standby_that_was_waited_for_lost_nothing() -> None:
    """Unless the process knows more than it has; another database is another one."""
    later = replace(_HERE, timeline="00000002")
    known = partial(difference, epoch=3, beats=40, is_waited_for=True)
    assert known(later, _NOTED) is None
    assert known(later, replace(_NOTED, beats=39)) is not None
    assert known(replace(later, installation="8"), _NOTED) is not None


@pytest.mark.parametrize(
    ("names", "commit", "standbys", "wanted"),
    [
        ("*", "on", 1, True),
        ("*", "on", 0, True),
        ("*", "on", 2, False),
        ("", "on", 1, False),
        (" ", "on", 0, False),
        ("a", "remote_apply", 1, True),
        ("a, b", "on", 2, False),
        ("2 (a, b)", "on", 2, True),
        ("FIRST 2 (a, b)", "on", 3, False),
        ("ANY 1 (a, b)", "on", 2, False),
        ("any 2 (a, b)", "on", 2, True),
        ("*", "remote_write", 1, False),
        ("*", "local", 1, False),
        ("*", "off", 1, False),
    ],
)
def test_whether_every_standby_is_waited_for(
    names: str, commit: str, standbys: int, *, wanted: bool
) -> None:
    """By PostgreSQL's own settings, and by how many there are."""
    assert which_copy.waits_for_all(names, commit, standbys) is wanted


@pytest.fixture
def there(postgres_url: str) -> Iterator[Engine]:
    """An engine of a program that has talked to the database before."""
    engine = make_engine(postgres_url)
    which_copy.beat(engine)
    yield engine
    engine.dispose()


def _mark(engine: Engine) -> sa.Row[Any]:
    with engine.begin() as connection:
        return connection.execute(sa.select(tables.database_mark)).one()


def _change(engine: Engine, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(tables.database_mark).values(**values))


def test_where_it_is_noted_and_nothing_is_noticed_of_the_same(there: Engine) -> None:
    """Also by connections made anew."""
    for _ in range(3):
        there.dispose()
        which_copy.look(there)
        which_copy.beat(there)
    mark = _mark(there)
    assert (mark.epoch, mark.noticed_at, mark.noticed) == (0, None, None)
    assert mark.installation
    assert mark.beats == 4


@pytest.mark.parametrize("what", ["installation", "timeline", "database"])
def test_a_connection_that_is_made_anew_notices_it(there: Engine, what: str) -> None:
    """Once, and with what it was."""
    _change(there, **{what: "00000099"})
    there.dispose()
    mark = _mark(there)
    assert mark.epoch == 1
    assert mark.noticed_at is not None
    assert mark.noticed
    there.dispose()
    assert _mark(there).epoch == 1


def test_a_snapshot_put_back_is_noticed_by_who_remembers_more(there: Engine) -> None:
    """Whoever comes new cannot know it."""
    for _ in range(5):
        which_copy.beat(there)
    _change(there, beats=2)
    fresh = make_engine(there.url.render_as_string(hide_password=False))
    which_copy.look(fresh)
    fresh.dispose()
    assert _mark(there).epoch == 0
    which_copy.look(there)
    assert _mark(there).epoch == 1


def test_where_it_is_not_told_everything_else_goes_on(
    there: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some who offer PostgreSQL do not let it say; the doctor says what to do then."""
    _change(there, installation="")
    asked = which_copy._ASKED.replace("pg_walfile_name", "pg_not_there")
    monkeypatch.setattr(which_copy, "_ASKED", asked)
    there.dispose()
    which_copy.look(there)
    which_copy.beat(there)
    found = doctor.of_copies(there, clock())
    assert (found.state, "database restored" in found.do) == ("warn", True)


def test_who_comes_second_to_a_place_that_was_noted_begins_no_epoch(
    there: Engine,
) -> None:
    """He has read what was before, and does not know that nothing was lost."""
    with there.connect() as connection:
        raw: Any = connection.connection.driver_connection
        mark = _mark(there)
        old = Place(mark.installation, "00000099", mark.database)
        here = Place(mark.installation, mark.timeline, mark.database)
        was = which_copy._Remembered()
        before = Mark(old, epoch=0, beats=mark.beats)
        assert which_copy._compare(raw, here, before, was) == 0
        raw.commit()
    assert _mark(there).epoch == 0


def test_nothing_of_a_company_is_written_before_it_is_compared(
    engine: Engine, new_company: NewCompanies
) -> None:
    """It is compared once, by whoever comes first; others are not, and may be read."""
    company, other = new_company(), new_company("Another")
    compared: list[int] = []

    def compare(company_id: int) -> None:
        compared.append(company_id)
        with company_transaction(engine, company_id) as connection:
            assert which_copy.is_older(connection, company_id)
            which_copy.is_compared(connection, company_id)

    which_copy.when_older(engine, compare)
    _change(engine, epoch=1)
    with company_reading(engine, company.id):
        assert compared == []
    with pytest.raises(OlderCopy), company_transaction(engine, company.id):
        pytest.fail("it was written")
    with company_transaction(engine, company.id):
        assert compared == [company.id]
    with pytest.raises(OlderCopy), operator_transaction(engine, other.id):
        pytest.fail("it was written")
    assert compared == [company.id, other.id]


def test_a_handover_that_was_said_is_used_once(there: Engine) -> None:
    """What takes over next is an earlier moment as ever."""
    which_copy.hand_over(there, 30)
    _change(there, timeline="00000099")
    there.dispose()
    mark = _mark(there)
    assert (mark.epoch, mark.handover_until) == (0, None)
    _change(there, timeline="00000098")
    there.dispose()
    assert _mark(there).epoch == 1


def test_a_schema_of_before_is_left_in_peace(empty_postgres: str) -> None:
    """There is nothing in it by which anything could be noticed."""
    engine = make_engine(empty_postgres)
    which_copy.look(engine)
    which_copy.beat(engine)
    with engine.begin() as connection:
        assert connection.execute(sa.select(1)).scalar_one() == 1
    engine.dispose()


def test_the_doctor_tells_of_it_for_some_days(there: Engine, clock: Clock) -> None:
    """By what it was noticed, and how many companies have not begun to compare."""
    assert doctor.of_copies(there, clock()).state == "ok"
    _change(there, noticed_at=clock(), noticed="timeline 1 became 2", epoch=2)
    found = doctor.of_copies(there, clock())
    assert found.state == "warn"
    assert "timeline 1 became 2" in found.said
    assert "0 companies" in found.said
    clock.pass_(days=4)
    assert doctor.of_copies(there, clock()).state == "ok"
