"""Time entries: the first load, what changed since, and complete compares."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest

from qbwc_server.storage import tables
from tests.quickbooks.times import TimePoller

pytestmark = pytest.mark.in_turn


def test_the_first_load_comes_newest_first_and_whole(timed: TimePoller) -> None:
    """Entries of ten years arrive, in slices that go back from today."""
    new = timed.enter("2026-03-01", 90, notes="Grundriss")
    old = timed.enter("2019-05-04", 30)
    ancient = timed.enter("2014-05-04", 30)
    asked = timed.times_asked(timed.poller.poll())
    starts = re.findall(r"<FromTxnDate>(.*?)<", "".join(asked))
    assert starts == sorted(starts, reverse=True)
    assert len(asked) < 8
    assert set(timed.entries()) == {new, old}
    assert ancient not in timed.entries()
    row = timed.entries()[new]
    assert row.quickbooks["minutes"] == 90
    assert row.quickbooks["job"] == timed.job
    assert row.day == "2026-03-01"
    assert row.parent_id == timed.person
    assert row.state == "pending"
    assert row.due_at is not None
    assert row.delivery_rank < timed.entries()[old].delivery_rank
    state = timed.poller.state("time_entry")
    assert state.reach == "2016-03-02"
    assert state.watermark
    assert timed.poller.job("time_entry").state == "done"


def test_a_quiet_poll_asks_once_and_changes_nothing(timed: TimePoller) -> None:
    """When no time changed, one message set suffices and no record is touched."""
    timed.enter("2026-03-01")
    timed.poller.poll()
    timed.poller.poll()
    before = timed.poller.rows(tables.record)
    timed.clock.pass_(minutes=15)
    assert len(timed.poller.poll()) == 1
    assert timed.poller.rows(tables.record) == before


def test_an_edit_to_an_entry_of_any_age_arrives(timed: TimePoller) -> None:
    """Five years old, or older than the history that is read: an edit is an edit."""
    five = timed.enter("2021-03-01")
    twelve = timed.enter("2014-03-01")
    timed.poller.poll()
    timed.delivered()
    timed.clock.pass_(minutes=20)
    timed.hands.edit_time(five, minutes=75)
    timed.hands.edit_time(twelve, minutes=76)
    asked = timed.times_asked(timed.poller.poll())
    assert len(asked) == 1
    assert timed.entries()[five].quickbooks["minutes"] == 75
    assert timed.entries()[twelve].quickbooks["minutes"] == 76
    assert timed.due() == {five, twelve}
    assert timed.entries()[five].delivery_rank == 10


def test_stamps_alone_are_no_work(timed: TimePoller) -> None:
    """An entry that was only touched gets its new stamps and is not looked at."""
    entry = timed.enter("2026-03-01")
    timed.poller.poll()
    timed.delivered()
    before = timed.entries()[entry]
    timed.clock.pass_(minutes=20)
    timed.hands.touch_time(entry)
    timed.poller.poll()
    after = timed.entries()[entry]
    assert after.time_modified > before.time_modified
    assert after.changed_at == before.changed_at
    assert timed.due() == set()


def test_a_session_that_is_lost_costs_its_slice_only(timed: TimePoller) -> None:
    """The next session goes on with the slice that was not finished."""
    for day in range(1, 29):
        timed.enter(f"2026-02-{day:02}")
    for day in range(1, 16):
        timed.enter(f"2026-01-{day:02}")
    timed.enter("2018-01-01")
    timed.poller.rules = type(timed.poller.rules)(10, timedelta(days=7))

    def stop(number: int) -> None:
        if number == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        timed.poller.poll(between=stop)
    reach = timed.poller.state("time_entry").reach
    assert reach == "2026-01-30"
    assert len(timed.entries()) == 38
    asked = timed.times_asked(timed.poller.poll())
    assert 'iterator="Start"' in asked[0]
    assert "<ToTxnDate>2026-01-29" in asked[0]
    assert len(timed.entries()) == 44


def test_an_iterator_that_dies_is_begun_anew(timed: TimePoller) -> None:
    """A slice whose iterator idled too long is read again from its start."""
    for day in range(1, 26):
        timed.enter(f"2026-02-{day:02}")
    timed.poller.rules = type(timed.poller.rules)(10, timedelta(days=7))

    def idle(number: int) -> None:
        if number == 3:
            timed.clock.pass_(seconds=30)

    timed.poller.poll(between=idle)
    assert len(timed.entries()) == 25
    assert timed.poller.job("time_entry").state == "done"


def test_who_waits_for_quickbooks_to_be_read_is_woken(timed: TimePoller) -> None:
    """A finished slice has those looked at that wait for their day to be read."""
    record = tables.record
    with timed.poller.engine.begin() as connection:
        connection.execute(
            record.insert(),
            {
                "company_id": timed.poller.company_id,
                "id": 1_000_000,
                "kind": "time_entry",
                "state": "pending",
                "name": "of Mosaic",
                "day": "2026-03-01",
                "mosaic_type": "time_entry",
                "mosaic_id": 7,
                "waits_for": "time:quickbooks",
                "created_at": timed.clock(),
                "changed_at": timed.clock(),
            },
        )
    timed.poller.poll()
    (row,) = [one for one in timed.poller.rows(record) if one.mosaic_id == 7]
    assert row.waits_for is None
    assert row.due_at is not None
    assert timed.poller.company().time_tracking is True


def test_a_deletion_is_learnt_within_one_poll(timed: TimePoller) -> None:
    """TxnDeleted tells what was deleted; the entry is looked at by the worker."""
    entry, other = timed.enter("2026-03-01"), timed.enter("2026-03-02")
    timed.poller.poll()
    timed.delivered()
    timed.clock.pass_(minutes=20)
    timed.hands.delete_time(entry)
    timed.poller.poll()
    assert set(timed.entries(gone=True)) == {entry}
    assert set(timed.entries()) == {other}
    assert timed.due() == {entry}


def test_what_a_compare_misses_is_asked_for_by_id_before_it_is_gone(
    timed: TimePoller,
) -> None:
    """A silent deletion is found; an entry whose day changed meanwhile is none."""
    ids = [timed.enter(f"2025-{month:02}-05") for month in range(1, 11)]
    moved = timed.enter("2021-01-05")
    timed.poller.poll()
    timed.poller.file.store.run("DELETE FROM time_entry WHERE txn_id = ?", ids[3])
    timed.clock.pass_(days=8)

    def move(number: int) -> None:
        if number == 2:
            timed.hands.edit_time(moved, txn_date="2026-03-01")

    sent = timed.poller.poll(between=move)
    by_id = [one for one in timed.times_asked(sent) if "<TxnID>" in one]
    assert len(by_id) == 1
    assert f"<TxnID>{moved}</TxnID>" in by_id[0]
    assert set(timed.entries(gone=True)) == {ids[3]}
    assert timed.entries()[moved].day == "2026-03-01"


def test_an_emptied_file_deletes_no_time(timed: TimePoller) -> None:
    """When nearly all time is missing, a person is asked; then it is believed."""
    for day in range(1, 21):
        timed.enter(f"2026-02-{day:02}")
    timed.poller.poll()
    timed.poller.file.store.run("DELETE FROM time_entry")
    timed.clock.pass_(days=8)
    timed.poller.poll()
    assert len(timed.entries()) == 20
    company = timed.poller.company()
    assert company.attention_id == "too-many-gone"
    assert company.delivers is False


def test_a_merge_moves_time_without_touching_it(timed: TimePoller) -> None:
    """After a merge of jobs the time of the loser is the winner's here too."""
    winner = timed.hands.add("Customer", "Zeisig")
    entry = timed.enter("2026-03-01")
    timed.poller.poll()
    timed.clock.pass_(minutes=20)
    timed.hands.merge("Customer", timed.job, winner)
    timed.poller.poll()
    timed.poller.poll()
    assert timed.entries()[entry].quickbooks["job"] == winner


