"""The job state machine: every legal and every illegal transition."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.jobs import queue
from qbwc_server.jobs.queue import TRANSITIONS, IllegalTransition
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.conftest import Clock
from tests.jobs import jobs

NewCompanies = Callable[..., NewCompany]


def test_the_table_knows_every_state_and_ends_in_the_final_ones() -> None:
    """The table, the CHECK constraint and the list of final states agree."""
    assert set(tables.JOB_STATES) == set(TRANSITIONS)
    assert {state for state, ends in TRANSITIONS.items() if not ends} == set(
        tables.JOB_FINAL
    )
    assert {end for ends in TRANSITIONS.values() for end in ends} <= set(TRANSITIONS)


@pytest.mark.parametrize("start", TRANSITIONS)
def test_each_legal_move_is_made_and_kept_with_its_reason(
    engine: Engine, new_company: NewCompanies, clock: Clock, start: str
) -> None:
    """From each state a job goes wherever the table says, with one event of it."""
    company = new_company()
    for end in TRANSITIONS[start]:
        with company_transaction(engine, company.id) as connection:
            job = jobs.into(connection, company.id, clock(), start)
            before = len(jobs.history(connection, job))
            exchange = {"exchange_id": 1} if end in {"sent", "unsure"} else {}
            clock.pass_(seconds=1)
            queue.move(
                connection,
                job,
                end,
                by="somebody",
                now=clock(),
                reason="because",
                **exchange,
            )

        with company_transaction(engine, company.id) as connection:
            after = jobs.get(connection, company.id, job.id)
            events = jobs.history(connection, job)

        assert (end, "because") == (after.state, after.reason), (start, end)
        assert (end in tables.JOB_FINAL) == (after.finished_at is not None)
        assert before + 1 == len(events)
        last = events[-1]
        assert (start, end, "somebody", "because", clock()) == (
            last.from_state,
            last.to_state,
            last.by,
            last.reason,
            last.at,
        )


@pytest.mark.parametrize("start", TRANSITIONS)
def test_each_illegal_move_raises_and_changes_nothing(
    engine: Engine, new_company: NewCompanies, clock: Clock, start: str
) -> None:
    """What the table does not name leaves the job and its history as they were."""
    company = new_company()
    illegal = set(TRANSITIONS) | {"no-such-state"}
    for end in sorted(illegal - set(TRANSITIONS[start])):
        with company_transaction(engine, company.id) as connection:
            job = jobs.into(connection, company.id, clock(), start)
            before = jobs.history(connection, job)

            with pytest.raises(IllegalTransition, match=f"from {start} to {end}"):
                queue.move(connection, job, end, by="test", now=clock())

            assert job == jobs.get(connection, company.id, job.id), (start, end)
            assert before == jobs.history(connection, job)


def test_a_move_that_comes_too_late_raises_and_changes_nothing(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """A job that another transaction has moved is not moved from where it was."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        job = jobs.add(connection, company.id, clock())
        queue.move(connection, job, "cancelled", by="a person", now=clock())
        before = jobs.history(connection, job)

        with pytest.raises(IllegalTransition, match="no longer ready"):
            queue.move(connection, job, "failed", by="late", now=clock(), reason="late")

        after = jobs.get(connection, company.id, job.id)
        assert (after.state, after.reason) == ("cancelled", None)
        assert before == jobs.history(connection, job)


def test_a_move_and_its_event_are_of_one_transaction(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Where the transaction ends badly, neither the state nor the event is there."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        job = jobs.add(connection, company.id, clock())

    def move_and_die() -> None:
        with company_transaction(engine, company.id) as connection:
            queue.move(connection, job, "cancelled", by="test", now=clock())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        move_and_die()

    with company_transaction(engine, company.id) as connection:
        assert job == jobs.get(connection, company.id, job.id)
        assert [one.from_state for one in jobs.history(connection, job)] == [None]


def test_a_job_that_is_ready_again_belongs_to_no_exchange(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Its next answer cannot be taken for that of the exchange it has left."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        job = jobs.into(connection, company.id, clock(), "unsure")
        queue.move(connection, job, "ready", by="test", now=clock())

        assert jobs.get(connection, company.id, job.id).exchange_id is None


@pytest.mark.parametrize(
    ("state", "values"),
    [
        ("asleep", {}),
        ("sent", {"exchange_id": None}),
        ("unsure", {"exchange_id": None}),
        ("done", {"finished_at": None}),
        ("cancelled", {"finished_at": None}),
    ],
)
def test_the_database_itself_refuses_an_impossible_job(
    engine: Engine,
    new_company: NewCompanies,
    clock: Clock,
    state: str,
    values: dict[str, object],
) -> None:
    """A state that is none, final without an end, or out without an exchange."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        jobs.add(connection, company.id, clock())

    with (
        pytest.raises(sa.exc.IntegrityError),
        company_transaction(engine, company.id) as connection,
    ):
        connection.execute(tables.job.update().values(state=state, **values))


def test_a_job_that_is_not_final_has_no_end(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """A moment of finishing without a final state is refused too."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        jobs.add(connection, company.id, clock())

    with (
        pytest.raises(sa.exc.IntegrityError),
        company_transaction(engine, company.id) as connection,
    ):
        connection.execute(tables.job.update().values(finished_at=clock()))


def test_a_job_is_no_other_company_s_to_move(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Two companies have a job of the same number; each moves only its own."""
    alice, bob = new_company("Alice"), new_company("Bob")
    with company_transaction(engine, alice.id) as connection:
        of_alice = jobs.add(connection, alice.id, clock())
    with company_transaction(engine, bob.id) as connection:
        of_bob = jobs.add(connection, bob.id, clock())
    assert of_alice.id == of_bob.id

    with company_transaction(engine, bob.id) as connection:
        queue.move(connection, of_bob, "cancelled", by="bob", now=clock())
        queue.note(connection, of_bob, summary="gone")

    with company_transaction(engine, alice.id) as connection:
        assert of_alice == jobs.get(connection, alice.id, of_alice.id)
        assert len(jobs.history(connection, of_alice)) == 1


def test_the_chart_shows_every_transition() -> None:
    """The documentation's chart has one arrow for each entry of the table."""
    lines = queue.mermaid().splitlines()
    arrows = sum(len(ends) or 1 for ends in TRANSITIONS.values())

    assert lines[0] == "stateDiagram-v2"
    assert arrows + 1 == len(lines)
    assert "    sent --> unsure" in lines
    assert "    done --> [*]" in lines
