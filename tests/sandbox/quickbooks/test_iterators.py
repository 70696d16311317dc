"""Reading a list page by page."""

from __future__ import annotations

import pytest

from tests.sandbox.quickbooks.office import Office, texts


@pytest.fixture
def large(office: Office) -> Office:
    """Give an office with five customers."""
    for name in "ABCDE":
        office.hands.add("Customer", name)
    return office


def start(office: Office, size: int = 2) -> str:
    """Start an iterator over the customers and return its ID."""
    answer = office.one(
        f'<CustomerQueryRq iterator="Start"><MaxReturned>{size}</MaxReturned>'
        "</CustomerQueryRq>"
    )
    return str(answer.get("iteratorID"))


def more(iterator_id: str, how: str = "Continue", kind: str = "Customer") -> str:
    """Return a request for the next page."""
    return (
        f'<{kind}QueryRq iterator="{how}" iteratorID="{iterator_id}">'
        f"<MaxReturned>2</MaxReturned></{kind}QueryRq>"
    )


def test_pages_follow_each_other_until_nothing_remains(large: Office) -> None:
    """The remaining count falls to 0 and every record came once."""
    iterator_id = start(large)
    pages = [large.one(more(iterator_id)) for _ in range(2)]

    assert [page.get("iteratorRemainingCount") for page in pages] == ["1", "0"]
    assert texts(pages[0], "CustomerRet/Name") == ["C", "D"]
    assert texts(pages[1], "CustomerRet/Name") == ["E"]


def test_a_finished_iterator_is_gone(large: Office) -> None:
    """After the last page its ID is not valid any more."""
    assert large.status(more(start(large, size=5))) == "3391"


def test_an_iterator_dies_after_ten_idle_seconds(large: Office) -> None:
    """Ten seconds are fine, eleven are not."""
    kept, lost = start(large), start(large)
    large.now += 10
    assert large.status(more(kept)) == "0"
    large.now += 1

    answer = large.one(more(lost))

    assert answer.get("statusCode") == "3391"
    assert lost in str(answer.get("statusMessage"))


def test_an_iterator_belongs_to_its_session(large: Office) -> None:
    """Another session does not know it, and its own forgets it at the end."""
    iterator_id = start(large)
    large.session = large.file.begin_session(app_name="tests")

    assert large.status(more(iterator_id)) == "3391"


def test_an_iterator_belongs_to_its_kind_of_query(large: Office) -> None:
    """A vendor query cannot go on with customers."""
    assert large.status(more(start(large), kind="Vendor")) == "3391"


def test_stop_ends_an_iterator(large: Office) -> None:
    """Stop answers without records and frees the iterator."""
    iterator_id = start(large)

    stopped = large.one(more(iterator_id, how="Stop"))

    assert (stopped.get("statusCode"), len(stopped)) == ("0", 0)
    assert large.status(more(iterator_id)) == "3391"


def test_a_record_deleted_meanwhile_does_not_leave_the_count_hanging(
    large: Office,
) -> None:
    """When the rows end early the count says 0, so that a reader stops."""
    iterator_id = start(large, size=3)
    gone = large.one("<CustomerQueryRq><FullName>E</FullName></CustomerQueryRq>")
    large.hands.delete("Customer", gone.findtext("CustomerRet/ListID") or "")

    last = large.one(more(iterator_id))

    assert texts(last, "CustomerRet/Name") == ["D"]
    assert last.get("iteratorRemainingCount") == "0"


def test_time_is_read_page_by_page_too(office: Office) -> None:
    """Time entries come by day."""
    person = office.hands.add("Employee", "Ada")
    for day in ("2026-03-02", "2026-03-01", "2026-03-03"):
        office.hands.add_time(person, day, 60)

    first = office.one(
        '<TimeTrackingQueryRq iterator="Start"><MaxReturned>2</MaxReturned>'
        "</TimeTrackingQueryRq>"
    )
    last = office.one(more(str(first.get("iteratorID")), kind="TimeTracking"))

    assert first.get("iteratorRemainingCount") == "1"
    days = texts(first, "TimeTrackingRet/TxnDate") + texts(last, "*/TxnDate")
    assert days == ["2026-03-01", "2026-03-02", "2026-03-03"]
