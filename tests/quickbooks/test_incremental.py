"""Reading by watermark: complete first, then only what changed, on any wall clock."""

from __future__ import annotations

import pytest
from lxml import etree

from qbwc_server.companies import registry
from qbwc_server.quickbooks import list_requests
from qbwc_server.storage import tables
from tests.conftest import reference_data
from tests.quickbooks.poller import Poller


def test_the_first_read_is_complete_with_inactive_ones(poller: Poller) -> None:
    """Customers on every level, people and items arrive, inactive ones too."""
    top = poller.hands.add("Customer", "Amsel")
    job = poller.hands.add("Customer", "Haus", parent=top, is_active=False)
    poller.hands.add("Customer", "Entwurf", parent=job)
    poller.hands.add("Employee", "Zoë Ärger", Email="zoe@x.org")
    poller.hands.add("ItemService", "Planung")
    poller.hands.add("Class", "Nord")
    poller.hands.add("PayrollItemWage", "Hourly")
    poller.poll()
    assert poller.names("customer") == ["Amsel", "Amsel:Haus", "Amsel:Haus:Entwurf"]
    assert poller.records("customer")[job].quickbooks["is_active"] is False
    assert poller.names("employee") == ["Zoë Ärger"]
    assert poller.names("service_item") == ["Planung"]
    assert poller.names("class") == ["Nord"]
    assert poller.names("payroll_item") == ["Hourly"]


def test_a_quiet_poll_is_one_message_set_and_writes_no_record(poller: Poller) -> None:
    """When nothing changed, one round trip suffices and no record is touched."""
    for number in range(5):
        poller.hands.add("Customer", f"C{number}")
    for kind in ("Employee", "ItemService", "Class", "PayrollItemWage"):
        poller.hands.add(kind, f"one {kind}")
    poller.poll()
    before = poller.rows(tables.record)
    poller.clock.pass_(minutes=15)
    assert len(poller.poll()) == 1
    assert poller.rows(tables.record) == before


def test_only_what_changed_is_asked_for(poller: Poller) -> None:
    """After the first read, filters carry the file's wall clock, with an overlap."""
    poller.at("2026-07-01 12:00")
    poller.hands.add("Customer", "Amsel")
    poller.poll()
    poller.clock.pass_(minutes=15)
    (text,) = poller.poll()
    # 12:00 UTC is 08:00 in New York's summer; a Wednesday, so five minutes before it.
    assert "<FromModifiedDate>2026-07-01T07:55:00</FromModifiedDate>" in text
    assert poller.state("customer").watermark == "2026-07-01T08:00:00"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("zone", "changes_at"),
    [
        ("America/New_York", "2026-11-01 06:00"),
        ("America/Sao_Paulo", "2018-02-18 02:00"),
        ("Australia/Sydney", "2026-04-04 16:00"),
        ("Europe/London", "2026-10-25 01:00"),
        ("America/New_York", "2026-03-08 07:00"),
    ],
)
def test_a_clock_change_loses_nothing(
    poller: Poller, zone: str, changes_at: str
) -> None:
    """What changes around a clock change is read, and is written only once."""
    poller.hands.set("zone", zone)
    poller.at(changes_at)
    poller.clock.pass_(minutes=-58)
    customer = poller.hands.add("Customer", "Amsel")
    poller.poll()
    written = {}
    for step in range(8):
        poller.clock.pass_(minutes=16)
        poller.hands.edit("Customer", customer, CompanyName=f"name {step}")
        new = poller.hands.add("Customer", f"C{step}")
        poller.clock.pass_(seconds=1)
        poller.poll()
        seen = poller.records("customer")
        assert seen[customer].quickbooks["company_name"] == f"name {step}"
        written[new] = seen[new].changed_at
        for list_id, at in written.items():
            assert seen[list_id].changed_at == at


def test_a_time_that_no_clock_shows_does_not_move_the_watermark(
    poller: Poller,
) -> None:
    """Something changed under a clock in the far future hides nothing after it."""
    poller.hands.add("Customer", "Amsel")
    poller.poll()
    now = poller.clock.now
    poller.at("2097-01-01 00:00")
    poller.hands.add("Customer", "Future")
    removed = poller.hands.add("Customer", "Removed then")
    poller.hands.delete("Customer", removed)
    poller.clock.now = now
    poller.poll()
    late = poller.hands.add("Customer", "After it")
    poller.poll()
    poller.hands.delete("Customer", late)
    poller.poll()
    assert poller.names("customer") == ["Amsel", "Future"]
    assert late in poller.records("customer", gone=True)


def test_every_request_is_valid_by_intuits_schema(poller: Poller) -> None:
    """First, later, paged and ranged requests pass Intuit's own schema 13.0."""
    path = reference_data() / "qbxml/xsd/130-intuit-original/qbxmlops130.xsd"
    schema = etree.XMLSchema(etree.parse(path))
    poller.rules = type(poller.rules)(10, poller.rules.full_compare)
    for number in range(25):
        poller.hands.add("Customer", f"C{number}")
        poller.hands.add("Employee", f"E{number:02} é")
    poller.poll()
    poller.hands.delete("Customer", next(iter(poller.records("customer"))))
    for _ in range(3):
        poller.clock.pass_(hours=1)
        poller.poll()
    assert any('iterator="Continue"' in text for text in poller.requests)
    assert any("NameRangeFilter" in text for text in poller.requests)
    assert any("DeletedDateRangeFilter" in text for text in poller.requests)
    for text in poller.requests:
        schema.assertValid(etree.fromstring(text.encode()))


def test_only_the_elements_in_use_are_asked_for(poller: Poller) -> None:
    """Every list query names its elements, and none of the private ones."""
    poller.hands.add("Employee", "Ann", SSN="123-45-6789", BirthDate="1980-01-01")
    (text, *_) = poller.poll()
    root = etree.fromstring(text.encode())
    for kind in list_requests.kinds_of(poller.company()):
        query = root.find(f".//{kind.query}Rq")
        assert query is not None
        asked = [node.text for node in query.findall("IncludeRetElement")]
        assert asked == list(kind.elements)
        assert query.findtext("ActiveStatus") == "All"
        assert not {"SSN", "BirthDate", "EmployeeAddress", "AccountNumber"} & set(asked)
    kept = " ".join(str(row.answer) for row in poller.rows(tables.exchange))
    assert "123-45-6789" not in kept
    assert "1980-01-01" not in kept


def test_what_changes_on_a_computer_that_moved_west_is_read_within_the_hour(
    poller: Poller,
) -> None:
    """Its wall clock went three hours back, behind what was read already."""
    poller.hands.set("zone", "America/New_York")
    poller.at("2026-03-02 15:05")
    poller.hands.add("Customer", "Amsel")
    poller.poll()
    poller.hands.set("zone", "America/Los_Angeles")
    poller.clock.pass_(minutes=10)
    poller.hands.add("Customer", "Buchfink")
    polls = 0
    while "Buchfink" not in poller.names("customer"):
        polls += 1
        poller.clock.pass_(minutes=15)
        poller.poll()
    assert polls <= 4
    company = registry.find(poller.engine, str(poller.company_id))
    assert company.offset_minutes == -8 * 60
