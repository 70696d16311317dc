"""Writing to Mosaic, and proving who we are."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.mosaic.connection import AuthScheme
from qbwc_server.mosaic.errors import (
    Forbidden,
    Invalid,
    Malformed,
    MosaicError,
    NotFound,
    Unauthorised,
    Unavailable,
)
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.server import serve

from .wire import KEY, NOON, Budget, Wire, connection


def _speaking_to(answer: httpx.Response | Exception) -> MosaicClient:
    """A client whose every request gets the same answer."""

    def handle(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    transport = httpx.MockTransport(handle)
    return MosaicClient(connection(), spend=lambda: None, transport=transport)


def _entry(links: dict[str, Any], **changes: Any) -> dict[str, Any]:
    entry = {"date": date(2026, 3, 1), "hours": Decimal("1.5"), "description": "Plans"}
    return links | entry | changes


# Writing


def test_a_time_entry_comes_back_as_it_was_written(
    client: MosaicClient, links: dict[str, Any]
) -> None:
    """Fields go out under their written names and come back under the read ones."""
    client.create(
        "time_entry",
        _entry(links, is_billable=False, rate=Decimal("99.5")),
        ref="r1",
    )
    (found,) = client.read("time_entry")
    assert found["hours"] == Decimal("1.5")
    assert found["rate"] == Decimal("99.5")
    assert found["date"] == "2026-03-01"
    assert found["description"] == "Plans"
    assert found["is_billable"] is False


@pytest.mark.parametrize("mode", ["body", "bare"])
def test_an_object_in_the_answer_is_taken(
    client: MosaicClient, sandbox: MosaicSandbox, mode: Any
) -> None:
    """The id is known at once when the answer holds the object, wrapped or bare."""
    sandbox.answer_mode = mode
    answer = client.create("client", {"client_name": "Ann"}, ref="r1")
    assert answer.mosaic_id == sandbox.objects("client")[0]["mosaic_id"]
    assert answer.record
    assert answer.record["client_name"] == "Ann"


@pytest.mark.parametrize("mode", ["callback", "silent"])
def test_a_request_id_is_kept_for_later(
    client: MosaicClient, sandbox: MosaicSandbox, mode: Any
) -> None:
    """With only a request id the log tells the outcome, under our reference."""
    sandbox.answer_mode = mode
    answer = client.create("client", {"client_name": "Ann"}, ref="r1")
    assert answer.mosaic_id is None
    (entry,) = client.request_log("client", api_request_id=answer.api_request_id)
    assert entry.mosaic_id == sandbox.objects("client")[0]["mosaic_id"]
    assert (entry.ref, entry.action, entry.error) == ("r1", "create", None)
    assert entry.created_at
    assert entry.created_at.utcoffset() is not None


def test_an_answer_that_says_nothing_is_no_error(
    client: MosaicClient, sandbox: MosaicSandbox
) -> None:
    """An empty object means accepted; only reading back tells more."""
    sandbox.answer_mode = "mute"
    answer = client.create("client", {"client_name": "Ann"}, ref="r1")
    assert (answer.mosaic_id, answer.api_request_id) == (None, None)


def test_the_log_of_a_type_is_searched_without_a_request_id(
    client: MosaicClient, sandbox: MosaicSandbox
) -> None:
    """A write whose answer was lost is found by its reference alone."""
    sandbox.fail_next("down", when="after", match="POST")
    with pytest.raises(Unavailable):
        client.create("standard_work_category", {"title": "Design"}, ref="lost")
    log = client.request_log("standard_work_category")
    assert [entry.ref for entry in log] == ["lost"]


@pytest.mark.parametrize("fault", ["down", "slow", "error", "html"])
def test_a_post_is_sent_once_even_when_the_answer_is_lost(
    client: MosaicClient, sandbox: MosaicSandbox, fault: str
) -> None:
    """A lost answer leaves the outcome unknown and never causes a second POST."""
    sandbox.fail_next(fault, when="after", match="POST client")
    with pytest.raises(Unavailable) as caught:
        client.create("client", {"client_name": "Ann"}, ref="r1")
    assert caught.value.outcome_unknown
    assert caught.value.retryable
    assert sandbox.created_refs == ["r1"]
    assert [method for method, _ in sandbox.requests].count("POST") == 1


def test_a_write_is_sent_once_when_nothing_was_done(
    client: MosaicClient, sandbox: MosaicSandbox
) -> None:
    """A 500 before the write looks the same from here and is not tried again."""
    sandbox.fail_next("error", match="POST")
    with pytest.raises(Unavailable) as caught:
        client.create("client", {"client_name": "Ann"}, ref="r1")
    assert caught.value.outcome_unknown
    assert sandbox.created_refs == []


@pytest.mark.parametrize(
    ("failure", "unknown"),
    [
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("no route"), False),
        (httpx.ReadTimeout("silence"), True),
        (httpx.WriteError("broken pipe"), True),
    ],
)
def test_a_connection_never_made_is_certainty(
    failure: Exception, unknown: bool
) -> None:
    """Only what could have reached Mosaic leaves a write in doubt."""
    client = _speaking_to(failure)
    with pytest.raises(Unavailable) as caught:
        client.create("client", {"client_name": "Ann"}, ref="r1")
    assert caught.value.outcome_unknown is unknown


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>Maintenance</html>"),
        httpx.Response(200, text='{"client":{"mosaic_id":1'),
        httpx.Response(200, json=[1]),
        httpx.Response(200, json={"client": {"client_name": "no id"}}),
        httpx.Response(200, json={"error": "queue is full"}),
        httpx.Response(302, headers={"Location": "https://elsewhere.invalid/"}),
        httpx.Response(200, content=b" " * (9 * 1024 * 1024)),
    ],
)
def test_an_unreadable_answer_to_a_write_leaves_it_in_doubt(
    answer: httpx.Response,
) -> None:
    """Web pages, cut off or shapeless JSON, redirects and floods are no success."""
    client = _speaking_to(answer)
    with pytest.raises(Malformed) as caught:
        client.create("client", {"client_name": "Ann"}, ref="r1")
    assert caught.value.outcome_unknown


def test_an_answer_about_another_object_is_not_believed() -> None:
    """An update answered with a different id is no confirmation."""
    client = _speaking_to(httpx.Response(200, json={"client": {"mosaic_id": 8}}))
    with pytest.raises(Malformed, match="answered for 8"):
        client.update("client", 7, {"client_name": "Ann"}, ref="r1")


def test_a_refused_write_is_certain(
    client: MosaicClient, links: dict[str, Any]
) -> None:
    """A 422 carries Mosaic's own words and leaves nothing in doubt."""
    with pytest.raises(Invalid, match="date can't be blank") as caught:
        client.create("time_entry", links | {"hours": Decimal(1)}, ref="r1")
    assert (caught.value.status, caught.value.outcome_unknown) == (422, False)


