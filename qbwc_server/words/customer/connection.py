"""How a connection can stand, and who does what next."""

from __future__ import annotations

from typing import Final

from qbwc_server.words.wording import INTEGRATED

_NOTHING = "Nothing to do."
STATES: Final[dict[str, tuple[str, ...]]] = {
    "first_reads": (
        "This connection only looks: both sides are read for the first time.",
        "Nothing to do: the preview is ready once they are read.",
    ),
    "preview": (
        "This connection only looks: nothing is written on either side.",
        "Please look at what would be done on the setup page, then press Go live.",
    ),
    "live": ("This connection keeps both sides in agreement.", _NOTHING),
    "paused": (
        "This connection was paused by our support.",
        (
            "Please ask our support to have it go on; until then QuickBooks is "
            "left alone and nothing is written."
        ),
    ),
    "paused_by_customer": (
        "This connection was paused on the setup page.",
        (
            "Please press Resume there when the pause is over; until then "
            "QuickBooks is left alone and nothing is written."
        ),
    ),
    "late": (
        "Web Connector has not called for too long.",
        (
            "Please see that the computer is on, Web Connector runs, and "
            "Auto-Run is ticked."
        ),
        (
            "Web Connector runs only while its Windows user is signed in: "
            "sleep, sign-out and a restart stop it."
        ),
        "File > App Management > Update Web Services",
    ),
    "waiting": (
        "Web Connector has not called yet.",
        "Please add the .qwc file to Web Connector and type the password.",
        "",
        INTEGRATED,
    ),
    "failed": (
        "A piece of work for QuickBooks failed and waits for a person.",
        "Please read why it failed, then have it tried again or take it back.",
        "`qbwc-server jobs list --state failed` shows it.",
    ),
    "wrong_password": (
        "Web Connector sends a password that is not right.",
        "Please type the password again in Web Connector and press Enter.",
        "The setup page makes a new one where it is not known any more.",
    ),
    "guessed": (
        "A wrong password came from an address that never had the right one.",
        (
            "Please ask whether the computer or its network changed: then the "
            "password is typed again, else somebody guesses."
        ),
        "`qbwc-server support failed-logins` has the addresses.",
    ),
    "unused": (
        "Our program could not use an answer of QuickBooks, or a part of it.",
        "Our support looks at it, and has it read again; it is kept.",
        "`qbwc-server exchanges list --problem` shows it, `replay` mends it.",
    ),
    "faults": (
        "Our program or Mosaic fails on a record.",
        "Our support looks at it; it is tried again by itself.",
        "`qbwc-server support records --who support` lists them.",
    ),
    "records": (
        "Records need a person's word.",
        "Please look at the setup page, at what needs you.",
    ),
}
"""By mode, as it is told more closely, or by what hinders it: see `states.state`."""
