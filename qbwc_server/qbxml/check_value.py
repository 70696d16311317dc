"""Whether one piece of text is a value QuickBooks can read.

The patterns are those of the value types in Intuit's qbXML 13.0 schema. An empty
boolean, date, time or duration passes there, and passes here: it clears a field.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from qbwc_server.qbxml.messages import Element, Kind

_SPACE: Final = " \t\r\n"
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PATTERNS: Final[dict[Kind, tuple[re.Pattern[str], str]]] = {
    Kind.ID: (re.compile(r"(?s).{0,36}"), "is longer than the 36 characters of an ID"),
    Kind.BOOL: (re.compile(r"(?:true|false|1|0)?"), "is neither true nor false"),
    Kind.INTEGER: (re.compile(r"[+-]?[0-9]+"), "is not an integer"),
    Kind.AMOUNT: (
        re.compile(r"(?:[+-]?[0-9]{1,13}(?:\.[0-9]{2})?)?"),
        "is not an amount such as 12.50",
    ),
    Kind.DATETIME: (
        re.compile(
            r"(?:[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:T[0-9]{1,2}(?::[0-9]{1,2}"
            r"(?::[0-9]{1,2}(?:[+-][0-9]{1,2}:[0-9]{1,2})?)?)?)?)?"
        ),
        "is not a time such as 2026-09-01T08:30:00 (no Z, no fractions)",
    ),
    Kind.DURATION: (
        re.compile(r"(?:-?PT(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+S)?)?"),
        "is not a duration such as PT8H30M",
    ),
    Kind.GUID: (
        re.compile(r"0|\{[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}"),
        "is not a GUID in braces",
    ),
}
_COLLAPSED: Final = frozenset({Kind.BOOL, Kind.INTEGER, Kind.DATE, Kind.DURATION})
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def complaint(element: Element, text: str) -> str:
    """Say what is wrong with the text of an element, or "" if nothing is.

    Args:
        element: What the text is the value of.
        text: The text after decoding; its length is not looked at here.
    """
    wrong = "holds a control character" if _CONTROL.search(text) else ""
    if not wrong and element.kind is not Kind.TEXT:
        wrong = _typed_complaint(element, text)
    return wrong


def _typed_complaint(element: Element, text: str) -> str:
    value = text.strip(_SPACE) if element.kind in _COLLAPSED else text
    if element.kind is Kind.ENUM:
        fits = text in element.values
        wrong = f"is none of {', '.join(sorted(element.values))}"
    elif element.kind is Kind.DATE:
        fits, wrong = _is_date(value), "is not a date such as 2026-09-01"
    else:
        pattern, wrong = _PATTERNS[element.kind]
        fits = pattern.fullmatch(value) is not None
    if fits and element.at_least is not None:
        fits, wrong = int(value) >= element.at_least, f"is below {element.at_least}"
    return "" if fits else f'"{text}" {wrong}'


def _is_date(value: str) -> bool:
    if not value:
        return True
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
