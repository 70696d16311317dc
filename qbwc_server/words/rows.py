"""The words as rows of a table, so that views of the database tell what pages tell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from qbwc_server.words import attentions, hours, quickbooks, standings, states
from qbwc_server.words.web_connector import LOCKED, QWC_CODES
from qbwc_server.words.wording import Words

_SUPPORT: Final = frozenset(
    {
        *("job-failed", "exchange-refused", "exchange-unused", "company-paused"),
        *("company-failed", "company-unused", "company-faults"),
        "company-guessed",
        *("mosaic-delivery-failed", "mosaic-error", "mosaic-malformed"),
    }
)
"""What nobody can mend but who operates the server."""
_ONLY_TO_KNOW: Final = frozenset({"quickbooks-unsupported-country"})
_OTHERS: Final = ("job", "session", "exchange", "call", "company")


class Row(NamedTuple):
    """What is told of one state, one attention, or one code of an answer.

    `topic` is a kind of record, job, session, exchange, call, company, hours,
    attention, hresult, status, or web_connector; `name` is the state, the id or the
    code as it is written, empty for an attention nobody knows.
    """

    topic: str
    name: str
    happened: str
    who_must_act: str
    next_step: str
    more: str
    menu: str


def who_must_act(told: Words) -> str:
    """Return who acts next in anything but a record, for which see `standings`."""
    if told.id in _SUPPORT | quickbooks.OURS or attentions.is_of_operators(told.id):
        return "support"
    if told.do.startswith("Nothing to do") or told.id in _ONLY_TO_KNOW:
        return "nobody"
    return "customer"


def rows(kinds: Iterable[str]) -> tuple[Row, ...]:
    """Return the words of every state, reason and attention.

    `kinds` are the kinds of records.
    """
    found = [
        _row(topic, name, states.state(topic, name), standings.who(topic, name))
        for topic in ("record", *kinds)
        for name in states.names(topic)
    ]
    found += [
        _row("hours", name, hours.hours(name), hours.who(name))
        for name in hours.REASONS
    ]
    rest = [
        (topic, name, states.state(topic, name))
        for topic in _OTHERS
        for name in states.names(topic)
    ]
    rest += [("attention", one.id, one) for one in attentions.every()]
    rest += [
        ("attention", f"quickbooks-{one.id.lower()}", one)
        for one in (*quickbooks.every_hresult(), *quickbooks.every_status())
    ]
    rest.append(("attention", "", attentions.attention("error")))
    rest += [
        (topic, one.id.removeprefix("status-"), one)
        for topic, every in (
            ("hresult", quickbooks.every_hresult()),
            ("status", quickbooks.every_status()),
            ("web_connector", (*QWC_CODES.values(), LOCKED)),
        )
        for one in every
    ]
    found += [_row(*one, who_must_act(one[2])) for one in rest]
    return tuple(found)


def _row(topic: str, name: str, told: Words, who: str) -> Row:
    more = told.page.removeprefix(told.said).strip()
    return Row(topic, name, told.happened, who, told.do, more, told.menu)
