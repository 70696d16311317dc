"""Each runbook of docs/runbooks.md is run in its situation, and keeps its promise."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from qbwc_server import app
from qbwc_server.cli import main
from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.sandbox.web_connector.registration import add, read_application
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.agreement.files import Second, both
from tests.agreement.hours import (
    hours_in_mosaic,
    hours_in_quickbooks,
    time_records,
    typed_in_mosaic,
)
from tests.agreement.house import House
from tests.agreement.runbook import Runbook, environment, titles
from tests.agreement.talk import Talk
from tests.agreement.test_findings import (
    day,
    in_quickbooks,
    mosaic,
    quickbooks,
    set_values,
)
from tests.agreement.test_preview import _fill_mosaic, _fill_quickbooks

Open = Callable[[str], Runbook]


@pytest.fixture
def runbook(house: House, monkeypatch: pytest.MonkeyPatch) -> Open:
    """A function that opens a runbook, whose commands are about the house."""
    return lambda title: _opened(house, monkeypatch, title)


def _opened(house: House, monkeypatch: pytest.MonkeyPatch, title: str) -> Runbook:
    for name, value in environment(house).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(app, "utc_now", house.clock)
    return Runbook(title, house)


def _works(house: House, many: int = 3) -> None:
    """Have hours that both sides have."""
    for ago in range(1, many + 1):
        in_quickbooks(house, f"work {ago}", day=day(house, ago))
    house.settle_for(minutes=65)
    assert hours_in_quickbooks(house) == hours_in_mosaic(house) != []


def _record(house: House, **wanted: object) -> int:
    (row,) = [
        one
        for one in house.rows(tables.record)
        if all(getattr(one, name) == value for name, value in wanted.items())
    ]
    return int(row.id)


def test_a_new_computer(house: House, runbook: Open, tmp_path: Path) -> None:
    """The new one goes on where the old one was, and the old one is refused."""
    _works(house)
    book = runbook("A new computer")
    told = book.next()
    (password,) = re.findall(r"password ([a-z2-7]{32})\b", told)
    book.next(new=tmp_path / "new.qwc")
    application = read_application((tmp_path / "new.qwc").read_bytes())
    old, was = house.talk, hours_in_mosaic(house)
    house.talk = Talk(
        house.file, application, password, house._pass_seconds, peer="192.0.2.9"
    )
    add(application, house.file)
    in_quickbooks(house, "on the new computer", day=day(house))
    house.settle_for(minutes=65)
    assert len(hours_in_mosaic(house)) == len(was) + 1
    assert hours_in_quickbooks(house) == hours_in_mosaic(house)
    assert " live " in book.next()
    assert " closed " in book.next()
    book.over()
    assert not old.run(house.server())


def test_a_file_was_moved(house: House, runbook: Open) -> None:
    """It is known by its mark, so nothing stops and nothing is doubled."""
    _works(house)
    house.hands.set("file_name", "D:\\Books\\renamed.qbw")
    in_quickbooks(house, "after it was moved", day=day(house))
    house.settle_for(minutes=65)
    book = runbook("The company file was moved or renamed")
    told = book.next()
    assert "moved" in told
    assert " nobody " in told
    book.over()
    assert hours_in_quickbooks(house) == hours_in_mosaic(house)
    assert "renamed.qbw" in (house.stored().file_path or "")


class _Added(Second):
    """A second company file, of the company that a command has added."""

    def __init__(self, first: House, told: str) -> None:
        self._told = told
        super().__init__(first)

    def _new_company(self) -> NewCompany:
        def after(word: str, text: str) -> str:
            return str(re.findall(rf"{word}(\S+)", text)[0])

        return NewCompany(
            id=int(after("id ", self._told)),
            name="Next year",
            username=after("username ", self._told),
            password=after("password ", self._told),
            setup_token=after("/setup/", self._told),
            webhook_token=after("/webhook/", self._told),
        )


def test_a_file_was_split(house: House, runbook: Open, tmp_path: Path) -> None:
    """The new file takes no hour of the old one, and each is the same on both sides."""
    _works(house)
    before = hours_in_mosaic(house)
    key = tmp_path / "key"
    key.write_text("sandbox-key\n", "utf-8")
    book = runbook("The company file was split")
    stored = house.stored()
    told = book.next(new="Next year", url=stored.mosaic_url, team="100", key=key)
    new = _Added(house, told)
    book.about(new)
    both(house, new)
    assert quickbooks(new) == []

    assert "Acme client" in " ".join(book.next().split())
    book.next()
    both(house, new)
    assert "added to QuickBooks" not in book.next()
    assert "is live" in book.next()
    both(house, new)
    assert quickbooks(new) == []
    assert hours_in_mosaic(house) == before == hours_in_quickbooks(house)

    in_quickbooks(new, "of the new year", day=day(house), minutes=90)
    typed_in_mosaic(house, "Ann", ago=0, hours=2.0, notes="call")
    both(house, new)
    assert [one["minutes"] for one in quickbooks(new)] == [90]
    waiting = book.next()
    numbers = re.search(r"(\d+) Ann Lee (\d+) House open 1 120", waiting)
    assert numbers, waiting
    book.next(person=numbers[1], project=numbers[2])
    both(house, new)
    assert sorted(one["minutes"] for one in quickbooks(new)) == [90, 120]
    assert "Ann Lee 3:30 3:30" in book.next()
    assert "Ann Lee 3:00 3:00" in book.next()
    book.over()
    assert len(hours_in_quickbooks(house)) == len(before)
    assert len(hours_in_mosaic(house)) == len(before) + 2
    new.file.close()


def test_somebody_left(house: House, runbook: Open) -> None:
    """The member is archived; the hours stay, and are the same on both sides."""
    typed_in_mosaic(house, "Bo", ago=2, hours=2.0)
    house.settle_for(minutes=65)
    before = hours_in_mosaic(house)
    house.hands.set_active("Employee", house.persons["Bo Berg"], is_active=False)
    house.quiet()
    book = runbook("Somebody left")
    assert " in_sync " in book.next()
    number = _record(house, kind="employee", name="Bo Berg")
    assert "in_sync" in book.next(number)
    assert "Bo Berg 2:00 2:00" in book.next()
    book.over()
    members = house.sandbox.team.store.objects["employee"].values()
    (bo,) = [one for one in members if one["first_name"] == "Bo"]
    assert bo["is_archived"]
    assert hours_in_mosaic(house) == before == hours_in_quickbooks(house)


def test_somebody_married(house: House, runbook: Open) -> None:
    """One member, with the new name."""
    list_id = house.persons["Ann Lee"]
    house.hands.rename("Employee", list_id, "Ann Miller")
    house.hands.edit(
        "Employee", list_id, LastName="Miller", Email="ann.miller@example.com"
    )
    house.quiet()
    book = runbook("Somebody married")
    assert " in_sync " in book.next()
    number = _record(house, kind="employee", name="Ann Miller")
    assert f"{house.company.id}-{number}" in book.next(number)
    book.over()
    members = house.sandbox.team.store.objects["employee"].values()
    (ann,) = [one for one in members if one["first_name"] == "Ann"]
    assert (ann["last_name"], ann["email"]) == ("Miller", "ann.miller@example.com")


def test_the_fiscal_year_is_closed(house: House, runbook: Open) -> None:
    """A change before that day waits, is told, and goes when the books are opened."""
    _works(house, 1)
    house.hands.set("closing_date", day(house))
    house.settle_for(minutes=65)
    house.people.edit_time(mosaic(house)[0]["mosaic_id"], hours=3)
    house.quiet()
    assert [one["minutes"] for one in quickbooks(house)] == [60]
    book = runbook("The fiscal year is closed")
    assert " locked " in book.next()
    (row,) = time_records(house)
    assert "clos" in book.next(row.id)
    house.hands.set("closing_date", "")
    book.next(row.id)
    book.over()
    house.quiet()
    assert [one["minutes"] for one in quickbooks(house)] == [180]


def test_coming_from_sync_manager(
    new_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it wrote is recognised; what Mosaic alone has waits, and is left there."""
    house = new_house
    set_values(house, mode="preview")
    with company_transaction(house.engine, house.company.id) as connection:
        registry.change(connection, house.company.id, before_live="ask")
    _fill_quickbooks(house)
    _fill_mosaic(house)
    for _ in range(3):
        house.settle_for(minutes=65)
    typed = len(quickbooks(house))
    book = _opened(house, monkeypatch, "Coming from Sync Manager")
    told = book.next()
    assert "on both sides and would be joined" in told
    assert "1 2.0 would be added to QuickBooks" in told
    assert "is live" in book.next()
    for _ in range(2):
        house.settle_for(minutes=65)
    assert "2:00" in book.next()
    for _ in range(2):
        house.settle_for(minutes=65)
    book.next()
    book.over()
    assert len(quickbooks(house)) == typed
    plans = [one for one in mosaic(house) if one["description"] == "plans"]
    assert len(plans) == 1


