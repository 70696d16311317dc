"""Requests as values, and the message set that carries them as text.

A request body is a tuple of (element name, content) pairs in QuickBooks' strict order,
where content is text or again such a tuple. Who builds one knows the order; whether it
is right is checked by `check.problems` before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from qbwc_server.qbxml.values import escape

Content: TypeAlias = "str | tuple[tuple[str, Content], ...]"
Body: TypeAlias = tuple[tuple[str, Content], ...]

VERSION = "13.0"
"""The qbXML version of all we send: understood since QuickBooks 2014, and alike for
every message we use up to 16.0 (by comparison of Intuit's schemas)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One qbXML request, for example `Request("HostQueryRq")`.

    `request_id` comes back on the answer, at most 50 characters. `iterator` and
    `iterator_id` are the attributes of an iterated query.
    """

    name: str
    body: Body = ()
    request_id: str = ""
    iterator: Literal["", "Start", "Continue", "Stop"] = ""
    iterator_id: str = ""

    def text(self) -> str:
        """Return the request as one XML element without white space."""
        attributes = "".join(
            f' {name}="{escape(value)}"'
            for name, value in (
                ("requestID", self.request_id),
                ("iterator", self.iterator),
                ("iteratorID", self.iterator_id),
            )
            if value
        )
        return f"<{self.name}{attributes}>{''.join(_texts(self.body))}</{self.name}>"


def message_set(
    requests: Iterable[Request],
    *,
    new_message_set_id: str = "",
    old_message_set_id: str = "",
    version: str = VERSION,
) -> str:
    """Return the whole document to hand to QuickBooks, pure ASCII.

    Every request is tried whatever happens to the others (`continueOnError`). With
    `new_message_set_id` (at most 23 characters) QuickBooks keeps the answer, to be
    asked for later with both ids equal and no request.
    """
    ids = "".join(
        f' {name}="{escape(value)}"'
        for name, value in (
            ("oldMessageSetID", old_message_set_id),
            ("newMessageSetID", new_message_set_id),
        )
        if value
    )
    inner = "".join(request.text() for request in requests)
    return (
        f'<?xml version="1.0" encoding="utf-8"?><?qbxml version="{version}"?>'
        f'<QBXML><QBXMLMsgsRq{ids} onError="continueOnError">{inner}'
        "</QBXMLMsgsRq></QBXML>"
    )


def _texts(body: Body) -> Iterator[str]:
    for name, content in body:
        inner = (
            escape(content) if isinstance(content, str) else "".join(_texts(content))
        )
        yield f"<{name}>{inner}</{name}>"
