"""How a connection stands, for a line in a list of several. Pure."""

from __future__ import annotations

from qbwc_server.standing import progress
from qbwc_server.standing.progress import Facts


def in_short(facts: Facts, waiting: int) -> str:
    """Return in a few words how a connection stands; `waiting` waits for a person."""
    if facts.mode == "paused":
        return "paused"
    if progress.is_late(facts):
        return "late"
    if waiting:
        return f"needs you: {waiting:,}"
    hinders = progress.hindering(facts)
    if any(one.who_must_act == "customer" for one in hinders):
        return "needs you"
    if any(step.tick not in progress.FINISHED for step in progress.steps(facts)):
        return "being connected"
    return "does not work for now" if hinders else "works"
