"""qbXML as a page shows it: indented, marked, escaped, and not too long. Pure.

It takes whatever was sent, also what no parser takes, and never fails. A tag ends where
the next begins at the latest, so that no text costs more than reading it once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

SHOWN: Final = 8_000
"""Characters shown unless all are asked for."""
MOST_MARKED: Final = 400_000
"""Longer texts are shown plain: marks make them five times as long."""
_DEEPEST = 24
_TOKEN: Final = re.compile(
    r"(?P<note><[?!][^<>]*>)|(?P<tag></?[A-Za-z_][^<>]*>)|(?P<text>[^<]+|<)"
)
_TAG: Final = re.compile(r"(</?)([\w:.-]+)(.*?)(/?>)", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"([\w:.-]+)(=)(\"[^\"]*\"|'[^']*')")


@dataclass(frozen=True, slots=True)
class Marked:
    """A message as it is shown; `left` are the characters that are not."""

    html: Markup
    length: int
    left: int


def marked(text: str, *, whole: bool = False) -> Marked:
    """Return a message with its elements, attributes and values marked."""
    shown = text if whole else text[:SHOWN]
    html = _marked(shown) if len(shown) <= MOST_MARKED else escape(shown)
    return Marked(html, len(text), len(text) - len(shown))


def coded(text: str | None) -> Markup:
    """Return a sentence with what is to be typed, between backticks, marked so."""
    parts = (text or "").split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(one) if at % 2 else escape(one)
        for at, one in enumerate(parts)
    )


def part_of(text: str, request_id: int) -> str:
    """Return the request or answer of one job in a message, empty if it is not there.

    Other jobs of the same message are other people's business on that page.
    """
    place = text.find(f'requestID="{request_id}"')
    begin = text.rfind("<", 0, place)
    if place < 0 or begin < 0:
        return ""
    name = re.match(r"<([\w:.-]+)", text[begin : begin + 100])
    if name is None:
        return ""
    opened = text.find(">", place)
    if opened < 0 or text[opened - 1] == "/":
        return text[begin : opened + 1]
    closing = f"</{name[1]}>"
    end = text.find(closing, opened)
    return text[begin:] if end < 0 else text[begin : end + len(closing)]


def _marked(text: str) -> Markup:
    made: list[Markup] = []
    depth, before = 0, "none"
    for found in _TOKEN.finditer(text):
        token = found[0]
        if found.lastgroup == "text":
            if token.strip():
                made.append(Markup('<span class="v">{}</span>').format(token.strip()))
                before = "text"
            continue
        closes = token.startswith("</")
        depth = max(depth - 1, 0) if closes else depth
        # An element with a text, or with nothing, stays on its line.
        if before != "none" and not (closes and before in {"text", "opened"}):
            made.append(Markup("\n") + "  " * min(depth, _DEEPEST))
        if found.lastgroup == "note":
            made.append(Markup('<span class="n">{}</span>').format(token))
            before = "note"
            continue
        made.append(_tag(token))
        before = "closed" if closes or token.endswith("/>") else "opened"
        depth += before == "opened"
    return Markup("").join(made)


def _tag(token: str) -> Markup:
    found = _TAG.fullmatch(token)
    if found is None:
        return escape(token)
    opening, name, attributes, end = found.groups()
    made = [Markup('{}<span class="t">{}</span>').format(opening, name)]
    place = 0
    for one in _ATTRIBUTE.finditer(attributes):
        made.append(escape(attributes[place : one.start()]))
        told = Markup('<span class="a">{}</span>{}<span class="s">{}</span>')
        made.append(told.format(*one.groups()))
        place = one.end()
    made.append(escape(attributes[place:] + end))
    return Markup("").join(made)
