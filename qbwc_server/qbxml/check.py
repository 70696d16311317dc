"""Whether QuickBooks would take a qbXML document, and if not, why.

QuickBooks answers a document it dislikes with 0x80040400 for the whole message set and
no line number. `problems` finds the reason beforehand, from the table in `messages`
and from the rules a schema cannot hold: the version instruction, the lengths of the
identifiers in attributes, and that every byte is ASCII (older releases read requests as
Windows-1252, so anything else has to travel as a numeric reference).

Dates are stricter here than in Intuit's schema, which lets a date carry a time zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from qbwc_server.qbxml.check_value import complaint
from qbwc_server.qbxml.messages import MESSAGES, Choice, Element

_VERSIONS: Final = frozenset(
    {"1.0", "1.1", "2.0", "2.1", "3.0", "4.0", "4.1", "5.0", "6.0", "7.0"}
    | {"8.0", "9.0", "10.0", "11.0", "12.0", "13.0"}
)
_VERSION: Final = re.compile(r"""version\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_SET_ID_LENGTH: Final = 23
_REQUEST_ID_LENGTH: Final = 50
_SET_ATTRIBUTES: Final[dict[str, frozenset[str] | None]] = {
    "onError": frozenset({"continueOnError", "stopOnError"}),
    "responseData": frozenset({"includeAll", "includeNone"}),
    "newMessageSetID": None,
    "oldMessageSetID": None,
}
_REQUEST_ATTRIBUTES: Final[dict[str, frozenset[str]]] = {
    "metaData": frozenset({"NoMetaData", "MetaDataOnly", "MetaDataAndResponseData"}),
    "iterator": frozenset({"Start", "Continue", "Stop"}),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a document.

    `request` counts from 1 and is 0 for the document as a whole; `path` leads to the
    element. `too_long` marks the one mistake QuickBooks answers request by request
    (status 3070) instead of refusing the message set.
    """

    request: int
    path: str
    wrong: str
    too_long: bool = False

    def __str__(self) -> str:
        if not self.request:
            return f"{self.path}: {self.wrong}."
        return f"Request {self.request}, {self.path}: {self.wrong}."


def problems(document: bytes | str) -> list[str]:
    """Say what is wrong with a whole request document.

    Args:
        document: A qbXML request from the XML declaration to `</QBXML>`.

    Returns:
        One sentence per problem, naming the request by its number (from 1), the path
        of the element and what is wrong. Empty when QuickBooks can take the document;
        a message set without requests, which asks for the status of an earlier one,
        is such a document.
    """
    return [str(found) for found in findings(document)]


def findings(document: bytes | str) -> list[Finding]:
    """Find what `problems` says, as values."""
    data = document.encode("utf-8") if isinstance(document, str) else document
    if not data.isascii():
        wrong = "holds a byte that is not plain ASCII; write it as a numeric reference"
        return [Finding(0, "document", wrong)]
    if b"<!DOCTYPE" in data:
        return [Finding(0, "document", "must not have a document type")]
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        return [Finding(0, "document", f"is not well-formed XML ({error.msg})")]
    return [*_version(root), *_envelope(root)]


def _version(root: etree._Element) -> Iterator[Finding]:
    before = root.itersiblings(preceding=True)
    told = [node for node in before if isinstance(node, etree._ProcessingInstruction)]  # noqa: SLF001
    versions = [node.text or "" for node in told if node.target == "qbxml"]
    if len(versions) != 1:
        wrong = "needs exactly one <?qbxml version?> instruction"
        yield Finding(0, "document", wrong)
        return
    match = _VERSION.fullmatch(versions[0].strip())
    version = (match[1] or match[2]) if match else versions[0]
    if version not in _VERSIONS:
        yield Finding(0, "document", f'asks for qbXML "{version}", not 13.0 or lower')


def _envelope(root: etree._Element) -> Iterator[Finding]:
    if root.tag != "QBXML" or root.attrib:
        yield Finding(0, str(root.tag), "is not a plain QBXML element")
        return
    inside = _children(root)
    yield from _stray_text(root, 0, "QBXML")
    if [node.tag for node in inside] != ["QBXMLMsgsRq"]:
        yield Finding(0, "QBXML", "must hold one QBXMLMsgsRq and nothing else")
        return
    message_set = inside[0]
    yield from _stray_text(message_set, 0, "QBXMLMsgsRq")
    yield from _set_attributes(message_set)
    for number, request in enumerate(_children(message_set), start=1):
        yield from _request(request, number)


def _set_attributes(message_set: etree._Element) -> Iterator[Finding]:
    path = "QBXMLMsgsRq"
    if "onError" not in message_set.attrib:
        yield Finding(0, path, "has no onError")
    for name, value in _attributes(message_set):
        if name not in _SET_ATTRIBUTES:
            yield Finding(0, path, f"has the unknown attribute {name}")
            continue
        allowed = _SET_ATTRIBUTES[name]
        if allowed is None:
            if len(value) > _SET_ID_LENGTH:
                wrong = f"{name} has {len(value)} characters, {_SET_ID_LENGTH} fit"
                yield Finding(0, path, wrong)
        elif value not in allowed:
            yield Finding(0, path, f'{name} "{value}" is none of {_listed(allowed)}')


def _request(request: etree._Element, number: int) -> Iterator[Finding]:
    path = str(request.tag)
    message = MESSAGES.get(path)
    if message is None:
        yield Finding(number, path, "is not a request this table knows")
        return
    for name, value in _attributes(request):
        if name == "requestID":
            if len(value) > _REQUEST_ID_LENGTH:
                length = f"{len(value)} characters, {_REQUEST_ID_LENGTH} fit"
                yield Finding(number, path, f"requestID has {length}")
        elif name not in message.attributes:
            yield Finding(number, path, f"does not take the attribute {name}")
        elif (allowed := _REQUEST_ATTRIBUTES.get(name)) and value not in allowed:
            wrong = f'{name} "{value}" is none of {_listed(allowed)}'
            yield Finding(number, path, wrong)
    yield from _paging(request, number, path)
    yield from _content(request, message.body, number, path)


def _paging(request: etree._Element, number: int, path: str) -> Iterator[Finding]:
    iterator = request.get("iterator")
    has_id = bool(request.get("iteratorID"))
    if iterator in ("Continue", "Stop") and not has_id:
        yield Finding(number, path, f"iterator {iterator} needs an iteratorID")
    if iterator not in ("Continue", "Stop") and has_id:
        yield Finding(number, path, "iteratorID belongs to Continue and Stop only")
    if iterator in ("Start", "Continue") and request.find("MaxReturned") is None:
        yield Finding(number, path, f"iterator {iterator} needs MaxReturned")


def _content(
    parent: etree._Element,
    shape: Sequence[Element | Choice],
    number: int,
    path: str,
) -> Iterator[Finding]:
    """Check the children of an element against the shape, in strict order."""
    yield from _stray_text(parent, number, path)
    children = _children(parent)
    used, missing, matched = _match(children, shape, 0)
    for child, element in matched:
        yield from _element(child, element, number, f"{path}/{element.name}")
    if missing:
        came = f" before {children[used].tag}" if used < len(children) else ""
        yield Finding(number, path, f"lacks {missing}{came}")
    elif used < len(children):
        yield Finding(
            number,
            f"{path}/{children[used].tag}",
            "is unknown, comes twice or is out of order here",
        )


def _match(
    children: Sequence[etree._Element], shape: Sequence[Element | Choice], at: int
) -> tuple[int, str, list[tuple[etree._Element, Element]]]:
    """Walk the shape over the children; the shapes never need to look back.

    Returns:
        How many children were used, what is missing (or ""), and the pairs found.
    """
    matched: list[tuple[etree._Element, Element]] = []
    for part in shape:
        if isinstance(part, Element):
            start = at
            while at < len(children) and children[at].tag == part.name:
                matched.append((children[at], part))
                at += 1
                if not part.repeats:
                    break
            if at == start and part.required:
                return at, part.name, matched
            continue
        name = children[at].tag if at < len(children) else None
        group = next((one for one in part.groups if name in _starters(one)), None)
        if group is not None:
            at, missing, pairs = _match(children, group, at)
            matched += pairs
            if missing:
                return at, missing, matched
        elif part.required:
            first = " or ".join(sorted(_starters(part.groups[0])))
            others = sorted(set().union(*map(_starters, part.groups[1:])))
            return at, " or ".join([first, *others]), matched
    return at, "", matched


def _starters(group: Sequence[Element | Choice]) -> set[str]:
    """Name the elements a group can begin with."""
    names: set[str] = set()
    for part in group:
        if isinstance(part, Element):
            names.add(part.name)
        else:
            names.update(*map(_starters, part.groups))
        if part.required:
            break
    return names


def _element(
    node: etree._Element, element: Element, number: int, path: str
) -> Iterator[Finding]:
    for name, _ in _attributes(node):
        yield Finding(number, path, f"does not take the attribute {name}")
    if element.inside is not None:
        yield from _content(node, element.inside, number, path)
        return
    if _children(node):
        yield Finding(number, path, "holds elements where only text belongs")
        return
    text = "".join(map(str, node.itertext()))
    wrong = complaint(element, text)
    if wrong:
        yield Finding(number, path, wrong)
    elif element.at_most is not None and len(text) > element.at_most:
        wrong = f"has {len(text)} characters, {element.at_most} fit"
        yield Finding(number, path, wrong, too_long=True)


def _attributes(node: etree._Element) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in node.attrib.items()]


def _children(node: etree._Element) -> list[etree._Element]:
    return list(node.iterchildren(tag="*"))


def _stray_text(node: etree._Element, number: int, path: str) -> Iterator[Finding]:
    texts = [node.text, *(child.tail for child in node)]
    if any(text and text.strip(" \t\r\n") for text in texts):
        yield Finding(number, path, "holds text where only elements belong")


def _listed(values: frozenset[str]) -> str:
    return ", ".join(sorted(values))
