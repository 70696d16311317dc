"""Which company file is open: recognised before anything is read from it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from qbwc_server.companies import company_file
from qbwc_server.decisions.questions import of_company
from qbwc_server.qbxml import response
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.conftest import reference_data
from tests.web_connector.desk import PATH, Desk

OTHER_ID = "{11111111-2222-3333-4444-555555555555}"
NOT_SAID = "QuickBooks did not say which company file is open."


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here depends on which it is."""
    return sqlite_url


def other_file_id(hcp: str) -> str:
    """Return the answers of a company file that belongs to another connection."""
    return re.sub(
        r"(<DataExtName>FileID</DataExtName>.*?<DataExtValue>).*?<",
        rf"\g<1>{OTHER_ID}<",
        hcp,
        flags=re.DOTALL,
    )


def without_ids(hcp: str) -> str:
    """Return the answers of a company file to which nothing was added."""
    return re.sub(r"<DataExtRet>.*?</DataExtRet>", "", hcp, flags=re.DOTALL)


def named(hcp: str, name: str) -> str:
    """Return the answers of a company file with another company name."""
    return hcp.replace("<CompanyName>Alice &amp; Co<", f"<CompanyName>{name}<")


def is_stopped(desk: Desk, hcp: str, path: str, *, open_is: str) -> None:
    """Check that a run with these first answers stops, says why, and reads nothing."""
    before = desk.rows(tables.record), desk.stored().file_name
    ticket = desk.ticket()
    assert desk.first(ticket, hcp, path) == ""
    said = desk.call("getLastError", ticket)
    assert said.startswith(f"The open company is {open_is}; this connection is for ")
    assert "Open that company file in QuickBooks" in said
    assert (said.isascii(), len(said) <= 200) == (True, True)
    assert desk.next(ticket) == ""
    assert desk.call("closeConnection", ticket) == said
    assert (desk.rows(tables.record), desk.stored().file_name) == before
    assert desk.stored().attention_id == "wrong-company-file"
    assert {job.state for job in desk.jobs()} <= {"ready", "done"}
    kept = [row for row in desk.rows(tables.exchange) if row.purpose == "hcp"]
    assert kept[-1].answer == hcp


def test_the_first_answers_bind_the_company_file(desk: Desk) -> None:
    """Name, path and what QuickBooks says of itself are kept from the first run."""
    desk.read_all()
    company = desk.stored()
    assert (company.file_name, company.file_path) == ("Alice & Co", PATH)
    assert company.host is not None
    assert company.host["qbxml_version"] == "13.0"
    [bound] = [row for row in desk.rows(tables.audit) if "bound" in row.what]
    assert (bound.who, "Alice & Co" in bound.what) == ("quickbooks", True)


def test_a_file_of_another_connection_is_refused_before_it_is_bound(
    desk: Desk,
) -> None:
    """Its FileID is not ours, so it is another company's, whatever its name."""
    is_stopped(desk, other_file_id(desk.hcp()), PATH, open_is="Alice & Co")


def test_a_file_with_another_file_id_is_refused(desk: Desk) -> None:
    """The same name and the same path do not make it the same file."""
    desk.read_all()
    desk.clock.pass_(minutes=15)
    is_stopped(desk, other_file_id(desk.hcp()), PATH, open_is="Alice & Co")


def test_a_file_with_another_name_and_without_our_id_is_refused(desk: Desk) -> None:
    """Where there is no FileID the name decides."""
    desk.read_all()
    desk.clock.pass_(minutes=15)
    hcp = named(without_ids(desk.hcp()), "Bob Inc")
    is_stopped(desk, hcp, PATH, open_is="Bob Inc")


def test_a_file_of_the_same_name_elsewhere_and_without_our_id_is_refused(
    desk: Desk,
) -> None:
    """Two firms may bear one name; a file that we have stamped is not without it."""
    desk.read_all()
    desk.file.store.run("DELETE FROM extension_value WHERE name = 'FileID'")
    desk.clock.pass_(minutes=15)
    assert desk.first(desk.ticket(), path="D:\\Elsewhere.QBW") == ""
    assert desk.stored().attention_id == "wrong-company-file"


def test_a_copied_file_with_another_name_and_another_path_is_refused(
    desk: Desk,
) -> None:
    """A copy carries the FileID of its original."""
    desk.read_all()
    desk.clock.pass_(minutes=15)
    hcp = named(desk.hcp(), "Alice Test")
    is_stopped(desk, hcp, "C:\\Books\\Test.QBW", open_is="Alice Test")


