"""The table of request messages, and the check of whole documents against it."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from qbwc_server.qbxml.check import problems
from qbwc_server.qbxml.messages import ITERABLE, MESSAGES, Choice, Element, Kind

GUID = "{0A1B2C3D-0000-1111-2222-0123456789AB}"
VALUES = {
    Kind.TEXT: ("", "a", "x" * 31, "x" * 32, "x" * 50, "x" * 51, "x" * 4096),
    Kind.ID: ("80000001-1700000000", "", "x" * 36, "x" * 37),
    Kind.BOOL: ("true", "false", "1", "0", "", "TRUE", "yes", " true "),
    Kind.INTEGER: ("1", "25", "0", "-1", "+5", " 7 ", "1.5", "", "x"),
    Kind.AMOUNT: ("12.50", "-3", "", "1.5", "1,000.00", "12345678901234"),
    Kind.DATE: ("2026-09-01", "", "2015-02-30", "2026-9-1", "09/01/2026", "today"),
    Kind.DATETIME: (
        *("2026-09-01", "2026-09-01T08:30:00", "2026-09-01T08:30:00-05:00", ""),
        *("2026-9-1T8", "2026-09-01T08:30:00Z", "2026-09-01T08:30:00.5", "now"),
    ),
    Kind.DURATION: (
        *("PT8H30M0S", "PT1H", "PT510M", "-PT1H", "+PT1H", "", "PT", "PT8.5H"),
        *("P1DT2H", "8:30", "PT1M1H"),
    ),
    Kind.GUID: (GUID, "0", GUID.lower(), GUID[1:-1], "", GUID + " "),
}


def reference_data() -> Path:
    """Return the folder of reference data; skip the test where there is none."""
    told = os.environ.get("QBWC_REFERENCE_DATA")
    folder = Path(told) if told else Path(__file__).parents[2] / "../shared/data"
    if not folder.is_dir():
        pytest.skip("no reference data: Intuit's schema is not ours to ship")
    return folder


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """Give Intuit's own schema of qbXML 13.0."""
    path = reference_data() / "qbxml/xsd/130-intuit-original/qbxmlops130.xsd"
    return etree.XMLSchema(etree.parse(path))


def document(inside: str, *, attributes: str = 'onError="stopOnError"') -> str:
    """Wrap requests into a whole request document."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<?qbxml version="13.0"?>\n'
        f"<QBXML><QBXMLMsgsRq {attributes}>{inside}</QBXMLMsgsRq></QBXML>"
    )


TIME = (
    "<TimeTrackingAddRq><TimeTrackingAdd><TxnDate>2026-09-01</TxnDate>"
    "<EntityRef><ListID>1-1</ListID></EntityRef><Duration>PT8H30M</Duration>"
    "</TimeTrackingAdd></TimeTrackingAddRq>"
)


def some_request(dice: random.Random) -> str:
    """Make up a request from the table that is right, or wrong in one or two ways."""
    name = dice.choice(sorted(MESSAGES))
    wrongness = dice.choice((0.0, 0.0, 0.05, 0.2))
    attributes = ""
    if "metaData" in MESSAGES[name].attributes and dice.random() < 0.3:
        attributes += f' metaData="{dice.choice(("MetaDataOnly", "metadataonly"))}"'
    if name not in ITERABLE and dice.random() < 0.05:
        attributes += ' iterator="Start"'
    inside = some_group(MESSAGES[name].body, dice, wrongness)
    return f"<{name}{attributes}>{inside}</{name}>"


def some_group(
    group: tuple[Element | Choice, ...], dice: random.Random, wrongness: float
) -> str:
    """Make up the content of an element, now and then out of order or incomplete."""
    parts = []
    for part in group:
        leave_out = dice.random() < (wrongness if part.required else 0.5)
        if leave_out:
            continue
        if isinstance(part, Choice):
            parts.append(some_group(dice.choice(part.groups), dice, wrongness))
            if dice.random() < wrongness:
                parts.append(some_group(dice.choice(part.groups), dice, wrongness))
            continue
        several = part.repeats or dice.random() < wrongness
        parts += [
            some_element(part, dice, wrongness)
            for _ in range(dice.randint(1, 2) if several else 1)
        ]
    if dice.random() < wrongness:
        dice.shuffle(parts)
    return "".join(parts)


def some_element(element: Element, dice: random.Random, wrongness: float) -> str:
    """Make up one element with a value that may be right or wrong."""
    if element.inside is not None:
        inside = some_group(element.inside, dice, wrongness)
    elif element.kind is Kind.ENUM:
        inside = dice.choice(sorted(element.values))
        inside = inside.upper() if dice.random() < wrongness else inside
    else:
        values = VALUES[element.kind]
        inside = dice.choice(values) if dice.random() < wrongness else values[1]
        if element.at_most and dice.random() < 0.3:
            inside = "x" * (element.at_most + (dice.random() < wrongness))
        if element.kind not in (Kind.TEXT, Kind.ID) and inside == values[1]:
            inside = values[0]
    return f"<{element.name}>{inside}</{element.name}>"


@settings(max_examples=1500, deadline=None)
@given(st.integers(min_value=0))
def test_the_table_agrees_with_intuits_schema(
    schema: etree.XMLSchema, seed: int
) -> None:
    """Whatever is made up from the table, we and Intuit's schema judge alike."""
    dice = random.Random(seed)
    text = document("".join(some_request(dice) for _ in range(dice.randint(1, 2))))

    is_valid = schema.validate(etree.fromstring(text.encode()))

    assert is_valid == (problems(text) == []), (text, problems(text))


