"""Reading lists from Mosaic: whole, or known not to be."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from qbwc_server.mosaic import listing
from qbwc_server.mosaic.answers import Unreadable
from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.mosaic.errors import Malformed, RateLimited, Unavailable
from qbwc_server.mosaic.names import DATA_TYPES
from qbwc_server.mosaic.paging import MOST_READINGS, Pages
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox

from .wire import Budget, connection


@pytest.mark.parametrize("data_type", sorted(DATA_TYPES))
def test_an_empty_list_of_each_type_is_empty(
    client: MosaicClient, links: dict[str, Any], sandbox: MosaicSandbox, data_type: str
) -> None:
    """Every type is listed under the names the API uses, and none is invented."""
    needs = DATA_TYPES[data_type].list_needs
    (portfolio,) = sandbox.objects("portfolio")
    filters = {"portfolio_id": portfolio["mosaic_id"]} if needs else {}
    found = list(client.read(data_type, **filters))
    expected = {item["mosaic_id"] for item in sandbox.objects(data_type)}
    assert {item["mosaic_id"] for item in found} == expected
    assert links


def test_a_long_list_is_read_whole(
    client: MosaicClient, sandbox: MosaicSandbox, links: dict[str, Any]
) -> None:
    """Time entries come in one answer, and only those the filter leaves."""
    for day in range(1, 29):
        for hours in (1, 2):
            links |= {"date": f"2026-02-{day:02}", "hours": hours}
            sandbox.create("time_entry", **links)
    assert len(list(client.read("time_entry"))) == 56
    first = date(2026, 2, 10)
    some = client.read("time_entry", start_date=first, end_date=date(2026, 2, 11))
    assert [item["date"] for item in some] == ["2026-02-10"] * 2 + ["2026-02-11"] * 2


@pytest.mark.parametrize("largest", [1, 2, 7, 500])
def test_projects_are_paged_however_short_mosaic_makes_the_pages(
    client: MosaicClient, sandbox: MosaicSandbox, largest: int
) -> None:
    """A page shorter than asked for is not taken for the last one."""
    sandbox.largest_page = largest
    portfolio = sandbox.create("portfolio", title="Main")["mosaic_id"]
    for number in range(23):
        sandbox.create("project", portfolio_id=portfolio, title=f"P{number}")
    found = [item["title"] for item in client.read("project", portfolio_id=portfolio)]
    assert found == [f"P{number}" for number in range(23)]


def test_projects_need_a_portfolio(client: MosaicClient, budget: Budget) -> None:
    """The API would answer 404, so no request is spent on asking."""
    with pytest.raises(ValueError, match="portfolio_id"):
        client.read("project")
    assert budget.spent == 0


def test_an_empty_filter_does_not_mean_everything(client: MosaicClient) -> None:
    """Asking for no entries must not list all of them."""
    with pytest.raises(ValueError, match="time_entry_ids is empty"):
        list(client.read("time_entry", time_entry_ids=[]))


def test_archived_members_are_listed(
    client: MosaicClient, links: dict[str, Any]
) -> None:
    """An archived member is not taken for one that is gone."""
    client.archive("employee", links["member_id"], ref="r1")
    (found,) = client.read("employee")
    assert found["is_archived"] is True


def _answers(*bodies: Any) -> MosaicClient:
    """A client that gets these answers in turn."""
    waiting = [
        body if isinstance(body, httpx.Response) else httpx.Response(200, json=body)
        for body in bodies
    ]
    transport = httpx.MockTransport(lambda _request: waiting.pop(0))
    return MosaicClient(connection(), spend=lambda: None, transport=transport)


def test_pages_are_read_where_all_is_refused() -> None:
    """A Mosaic that refuses all=true is read page by page."""
    refusal = httpx.Response(422, json={"message": "all is not allowed"})
    client = _answers(refusal, {"phase": [{"mosaic_id": 1}]}, {"phase": []})
    assert [item["mosaic_id"] for item in client.read("phase")] == [1]


def test_a_list_as_long_as_one_page_is_doubted() -> None:
    """Exactly 30 objects may mean that all=true was ignored, so we ask on."""
    first = [{"mosaic_id": number} for number in range(1, 31)]
    client = _answers({"phase": first}, {"phase": [{"mosaic_id": 31}]}, {"phase": []})
    assert len(list(client.read("phase"))) == 31


def test_pages_that_overlap_give_each_object_once() -> None:
    """An object added in front while paging pushes others into the next page."""
    first, second = [{"mosaic_id": 1}, {"mosaic_id": 2}], [{"mosaic_id": 2}]
    client = _answers({"project": first}, {"project": second}, {"project": []})
    found = client.read("project", portfolio_id=1)
    assert [item["mosaic_id"] for item in found] == [1, 2]


SLIDES: dict[str, tuple[list[list[int]], str]] = {
    "nothing": ([[]], "complete"),
    "one": ([[1], []], "complete"),
    "one page": ([[1, 2], [2]], "complete"),
    "two pages": ([[1, 2, 3], [3, 4], [4]], "complete"),
    "pages of one": ([[1], [2], []], "complete"),
    "not read to its end": ([[1, 2, 3], [3, 4, 5]], "open"),
    "the second was deleted": ([[1, 2, 3], [4, 5]], "slid"),
    "the last was deleted": ([[1, 2, 3], []], "slid"),
    "one was put in front": ([[1, 2, 3], [2, 3, 4]], "slid"),
    "the same page of one again": ([[1], [1]], "slid"),
    "the same page of the same again": ([[1, 2], [2, 2]], "slid"),
}


@pytest.mark.parametrize("pages", SLIDES)
def test_a_page_that_does_not_begin_with_the_last_one_read_has_slid(pages: str) -> None:
    """What slid past the reader would look as if it had been deleted."""
    read, expected = SLIDES[pages]
    reading = Pages()
    for ids in read:
        assert reading.complete is reading.slid is False
        reading.take(ids, None)
    state = "complete" if reading.complete else "slid" if reading.slid else "open"
    assert state == expected


def test_a_list_that_slid_is_read_again_and_none_is_left_out() -> None:
    """The first of the second page is not lost when one of the first is deleted."""
    first = {"time_entry": [{"mosaic_id": 1}, {"mosaic_id": 2}]}
    slid = {"time_entry": [{"mosaic_id": 4}]}
    again = {"time_entry": [{"mosaic_id": 1}, {"mosaic_id": 3}]}
    end = {"time_entry": [{"mosaic_id": 3}, {"mosaic_id": 4}]}
    refusal = httpx.Response(422, json={"message": "all is not allowed"})
    client = _answers(
        refusal, first, slid, again, end, {"time_entry": [end["time_entry"][1]]}
    )
    found = [item["mosaic_id"] for item in client.read("time_entry")]
    assert found == [1, 2, 4, 3]


def test_a_list_that_changed_while_it_was_read_is_not_whole() -> None:
    """Fewer objects than promised is an error, for the missing look deleted."""
    page = {"project": [{"mosaic_id": 1}], "total_count": 2}
    both = [page, {"project": [], "total_count": 2}]
    client = _answers(*both * MOST_READINGS)
    with pytest.raises(Unavailable, match="changed each of 4 times"):
        list(client.read("project", portfolio_id=1))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"time_entries": []},
        {"time_entry": {}},
        {"time_entry": [{"hours": "1"}]},
        {"time_entry": [{"mosaic_id": 1, "hours": "one"}]},
        httpx.Response(200, text='{"time_entry":[{"mosaic_id":1}'),
        httpx.Response(200, text="<html></html>"),
        httpx.Response(200, text=""),
    ],
)
def test_a_list_that_cannot_be_read_is_never_empty(body: Any) -> None:
    """A missing key, a missing id or a body cut off is an error, not an empty list."""
    with pytest.raises(Malformed) as caught:
        list(_answers(body).read("time_entry"))
    assert not caught.value.outcome_unknown


def test_both_spellings_of_everything_are_read() -> None:
    """An id called `id`, camelCase, US days, numbers as numbers and NUL in text."""
    item = {"id": "7", "startDate": "03/31/2026", "fee": 2.5, "title": "a\x00b"}
    (found,) = _answers({"boards": [item]}).read("portfolio")
    assert found["mosaic_id"] == 7
    assert found["start_date"] == "2026-03-31"
    assert found["fee"] == Decimal("2.5")
    assert found["title"] == "a\ufffdb"


@pytest.mark.parametrize("fault", ["down", "slow", "error", "html"])
def test_a_read_survives_two_failures(
    client: MosaicClient, sandbox: MosaicSandbox, budget: Budget, fault: str
) -> None:
    """Reads are tried three times, and every try is paid for."""
    sandbox.fail_next(fault, times=2)
    assert list(client.read("client")) == []
    assert budget.spent == 3


def test_a_read_gives_up_after_three_tries(
    client: MosaicClient, sandbox: MosaicSandbox, budget: Budget
) -> None:
    """The fourth try is somebody else's decision."""
    sandbox.fail_next("error", times=9)
    with pytest.raises(Unavailable) as caught:
        list(client.read("client"))
    assert budget.spent == 3
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("advice", "expected"), [(17, 17.0), (0, 2.0), (900_000, 3600.0), (None, 60.0)]
)
def test_being_too_fast_is_told_and_not_retried(
    client: MosaicClient,
    sandbox: MosaicSandbox,
    budget: Budget,
    advice: int | None,
    expected: float,
) -> None:
    """A 429 says how long to wait, within reason, and costs one request."""
    fault = "rate_limit_mute" if advice is None else "rate_limit"
    sandbox.fail_next(fault, seconds=advice or 0)
    with pytest.raises(RateLimited) as caught:
        list(client.read("client"))
    assert caught.value.retry_after == expected
    assert budget.spent == 1


def test_an_empty_purse_stops_the_request(
    client: MosaicClient, sandbox: MosaicSandbox, budget: Budget
) -> None:
    """What the budget raises passes through, and nothing is sent."""
    budget.left = 0
    with pytest.raises(RuntimeError, match="budget"):
        client.create("client", {"client_name": "Ann"}, ref="r1")
    assert sandbox.requests == []


def test_a_mosaic_that_gives_the_same_page_for_ever_is_an_error() -> None:
    """One that does not know `offset` would be asked until the budget is spent."""
    page = {"project": [{"mosaic_id": 1}, {"mosaic_id": 2}]}
    client = _answers(*[page, page] * MOST_READINGS)
    with pytest.raises(Unavailable, match="same page"):
        list(client.read("project", portfolio_id=1))


def test_a_number_without_end_is_an_error_and_not_the_end_of_the_process() -> None:
    """The parser's C code dies of one longer than Python takes."""
    body = b'[{"mosaic_id": 1, "hours": ' + b"9" * 5000 + b"}]"
    pieces = (body[place : place + 1000] for place in range(0, len(body), 1000))
    with pytest.raises(Unreadable, match="number without end"):
        list(listing.items(pieces, ("project",)))
