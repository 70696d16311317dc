"""Histories made at random: edits in QuickBooks, faults, lost callbacks, dead workers.

Whatever happened, once it is quiet Mosaic agrees with QuickBooks and nothing is twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.engine import Engine

from .mirror import Mirror, everything_said, nothing_twice

SOAK = int(os.environ.get("HISTORIES", "0")) >= 1000
NAMES = ("Ash", "Bay", "Élan", "Fir")
COMPANIES = 0


class Killed(BaseException):
    """The process ends here."""


class Histories(RuleBasedStateMachine):
    """One company's life."""

    make: Callable[..., Mirror]

    def __init__(self) -> None:
        super().__init__()
        global COMPANIES  # noqa: PLW0603 - names of companies differ within a run
        COMPANIES += 1
        self.mirror = type(self).make(f"Company {COMPANIES}")
        self.books = self.mirror.books
        self.added = 0

    def _keys(self, kind: str) -> list[str]:
        return [k for k, one in self.books.entries.items() if one.kind == kind]

    def _free(self, name: str, kind: str, parent: str | None, but: str = "") -> bool:
        """Tell whether QuickBooks would allow a name there."""
        return not any(
            one.name == name and one.parent == parent and key != but
            for key, one in self.books.entries.items()
            if one.kind == kind
        )

    def _below(self, key: str) -> bool:
        return any(one.parent == key for one in self.books.entries.values())

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def add_a_customer_or_job(self, data: st.DataObject, name: str) -> None:
        """Add one, at any level."""
        parents = [None, *self._keys("customer")]
        parent = data.draw(st.sampled_from(parents))
        if self._free(name, "customer", parent):
            self.added += 1
            self.books.customer(f"C{self.added}", name, parent)

    @rule(name=st.sampled_from(NAMES), number=st.integers(1, 3))
    def add_an_employee(self, name: str, number: int) -> None:
        """Add one whose address may be another's."""
        self.added += 1
        address = f"{number}@example.com"
        self.books.employee(f"E{self.added}", f"{name} {self.added}", address)

    @rule(name=st.sampled_from(NAMES))
    def add_an_item(self, name: str) -> None:
        """Add a service item."""
        if self._free(name, "service_item", None):
            self.added += 1
            self.books.item(f"S{self.added}", name)

    @precondition(lambda self: self.books.entries)
    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def rename(self, data: st.DataObject, name: str) -> None:
        """Rename something."""
        key = data.draw(st.sampled_from(sorted(self.books.entries)))
        one = self.books.entries[key]
        new = f"{name} {key}" if one.kind == "employee" else name
        if self._free(new, one.kind, one.parent, key):
            self.books.edit(key, name=new)

    @precondition(lambda self: len(self._keys("customer")) > 1)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        """Take a customer or job below another, or to the top."""
        customers = self._keys("customer")
        key = data.draw(st.sampled_from(customers))
        free = [None, *(one for one in customers if key not in self.books.line(one))]
        parent = data.draw(st.sampled_from(free))
        if self._free(self.books.entries[key].name, "customer", parent, key):
            self.books.edit(key, parent=parent)

    @precondition(lambda self: self.books.entries)
    @rule(data=st.data())
    def turn_active_or_inactive(self, data: st.DataObject) -> None:
        """Make something inactive, or active again."""
        key = data.draw(st.sampled_from(sorted(self.books.entries)))
        self.books.edit(key, active=not self.books.entries[key].active)

    @precondition(lambda self: self._keys("employee"))
    @rule(data=st.data(), number=st.integers(1, 3))
    def change_an_address(self, data: st.DataObject, number: int) -> None:
        """Give an employee another address, or none."""
        key = data.draw(st.sampled_from(self._keys("employee")))
        address = data.draw(st.sampled_from([None, f"{number}@example.com"]))
        self.books.edit(key, email=address)

    @precondition(lambda self: self.books.entries)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Delete something that has nothing below it."""
        key = data.draw(st.sampled_from(sorted(self.books.entries)))
        if not self._below(key):
            self.mirror.read()
            self.books.delete(key)

    @rule(
        kind=st.sampled_from(
            ["down", "slow", "error", "html", "bad_json", "rate_limit"]
        ),
        when=st.sampled_from(["before", "after"]),
        match=st.sampled_from(["", "POST", "PUT", "DELETE", "GET request_logs"]),
    )
    def trouble(self, kind: str, when: Any, match: str) -> None:
        """Let the next fitting request fail."""
        when = "before" if kind == "rate_limit" else when
        self.mirror.sandbox.fail_next(kind, 1, match, when=when, seconds=5)

    @rule(
        kind=st.sampled_from(
            ["callback_late", "callback_twice", "callback_never", "callback_forged"]
        )
    )
    def trouble_with_callbacks(self, kind: str) -> None:
        """Let the next callback come late, twice, never or forged."""
        self.mirror.sandbox.fail_next(kind, 2, seconds=200)

    @rule(mode=st.sampled_from(["callback", "body", "bare", "silent", "mute"]))
    def mosaic_changes_its_ways(self, mode: Any) -> None:
        """Let Mosaic answer writes in another way."""
        self.mirror.sandbox.answer_mode = mode

    @rule()
    def work(self) -> None:
        """Read, and let a worker make one pass."""
        self.mirror.read()
        self.mirror.worker().run_once()
        self.mirror.sandbox.deliver_callbacks()
        self.mirror.clock.pass_(seconds=10)

    @rule(requests=st.integers(1, 8), carried_out=st.booleans())
    def work_and_die(self, requests: int, carried_out: bool) -> None:
        """Let a worker die before or after one of its requests is carried out."""
        left = [requests]

        def kill(_: httpx.Request) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        wire = self.mirror.wire
        setattr(wire, "after" if carried_out else "before", kill)
        try:
            self.work()
        except Killed:
            self.mirror.clock.pass_(seconds=self.mirror.settings.lease_seconds + 1)
        wire.before = wire.after = lambda _: None

    @rule(minutes=st.integers(1, 30))
    def time_passes(self, minutes: int) -> None:
        """Let time pass."""
        self.mirror.clock.pass_(minutes=minutes)

    def teardown(self) -> None:
        """Run until it is quiet, and compare."""
        self.mirror.sandbox.faults._waiting.clear()
        self.mirror.run(rounds=300)
        self.mirror.refresh()
        nothing_twice(self.mirror)
        everything_said(self.mirror)
        for key in self.books.entries:
            self._agrees(key)

    def _agrees(self, key: str) -> None:
        row = self.mirror.record(key)
        one = self.books.entries[key]
        line = self.books.line(key)
        if one.kind == "customer" and len(line) > 3:
            assert (row.state, row.mosaic_id) == ("in_sync", None)
            return
        if one.kind == "employee" and (
            one.email is None
            or any(
                other.email == one.email
                for each, other in self.books.entries.items()
                if each != key
            )
            or row.state == "refused"
        ):
            return  # the reason is what `everything_said` asks for
        if row.state in {"refused", "unlinked"}:
            assert self._excused(row), row
            return
        assert row.state == "in_sync", row
        found = self.mirror.counterpart(key)
        if row.mosaic_type == "employee":
            assert found["email"] == one.email
        else:
            name = found.get("client_name") or found.get("name") or found["title"]
            if row.mosaic_type == "phase" and self._counted_up(found, name):
                name = name.rpartition(" (")[0]
            assert name == one.name
        if row.mosaic_type != "client":
            active = all(self.books.entries[each].active for each in line)
            assert found["is_archived"] is not active, row
        if row.mosaic_type in {"project", "phase"}:
            above = self.mirror.record(line[-2]).mosaic_id
            assert found["client_id" if len(line) == 2 else "project_id"] == above

    def _counted_up(self, phase: dict[str, Any], name: str) -> bool:
        """Tell whether Mosaic gave a phase the next number of a name.

        It does so where another phase of the project has the name, most often the main
        phase, whose name is the project's.
        """
        plain = re.fullmatch(r"(.+) \(\d+\)", name)
        return plain is not None and any(
            other["name"] == plain[1] and other["project_id"] == phase["project_id"]
            for other in self.mirror.sandbox.objects("phase")
        )

    def _excused(self, row: Any) -> bool:
        """Tell whether a record is not in sync for a reason of Mosaic's own.

        Clients cannot be deleted, so a name may still be held by what was deleted or
        moved in QuickBooks; and a phase's name may be that of the main phase.
        """
        if "has not made it" in row.reason or "is linked to" in row.reason:
            return True
        if "are named" in row.reason:
            return True
        above = [self.mirror.record(k) for k in self.books.line(row.quickbooks_id)]
        return any(one.state in {"refused", "unlinked"} for one in above[:-1])


def test_whatever_happened_mosaic_agrees_and_nothing_is_twice(
    make_mirror: Callable[..., Mirror], engine: Engine
) -> None:
    """Promises 1, 2 and 4, over histories that nobody thought of."""
    machine = type("Machine", (Histories,), {"make": staticmethod(make_mirror)})
    many = 200 if SOAK else 40
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=many // 4 if engine.dialect.name == "postgresql" else many,
            stateful_step_count=15,
            phases=(Phase.explicit, Phase.generate),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
