"""The body of a call: how much of it is read, and what of it may be parsed.

Rule 1: who has no live ticket gets no more than 64 KB read, and none of it kept.
Rule 2: what is parsed into a tree is an envelope of a few elements: the tree of an
envelope nested deep or with a million elements is larger than any memory.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from xml.parsers import expat

from qbwc_server.proxies import INSECURE
from qbwc_server.qbxml.response import clean
from qbwc_server.serving.served import ALLOWED, OF_ANYBODY
from qbwc_server.web_connector import unreadable
from qbwc_server.web_connector.unreadable import start

OF_FIRST_CALL = 1024 * 1024
"""Bytes of sendRequestXML, which brings what QuickBooks says about the file."""

_MOST_DISCARDED = 256 * 1024 * 1024
_PIECE = 64 * 1024
_MOST_ELEMENTS = 64
_DEEPEST = 8
_LONGEST_ATTRIBUTES = 8 * 1024
_OTHER_ENCODINGS = frozenset({"iso-8859-1", "windows-1252", "utf-16", "us-ascii"})
_SPACE = b"\xef\xbb\xbf \t\r\n"
_DECLARATION = re.compile(rb"\A<\?xml\b[^>]{0,400}?\?>\s*")
_ENCODING = re.compile(rb"\A<\?xml\b[^>]{0,400}?encoding\s*=\s*[\"']([\w.:-]+)[\"']")
_CONTROLS = bytes({*range(32)} - {9, 10, 13})
_NO_CHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
_HUGE_TAG = re.compile(
    rb"<[^<>\"']*+(?:\"[^\"<]*+\"[^<>\"']*+|'[^'<]*+'[^<>\"']*+){100}"
)
_LENGTH = re.compile(r"[0-9]{1,18}")
_TICKET = re.compile(rb"<(?:\w+:)?ticket>\s*([0-9]+-[0-9a-f]+)\s*</(?:\w+:)?ticket>")


class Unreadable(ValueError):
    """A body that is not to be given to the SOAP library; says why, and no secret.

    `body` is as much of it as was read.
    """

    def __init__(self, why: str, body: bytes) -> None:
        super().__init__(unreadable.told(why))
        self.body = body


def read(
    environ: dict[str, Any], called: str, *, alive: Callable[[str], bool], most: int
) -> bytes:
    """Return the body of a call.

    `alive` tells of a ticket whether it is of a session that may make this call now;
    it is asked only for a body that is longer than anybody may send. `most` bytes are
    taken of an answer of QuickBooks.

    Raises:
        Unreadable: it came without https, is compressed, is larger than it may be, or
            its ticket is not alive.
    """
    if why := refused(environ):
        raise Unreadable(why, b"")
    limit = most_of(called, most)
    source = _Source(environ)
    known = environ.get(ALLOWED)
    if known is not None:
        # The server has asked already, and gathered no more than that.
        limit = min(limit, known)
        body = source.read(source.length)
        if len(body) <= limit:
            return body
        raise Unreadable(_too_large(limit, body), body)
    body = source.read(min(limit, OF_ANYBODY) + 1)
    if len(body) <= min(limit, OF_ANYBODY):
        return body
    known = ticket(body)
    if known is None or limit <= OF_ANYBODY or not alive(known):
        raise Unreadable(_too_large(min(limit, OF_ANYBODY), body), body)
    body += source.read(limit + 1 - len(body))
    if len(body) > limit:
        # A client that still sends when the answer comes sees a broken connection.
        source.discard()
        raise Unreadable(_too_large(limit, body), body)
    return body


def refused(environ: dict[str, Any]) -> str:
    """Return why a request is refused whatever its body is, "" if it is not."""
    if environ.get(INSECURE):
        return "sent without https"
    encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    return "" if encoding in {"", "identity"} else f"encoded as {encoding[:20]}"


def most_of(called: str, most: int) -> int:
    """Return how many bytes a call may have, made with a ticket that is alive."""
    if called == "receiveResponseXML":
        return most
    return min(most, OF_FIRST_CALL if called == "sendRequestXML" else OF_ANYBODY)


def _too_large(limit: int, body: bytes) -> str:
    return f"larger than {limit} bytes, which this call may not be: {start(body)}"


class _Source:
    """What is still to be read of a request.

    No more than the length that was said may be read: the connection stays open.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self._input = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH") or ""
        self.length = int(length) if _LENGTH.fullmatch(length) else 0
        if environ.get("wsgi.input_terminated", False):
            self.length = 2**62

    def read(self, size: int) -> bytes:
        got: bytes = self._input.read(min(size, self.length))
        self.length -= len(got)
        return got

    def discard(self) -> None:
        left = _MOST_DISCARDED
        while left > 0 and (more := self.read(min(left, _PIECE))):
            left -= len(more)