@pytest.mark.parametrize("kind", VALUES)
def test_every_value_is_judged_as_in_intuits_schema(
    schema: etree.XMLSchema, kind: Kind
) -> None:
    """Each made-up value of each type passes here exactly if it passes there."""
    frames = {
        Kind.TEXT: "<CompanyQueryRq><IncludeRetElement>?</IncludeRetElement>"
        "</CompanyQueryRq>",
        Kind.ID: "<ClassQueryRq><ListID>?</ListID></ClassQueryRq>",
        Kind.BOOL: "<HostQueryRq><IncludeListMetaData><IncludeMaxCapacity>?"
        "</IncludeMaxCapacity></IncludeListMetaData></HostQueryRq>",
        Kind.INTEGER: "<ClassQueryRq><MaxReturned>?</MaxReturned></ClassQueryRq>",
        Kind.AMOUNT: "<VendorQueryRq><TotalBalanceFilter><Operator>Equal</Operator>"
        "<Amount>?</Amount></TotalBalanceFilter></VendorQueryRq>",
        Kind.DATE: TIME.replace("2026-09-01", "?"),
        Kind.DATETIME: "<ClassQueryRq><FromModifiedDate>?</FromModifiedDate>"
        "</ClassQueryRq>",
        Kind.DURATION: TIME.replace("PT8H30M", "?"),
        Kind.GUID: "<CompanyQueryRq><OwnerID>?</OwnerID></CompanyQueryRq>",
    }
    texts = [document(frames[kind].replace("?", value)) for value in VALUES[kind]]

    theirs = [schema.validate(etree.fromstring(text.encode())) for text in texts]

    ours = [problems(text) == [] for text in texts]
    assert dict(zip(texts, theirs, strict=True)) == dict(zip(texts, ours, strict=True))


def test_iterable_are_the_queries_that_can_grow_large() -> None:
    """Only customers, vendors, service items and time take an iterator."""
    large = {"Customer", "ItemService", "TimeTracking", "Vendor"}

    assert {f"{name}QueryRq" for name in large} == set(ITERABLE)


def test_a_good_document_has_no_problems() -> None:
    """A time entry with what it needs passes, as bytes and as text."""
    text = document(TIME)

    assert problems(text) == []
    assert problems(text.encode()) == []


