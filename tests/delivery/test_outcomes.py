"""What becomes of a write: four ways to hear of it, and none of them for certain."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.storage import tables

from .mirror import Mirror, everything_said, nothing_twice

pytestmark = pytest.mark.in_turn


def _arrived(mirror: Mirror) -> None:
    nothing_twice(mirror)
    everything_said(mirror)
    assert mirror.names("client") == ["Acme Incorporated", "Bolt"]
    assert mirror.names("project") == ["Garage", "House"]
    assert mirror.names("phase") == ["Sketches"]
    assert mirror.names("employee") == ["ann@example.com"]
    assert mirror.names("standard_work_category") == ["Design", "Detail"]
    states = {row.quickbooks_id: row.state for row in mirror.rows(tables.record)}
    assert states.pop("E2") == "unlinked"
    assert set(states.values()) == {"in_sync"}
    assert mirror.calls(settled=False) == []


@pytest.mark.parametrize("mode", ["callback", "body", "bare", "silent", "mute"])
def test_all_arrives_however_mosaic_answers(firm: Mirror, mode: Any) -> None:
    """Body, callback, request log or only the list: each is enough."""
    firm.sandbox.answer_mode = mode
    firm.run()
    _arrived(firm)


@pytest.mark.parametrize("shape", ["dataPayload", "payload", "response"])
def test_callbacks_are_understood_in_every_shape(firm: Mirror, shape: Any) -> None:
    """Each of the three published shapes ends the wait at once."""
    firm.sandbox.callback_shape = shape
    began = firm.clock()
    firm.run()
    _arrived(firm)
    assert (firm.clock() - began).total_seconds() < 60


@pytest.mark.parametrize(
    "fault", ["callback_late", "callback_twice", "callback_never", "callback_forged"]
)
def test_callbacks_may_come_late_twice_never_or_false(firm: Mirror, fault: str) -> None:
    """Whatever happens to callbacks, each record is linked to its own object."""
    firm.sandbox.fail_next(fault, 100, seconds=400)
    firm.run()
    firm.clock.pass_(seconds=500)
    firm.sandbox.deliver_callbacks()
    firm.run()
    _arrived(firm)
    real = {one["mosaic_id"] for one in firm.sandbox.objects("client")}
    assert {firm.record("C1").mosaic_id, firm.record("C2").mosaic_id} == real


def test_a_forged_refusal_is_not_believed(firm: Mirror) -> None:
    """A false callback that knows our reference cannot make a record refused."""
    firm.sandbox.team.callback_url = None
    firm.read()
    firm.worker().run_once()
    for call in firm.calls(settled=False):
        assert (
            firm.call_back(
                {
                    "dataType": call.data_type,
                    "metadata": {"ref": call.ref},
                    "status": 422,
                    "error": "no",
                    "apiRequestId": "00000000-0000-0000-0000-000000000000",
                }
            )
            == 200
        )
    firm.run()
    _arrived(firm)


def test_what_mosaic_refuses_later_stops_only_itself(firm: Mirror) -> None:
    """An asynchronous refusal is the record's state and reason; the others go on."""
    firm.sandbox.fail_next("refuse_later", match="POST client")
    firm.run()
    refused = [r for r in firm.rows(tables.record) if r.state == "refused"]
    assert [row.kind for row in refused] == ["customer"]
    assert "client could not be processed" in refused[0].reason
    below = firm.record("J1" if refused[0].quickbooks_id == "C1" else "J2")
    assert (below.state, below.waits_for) == (
        "unlinked",
        f"customer:{refused[0].quickbooks_id}",
    )
    assert firm.record("E1").state == "in_sync"


def test_a_refused_record_is_tried_again_when_it_changes(mirror: Mirror) -> None:
    """A correction in QuickBooks is sent without anybody asking for it."""
    mirror.books.employee("E1", "Ann Lee", "ann@example.com")
    mirror.sandbox.fail_next("refuse_later", match="POST employee")
    mirror.run()
    assert mirror.record("E1").state == "refused"
    mirror.books.edit("E1", email="ann.lee@example.com")
    mirror.run()
    assert mirror.record("E1").state == "in_sync"
    assert mirror.names("employee") == ["ann.lee@example.com"]


def test_a_refused_record_is_tried_again_when_the_lists_are_read(
    mirror: Mirror,
) -> None:
    """What somebody mended in Mosaic is noticed at the next look at the lists."""
    mirror.books.employee("E1", "Ann Lee", "ann@example.com")
    mirror.sandbox.fail_next("refuse_later", match="POST employee")
    mirror.run()
    before = len(mirror.sandbox.requests)
    mirror.refresh()
    assert mirror.record("E1").state == "in_sync"
    assert len(mirror.sandbox.requests) - before < 20


