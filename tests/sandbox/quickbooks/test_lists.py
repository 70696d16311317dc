"""Queries about the lists of a company file."""

from __future__ import annotations

import pytest

from qbwc_server.sandbox.quickbooks.answer import Field
from qbwc_server.sandbox.quickbooks.new_records import NewRecord, insert_records
from tests.sandbox.quickbooks.office import Office, texts

ALL = "<CustomerQueryRq>{}<ActiveStatus>All</ActiveStatus>{}</CustomerQueryRq>"
NAMES = "CustomerRet/FullName"


def customers(office: Office, before: str = "", after: str = "") -> list[str]:
    """Return the full names a query for all customers answers with."""
    return texts(office.one(ALL.format(before, after)), NAMES)


def test_customers_come_in_the_order_of_their_full_names(office: Office) -> None:
    """Upper and lower case make no difference, and jobs follow by full name."""
    zeta = office.hands.add("Customer", "zeta")
    office.hands.add("Customer", "Beta")
    office.hands.add("Customer", "alpha")
    office.hands.add("Customer", "House", parent=zeta)

    assert customers(office) == ["alpha", "Beta", "zeta", "zeta:House"]


def test_a_job_knows_its_parent(office: Office) -> None:
    """A job has a ParentRef, a Sublevel and a FullName of both names."""
    parent = office.hands.add("Customer", "Vale")
    office.hands.add("Customer", "House", parent=parent)

    answer = office.one(ALL.format("", ""))

    assert texts(answer, "CustomerRet/ParentRef/ListID") == [parent]
    assert texts(answer, "CustomerRet/ParentRef/FullName") == ["Vale"]
    assert texts(answer, "CustomerRet/Sublevel") == ["0", "1"]


def test_inactive_records_come_only_when_asked_for(office: Office) -> None:
    """ActiveOnly is what a query means that does not say."""
    office.hands.add("Customer", "Open")
    gone = office.hands.add("Customer", "Closed")
    office.hands.set_active("Customer", gone, is_active=False)
    query = "<CustomerQueryRq>{}</CustomerQueryRq>"
    inactive = "<ActiveStatus>InactiveOnly</ActiveStatus>"

    assert texts(office.one(query.format("")), NAMES) == ["Open"]
    assert texts(office.one(query.format(inactive)), NAMES) == ["Closed"]
    assert customers(office) == ["Closed", "Open"]


def test_nothing_found_is_status_1_and_no_error(office: Office) -> None:
    """An empty list answers with status 1, severity Info."""
    answer = office.one("<CustomerQueryRq/>")

    assert answer.get("statusCode") == "1"
    assert answer.get("statusSeverity") == "Info"
    assert len(answer) == 0


def test_a_list_of_ids_returns_the_found_ones_with_a_warning(office: Office) -> None:
    """One missing ID makes status 500, Warn; the others come, inactive ones too."""
    there = office.hands.add("Customer", "Here", is_active=False)
    query = f"<ListID>{there}</ListID><ListID>FFFF-1</ListID>"

    answer = office.one(f"<CustomerQueryRq>{query}</CustomerQueryRq>")

    assert answer.get("statusCode") == "500"
    assert answer.get("statusSeverity") == "Warn"
    assert '"FFFF-1"' in str(answer.get("statusMessage"))
    assert texts(answer, NAMES) == ["Here"]


def test_full_names_are_found_whatever_their_case(office: Office) -> None:
    """A FullName list needs no exact case."""
    office.hands.add("Customer", "Müllerhof")

    answer = office.one(
        "<CustomerQueryRq><FullName>M&#220;LLERHOF</FullName></CustomerQueryRq>"
    )

    assert texts(answer, NAMES) == ["Müllerhof"]


def test_modified_dates_are_inclusive_wall_clock(office: Office) -> None:
    """The very second counts on both ends, in the file's own wall clock."""
    office.hands.add("Customer", "Now")
    second = "2026-07-02T09:46:40"
    bounds = (
        "<FromModifiedDate>{}</FromModifiedDate><ToModifiedDate>{}</ToModifiedDate>"
    )

    assert customers(office, "", bounds.format(second, second)) == ["Now"]
    later = "2026-07-02T09:46:41"
    assert customers(office, "", bounds.format(later, later)) == []


