"""Answers as QuickBooks prints them.

Seen in every real answer: an XML declaration without encoding, one element a line,
pure ASCII with decimal references, attributes in the order requestID, statusCode,
statusSeverity, statusMessage, then the counts. A company file keeps Windows-1252 only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from qbwc_server.qbxml.values import escape

Field: TypeAlias = "tuple[str, str | Sequence[Field]]"
"""An element: its name with its text, or with the elements inside it."""

NOTHING_FOUND: Final = "A query request did not find a matching object in QuickBooks"
_WARNINGS: Final = range(500, 1000)


@dataclass(frozen=True, slots=True)
class Reply:
    """What QuickBooks answers to one request.

    `rows` are the elements returned, `attributes` those after statusMessage.
    """

    code: int = 0
    message: str = "Status OK"
    rows: Sequence[Field] = ()
    attributes: Sequence[tuple[str, str]] = ()


class Refused(Exception):
    """QuickBooks answers one request with an error status and does nothing."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.reply = Reply(code, message)


def found(rows: Sequence[Field], **attributes: str) -> Reply:
    """Reply to a query: the rows, or status 1 when there are none."""
    if not rows:
        return Reply(1, NOTHING_FOUND, attributes=tuple(attributes.items()))
    return Reply(rows=rows, attributes=tuple(attributes.items()))


def kept(text: str) -> str:
    """Return a text as a company file keeps it: Windows-1252, no trailing space."""
    return text.encode("cp1252", "replace").decode("cp1252").rstrip()


def only(fields: Sequence[Field], names: Iterable[str]) -> list[Field]:
    """Return the fields IncludeRetElement asked for, all if it named none."""
    wanted = frozenset(names)
    return [field for field in fields if not wanted or field[0] in wanted]


def response(
    request: str, request_id: str | None, reply: Reply, *, with_rows: bool = True
) -> str:
    """Print the answer to one request.

    Args:
        request: The request's name, such as "HostQueryRq".
        request_id: Its requestID, echoed; None if it had none.
        reply: What to answer.
        with_rows: False for responseData="includeNone".
    """
    attributes = [("requestID", request_id)] if request_id is not None else []
    attributes += [
        ("statusCode", str(reply.code)),
        ("statusSeverity", severity(reply.code)),
        ("statusMessage", reply.message),
        *reply.attributes,
    ]
    told = " ".join(f'{name}="{escape(str(value))}"' for name, value in attributes)
    name = f"{request[:-2]}Rs"
    lines: list[str] = []
    if with_rows:
        for row in reply.rows:
            _print(row, lines)
    if not lines:
        return f"<{name} {told} />"
    return "\n".join([f"<{name} {told}>", *lines, f"</{name}>"])


def document(
    responses: Sequence[str], attributes: Sequence[tuple[str, str]] = ()
) -> str:
    """Print the answer to a message set around the answers to its requests."""
    told = "".join(f' {name}="{escape(value)}"' for name, value in attributes)
    inside = [f"<QBXMLMsgsRs{told}>", *responses, "</QBXMLMsgsRs>"]
    return "\n".join(['<?xml version="1.0" ?>', "<QBXML>", *inside, "</QBXML>", ""])


def severity(code: int) -> str:
    """Return the severity QuickBooks gives a status code."""
    if code < _WARNINGS.start:
        return "Info"
    return "Warn" if code in _WARNINGS else "Error"


def _print(field: Field, lines: list[str]) -> None:
    name, content = field
    if isinstance(content, str):
        lines.append(f"<{name}>{_text(content)}</{name}>")
        return
    lines.append(f"<{name}>")
    for inner in content:
        _print(inner, lines)
    lines.append(f"</{name}>")


def _text(text: str) -> str:
    # Line breaks come raw in real answers; everything else beyond ASCII as reference.
    return "\n".join(escape(line) for line in text.replace("\r\n", "\n").split("\n"))
