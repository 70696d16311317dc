"""A bug in a parser stops one object; the kept answer is replayed after the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Row

from qbwc_server.jobs import queue
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.kinds.kind import Seen
from qbwc_server.qbxml.response import Ret
from qbwc_server.quickbooks import replays
from qbwc_server.quickbooks.replays import Replayed
from qbwc_server.records import store, unread
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.quickbooks.poller import Poller
from tests.quickbooks.times import TimePoller

pytestmark = pytest.mark.in_turn

BAD = "Poison Ivy"
Errors = (KeyError, ValueError, ZeroDivisionError)


@contextmanager
def bug(
    patch: pytest.MonkeyPatch, kind: str, error: type[Exception] = KeyError
) -> Iterator[None]:
    """Let the parser of a kind fail on one object."""
    good = KINDS[kind]

    def see(ret: Ret) -> Seen:
        if ret.text("Name") == BAD:
            raise error("Nickname")
        return good.see(ret)

    with patch.context() as patched:
        patched.setitem(KINDS, kind, replace(good, see=see))
        yield


@contextmanager
def bug_in_keeping(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the database work for one object fail, whatever else is in its page."""
    good = store.keep_seen

    def keep(
        connection: Any, company_id: int, kind: Any, objects: Any, **more: Any
    ) -> int:
        new = good(connection, company_id, kind, objects, **more)
        if any(one.name == BAD for one in objects):
            raise KeyError(BAD)
        return new

    with patch.context() as patched:
        patched.setattr(store, "keep_seen", keep)
        yield


def needing(poller: Poller) -> list[Row[Any]]:
    """Return the exchanges that need a replay."""
    return [row for row in poller.rows(tables.exchange) if row.failed_at is not None]


def replayed(poller: Poller, exchange_id: int) -> Replayed:
    """Replay an exchange."""
    return replays.replay(
        poller.engine,
        poller.company_id,
        exchange_id,
        now=poller.clock(),
        who="a test",
    )


def settled(poller: Poller) -> None:
    """Poll until nothing is read any more."""
    for _ in range(2):
        poller.clock.pass_(hours=1)
        poller.poll()


