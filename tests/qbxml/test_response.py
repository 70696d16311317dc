"""Answers: whatever QuickBooks, a proxy or an attacker makes of them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.kinds import KINDS
from qbwc_server.qbxml.response import ResponseMalformed, clean, pair, parse
from tests.conftest import reference_data

BODY = (
    '<QBXML><QBXMLMsgsRs><CustomerQueryRs requestID="1" statusCode="0" '
    'statusSeverity="Info" statusMessage="Status OK"><CustomerRet><ListID>8-1</ListID>'
    "<Name>Café</Name><Unknown><Deep>x</Deep></Unknown><Note>a</Note><Note>b</Note>"
    "</CustomerRet></CustomerQueryRs></QBXMLMsgsRs></QBXML>"
)


def _answers(*answers: str) -> str:
    return f"<QBXML><QBXMLMsgsRs>{''.join(answers)}</QBXMLMsgsRs></QBXML>"


@pytest.mark.parametrize("told", ["", "utf-8", "windows-1252", "ISO-8859-1", "UTF-16"])
@pytest.mark.parametrize("real", ["utf-8", "windows-1252", "utf-16", "utf-8-sig", ""])
def test_text_is_read_whatever_encoding_is_declared(told: str, real: str) -> None:
    """What the bytes are decides, not what the declaration says of them."""
    encoding = f' encoding="{told}"' if told else ""
    text = f'<?xml version="1.0"{encoding} ?>\n{BODY}'
    (answer,) = parse(text.encode(real) if real else text).answers
    assert answer.rets[0].text("Name") == "Café"


def test_unknown_and_repeated_elements_are_kept() -> None:
    """Nothing in an object is refused for being new, and lists stay lists."""
    (answer,) = parse(BODY).answers
    (ret,) = answer.rets
    assert (ret.type, ret.text("Unknown", "Deep"), ret.text("Note")) == (
        "Customer",
        "x",
        "a",
    )
    assert ret.all("Note") == ["a", "b"]
    assert ret.all("None") == []


def test_the_number_decides_and_not_the_severity() -> None:
    """3210 with the severity Info, as published once, is 3210."""
    (answer,) = parse(
        _answers('<AddRs statusCode="3210" statusSeverity="Info" statusMessage="no"/>')
    ).answers
    assert (answer.status_code, answer.message, answer.request_id) == (3210, "no", "")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["1", "2"], [0, 1]),
        (["2", "1"], [1, 0]),
        (["", ""], [0, 1]),
        (["", "1"], [1, 0]),
        (["1", "1"], [0, 1]),
        (["9", "2"], [None, 1]),
        (["9", "8"], [None, None]),
        (["2"], [None, 0]),
        ([], [None, None]),
    ],
)
def test_answers_find_their_requests(
    ids: list[str], expected: list[int | None]
) -> None:
    """By requestID, else by name in order; an answer to something else is nobody's."""
    got = parse(
        _answers(*(f'<CustomerQueryRs requestID="{i}" statusCode="1"/>' for i in ids))
    )
    found = pair([("CustomerQuery", "1"), ("CustomerQuery", "2")], got)
    places = [
        None
        if one is None
        else next(place for place, it in enumerate(got.answers) if it is one)
        for one in found
    ]
    assert places == expected


@pytest.mark.parametrize("told", ["client&#146;s", "client&#x92;s", "client&#8217;s"])
def test_a_number_of_the_code_page_is_the_letter_that_quickbooks_means(
    told: str,
) -> None:
    """`&#146;` is a curly apostrophe to Windows, and a control character to XML."""
    shown = parse(
        '<?xml version="1.0"?><QBXML><QBXMLMsgsRs><TimeTrackingQueryRs statusCode="0" '
        f'statusMessage="{told}"><TimeTrackingRet><Notes>{told}</Notes>'
        f"</TimeTrackingRet><TxnDelRet>{told}</TxnDelRet></TimeTrackingQueryRs>"
        "</QBXMLMsgsRs></QBXML>"
    ).answers[0]

    meant = "client\u2019s"
    assert shown.message == shown.rets[0].text("Notes") == meant
    assert shown.rets[1].text("") == meant


def test_control_characters_are_dropped_where_they_stop_reading() -> None:
    """Users store them, XML cannot hold them; the rest of the text is read."""
    dirty = BODY.replace("Café", "Ca\x00f&#0;&#x1F;é\x0b&#xFFFFFFF;")
    assert parse(dirty).answers[0].rets[0].text("Name") == "Café"
    assert clean("a&#13;&#10;b") == "a&#13;&#10;b"


def test_an_answer_cut_anywhere_is_read_or_malformed() -> None:
    """At every byte the answer is cut, only the one error is raised."""
    data = f'<?xml version="1.0" ?>\n{BODY}\n'.encode()
    for length in range(len(data) - len("</QBXML>\n") + 1):
        with pytest.raises(ResponseMalformed):
            parse(data[:length])


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    """Noise raises nothing else."""
    with pytest.raises(ResponseMalformed):
        parse(data)


