"""What an attacker sends: a name, and the bytes made from it."""

from __future__ import annotations

from collections.abc import Callable

MB = 1024 * 1024
NEAR = 5_000_000
"""Bytes of an answer that is just small enough to be taken."""
_QBXML = (
    '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs><EmployeeQueryRs requestID="1" '
    'statusCode="0">{}</EmployeeQueryRs></QBXMLMsgsRs></QBXML>'
)
_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap='
    '"http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><receiveResponseXML xmlns='
    '"http://developer.intuit.com/"><ticket>{}</ticket><response>{}</response>{}'
    "</receiveResponseXML></soap:Body></soap:Envelope>"
)
_BOMB = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))


def envelope(ticket: str, response: str = "", more: str = "") -> bytes:
    """Return a receiveResponseXML; the parts are put in as they are."""
    return _ENVELOPE.format(ticket, response, more).encode()


def escaped(text: str) -> str:
    """Return text as an element holds it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fill(unit: str, size: int) -> str:
    """Return a piece repeated up to a size."""
    return unit * (size // len(unit))


def _doctype(text: str, definition: str) -> str:
    return text.replace("?>", f"?><!DOCTYPE x [{definition}]>", 1)


IN_ENVELOPE: dict[str, Callable[[str], bytes]] = {
    "DOCTYPE": lambda t: _doctype(envelope(t).decode(), '<!ENTITY e0 "x">').encode(),
    "entities in entities": lambda t: _doctype(
        envelope(t, "&e9;").decode(), '<!ENTITY e0 "ha">' + _BOMB
    ).encode(),
    "external entity": lambda t: _doctype(
        envelope(t, "&e;").decode(), '<!ENTITY e SYSTEM "file:///etc/passwd">'
    ).encode(),
    "XInclude": lambda t: envelope(
        t,
        more='<x:include xmlns:x="http://www.w3.org/2001/XInclude" '
        'href="file:///etc/passwd" parse="text"/>',
    ),
    "external schema": lambda t: envelope(t).replace(
        b"<soap:Envelope ",
        b"<soap:Envelope xmlns:i='http://www.w3.org/2001/XMLSchema-instance' "
        b"i:schemaLocation='http://127.0.0.1:9/a http://127.0.0.1:9/a.xsd' ",
    ),
    "nested 500,000 deep": lambda t: envelope(t, more="<a>" * 500_000),
    "100,000 siblings": lambda t: envelope(t, more="<a/>" * 100_000),
    "5 MB of siblings": lambda t: envelope(t, more=fill("<a/>", NEAR)),
    "attribute of 5 MB": lambda t: envelope(t, more=f'<a b="{"x" * NEAR}"/>'),
    "340,000 attributes": lambda t: envelope(
        t, more="<a " + " ".join(f'b{n}=""' for n in range(340_000)) + "/>"
    ),
    "text of 5 MB": lambda t: envelope(t, "x" * NEAR),
    "text of 5 MB with an emoji": lambda t: envelope(t, "\U0001f3db" + "x" * NEAR),
    "5 MB of character references": lambda t: envelope(t, fill("&#13;", NEAR)),
    "5 MB of control characters": lambda t: envelope(t, "\x01" * NEAR),
    "40 MB": lambda t: envelope(t, "x" * 40 * MB),
    "elements that see each other": lambda t: envelope(
        t, more='<a href="#b"/><c id="b"><d href="#b"/></c>'
    ),
    "UTF-16 of 5 MB": lambda t: (
        envelope(t, "x" * (NEAR // 2)).decode().encode("utf-16")
    ),
    "cut in half": lambda t: envelope(t, "x" * 2 * MB)[:MB],
}
"""Bodies of receiveResponseXML, hostile in themselves."""

IN_ANSWER: dict[str, str] = {
    "DOCTYPE": _doctype(_QBXML, '<!ENTITY e0 "x">').format(""),
    "entities in entities": _doctype(
        _QBXML.format("<EmployeeRet><Name>&e9;</Name></EmployeeRet>"),
        '<!ENTITY e0 "ha">' + _BOMB,
    ),
    "XInclude": _QBXML.format(
        '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'
    ),
    "nested 500,000 deep": _QBXML.format("<a>" * 500_000),
    "100,000 siblings": _QBXML.format(
        "<EmployeeRet>" + "<a/>" * 100_000 + "</EmployeeRet>"
    ),
    "100,000 objects": _QBXML.format("<EmployeeRet/>" * 100_000),
    "5 MB of siblings": _QBXML.format(
        "<EmployeeRet>" + fill("<a/>", NEAR * 4 // 10) + "</EmployeeRet>"
    ),
    "5 MB of objects": _QBXML.format(fill("<a>x</a>", NEAR * 8 // 20)),
    "5 MB of answers": _QBXML.format(
        "</EmployeeQueryRs>"
        + fill('<EmployeeQueryRs statusCode="0"/>', NEAR * 33 // 39)
        + '<EmployeeQueryRs statusCode="0">'
    ),
    "attribute of 5 MB": _QBXML.format(f'<EmployeeRet a="{"x" * NEAR}"/>'),
    "a message of 5 MB": _QBXML.replace(
        '"0"', f'"500" statusMessage="{"x" * NEAR}"'
    ).format(""),
    "340,000 attributes": _QBXML.format(
        "<EmployeeRet " + " ".join(f'b{n}=""' for n in range(340_000)) + "/>"
    ),
    "text of 5 MB": _QBXML.format(
        f"<EmployeeRet><Notes>{'x' * NEAR}</Notes></EmployeeRet>"
    ),
    "a name of 5 MB": _QBXML.format(
        "<EmployeeRet><ListID>80000001-1</ListID><TimeModified>2026-01-02T03:04:05-05:00"
        "</TimeModified><EditSequence>1</EditSequence>"
        f"<Name>{'x' * NEAR}</Name></EmployeeRet>"
    ),
    "5 MB of control characters": _QBXML.format("\x01" * NEAR),
    "5 MB of references to them": _QBXML.format(fill("&#1;", NEAR // 2)),
    "numbers of a million digits": _QBXML.replace(
        'statusCode="0"', f'statusCode="{"9" * MB}"'
    ).format(""),
}
"""qbXML that is hostile inside a good envelope."""

AS_JSON: dict[str, bytes] = {
    "nested 500,000 deep": b"[" * 500_000,
    "objects nested 100,000 deep": b'{"a":' * 100_000,
    "a list nested deep": b'{"payload": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a number of a million digits": b'{"payload": {"mosaic_id": ' + b"9" * MB + b"}}",
    "1e999999999": b'{"payload": {"mosaic_id": 1, "hours": 1e999999999}}',
    "NaN": b'{"payload": {"mosaic_id": 1, "hours": NaN}}',
    "text of 7 MB": b'{"payload": "' + b"x" * 7 * MB + b'"}',
    "a key twice": b'{"payload": {"mosaic_id": 1}, "payload": [], "payload": {}}',
    "7 MB of empty objects": b"[" + b"{}," * (3 * MB) + b"{}]",
    "1 MB of empty objects": b'{"payload": [' + b"{}," * (MB // 3 - 99) + b"{}]}",
    "1 MB of backslashes": b'{"payload": "' + b"\\" * (MB - 99) + b'"}',
    "lone surrogates": b'{"payload": {"mosaic_id": 1, "title": "\\ud800\\u0000"}}',
}
"""Bodies of callbacks, and answers of a Mosaic that went mad."""