def test_a_file_that_was_moved_and_renamed_goes_on_when_a_person_says_so(
    desk: Desk,
) -> None:
    """The word is about the file that was open, and about no other."""
    desk.read_all()
    company_id, engine = desk.stored().id, desk.engine
    said = ("wrong-company-file", "same")

    def say() -> None:
        with company_transaction(engine, company_id) as connection:
            of_company.say(
                connection, company_id, *said, now=desk.clock(), who="the setup page"
            )

    with pytest.raises(of_company.NothingAsked):
        say()
    desk.clock.pass_(minutes=15)
    hcp, place = named(desk.hcp(), "Alice Test"), "C:\\Books\\Test.QBW"
    ticket = desk.ticket()
    desk.first(ticket, hcp, place)
    desk.call("closeConnection", ticket)
    say()
    desk.clock.pass_(minutes=15)
    ticket = desk.ticket()
    desk.first(ticket, hcp, place)
    desk.call("closeConnection", ticket)
    stored = desk.stored()
    assert (stored.file_name, stored.file_path) == ("Alice Test", place)
    assert stored.attention_id is None
    desk.clock.pass_(minutes=15)
    elsewhere = named(desk.hcp(), "Alice Again"), "C:\\Books\\Again.QBW"
    ticket = desk.ticket()
    assert desk.first(ticket, *elsewhere) == ""
    desk.call("closeConnection", ticket)
    assert desk.stored().attention_id == "wrong-company-file"
    desk.clock.pass_(minutes=15)
    desk.first(desk.ticket(), other_file_id(hcp), place)
    with pytest.raises(of_company.NothingAsked):
        say()
    assert desk.stored().file_name == "Alice Test"


def test_a_long_foreign_name_still_leaves_a_sentence_that_can_be_shown(
    desk: Desk,
) -> None:
    """ASCII, at most 200 characters."""
    desk.read_all()
    desk.clock.pass_(minutes=15)
    ticket = desk.ticket()
    hcp = named(other_file_id(desk.hcp()), "Büro " * 60)
    assert desk.first(ticket, hcp) == ""
    said = desk.call("getLastError", ticket)
    assert (said.isascii(), len(said) <= 200) == (True, True)


def test_after_the_right_file_is_open_again_all_goes_on(desk: Desk) -> None:
    """The stop leaves nothing behind but the history."""
    ticket = desk.ticket()
    desk.first(ticket, other_file_id(desk.hcp()))
    desk.call("closeConnection", ticket)
    assert desk.read_all() == [100]
    assert desk.all_read()
    assert desk.stored().attention is None


@pytest.mark.parametrize(
    ("what", "value", "note"),
    [
        ("file_name", "D:\\Moved\\Alice.QBW", f"Moved from {PATH} to D:\\Moved"),
        ("company_name", "Alice Ltd", "Renamed from Alice & Co to Alice Ltd."),
    ],
)
def test_a_moved_or_renamed_file_goes_on_and_is_noted(
    desk: Desk, what: str, value: str, note: str
) -> None:
    """The FileID is the same, and only one of name and path is new."""
    desk.read_all()
    desk.hands.set(what, value)
    desk.clock.pass_(minutes=15)
    ticket = desk.ticket()
    assert desk.first(ticket, path=desk.file.file_name) != ""
    assert any(note in row.what for row in desk.rows(tables.audit))
    assert value in {desk.stored().file_name, desk.stored().file_path}


def test_one_file_by_two_paths_in_turns_is_said_once(desk: Desk) -> None:
    """By the drive's letter and by the network: one person opens it this way each."""
    drive, network = desk.file.file_name, "\\\\SERVER\\Books\\Alice.QBW"
    desk.read_all()
    said = []
    for path in (network, drive, network, drive):
        desk.hands.set("file_name", path)
        desk.clock.pass_(minutes=15)
        ticket = desk.log_in()[0]
        desk.finish(ticket, desk.first(ticket, path=path))
        assert desk.stored().file_path == path
        said.append(desk.stored().attention_id)

    assert said == ["company-file-moved", None, None, None]
    notes = [row.what for row in desk.rows(tables.audit)]
    assert len([one for one in notes if one.startswith("Moved")]) == 1


def test_a_web_connector_finds_a_moved_file_by_itself(desk: Desk) -> None:
    """The remembered path fails, the open file is tried, and is recognised."""
    desk.run()
    desk.hands.set("file_name", "D:\\Moved\\Alice.QBW")
    desk.clock.pass_(minutes=15)
    run = desk.run()
    assert (run.error, run.percents) == (None, (100,))
    assert run.calls.count("connectionError") == 1
    assert desk.stored().file_path == "D:\\Moved\\Alice.QBW"


@pytest.mark.parametrize(
    "hcp", ["", " \n", "nonsense", "<QBXML><QBXMLMsgsRs>", "HOSTQUERY is not supported"]
)
def test_without_readable_first_answers_we_ask_ourselves(desk: Desk, hcp: str) -> None:
    """The same three questions, and then the work goes on as if they had come."""
    ticket = desk.ticket()
    request = desk.first(ticket, hcp)
    assert re.findall(r"<(\w+)Rq requestID", request) == [
        *("HostQuery", "CompanyQuery", "PreferencesQuery")
    ]
    assert desk.stored().owner_id in request
    percents = desk.finish(ticket, request)
    assert percents[-1] == 100
    assert percents == sorted(percents)
    assert desk.all_read()