def test_a_date_alone_means_the_whole_day(office: Office) -> None:
    """A From date starts at midnight and a To date ends before the next one."""
    office.hands.add("Customer", "Now")
    day = "2026-07-02"
    bounds = f"<FromModifiedDate>{day}</FromModifiedDate>"

    assert customers(office, "", bounds) == ["Now"]
    until = f"<ToModifiedDate>{day}</ToModifiedDate>"
    assert customers(office, "", until) == ["Now"]


def test_a_filter_with_an_offset_is_read_against_januarys(office: Office) -> None:
    """Sent back with the offset it was printed with, a time finds its record."""
    office.hands.add("Customer", "Now")
    printed = office.one("<CustomerQueryRq/>").findtext("CustomerRet/TimeModified")
    true = "2026-07-02T09:46:40-04:00"
    bounds = (
        "<FromModifiedDate>{0}</FromModifiedDate><ToModifiedDate>{0}</ToModifiedDate>"
    )

    assert printed == "2026-07-02T09:46:40-05:00"
    assert customers(office, "", bounds.format(printed)) == ["Now"]
    assert customers(office, "", bounds.format(true)) == []


def test_a_day_that_does_not_exist_is_refused(office: Office) -> None:
    """A 30th of February passes the parser and fails as status 3020."""
    date = "<FromModifiedDate>2026-02-30</FromModifiedDate>"

    assert office.status(f"<CustomerQueryRq>{date}</CustomerQueryRq>") == "3020"


def test_a_range_upside_down_is_refused(office: Office) -> None:
    """From after To is status 3030."""
    dates = (
        "<FromModifiedDate>2026-02-02</FromModifiedDate>"
        "<ToModifiedDate>2026-02-01</ToModifiedDate>"
    )

    assert office.status(f"<CustomerQueryRq>{dates}</CustomerQueryRq>") == "3030"


@pytest.mark.parametrize(
    ("criterion", "name", "found"),
    [
        ("StartsWith", "hA", ["Harbor", "Hat_trick"]),
        ("Contains", "_", ["Hat_trick"]),
        ("EndsWith", "BOR", ["Harbor"]),
    ],
)
def test_a_name_filter_matches_text_as_it_stands(
    office: Office, criterion: str, name: str, found: list[str]
) -> None:
    """Case does not matter, and no character has a second meaning."""
    for one in ("Harbor", "Hat_trick", "Vale"):
        office.hands.add("Customer", one)
    match = f"<MatchCriterion>{criterion}</MatchCriterion><Name>{name}</Name>"

    assert customers(office, "", f"<NameFilter>{match}</NameFilter>") == found


def test_a_name_range_pages_a_list_that_has_no_iterator(office: Office) -> None:
    """Employees are paged by FromName and MaxReturned."""
    for name in ("Ada", "bea", "Cleo"):
        office.hands.add("Employee", name)
    page = "<NameRangeFilter><FromName>ADB</FromName></NameRangeFilter>"

    answer = office.one(
        f"<EmployeeQueryRq><MaxReturned>1</MaxReturned>{page}</EmployeeQueryRq>"
    )

    assert texts(answer, "EmployeeRet/Name") == ["bea"]


def test_only_the_elements_asked_for_come(office: Office) -> None:
    """IncludeRetElement names elements right below the Ret, in no order."""
    office.hands.add("Employee", "Ada", Email="ada@vale.example", SSN="000-00-0000")
    names = ("Email", "ListID", "NoSuchThing")
    asked = "".join(f"<IncludeRetElement>{one}</IncludeRetElement>" for one in names)

    answer = office.one(f"<EmployeeQueryRq>{asked}</EmployeeQueryRq>")

    assert [node.tag for node in answer[0]] == ["ListID", "Email"]