def test_a_backup_was_restored(house: House, runbook: Open) -> None:
    """Whatever was entered since comes back, once."""
    for _ in range(12):
        in_quickbooks(house, "", day=day(house, 2))
    house.settle_for(minutes=65)
    house.hands.back_up(house.folder / "backup.qbb")
    house.clock.pass_(minutes=16)
    for _ in range(12):
        in_quickbooks(house, "since", day=day(house, 1))
    house.settle_for(minutes=65)
    before = hours_in_quickbooks(house)
    house.clock.pass_(minutes=16)
    house.hands.restore(house.folder / "backup.qbb")
    house.settle_for(minutes=65)
    house.settle_for(minutes=65)
    assert hours_in_quickbooks(house) != before

    book = runbook("A backup was restored")
    assert "you say which side is right" in book.next()
    assert "12 entries, 12:00 hours: Ann Lee" in book.next()
    book.next()
    house.settle_for(minutes=65)
    book.next()
    house.settle_for(minutes=65)
    assert book.next() == "id state restored hours name reason"
    assert "Ann Lee 24:00 24:00" in book.next()
    book.over()
    assert hours_in_quickbooks(house) == before == hours_in_mosaic(house)


def test_it_is_there_twice(house: House, runbook: Open) -> None:
    """One too many is deleted on one side; what was taken for one is two again."""
    wrong = in_quickbooks(house, "plans", day=day(house, 1))
    typed_in_mosaic(house, "Ann", ago=1, hours=2.0, notes="plan")
    house.quiet()
    assert len(hours_in_quickbooks(house)) == len(hours_in_mosaic(house)) == 2
    book = runbook("It is there twice")
    first, second = time_records(house)
    told = book.next()
    assert f"{house.company.id}-{first.id} " in told
    assert f"{house.company.id}-{second.id} " in told
    assert str(first.quickbooks_id) in book.next(first.id)
    assert str(second.mosaic_id) in book.next(second.id)
    house.hands.delete_time(wrong)
    house.quiet()
    (left,) = hours_in_mosaic(house)
    assert hours_in_quickbooks(house) == [left]
    assert left[2] == 120

    there = day(house, 2)
    in_quickbooks(house, "same", day=there)
    typed_in_mosaic(house, "Ann", ago=2, hours=1.0, notes="same")
    house.quiet()
    assert len(hours_in_mosaic(house)) == 2
    (joined,) = [one for one in time_records(house) if one.day == there]
    assert f"{house.company.id}-{joined.id} " in book.next()
    book.next(joined.id)
    book.over()
    house.quiet()
    assert len(hours_in_mosaic(house)) == len(hours_in_quickbooks(house)) == 3


