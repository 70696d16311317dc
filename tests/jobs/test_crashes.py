"""A crash between each pair of statements leaves all of a transaction or none of it.

The scenario is a round trip as a server makes it: reads are queued, handed out,
answered by a company file, and their answer is worked with. Each step is first tried
with a crash before its first statement, then before its second, and so on to its
commit. After each crash the database is as before the step; and what goes on from
there comes to the same end as an undisturbed run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.jobs import exchanges, queue
from qbwc_server.quickbooks import list_requests, roundtrip
from qbwc_server.quickbooks.list_requests import Rules
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.conftest import Clock
from tests.jobs import jobs

Step = Callable[[], None]
Rows = dict[str, list[tuple[Any, ...]]]
TOUCHED = (
    tables.company,
    tables.company_sequence,
    tables.exchange,
    tables.job,
    tables.job_event,
    tables.reading,
    tables.record,
)
RULES = Rules(page_size=10, full_compare=timedelta(days=7))


class Crash(BaseException):
    """The process has ended here; nothing of ours may catch it."""


def _ends(engine: Engine, at: int, step: Step, error: BaseException) -> bool:
    """Raise an error in place of a step's BEGIN, statement or COMMIT of that number.

    Return whether the step had fewer, and so has come to its end.
    """
    statements = itertools.count()

    def reached(*_: object) -> None:
        if next(statements) == at:
            raise error

    for event in ("begin", "before_cursor_execute", "commit"):
        sa.event.listen(engine, event, reached)
    try:
        step()
    except type(error):
        return False
    else:
        return next(statements) <= at
    finally:
        for event in ("begin", "before_cursor_execute", "commit"):
            sa.event.remove(engine, event, reached)


def _everything(engine: Engine) -> Rows:
    with engine.connect() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(sa.select(table))), key=repr
            )
            for table in TOUCHED
        }


class RoundTrip:
    """A round trip of reads in steps, each of which may be begun anew."""

    def __init__(self, engine: Engine, company_id: int, clock: Clock) -> None:
        self.engine, self.company_id, self.clock = engine, company_id, clock
        self.file = CompanyFile(":memory:", clock=lambda: clock().timestamp())
        self.file.hands.set("time_tracking", value=False)
        for number in range(12):
            self.file.hands.add("Customer", f"Büro {number:02}")
        self.file.hands.add("Employee", "Jörg Müller")
        self.session = self.file.begin_session(app_name="tests")
        self.answers: dict[str, str] = {}

    def transaction(self) -> Any:
        """Return a transaction of the company."""
        return company_transaction(self.engine, self.company_id)

    def enqueue(self) -> None:
        """Queue the reads that are due."""
        with self.transaction() as connection:
            company = registry.get(connection, self.company_id)
            list_requests.schedule(connection, company, self.clock())

    def hand_out(self) -> None:
        """Claim what may go out and keep it as an exchange."""
        with self.transaction() as connection:
            roundtrip.compose(
                connection,
                registry.get(connection, self.company_id),
                jobs.SESSION,
                now=self.clock(),
                rules=RULES,
                write_batch=25,
            )

    def keep_answer(self) -> None:
        """Keep what QuickBooks answers to what was handed out."""
        with self.transaction() as connection:
            row = self.last(connection)
            if row.request not in self.answers:
                self.answers[row.request] = self.session.process(row.request)
            exchanges.keep_answer(
                connection,
                self.company_id,
                row.id,
                answer=self.answers[row.request],
                hresult="",
                message="",
                now=self.clock(),
            )

    def apply(self) -> None:
        """Work with the answer."""
        with self.transaction() as connection:
            row = self.last(connection)
        roundtrip.apply(self.engine, self.company_id, row.id, now=self.clock())

    def last(self, connection: Connection) -> sa.Row[Any]:
        """Return the exchange of the round trip."""
        row = exchanges.latest(connection, self.company_id, jobs.SESSION, "work")
        assert row is not None
        return row

    def steps(self) -> list[Step]:
        """Return the steps up to the end of the first page of customers."""
        return [self.enqueue, self.hand_out, self.keep_answer, self.apply]


@pytest.fixture
def round_trip(
    engine: Engine, new_company: Callable[..., NewCompany], clock: Clock
) -> Iterator[RoundTrip]:
    """Give a round trip that has not begun."""
    made = RoundTrip(engine, new_company().id, clock)
    yield made
    made.file.close()


def test_a_crash_anywhere_leaves_all_of_a_step_or_none_of_it(
    round_trip: RoundTrip,
) -> None:
    """Nothing half done is ever seen, and going on comes to the regular end."""
    engine = round_trip.engine
    crashes = 0
    for step in round_trip.steps():
        before = _everything(engine)
        for at in itertools.count():
            if _ends(engine, at, step, Crash()):
                break
            crashes += 1
            assert before == _everything(engine), (step.__name__, at)
        assert before != _everything(engine), step.__name__

    assert crashes > 100
    for step in round_trip.steps()[1:]:
        step()
    with round_trip.transaction() as connection:
        ended = queue.select(connection, round_trip.company_id)
        names = connection.execute(
            sa.select(tables.record.c.name).order_by(tables.record.c.name)
        ).scalars()
        assert [f"Büro {number:02}" for number in range(12)] == list(names)[:12]
        assert {"done"} == {job.state for job in ended}
        assert {1} == {job.attempt for job in ended}
        for job in ended:
            states = [one.to_state for one in jobs.history(connection, job)]
            assert states[:2] == ["ready", "sent"]
            assert states[-1] == "done"


def test_what_is_repeated_after_a_crash_is_not_done_twice(
    round_trip: RoundTrip,
) -> None:
    """A step that was committed, but whose caller died before it knew, does no more."""
    engine = round_trip.engine
    for step in (round_trip.enqueue, round_trip.hand_out):
        step()
        before = _everything(engine)
        step()
        assert before == _everything(engine)
    for step in (round_trip.keep_answer, round_trip.apply):
        step()
        before = _everything(engine)
        round_trip.clock.pass_(seconds=30)
        step()
        assert before == _everything(engine)


def test_an_answer_that_two_have_in_hand_is_worked_with_once(
    round_trip: RoundTrip,
) -> None:
    """Whoever stored it, and whoever settles what a session left."""
    for step in (round_trip.enqueue, round_trip.hand_out, round_trip.keep_answer):
        step()
    with round_trip.transaction() as connection:
        row = round_trip.last(connection)
    kept = exchanges.Kept(row.answer, row.hresult, row.reason)

    def apply() -> roundtrip.Outcome:
        return roundtrip.apply(
            *(round_trip.engine, round_trip.company_id, row.id),
            now=round_trip.clock(),
            kept=kept,
        )

    assert apply().counts == {"employees": 1, "customers and jobs": 10}
    before = _everything(round_trip.engine)
    round_trip.clock.pass_(seconds=30)
    assert apply() == roundtrip.Outcome()
    assert before == _everything(round_trip.engine)


def test_a_database_that_goes_away_decides_nothing_about_an_answer(
    round_trip: RoundTrip,
) -> None:
    """An answer is not blamed for it: it is worked with when the database is back."""
    round_trip.enqueue()
    round_trip.hand_out()
    round_trip.keep_answer()
    before = _everything(round_trip.engine)
    for at in itertools.count():
        gone = OperationalError("SELECT 1", {}, Exception("server closed"))
        if _ends(round_trip.engine, at, round_trip.apply, gone):
            break
        assert before == _everything(round_trip.engine), at
    assert at > 20

    with round_trip.transaction() as connection:
        states = {one.state for one in queue.select(connection, round_trip.company_id)}
    assert states == {"ready", "done"}


def test_an_answer_that_our_program_cannot_work_with_stops_its_own_job_only(
    round_trip: RoundTrip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it is taken back, the reason is on the job, the other jobs go on."""
    from qbwc_server.quickbooks import list_answers

    whole = list_answers.apply

    def half(*args: Any, **named: Any) -> None:
        whole(*args, **named)
        if args[2].kind == "customer":
            raise ZeroDivisionError

    round_trip.enqueue()
    round_trip.hand_out()
    round_trip.keep_answer()
    monkeypatch.setattr(list_answers, "apply", half)
    round_trip.apply()

    with round_trip.transaction() as connection:
        by_kind = {
            job.kind: job for job in queue.select(connection, round_trip.company_id)
        }
        kinds = set(connection.execute(sa.select(tables.record.c.kind)).scalars())
    failed = by_kind.pop("customer")
    assert failed.state == "failed"
    assert failed.reason is not None
    assert f"exchange {failed.exchange_id}" in failed.reason
    assert {"done"} == {job.state for job in by_kind.values()}
    assert {"employee"} == kinds
