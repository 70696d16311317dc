"""Every state that something of ours can be in, and who does what next."""

from __future__ import annotations

from qbwc_server.words.customer import connection
from qbwc_server.words.wording import Words, tell

_ITSELF = "Nothing to do: it goes on by itself."
_NOTHING = "Nothing to do."
_TIMES = "Edit > Preferences > Accounting > Company Preferences"
_CHOOSE = (
    "Please choose what it belongs to on the setup page, or mend what the reason names."
)
_RECORD: dict[str, tuple[str, ...]] = {
    "in_sync": ("QuickBooks and Mosaic agree.", _NOTHING),
    "pending": (
        "It is on its way to the other side.",
        _ITSELF,
        (
            "It goes with the next pass; after a failure it is tried again, "
            "later each time."
        ),
    ),
    "unlinked": (
        "It has no counterpart on the other side yet.",
        _CHOOSE,
        "It goes by itself once the reason is mended.",
    ),
    "locked": (
        (
            "QuickBooks does not let it be changed: it is on an invoice or a "
            "paycheck, or in a closed period."
        ),
        (
            "Please lift the lock in QuickBooks, or make Mosaic say the same; then it "
            "goes by itself."
        ),
        "The administrator can move the closing date.",
        _TIMES,
    ),
    "conflict": (
        "Both sides changed the same field.",
        "Please say on the setup page which side is right.",
        "Until then neither value is overwritten; both are shown.",
    ),
    "do_not_link": (
        "A person took it out of the agreement.",
        "Nothing to do unless that is to be undone on the setup page.",
        "Nothing of it is written to either side.",
    ),
    "refused": (
        "The other side does not take it.",
        "Please read the reason and mend it there; it is tried again by itself.",
    ),
    "gone": ("It was deleted and is kept for the history.", _NOTHING),
    "waits": (
        "It waits for another record.",
        "Nothing to do here: it goes by itself when the other one is there.",
    ),
    "unplaced": (
        "It was entered in Mosaic for something that QuickBooks does not have.",
        (
            "Please make what the reason names in QuickBooks, or say on the setup page "
            "which of QuickBooks' it is; then it goes by itself."
        ),
        (
            "Nothing in QuickBooks is made from Mosaic but time. `qbwc-server company "
            "unplaced NAME` lists what is missing, with the hours that wait for it."
        ),
    ),
    "later": (
        "A person wants to decide about it later.",
        "Please say on the setup page what it is, or that it is not to be linked.",
    ),
    "restored": (
        "The restored backup of the company file lacks it, or has an older form of it.",
        (
            "Please say on the setup page: put it back in QuickBooks, or it is right "
            "as the restored file has it."
        ),
        (
            "Nobody deleted it, and what we know of it is kept. Support: `qbwc-server "
            "records put-back RECORD`, or `records leave RECORD`; `records restored "
            "NAME` lists all of them with their hours."
        ),
    ),
    "unread": (
        "QuickBooks has it in a form that our program could not read.",
        "Nothing to do for you: our support looks at it.",
        (
            "It goes on by itself when it can be read. Support: what QuickBooks said "
            "of it is kept: `qbwc-server exchanges list --problem`; "
            "`exchanges replay` works with it again after the fix."
        ),
    ),
    "left": (
        "A restored backup took it, and a person said that this is right.",
        _NOTHING,
        "What we know of it is kept for the history.",
    ),
    "perhaps_known": (
        ("Our restored database does not know what became of this entry meanwhile."),
        (
            "Please make it equal to the other one, delete it where it is too much, or "
            "say on the setup page that it is meant."
        ),
        (
            "What is equal is one. Support: `qbwc-server records put-back RECORD` has "
            "it go to the other side."
        ),
    ),
    "fails": (
        "Mosaic fails on this one, and takes others.",
        "Nothing to do for you: our support looks at it; it is tried again meanwhile.",
        (
            "The reason has what Mosaic said. Support: ask Mosaic about it, with the "
            "reference of the call. `qbwc-server records resync RECORD` has it tried "
            "at once."
        ),
    ),
}
_OF_KIND: dict[tuple[str, str], tuple[str, ...]] = {
    ("employee", "unlinked"): (
        "This person has no e-mail address in QuickBooks or no match in Mosaic.",
        (
            "Please enter the e-mail in QuickBooks, or choose the Mosaic "
            "member on the setup page."
        ),
        "People are matched by e-mail, then by name. Their time waits until then.",
        "Employees > Employee Center > Edit Employee > Address & Contact",
    ),
    ("vendor", "unlinked"): (
        "This vendor has no e-mail address in QuickBooks or no match in Mosaic.",
        (
            "Please enter the e-mail in QuickBooks, or choose the Mosaic "
            "member on the setup page."
        ),
        "Time of vendors is taken only where that is switched on.",
        "Vendors > Vendor Center > Edit Vendor > Address Info",
    ),
    ("other_name", "unlinked"): (
        "This other name has no e-mail address in QuickBooks or no match in Mosaic.",
        (
            "Please enter the e-mail in QuickBooks, or choose the Mosaic "
            "member on the setup page."
        ),
        "Time of other names is taken only where that is switched on.",
        "Lists > Other Names List",
    ),
    ("customer", "unlinked"): (
        "This customer or job has no client or project in Mosaic yet.",
        "Please choose the one it is on the setup page, or have it made new.",
        "Mosaic may have several of that name, or the one is linked already.",
        "Customers > Customer Center",
    ),
    ("customer", "refused"): (
        "Mosaic does not take this customer or job.",
        (
            "Please read the reason and mend the name in QuickBooks; it is "
            "tried again by itself."
        ),
        "",
        "Customers > Customer Center",
    ),
    ("service_item", "unlinked"): (
        "This service item has no work category in Mosaic yet.",
        "Please choose the one it is on the setup page, or have it made new.",
        "",
        "Lists > Item List",
    ),
    ("service_item", "refused"): (
        "Mosaic does not take this service item.",
        (
            "Please read the reason and mend the name in QuickBooks; it is "
            "tried again by itself."
        ),
        "",
        "Lists > Item List",
    ),
    ("time_entry", "unlinked"): (
        "This time waits: its person, job or service item has no counterpart yet.",
        ("Nothing to do here; to have it go over, mend what the reason names."),
        (
            "Time that is only in Mosaic stays there where time goes one way, "
            "or where it is older than what is sent."
        ),
    ),
    ("time_entry", "locked"): (
        (
            "This time is on an invoice or a paycheck, or in a closed period of "
            "QuickBooks."
        ),
        (
            "Please lift the lock in QuickBooks, or make Mosaic say the same; invoiced "
            "time stays as QuickBooks has it."
        ),
        (
            "The administrator can move the closing date or end the Accountant's "
            "Copy; paid time is for whoever does the payroll."
        ),
        _TIMES,
    ),
    ("time_entry", "conflict"): (
        "This time was changed in QuickBooks and in Mosaic, in the same field.",
        "Please say on the setup page which side is right.",
    ),
    ("time_entry", "refused"): (
        "QuickBooks or Mosaic does not take this time.",
        (
            "Please read the reason and mend the entry where it was made; it "
            "is tried again by itself."
        ),
    ),
}
_OTHERS: dict[str, dict[str, tuple[str, ...]]] = {
    "job": {
        "waiting": ("This piece of work waits for another one.", _ITSELF),
        "ready": ("This piece of work goes to QuickBooks at the next run.", _ITSELF),
        "sent": (
            "QuickBooks has this piece of work and has not answered yet.",
            _ITSELF,
        ),
        "unsure": (
            "The answer to this piece of work was lost.",
            (
                "Nothing to do: QuickBooks is asked whether it was done before "
                "anything is sent again."
            ),
        ),
        "failed": (
            "This piece of work did not succeed.",
            "Please read the reason; it can be tried again or taken back.",
        ),
        "done": ("QuickBooks did this piece of work.", _NOTHING),
        "cancelled": ("This piece of work was taken back.", _NOTHING),
    },
    "session": {
        "authenticated": ("Web Connector has logged in.", _ITSELF),
        "asked": ("QuickBooks is working on what it was asked.", _ITSELF),
        "ready": ("Web Connector brings the next request in a moment.", _ITSELF),
        "finishing": ("The run is about to end.", _ITSELF),
        "closed": (
            "The run has ended.",
            "Nothing to do: the next one comes by its schedule.",
        ),
        "left": (
            "Web Connector left the run without ending it.",
            "Nothing to do: the next one comes by its schedule.",
        ),
        "troubled": (
            "The run ended with an error.",
            "Please do what the reason says; the next run comes by its schedule.",
        ),
    },
    "exchange": {
        "sent": ("A request is with QuickBooks.", _ITSELF),
        "answered": ("QuickBooks answered.", _NOTHING),
        "lost": (
            "The answer to a request never came.",
            (
                "Nothing to do: what it may have changed is asked about before "
                "anything else."
            ),
        ),
        "refused": (
            "QuickBooks did not take the request.",
            "Please read the reason beside it; reads are asked again by themselves.",
        ),
        "unused": (
            "Our program failed on a part of the answer, which is kept.",
            "Please have it replayed when the program is mended.",
            "`qbwc-server exchanges replay` works with it again.",
        ),
    },
    "call": {
        "sent": ("A change is with Mosaic.", _ITSELF),
        "accepted": ("Mosaic took the change and is working on it.", _ITSELF),
        "unsure": (
            "The answer to a change in Mosaic was lost.",
            "Nothing to do: it is looked for before anything is sent again.",
        ),
        "done": ("Mosaic made the change.", _NOTHING),
        "refused": (
            "Mosaic does not take the change.",
            "Please read the reason and mend it there; it is tried again by itself.",
        ),
        "absent": (
            "The change never arrived in Mosaic.",
            "Nothing to do: it is planned again.",
        ),
    },
    "company": connection.STATES,
}


def state(kind: str, name: str) -> Words:
    """Explain a state.

    Args:
        kind: job, session, exchange, call or company; else a kind of record, or record
            for any.
        name: the state, as the database has it, or as it is told more closely: a
            company is in its first_reads, late, waiting, guessed at or has its
            wrong_password, or has answers unused, faults, or records that need
            somebody; a record waits or is to be decided later; a session ended
            troubled or was left; an answer is unused.

    Raises:
        KeyError: there is no such state.
    """
    if kind in _OTHERS:
        found = _OTHERS[kind][name]
    elif (kind, name) in _OF_KIND:
        found = _OF_KIND[kind, name]
    else:
        kind, found = "record", _RECORD[name]
    return tell(f"{kind}-{name}".replace("_", "-"), *found)


def names(kind: str) -> tuple[str, ...]:
    """Return the states that a kind of thing can be in; see `state`."""
    return tuple(_OTHERS.get(kind, _RECORD))


def every() -> tuple[Words, ...]:
    """Return the words of every state."""
    pairs = [("record", name) for name in _RECORD]
    pairs += list(_OF_KIND)
    pairs += [(kind, name) for kind, states in _OTHERS.items() for name in states]
    return tuple(state(kind, name) for kind, name in pairs)