def test_it_is_not_there(house: House, runbook: Open) -> None:
    """The reason says what to mend, and once that is done it comes by itself."""
    nobody = house.hands.add("Employee", "Di Nowhere", FirstName="Di")
    house.hands.add_time(
        nobody,
        day(house, 1),
        60,
        customer=house.jobs["Acme:House"],
        item=house.items["Design"],
        notes="hers",
        billable="Billable",
    )
    house.settle_for(minutes=65)
    book = runbook("It is not there")
    assert "Di Nowhere unlinked" in book.next()
    (row,) = time_records(house)
    told = book.next(row.id)
    assert "Has no e-mail address in QuickBooks. Enter one in the Employee" in told
    house.hands.edit("Employee", nobody, LastName="Nowhere", Email="di@example.com")
    house.quiet()
    assert "Both sides have the same hours. 1 1:00 1:00" in book.next()
    book.over()
    assert [one["description"] for one in mosaic(house)] == ["hers"]


def test_an_auditor_asks(house: House, runbook: Open, tmp_path: Path) -> None:
    """The files are there, with the hours of the week."""
    _works(house)
    book = runbook("An auditor asks")
    assert "SHA256SUMS" in book.next(folder=tmp_path / "out")
    book.over()
    lines = (tmp_path / "out/hours.csv").read_text().splitlines()
    assert len(lines) == 1 + len(hours_in_quickbooks(house))


