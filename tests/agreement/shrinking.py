"""Makes a history that breaks a promise as short as it can be, and tells it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.agreement.acts import do, world_of
from tests.agreement.files import ZONE
from tests.agreement.house import START, House, MakeHouse
from tests.agreement.judgement import judge
from tests.agreement.teams import TWO_FILES
from tests.agreement.world import Act

_MOST_TRIES = 60


def begun(make: MakeHouse, acts: Sequence[Act]) -> House:
    """Return the house in which a history begins."""
    files = 2 if any(one.name == TWO_FILES for one in acts) else 1
    house = make(START, ZONE, files=files)
    house.settle()
    return house


def broken(make: MakeHouse, acts: Sequence[Act]) -> str:
    """Play a history to its end; return what was broken, "" for nothing."""
    return _tried(make, acts)[0]


def _tried(make: MakeHouse, acts: Sequence[Act]) -> tuple[str, int]:
    """Play a history; return what was broken, and how many acts that took."""
    house, done = begun(make, acts), 0
    try:
        world = world_of(house)
        for one in acts:
            done += 1
            do(world, one)
        judge(world)
    except AssertionError as error:
        return f"{error}" or "an assertion of the machine itself", done
    except Exception as error:  # noqa: BLE001 - a program that fails is a finding too
        return f"{type(error).__name__}: {error}", done
    finally:
        house.close()
    return "", done


def _sort(what: str) -> str:
    return what.partition(":")[0].partition("\n")[0]


def shrunk(make: MakeHouse, acts: Sequence[Act]) -> list[Act]:
    """Leave acts out of a history that breaks a promise while it still breaks it."""
    what, done = _tried(make, acts)
    left, wanted, tries = list(acts[:done]), _sort(what), 0
    size = max(1, len(left) // 2)
    while tries < _MOST_TRIES:
        at, before = 0, len(left)
        while at < len(left) and tries < _MOST_TRIES:
            fewer = left[:at] + left[at + size :]
            tries += 1
            what, done = _tried(make, fewer)
            if _sort(what) == wanted:
                left = fewer[:done]
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
