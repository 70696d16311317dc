"""Preview, paused, stopped, without a key or with a wrong one: nothing is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qbwc_server.companies import attention
from qbwc_server.companies.registry import NewCompany
from qbwc_server.records import due
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.delivery.mirror import Mirror, everything_said

pytestmark = pytest.mark.in_turn


@pytest.mark.parametrize(
    ("mode", "word"), [("preview", "Preview"), ("paused", "Paused")]
)
def test_nothing_is_written_unless_live(
    make_mirror: Callable[..., Mirror], mode: str, word: str
) -> None:
    """In preview and paused Mosaic is only read, and each record says what would be."""
    mirror = make_mirror(mode="preview")
    mirror.change(mode=mode)
    mirror.books.customer("C1", "Acme")
    mirror.books.customer("J1", "House", "C1")
    mirror.books.employee("E1", "Ann Lee", "ann@example.com")
    mirror.run()
    assert mirror.sandbox.writes == []
    assert mirror.calls() == []
    assert mirror.record("C1").reason.startswith(f"{word}: a client would be created.")
    assert mirror.record("E1").reason.startswith(f"{word}: a member would be created.")
    everything_said(mirror)


def test_going_live_delivers_what_preview_showed(
    make_mirror: Callable[..., Mirror],
) -> None:
    """All that waited is delivered, without a change in QuickBooks."""
    mirror = make_mirror(mode="preview")
    mirror.books.customer("C1", "Acme")
    mirror.books.customer("J1", "House", "C1")
    mirror.books.item("S1", "Design")
    mirror.run()
    mirror.change(mode="live")
    mirror.run()
    assert mirror.names("project") == ["House"]
    assert {row.state for row in mirror.rows(tables.record)} == {"in_sync"}


def test_too_many_deletions_stop_delivery_until_somebody_spoke(
    mirror: Mirror,
) -> None:
    """The stop holds, says that it is one, and lifting it delivers."""
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        attention.attend(
            connection,
            mirror.company.id,
            error_id="too-many-gone",
            text="Really?",
            now=mirror.clock(),
        )
    mirror.books.item("S1", "Design")
    mirror.run()
    assert mirror.sandbox.writes == []
    assert mirror.record("S1").reason.startswith("Stopped until somebody has looked:")
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        attention.calm(
            connection, mirror.company.id, also_stops=True, now=mirror.clock()
        )
        due.look_at_all(connection, mirror.company.id, mirror.clock())
    mirror.run()
    assert mirror.record("S1").state == "in_sync"


def test_without_a_key_it_is_asked_for_and_then_used(
    make_mirror: Callable[..., Mirror],
) -> None:
    """A company without a key says so; entering one is enough to go on."""
    mirror = make_mirror(mosaic_key=None)
    mirror.books.item("S1", "Design")
    mirror.run()
    assert mirror.state().attention_id == "mosaic-key-missing"
    mirror.change(mosaic_key=mirror.keys.encrypt("sandbox-key"))
    mirror.run()
    assert mirror.record("S1").state == "in_sync"
    assert mirror.state().attention_id is None


def test_a_wrong_key_asks_for_attention_until_it_is_right(mirror: Mirror) -> None:
    """Nothing is lost meanwhile, and the attention goes by itself."""
    mirror.books.item("S1", "Design")
    mirror.sandbox.team.api_key = "another-key"
    mirror.read()
    mirror.worker().run_once()
    assert mirror.state().attention_id == "mosaic-unauthorised"
    mirror.change(mosaic_key=mirror.keys.encrypt("another-key"))
    mirror.run()
    assert mirror.record("S1").state == "in_sync"
    assert mirror.state().attention_id is None


def test_trouble_with_mosaic_does_not_hide_trouble_with_the_file(
    mirror: Mirror,
) -> None:
    """A wrong company file stays in front, and calming one leaves the other."""
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        attention.attend(
            connection,
            mirror.company.id,
            error_id="wrong-file",
            text="Wrong.",
            now=mirror.clock(),
        )
    mirror.sandbox.team.api_key = "another-key"
    mirror.read()
    mirror.worker().run_once()
    assert mirror.state().attention_id == "wrong-file"
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        attention.calm(connection, mirror.company.id, now=mirror.clock())
    mirror.clock.pass_(minutes=16)
    mirror.change(mosaic_key=mirror.keys.encrypt("wrong"))
    mirror.worker().run_once()
    assert mirror.state().attention_id == "mosaic-unauthorised"
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        attention.calm(connection, mirror.company.id, now=mirror.clock())
    assert mirror.state().attention_id == "mosaic-unauthorised"


@pytest.mark.parametrize("fault", ["down", "error", "html", "bad_json"])
def test_while_mosaic_is_not_usable_the_company_says_so(
    mirror: Mirror, fault: str
) -> None:
    """An outage is visible, and over when it is over."""
    mirror.books.item("S1", "Design")
    mirror.sandbox.fail_next(fault, 10_000)
    mirror.read()
    mirror.worker().run_once()
    assert (mirror.state().attention_id or "").startswith("mosaic-")
    mirror.sandbox.faults._waiting.clear()
    mirror.run()
    assert mirror.record("S1").state == "in_sync"
    assert mirror.state().attention_id is None


def test_a_fault_of_ours_is_visible_and_tried_again(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in delivery does not hide in the log."""
    mirror.books.item("S1", "Design")
    with monkeypatch.context() as broken:
        broken.setattr("qbwc_server.kinds.list_plan.match_key", None)
        broken.setattr("qbwc_server.worker.one_pass.match_key", None)
        mirror.read()
        mirror.worker().run_once()
    assert mirror.state().attention_id == "mosaic-delivery-failed"
    mirror.run()
    assert mirror.record("S1").state == "in_sync"


def test_two_companies_are_served_although_one_has_no_key(
    make_mirror: Callable[..., Mirror], new_company: Callable[..., NewCompany]
) -> None:
    """One company's trouble does not stop another's delivery."""
    new_company("Bob", mosaic_key=None)
    alice = make_mirror()
    alice.books.item("S1", "Design")
    alice.run()
    assert alice.record("S1").state == "in_sync"


def test_a_key_that_mosaic_wants_in_its_other_form_is_sent_so(mirror: Mirror) -> None:
    """Both forms are seen in use; the one that works is kept with the company."""
    mirror.sandbox.auth_scheme = "bearer"
    mirror.sandbox.answer_mode = "body"
    mirror.books.customer("C1", "Acme")
    mirror.run()
    assert mirror.names("client") == ["Acme"]
    assert mirror.state().attention_id is None
    assert mirror.state().mosaic_auth_scheme == "bearer"
