"""Where the answers to what is to be done are: links that stand beside it. Pure."""

from __future__ import annotations

from qbwc_server.standing.progress import Facts, Tick, steps


def leads(
    facts: Facts,
    *,
    needs: int = 0,
    conflicts: int = 0,
    to_see: int = 0,
    questions: int = 0,
    shared: int = 0,
) -> dict[str, str]:
    """Return pages below a setup link, each with what its link says, in their order.

    What waits is counted: `needs` records besides `conflicts`, entries `to_see`,
    `questions` about the connection, and what is to be said of `shared`.
    """
    is_next = {step.id for step in steps(facts) if step.tick is Tick.NOW}
    found = (
        (questions, "questions", "Answer what we ask you"),
        (facts.refused_at is not None, "connect#step-password", "Show a password"),
        ("added" in is_next, "connect#step-added", "See how to connect it"),
        ("live" in is_next, "preview", "Look at the preview"),
        (needs, "records?need=needs_you", "Show what needs you"),
        (conflicts, "conflicts", "Say which side is right"),
        (to_see and not conflicts, "conflicts", "Have a look"),
        (shared, "shared", "Say what both share"),
    )
    return {page: said for waits, page, said in found if waits}