def test_nothing_of_a_went_to_b(house: House, runbook: Open) -> None:
    """And what went there would be named: the control."""
    _works(house, 1)
    (row,) = time_records(house)
    book = runbook("Nothing of A went to B")
    assert " closed " in book.next()
    assert book.next() == "No time entry is of two companies."
    book.next()
    book.over()

    other = registry.add(
        house.engine,
        house.keys,
        name="B",
        mosaic_url=house.stored().mosaic_url.upper().replace("HTTP", "http"),
        mosaic_team=house.stored().mosaic_team,
        mosaic_key="k",
        now=house.clock(),
    )
    for given, said in (
        ({"quickbooks_id": row.quickbooks_id}, "TxnID"),
        ({"external_guid": "{1}"}, "ExternalGUID"),
        ({"mosaic_id": row.mosaic_id, "mosaic_type": "time_entry"}, "Mosaic's number"),
    ):
        with house.engine.begin() as connection:
            both = tables.record.c.kind == "time_entry"
            mine = tables.record.c.company_id == house.company.id
            if "external_guid" in given:
                values = {"external_guid": "{1}"}
                connection.execute(tables.record.update().where(both, mine), values)
            connection.execute(
                tables.record.insert(),
                {
                    "company_id": other.id,
                    "id": 1,
                    "kind": "time_entry",
                    "name": "planted",
                    "state": "in_sync",
                    "created_at": house.clock(),
                    "changed_at": house.clock(),
                    **given,
                },
            )
        look = CliRunner().invoke(main, ["support", "in-two-companies"]).output
        assert said in look
        assert f"{other.id}-1" in look
        with house.engine.begin() as connection:
            connection.execute(
                tables.record.delete().where(tables.record.c.company_id == other.id)
            )


def test_a_customer_leaves(house: House, runbook: Open, tmp_path: Path) -> None:
    """Nothing of them is left, and both sides keep what they have."""
    _works(house)
    before = house.everything()
    book = runbook("A customer leaves")
    book.next()
    book.next(folder=tmp_path / "theirs")
    house.pass_(timedelta(minutes=30))
    book.next()
    book.over()
    assert house.everything() == before
    assert house.rows(tables.record) == []
    assert (tmp_path / "theirs/SHA256SUMS").exists()


def test_there_is_a_test_of_every_runbook() -> None:
    """By the title that it opens."""
    text = Path(__file__).read_text("utf-8")
    assert [one for one in titles() if f'"{one}")' not in text] == []
