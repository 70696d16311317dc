"""What a person may answer where his company waits for a word. Pure.

The same sentences stand on the customer's page and in the console: what is asked, what
each answer is called, and what happens then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qbwc_server.words.urgency import WHICH_SIDE

LATER: Final = (
    "It is done with the next complete compare; until then the other word may be said "
    "in its place, and afterwards each entry is a matter of its own."
)
_DELETED: Final = "deleted"
_LOOK: Final = "look"
MOVED: Final = "wrong-company-file"
"""Asked only where the open file has our mark: `companies.company_file.is_asked`."""
BEFORE_LIVE: Final = "hours-before-live"
"""No attention: it is asked while such hours wait."""
ADD: Final = "add"
KEY: Final = frozenset(
    {"mosaic-key-missing", "mosaic-unauthorised", "mosaic-forbidden"}
)
"""Where a key that works is the answer."""


@dataclass(frozen=True, slots=True)
class Way:
    """One answer: `id` is what forms say, `then` what happens, in sentences."""

    id: str
    label: str
    then: str

    @property
    def bare(self) -> str:
        """What is said, without a Yes or No before it: what is asked back begins so."""
        bare = self.label.removeprefix("Yes, ").removeprefix("No, ")
        return f"{bare[:1].upper()}{bare[1:]}"


_AGAIN = Way(
    _LOOK,
    "No, look again",
    "Everything is read again and compared, and nothing is taken away by that. Please "
    "open the right company file first, or put back what was deleted by mistake.",
)
WAYS: Final[dict[str, tuple[Way, ...]]] = {
    WHICH_SIDE: (
        Way(
            "mosaic",
            "Put back what the restore undid",
            "What the restored backup undid is put back in QuickBooks as Mosaic has "
            "it: what is missing is added again, what is older gets its newer values, "
            "what is there again is deleted again. What was in QuickBooks alone is "
            "asked entry by entry.",
        ),
        Way(
            "quickbooks",
            "The restored file is right",
            "The restored file is right: what it lacks is removed from Mosaic, too, "
            "and what is older there, or there again, goes to Mosaic.",
        ),
    ),
    "too-many-gone": (
        Way(
            _DELETED,
            "Yes, they were deleted",
            "What is gone from the company file at the next complete read counts as "
            "deleted: its time is removed from Mosaic, its clients, projects and "
            "people are archived there.",
        ),
        _AGAIN,
    ),
    "mosaic-too-many-gone": (
        Way(
            _DELETED,
            "Yes, they were deleted",
            "What is gone from Mosaic at the next complete read counts as deleted: it "
            "is deleted in QuickBooks, too.",
        ),
        _AGAIN,
    ),
    MOVED: (
        Way(
            "same",
            "It is the same file",
            "This connection goes on with the file as it is called and where it is "
            "now. If it is a copy, what differs in it from the first one goes to "
            "Mosaic: then open the first one instead.",
        ),
    ),
    BEFORE_LIVE: (
        Way(
            ADD,
            "Add them to QuickBooks",
            "They are added to QuickBooks with their hours, and stay there.",
        ),
        Way(
            "leave",
            "Leave them in Mosaic",
            "They stay in Mosaic alone, and QuickBooks gets none of them.",
        ),
    ),
}
"""The answers to each attention that asks for a word, by its id."""


def way(attention_id: str, said: str) -> Way | None:
    """Return the answer that a form says, None if there is none of that name."""
    return next((one for one in WAYS.get(attention_id, ()) if one.id == said), None)


BACK, RIGHT, MEANT = "restored:back", "restored:leave", "restored:meant"
IS_DELETED, STAYS = "gone:deleted", "gone:stays"
TWO = "two"
OF_ENTRY: Final[dict[str, Way]] = {
    one.id: one
    for one in (
        Way(BACK, "Put it back", "It is as it was before the restore, on both sides."),
        Way(RIGHT, "Right as restored", "Mosaic gets it as the restored file has it."),
        Way(MEANT, "It is meant", "It goes to the other side as an entry of its own."),
        Way(IS_DELETED, "It is deleted", "It is deleted on the other side, too."),
        Way(STAYS, "It is not deleted", "It is made again on the side that lacks it."),
        Way(TWO, "They are two", "Each goes to the other side as an entry of its own."),
    )
}
"""The answers about one entry, by what forms say."""
DOUBTFUL: Final = (
    Way("missing", "It is not there", "It is entered in QuickBooks by us once more."),
    Way(
        "leave",
        "Leave it",
        "It takes no part any more: QuickBooks and Mosaic stay as they are.",
    ),
)
"""Of a write of which nobody could find out whether QuickBooks made it."""


def one_with(key: str, name: str) -> Way:
    """Return the answer that an entry and another one are one; `key` names that one."""
    return Way(f"one:{key}", f"One with {name}", "Both are the same hours, once.")


def for_customer(reason: str) -> str:
    """Return what a customer reads of a reason: the commands of support come last."""
    return reason.partition(" Support: ")[0]


def on_the_page(reason: str) -> str:
    """Return what a customer reads of a reason on the setup page itself."""
    return for_customer(reason).replace("on the setup page", "here")
