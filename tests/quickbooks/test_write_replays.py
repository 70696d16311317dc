"""A write on whose answer our program failed is settled by it after the fix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qbwc_server.quickbooks import replays
from qbwc_server.quickbooks.replays import Replayed
from qbwc_server.quickbooks.writing import WRITINGS
from qbwc_server.storage import tables
from tests.web_connector.desk import Desk
from tests.web_connector.writing import Hours

pytestmark = pytest.mark.in_turn


def _fails(*_: Any) -> None:
    raise KeyError("a bug of ours")


def _lose_to_a_bug(desk: Desk, hours: Hours, patch: pytest.MonkeyPatch) -> int:
    """Have an hour written whose answer our program fails on; return the exchange."""
    desk.read_all()
    hours.enqueue(desk, 2)
    desk.clock.pass_(minutes=20)
    with patch.context() as patched:
        broken = replace(WRITINGS[hours.kind], kept=_fails)
        patched.setitem(WRITINGS, hours.kind, broken)
        ticket = desk.ticket()
        desk.give(ticket, desk.quickbooks().process(desk.first_write(ticket)))
        desk.call("closeConnection", ticket)
    assert hours.states(desk) == ["unsure"]
    (row,) = [row for row in desk.rows(tables.exchange) if row.failed_at is not None]
    return int(row.id)


def _replay(desk: Desk, exchange_id: int) -> Replayed:
    return replays.replay(
        desk.engine, desk.company.id, exchange_id, now=desk.clock(), who="a test"
    )


@pytest.mark.parametrize("in_doubt", [False, True])
def test_a_write_is_settled_and_not_sent_again(
    desk: Desk, hours: Hours, monkeypatch: pytest.MonkeyPatch, in_doubt: bool
) -> None:
    """Also one that could not be found out about and waits for a person."""
    exchange_id = _lose_to_a_bug(desk, hours, monkeypatch)
    if in_doubt:
        with desk.engine.begin() as connection:
            connection.execute(
                tables.job.update()
                .where(tables.job.c.kind == hours.kind)
                .values(state="failed", cursor={"in_doubt": True})
            )

    assert _replay(desk, exchange_id).settled == 1

    assert hours.states(desk) == ["done"]
    assert hours.kept == ["2026-03-02"]
    assert _replay(desk, exchange_id).settled == 0
    assert hours.kept == ["2026-03-02"]
    assert hours.days(desk) == ["2026-03-02"]


def test_a_write_that_was_settled_meanwhile_stays_as_it_is(
    desk: Desk, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next session asks QuickBooks for the answer, and needs no replay."""
    exchange_id = _lose_to_a_bug(desk, hours, monkeypatch)
    desk.clock.pass_(minutes=2)
    ticket = desk.ticket()
    desk.finish(ticket, desk.first(ticket))
    assert hours.states(desk) == ["done"]

    assert _replay(desk, exchange_id).told().startswith("Nothing was left to do")

    assert hours.kept == ["2026-03-02"]


def test_a_replay_that_fails_again_leaves_the_write_in_doubt(
    desk: Desk, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is taken back, and it can be said again after the next fix."""
    exchange_id = _lose_to_a_bug(desk, hours, monkeypatch)
    with monkeypatch.context() as patch:
        good = WRITINGS[hours.kind]
        patch.setitem(WRITINGS, hours.kind, replace(good, kept=_fails))
        assert "still fails" in (_replay(desk, exchange_id).why_not or "")
        assert hours.states(desk) == ["unsure"]
    assert _replay(desk, exchange_id).settled == 1