def ticket(body: bytes) -> str | None:
    """Return the ticket near the start of a body in UTF-8 or UTF-16, None without."""
    found = _TICKET.search(body[:OF_ANYBODY].replace(b"\0", b""))
    return None if found is None else found[1].decode()


def readable(body: bytes) -> bytes:
    """Return a body that is safe to parse, as UTF-8 without a declaration.

    UTF-8 is what the real Web Connector sends and what its header says, so it goes
    before what the XML declares; that counts where the body is no UTF-8.

    Raises:
        Unreadable: it has a DOCTYPE, is no XML, is in an unknown encoding, or is
            not built like a call.
    """
    text = _as_utf_8(body).lstrip(_SPACE)
    if not text.startswith(b"<"):
        raise Unreadable("not XML: " + start(body), body)
    if b"<!DOCTYPE" in text:
        raise Unreadable("has a DOCTYPE", body)
    text = text.translate(None, _CONTROLS)
    for one in _NO_CHARACTERS:
        text = text.replace(one, b"")
    if b"&#" in text:
        text = _cleaned(text)
    text = _DECLARATION.sub(b"", text, count=1)
    try:
        _check_shape(text)
    except (_Misbuilt, expat.ExpatError) as error:
        raise Unreadable(f"not a call that is known: {error}", body) from None
    return text


def _as_utf_8(body: bytes) -> bytes:
    first = body[:1024].lstrip(_SPACE)
    declared = _ENCODING.match(first)
    if body[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encodings = ["utf-16"]
    elif _is_utf_8(body):
        return body
    else:
        other = declared[1].decode("ascii").lower() if declared else ""
        encodings = list({other} & _OTHER_ENCODINGS)
    for encoding in encodings:
        with suppress(UnicodeError):
            return body.decode(encoding).encode()
    raise Unreadable(
        f"not in {' or '.join(['utf-8', *encodings])}: {start(body)}", body
    )


def _is_utf_8(body: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for place in range(0, len(body), _PIECE):
            decoder.decode(body[place : place + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _cleaned(body: bytes) -> bytes:
    """Clean a body in UTF-8, in pieces that cut no reference in two.

    One emoji makes Python's text of a body four times as large as the body.
    """
    pieces = []
    place = 0
    while place < len(body):
        cut = body.find(b"&", place + _PIECE)
        end = len(body) if cut < 0 else cut
        pieces.append(clean(body[place:end].decode()).encode())
        place = end
    return b"".join(pieces)


class _Misbuilt(Exception):
    """Well-formed so far, but nothing that Web Connector sends."""


def _check_shape(text: bytes) -> None:
    """Raise unless it is XML of a few elements; makes no tree of it.

    `href` and `id` are SOAP's way to say "see there", which the library follows, in
    circles as well.
    """
    depth = elements = length = 0

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements, length
        depth, elements = depth + 1, elements + 1
        length += len(name) + sum(len(k) + len(v) for k, v in attributes.items())
        if depth > _DEEPEST:
            raise _Misbuilt("nested too deep")
        if elements > _MOST_ELEMENTS:
            raise _Misbuilt("too many elements")
        if length > _LONGEST_ATTRIBUTES:
            raise _Misbuilt("attributes too long")
        if attributes.keys() & {"href", "id"}:
            raise _Misbuilt("refers to elements")

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def doctype(*_: object) -> None:
        raise _Misbuilt("has a DOCTYPE")

    if _HUGE_TAG.search(text):
        raise _Misbuilt("too many attributes")
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    parser.Parse(text, True)
