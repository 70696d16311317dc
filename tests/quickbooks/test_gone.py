"""Renames, moves, merges, deletions, and how many are too many."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qbwc_server.decisions import company_settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.quickbooks.poller import Poller

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_rename_reaches_what_stands_below(poller: Poller) -> None:
    """Children get their new full name although QuickBooks did not touch them."""
    for kind in ("Customer", "ItemService", "Class"):
        top = poller.hands.add(kind, "Amsel")
        child = poller.hands.add(kind, "Haus", parent=top)
        poller.hands.add(kind, "Dach", parent=child)
    poller.poll()
    poller.clock.pass_(hours=1)
    for kind in ("Customer", "ItemService", "Class"):
        poller.hands.rename(kind, poller.ids(kind)["Amsel"], "Drossel")
    poller.poll()
    for kind in ("customer", "service_item", "class"):
        assert poller.names(kind) == ["Drossel", "Drossel:Haus", "Drossel:Haus:Dach"]


def test_a_job_moves_to_another_customer(poller: Poller) -> None:
    """A job put below another customer has that one as its parent."""
    one, other = poller.hands.add("Customer", "A"), poller.hands.add("Customer", "B")
    job = poller.hands.add("Customer", "Haus", parent=one)
    poller.poll()
    poller.clock.pass_(hours=1)
    poller.hands.move("Customer", job, other)
    poller.poll()
    assert poller.records("customer")[job].parent_id == other
    assert "B:Haus" in poller.names("customer")


def test_a_merge_takes_the_loser_and_keeps_its_jobs(poller: Poller) -> None:
    """The loser is gone, its jobs are the winner's, though nothing touched them."""
    loser = poller.hands.add("Customer", "A")
    winner = poller.hands.add("Customer", "B")
    job = poller.hands.add("Customer", "Haus", parent=loser)
    poller.poll()
    modified = poller.records("customer")[job].time_modified
    poller.clock.pass_(hours=1)
    poller.hands.merge("Customer", loser, winner)
    poller.file.store.run(
        "UPDATE record SET modified = ?, modified_wall = ? WHERE list_id = ?",
        modified,
        modified[:19],
        job,
    )
    poller.poll()
    poller.poll()
    assert set(poller.records("customer", gone=True)) == {loser}
    assert poller.records("customer")[job].parent_id == winner


def test_a_deletion_is_learnt_within_one_poll(poller: Poller) -> None:
    """ListDeleted tells what was deleted; hidden in multi-user mode is inactive."""
    gone, hidden = poller.hands.add("Customer", "A"), poller.hands.add("Customer", "B")
    poller.poll()
    poller.clock.pass_(hours=1)
    poller.hands.delete("Customer", gone)
    poller.hands.set("file_mode", "MultiUser")
    poller.hands.delete("Customer", hidden)
    poller.poll()
    assert set(poller.records("customer", gone=True)) == {gone}
    assert poller.records("customer")[hidden].quickbooks["is_active"] is False


@pytest.mark.parametrize("days", [8, 95])
def test_a_silent_deletion_is_found_by_comparing_everything(
    poller: Poller, days: int
) -> None:
    """Once a week, and after a silence, what QuickBooks forgot to tell is found."""
    for number in range(5):
        poller.hands.add("Customer", f"C{number}")
    poller.poll()
    lost = poller.ids("Customer")["C3"]
    poller.file.store.run("DELETE FROM record WHERE list_id = ?", lost)
    poller.clock.pass_(days=1)
    poller.poll()
    assert poller.records("customer", gone=True) == {}
    poller.clock.pass_(days=days)
    poller.poll()
    assert set(poller.records("customer", gone=True)) == {lost}


def test_a_restored_backup_is_compared_whole(poller: Poller, tmp_path: Path) -> None:
    """After a restore, what came after the backup is gone and nothing else is."""
    kept = [poller.hands.add("Customer", f"C{number}") for number in range(6)]
    poller.poll()
    poller.hands.back_up(tmp_path / "backup.qbb")
    poller.clock.pass_(hours=1)
    after = poller.hands.add("Customer", "After the backup")
    poller.poll()
    poller.clock.pass_(hours=1)
    poller.hands.restore(tmp_path / "backup.qbb")
    poller.poll()
    poller.poll()
    assert set(poller.records("customer", gone=True)) == {after}
    assert set(poller.records("customer")) == set(kept)


def test_the_first_restore_of_a_silent_file_is_noticed(poller: Poller) -> None:
    """A file that told of no restore before and tells of one now is compared whole."""

    def silent(answer: str) -> str:
        start = answer.index("<LastRestoreTime>")
        end = answer.index("</LastRestoreTime>") + len("</LastRestoreTime>")
        return answer[:start] + answer[end:]

    poller.hands.add("Customer", "A")
    poller.poll(silent)
    poller.clock.pass_(hours=1)
    poller.poll()
    assert all(row.full_due for row in poller.rows(tables.reading) if row.watermark)


def test_an_emptied_file_stops_and_removes_nothing(poller: Poller) -> None:
    """When nearly everything is missing, a person is asked and nothing is removed."""
    for number in range(12):
        poller.hands.add("Customer", f"C{number}")
    poller.poll()
    poller.file.store.run("DELETE FROM record WHERE kind = 'Customer'")
    poller.clock.pass_(days=8)
    poller.poll()
    assert len(poller.records("customer")) == 12
    assert poller.company().attention_id == "too-many-gone"
    assert poller.company().delivers is False


