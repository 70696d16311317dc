"""QuickBooks itself: versions, preferences, private data, who is let in."""

from __future__ import annotations

import pytest

from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from tests.sandbox.quickbooks.office import Office, document, texts

OWNER = "{57F3B9B1-86F1-4FCC-B1EE-566DE1813D20}"
DEFINE = (
    f"<DataExtDefAddRq><DataExtDefAdd><OwnerID>{OWNER}</OwnerID>"
    "<DataExtName>FileID</DataExtName><DataExtType>STR255TYPE</DataExtType>"
    "<AssignToObject>Company</AssignToObject></DataExtDefAdd></DataExtDefAddRq>"
)


def file_id(action: str, value: str) -> str:
    """Return a request that writes the FileID of the company."""
    body = (
        f"<OwnerID>{OWNER}</OwnerID><DataExtName>FileID</DataExtName>"
        "<OtherDataExtType>Company</OtherDataExtType>"
    )
    body += f"<DataExtValue>{value}</DataExtValue>" if action != "Del" else ""
    inside = f"<DataExt{action}>{body}</DataExt{action}>"
    return f"<DataExt{action}Rq>{inside}</DataExt{action}Rq>"


def test_host_tells_versions_and_mode(office: Office) -> None:
    """The versions go up to 16.0, and the mode is the one the file is in."""
    office.hands.set("file_mode", "MultiUser")

    answer = office.one("<HostQueryRq/>")

    assert texts(answer, "HostRet/SupportedQBXMLVersion")[-1] == "16.0"
    assert texts(answer, "HostRet/QBFileMode") == ["MultiUser"]


def test_host_tells_capacities_when_asked(office: Office) -> None:
    """ListMetaData comes with IncludeMaxCapacity only."""
    asked = (
        "<IncludeListMetaData><IncludeMaxCapacity>true</IncludeMaxCapacity>"
        "</IncludeListMetaData>"
    )

    assert texts(office.one("<HostQueryRq/>"), "HostRet/ListMetaData") == []
    answer = office.one(f"<HostQueryRq>{asked}</HostQueryRq>")
    assert len(texts(answer, "HostRet/ListMetaData/*/MaxCapacity")) == 19


def test_preferences_follow_what_the_person_set(office: Office) -> None:
    """Class tracking, closing date and personal data are read where they stand."""
    office.hands.set("class_tracking", value=False)
    office.hands.set("closing_date", "2025-12-31")
    office.hands.set("personal_data", value=False)

    answer = office.one("<PreferencesQueryRq/>")

    assert texts(answer, "*/*/IsUsingClassTracking") == ["false"]
    assert texts(answer, "*/*/ClosingDate") == ["2025-12-31"]
    assert texts(answer, "*/*/IsPersonalDataAccessAllowed") == ["false"]


def test_time_tracking_off_shows_by_its_absence(office: Office) -> None:
    """TimeTrackingPreferences is there only while time is tracked."""
    query = "<PreferencesQueryRq/>"
    assert texts(office.one(query), "*/TimeTrackingPreferences/*") == ["Monday"]

    office.hands.set("time_tracking", value=False)

    assert texts(office.one(query), "*/TimeTrackingPreferences") == []


def test_private_data_comes_for_its_owner_only(office: Office) -> None:
    """A FileID is written once, changed, read by its OwnerID, and deleted."""
    query = "<CompanyQueryRq>{}</CompanyQueryRq>"
    owner = f"<OwnerID>{OWNER.lower()}</OwnerID>"
    path = "CompanyRet/DataExtRet/DataExtValue"
    answers = office.ask(DEFINE + file_id("Add", "{1}"))

    assert [answer.get("statusCode") for answer in answers] == ["0", "0"]
    assert texts(office.one(query.format("")), path) == []
    assert texts(office.one(query.format(owner)), path) == ["{1}"]
    office.one(file_id("Mod", "{2}"))
    assert texts(office.one(query.format(owner)), path) == ["{2}"]
    office.one(file_id("Del", ""))
    assert texts(office.one(query.format(owner)), path) == []


def test_private_data_needs_its_definition(office: Office) -> None:
    """Without one it is 3120; defined or added twice it is 3100."""
    assert office.status(file_id("Add", "{1}")) == "3120"
    office.ask(DEFINE + file_id("Add", "{1}"))

    assert office.status(DEFINE) == "3100"
    assert office.status(file_id("Add", "{1}")) == "3100"


def test_private_data_has_a_length(office: Office) -> None:
    """STR255TYPE holds 255 characters, one more is status 3070."""
    office.ask(DEFINE)

    assert office.status(file_id("Add", "x" * 256)) == "3070"
    assert office.status(file_id("Add", "x" * 255)) == "0"


def test_private_data_is_for_what_it_was_defined_for(office: Office) -> None:
    """A definition for the company does not fit an employee."""
    person = office.hands.add("Employee", "Ada")
    office.ask(DEFINE)
    target = (
        "<ListDataExtType>Employee</ListDataExtType>"
        f"<ListObjRef><ListID>{person}</ListID></ListObjRef>"
    )
    company = "<OtherDataExtType>Company</OtherDataExtType>"

    assert office.status(file_id("Add", "1").replace(company, target)) == "3210"


@pytest.mark.parametrize(
    ("preference", "value", "hresult"),
    [
        ("quickbooks_running", False, "0x80040408"),
        ("dialog_open", True, "0x80040414"),
        ("access", "not_asked", "0x80040418"),
        ("access", "denied", "0x8004041A"),
        ("access", "no_automatic_login", "0x8004041D"),
    ],
)
def test_an_application_is_not_always_let_in(
    office: Office, preference: str, value: object, hresult: str
) -> None:
    """Each obstacle has its own HRESULT, and is gone when it is gone."""
    office.hands.set(preference, value)

    with pytest.raises(QuickBooksRefusal) as refused:
        office.file.begin_session(app_name="tests")

    assert refused.value.hresult == hresult


def test_the_mode_asked_for_has_to_be_the_files(office: Office) -> None:
    """A multi-user file cannot be had in single-user mode."""
    office.hands.set("file_mode", "MultiUser")

    office.file.begin_session(app_name="tests", mode="multiUser")
    with pytest.raises(QuickBooksRefusal, match="0x80040410"):
        office.file.begin_session(app_name="tests", mode="singleUser")


def test_an_ended_session_answers_no_more(office: Office) -> None:
    """Its ticket is not valid any longer."""
    office.session.end()

    with pytest.raises(QuickBooksRefusal, match="0x8004040D"):
        office.session.process(document("<HostQueryRq/>"))


def test_the_file_can_be_renamed_and_moved(office: Office) -> None:
    """Name, path and zone are what the person made them."""
    office.hands.set("file_name", "D:\\Books\\Vale.QBW")
    office.hands.set("company_name", "Vale")
    office.hands.set("zone", "Europe/Berlin")

    assert office.file.file_name == "D:\\Books\\Vale.QBW"
    assert office.file.company_name == "Vale"
    assert office.file.zone == "Europe/Berlin"
    names = texts(office.one("<CompanyQueryRq/>"), "CompanyRet/CompanyName")
    assert names == ["Vale"]
