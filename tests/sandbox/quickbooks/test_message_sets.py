"""Message sets: all or nothing, onError, and the memory of answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from tests.sandbox.quickbooks.office import Office, document, texts

MISSING = "<TxnDelRq><TxnDelType>TimeTracking</TxnDelType><TxnID>9-9</TxnID></TxnDelRq>"


def add(office: Office) -> str:
    """Return a TimeTrackingAdd for a person there is."""
    people = office.one("<EmployeeQueryRq/>")
    person = people.findtext("EmployeeRet/ListID") or office.hands.add(
        "Employee", "Ada"
    )
    return (
        "<TimeTrackingAddRq><TimeTrackingAdd><EntityRef>"
        f"<ListID>{person}</ListID></EntityRef><Duration>PT1H</Duration>"
        "</TimeTrackingAdd></TimeTrackingAddRq>"
    )


def entries(office: Office) -> int:
    """Count the time entries there are."""
    return len(texts(office.one("<TimeTrackingQueryRq/>"), "TimeTrackingRet"))


def status(office: Office, new: str = "", old: str = "") -> str | None:
    """Send an empty message set and return its messageSetStatusCode."""
    ids = f' newMessageSetID="{new}"' * bool(new) + f' oldMessageSetID="{old}"' * bool(
        old
    )
    return office.ask("", f'onError="stopOnError"{ids}').get("messageSetStatusCode")


def test_one_bad_request_refuses_the_whole_set(office: Office) -> None:
    """Nothing before the bad one is executed either."""
    good = add(office)

    with pytest.raises(QuickBooksRefusal) as refused:
        office.session.process(
            document(good + "<HostQueryRq><Nonsense/></HostQueryRq>")
        )

    assert refused.value.hresult == "0x80040400"
    assert entries(office) == 0


def test_a_raw_umlaut_refuses_the_whole_set(office: Office) -> None:
    """Only ASCII gets through, the rest as references."""
    query = "<CustomerQueryRq><FullName>M\u00fcller</FullName></CustomerQueryRq>"

    with pytest.raises(QuickBooksRefusal, match="0x80040400"):
        office.session.process(document(query))


def test_stop_on_error_leaves_the_rest_unprocessed(office: Office) -> None:
    """After an error the others answer 3231 and did not happen."""
    attributes = 'onError="stopOnError"'

    answers = office.ask(MISSING + add(office), attributes)

    assert [answer.get("statusCode") for answer in answers] == ["3120", "3231"]
    assert entries(office) == 0


def test_a_warning_does_not_stop(office: Office) -> None:
    """Status 500 is no error."""
    lost = "<CustomerQueryRq><ListID>1-1</ListID></CustomerQueryRq>"

    answers = office.ask(lost + add(office), 'onError="stopOnError"')

    assert [answer.get("statusCode") for answer in answers] == ["500", "0"]


def test_continue_on_error_tries_every_request(office: Office) -> None:
    """The one after an error happens."""
    answers = office.ask(MISSING + add(office))

    assert [answer.get("statusCode") for answer in answers] == ["3120", "0"]
    assert entries(office) == 1


def test_request_ids_are_echoed(office: Office) -> None:
    """Each answer carries its request's ID, none where there was none."""
    answers = office.ask('<HostQueryRq requestID="a&amp;b"/><HostQueryRq/>')

    assert [answer.get("requestID") for answer in answers] == ["a&b", None]


def test_include_none_leaves_out_the_data(office: Office) -> None:
    """Only the status comes back."""
    attributes = 'onError="stopOnError" responseData="includeNone"'

    assert len(office.one("<HostQueryRq/>", attributes)) == 0


def test_the_same_set_sent_again_is_not_executed_again(office: Office) -> None:
    """The same ID with the same bytes gives the stored answer."""
    text = document(add(office), 'onError="stopOnError" newMessageSetID="S1"')

    first = office.session.process(text)
    office.now += 60
    again = office.session.process(text)

    assert again == first
    assert 'messageSetStatusCode="0"' in first
    assert entries(office) == 1