def test_a_field_mosaic_does_not_take_is_our_mistake(client: MosaicClient) -> None:
    """A misspelt field is found before anything is sent."""
    with pytest.raises(ValueError, match=r"client\.name cannot be written"):
        client.create("client", {"name": "Ann"}, ref="r1")


def test_an_update_changes_only_what_it_names(
    client: MosaicClient, sandbox: MosaicSandbox, links: dict[str, Any]
) -> None:
    """Types whose id travels in the body and in the path are both updated."""
    client.create("time_entry", _entry(links), ref="r1")
    entry = sandbox.objects("time_entry")[0]
    client.update("time_entry", entry["mosaic_id"], {"description": "New"}, ref="r2")
    client.update("employee", links["member_id"], {"last_name": "Wu"}, ref="r3")
    client.update("project", links["project_id"], {"title": "Barn"}, ref="r4")
    after = sandbox.objects("time_entry")[0]
    assert (after["description"], after["hours"]) == ("New", "1.5")
    assert after["member_name"] == "Bo Wu"
    assert after["project_title"] == "Barn"
    assert after["updated_at"] > entry["updated_at"]


def test_hours_are_rounded_to_what_a_minute_needs(
    client: MosaicClient, sandbox: MosaicSandbox, links: dict[str, Any]
) -> None:
    """Twenty minutes have no exact decimal form; four places are sent."""
    client.create("time_entry", _entry(links, hours=Decimal(1) / 3), ref="r1")
    assert sandbox.objects("time_entry")[0]["hours"] == "0.3333"


@pytest.mark.parametrize(
    ("data_type", "link"),
    [
        ("project", "project_id"),
        ("phase", "phase_id"),
        ("employee", "member_id"),
        ("standard_work_category", "standard_work_category_id"),
    ],
)
def test_what_is_archived_can_be_brought_back(
    client: MosaicClient,
    sandbox: MosaicSandbox,
    links: dict[str, Any],
    data_type: str,
    link: str,
) -> None:
    """Archiving destroys nothing, whatever the type."""
    project_id = links["project_id"]
    client.archive(data_type, links[link], ref="r1", project_id=project_id)
    (before,) = sandbox.objects(data_type)
    client.unarchive(data_type, links[link], ref="r2", project_id=project_id)
    (after,) = sandbox.objects(data_type)
    assert (before["is_archived"], after["is_archived"]) == (True, False)


def test_a_portfolio_is_archived_by_its_own_words(
    client: MosaicClient, sandbox: MosaicSandbox, links: dict[str, Any]
) -> None:
    """Portfolios have `archive` and `unarchive` instead of a DELETE."""
    assert links
    (portfolio,) = sandbox.objects("portfolio")
    client.archive("portfolio", portfolio["mosaic_id"], ref="r1")
    assert sandbox.objects("portfolio")[0]["is_archived"] is True
    client.unarchive("portfolio", portfolio["mosaic_id"], ref="r2")
    assert sandbox.objects("portfolio")[0]["is_archived"] is False


