"""A believable architecture practice to try everything on: Harbor & Vale Architects.

Forty people, sixty clients with three hundred jobs on up to five levels, service items
with sub-items, classes, payroll items and years of time. All of it is made up, and the
same seed makes the same firm.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from qbwc_server.sandbox.quickbooks.answer import Field
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.quickbooks.new_records import (
    NewRecord,
    NewTime,
    insert_records,
    insert_times,
    new_list_id,
)
from qbwc_server.sandbox.quickbooks.store import Store
from qbwc_server.sandbox.quickbooks.wall_time import seconds_of
from qbwc_server.sandbox.sample_names import (
    CLASSES,
    CLIENT_WORDS,
    CONSULTANTS,
    FIRST_NAMES,
    ITEMS,
    JOB_WORDS,
    LAST_NAMES,
    NOTES,
    PAYROLL_ITEMS,
    STAGES,
    TITLES,
)

_PEOPLE: Final = 40
_CLIENTS: Final = 60
_JOBS: Final = 300
_DEEPEST: Final = 4
_DAYS: Final = 3 * 365
_LENGTHS: Final = (15, 30, 45, 60, 90, 120, 150, 180, 210, 240, 300, 360, 420, 480)
_BILLED_AFTER_DAYS: Final = 75
_INTERNAL: Final = 0.03
"""The share of time that is for no customer; Mosaic has no place for it."""


@dataclass(frozen=True, slots=True)
class _Firm:
    employees: list[NewRecord]
    jobs: list[NewRecord]
    items: list[NewRecord]
    classes: list[NewRecord]


def build_sample_firm(
    company_file: CompanyFile,
    *,
    people: int = _PEOPLE,
    clients: int = _CLIENTS,
    jobs: int = _JOBS,
    time_entries: int = 20_000,
    seed: int = 7,
) -> None:
    """Fill an empty company file with the sample firm.

    Args:
        company_file: Which; its clock's now is where the three years of time end.
        people: How many employees.
        clients: How many customers.
        jobs: How many jobs they have, on all levels.
        time_entries: How many time entries.
        seed: Decides everything that chance decides.
    """
    store, dice = company_file.store, random.Random(seed)
    with store.transaction():
        store.set("company_name", "Harbor & Vale Architects")
        store.set("file_name", "C:\\QuickBooks\\Harbor and Vale Architects.QBW")
        firm = _Firm(
            employees=_employees(store, dice, people),
            jobs=_customers(store, dice, clients, jobs),
            items=_tree(store, dice, "ItemService", ITEMS),
            classes=_tree(store, dice, "Class", CLASSES),
        )
        vendors = [
            _plain(store, dice, "Vendor", name, IsVendorEligibleFor1099="true")
            for name in CONSULTANTS
        ]
        payroll = [
            _plain(store, dice, "PayrollItemWage", name, **_wage(wage))
            for name, wage in PAYROLL_ITEMS
        ]
        for records in (*_lists(firm), vendors, payroll):
            insert_records(store, records)
        insert_times(store, _times(store, dice, firm, vendors, time_entries))
        _merge_a_doublet(company_file, firm)


def _lists(firm: _Firm) -> tuple[list[NewRecord], ...]:
    return firm.employees, firm.jobs, firm.items, firm.classes


def _merge_a_doublet(company_file: CompanyFile, firm: _Firm) -> None:
    """Let somebody have entered a client twice, and found out."""
    client = next(one for one in firm.jobs if one.is_active and not one.sublevel)
    twin = company_file.hands.add("Customer", f"{client.name[:35]} (old)")
    company_file.hands.merge("Customer", twin, client.list_id)


def _employees(store: Store, dice: random.Random, how_many: int) -> list[NewRecord]:
    names = dice.sample(
        [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES], how_many
    )
    people = []
    for place, name in enumerate(names):
        first, _, last = name.partition(" ")
        fields: dict[str, str | list[Field]] = {
            "FirstName": first,
            "LastName": last,
            "JobTitle": TITLES[place % len(TITLES)],
        }
        if place % 9:
            fields["Email"] = f"{_ascii(first)}.{_ascii(last)}@harborandvale.example"
        if place % 4 == 0:
            paid: list[Field] = [("UseTimeDataToCreatePaychecks", "UseTimeData")]
            fields["EmployeePayrollInfo"] = paid
        one = _plain(store, dice, "Employee", name, **fields)
        people.append(replace(one, is_active=place % 8 != 7))
    return people


def _customers(
    store: Store, dice: random.Random, clients: int, jobs: int
) -> list[NewRecord]:
    first, second = CLIENT_WORDS
    names = dice.sample([f"{one} {two}" for one in first for two in second], clients)
    money = {"Balance": "0.00", "TotalBalance": "0.00"}
    records = [
        _plain(store, dice, "Customer", name, **money, JobStatus="None")
        for name in names
    ]
    records = [
        replace(one, is_active=place % 10 != 9) for place, one in enumerate(records)
    ]
    taken = {one.full_name.casefold() for one in records}
    places = [f"{one} {two}" for one in JOB_WORDS[0] for two in JOB_WORDS[1]]
    status = ("InProgress", "Awarded", "Pending", "Closed")
    while len(records) < clients + jobs:
        parent = dice.choice(records)
        name = dice.choice(STAGES if parent.sublevel else places)
        full_name = f"{parent.full_name}:{name}"
        if parent.sublevel == _DEEPEST or full_name.casefold() in taken:
            continue
        taken.add(full_name.casefold())
        fields = {**money, "JobStatus": dice.choice(status)}
        one = _plain(store, dice, "Customer", name, **fields)
        records.append(_below(one, parent, is_active=dice.random() > 0.1))
    return records


def _tree(
    store: Store, dice: random.Random, kind: str, names: dict[str, tuple[str, ...]]
) -> list[NewRecord]:
    records = []
    for name, below in names.items():
        parent = _plain(store, dice, kind, name, **_priced(dice, kind))
        records.append(parent)
        for child in below:
            one = _plain(store, dice, kind, child, **_priced(dice, kind))
            records.append(_below(one, parent, is_active=dice.random() > 0.05))
    return records


def _priced(dice: random.Random, kind: str) -> dict[str, list[Field]]:
    if kind != "ItemService":
        return {}
    price = f"{dice.randrange(80, 260, 5)}.00"
    account: list[Field] = [("FullName", "Design Income")]
    inside: list[Field] = [("Price", price), ("AccountRef", account)]
    return {"SalesOrPurchase": inside}


def _wage(wage: str) -> dict[str, str | list[Field]]:
    account: list[Field] = [("FullName", "Payroll Expenses")]
    return {"WageType": wage, "ExpenseAccountRef": account}


def _plain(
    store: Store,
    dice: random.Random,
    kind: str,
    name: str,
    **fields: str | list[Field],
) -> NewRecord:
    """Make a record some time in the fourth year back, edited once since."""
    made = store.now() - (_DAYS + dice.randrange(1, 365)) * 86_400
    edited = made + dice.randrange(60, _DAYS * 86_400)
    return NewRecord(
        kind,
        new_list_id(store, kind, made),
        name,
        name,
        created=store.printed(made),
        modified=store.printed(edited),
        edit_sequence=str(edited),
        fields=list(fields.items()),
    )


def _below(one: NewRecord, parent: NewRecord, *, is_active: bool) -> NewRecord:
    return replace(
        one,
        full_name=f"{parent.full_name}:{one.name}",
        parent_id=parent.list_id,
        sublevel=parent.sublevel + 1,
        is_active=is_active,
    )


def _times(
    store: Store,
    dice: random.Random,
    firm: _Firm,
    vendors: list[NewRecord],
    how_many: int,
) -> list[NewTime]:
    today = date.fromisoformat(store.today())
    jobs = [one for one in firm.jobs if one.sublevel] or firm.jobs
    # Whoever has no e-mail address, and so no member in Mosaic, works little.
    reachable = [one for one in firm.employees if "Email" in dict(one.fields)]
    workers = reachable * 6 + firm.employees + vendors
    ages = sorted((dice.randrange(_DAYS) for _ in range(how_many)), reverse=True)
    entries = []
    for age in ages:
        day = today - timedelta(days=age)
        person, job = dice.choice(workers), dice.choice(jobs)
        evening = f"{day}T{dice.randrange(15, 20):02}:{dice.randrange(60):02}:00"
        at = min(seconds_of(evening, store.zone), store.now())
        internal = dice.random() < _INTERNAL
        entries.append(
            NewTime(
                at,
                day.isoformat(),
                person.kind,
                person.list_id,
                dice.choice(_LENGTHS),
                None if internal else job.list_id,
                None if internal else dice.choice(firm.items).list_id,
                dice.choice(firm.classes).list_id,
                notes=dice.choice(NOTES),
                billable="NotBillable" if internal else _billing(dice, age),
            )
        )
    return entries


def _billing(dice: random.Random, age: int) -> str:
    if dice.random() < 0.2:
        return "NotBillable"
    is_billed = age > _BILLED_AFTER_DAYS and dice.random() < 0.9
    return "HasBeenBilled" if is_billed else "Billable"


def _ascii(name: str) -> str:
    plain = str.maketrans("áàâäåçéèêëíïñóôöøúüß' ", "aaaaaceeeeiinoooouus--")
    return name.lower().translate(plain)
