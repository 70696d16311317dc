"""Whatever happens on both sides and in between, both agree in the end."""

from __future__ import annotations

import os

import pytest

from tests.agreement.house import MakeHouse
from tests.agreement.running import run

HISTORIES = int(os.environ.get("HISTORIES", "30"))
SEED = int(os.environ.get("SEED", "1"))
PARTS = 10
SHRINK = "SHRINK" in os.environ


@pytest.mark.parametrize("part", range(PARTS))
def test_both_sides_agree_after_any_history(make_house: MakeHouse, part: int) -> None:
    """Nothing is twice, lost or silently different, and then nothing is written.

    HISTORIES says how many in all, SEED which; SHRINK has a failing one shortened.
    """
    run(
        make_house,
        histories=max(1, HISTORIES // PARTS),
        start=SEED * 1000 + part,
        shrink=SHRINK,
    )


def test_both_sides_agree_on_postgresql_too(
    make_house_in_postgres: MakeHouse,
) -> None:
    """A few histories with the other database."""
    run(make_house_in_postgres, histories=max(2, HISTORIES // 50), start=SEED)