def test_meta_data_counts(office: Office) -> None:
    """RetCount tells how many there are, with or without the records."""
    for name in ("Ada", "Bea"):
        office.hands.add("Employee", name)

    both = office.one('<EmployeeQueryRq metaData="MetaDataAndResponseData"/>')
    counted = office.one('<EmployeeQueryRq metaData="MetaDataOnly"/>')

    assert (both.get("retCount"), len(both)) == ("2", 2)
    assert (counted.get("retCount"), len(counted)) == ("2", 0)


def test_classes_need_class_tracking(office: Office) -> None:
    """With class tracking off a ClassQuery is status 3250."""
    office.hands.add("Class", "Studio")
    assert office.status("<ClassQueryRq/>") == "0"

    office.hands.set("class_tracking", value=False)

    assert office.status("<ClassQueryRq/>") == "3250"


@pytest.mark.parametrize(
    ("setting", "status"),
    [("payroll", "3250"), ("payroll_subscription", "3262"), ("personal_data", "3261")],
)
def test_payroll_items_need_payroll_and_permission(
    office: Office, setting: str, status: str
) -> None:
    """Each thing switched off has its own status."""
    office.hands.add("PayrollItemWage", "Hourly")
    assert office.status("<PayrollItemWageQueryRq/>") == "0"

    office.hands.set(setting, value=False)

    assert office.status("<PayrollItemWageQueryRq/>") == status


def test_every_kind_of_list_answers(office: Office) -> None:
    """All seven lists are answered in the schema's order of elements."""
    price: list[Field] = [("Price", "150.00"), ("AccountRef", [("FullName", "Fees")])]
    office.hands.add("ItemService", "Design", SalesOrPurchase=price)
    office.hands.add("Vendor", "Plumbline", Email="a@b.example", CompanyName="Plumb")
    office.hands.add("OtherName", "Pat", Notes="Temp")
    office.hands.add("Class", "Studio")
    office.hands.add("PayrollItemWage", "Hourly")
    office.hands.add("Employee", "Ada", LastName="Vale", FirstName="Ada")
    office.hands.add("Customer", "Harbor", Email="c@d.example", CompanyName="H")
    kinds = "Employee Vendor OtherName Customer ItemService Class PayrollItemWage"

    answers = office.ask("".join(f"<{kind}QueryRq/>" for kind in kinds.split()))

    assert [len(answer) for answer in answers] == [1] * 7
    assert texts(answers, "EmployeeQueryRs/EmployeeRet/*")[5:] == [
        "true",
        "Ada",
        "Vale",
    ]


def test_text_comes_as_ascii_references_and_windows_1252_only(office: Office) -> None:
    """Umlauts come as decimal references; what the file cannot keep is "?"."""
    office.hands.add("Customer", "Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n \u2603")

    answer = office.session.process(
        '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML>'
        '<QBXMLMsgsRq onError="stopOnError"><CustomerQueryRq/></QBXMLMsgsRq></QBXML>'
    )

    assert answer.startswith('<?xml version="1.0" ?>\n<QBXML>\n<QBXMLMsgsRs>\n')
    assert "<Name>Gr&#252;n ?</Name>\n" in answer


def test_a_large_list_is_never_read_whole(office: Office) -> None:
    """Pages and changes of 200,000 customers come by index, not by sorting them."""
    store = office.file.store
    insert_records(
        store,
        (
            NewRecord(
                "Customer",
                f"{number:X}-1",
                f"Client {number:06}",
                f"Client {number:06}",
                created="2020-01-01T00:00:00-05:00",
                modified=f"20{number // 10_000:02}-01-01T00:00:00-05:00",
                edit_sequence="1",
            )
            for number in range(200_000)
        ),
    )
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    store.connection.set_progress_handler(count, 1_000_000)
    page = (
        '<CustomerQueryRq iterator="Start"><MaxReturned>100</MaxReturned>{}'
        "</CustomerQueryRq>"
    )
    since = "<FromModifiedDate>2019-06-01</FromModifiedDate>"

    first = office.one(page.format(""))
    changed = office.one(page.format(since))

    assert first.get("iteratorRemainingCount") == "199900"
    assert changed.get("statusCode") == "1"
    assert steps < 8
