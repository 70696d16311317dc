"""What waits for something goes by itself when that is there, in any order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest

from qbwc_server.storage import tables
from tests.delivery.mirror import Mirror, nothing_twice

pytestmark = pytest.mark.in_turn

LINE = ("C1", "J1", "P1")


@pytest.mark.parametrize("mode", ["body", "callback"])
@pytest.mark.parametrize("order", list(permutations(LINE)), ids="-".join)
def test_a_line_arrives_in_whatever_order_it_is_read(
    mirror: Mirror, order: tuple[str, ...], mode: str
) -> None:
    """Portfolio, client, project, phase: each wakes the one below it."""
    mirror.sandbox.answer_mode = mode  # type: ignore[assignment]
    books = mirror.books
    books.customer("C1", "Acme")
    books.customer("J1", "House", "C1")
    books.customer("P1", "Sketches", "J1")
    for key in order:
        books.changed = {key}
        mirror.run()
    assert {row.state for row in mirror.rows(tables.record)} == {"in_sync"}
    assert mirror.counterpart("P1")["project_id"] == mirror.record("J1").mosaic_id
    nothing_twice(mirror)


def test_what_waits_says_for_what(mirror: Mirror) -> None:
    """A job whose customer was not read names what is missing."""
    mirror.books.customer("C1", "Acme")
    mirror.books.customer("J1", "House", "C1")
    mirror.books.changed = {"J1"}
    mirror.run()
    row = mirror.record("J1")
    assert row.state == "unlinked"
    assert row.waits_for == "customer:C1"


def test_companies_that_share_a_key_take_turns(
    make_mirror: Callable[..., Mirror],
) -> None:
    """Two company files of one team share its budget, and neither starves."""
    alice = make_mirror("Alice")
    alice.sandbox.answer_mode = "body"
    bob = make_mirror("Bob")
    bob.sandbox, bob.wire = alice.sandbox, alice.wire
    for mirror in (alice, bob):
        for number in range(25):
            mirror.books.item(f"S{number}", f"{mirror.company.name} {number}")
        mirror.read()
    for _ in range(30):
        alice.worker().run_once()
        due = [one.due_at() for one in (alice, bob)]
        alice.clock.now = max(alice.clock.now, min(due))
    done = [
        sum(row.state == "in_sync" for row in mirror.rows(tables.record))
        for mirror in (alice, bob)
    ]
    assert min(done) >= 6, done