@pytest.mark.parametrize("off", ["payroll", "payroll_subscription", "personal_data"])
def test_payroll_that_may_not_be_read_stops_nothing_else(
    poller: Poller, off: str
) -> None:
    """3250, 3261 and 3262 are noted with their kind, and all others are read."""
    poller.hands.set(off, value=False)
    poller.hands.add("Customer", "A")
    poller.hands.add("Employee", "E")
    poller.poll()
    assert poller.names("customer") == ["A"]
    assert poller.names("employee") == ["E"]
    assert poller.state("payroll_item").problem
    assert poller.job("payroll_item").state == "done"
    (text,) = poller.poll()
    assert "<ListDelType>PayrollItemWage</ListDelType>" not in text
    assert "<ListDelType>Class</ListDelType>" in text


def test_an_object_that_cannot_be_read_is_named_and_not_gone(poller: Poller) -> None:
    """One unreadable customer stops no other, and a full compare spares it."""
    names = [f"C{number}" for number in range(5)]
    for name in names:
        poller.hands.add("Customer", name)
    poller.poll()
    poller.clock.pass_(days=8)
    late = poller.hands.add("Customer", "Late")
    poller.poll(lambda text: text.replace("<FullName>C3</FullName>", ""))
    assert poller.records("customer", gone=True) == {}
    assert late in poller.records("customer")
    assert "C3" in poller.names("customer")
    assert "without FullName" in (poller.job("customer").reason or "")


def test_what_a_person_decided_outlasts_a_deletion(poller: Poller) -> None:
    """A record that is not to be linked stays so when it is deleted."""
    customer = poller.hands.add("Customer", "A")
    poller.poll()
    with poller.engine.begin() as connection:
        connection.execute(tables.record.update().values(state="do_not_link"))
    poller.clock.pass_(hours=1)
    poller.hands.delete("Customer", customer)
    poller.poll()
    assert poller.records("customer", gone=True)[customer].state == "do_not_link"


def test_who_waits_for_an_object_is_looked_at_when_it_comes(poller: Poller) -> None:
    """A job whose customer was missing is due again once the customer was read."""
    customer = poller.hands.add("Customer", "A")
    job = poller.hands.add("Customer", "Haus", parent=customer)
    poller.poll()
    record = tables.record
    with poller.engine.begin() as connection:
        connection.execute(
            record.update()
            .where(record.c.quickbooks_id == customer)
            .values(quickbooks_gone=True)
        )
        connection.execute(
            record.update()
            .where(record.c.quickbooks_id == job)
            .values(due_at=None, waits_for=f"customer:{customer}")
        )
    poller.hands.touch("Customer", customer)
    poller.poll()
    assert poller.records("customer")[job].due_at is not None


def test_too_many_named_deletions_are_not_believed(poller: Poller) -> None:
    """A list condensed away by QuickBooks stops for a person; nothing is gone."""
    for number in range(20):
        poller.hands.add("Customer", f"Customer {number:02}")
    poller.poll()
    poller.clock.pass_(hours=1)
    for list_id in list(poller.ids("Customer").values())[:15]:
        poller.hands.delete("Customer", list_id)

    poller.poll()
    poller.poll()

    assert poller.records("customer", gone=True) == {}
    assert poller.company().attention_id == "too-many-gone"


def test_pay_and_bank_accounts_are_never_asked_for(poller: Poller) -> None:
    """EmployeePayrollInfo brings both along, so not even that is asked for."""
    poller.hands.add("Employee", "Ana Vale")

    sent = "".join(poller.poll())

    assert "<EmployeeQueryRq" in sent
    for element in ("Payroll", "SSN", "BirthDate", "DirectDeposit"):
        assert f"<IncludeRetElement>{element}" not in sent


def test_deletions_are_accepted_for_one_complete_read_only(poller: Poller) -> None:
    """A person's word is about what is gone now, also where nothing turns out to be."""
    for number in range(12):
        poller.hands.add("Customer", f"C{number}")
    poller.poll()
    with company_transaction(poller.engine, poller.company_id) as connection:
        company_settings.accept_deletions(
            connection, poller.company_id, now=poller.clock(), who="operator"
        )
    poller.poll()
    poller.file.store.run("DELETE FROM record WHERE kind = 'Customer'")
    poller.clock.pass_(days=8)
    poller.poll()
    assert len(poller.records("customer")) == 12
    assert poller.company().attention_id == "too-many-gone"


def test_a_read_that_quickbooks_refuses_is_said(poller: Poller) -> None:
    """A list that may not be read is what somebody must look at, not only a job."""
    poller.hands.add("Customer", "A")
    poller.poll(
        lambda text: re.sub(
            r'<CustomerQueryRs requestID="(\d+)".*?</CustomerQueryRs>',
            r'<CustomerQueryRs requestID="\1" statusCode="3260" '
            'statusSeverity="Error" statusMessage="Insufficient permission"/>',
            text,
            flags=re.DOTALL,
        )
    )
    assert poller.job("customer").state == "failed"
    assert poller.company().attention_id


def test_what_is_there_again_is_asked_about_no_more(poller: Poller) -> None:
    """Only when every list was compared as a whole, and none of them lacks so much."""

    def show(kind: str, *, again: bool = False) -> None:
        there = (kind, f"hidden {kind}") if again else (f"hidden {kind}", kind)
        poller.file.store.run("UPDATE record SET kind = ? WHERE kind = ?", *there)
        poller.clock.pass_(days=8)
        poller.poll()

    for kind in ("Customer", "ItemService"):
        for number in range(12):
            poller.hands.add(kind, f"{kind} {number}")
    poller.poll()
    show("Customer")
    show("ItemService")
    assert poller.company().attention_id == "too-many-gone"
    show("Customer", again=True)
    assert poller.company().attention_id == "too-many-gone"
    show("ItemService", again=True)
    assert poller.company().attention_id != "too-many-gone"
    assert poller.records("customer", gone=True) == {}