@pytest.mark.parametrize("error", Errors)
def test_one_object_that_our_parser_fails_on_stops_itself_and_no_other(
    poller: Poller, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """The others of its page are taken, and after the fix the replay brings it in."""
    for name in ("Ann", BAD):
        poller.hands.add("Employee", name)
    poller.clock.pass_(hours=4, minutes=30)
    poller.hands.add("Employee", "Zoe")
    with bug(monkeypatch, "employee", error):
        poller.poll()
        settled(poller)
    assert poller.names("employee") == ["Ann", "Zoe"]
    (row, *_) = needing(poller)
    assert "1 not read" in row.reason
    assert BAD in row.answer

    settled(poller)
    assert poller.names("employee") == ["Ann", "Zoe"], "the watermark has passed it"
    done = replayed(poller, row.id)

    assert (done.taken, done.known, done.why_not) == (1, 2, None)
    assert poller.names("employee") == ["Ann", BAD, "Zoe"]
    assert replayed(poller, row.id).why_not == "Our program did not fail on it."
    (audit,) = [
        one for one in poller.rows(tables.audit) if one.what == "exchange replayed"
    ]
    assert (audit.who, audit.detail["exchange"]) == ("a test", row.id)
    settled(poller)
    assert poller.names("employee") == ["Ann", BAD, "Zoe"]


def test_one_object_that_cannot_be_kept_stops_itself_and_no_other(
    poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page fails as a whole, and is then taken object by object."""
    for name in ("Ann", BAD, "Zoe"):
        poller.hands.add("Employee", name)
        poller.hands.add("Customer", f"{name} & Co")
    with bug_in_keeping(monkeypatch):
        poller.poll()
    assert poller.names("employee") == ["Ann", "Zoe"]
    assert len(poller.names("customer")) == 3
    (row,) = needing(poller)

    assert replayed(poller, row.id).taken == 1

    assert poller.names("employee") == ["Ann", BAD, "Zoe"]


def test_without_the_fix_a_replay_changes_nothing(
    poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and can be said again."""
    for name in ("Ann", BAD):
        poller.hands.add("Employee", name)
    with bug(monkeypatch, "employee"):
        poller.poll()
        (row,) = needing(poller)
        told = replayed(poller, row.id).why_not
        assert told is not None
        assert "still fails" in told
        assert needing(poller) == [row]
        assert poller.names("employee") == ["Ann"]


def test_a_known_record_rests_and_says_why_until_it_is_read(
    poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of it is no longer so: it must not be delivered."""
    ivy = poller.hands.add("Employee", BAD)
    poller.poll()
    poller.clock.pass_(hours=1)
    poller.hands.edit("Employee", ivy, Email="ivy@example.com")
    with bug(monkeypatch, "employee"):
        poller.poll()
    row = poller.records("employee")[ivy]
    assert (row.state, row.due_at) == ("refused", None)
    assert row.reason.startswith(unread.UNREAD)

    replayed(poller, needing(poller)[0].id)

    row = poller.records("employee")[ivy]
    assert (row.state, row.reason) == ("pending", None)
    assert row.due_at == poller.clock()
    assert row.quickbooks["email"] == "ivy@example.com"


def test_an_old_answer_never_takes_the_place_of_something_newer(
    poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what was edited, deleted or read since, the replay takes nothing."""
    ivy, eve = (poller.hands.add("Employee", name) for name in (BAD, "Eve"))
    with bug(monkeypatch, "employee"):
        poller.poll()
    poller.clock.pass_(hours=1)
    poller.hands.edit("Employee", eve, Email="eve@example.com")
    poller.hands.edit("Employee", ivy, Email="ivy@example.com")
    poller.poll()
    poller.hands.delete("Employee", eve)
    settled(poller)
    before = poller.records("employee"), poller.records("employee", gone=True)
    assert [len(one) for one in before] == [1, 1]

    done = replayed(poller, needing(poller)[0].id)

    assert (done.taken, done.known) == (0, 2)
    assert done.told().startswith("Nothing was left to do")
    assert before == (poller.records("employee"), poller.records("employee", gone=True))


def test_what_is_gone_stays_gone_whatever_an_old_answer_shows(
    poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edited, not read, deleted: the edit is newer than what is known, and over."""
    ivy = poller.hands.add("Employee", BAD)
    poller.poll()
    poller.clock.pass_(hours=1)
    poller.hands.edit("Employee", ivy, Email="ivy@example.com")
    with bug(monkeypatch, "employee"):
        poller.poll()
    poller.hands.delete("Employee", ivy)
    settled(poller)
    assert ivy in poller.records("employee", gone=True)

    assert replayed(poller, needing(poller)[0].id).taken == 0

    assert ivy in poller.records("employee", gone=True)


def test_what_was_deleted_before_it_could_be_read_does_not_stay(
    poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replay has the list compared, so a ghost is found out."""
    poller.hands.add("Employee", "Ann")
    ivy, zed = (poller.hands.add("Employee", name) for name in (BAD, "Zed"))
    with bug(monkeypatch, "employee"):
        poller.poll()
    for one in (ivy, zed):
        # What was deleted last is told again with the next question.
        poller.clock.pass_(hours=3)
        poller.hands.delete("Employee", one)
        settled(poller)

    assert replayed(poller, needing(poller)[0].id).taken == 1
    settled(poller)

    assert poller.names("employee") == ["Ann"]


def test_a_time_entry_that_our_parser_fails_on_is_replayed_and_asked_for_again(
    timed: TimePoller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entries beside it are taken at once."""
    poller = timed.poller
    good = time_entry.see_time
    for day, notes in (("2026-02-26", "fine"), ("2026-02-27", BAD)):
        timed.enter(day, notes=notes)

    def see(ret: Ret) -> Any:
        if ret.text("Notes") == BAD:
            raise ZeroDivisionError
        return good(ret)

    with monkeypatch.context() as patch:
        patch.setattr(time_entry, "see_time", see)
        poller.poll()
    entries = poller.records(time_entry.NAME).values()
    assert [row.quickbooks["notes"] for row in entries if row.quickbooks] == ["fine"]
    assert [row.state for row in entries] == ["pending", "refused"]

    done = replayed(poller, needing(poller)[0].id)

    assert done.taken == 1
    entries = poller.records(time_entry.NAME).values()
    assert {row.quickbooks["notes"] for row in entries} == {"fine", BAD}
    with company_transaction(poller.engine, poller.company_id) as connection:
        (asked,) = queue.select(
            connection, poller.company_id, tables.job.c.finished_at.is_(None)
        )
    assert asked.action == "verify"


def test_a_read_that_failed_as_a_whole_begins_anew(
    poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job was failed; what the answer holds is taken from it at once."""
    from qbwc_server.quickbooks import list_answers

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    poller.hands.add("Employee", "Ann")
    with monkeypatch.context() as patch:
        patch.setattr(list_answers, "next_in_turn", fails)
        patch.setattr(list_answers, "_next_range", fails)
        poller.poll()
    assert poller.names("employee") == []
    (row,) = needing(poller)

    done = replayed(poller, row.id)

    assert (done.taken, done.asked_again > 0) == (1, True)
    assert poller.names("employee") == ["Ann"]
    poller.poll()
    with company_transaction(poller.engine, poller.company_id) as connection:
        failed = queue.select(
            connection, poller.company_id, tables.job.c.state == "failed"
        )
    assert failed == []


Count = Callable[[], int]


def test_exchanges_that_need_it_are_found_without_a_scan(poller: Poller) -> None:
    """There is an index over only them."""
    with company_transaction(poller.engine, poller.company_id) as connection:
        assert replays.failed(connection, poller.company_id) == []
    names = {one["name"] for one in sa.inspect(poller.engine).get_indexes("exchange")}
    assert "ix_exchange_failed" in names
