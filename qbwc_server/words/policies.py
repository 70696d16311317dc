"""Which side is right where both changed the same field of an entry, in words. Pure.

The rule is the customer's: shown before going live, and changed at any time after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule: its name in the database, in a line, and what it does."""

    id: str
    title: str
    does: str


POLICIES: Final = (
    Policy(
        "newest",
        "The later change is right",
        "Where it is not sure which was later, you are asked.",
    ),
    Policy(
        "quickbooks",
        "QuickBooks is right",
        "What was changed in Mosaic meanwhile is put back.",
    ),
    Policy(
        "mosaic",
        "Mosaic is right",
        "What was changed in QuickBooks meanwhile is put back.",
    ),
    Policy(
        "ask",
        "Ask me, each time",
        "Nothing is written for such an entry until you have said it.",
    ),
)
"""In the order in which they are offered; the first is what a company begins with."""
