"""The mails that a customer gets of his connection: subject, text, and an end. Pure.

Rule: every mail says how it is ended; none has the setup link, which is a secret.
"""

from __future__ import annotations

from dataclasses import dataclass

from qbwc_server.words.states import state


@dataclass(frozen=True, slots=True)
class About:
    """What a mail is about.

    `stop` is what the connection asks in a stop, "" where there is none; `needs` is how
    much needs the customer; `last` is when Web Connector last called, "" if never.
    """

    company: str
    stop: str
    needs: int
    last: str


def written(
    what: str, about: About, *, page: str, link: str, contact: str
) -> tuple[str, str]:
    """Return subject and text.

    Args:
        what: confirm, late, stopped, back or needs_you.
        about: what there is to tell.
        page: the server's public address.
        link: what confirms and ends these mails.
        contact: whom to ask, in a sentence; "" for nobody.

    Raises:
        KeyError: there is no such mail.
    """
    name = " ".join(about.company.split())
    subject, told = {
        "confirm": _confirm,
        "late": _late,
        "stopped": _stopped,
        "back": _back,
        "needs_you": _needs_you,
    }[what](about)
    if what == "confirm":
        told = [told[0].format(company=name), told[1].format(link=link), told[2]]
    else:
        told += [
            f"Open your page by the link that you have for it, at {page}.",
            (
                f"You get this because this address was given for alerts of {name}. "
                f"To end these mails: {link}"
            ),
        ]
    parts = [*told, contact] if contact else told
    return f"{name}: {subject}", "\n\n".join(parts) + "\n"


def _confirm(_: About) -> tuple[str, list[str]]:
    return "do you want its alerts?", [
        (
            "Somebody with the page of {company} asked that this address is told when "
            "its connection between QuickBooks and Mosaic is late, stopped or back, "
            "and on Mondays while something needs you."
        ),
        "If you want that, open this link and press the button there:\n{link}",
        ("If you do not, there is nothing to do: nothing else is sent to you."),
    ]


def _late(about: About) -> tuple[str, list[str]]:
    told = state("company", "late")
    last = f"It last called {about.last}." if about.last else ""
    return "late", [f"{told.happened} {last}".strip(), told.do]


def _stopped(about: About) -> tuple[str, list[str]]:
    # What the stop asks says itself what to do.
    return "stopped", ["Nothing is written on either side for now.", about.stop]


def _back(_: About) -> tuple[str, list[str]]:
    return "goes on again", ["What we told you of is over.", "Nothing to do."]


def _needs_you(about: About) -> tuple[str, list[str]]:
    many = f"{about.needs:,}"
    thing = "thing needs" if about.needs == 1 else "things need"
    return f"{many} {thing} you", [
        f"{many} {thing} you: each says why, and the way out.",
        "Please look at Overview on your page, at what you must do.",
    ]