_TOKENS = st.sampled_from(
    "<QBXML> <QBXMLMsgsRs> <ARs\xa0statusCode='0'> <BRet> <C> </C> x </BRet> </ARs> "
    "</QBXMLMsgsRs> </QBXML> &#0; \x01 &x; <!-- --> <?p?> <![CDATA[ ]]> \ud800 "
    "<!DOCTYPE\xa0a> <ARs/> <a:b>".replace("\xa0", "\t").split(" ")
)


@given(st.lists(_TOKENS, max_size=20), st.lists(_TOKENS, max_size=20))
def test_any_mixture_of_pieces_is_read_or_malformed(
    before: list[str], inside: list[str]
) -> None:
    """Pieces of answers in any order raise nothing else."""
    start, end = BODY.split("<Note>", 1)
    for text in ("".join(before), start + "".join(inside) + "<Note>" + end):
        try:
            parse(text)
        except ResponseMalformed:
            continue


@pytest.mark.parametrize("hidden", ["<!DOCTYPE", "<!DOC\x00TYPE", "<\x0b!DOCTYPE"])
def test_a_doctype_is_refused_even_when_hidden(hidden: str) -> None:
    """No entity is ever defined, not with control characters in between either."""
    text = f'{hidden} q [<!ENTITY a "b">]>{BODY.replace("Café", "&a;")}'
    with pytest.raises(ResponseMalformed, match="DOCTYPE"):
        parse(text)


@pytest.mark.parametrize(
    ("deep", "why"), [(80, "nested deeper"), (5000, "Excessive depth")]
)
def test_deep_nesting_is_refused(deep: int, why: str) -> None:
    """A tower of elements ends at the depth that qbXML never has."""
    with pytest.raises(ResponseMalformed, match=why):
        parse(BODY.replace("Café", "<a>" * deep + "</a>" * deep))


def test_thirty_thousand_objects_are_read() -> None:
    """Many times as many as a page has."""
    one = "<CustomerRet>\n<ListID>8-1</ListID>\n</CustomerRet>\n"
    text = _answers(f'<CustomerQueryRs statusCode="0">{one * 30_000}</CustomerQueryRs>')
    (answer,) = parse(text).answers
    assert len(answer.rets) == 30_000
    assert {ret.text("ListID") for ret in answer.rets} == {"8-1"}


def test_every_real_sample_is_read_and_understood() -> None:
    """Whole real answers parse, and their objects make sense to their kinds."""
    folder = reference_data() / "qbxml/samples"
    by_ret = {kind.ret: kind for kind in KINDS.values()}
    understood = 0
    for path in sorted(folder.glob("*.xml")):
        data = path.read_bytes()
        if "fragment" in path.name:
            start = b'<QBXML><QBXMLMsgsRs><EmployeeQueryRs statusCode="0">'
            data = start + data + b"</EmployeeQueryRs></QBXMLMsgsRs></QBXML>"
        answers = parse(data).answers
        assert answers, path.name
        for ret in itertools.chain(*(answer.rets for answer in answers)):
            # Some readers asked for nothing but the names.
            if ret.type in by_ret and ret.text("ListID") and ret.text("Name"):
                assert by_ret[ret.type].see(ret).quickbooks_id
                understood += 1
    assert understood > 150


@pytest.mark.parametrize(
    "inner",
    [
        "<EmployeeRet>" + "<a/>" * 160_000 + "</EmployeeRet>",
        "<EmployeeRet/>" * 110_000,
        '</EmployeeQueryRs><EmployeeQueryRs statusCode="0">' * 80_000,
        "<EmployeeRet a='' b='' c='' d='' e='' f='' g='' h=''/>" * 16_000,
    ],
    ids=["elements", "objects", "answers", "attributes"],
)
def test_an_answer_of_more_parts_than_fit_into_memory_is_refused(inner: str) -> None:
    """It is asked for again in smaller pages."""
    with pytest.raises(ResponseMalformed, match="larger than was asked for"):
        parse(
            '<QBXML><QBXMLMsgsRs><EmployeeQueryRs statusCode="0">'
            f"{inner}</EmployeeQueryRs></QBXMLMsgsRs></QBXML>"
        )


@pytest.mark.parametrize("unit", ["=", "a='b' ", "&quot;=", "> "])
def test_what_people_write_is_no_part_of_an_answer(unit: str) -> None:
    """Notes with rules of "=" are as long as they are; only elements are counted."""
    notes = unit * (4_080 // len(unit))
    one = f"<EmployeeRet><Notes>{notes}</Notes></EmployeeRet>"
    (answer,) = parse(
        '<QBXML><QBXMLMsgsRs><EmployeeQueryRs statusCode="0">'
        f"{one * 100}</EmployeeQueryRs></QBXMLMsgsRs></QBXML>"
    ).answers
    assert len(answer.rets) == 100


def test_an_element_of_a_hundred_attributes_is_refused() -> None:
    """The parser would hold all of a million before anybody could count them."""
    many = " ".join(f"a{number}='>'" for number in range(100))
    with pytest.raises(ResponseMalformed, match="more attributes"):
        parse(f"<QBXML><QBXMLMsgsRs><a {many}/></QBXMLMsgsRs></QBXML>")
