"""Answers of QuickBooks, read leniently.

Real answers carry unknown elements, empty or missing requestIDs, no encoding in their
declaration and a `statusSeverity` that lies, so: bytes are UTF-8 or else Windows-1252
whatever they say, only what is asked for is looked at, and success is judged by the
number alone.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from lxml import etree

from qbwc_server.qbxml.values import letters

Fields: TypeAlias = "dict[str, str | Fields | list[str | Fields]]"

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]+")
# Those of most legal characters are passed over at once: a body may have a million.
_REFERENCE = re.compile(
    r"&#(?!(?:9|1[03]|3[2-9]|[4-9]\d|[1-9]\d{2,3}|[1-4]\d{4}|x[9AD]|x[2-9A-F][0-9A-F]);)"
    r"(?:[xX]([0-9A-Fa-f]{1,8})|([0-9]{1,8}));"
)
_LONGEST_NESTING = 64
_OBJECT = 4
_MOST_PARTS = 100_000
"""Elements and attributes of one answer; a page of 500 has some 12,000."""
_MOST_ATTRIBUTES = 100
_HUGE_TAG = re.compile(
    r"<[^<>\"']*+(?:\"[^\"<]*+\"[^<>\"']*+|'[^'<]*+'[^<>\"']*+){100}"
)
"""A tag of a hundred attributes: the parser would hold all before we see one."""
_TAG = re.compile(r"<[^<>\"']*+(?:\"[^\"<]*+\"[^<>\"']*+|'[^'<]*+'[^<>\"']*+)++>")
"""A tag that has attributes."""
_VALUE = re.compile(r"\"[^\"]*+\"|'[^']*+'")


class ResponseMalformed(ValueError):
    """The text is not a qbXML answer, even after cleaning; says why."""


@dataclass(frozen=True, slots=True)
class Ret:
    """One object in an answer: its type without "Ret", and its elements."""

    type: str
    fields: Fields

    def text(self, *path: str) -> str:
        """Return the text at a path of element names, "" where there is none.

        Of a repeated element the first is taken.
        """
        here: str | Fields | list[str | Fields] = self.fields.get(path[0], "")
        if isinstance(here, str):
            return here if len(path) == 1 else ""
        for name in path[1:]:
            if isinstance(here, list):
                here = here[0]
            here = here.get(name, "") if isinstance(here, dict) else ""
        if isinstance(here, list):
            here = here[0]
        return here if isinstance(here, str) else ""

    def all(self, name: str) -> list[str | Fields]:
        """Return every occurrence of a direct child, in order."""
        here = self.fields.get(name)
        if here is None:
            return []
        return here if isinstance(here, list) else [here]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request; `name` is the message without "Rs"."""

    name: str
    status_code: int
    request_id: str = ""
    message: str = ""
    ret_count: int | None = None
    iterator_id: str = ""
    iterator_remaining: int | None = None
    rets: list[Ret] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MessageSet:
    """A whole answer; `status_code` is `messageSetStatusCode`, None where absent."""

    answers: list[Answer]
    new_message_set_id: str = ""
    status_code: int | None = None


def parse(raw: str | bytes) -> MessageSet:
    """Read a qbXML answer.

    Control characters and references to them, which QuickBooks lets users store, are
    dropped if the text cannot be read with them.

    Raises:
        ResponseMalformed: no qbXML answer, cut in half, with a DOCTYPE, or of more
            parts than fit into memory.
    """
    text = _decode(raw)
    try:
        return _read_safely(text)
    except (etree.XMLSyntaxError, UnicodeEncodeError) as first:
        cleaned = clean(text)
        if cleaned == text:
            raise ResponseMalformed(
                f"the answer is not well-formed: {first}"
            ) from first
    try:
        return _read_safely(cleaned)
    except etree.XMLSyntaxError as second:
        raise ResponseMalformed(f"the answer is not well-formed: {second}") from second


def clean(text: str) -> str:
    """Return text without the characters and references that XML cannot hold."""
    return _ILLEGAL.sub("", _REFERENCE.sub(_legal_reference, text))