def test_an_acknowledged_write_that_never_appears_ends(mirror: Mirror) -> None:
    """It is not waited for for ever and not sent again: a person is asked to look."""
    mirror.sandbox.answer_mode = "silent"
    mirror.books.item("S1", "Design")
    items = mirror.sandbox.team.store.objects["standard_work_category"]
    mirror.wire.after = lambda _: items.clear()
    mirror.run()
    row = mirror.record("S1")
    assert row.state == "refused"
    assert "never appeared" in row.reason
    assert mirror.writes().count(("create", "standard_work_category")) == 1


def test_one_refused_for_ever_lets_all_others_pass(firm: Mirror) -> None:
    """A record that Mosaic answers with an error each time does not hold up others."""
    firm.sandbox.answer_mode = "body"
    firm.sandbox.fail_next("error", 10_000, "POST employee")
    firm.read()
    for _ in range(12):
        firm.worker().run_once()
        due = firm.due_at()
        firm.clock.now = max(firm.clock.now, due)
    assert firm.names("phase") == ["Sketches"]
    assert firm.names("standard_work_category") == ["Design", "Detail"]
    assert firm.record("E1").state == "pending"
    assert "500" in firm.record("E1").reason


def test_callbacks_of_a_lost_answer_do_not_have_it_sent_again(mirror: Mirror) -> None:
    """Who calls back with our reference has the write, though no list shows it yet."""
    mirror.books.item("S1", "Design")
    mirror.sandbox._logs["100"] = Forgetful()
    mirror.sandbox.team.callback_url = None
    mirror.sandbox.fail_next("slow", 1, "POST standard_work_category", when="after")
    hidden: dict[int, Any] = {}
    items = mirror.sandbox.team.store.objects["standard_work_category"]

    def hide(_: object) -> None:
        hidden.update(items)
        items.clear()

    mirror.wire.before = hide
    mirror.read()
    mirror.worker().run_once()
    while mirror.calls()[-1].data_type != "standard_work_category":
        mirror.clock.pass_(seconds=5)
        mirror.worker().run_once()
    for _ in range(3):
        mirror.clock.pass_(seconds=5)
        callback = {
            "dataType": "standard_work_category",
            "metadata": {"ref": mirror.calls()[-1].ref},
            "status": 200,
            "apiRequestId": "00000000-0000-0000-0000-000000000000",
        }
        assert mirror.call_back(callback) == 200
        mirror.worker().run_once()
    mirror.clock.pass_(seconds=130)
    mirror.wire.before = lambda _: items.update(hidden)
    mirror.run()
    assert mirror.writes().count(("create", "standard_work_category")) == 1
    assert mirror.record("S1").state == "in_sync"


class Forgetful(dict[str, Any]):
    """A request log that remembers nothing."""

    def values(self) -> Any:
        """Return no line."""
        return []


@pytest.mark.parametrize("data_type", ["standard_work_category", "portfolio"])
def test_what_was_acknowledged_but_never_appears_is_never_sent_again(
    mirror: Mirror, data_type: str
) -> None:
    """Not by the next look at the lists either: only a person can tell."""
    mirror.sandbox.answer_mode = "silent"
    mirror.sandbox.team.callback_url = None
    mirror.books.item("S1", "Design")
    mirror.books.customer("C1", "Acme")
    mirror.books.customer("J1", "House", "C1")
    items = mirror.sandbox.team.store.objects[data_type]
    mirror.wire.before = lambda _: items.clear()
    mirror.run()
    mirror.refresh()
    mirror.refresh()
    assert mirror.writes().count(("create", data_type)) == 1


def test_a_portfolio_that_never_appeared_is_said_and_found_later(
    mirror: Mirror,
) -> None:
    """Everything below it waits with a reason, and goes on when it is there."""
    mirror.sandbox.answer_mode = "silent"
    mirror.sandbox.team.callback_url = None
    mirror.books.customer("C1", "Acme")
    mirror.books.customer("J1", "House", "C1")
    items = mirror.sandbox.team.store.objects["portfolio"]
    mirror.wire.before = lambda _: items.clear()
    mirror.run()
    assert mirror.record("J1").state == "unlinked"
    assert mirror.state().attention_id == "mosaic-portfolio-missing"
    mirror.wire.before = lambda _: None
    mirror.sandbox.create("portfolio", title="Alice & Co")
    mirror.refresh()
    assert mirror.record("J1").state == "in_sync"
    assert mirror.state().attention_id is None