def test_the_same_id_with_other_bytes_is_9001(office: Office) -> None:
    """A changed document under a known ID is refused, nothing happens."""
    attributes = 'onError="stopOnError" newMessageSetID="S1"'
    office.ask(add(office), attributes)

    answer = office.ask(add(office).replace("PT1H", "PT2H"), attributes)

    assert answer.get("messageSetStatusCode") == "9001"
    assert (len(answer), entries(office)) == (0, 1)


def test_a_stored_answer_can_be_asked_for(office: Office) -> None:
    """Old and new the same, no requests: the answer comes again."""
    attributes = 'onError="stopOnError" newMessageSetID="S1"'
    first = office.ask(add(office), attributes)

    probe = office.ask("", f'{attributes} oldMessageSetID="S1"')

    assert probe.get("messageSetStatusCode") == "0"
    assert texts(probe, ".//TxnID") == texts(first, ".//TxnID")


@pytest.mark.parametrize("code", [9002, 600])
def test_asking_for_an_unknown_set_is_told(office: Office, code: int) -> None:
    """9002, or 600 where the office says so; no requests are answered."""
    office.hands.set("unknown_message_set", code)

    assert status(office, new="S1", old="S1") == str(code)


def test_the_old_id_alone_clears_the_memory(office: Office) -> None:
    """Cleared once, the set is unknown; clearing it again is 600."""
    office.ask(add(office), 'onError="stopOnError" newMessageSetID="S1"')

    assert status(office, old="S1") == "0"
    assert status(office, new="S1", old="S1") == "9002"
    assert status(office, old="S1") == "600"


def test_the_next_set_can_clear_the_one_before(office: Office) -> None:
    """OldMessageSetID beside another new one forgets the old one."""
    office.ask(add(office), 'onError="stopOnError" newMessageSetID="S1"')
    both = 'onError="stopOnError" newMessageSetID="S2" oldMessageSetID="S1"'
    office.ask(add(office), both)

    assert status(office, new="S1", old="S1") == "9002"
    assert status(office, new="S2", old="S2") == "0"


def test_all_sets_of_an_application_can_be_cleared(office: Office) -> None:
    """ClearAllMessageSets forgets them, and only that application's."""
    office.ask(add(office), 'onError="stopOnError" newMessageSetID="S1"')

    office.file.clear_all_message_sets("somebody else")
    assert status(office, new="S1", old="S1") == "0"
    office.file.clear_all_message_sets("tests")
    assert status(office, new="S1", old="S1") == "9002"


def test_memory_is_per_application(office: Office) -> None:
    """Another application's set of the same ID is another set."""
    attributes = 'onError="stopOnError" newMessageSetID="S1"'
    text = document(add(office), attributes)
    office.session.process(text)

    office.session = office.file.begin_session(app_name="another")
    office.session.process(text)

    assert entries(office) == 2


def test_a_restarted_file_remembers_writes_and_sets(tmp_path: Path) -> None:
    """What was answered is on disk, together with what it wrote."""
    office = Office(tmp_path / "company.sqlite")
    office.ask(add(office), 'onError="stopOnError" newMessageSetID="S1"')
    office.file.close()

    office = Office(tmp_path / "company.sqlite")

    assert entries(office) == 1
    assert status(office, new="S1", old="S1") == "0"
    office.file.close()


def test_a_crash_in_the_middle_leaves_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a set dies before its answer is stored, its writes are gone too."""
    text = document(add(office), 'onError="stopOnError" newMessageSetID="S1"')

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("qbwc_server.sandbox.quickbooks.message_sets.document", die)
        with pytest.raises(KeyboardInterrupt):
            office.session.process(text)

    assert entries(office) == 0
    assert status(office, new="S1", old="S1") == "9002"