def pair(expected: Sequence[tuple[str, str]], got: MessageSet) -> list[Answer | None]:
    """Return, for each expected (message name, requestID), its answer or None.

    The requestID decides where it is there and unique; what remains is matched by
    message name in order, because some answers come without the requestID. An answer
    with the requestID of something else is nobody's.
    """
    found: list[Answer | None] = [None] * len(expected)
    seen = Counter(answer.request_id for answer in got.answers)
    wanted = Counter(request_id for _, request_id in expected)
    places = {request_id: place for place, (_, request_id) in enumerate(expected)}
    rest: dict[str, deque[Answer]] = defaultdict(deque)
    for answer in got.answers:
        one = answer.request_id
        if seen[one] == wanted[one] == 1 and expected[places[one]][0] == answer.name:
            found[places[one]] = answer
        elif not one or wanted[one]:
            rest[answer.name].append(answer)
    for place, (name, _) in enumerate(expected):
        if found[place] is None and rest[name]:
            found[place] = rest[name].popleft()
    return found


def _decode(raw: str | bytes) -> str:
    if isinstance(raw, bytes):
        for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
            if raw.startswith(mark):
                return raw.decode(encoding, "replace").strip()
        return _decode(_text_of(raw))
    return raw.lstrip("\ufeff").strip()


def _text_of(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        # What is not UTF-8 is Windows-1252: that is what a company file holds.
        return raw.decode("cp1252", "replace")


def _legal_reference(match: re.Match[str]) -> str:
    point = int(match[1], 16) if match[1] else int(match[2])
    if point > 0x10FFFF or _ILLEGAL.match(chr(point)):
        return ""
    return match[0]


def _read_safely(text: str) -> MessageSet:
    # Looked for in the very text that is parsed: cleaning may bring one together.
    if "<!DOCTYPE" in text:
        raise ResponseMalformed(
            "the answer has a DOCTYPE, which QuickBooks never sends"
        )
    elements = text.count("<") - text.count("</")
    most = text.count("=")  # never fewer than there are attributes
    if most >= _MOST_ATTRIBUTES and _HUGE_TAG.search(text):
        raise ResponseMalformed("an element has more attributes than qbXML ever has")
    if elements + most > _MOST_PARTS and _has_more(text, _MOST_PARTS - elements):
        raise ResponseMalformed("the answer is larger than was asked for")
    return _read(text)


def _has_more(text: str, most: int) -> bool:
    """Tell whether a text has more attributes; what stands between tags is none."""
    left = most
    for tag in _TAG.finditer(text):
        if left < 0:
            break
        left -= sum(1 for _ in _VALUE.finditer(tag[0]))
    return left < 0


def _read(text: str) -> MessageSet:
    # Bytes with our encoding override the declaration's; lxml refuses a str that
    # declares one.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    answers: list[Answer] = []
    root: etree._Element | None = None
    for root in etree.fromstring(text.encode("utf-8"), parser):
        if root.tag != "QBXMLMsgsRs":
            raise ResponseMalformed(f"no qbXML answer but <{root.tag}>")
        answers += [_answer(element) for element in root]
    if root is None:
        raise ResponseMalformed("no qbXML answer: QBXMLMsgsRs is missing")
    return MessageSet(
        answers,
        root.get("newMessageSetID", ""),
        _integer(root.get("messageSetStatusCode")),
    )


def _answer(element: etree._Element) -> Answer:
    status = _integer(element.get("statusCode"))
    if status is None:
        raise ResponseMalformed(f"<{element.tag}> has no statusCode")
    return Answer(
        name=str(element.tag).removesuffix("Rs"),
        status_code=status,
        request_id=element.get("requestID", ""),
        message=letters(element.get("statusMessage", "")),
        ret_count=_integer(element.get("retCount")),
        iterator_id=element.get("iteratorID", ""),
        iterator_remaining=_integer(element.get("iteratorRemainingCount")),
        rets=[
            Ret(str(one.tag).removesuffix("Ret"), _fields(one, _OBJECT))
            for one in element
        ],
    )


def _fields(element: etree._Element, depth: int) -> Fields:
    if depth > _LONGEST_NESTING:
        raise ResponseMalformed("the answer is nested deeper than qbXML ever is")
    fields: Fields = {}
    if len(element) == 0:
        # TxnDel's answer has plain elements where other answers have objects.
        return {"": letters(element.text.strip())} if element.text else {}
    for child in element:
        value: str | Fields = (
            _fields(child, depth + 1)
            if len(child)
            else letters((child.text or "").strip())
        )
        name = str(child.tag)
        there = fields.get(name)
        if there is None:
            fields[name] = value
        elif isinstance(there, list):
            there.append(value)
        else:
            fields[name] = [there, value]
    return fields


def _integer(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
