"""Runs histories: so many, from a seed, to the first that breaks a promise."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.agreement.histories import Histories
from tests.agreement.house import MakeHouse


def run(
    make: MakeHouse,
    *,
    histories: int,
    start: int,
    steps: int = 20,
    shrink: bool = False,
) -> None:
    """Run histories of a random seed.

    Raises:
        AssertionError: a promise was broken; the history is printed, with `shrink` as
            short as it can be made.
    """
    machine = type("Machine", (Histories,), {"make": staticmethod(make)})
    phases = [Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])]
    run_state_machine_as_test(
        seed(start)(machine),
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            phases=phases,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