def test_our_own_questions_ask_for_no_tax_or_social_security_number(
    desk: Desk,
) -> None:
    """Only the elements that tell the file; its others stay where they are."""
    text = desk.first(desk.ticket(), "")
    company = text[text.index("<CompanyQueryRq") : text.index("</CompanyQueryRq>")]
    wanted = re.findall("<IncludeRetElement>(.*?)</IncludeRetElement>", company)
    assert sorted(wanted) == ["CompanyName", "DataExtRet"]


@pytest.mark.parametrize("answer", ["nonsense", "", "<QBXML><QBXMLMsgsRs/></QBXML>"])
def test_our_own_questions_are_asked_once_and_then_the_run_ends(
    desk: Desk, answer: str
) -> None:
    """Nobody is asked for ever, and nothing is read meanwhile."""
    ticket = desk.ticket()
    desk.first(ticket, "")
    percent = desk.give(ticket, answer)
    if percent >= 0:
        assert percent < 100
        assert desk.next(ticket) == ""
        assert desk.call("getLastError", ticket).startswith(NOT_SAID)
    else:
        assert desk.next(ticket) == ""
    desk.call("closeConnection", ticket)
    assert desk.rows(tables.record) == []
    desk.clock.pass_(minutes=1)
    assert desk.read_all() == [100]
    assert desk.all_read()


def test_our_own_questions_may_find_the_wrong_file_too(desk: Desk) -> None:
    """The answer to them is judged like the one that Web Connector brings."""
    ticket = desk.ticket()
    request = desk.first(ticket, "")
    answer = other_file_id(desk.quickbooks().process(request))
    assert 0 < desk.give(ticket, answer) < 100
    assert desk.next(ticket) == ""
    assert desk.call("getLastError", ticket).startswith("The open company is ")
    assert desk.rows(tables.record) == []


def test_a_quickbooks_that_is_too_old_is_told_so(desk: Desk) -> None:
    """It could not understand a time entry that is changed."""
    hcp = desk.hcp()
    versions = re.compile(r"<SupportedQBXMLVersion>.*?</SupportedQBXMLVersion>\s*")
    assert versions.search(hcp)
    old = "<SupportedQBXMLVersion>5.0</SupportedQBXMLVersion>"
    hcp = versions.sub("", hcp).replace(
        "<IsAutomaticLogin>", old + "<IsAutomaticLogin>"
    )
    ticket = desk.ticket()
    assert desk.first(ticket, hcp) == ""
    assert "too old" in desk.call("getLastError", ticket)
    assert desk.stored().attention_id == "quickbooks-too-old"
    assert desk.stored().file_name is None


def test_an_older_quickbooks_is_spoken_to_in_its_own_version(desk: Desk) -> None:
    """13.0 where it is understood, else the highest that is."""
    hcp = desk.hcp()
    for version in ("11.0", "12.0", "13.0", "14.0", "15.0", "16.0"):
        hcp = hcp.replace(f"<SupportedQBXMLVersion>{version}<", "<X>").replace(
            "<X>/SupportedQBXMLVersion>", ""
        )
    assert '<?qbxml version="10.0"?>' in desk.first(desk.ticket(), hcp)


@pytest.mark.parametrize(
    ("path", "name", "product"),
    [
        (
            "captures/201502_hcp_quickbooks_pro_2014.xml",
            "myCompany",
            "QuickBooks Pro 2014",
        ),
        (
            "qbxml/samples/011-CompanyQuery-HostQuery-PreferencesQuery-apotema.xml",
            None,
            "QuickBooks Accountant 2013",
        ),
    ],
)
def test_first_answers_recorded_from_real_quickbooks_are_read(
    new_desk: Callable[..., Desk], path: str, name: str | None, product: str
) -> None:
    """Company, product and versions are there; a FileID of others is not ours."""
    desk = new_desk()
    company = desk.stored()
    raw = (reference_data() / path).read_bytes()
    file = company_file.read(response.parse(raw), company.owner_id)
    assert file is not None
    assert file.company_name
    assert name in {None, file.company_name}
    assert file.host["product"] == product
    assert file.qbxml_version in {"12.0", "13.0"}
    assert file.file_id == ""
    first = company_file.judge(company, file, PATH)
    assert first.problem is None
    assert first.changes["file_name"] == file.company_name


def test_recorded_first_answers_go_through_a_real_session(desk: Desk) -> None:
    """A real QuickBooks' answers open the way to the first request."""
    raw = reference_data() / "captures/201502_hcp_quickbooks_pro_2014.xml"
    request = desk.first(desk.ticket(), raw.read_text("utf-8"), "C:\\my.qbw")
    assert "<CustomerQueryRq" in request
    assert desk.stored().file_name == "myCompany"
