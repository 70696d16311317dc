"""Entries that are asked for by their TxnID."""

from __future__ import annotations

import pytest

from qbwc_server.decisions import company_settings
from qbwc_server.quickbooks import time_requests
from qbwc_server.storage.database import company_transaction
from tests.quickbooks.times import TimePoller

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _verify(timed: TimePoller, *txn_ids: str) -> list[int]:
    poller = timed.poller
    with company_transaction(poller.engine, poller.company_id) as connection:
        return time_requests.verify(
            connection,
            poller.company_id,
            txn_ids,
            now=timed.clock(),
            by="test",
            summary="Look at entries again",
        )


def test_what_is_found_is_kept_and_the_rest_is_gone(timed: TimePoller) -> None:
    """Status 500 brings those that are there."""
    there, gone = timed.enter("2026-03-01"), timed.enter("2026-03-02")
    for day in range(1, 20):
        timed.enter(f"2026-02-{day:02}")
    timed.poller.poll()
    timed.poller.file.store.run("DELETE FROM time_entry WHERE txn_id = ?", gone)
    timed.poller.file.store.run(
        "UPDATE time_entry SET minutes = 17 WHERE txn_id = ?", there
    )
    _verify(timed, there, gone)
    timed.poller.poll()
    assert timed.entries()[there].quickbooks["minutes"] == 17
    assert set(timed.entries(gone=True)) == {gone}


def test_one_that_is_refused_as_unknown_is_gone(timed: TimePoller) -> None:
    """A single missing entry may be answered with 3120 instead."""
    entry = timed.enter("2026-03-01")
    timed.poller.poll()
    timed.poller.file.store.run("DELETE FROM time_entry WHERE txn_id = ?", entry)
    _verify(timed, entry)
    timed.poller.poll(
        lambda text: text.replace(
            'statusCode="500" statusSeverity="Warn"',
            'statusCode="3120" statusSeverity="Error"',
        )
    )
    assert set(timed.entries(gone=True)) == {entry}
    assert timed.poller.job("time_entry").state == "done"


def test_a_hundred_are_asked_for_at_a_time(timed: TimePoller) -> None:
    """More of them are more jobs, and nothing unknown comes of it."""
    assert len(_verify(timed, *[f"{number:X}-1" for number in range(250)])) == 3
    sent = timed.poller.poll()
    assert max(text.count("<TxnID>") for text in timed.times_asked(sent)) == 100
    assert timed.entries() == {}


def test_too_many_that_are_missing_need_a_person(timed: TimePoller) -> None:
    """An emptied file is not believed by this way either."""
    ids = [timed.enter(f"2026-02-{day:02}") for day in range(1, 21)]
    timed.poller.poll()
    timed.poller.file.store.run("DELETE FROM time_entry")
    _verify(timed, *ids)
    timed.poller.poll()
    assert len(timed.entries()) == 20
    assert timed.poller.company().attention_id == "too-many-gone"


def test_many_named_deletions_are_not_believed(timed: TimePoller) -> None:
    """A file condensed away stops for a person; accepted, the compare takes them."""
    ids = [timed.enter(f"2026-02-{day:02}") for day in range(1, 21)]
    timed.poller.poll()
    timed.clock.pass_(minutes=20)
    for txn_id in ids[:15]:
        timed.hands.delete_time(txn_id)
    timed.poller.poll()
    assert timed.entries(gone=True) == {}
    assert timed.poller.company().attention_id == "too-many-gone"
    poller = timed.poller
    with company_transaction(poller.engine, poller.company_id) as connection:
        company_settings.accept_deletions(
            connection, poller.company_id, now=timed.clock(), who="operator"
        )
    timed.poller.poll()
    assert set(timed.entries(gone=True)) == set(ids[:15])
