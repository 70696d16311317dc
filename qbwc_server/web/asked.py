"""What a request says in its address and its form, as far as a database can hold it.

Rule: a number is one of 64 bits and a text has no NUL, wherever they stand. A number
beyond is none, as a word is none; what else is strange about them is for each page.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from flask import Flask, Request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import IntegerConverter, ValidationError

GREATEST = 2**63 - 1
_DIGITS = len(str(GREATEST))


def whole(text: str) -> int:
    """Return the number that a text is; for `type` of arguments and fields.

    Raises:
        ValueError: it is none, or none that a database holds.
    """
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        raise ValueError("no number")
    value = int(text)
    if abs(value) > GREATEST:
        raise ValueError("no number of 64 bits")
    return value


def line(text: str, longest: int) -> str:
    """Return what a person typed as one line, blanks and control signs as one blank."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(shown.split())[:longest]


class _InAddress(IntegerConverter):
    """A number in the path of an address: 404 where it is none of ours."""

    def to_python(self, value: str) -> Any:
        """Return the number."""
        try:
            return whole(value)
        except ValueError as error:
            raise ValidationError from error


class _Told(ImmutableMultiDict[str, Any]):
    """Arguments or fields, without characters that no database holds."""

    def __init__(self, told: Any = None) -> None:
        if told is not None and not isinstance(told, Mapping):
            told = [(_clean(name), _clean(value)) for name, value in told]
        super().__init__(told)


def _clean(value: Any) -> Any:
    return value.replace("\0", "") if isinstance(value, str) else value


class _Asked(Request):
    """A request whose files stay in memory: a log that is explained is on no disk.

    What a request may send is limited, so that is little.
    """

    parameter_storage_class = _Told

    def _get_file_stream(self, *_: object, **__: object) -> IO[bytes]:
        return BytesIO()


def prepare(pages: Flask) -> None:
    """Have all requests be read like that; before any route is added."""
    pages.request_class = _Asked
    pages.url_map.converters["int"] = _InAddress
