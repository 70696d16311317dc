"""Histories made at random: people on both sides, and whatever may go wrong between.

Each rule is one act of people, of the network, of a process or of time. What must be
true at the end is in `verdict`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from qbwc_server.decisions import company_settings
from qbwc_server.sandbox.mosaic.fields import Refused
from tests.agreement.house import ITEMS, JOBS, PEOPLE, House, MakeHouse
from tests.agreement.ledger import Ledger
from tests.agreement.talk import CALLS, Trouble
from tests.agreement.terms import Values, links, text_of
from tests.agreement.verdict import at_rest

STARTS = {
    # Days before the clocks change in each zone, and a day on which none does.
    "America/New_York": (
        datetime(2026, 3, 6, 15, tzinfo=UTC),
        datetime(2026, 10, 30, 15, tzinfo=UTC),
    ),
    "Europe/London": (
        datetime(2026, 3, 27, 12, tzinfo=UTC),
        datetime(2026, 10, 23, 12, tzinfo=UTC),
    ),
    "Australia/Sydney": (
        datetime(2026, 4, 3, 1, tzinfo=UTC),
        datetime(2026, 10, 2, 1, tzinfo=UTC),
    ),
    "America/Sao_Paulo": (datetime(2026, 7, 1, 14, tzinfo=UTC),),
}
WORDS = ("plans", "Élan “x” 5 €", "☃ snow", "two\nlines ", "a & b <c>", "")
LENGTHS = (1, 20, 45, 60, 100, 480, 1440)
PICKS = st.integers(0, 10_000)
TimeField = Literal["minutes", "text", "day", "job", "person", "item", "billable"]
FIELDS: tuple[TimeField, ...] = (
    *("minutes", "text", "day", "job", "person", "item", "billable"),
)


def pick(among: Iterable[Any], number: int) -> Any:
    """Return one of some things; small numbers give the first ones."""
    listed = list(among)
    return listed[number % len(listed)]


def same(values: Values, field: str, value: Any) -> bool:
    """Tell whether an entry has a value already: giving it again is no edit."""
    return bool(values[field] == (text_of(value) if field == "text" else value))


class Histories(RuleBasedStateMachine):
    """One company's life. `make` makes a house; a subclass has it."""

    make: ClassVar[MakeHouse]
    house: House

    @initialize(zone=st.sampled_from(sorted(STARTS)), start=PICKS)
    def begin(self, zone: str, start: int) -> None:
        """Begin with the lists on both sides, and no time."""
        now = pick(STARTS[zone], start)
        self.house = type(self).make(now, zone)
        self.ledger = Ledger(self.house)
        self.house.settle()
        self.backups = 0
        self.later_jobs: list[str] = []
        self.jobs_in_backup: list[str] = []

    # What people want

    def value(self, field: TimeField, number: int, mark: str) -> Any:
        """Return a value for a field of an entry."""
        match field:
            case "minutes":
                return pick(LENGTHS, number)
            case "text":
                return f"{mark} {pick(WORDS, number)}"
            case "day":
                today = self.house.clock.now.date()
                return (today - timedelta(days=number % 30)).isoformat()
            case "job":
                return pick((*JOBS, *self.later_jobs), number)
            case "person":
                return pick(PEOPLE, number)
            case "item":
                return pick(ITEMS, number)
            case "billable":
                return number % 2 == 0

    def values(self, number: int, mark: str) -> dict[str, Any]:
        """Return values for all fields, each decided by another digit."""
        return {
            field: self.value(field, number // 3**place, mark)
            for place, field in enumerate(FIELDS)
        }

    # People in QuickBooks

    @rule(number=PICKS)
    def add_in_quickbooks(self, number: int) -> None:
        """Enter time in QuickBooks."""
        mark = self.ledger.new_mark()
        self.enter(mark, self.values(number, mark))

    def enter(self, mark: str, values: dict[str, Any]) -> None:
        """Enter time in QuickBooks with these values."""
        house = self.house
        house.hands.add_time(
            house.persons[values["person"]],
            values["day"],
            values["minutes"],
            customer=house.jobs[values["job"]],
            item=house.items[values["item"]],
            notes=values["text"],
            billable="Billable" if values["billable"] else "NotBillable",
        )
        self.ledger.born(mark, values)

    @precondition(lambda self: self.ledger.in_quickbooks())
    @rule(which=PICKS, field=st.sampled_from(FIELDS), number=PICKS)
    def edit_in_quickbooks(self, which: int, field: TimeField, number: int) -> None:
        """Change one field of an entry in QuickBooks."""
        mark, found = pick(self.ledger.in_quickbooks().items(), which)
        value, house = self.value(field, number, mark), self.house
        if same(found[0][1], field, value):
            return
        columns: dict[TimeField, tuple[str, Callable[[], Any]]] = {
            "minutes": ("minutes", lambda: value),
            "text": ("notes", lambda: value),
            "day": ("txn_date", lambda: value),
            "job": ("customer_id", lambda: house.jobs[value]),
            "person": ("entity_id", lambda: house.persons[value]),
            "item": ("item_id", lambda: house.items[value]),
            "billable": ("billable", lambda: "Billable" if value else "NotBillable"),
        }
        column, raw = columns[field]
        house.clock.pass_(seconds=1 + number % 2)
        house.hands.edit_time(found[0][0], **{column: raw()})
        self.ledger.edited(mark, **{field: value})

    @precondition(lambda self: self.ledger.in_quickbooks())
    @rule(which=PICKS)
    def delete_in_quickbooks(self, which: int) -> None:
        """Delete an entry in QuickBooks."""
        mark, found = pick(self.ledger.in_quickbooks().items(), which)
        self.house.hands.delete_time(found[0][0])
        self.ledger.deleted(mark)

    @precondition(lambda self: self.ledger.in_quickbooks())
    @rule(which=PICKS, is_billed=st.booleans())
    def invoice(self, which: int, is_billed: bool) -> None:
        """Put time on an invoice, or delete that invoice."""
        mark, found = pick(self.ledger.in_quickbooks().items(), which)
        self.house.hands.mark_billed(found[0][0], is_billed=is_billed)
        self.ledger.edited(mark, billable=True)

    @rule(days=st.sampled_from([None, 0, 5, 15, 40]))
    def close_the_books(self, days: int | None) -> None:
        """Set a closing date some days ago, or take it away."""
        day = ""
        if days is not None:
            day = (self.house.clock.now - timedelta(days=days)).date().isoformat()
        self.house.hands.set("closing_date", day)

    @precondition(lambda self: self.ledger.in_quickbooks())
    @rule(which=PICKS, is_open=st.booleans())
    def open_in_a_form(self, which: int, is_open: bool) -> None:
        """Open an entry in a form, or close the form."""
        _, found = pick(self.ledger.in_quickbooks().items(), which)
        act = self.house.hands.lock if is_open else self.house.hands.unlock
        act(found[0][0])

    @rule(number=PICKS)
    def a_job_comes_later(self, number: int) -> None:
        """Add a job and enter time on it at once."""
        house, name = self.house, f"Acme:Extra {len(self.later_jobs) + 1}"
        house.jobs[name] = house.hands.add(
            "Customer", name.rpartition(":")[2], parent=house.jobs["Acme"]
        )
        self.later_jobs.append(name)
        mark = self.ledger.new_mark()
        values = {**self.values(number, mark), "job": name}
        self.enter(mark, values)

    @precondition(lambda self: self.later_jobs and not self.backups)
    @rule()
    def two_jobs_are_merged(self) -> None:
        """Merge a job into another: its time moves without being touched."""
        house, loser = self.house, self.later_jobs.pop()
        for mark, found in self.ledger.in_quickbooks().items():
            if found[0][1]["job"] == loser:
                self.ledger.edited(mark, job=JOBS[0])
        house.hands.merge("Customer", house.jobs[loser], house.jobs[JOBS[0]])

    @rule(policy=st.sampled_from(["newest", "quickbooks", "mosaic", "ask"]))
    def the_company_decides(self, policy: str) -> None:
        """Say which side is right where both changed the same field."""
        company_settings.set_values(
            self.house.engine,
            self.house.company.id,
            now=self.house.clock(),
            who="operator",
            policy=policy,
        )

    @rule()
    def back_up(self) -> None:
        """Make a backup."""
        self.house.hands.back_up(self.house.folder / "backup.qbb")
        self.backups += 1
        self.jobs_in_backup = list(self.later_jobs)

    @precondition(lambda self: self.backups)
    @rule()
    def restore(self) -> None:
        """Put the backup in the place of the company file."""
        before = self.ledger.in_quickbooks()
        self.house.hands.restore(self.house.folder / "backup.qbb")
        self.ledger.restored(before)
        self.later_jobs = list(self.jobs_in_backup)

    @rule()
    def quickbooks_shows_a_dialog(self) -> None:
        """A dialog is open while Web Connector comes."""
        self.house.hands.set("dialog_open", True)
        self.house.connect()
        self.house.hands.set("dialog_open", False)

    @rule()
    def quickbooks_forgets_its_answers(self) -> None:
        """The stored answers of message sets are gone, as after a new installation."""
        self.house.file.clear_all_message_sets(self.house.talk.application.app_name)

    # People in Mosaic

    @rule(number=PICKS, calls_back=st.booleans())
    def add_in_mosaic(self, number: int, calls_back: bool) -> None:
        """Enter time in Mosaic."""
        mark = self.ledger.new_mark()
        values = self.values(number, mark)
        refers = links(self.house, values)
        if refers is None:
            return
        self.house.people.calls_back = calls_back
        self.house.people.add_time(
            refers["member_id"],
            values["day"],
            round(values["minutes"] / 60, 4),
            project=refers["project_id"],
            phase=refers["phase_id"],
            category=refers["standard_work_category_id"],
            text=values["text"],
            billable=values["billable"],
        )
        self.ledger.born(mark, values)

    @precondition(lambda self: self.ledger.in_mosaic())
    @rule(
        which=PICKS,
        field=st.sampled_from(FIELDS),
        number=PICKS,
        calls_back=st.booleans(),
    )
    def edit_in_mosaic(
        self,
        which: int,
        field: TimeField,
        number: int,
        calls_back: bool,
    ) -> None:
        """Change one field of an entry in Mosaic, or move it."""
        mark, found = pick(self.ledger.in_mosaic().items(), which)
        mosaic_id, old = found[0]
        value = self.value(field, number, mark)
        refers = links(self.house, {**old, field: value})
        if refers is None or same(old, field, value):
            return
        fields: dict[TimeField, dict[str, Any]] = {
            "minutes": {"hours": round(int(value) / 60, 4)}
            if field == "minutes"
            else {},
            "text": {"description": value},
            "day": {"date": value},
            "job": {name: refers[name] for name in ("project_id", "phase_id")},
            "person": {"member_id": refers["member_id"]},
            "item": {"standard_work_category_id": refers["standard_work_category_id"]},
            "billable": {"billable": value},
        }
        self.house.people.calls_back = calls_back
        try:
            self.house.people.edit_time(mosaic_id, **fields[field])
        except Refused:
            return
        self.ledger.edited(mark, **{field: value})

    @precondition(lambda self: self.ledger.in_mosaic())
    @rule(which=PICKS, calls_back=st.booleans())
    def delete_in_mosaic(self, which: int, calls_back: bool) -> None:
        """Delete an entry in Mosaic."""
        mark, found = pick(self.ledger.in_mosaic().items(), which)
        self.house.people.calls_back = calls_back
        self.house.people.delete_time(found[0][0])
        self.ledger.deleted(mark)

    # The network, and Mosaic

    @rule(
        kind=st.sampled_from(
            ["down", "slow", "error", "html", "bad_json", "rate_limit"]
        ),
        when=st.sampled_from(["before", "after"]),
        match=st.sampled_from(["", "POST time_entry", "PUT", "DELETE", "GET"]),
    )
    def mosaic_fails(self, kind: str, when: Any, match: str) -> None:
        """Let the next fitting request fail, before or after it was carried out."""
        when = "before" if kind == "rate_limit" else when
        self.house.sandbox.fail_next(kind, 1, match, when=when, seconds=5)

    @rule(
        kind=st.sampled_from(
            ["callback_late", "callback_twice", "callback_never", "callback_forged"]
        )
    )
    def callbacks_fail(self, kind: str) -> None:
        """Let the next callbacks come late, twice, never or forged."""
        self.house.sandbox.fail_next(kind, 2, seconds=200)

    @rule(mode=st.sampled_from(["callback", "body", "bare", "silent", "mute"]))
    def mosaic_changes_its_ways(self, mode: Any) -> None:
        """Let Mosaic answer writes in another way."""
        self.house.sandbox.answer_mode = mode

    # What runs

    @rule()
    def web_connector_runs(self) -> None:
        """A run as it should be."""
        self.house.clock.pass_(minutes=16)
        self.house.connect()

    @rule(
        method=st.sampled_from(CALLS), number=st.integers(1, 5), arrives=st.booleans()
    )
    def a_call_is_lost(
        self,
        method: str,
        number: int,
        arrives: bool,
    ) -> None:
        """A run whose n-th call of a method, or its answer, is lost."""
        self.house.clock.pass_(minutes=16)
        self.house.connect(Trouble(method, number, arrives))

    @rule(at=st.integers(1, 25), committed=st.booleans())
    def the_server_is_killed(self, at: int, committed: bool) -> None:
        """A run in which the server dies at its n-th transaction."""
        self.house.clock.pass_(minutes=16)
        self.house.connect(at=at, committed=committed)

    @rule(call=st.integers(1, 4))
    def a_second_web_connector_comes(self, call: int) -> None:
        """A run that hangs while another computer's Web Connector comes."""
        house = self.house
        house.clock.pass_(minutes=16)
        house.connect(Trouble("sendRequestXML", call, arrives=True))
        house.talk.peer, here = "198.51.100.7", house.talk.peer
        house.connect()
        house.talk.peer = here

    @rule()
    def the_worker_works(self) -> None:
        """A pass of the worker as it should be."""
        self.house.work()
        self.house.clock.pass_(seconds=10)

    @rule(at=st.integers(1, 30), committed=st.booleans())
    def the_worker_is_killed(self, at: int, committed: bool) -> None:
        """A pass in which the worker dies at its n-th transaction."""
        self.house.work(at, committed=committed)

    @rule(request=st.integers(1, 8), arrives=st.booleans())
    def the_worker_is_killed_asking(
        self,
        request: int,
        arrives: bool,
    ) -> None:
        """A pass in which the worker dies at its n-th request to Mosaic."""
        self.house.work_and_die_asking(request, arrives=arrives)

    @rule(minutes=st.sampled_from([1, 6, 65, 600, 1500, 5000]))
    def time_passes(self, minutes: int) -> None:
        """Time passes; from minutes to the days in which clocks change."""
        self.house.clock.pass_(minutes=minutes)

    @rule()
    def everything_settles(self) -> None:
        """All runs until it is quiet, as on most days."""
        self.house.settle_for(minutes=65)

    def teardown(self) -> None:
        """Run until it is quiet and see whether all promises were kept."""
        if not hasattr(self, "house"):
            return
        try:
            for row in self.house.file.store.all("SELECT id FROM in_use"):
                self.house.hands.unlock(row["id"])
            at_rest(self.house, self.ledger)
        finally:
            self.house.close()
