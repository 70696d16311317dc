"""The rate budget: never over Mosaic's limit, and hardly ever under it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from qbwc_server.delivery.rate_budget import Budget, BudgetSpent
from tests.conftest import Clock

WINDOW = 300.0


def _budget(engine: Engine, key: str, clock: Callable[[], object]) -> Budget:
    return Budget(engine, key, requests=300, window=WINDOW, clock=clock)  # type: ignore[arg-type]


def _most_in_a_window(sent: list[float]) -> int:
    most = first = 0
    for last, at in enumerate(sent):
        while at - sent[first] >= WINDOW:
            first += 1
        most = max(most, last - first + 1)
    return most


@given(
    pauses=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from([0.0, 0.01, 0.5, 1.0, 7.0, 60.0, 400.0]),
            st.integers(1, 40),
        ),
        min_size=5,
        max_size=20,
    ),
    skew=st.sampled_from([0.0, 0.4, 20.0]),
)
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_window_ever_holds_more_than_the_limit(
    engine: Engine, pauses: list[tuple[int, float, int]], skew: float
) -> None:
    """However several workers come and go, and even when their clocks differ."""
    clock = Clock()
    began = clock()
    key = f"{pauses}{skew}"
    ahead = lambda: clock() + timedelta(seconds=skew)  # noqa: E731
    takers = [
        _budget(engine, key, clock),
        _budget(engine, key, ahead),
        _budget(engine, key, clock),
    ]
    sent: list[float] = []
    for who, pause, tries in pauses:
        clock.pass_(seconds=pause)
        for _ in range(tries):
            try:
                takers[who].spend()
            except BudgetSpent as spent:
                clock.pass_(seconds=min(spent.wait, 1.0))
            else:
                sent.append((clock() - began).total_seconds())
    assert _most_in_a_window(sent) <= 300


def test_a_token_taken_early_is_not_kept_for_later(
    engine: Engine, clock: Clock
) -> None:
    """One who took a single token has no more of them once the window is full."""
    idle, busy = _budget(engine, "k", clock), _budget(engine, "k", clock)
    idle.spend()
    clock.pass_(minutes=10)
    while True:
        try:
            busy.spend()
        except BudgetSpent:
            break
    with pytest.raises(BudgetSpent):
        idle.spend()


def test_clocks_that_differ_do_not_make_tokens(engine: Engine, clock: Clock) -> None:
    """Two machines twenty seconds apart take together what one could take alone."""
    ahead = _budget(engine, "k", lambda: clock() + timedelta(seconds=20))
    behind = _budget(engine, "k", clock)
    taken = 0
    for _ in range(200):
        for one in (ahead, behind):
            try:
                one.spend()
            except BudgetSpent:
                continue
            taken += 1
    assert taken <= 10


def test_at_least_95_percent_of_the_limit_is_used(engine: Engine, clock: Clock) -> None:
    """Waiting as long as the budget says leaves hardly anything unused."""
    budget = _budget(engine, "k", clock)
    began, taken = clock(), 0
    while clock() - began < timedelta(seconds=WINDOW):
        try:
            budget.spend()
        except BudgetSpent as spent:
            clock.pass_(seconds=spent.wait)
        else:
            taken += 1
    assert taken >= 0.95 * 300


def test_a_refusal_for_too_many_requests_stops_everybody(
    engine: Engine, clock: Clock
) -> None:
    """After a 429 nobody asks until it is over, and a shorter one cannot end it."""
    one, other = _budget(engine, "k", clock), _budget(engine, "k", clock)
    one.spend()
    other.spend()
    one.block(60)
    other.block(2)
    clock.pass_(seconds=59)
    for each in (one, other):
        with pytest.raises(BudgetSpent):
            each.spend()
    clock.pass_(seconds=2)
    other.spend()


def test_keys_do_not_share_a_budget(engine: Engine, clock: Clock) -> None:
    """What one team has spent is not taken from another."""
    first = _budget(engine, "first", clock)
    for _ in range(10):
        first.spend()
    with pytest.raises(BudgetSpent):
        first.spend()
    _budget(engine, "second", clock).spend()


def test_a_wait_is_never_so_short_that_it_is_none(engine: Engine, clock: Clock) -> None:
    """A token that is all but there would otherwise be asked for in a busy loop."""
    budget = _budget(engine, "k", clock)
    for _ in range(10):
        budget.spend()
    clock.pass_(microseconds=int(300 / 290 * 1_000_000))
    with pytest.raises(BudgetSpent) as spent:
        budget.spend()
    assert spent.value.wait >= 0.05
