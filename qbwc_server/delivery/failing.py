"""Which failures of Mosaic are about the one write that it answered with them."""

from __future__ import annotations

from collections.abc import Callable

from qbwc_server.delivery.rate_budget import BudgetSpent
from qbwc_server.kinds import tries
from qbwc_server.mosaic.errors import MosaicError


class Failing:
    """Tells them apart from those that every write would meet, for one pass.

    `ask` asks Mosaic something harmless, and raises if it cannot answer that.
    """

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._in_a_row = 0

    @property
    def too_many(self) -> bool:
        """Whether so many writes failed in a row that no other is sent for now."""
        return self._in_a_row >= tries.MOST_IN_A_ROW

    def went(self) -> None:
        """Note that Mosaic took a write."""
        self._in_a_row = 0

    def is_own(self, error: Exception | None) -> bool:
        """Tell whether a write failed because of what it is about."""
        status = error.status if isinstance(error, MosaicError) else None
        if not tries.is_about_the_entry(status, others_answered=True):
            return False
        try:
            self._ask()
        except (MosaicError, BudgetSpent):
            return False
        self._in_a_row += 1
        return True
