"""Which jobs go out together, in which order, and what a refusal does to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.jobs import claiming, queue
from qbwc_server.jobs.queue import Job
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.conftest import Clock
from tests.jobs import jobs

NewCompanies = Callable[..., NewCompany]


def _claim(
    connection: Connection, company_id: int, clock: Clock, write_batch: int = 25
) -> list[Job]:
    return claiming.claimable(connection, company_id, clock(), write_batch=write_batch)


def _read(connection: Connection, company_id: int, clock: Clock, kind: str) -> Job:
    return jobs.add(connection, company_id, clock(), kind=kind, action="read")


def test_nothing_is_claimed_where_nothing_is_ready(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Only ready jobs may go out; those of every other state stay."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        for state in set(tables.JOB_STATES) - {"ready"}:
            jobs.into(connection, company.id, clock(), state)

        assert _claim(connection, company.id, clock) == []
        assert claiming.ready_by(connection, company.id, clock()) == 0


def test_a_job_goes_out_at_its_moment_and_not_before(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """`run_at` is the first moment at which a job may be handed out."""
    company = new_company()
    later = clock() + timedelta(minutes=5)
    with company_transaction(engine, company.id) as connection:
        job = jobs.add(connection, company.id, clock(), run_at=later)
        clock.pass_(minutes=5, seconds=-1)
        assert _claim(connection, company.id, clock) == []
        assert claiming.ready_by(connection, company.id, clock()) == 0

        clock.pass_(seconds=1)
        assert [job.id] == [one.id for one in _claim(connection, company.id, clock)]
        assert claiming.ready_by(connection, company.id, clock()) == 1


def test_the_most_urgent_comes_first_then_the_one_that_waits_longest(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """The order is priority, then the moment, then the number."""
    company = new_company()
    now = clock()
    with company_transaction(engine, company.id) as connection:
        ids = [
            jobs.add(connection, company.id, now, priority=priority, run_at=run_at).id
            for priority, run_at in (
                (50, now),
                (50, now - timedelta(minutes=1)),
                (50, now),
                (10, now),
                (90, now - timedelta(days=1)),
            )
        ]

        claimed = [job.id for job in _claim(connection, company.id, clock)]

    assert [ids[3], ids[1], ids[0], ids[2], ids[4]] == claimed


def test_reads_of_all_kinds_travel_together_without_the_writes(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """One round trip asks for everything; writes wait for their own."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        kinds = ["customer", "employee", "deletions"]
        _read(connection, company.id, clock, kinds[0])
        jobs.add(connection, company.id, clock())
        _read(connection, company.id, clock, kinds[1])
        _read(connection, company.id, clock, kinds[2])

        claimed = _claim(connection, company.id, clock, write_batch=1)

    assert kinds == [job.kind for job in claimed]


@pytest.mark.parametrize("action", ["add", "mod", "del"])
def test_writes_of_one_kind_travel_together_up_to_the_batch(
    engine: Engine, new_company: NewCompanies, clock: Clock, action: str
) -> None:
    """Another kind's writes and the reads wait; so does what exceeds the batch."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        mine = []
        for _ in range(3):
            mine.append(jobs.add(connection, company.id, clock(), action=action).id)
            jobs.add(connection, company.id, clock(), kind="vehicle_mileage")
            _read(connection, company.id, clock, "customer")

        three = _claim(connection, company.id, clock)
        two = _claim(connection, company.id, clock, write_batch=2)

    assert mine == [job.id for job in three]
    assert mine[:2] == [job.id for job in two]


@pytest.mark.parametrize(
    ("limits", "together"),
    [((9, 9, 9), 3), ((2, 9, 9), 2), ((9, 2, 9), 2), ((9, 9, 2), 2), ((9, 1, 9), 1)],
)
def test_no_job_travels_with_more_than_its_own_limit(
    engine: Engine,
    new_company: NewCompanies,
    clock: Clock,
    limits: tuple[int, ...],
    together: int,
) -> None:
    """The smallest limit among those that travel together holds for all of them."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        for limit in limits:
            job = jobs.add(connection, company.id, clock())
            queue.note(connection, job, batch_limit=limit)

        claimed = _claim(connection, company.id, clock)

    assert together == len(claimed)


