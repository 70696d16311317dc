"""Any one machine or program may be lost: no hour is, and none comes twice.

In each test people change and enter forty things on both sides, half of them before the
loss, which comes in the middle of a session, and half of them after it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.docker.house import ANSWER, At, Customer
from tests.machines.house import Machines
from tests.waiting import until

pytestmark = pytest.mark.docker
_EDITS, _ADDS = 5, 5
"""On each side, twice in a test."""
_MOST_SECONDS = 180


class People:
    """What they do on both sides, and that all of it has arrived."""

    def __init__(self, customer: Customer) -> None:
        self.customer = customer
        self._edits = 0
        self._had = self._count()

    def _count(self) -> tuple[int, int]:
        here = self.customer.file.store.all("SELECT * FROM time_entry")
        return len(here), len(self.customer.people.time())

    def work(self) -> None:
        """Edit five entries on each side, and enter five more with the same notes."""
        customer = self.customer
        for _ in range(_EDITS):
            customer.edit()
            self._edits += 1
        last = customer.people.time()[-1]
        (row,) = customer.file.store.all(
            "SELECT * FROM time_entry WHERE customer_id IS NOT NULL"
            " AND item_id IS NOT NULL AND notes LIKE 'here %' LIMIT 1"
        )
        for _ in range(_ADDS):
            customer.people.add_time(
                *(last["member_id"], customer.file.store.today(), 0.5),
                project=last["project_id"],
                category=last["standard_work_category_id"],
                text="after a loss",
                billable=False,
            )
            customer.file.hands.add_time(
                *(row["entity_id"], customer.file.store.today(), 45),
                customer=row["customer_id"],
                item=row["item_id"],
                notes="after a loss",
                billable="NotBillable",
            )

    def written(self) -> list[str]:
        """Return what was entered in QuickBooks and is in Mosaic."""
        texts = (one["description"] or "" for one in self.customer.people.time())
        return sorted(one for one in texts if one.startswith("here "))

    def must_have_arrived(self) -> None:
        """Each act is on both sides, once.

        A callback of Mosaic may be lost; what it told of is found by reading the days.
        """
        until(self._equal, "both sides alike", seconds=_MOST_SECONDS)
        self.customer.must_arrive(self._edits)
        rounds = self._edits // _EDITS
        here, there = self._count()
        more = 2 * _ADDS * rounds
        assert (here - self._had[0], there - self._had[1]) == (more, more)

    def _equal(self) -> bool:
        self.customer.sync()
        return not self.customer.agreement().differences

    def lose(self, loss: Callable[[], object]) -> None:
        """Work, have something lost in the middle of a session, and work on."""
        self.work()
        at = At(ANSWER, loss)
        self.customer.connect(at)
        assert at.done
        self.work()


@pytest.fixture
def people(customer: Customer) -> People:
    """The people of the company, who begin when both sides are equal."""
    customer.must_agree()
    return People(customer)


@pytest.mark.parametrize("program", ["server", "worker"])
def test_a_program_may_be_killed(
    program: str, machines: Machines, people: People
) -> None:
    """The one of the other machine goes on."""
    first = machines.ours[0]
    people.lose(lambda: first.kill(program))
    people.must_have_arrived()
    machines.start(first, program)


def test_a_proxy_may_be_killed(machines: Machines, people: People) -> None:
    """The address moves to the other, which has the same certificate."""
    first, second = machines.ours

    def loss() -> None:
        first.kill("proxy")
        machines.move(first, second)

    people.lose(loss)
    people.must_have_arrived()
    machines.start(first, "proxy")
    machines.move(second, first)


def test_a_whole_machine_may_be_switched_off(
    machines: Machines, people: People
) -> None:
    """What is sent to it is not even refused."""
    first, second = machines.ours

    def loss() -> None:
        first.switch_off()
        machines.move(first, second)

    people.lose(loss)
    people.must_have_arrived()
    first.switch_on()
    for program in ("server", "worker", "proxy"):
        machines.start(first, program)


def test_without_its_standby_nothing_is_written_until_somebody_says_so(
    machines: Machines, people: People
) -> None:
    """Nothing is promised meanwhile that a failover would not know."""
    people.work()
    there = people.written()
    at = At(ANSWER, machines.standby.switch_off)
    run = people.customer.connect(at)
    assert at.done
    assert run.error is not None
    assert people.written() == there

    machines.wait_for_none()
    people.must_have_arrived()
    machines.standby.switch_on()
    machines.start_database(machines.standby)
    machines.wait_for_standby()
    people.work()
    people.must_have_arrived()


def test_a_failover_loses_nothing_and_doubles_nothing(
    machines: Machines, people: People
) -> None:
    """The primary is lost in mid-session; afterwards the new one has a standby."""

    def loss() -> None:
        machines.primary.switch_off()
        machines.fail_over()

    people.lose(loss)
    people.must_have_arrived()
    machines.standby.switch_on()
    machines.copy_to_standby()
    people.work()
    people.must_have_arrived()
