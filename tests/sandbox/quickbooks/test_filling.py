"""Filling a company file: the sample firm, and real answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from qbwc_server.sandbox.quickbooks.recorded_answers import load_answers
from qbwc_server.sandbox.sample_firm import build_sample_firm
from tests.sandbox.quickbooks.office import Office, reference_data, texts

ALL = "<ActiveStatus>All</ActiveStatus>"


def test_the_sample_firm_is_as_large_as_told(office: Office) -> None:
    """Forty people, sixty clients, three hundred jobs on five levels, time."""
    build_sample_firm(office.file, time_entries=500)

    customers = office.one(f"<CustomerQueryRq>{ALL}</CustomerQueryRq>")
    levels = texts(customers, "*/Sublevel")
    assert levels.count("0") == 60
    assert len(levels) == 360
    assert max(levels) == "4"
    people = office.one(f"<EmployeeQueryRq>{ALL}</EmployeeQueryRq>")
    assert len(people) == 40
    assert 0 < texts(people, "*/IsActive").count("false") < 40
    assert 0 < len(texts(people, "*/Email")) < 40
    time = office.one("<TimeTrackingQueryRq/>")
    assert len(time) == 500
    assert set(texts(time, "*/BillableStatus")) == {
        "Billable",
        "HasBeenBilled",
        "NotBillable",
    }
    days = texts(time, "*/TxnDate")
    assert min(days) > "2023-06"
    assert max(days) <= "2026-07-02"


def test_the_same_seed_makes_the_same_firm(office: Office) -> None:
    """Two files of one seed are equal, of two seeds they differ."""
    others = [Office(), Office()]
    build_sample_firm(office.file, time_entries=50)
    build_sample_firm(others[0].file, time_entries=50)
    build_sample_firm(others[1].file, time_entries=50, seed=8)
    dumps = [list(one.file.store.connection.iterdump()) for one in (office, *others)]

    assert dumps[0] == dumps[1]
    assert dumps[0] != dumps[2]


@pytest.fixture
def samples() -> list[Path]:
    """Give real answer files; skip the test where there are none."""
    data = reference_data()
    if data is None:
        pytest.skip("no reference data: real answers are not ours to ship")
    folder = data / "qbxml/samples"
    numbers = ("027", "024", "072", "096", "134", "030")
    return [next(folder.glob(f"{number}-*")) for number in numbers]


def test_real_answers_fill_a_company_file(office: Office, samples: list[Path]) -> None:
    """Every record is there once, with its own ID, and an odd date as it was."""
    load_answers(office.file, samples)

    customers = office.one(f"<CustomerQueryRq>{ALL}</CustomerQueryRq>")
    ids = texts(customers, "*/ListID")
    assert len(ids) == len(set(ids)) > 100
    items = office.one("<ItemServiceQueryRq/>")
    assert "2015-02-30T12:26:39+11:00" in texts(items, "*/TimeCreated")
    wall = "Construction:Build a wall"
    assert texts(items, "*/FullName")[0:2] == [wall, "Construction"][::-1]


def test_private_details_of_real_answers_are_left_behind(
    office: Office, samples: list[Path]
) -> None:
    """Bank accounts and taxes of an employee do not get into the file."""
    load_answers(office.file, samples)

    row = office.file.store.one("SELECT fields FROM record WHERE kind = 'Employee'")

    assert row is not None
    assert "RoutingNumber" not in row["fields"]
    assert "UseTimeDataToCreatePaychecks" in row["fields"]


def test_a_parent_in_no_file_is_made_up(office: Office, tmp_path: Path) -> None:
    """A job whose customer is missing gets a plain one from its ParentRef."""
    answer = tmp_path / "answer.xml"
    answer.write_text(
        "<QBXML><QBXMLMsgsRs><CustomerQueryRs><CustomerRet><ListID>2-20</ListID>"
        "<TimeModified>2015-02-30T01:02:03-08:00</TimeModified><Name>House</Name>"
        "<FullName>Vale:House</FullName><ParentRef><ListID>1-10</ListID>"
        "<FullName>Vale</FullName></ParentRef></CustomerRet></CustomerQueryRs>"
        "</QBXMLMsgsRs></QBXML>"
    )

    load_answers(office.file, [answer])

    customers = office.one("<CustomerQueryRq/>")
    assert texts(customers, "*/ListID") == ["1-10", "2-20"]
    assert texts(customers, "*/FullName") == ["Vale", "Vale:House"]
    assert texts(customers, "*/TimeModified")[1] == "2015-02-30T01:02:03-08:00"


def test_the_later_edit_of_a_record_counts(office: Office, tmp_path: Path) -> None:
    """Of two files with the same ListID the higher EditSequence wins."""
    files = []
    for name, edit in (("New", 9), ("Old", 5)):
        files.append(tmp_path / name)
        files[-1].write_text(
            f"<VendorRet><ListID>1-1</ListID><EditSequence>{edit}</EditSequence>"
            f"<Name>{name}</Name></VendorRet>"
        )

    load_answers(office.file, files)

    assert texts(office.one("<VendorQueryRq/>"), "*/Name") == ["New"]
