"""Pairs as many as can be, each with one of those that it may have. Pure.

Whoever gets one that another has makes that one take another, along a chain of as many
as it needs; nobody who has one is left without.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence


def give(
    first: str, edges: Mapping[str, Sequence[int]], holders: dict[int, str]
) -> None:
    """Give an entry a partner; whoever has it takes another, if there is one."""
    came: dict[int, str] = {}
    waiting = deque([first])
    while waiting:
        txn_id = waiting.popleft()
        for number in edges[txn_id]:
            if number in came:
                continue
            came[number] = txn_id
            if number in holders:
                waiting.append(holders[number])
                continue
            _hand_on(first, number, came, holders)
            return


def _hand_on(
    first: str, number: int, came: Mapping[int, str], holders: dict[int, str]
) -> None:
    """Pass partners along the way that led to one that was free."""
    while True:
        taker = came[number]
        before = next((one for one, who in holders.items() if who == taker), None)
        holders[number] = taker
        if taker == first or before is None:
            return
        number = before