@pytest.mark.parametrize("data_type", ["client", "time_entry"])
def test_what_cannot_be_archived_says_so(client: MosaicClient, data_type: str) -> None:
    """The API has no archive for clients and time entries."""
    with pytest.raises(ValueError, match="cannot archive"):
        client.archive(data_type, 1, ref="r1")


def test_time_entries_are_deleted_together(
    client: MosaicClient, sandbox: MosaicSandbox, links: dict[str, Any]
) -> None:
    """Several entries are one request, and others stay."""
    for ref in ("r1", "r2", "r3"):
        client.create("time_entry", _entry(links), ref=ref)
    ids = [entry["mosaic_id"] for entry in sandbox.objects("time_entry")]
    client.delete_time_entries(ids[:2], ref="r4")
    assert [each["mosaic_id"] for each in sandbox.objects("time_entry")] == ids[2:]


# Who we are


@pytest.mark.parametrize("wanted", ["raw", "bearer"])
@pytest.mark.parametrize("configured", ["raw", "bearer"])
def test_the_check_finds_how_the_key_is_written(
    sandbox: MosaicSandbox, budget: Budget, wanted: AuthScheme, configured: AuthScheme
) -> None:
    """The configured way is tried first, the other one once."""
    sandbox.auth_scheme = wanted
    ours = connection(auth_scheme=configured)
    client = MosaicClient(ours, spend=budget, transport=Wire(sandbox))
    assert client.check() == wanted
    assert budget.spent == (1 if wanted == configured else 2)


def test_a_wrong_key_fails_the_check(sandbox: MosaicSandbox, budget: Budget) -> None:
    """Both ways refused means the key is wrong."""
    ours = connection(api_key="wrong")
    client = MosaicClient(ours, spend=budget, transport=Wire(sandbox))
    with pytest.raises(Unauthorised) as caught:
        client.check()
    assert budget.spent == 2
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, Unauthorised),
        (403, Forbidden),
        (404, NotFound),
        (409, Invalid),
        (422, Invalid),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[MosaicError]) -> None:
    """What to do next follows from the class, with Mosaic's words for support."""
    body = {"error": "because", "api_request_id": "req-1"}
    client = _speaking_to(httpx.Response(status, json=body))
    with pytest.raises(kind, match="because") as caught:
        list(client.read("client"))
    assert caught.value.status == status
    assert caught.value.request_id == "req-1"
    assert caught.value.customer


@pytest.mark.parametrize("status", [200, 403, 502])
def test_the_key_is_shown_nowhere(
    caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """Not in the repr, not in errors repeating what Mosaic says, not in logs."""
    caplog.set_level("DEBUG")
    words = {"error": f"no such key: {KEY}"}
    client = _speaking_to(httpx.Response(status, json=words))
    with pytest.raises(MosaicError) as caught:
        client.create("client", {"client_name": "Ann"}, ref="r1")
    seen = f"{connection()!r} {caught.value!r} {caught.value.support} {caplog.text}"
    assert "[key]" in seen
    assert KEY not in seen


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key": "key\nX-Evil: 1"},
        {"api_key": ""},
        {"origin": "a b"},
        {"team_id": "100/../200"},
        {"base_url": "ftp://mosaic.invalid"},
        {"auth_scheme": "basic"},
    ],
)
def test_a_connection_that_cannot_be_sent_is_refused(changes: dict[str, str]) -> None:
    """A line end in a header or a slash in a team is a mistake or an attack."""
    with pytest.raises(ValueError, match=r"\w") as caught:
        connection(**changes)
    assert "X-Evil" not in str(caught.value)


def test_it_works_over_a_real_socket(budget: Budget) -> None:
    """The same over TCP: a write, a connection that dies after it, and a read."""
    sandbox = MosaicSandbox(api_key=KEY, clock=lambda: NOON)
    running = serve(sandbox, 0)
    client = MosaicClient(connection(base_url=running.url), spend=budget)
    try:
        client.create("client", {"client_name": "Ann"}, ref="r1")
        sandbox.fail_next("down", when="after", match="POST")
        with pytest.raises(Unavailable) as caught:
            client.create("client", {"client_name": "Bo"}, ref="r2")
        assert caught.value.outcome_unknown
        assert [item["client_name"] for item in client.read("client")] == ["Ann", "Bo"]
        assert sandbox.created_refs == ["r1", "r2"]
    finally:
        client.close()
        running.stop()


def test_nobody_listening_is_certainty(budget: Budget) -> None:
    """A refused connection means the write did not happen."""
    sandbox = MosaicSandbox(api_key=KEY, clock=lambda: NOON)
    running = serve(sandbox, 0)
    running.stop()
    client = MosaicClient(connection(base_url=running.url), spend=budget)
    with pytest.raises(Unavailable) as caught:
        client.create("client", {"client_name": "Ann"}, ref="r1")
    client.close()
    assert not caught.value.outcome_unknown
