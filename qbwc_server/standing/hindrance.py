"""Something that hinders a company, and how it is said. Pure.

What there is of a company is read and put in order by `reasons`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from qbwc_server.words.customer import pauses
from qbwc_server.words.urgency import Place, keeps_from_going_on

_OURS_LOOKS: Final = "Our support looks at it."
"""What is said to a customer of that which is ours, in place of what we do."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Something that hinders a company; `since` is None where nobody knows.

    `last_seen_at` is None where it is so now. `many` is how many there are of it.
    """

    place: int
    reason: str
    since: datetime | None
    last_seen_at: datetime | None
    who_must_act: str
    why: str
    next_step: str
    many: int | None = None
    is_attention: bool = False
    note: str = ""
    """What a person wrote of it."""


def said(one: Reason) -> str:
    """Return what hinders a company in words: what happened, and what to do."""
    if one.place == Place.PAUSED and one.since is not None:
        return pauses.whole(one.reason, one.since, one.note)
    if one.who_must_act == "support" and not one.is_attention:
        return f"{one.why} {_OURS_LOOKS}"
    # An attention says itself what to do.
    return one.why if one.is_attention else f"{one.why} {one.next_step}"


def holding(found: Sequence[Reason]) -> Reason | None:
    """Return what keeps a company from going on, of all that hinders it in order."""
    return next((it for it in found if keeps_from_going_on(it.place)), None)