def test_a_message_set_without_requests_is_fine() -> None:
    """Asking for the status of an earlier message set holds no request."""
    attributes = 'onError="stopOnError" newMessageSetID="A1" oldMessageSetID="A1"'

    assert problems(document("", attributes=attributes)) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (document(TIME).replace('<?qbxml version="13.0"?>', ""), "<?qbxml version?>"),
        (document(TIME).replace('"13.0"', '"14.0"'), '"14.0", not 13.0 or lower'),
        (document(TIME, attributes=""), "has no onError"),
        (document(TIME, attributes='onError="rollbackOnError"'), "is none of"),
        (document(TIME).replace("</QBXML>", ""), "not well-formed"),
        (document(TIME).replace("<QBXML>", "<!DOCTYPE a><QBXML>"), "document type"),
        (document(TIME).replace("PT8H30M", "PTé"), "not plain ASCII"),
        (document("<AccountQueryRq/>"), "is not a request this table knows"),
        (document("hello"), "text where only elements belong"),
    ],
)
def test_a_document_quickbooks_would_refuse_whole_is_told_apart(
    text: str, says: str
) -> None:
    """What is wrong with the frame of a document is said in words."""
    (problem, *_) = problems(text)

    assert says in problem


def test_a_message_set_id_has_at_most_23_characters() -> None:
    """23 characters fit, one more does not, in either attribute."""
    for name in ("newMessageSetID", "oldMessageSetID"):
        fits = f'onError="stopOnError" {name}="{"x" * 23}"'

        assert problems(document(TIME, attributes=fits)) == []
        assert problems(document(TIME, attributes=fits.replace("xx", "xxx", 1)))


def test_a_request_id_has_at_most_50_characters() -> None:
    """50 characters fit, one more does not."""
    assert problems(document(f'<HostQueryRq requestID="{"x" * 50}"/>')) == []
    (problem,) = problems(document(f'<HostQueryRq requestID="{"x" * 51}"/>'))

    assert "requestID has 51 characters, 50 fit" in problem


def test_a_problem_names_request_and_path() -> None:
    """The sentence leads to the place: second request, element inside element."""
    bad = TIME.replace("PT8H30M", "8.5")

    (problem,) = problems(document(f"<HostQueryRq/>{bad}"))

    start = "Request 2, TimeTrackingAddRq/TimeTrackingAdd/Duration"
    assert problem.startswith(start)


def test_elements_out_of_order_are_a_problem() -> None:
    """Duration before EntityRef is what QuickBooks refuses without saying so."""
    person = "<EntityRef><ListID>1-1</ListID></EntityRef>"
    length = "<Duration>PT8H30M</Duration>"

    (problem,) = problems(document(TIME.replace(person + length, length + person)))

    assert "lacks EntityRef before Duration" in problem


def test_lengths_count_characters_after_decoding() -> None:
    """4095 umlauts written as references fit into Notes, 4096 do not."""
    notes = "</Duration><Notes>{}</Notes>"
    fits = TIME.replace("</Duration>", notes.format("&#252;" * 4095))
    too_long = TIME.replace("</Duration>", notes.format("&#252;" * 4096))

    assert problems(document(fits)) == []
    assert "has 4096 characters, 4095 fit" in problems(document(too_long))[0]


def test_a_control_character_is_a_problem_even_as_a_reference() -> None:
    """A delete character smuggled in as a reference is found."""
    bad = TIME.replace("</Duration>", "</Duration><Notes>a&#127;b</Notes>")

    assert "control character" in problems(document(bad))[0]


@pytest.mark.parametrize(
    ("attributes", "inside", "says"),
    [
        ('iterator="Continue"', "<MaxReturned>5</MaxReturned>", "needs an iteratorID"),
        ('iterator="Start"', "", "needs MaxReturned"),
        ('iteratorID="{1}"', "", "belongs to Continue and Stop"),
        ('iterator="start"', "<MaxReturned>5</MaxReturned>", "is none of"),
        ('metaData="All"', "", "is none of"),
        ('color="red"', "", "does not take the attribute color"),
    ],
)
def test_the_attributes_of_a_query_are_checked(
    attributes: str, inside: str, says: str
) -> None:
    """An iterator without what it needs, and attributes unknown, are told."""
    text = document(f"<CustomerQueryRq {attributes}>{inside}</CustomerQueryRq>")

    assert any(says in problem for problem in problems(text))


def test_an_iterator_is_refused_where_there_is_none() -> None:
    """Employees cannot be asked for page by page."""
    text = document(
        '<EmployeeQueryRq iterator="Start"><MaxReturned>5</MaxReturned>'
        "</EmployeeQueryRq>"
    )

    (problem,) = problems(text)
    assert "does not take the attribute iterator" in problem
