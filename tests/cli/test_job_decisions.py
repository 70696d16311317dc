"""What a person decides about a job on the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.app import utc_now
from qbwc_server.jobs import queue
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    make_engine,
)
from tests.cli.conftest import Run, add_company


@pytest.fixture
def engine(run: Run) -> Iterator[Engine]:
    """The database of the commands, with one company."""
    add_company(run)
    made = make_engine(Settings().url())
    yield made
    made.dispose()


def _job(
    engine: Engine, *states: str, action: str = "read", cursor: object = None
) -> str:
    """Keep a job that has come to a state; return how people name it."""
    with company_transaction(engine, 1) as connection:
        job_id = queue.enqueue(
            connection,
            1,
            kind="time_entry",
            action=action,
            summary="Read time entries",
            now=utc_now(),
            by="test",
        )
        for state in states:
            job = queue.select(connection, 1, tables.job.c.id == job_id)[0]
            queue.move(
                connection,
                job,
                state,
                by="test",
                now=utc_now(),
                reason="Why.",
                cursor=cursor,
                exchange_id=1,
            )
    return f"1-{job_id}"


def _state(engine: Engine, name: str) -> str:
    with company_reading(engine, 1) as connection:
        job_id = int(name.partition("-")[2])
        return queue.select(connection, 1, tables.job.c.id == job_id)[0].state


def test_a_failed_job_is_tried_again(run: Run, engine: Engine) -> None:
    """And a line says when."""
    job = _job(engine, "failed")

    result = run("jobs", "retry", job)

    assert (result.exit_code, _state(engine, job)) == (0, "ready")
    assert "next run" in result.output


@pytest.mark.parametrize("states", [(), ("failed",)])
def test_a_job_that_has_not_left_is_taken_back(
    run: Run, engine: Engine, states: tuple[str, ...]
) -> None:
    """So is one that has failed."""
    job = _job(engine, *states)

    result = run("jobs", "cancel", job)

    assert (result.exit_code, _state(engine, job)) == (0, "cancelled")


@pytest.mark.parametrize(
    ("command", "states"),
    [("retry", ("cancelled",)), ("retry", ("failed", "cancelled"))],
)
def test_what_cannot_be_decided_is_said_and_stays(
    run: Run, engine: Engine, command: str, states: tuple[str, ...]
) -> None:
    """A job that waits for nobody, or is finished."""
    job = _job(engine, *states)
    before = _state(engine, job)

    result = run("jobs", command, job)

    assert result.exit_code != 0
    assert before in result.output
    assert _state(engine, job) == before
    assert run("jobs", command, "1-999999").exit_code != 0


@pytest.mark.parametrize(
    ("words", "state"),
    [
        (("found", "1A-2"), "unsure"),
        (("missing",), "cancelled"),
        (("leave",), "failed"),
    ],
)
def test_a_person_says_what_became_of_an_addition_in_doubt(
    run: Run, engine: Engine, words: tuple[str, ...], state: str
) -> None:
    """It is there, with its TxnID; it is not there; or it is to be left."""
    job = _job(engine, "failed", action="add", cursor={"in_doubt": True})

    result = run("jobs", words[0], job, *words[1:], "--why", "I looked.")

    assert (result.exit_code, _state(engine, job)) == (0, state)
    assert result.output.startswith(f"{job}: ")


@pytest.mark.parametrize("words", [("found", "1A-2"), ("missing",), ("leave",)])
@pytest.mark.parametrize("action", ["add", "read"])
def test_nothing_is_said_of_a_job_that_is_not_in_doubt(
    run: Run, engine: Engine, words: tuple[str, ...], action: str
) -> None:
    """It stays as it was, and says why."""
    job = _job(engine, "failed", action=action)

    result = run("jobs", words[0], job, *words[1:])

    assert result.exit_code != 0
    assert "not in doubt" in result.output
    assert _state(engine, job) == "failed"


@pytest.mark.parametrize("txn_id", ["", " ", "x" * 37, "\u00e91-2"])
def test_what_cannot_be_a_txn_id_is_not_taken(
    run: Run, engine: Engine, txn_id: str
) -> None:
    """QuickBooks' numbers are short and plain."""
    job = _job(engine, "failed", action="add", cursor={"in_doubt": True})
    assert run("jobs", "found", job, txn_id).exit_code != 0
    assert _state(engine, job) == "failed"
