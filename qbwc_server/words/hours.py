"""Why the hours of both sides differ, who must act, and what to do: one table.

The ids are those of `standing.differences`, which decides; here is what is said.
"""

from __future__ import annotations

from typing import Final

from qbwc_server.words import questions
from qbwc_server.words.wording import Words, tell

_NOTHING: Final = "Nothing to do."
_WHO_IS_IT: Final = (
    "Please say on the setup page what it is, or mend what the reason names."
)
_HOURS: Final[dict[str, tuple[str, str, str]]] = {
    "same": ("nobody", "Both sides have the same hours.", _NOTHING),
    "on_its_way": (
        "nobody",
        "It is on its way to the other side.",
        "Nothing to do: it goes on by itself.",
    ),
    "failed": (
        "support",
        "A piece of work about it failed and waits for a person.",
        "Please read why it failed, then have it tried again or take it back.",
    ),
    "paused": (
        "support",
        "It waits, because the connection was paused by our support.",
        "Please ask our support to have the connection go on.",
    ),
    "paused_by_customer": (
        "customer",
        "It waits, because the connection was paused on the setup page.",
        "Please press Resume on the setup page when the pause is over.",
    ),
    "first_reads": (
        "nobody",
        "It waits: both sides are read for the first time.",
        "Nothing to do: the preview is ready once they are read.",
    ),
    "preview": (
        "customer",
        "It waits, because the connection is not live yet.",
        "Please look at the preview, then go live.",
    ),
    "late": (
        "customer",
        "It waits, because Web Connector has not called for long.",
        "Please start the computer with QuickBooks and Web Connector.",
    ),
    "stopped": (
        "customer",
        "It is on its way, but its connection needs somebody first.",
        "Please do what the connection says on the setup page.",
    ),
    "person": (
        "customer",
        "Its person has no counterpart on the other side.",
        _WHO_IS_IT,
    ),
    "job": (
        "customer",
        "Its customer, job or project has no counterpart on the other side.",
        _WHO_IS_IT,
    ),
    "item": (
        "customer",
        "Its service item or work category has no counterpart on the other side.",
        _WHO_IS_IT,
    ),
    "cannot_go": (
        "nobody",
        "It lacks what the other side needs, or is too old to be sent.",
        (
            "Nothing to do unless it is to go over: then mend what the reason names, "
            "or enter it on the other side by hand."
        ),
    ),
    "one_way": (
        "nobody",
        "It is only in Mosaic, and for this company time goes from QuickBooks only.",
        "Nothing to do: that is how this company is set.",
    ),
    "before_live": (
        "customer",
        "It was in Mosaic before going live, and nobody said whether it is entered.",
        "Please say so for all of these at once: they are added, or left.",
    ),
    "left_before_live": (
        "nobody",
        "It was in Mosaic before going live, and a person said to leave it there.",
        _NOTHING,
    ),
    "left_out": (
        "nobody",
        "A person took it, or what it is for, out of the agreement.",
        "Nothing to do unless that is to be undone on the setup page.",
    ),
    "left": (
        "nobody",
        "It was sent under another link, and a person said to leave it there.",
        _NOTHING,
    ),
    "locked": (
        "customer",
        "QuickBooks does not let it be changed: it is invoiced, paid or closed.",
        "Please lift the lock in QuickBooks, or make Mosaic say the same.",
    ),
    "conflict": (
        "customer",
        "Both sides changed it.",
        "Please say on the setup page which side is right.",
    ),
    "restored": (
        "customer",
        "The restored backup of the company file lacks it, or has an older form of it.",
        "Please say on the setup page: put it back, or the restored file is right.",
    ),
    "perhaps_known": (
        "customer",
        "Our restored database does not know what became of it meanwhile.",
        "Make it equal to the other one, or say on the setup page that it is meant.",
    ),
    "unread": (
        "support",
        "QuickBooks has it in a form that our program could not read.",
        "Please look at the answer that it was in: it goes on when it can be read.",
    ),
    "fails": (
        "support",
        "Mosaic fails on it, and takes others.",
        "Please ask Mosaic about it; it is tried again every few hours.",
    ),
    "refused": (
        "customer",
        "The other side does not take it.",
        "Please read the reason and mend it where it was made.",
    ),
    "unexplained": (
        "support",
        "Both sides are said to agree, and do not.",
        "Please look at it: nothing of ours explains this difference.",
    ),
}
REASONS: Final = tuple(_HOURS)
"""Every reason, in the order in which they are told."""
OURS: Final = "Nothing to do for you: our support looks at it."
"""What a customer is told to do where only support can."""
_TO_ASK: Final = _HOURS["paused"][2]
"""Support acts, and only if it is asked."""


def hours(reason: str) -> Words:
    """Explain why the hours of both sides differ.

    Raises:
        KeyError: there is no such reason.
    """
    _, happened, do = _HOURS[reason]
    return tell(f"hours-{reason}".replace("_", "-"), happened, do)


def who(reason: str) -> str:
    """Return customer, support or nobody, who acts next."""
    return _HOURS[reason][0]


def for_customer(acts: str, do: str) -> str:
    """Return what a customer reads of what is to be done, and by whom."""
    if acts == "support" and do != _TO_ASK:
        return OURS
    return questions.for_customer(do)


def every() -> tuple[Words, ...]:
    """Return the words of every reason."""
    return tuple(hours(reason) for reason in _HOURS)
