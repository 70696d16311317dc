"""Makes a history that breaks a promise as short as it can be, and tells it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.agreement.acts import Act, play
from tests.agreement.house import MakeHouse
from tests.agreement.judgement import judge
from tests.agreement.test_findings import START

_MOST_TRIES = 150


def broken(make: MakeHouse, acts: Sequence[Act]) -> str:
    """Play a history to its end; return what was broken, "" for nothing."""
    house = make(START, "America/New_York")
    try:
        judge(play(house, acts))
    except AssertionError as error:
        return f"{error}" or "an assertion"
    except Exception as error:  # noqa: BLE001 - a program that fails is a finding too
        return f"{type(error).__name__}: {error}"
    finally:
        house.close()
    return ""


def _sort(what: str) -> str:
    return what.partition(":")[0].partition("\n")[0]


def shrunk(make: MakeHouse, acts: Sequence[Act]) -> list[Act]:
    """Leave acts out of a history that breaks a promise while it still breaks it."""
    left, wanted, tries = list(acts), _sort(broken(make, acts)), 0
    size = max(1, len(left) // 2)
    while tries < _MOST_TRIES:
        at, before = 0, len(left)
        while at < len(left) and tries < _MOST_TRIES:
            fewer = left[:at] + left[at + size :]
            tries += 1
            if _sort(broken(make, fewer)) == wanted:
                left = fewer
            else:
                at += size
        if size == 1 and len(left) == before:
            break
        size = max(1, size // 2)
    return left


def told(make: MakeHouse, seed: int, acts: Sequence[Act]) -> str:
    """Return a broken history in words: its seed, its few acts, and what is wrong."""
    few = shrunk(make, acts)
    lines = "\n".join(f"    {one!r}," for one in few)
    return f"seed {seed}\n{lines}\n{broken(make, few)}"
