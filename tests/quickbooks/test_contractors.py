"""Vendors and other names, for companies whose contractors keep time."""

from __future__ import annotations

from qbwc_server.companies import registry
from qbwc_server.kinds import KINDS
from qbwc_server.kinds.kind import Relative
from qbwc_server.kinds.list_plan import Wanted
from qbwc_server.storage.database import company_transaction
from tests.quickbooks.poller import Poller
from tests.quickbooks.times import TimePoller


def _with_contractors(poller: Poller) -> None:
    with company_transaction(poller.engine, poller.company_id) as connection:
        registry.change(connection, poller.company_id, contractors=True)


def test_without_the_setting_they_are_not_asked_for(poller: Poller) -> None:
    """Most vendors sell things: nobody's vendors are read unasked."""
    poller.hands.add("Vendor", "Papier GmbH")
    sent = "".join(poller.poll())
    assert "VendorQuery" not in sent
    assert "OtherNameQuery" not in sent
    assert "<ListDelType>Vendor" not in sent
    assert poller.names("vendor") == []


def test_with_the_setting_both_lists_are_read(poller: Poller) -> None:
    """Vendors and other names arrive without their tax ids, and leave when deleted."""
    _with_contractors(poller)
    vendor = poller.hands.add(
        "Vendor", "Ana Vale", Email="ana@x.org", VendorTaxIdent="12-3456789"
    )
    poller.hands.add("OtherName", "Bo Lind", Email="bo@x.org")
    sent = "".join(poller.poll())
    assert poller.names("vendor") == ["Ana Vale"]
    assert poller.names("other_name") == ["Bo Lind"]
    for element in ("VendorTaxIdent", "AccountNumber", "VendorAddress", "CreditLimit"):
        assert element not in sent
    poller.clock.pass_(hours=1)
    poller.hands.delete("Vendor", vendor)
    poller.poll()
    assert set(poller.records("vendor", gone=True)) == {vendor}


def test_a_list_id_is_unique_within_its_list_only(poller: Poller) -> None:
    """An employee and a vendor with the same ListID are two people."""
    _with_contractors(poller)
    employee = poller.hands.add("Employee", "Anna Berg", Email="anna@x.org")
    vendor = poller.hands.add("Vendor", "Ana Vale", Email="ana@x.org")
    poller.file.store.run(
        "UPDATE record SET list_id = ? WHERE list_id = ?", employee, vendor
    )
    poller.poll()
    assert (
        set(poller.records("employee")) == set(poller.records("vendor")) == {employee}
    )


def test_a_contractor_becomes_an_external_member() -> None:
    """A new member says that it is a contractor; a linked one keeps its type."""
    mirror = KINDS["vendor"].mirror
    assert mirror is not None
    known = {"name": "Ana Vale", "email": "ana@x.org", "is_active": True}
    new = mirror([Relative("1", known, "pending")], "client")
    assert isinstance(new, Wanted)
    assert new.names == ("ana@x.org",)
    assert new.fields["employment_type"] == "Contractor (External)"
    member = {"email": "ana@x.org", "first_name": "Ana", "last_name": "Vale"}
    linked = mirror([Relative("1", known, "in_sync", mosaic=member)], "client")
    assert isinstance(linked, Wanted)
    assert "employment_type" not in linked.fields


def test_a_contractors_time_is_read_like_anybodys(timed: TimePoller) -> None:
    """The person of an entry may be a vendor."""
    _with_contractors(timed.poller)
    vendor = timed.hands.add("Vendor", "Ana Vale", Email="ana@x.org")
    entry = timed.enter("2026-03-01", person=vendor, person_kind="Vendor")
    timed.poller.poll()
    assert timed.entries()[entry].parent_id == vendor
