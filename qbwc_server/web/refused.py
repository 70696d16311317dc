"""What somebody is told who gets no page: what is the matter, and what to do. Pure.

Nothing here knows whose page it would have been, or whether there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PAGES: Final = "/setup/"
_ASK: Final = (
    "If that does not help, ask whoever gave you the link to your setup page for a new "
    "one."
)


@dataclass(frozen=True, slots=True)
class Told:
    """A title, which says what is the matter, and what to do in sentences."""

    title: str
    do: tuple[str, ...]


_NOT_WHOLE: Final = (
    "Most likely it is not whole: mail programs cut long links at a line's end. Go "
    "back to the message that it came with, copy the whole link, with all letters and "
    "digits behind the last slash, and paste it into the address bar."
)
_NO_MORE: Final = (
    "If you came here from your setup page, go back to it and load it again: what was "
    "here is there no more."
)
_NEWER: Final = (
    "If the link is whole, a newer one has taken its place. Ask whoever gave it to you "
    "for that one. The connection itself goes on meanwhile: nothing has to be done in "
    "QuickBooks or in Web Connector."
)
_LINK: Final = Told("This link opens nothing", (_NOT_WHOLE, _NO_MORE, _NEWER))
_OF_STATUS: Final = {
    400: Told(
        "This request cannot be understood",
        ("Go back, look over what was entered, and try once more.", _ASK),
    ),
    404: Told(
        "There is nothing at this address",
        (
            "Look whether the address is whole.",
            "Your setup page has a link of its own, which came with your user name.",
            _ASK,
        ),
    ),
    405: Told(
        "This address is not opened like that",
        ("It belongs to a button. Go back, and press the button on the page.", _ASK),
    ),
    413: Told(
        "That is more than is taken here",
        ("Go back, and send less at once.", _ASK),
    ),
    500: Told(
        "Something went wrong on our side",
        (
            "Wait a minute, then load the page again.",
            "What you did may be done or not: look before you do it again.",
            "If it happens again, tell whoever gave you the link when it was.",
        ),
    ),
}
_ELSE: Final = Told("This cannot be done", ("Go back, and try once more.", _ASK))


def told(status: int, path: str) -> Told:
    """Return what is told of a status at an address."""
    if status == 404 and path.startswith(PAGES):
        return _LINK
    return _OF_STATUS.get(status, _ELSE)
