"""PostgreSQL's primary is lost, and a standby takes over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from qbwc_server.operations import database_restored
from qbwc_server.storage import tables, which_copy
from tests.faults.conftest import MakePlant
from tests.faults.plant import Plant
from tests.faults.postgres import Postgres
from tests.faults.verdict import at_rest, come_to_rest, nothing_twice
from tests.waiting import until


@contextmanager
def _standby(plant: Plant) -> Iterator[Postgres]:
    """A standby that has all so far."""
    primary = plant.postgres
    assert primary is not None
    standby = Postgres(plant.folder / "standby", like=primary)
    standby.start()
    until(lambda: standby.has_all_of(primary), "the standby", seconds=60)
    yield standby
    primary.stop()


def _noticed(plant: Plant) -> list[str]:
    with plant.engine.begin() as connection:
        audit = tables.audit.c
        said = sa.select(audit.who).where(audit.what == "database restored")
        return list(connection.execute(said).scalars())


def _lose_a_standby_s_lag(plant: Plant) -> None:
    """Have a standby take over that does not know what was made last on each side."""
    for firm in plant.firms:
        firm.add_in_quickbooks()
    come_to_rest(plant)
    with _standby(plant) as standby:
        standby.kill()
        for firm in plant.firms:
            for _ in range(2):
                firm.add_in_quickbooks()
                firm.add_in_mosaic()
        come_to_rest(plant)
        at_rest(plant)
        plant.fail_over(standby)
        # What nobody knows any more is edited before it is read again.
        for firm in plant.firms:
            held = firm.ledger.in_quickbooks()
            mark = max(held, key=lambda one: int(one.partition("#")[2]))
            firm.hands.edit_time(held[mark][0][0], minutes=475)
            firm.ledger.lives[mark].values["minutes"] = 475
        come_to_rest(plant)


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_standby_that_was_waited_for_takes_over_and_costs_nothing(
    make_plant: MakePlant,
) -> None:
    """Each commit waited for it, so what it does not have nobody was told of."""
    plant = make_plant(firms=2)
    with _standby(plant) as standby:
        assert plant.postgres is not None
        plant.postgres.wait_for("*")
        # So that every process has seen it; else each does within a minute.
        for name in plant.names:
            plant.kill(name)
        come_to_rest(plant)
        for firm in plant.firms:
            for _ in range(3):
                firm.add_in_quickbooks()
                firm.add_in_mosaic()
            firm.connect()
        plant.fail_over(standby)
        come_to_rest(plant)
        at_rest(plant)
        assert _asked(plant) == 0
        assert _noticed(plant) == []


def _asked(plant: Plant) -> int:
    with plant.engine.begin() as connection:
        refused = sa.select(sa.func.count()).select_from(tables.record)
        refused = refused.where(tables.record.c.state == "refused")
        return int(connection.execute(refused).scalar_one())


@pytest.mark.parametrize("database", ["postgresql"])
def test_what_a_standby_that_lags_does_not_know_is_not_made_twice(
    make_plant: MakePlant,
) -> None:
    """Nobody says a word: servers and workers notice it when they connect again."""
    plant = make_plant(firms=2)
    _lose_a_standby_s_lag(plant)
    for firm in plant.firms:
        nothing_twice(firm)
    assert _asked(plant) == 2 * len(plant.firms)
    assert _noticed(plant) == [database_restored.BY_ITSELF] * 2


@pytest.mark.parametrize("database", ["postgresql"])
def test_where_that_is_not_noticed_it_is_made_twice(make_plant: MakePlant) -> None:
    """The negative control of the test above."""
    plant = make_plant(firms=1, rule="copies")
    _lose_a_standby_s_lag(plant)
    with pytest.raises(AssertionError, match="twice"):
        nothing_twice(plant.firms[0])


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_planned_handover_in_the_middle_of_the_work_costs_nothing(
    make_plant: MakePlant,
) -> None:
    """It was said before that nothing is lost: nothing is compared, nobody is asked."""
    plant = make_plant(firms=2)
    with _standby(plant) as standby:
        for firm in plant.firms:
            for _ in range(3):
                firm.add_in_quickbooks()
                firm.add_in_mosaic()
        plant.firms[0].connect()
        primary = plant.postgres
        assert primary is not None
        which_copy.hand_over(plant.engine, 30)
        until(lambda: standby.has_all_of(primary), "the standby", seconds=60)

        plant.fail_over(standby)
        come_to_rest(plant)

        at_rest(plant)
        assert _asked(plant) == 0
        assert _noticed(plant) == []