def test_switched_off_time_tracking_is_said_and_stops_nothing(
    timed: TimePoller,
) -> None:
    """Without time tracking no time is asked for, until it comes on."""
    timed.hands.set("time_tracking", value=False)
    sent = timed.poller.poll()
    assert timed.times_asked(sent) == []
    assert timed.poller.company().attention_id == "time-tracking-off"
    assert timed.poller.names("customer") == ["Amsel", "Amsel:Haus"]
    timed.hands.set("time_tracking", value=True)
    entry = timed.enter("2026-03-01")
    timed.poller.poll()
    assert set(timed.entries()) == {entry}
    assert timed.poller.company().attention_id is None


def test_preferences_that_are_refused_stop_nothing(timed: TimePoller) -> None:
    """A company whose preferences may not be read has its time read all the same."""
    entry = timed.enter("2026-03-01")
    timed.poller.poll(
        lambda text: re.sub(
            r'<PreferencesQueryRs requestID="(\d+)".*?</PreferencesQueryRs>',
            r'<PreferencesQueryRs requestID="\1" statusCode="3260" '
            'statusSeverity="Error" statusMessage="Insufficient permission"/>',
            text,
            flags=re.DOTALL,
        )
    )
    assert set(timed.entries()) == {entry}


def test_another_closing_date_has_locked_entries_looked_at(timed: TimePoller) -> None:
    """What the closing date locked is looked at again when the date changes."""
    entry = timed.enter("2026-03-01")
    timed.hands.set("closing_date", "2026-03-01")
    timed.poller.poll()
    assert timed.poller.company().closing_date == "2026-03-01"
    assert timed.poller.company().class_tracking is True
    timed.delivered()
    with timed.poller.engine.begin() as connection:
        connection.execute(tables.record.update().values(state="locked"))
    timed.poller.poll()
    assert timed.due() == set()
    timed.hands.set("closing_date", "")
    timed.poller.poll()
    assert timed.due() == {entry}
    assert timed.poller.company().closing_date is None