def test_a_large_batch_is_as_large_as_it_was_set(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """A batch of more than a hundred is not cut short by the query."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        for _ in range(121):
            jobs.add(connection, company.id, clock())

        assert len(_claim(connection, company.id, clock, write_batch=120)) == 120


def test_a_second_open_job_of_the_same_key_is_not_added(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """A dedupe key is free again when its job is done; other companies' never mind."""
    alice, bob = new_company("Alice"), new_company("Bob")

    def enqueue(connection: Connection, company_id: int) -> int | None:
        return queue.enqueue(
            connection,
            company_id,
            kind="customer",
            action="read",
            summary="Read customers",
            now=clock(),
            by="test",
            dedupe_key="read:customer",
        )

    for company in (alice, bob):
        with company_transaction(engine, company.id) as connection:
            first = enqueue(connection, company.id)
            assert first is not None
            assert enqueue(connection, company.id) is None
            job = jobs.get(connection, company.id, first)
            queue.move(connection, job, "failed", by="test", now=clock())
            assert enqueue(connection, company.id) is None
            job = jobs.get(connection, company.id, first)
            queue.move(connection, job, "cancelled", by="test", now=clock())
            assert enqueue(connection, company.id) is not None


def test_the_database_itself_refuses_a_second_open_job_of_the_same_key(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Who forgets to ask first does not make a duplicate either."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        jobs.add(connection, company.id, clock(), dedupe_key="one")
        jobs.add(connection, company.id, clock(), dedupe_key="two")

    with (
        pytest.raises(sa.exc.IntegrityError),
        company_transaction(engine, company.id) as connection,
    ):
        connection.execute(tables.job.update().values(dedupe_key="one"))


@pytest.mark.parametrize("guilty", [0, 1, 7, 12, 24])
def test_a_refused_set_is_halved_until_the_guilty_one_stands_alone(
    engine: Engine, new_company: NewCompanies, clock: Clock, guilty: int
) -> None:
    """It fails with its reason; the others are done, each once, in few rounds."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        ids = [jobs.add(connection, company.id, clock()).id for _ in range(25)]
        rounds = 0
        while claimed := _claim(connection, company.id, clock):
            rounds += 1
            jobs.send(connection, claimed, clock())
            sent = [jobs.get(connection, company.id, job.id) for job in claimed]
            if ids[guilty] in {job.id for job in sent}:
                queue.split(
                    connection, sent, by="quickbooks", now=clock(), reason="0x80040400"
                )
            else:
                for job in sent:
                    queue.move(connection, job, "done", by="answer", now=clock())

        left = queue.select(connection, company.id)

    assert {ids[guilty]} == {job.id for job in left if job.state == "failed"}
    assert sum(job.state == "done" for job in left) == 24
    assert left[guilty].reason == "0x80040400"
    assert rounds < 15


def test_reads_of_a_refused_set_go_behind_those_that_were_not_in_it(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """So the half that is innocent is answered next, however often the other is not."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        ids = [
            jobs.add(connection, company.id, clock(), kind=kind, action="read").id
            for kind in ("employee", "customer", "class", "vendor")
        ]
        for _ in range(2):
            claimed = _claim(connection, company.id, clock)
            jobs.send(connection, claimed, clock())
            sent = [jobs.get(connection, company.id, one.id) for one in claimed]
            queue.split(connection, sent, by="quickbooks", now=clock(), reason="no")

        claimed = _claim(connection, company.id, clock)

    assert [job.id for job in claimed] == ids[2:]


def test_being_refused_together_with_a_guilty_one_is_no_try_of_its_own(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """An innocent write that was halved often still has all of its tries.

    Nothing of a refused set was executed, so nothing was tried.
    """
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        ids = [jobs.add(connection, company.id, clock()).id for _ in range(2)]
        for _ in range(6):
            both = _claim(connection, company.id, clock)
            jobs.send(connection, both, clock())
            sent = [jobs.get(connection, company.id, one.id) for one in both]
            queue.split(connection, sent, by="quickbooks", now=clock(), reason="no")
            for job_id in ids:
                job = jobs.get(connection, company.id, job_id)
                queue.note(connection, job, batch_limit=2)

        assert [job.attempt for job in _claim(connection, company.id, clock)] == [0, 0]


def test_a_job_is_tried_again_after_growing_pauses_and_then_given_up(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Pauses of 1, 4, 9 and 16 minutes; the fifth refusal is one for a person."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        job = jobs.add(connection, company.id, clock())
        pauses = []
        while job.state == "ready":
            clock.now = job.run_at
            jobs.send(connection, _claim(connection, company.id, clock), clock())
            job = jobs.get(connection, company.id, job.id)
            queue.retry_later(
                connection, job, by="answer", now=clock(), reason="in use"
            )
            job = jobs.get(connection, company.id, job.id)
            pauses.append((job.run_at - clock()).total_seconds() / 60)

    assert pauses == [1, 4, 9, 16, 0]
    assert (job.state, job.reason, job.attempt) == ("failed", "in use", 5)


def test_the_pause_is_an_hour_at_most(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """A job with many tries left is not put off for days."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        job = jobs.into(connection, company.id, clock(), "sent")
        queue.note(connection, job, attempt=30, max_attempts=99)
        job = jobs.get(connection, company.id, job.id)
        queue.retry_later(connection, job, by="answer", now=clock(), reason="in use")

        job = jobs.get(connection, company.id, job.id)
        assert clock() + timedelta(hours=1) == job.run_at


def test_the_rounds_that_are_left_are_counted_in_pages_and_batches(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Reads travel together, so the longest counts; writes that may go add up."""
    company = new_company()

    def rounds(connection: Connection, *, writes: bool = True) -> int:
        return claiming.rounds_left(
            connection,
            company.id,
            clock(),
            page_size=100,
            write_batch=2,
            writes=writes,
        )

    with company_transaction(engine, company.id) as connection:
        assert rounds(connection) == 0
        _read(connection, company.id, clock, "employee")
        long = _read(connection, company.id, clock, "customer")
        assert rounds(connection) == 1
        queue.note(connection, long, cursor={"remaining": 301})
        assert rounds(connection) == 4
        jobs.add(connection, company.id, clock(), action="verify")
        assert rounds(connection) == 4
        for _ in range(3):
            jobs.add(connection, company.id, clock())
        assert rounds(connection) == 4 + 2
        assert rounds(connection, writes=False) == 4


def test_writes_that_are_held_back_neither_go_nor_count(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """However many wait, the reads behind them go, and nobody waits for them."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        for _ in range(150):
            jobs.add(connection, company.id, clock(), priority=1)
        read = _read(connection, company.id, clock, "customer")

        claimed = claiming.claimable(
            connection, company.id, clock(), write_batch=25, writes=False
        )

        assert [read.id] == [job.id for job in claimed]
        assert claiming.ready_by(connection, company.id, clock(), writes=False) == 1
        assert claiming.ready_by(connection, company.id, clock()) == 151


@pytest.mark.parametrize("state", ["sent", "unsure", "ready"])
def test_a_job_that_is_given_up_is_closed_and_says_why(
    engine: Engine, new_company: NewCompanies, clock: Clock, state: str
) -> None:
    """It fails and is cancelled at once, so that its record may be planned anew."""
    company = new_company()
    with company_transaction(engine, company.id) as connection:
        job = jobs.into(connection, company.id, clock(), state)
        queue.abandon(connection, job, by="answer", now=clock(), reason="out of date")

        job = jobs.get(connection, company.id, job.id)
        assert (job.state, job.reason) == ("cancelled", "out of date")
        ends = [one.to_state for one in jobs.history(connection, job)][-2:]
        assert ends == ["failed", "cancelled"]
