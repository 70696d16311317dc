"""Negative controls: a rule that is switched off is missed by the same verdict.

Each is a history that goes well with all rules, and breaks a promise without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from qbwc_server.jobs import queue
from qbwc_server.kinds import time_entry
from qbwc_server.mosaic_reading import may_be_ours
from qbwc_server.planning import time_facts
from qbwc_server.quickbooks import time_jobs, write_gate
from tests.agreement.histories import Histories, TimeField
from tests.agreement.house import MakeHouse
from tests.agreement.talk import Trouble

Machine = Histories
Off = Callable[[pytest.MonkeyPatch], None]


@contextmanager
def history(make: MakeHouse) -> Iterator[Machine]:
    """Give the machine, to be told what happens; at the end comes its verdict."""
    machine = type("Machine", (Histories,), {"make": staticmethod(make)})()
    machine.begin(zone="America/New_York", start=0)
    yield machine
    machine.teardown()


def an_add_is_lost(machine: Machine, *, forgotten: bool) -> None:
    """New time of Mosaic reaches QuickBooks, but its answer never arrives."""
    machine.add_in_mosaic(number=7, calls_back=True)
    for _ in range(8):
        machine.the_worker_works()
        machine.house.clock.pass_(minutes=2)
        before = len(machine.house.talk.writes)
        if any(job.action == "add" for job in machine.house.unfinished_jobs()):
            machine.house.clock.pass_(minutes=16)
            for number in range(1, 8):
                machine.house.connect(Trouble("receiveResponseXML", number))
                if len(machine.house.talk.writes) > before:
                    break
                machine.house.clock.pass_(minutes=16)
            break
    assert machine.house.talk.writes == ["TimeTrackingAdd"]
    assert machine.ledger.in_quickbooks()
    if forgotten:
        # Now neither the stored answer nor its content tells whose the entry is.
        machine.quickbooks_forgets_its_answers()
        machine.edit_in_quickbooks(which=0, field="minutes", number=1)


def a_creation_is_lost(
    machine: Machine, *, edit: TimeField = "text", calls_back: bool = True
) -> None:
    """New time of QuickBooks reaches Mosaic, whose answer and callback never come."""
    machine.mosaic_changes_its_ways(mode="mute")
    machine.add_in_quickbooks(number=7)
    machine.web_connector_runs()
    machine.mosaic_fails(kind="slow", when="after", match="POST time_entry")
    machine.the_worker_works()
    assert machine.ledger.in_mosaic()
    # Somebody edits it before the creation was looked for, and Mosaic tells of that.
    before = machine.ledger.in_mosaic()
    for number in range(1, 4):
        if machine.ledger.in_mosaic() == before:
            machine.edit_in_mosaic(
                which=0, field=edit, number=number, calls_back=calls_back
            )
    assert machine.ledger.in_mosaic() != before
    machine.house.sandbox.deliver_callbacks()
    machine.the_worker_works()


def no_gate(patch: pytest.MonkeyPatch) -> None:
    """What is planned leaves, whatever QuickBooks has by now."""
    patch.setattr(write_gate, "adds_may_go", lambda *_: True)
    patch.setattr(write_gate, "take_back", lambda *given: list(given[2]))


def no_guid(patch: pytest.MonkeyPatch) -> None:
    """Nothing is recognised by its ExternalGUID; the second wall is down, too."""
    no_gate(patch)
    patch.setattr(time_entry, "guid_of", lambda _ret: None)


def no_doubt(patch: pytest.MonkeyPatch) -> None:
    """A write without an answer is simply sent again, and no other wall is up."""
    no_guid(patch)
    move = queue.move

    def careless(connection: Any, job: Any, to: str, **more: Any) -> Any:
        return move(connection, job, "ready" if to == "unsure" else to, **more)

    patch.setattr(queue, "move", careless)


def invoiced_time_is_edited(machine: Machine) -> None:
    """Time on an invoice is edited in Mosaic."""
    machine.add_in_quickbooks(number=7)
    machine.everything_settles()
    machine.invoice(which=0, is_billed=True)
    machine.everything_settles()
    machine.edit_in_mosaic(which=0, field="text", number=1, calls_back=True)


def both_sides_edit(machine: Machine) -> None:
    """Both sides change the same field, and the policy decides."""
    machine.add_in_quickbooks(number=7)
    machine.everything_settles()
    machine.the_company_decides(policy="quickbooks")
    machine.edit_in_quickbooks(which=0, field="text", number=3)
    machine.edit_in_mosaic(which=0, field="text", number=4, calls_back=True)


def no_lock(patch: pytest.MonkeyPatch) -> None:
    """Time on an invoice is like any other."""
    patch.setattr(time_facts, "lock", lambda *_: None)


def no_memory(patch: pytest.MonkeyPatch) -> None:
    """A value that lost is thrown away."""
    patch.setattr(time_jobs, "conflict", lambda *_: {})


def no_reservation(patch: pytest.MonkeyPatch) -> None:
    """An unknown entry of Mosaic is new, whatever was just sent there."""
    patch.setattr(may_be_ours.Creating, "claiming", lambda *_: None)


@pytest.mark.parametrize(
    ("happens", "off", "missed"),
    [
        pytest.param(
            lambda machine: an_add_is_lost(machine, forgotten=True),
            no_guid,
            "twice",
            id="guid",
        ),
        pytest.param(
            lambda machine: an_add_is_lost(machine, forgotten=False),
            no_doubt,
            "twice",
            id="unsure",
        ),
        pytest.param(a_creation_is_lost, no_reservation, "twice", id="reservation"),
        pytest.param(invoiced_time_is_edited, no_lock, "an invoice", id="lock"),
        pytest.param(both_sides_edit, no_memory, "the last text", id="memory"),
    ],
)
def test_a_rule_that_is_switched_off_is_missed(
    make_house: MakeHouse,
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[Machine], None],
    off: Off,
    missed: str,
) -> None:
    """The same history keeps all promises with the rule, and breaks one without."""
    with history(make_house) as machine:
        happens(machine)
    off(monkeypatch)

    with pytest.raises(AssertionError, match=missed), history(make_house) as machine:
        happens(machine)