def test_an_entry_that_cannot_be_read_is_named_and_not_gone(timed: TimePoller) -> None:
    """One unreadable entry stops no other, and a complete compare spares it."""
    bad, good = timed.enter("2026-03-01", 61), timed.enter("2026-03-02", 62)
    timed.poller.poll()
    timed.clock.pass_(days=8)
    timed.poller.poll(lambda text: text.replace("PT1H1M0S", "an hour"))
    assert set(timed.entries()) == {bad, good}
    assert bad in (timed.poller.job("time_entry").reason or "")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("zone", "changes_at"),
    [
        ("America/New_York", "2026-11-01 06:00"),
        ("America/New_York", "2026-03-08 07:00"),
        ("America/Sao_Paulo", "2018-02-18 02:00"),
        ("America/Sao_Paulo", "2018-11-04 03:00"),
        ("America/Sao_Paulo", "2026-02-15 02:00"),
        ("Australia/Sydney", "2026-04-04 16:00"),
        ("Australia/Sydney", "2026-10-03 16:00"),
        ("Europe/London", "2026-10-25 01:00"),
        ("Europe/London", "2026-03-29 01:00"),
    ],
)
def test_a_clock_change_loses_no_time(
    timed: TimePoller, zone: str, changes_at: str
) -> None:
    """Entries and edits around a clock change are read, each once."""
    timed.hands.set("zone", zone)
    timed.poller.at(changes_at)
    timed.clock.pass_(minutes=-58)
    day = timed.clock.now.date().isoformat()
    first = timed.enter(day)
    timed.poller.poll()
    written = {}
    for step in range(10):
        timed.clock.pass_(minutes=16)
        timed.hands.edit_time(first, minutes=60 + step)
        new = timed.enter(day, step + 1)
        timed.clock.pass_(seconds=1)
        timed.poller.poll()
        seen = timed.entries()
        assert seen[first].quickbooks["minutes"] == 60 + step
        written[new] = seen[new].changed_at
        for txn_id, at in written.items():
            assert seen[txn_id].changed_at == at
    assert timed.poller.company().attention_id is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_thousands_of_entries_stay_fast(timed: TimePoller) -> None:
    """Three thousand entries come in a few pages and within seconds."""
    for number in range(3000):
        timed.enter(f"20{16 + number % 10}-{1 + number % 12:02}-{1 + number % 28:02}")
    timed.poller.rules = type(timed.poller.rules)(500, timedelta(days=7))
    began = time.perf_counter()
    sent = timed.poller.poll()
    assert time.perf_counter() - began < 10
    assert len(timed.times_asked(sent)) < 16
    assert len(timed.entries()) > 2900
