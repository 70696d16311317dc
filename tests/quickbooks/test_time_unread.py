"""An entry of time that our program cannot read is a record with a reason."""

from __future__ import annotations

import re

import pytest

from qbwc_server.quickbooks import replays
from qbwc_server.records import unread
from qbwc_server.standing import who_must_act
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.quickbooks.poller import Change
from tests.quickbooks.times import TimePoller

pytestmark = pytest.mark.in_turn


def spoiled(what: str, by: str) -> Change:
    """Write something of the entry of 61 minutes otherwise in every answer."""

    def spoil(text: str) -> str:
        return re.sub(
            r"<TimeTrackingRet>(?:(?!</TimeTrackingRet>).)*PT1H1M0S.*?</TimeTrackingRet>",
            lambda found: re.sub(what, by, found[0], flags=re.DOTALL),
            text,
            flags=re.DOTALL,
        )

    return spoil


FORMS = {
    "half an hour in decimals": ("PT1H1M0S", "PT1.5H"),
    "no duration": ("<Duration>.*?</Duration>", ""),
    "small letters": ("PT1H1M0S", "pt1h"),
    "days": ("PT1H1M0S", "P1DT2H"),
    "no such day": ("<TxnDate>.*?</TxnDate>", "<TxnDate>0000-00-00</TxnDate>"),
    "a person without an id": ("(<EntityRef>\\s*)<ListID>.*?</ListID>", "\\1"),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_unreadable_entry_is_a_record_that_support_must_look_at(
    timed: TimePoller, form: str
) -> None:
    """It has its TxnID, a name of what could be read, and what is wrong with it."""
    bad, good = timed.enter("2026-03-01", 61), timed.enter("2026-03-02", 61 + 1)
    timed.poller.poll(spoiled(*FORMS[form]))

    row = timed.entries()[bad]
    assert row.state == "refused"
    assert row.reason.startswith(unread.UNREAD)
    assert row.reason != unread.UNREAD
    assert (row.quickbooks, row.day, row.due_at) == (None, None, None)
    assert "Amsel:Haus" in row.name
    assert who_must_act.of(row).who == "support"
    with company_transaction(timed.poller.engine, timed.poller.company_id) as one:
        # The customer is told of nothing that he cannot mend.
        assert who_must_act.count(one, timed.poller.company_id) == 0
    assert timed.entries()[good].quickbooks["minutes"] == 62


def test_it_goes_on_by_itself_when_it_can_be_read(timed: TimePoller) -> None:
    """At the next read that shows it, whether somebody touched it or not."""
    bad = timed.enter("2026-03-01", 61)
    timed.poller.poll(spoiled("PT1H1M0S", "PT1.5H"))
    timed.clock.pass_(days=8)
    timed.poller.poll()
    row = timed.entries()[bad]
    assert (row.state, row.unread) == ("pending", None)
    assert (row.day, row.quickbooks["minutes"]) == ("2026-03-01", 61)
    assert row.due_at is not None


def test_a_known_entry_rests_until_it_is_read_even_as_it_was(
    timed: TimePoller,
) -> None:
    """What stands in the record is not so any more, or nobody knows."""
    bad = timed.enter("2026-03-01", 61)
    timed.poller.poll()
    timed.clock.pass_(hours=1)
    timed.hands.edit_time(bad, notes="more")
    timed.poller.poll(spoiled("PT1H1M0S", "PT1.5H"))
    row = timed.entries()[bad]
    assert (row.state, row.day) == ("refused", "2026-03-01")
    timed.clock.pass_(hours=1)
    timed.hands.edit_time(bad, notes="")
    timed.poller.poll()
    row = timed.entries()[bad]
    assert (row.state, row.unread) == ("pending", None)


def test_a_replay_takes_it_in(timed: TimePoller) -> None:
    """Its answer is kept, and the exchange is listed as one with a problem."""
    bad = timed.enter("2026-03-01", 61)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qbwc_server.kinds.time_entry.minutes_from_duration", int)
        timed.poller.poll()
    assert timed.entries()[bad].state == "refused"
    (failed,) = [
        row for row in timed.poller.rows(tables.exchange) if row.failed_at is not None
    ]
    done = replays.replay(
        timed.poller.engine,
        timed.poller.company_id,
        failed.id,
        now=timed.clock(),
        who="a test",
    )
    assert done.why_not is None
    row = timed.entries()[bad]
    assert (row.state, row.quickbooks["minutes"]) == ("pending", 61)


def test_no_compare_counts_it_as_gone_and_a_deletion_does(timed: TimePoller) -> None:
    """It is there whatever it looks like, until QuickBooks says that it is not."""
    bad = timed.enter("2026-03-01", 61)
    timed.poller.poll(spoiled("PT1H1M0S", "PT1.5H"))
    for _ in range(2):
        timed.clock.pass_(days=8)
        timed.poller.poll(spoiled("PT1H1M0S", "PT1.5H"))
        assert timed.entries()[bad].state == "refused"
    timed.clock.pass_(hours=1)
    timed.hands.delete_time(bad)
    timed.poller.poll()
    assert timed.entries() == {}
    row = timed.entries(gone=True)[bad]
    assert (row.unread, row.due_at is not None) == (None, True)
