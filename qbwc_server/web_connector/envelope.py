"""The envelope of a call just as Web Connector writes it, read and written directly.

The recorded calls of the real client all have one form: the method's element in
Intuit's namespace, its arguments in their order without prefix or attributes. Such a
call needs no XML library, and thousands of companies make it every minute. Whatever
deviates from it is left to the SOAP library, which a test holds to the same arguments.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from qbwc_server.qbxml.response import clean

NAMESPACE = "http://developer.intuit.com/"
_HEAD = re.compile(
    rb'<\?xml version="1\.0" encoding="utf-8"\?>\s*'
    rb'<soap:Envelope xmlns:soap="http://schemas\.xmlsoap\.org/soap/envelope/"'
    rb'(?: xmlns:xsi="http://www\.w3\.org/2001/XMLSchema-instance")?'
    rb'(?: xmlns:xsd="http://www\.w3\.org/2001/XMLSchema")?>\s*<soap:Body>\s*'
    rb'<(\w+) xmlns="http://developer\.intuit\.com/" ?(/?)>\s*'
)
_TAIL = re.compile(rb"\s*</soap:Body>\s*</soap:Envelope>\s*\Z")
_SPACE = re.compile(rb"\s*")
_ILLEGAL = bytes({*range(32)} - {9, 10})
_OTHER_REFERENCE = re.compile(rb"&(?!amp;|lt;|gt;|quot;|apos;)")
_BEFORE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap='
    '"http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
)
_AFTER = "</soap:Body></soap:Envelope>"


def read(body: bytes, method: str, names: Sequence[str]) -> list[str] | None:
    """Return the arguments of a call, or None if it is not in Web Connector's form.

    `names` are the arguments of the method, in their order. An empty one is "".
    """
    head = _HEAD.match(body)
    if head is None or head[1] != method.encode():
        return None
    place = head.end()
    found: list[str] = []
    if not head[2]:
        for name in names:
            one = _argument(body, place, name.encode())
            if one is None:
                return None
            text, place = one
            found.append(text)
            place = _SPACE.match(body, place).end()  # type: ignore[union-attr]
        closed = b"</%b>" % head[1]
        if not body.startswith(closed, place):
            return None
        place += len(closed)
    elif names:
        return None
    return found if _TAIL.match(body, place) is not None else None


def _argument(body: bytes, place: int, name: bytes) -> tuple[str, int] | None:
    """Return the text of the argument at a place, and where it ends."""
    for empty in (b"<%b />" % name, b"<%b/>" % name):
        if body.startswith(empty, place):
            return "", place + len(empty)
    opened, closed = b"<%b>" % name, b"</%b>" % name
    if not body.startswith(opened, place):
        return None
    start = place + len(opened)
    stop = body.find(b"<", start)
    if not body.startswith(closed, stop):
        return None
    text = _text(body[start:stop])
    return None if text is None else (text, stop + len(closed))


def written(method: str, result: object) -> bytes:
    """Return the envelope of an answer; a list is an array of strings.

    Characters that XML cannot hold are left out, wherever they came from.
    """
    if not method or result is None:
        return (_BEFORE + _AFTER).encode()
    if isinstance(result, list):
        inner = "".join(f"<string>{escape(clean(item))}</string>" for item in result)
    else:
        inner = escape(clean(str(result)))
    return (
        f'{_BEFORE}<{method}Response xmlns="{NAMESPACE}"><{method}Result>{inner}'
        f"</{method}Result></{method}Response>{_AFTER}"
    ).encode()


def _text(raw: bytes) -> str | None:
    """Return the text of an element, None if reading it takes more than this."""
    if b"]]>" in raw or raw.translate(None, _ILLEGAL) != raw:
        return None
    if b"&" in raw:
        if _OTHER_REFERENCE.search(raw):
            return None
        raw = raw.replace(b"&lt;", b"<").replace(b"&gt;", b">")
        raw = raw.replace(b"&quot;", b'"').replace(b"&apos;", b"'")
        raw = raw.replace(b"&amp;", b"&")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\ufffe" in text or "\uffff" in text else text
