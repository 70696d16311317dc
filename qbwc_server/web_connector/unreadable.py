"""What may be told and kept of a body that nobody can read: no secret, nobody's data.

It cannot be parsed, so secrets are known by their form, wherever they stand: in
UTF-16, as references, escaped however often, or without the element they belong to.
"""

from __future__ import annotations

import re

from qbwc_server.qbxml import personal
from qbwc_server.qbxml.response import clean

TAKEN_OUT = "[taken out]"
_LONGEST_SECRET = 16 * 1024
"""Bytes that a ticket may take whose every character is a reference in UTF-32."""
_TOLD = 80
_LESS = r"(?:<|&(?:amp;)*+(?:lt|#0*+60|#x0*+3c);)"
_NAMED = re.compile(
    rf"(?i:({_LESS}(?:[\w.-]++:)?+(?:wcTicket|ticket|strPassword)\b[^<>&]*+"
    rf"(?:>|&(?:amp;)*+(?:gt|#0*+62|#x0*+3e);)?+(?:{_LESS}!\[CDATA\[)?+))"
    rf"(?:(?!{_LESS}).)++",
    re.DOTALL | re.IGNORECASE,
)


def _written(*characters: str) -> str:
    """Return the pattern of one of some characters, itself or as a reference."""
    decimal = "|".join(str(ord(one)) for one in characters)
    hexadecimal = "|".join(f"{ord(one):x}" for one in characters)
    plain = "".join(re.escape(one) for one in characters)
    number = rf"(?i:&(?:amp;)*+#(?:0*+(?:{decimal})|x0*+(?:{hexadecimal}));)"
    return rf"(?:[{plain}]|{number})"


_DIGIT, _DASH = _written(*"0123456789"), _written("-")
_HEX = _written(*"0123456789abcdefABCDEF")
_BASE_32 = _written(*"abcdefghijklmnopqrstuvwxyz234567")
_TICKET = re.compile(rf"{_DIGIT}{{1,18}}+{_DASH}{_HEX}{{40}}", re.IGNORECASE)
_TOKEN = re.compile(rf"{_BASE_32}{{32,}}+")


def kept(body: bytes, most: int) -> str:
    """Return what is kept of a body: its first characters, without secrets."""
    return _without(body[: most + _LONGEST_SECRET])[:most]


def start(body: bytes) -> str:
    """Return the start of a body as it can be told in a line, without secrets."""
    return repr(_without(body[:_LONGEST_SECRET])[:_TOLD])[1:-1]


def told(why: str) -> str:
    """Return why a body cannot be read, which a library may say in the body's words."""
    return personal.dropped_anywhere(_secrets_taken(why))


def _without(body: bytes) -> str:
    # UTF-16 and UTF-32 are left as what they hold of ASCII.
    text = body.replace(b"\0", b"").decode("utf-8", "backslashreplace")
    return personal.dropped_anywhere(_secrets_taken(clean(text)))


def _secrets_taken(text: str) -> str:
    text = _NAMED.sub(rf"\1{TAKEN_OUT}", text)
    return _TOKEN.sub(TAKEN_OUT, _TICKET.sub(TAKEN_OUT, text))
