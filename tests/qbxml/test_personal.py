"""Personal data is dropped from answers before they are stored, and nothing else is."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qbwc_server.companies import company_file
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.qbxml.personal import ELEMENTS, dropped, dropped_anywhere
from qbwc_server.quickbooks import time_looks
from tests.conftest import reference_data

SECRET = "PLANTED-7134"
TEXT = st.text("ab<>&'\"=-?!/[] \n\tä名SN", max_size=8)
PLAIN = ("Notes", "Name", "EmployeeRet", "SSNx", "MySSN", "EINs", "PayrollItemWageRef")


@st.composite
def _content(draw: Any, depth: int, *, planted: bool) -> str:
    """Well-formed content; everything in it is planted, or nothing is."""
    text = SECRET if planted else draw(TEXT)
    made: list[str] = []
    for form in draw(st.lists(st.integers(0, 5), max_size=3)):
        if form == 0:
            made.append(escape(text))
        elif form == 1:
            made.append(f"<![CDATA[{text.replace('>', '')} </SSN> <SSN>]]>")
        elif form == 2:
            made.append(f"<!-- {text.replace('-', '')} </EIN><EIN> -->")
        elif form == 3:
            made.append(f"<?note {text.replace('?', '')} </SSN>?>")
        elif depth:
            made.append(draw(_element(depth - 1, planted=planted)))
    return "".join(made)


@st.composite
def _element(draw: Any, depth: int = 2, *, planted: bool = False) -> str:
    personal = draw(st.booleans())
    name = draw(st.sampled_from(ELEMENTS if personal else PLAIN))
    if personal and draw(st.booleans()):
        name = draw(st.sampled_from((name.lower(), name.upper(), f"qb:{name}")))
    hidden = planted or personal
    value = SECRET if hidden else draw(TEXT)
    attributes = f" a={quoteattr(value)}" if draw(st.booleans()) else ""
    if draw(st.booleans()):
        attributes += f"\n {draw(st.sampled_from(ELEMENTS))} = {quoteattr(SECRET)}"
    if draw(st.integers(0, 4)) == 0:
        return f"<{name}{attributes}/>"
    return f"<{name}{attributes} >{draw(_content(depth, planted=hidden))}</{name} >"


def _document(inner: str) -> str:
    return f'<?xml version="1.0" ?><QBXML xmlns:qb="urn:x">{inner}</QBXML>'


def _without_personal(node: Any) -> Any:
    """Return what is to stay of a document, by a parser's word and not by ours."""
    tag = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else str(node.tag)
    lower = {name.lower() for name in ELEMENTS}
    if isinstance(node.tag, str) and tag.lower() in lower:
        return node.tag, {}, "", [], node.tail
    attributes = {
        name: "" if name.lower() in lower else value
        for name, value in node.attrib.items()
    }
    return (
        str(node.tag),
        attributes,
        node.text,
        [_without_personal(child) for child in node],
        node.tail,
    )


@given(st.lists(_element(), max_size=3).map("".join))
def test_no_planted_value_survives_and_all_else_stays(inner: str) -> None:
    """Whatever well-formed document: nested, CDATA, comments, attributes, case."""
    document = _document(inner)

    left = dropped(document)

    assert SECRET not in left.replace("-", "") + left
    before, after = (etree.fromstring(text.encode()) for text in (document, left))
    assert _without_personal(before) == _without_personal(after)
    assert dropped(left) == left


def test_an_attribute_that_was_cut_off_goes_too() -> None:
    """Its value has no end by which it could be known."""
    left = dropped('<QBXML><EmployeeRet a="1" BirthDate = "1980-')
    assert left == '<QBXML><EmployeeRet a="1" BirthDate = ""'


@given(st.lists(_element(), max_size=3).map("".join), st.integers(1, 400))
def test_no_planted_value_survives_where_the_answer_is_cut_off(
    inner: str, length: int
) -> None:
    """In the middle of an element, of its tag, of a comment in it."""
    left = dropped(_document(inner)[:length])
    for part in (SECRET, SECRET[:-4], SECRET[-4:]):
        assert part not in left
    assert dropped(left) == left


@given(
    st.lists(st.sampled_from((*ELEMENTS, *PLAIN)), max_size=5),
    st.integers(0, 2),
    st.integers(1, 900),
)
def test_no_planted_value_survives_in_a_body_that_cannot_be_read(
    names: list[str], escaped: int, length: int
) -> None:
    """There the answer stands escaped within SOAP, and may be cut off too."""
    values = [SECRET if name in ELEMENTS else f"fine {name}" for name in names]
    pairs = zip(names, values, strict=True)
    body = "".join(f"<{name} a='1'><B>{value}</B></{name}>" for name, value in pairs)
    for _ in range(escaped):
        body = escape(body)

    left = dropped_anywhere(f"<response>{body[:length]}")

    assert SECRET[:4] not in left
    if length > len(body):
        assert all(value in left for value in values if value != SECRET)


@pytest.mark.parametrize("escaped", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "shape",
    [
        "<SSN>{0}</SSN>",
        "<SSN><SSN>x</SSN>{0}</SSN>",
        "<SSN>{0}<qb:ssn a='b'>x</qb:ssn>{0}</SSN>",
        '<EmployeeRet a="b" SSN="{0}" c="d">',
        "<EmployeeRet qb:SSN = '{0}'/>",
        "<EmployeeRet SSN={0}>",
        '<EmployeeRet SSN="{0}',
        '<!DOCTYPE QBXML [<!ENTITY e "{0}"><!ENTITY f "{0}">]>',
        '<!DOCTYPE QBXML SYSTEM "x" [<!ENTITY e "{0}">',
        "<SSN><![CDATA[{0}]]></SSN>",
        "<SSN>{0}<!-- </EIN> -->{0}",
    ],
)
def test_what_nobody_can_parse_is_kept_without_it_in_every_shape(
    shape: str, escaped: int
) -> None:
    """Elements in their like, attributes, what a DOCTYPE declares; escaped or not."""
    for number, around in ((SECRET, "<Name>Ann</Name>"), (SECRET, "")):
        body = around + shape.format(number) + around
        for _ in range(escaped):
            body = escape(body, {'"': "&quot;", "'": "&#39;"})
        left = dropped_anywhere(f"<response>{body}")
        assert SECRET not in left
        assert ("Ann" in left) == bool(around)


@given(TEXT.map(escape), TEXT.map(escape))
def test_an_answer_without_personal_data_stays_byte_for_byte(a: str, b: str) -> None:
    """Also what speaks of it in a person's own words."""
    text = f"<Notes a='x>y'>{a} SSN=&quot;1&quot; SSN</Notes><!-- <SSN>1</SSN> -->{b}"
    assert dropped(text) == text


def test_of_payroll_only_stays_whether_time_makes_paychecks() -> None:
    """And only a value that the schema knows, whatever stands beside it."""
    kept = "<UseTimeDataToCreatePaychecks>UseTimeData</UseTimeDataToCreatePaychecks>"
    pay = "<Earnings><Rate>15.00</Rate></Earnings><PayPeriod>Weekly</PayPeriod>"
    odd = kept.replace(">UseTimeData<", ">15.00<")

    text = f"<E><EmployeePayrollInfo>{pay}{kept}{odd}</EmployeePayrollInfo><N/></E>"

    assert dropped(text) == (
        f"<E><EmployeePayrollInfo>{kept}</EmployeePayrollInfo><N/></E>"
    )


def test_a_value_that_a_doctype_declares_is_gone_too() -> None:
    """Else an entity would carry it past."""
    text = '<!DOCTYPE a [<!ENTITY s "123-45-6789">]><a><SSN>&s;</SSN></a>'
    assert dropped(text) == "<!DOCTYPE a []><a><SSN></SSN></a>"


def test_a_real_employee_keeps_name_and_address_only() -> None:
    """A recorded EmployeeRet, with elements that its schema did not have."""
    found = "134-EmployeeRet-jsgoupil-unknown-tags.fragment.xml"
    text = (reference_data() / "qbxml/samples" / found).read_text("utf-8")

    left = dropped(text)

    for gone in ("15.00", "111111111111", "Fake Bank", "Withholding", "PT0H55M0S"):
        assert gone in text
        assert gone not in left
    assert "<Email>tesked@outlook.com</Email>" in left
    assert "UseTimeData<" in left
    etree.fromstring(left)


def test_what_schemas_name_as_private_is_in_the_list() -> None:
    """Every element of Intuit's schemas that sounds private, but for the reasoned."""
    sounds = re.compile(
        r'name="(\w*(?:SSN|EIN|Birth|TaxIdent|TaxRegistration|BankN|BankAccountType'
        r"|Routing|CreditCardN|NameOnCard|AccountNumber|Gender|Ethnic|Disab|Citizen"
        r'|Military|Veteran|DirectDepositAccount|EmergencyContacts|PayrollInfo)\w*)"'
    )
    named: set[str] = set()
    for path in (reference_data() / "qbxml/xsd").rglob("qbxml1?0.xsd"):
        named |= set(sounds.findall(path.read_text("utf-8", "replace")))
    assert len(named) > 15
    # Preferences and switches of requests; they tell nothing of anybody.
    told = {"IsUsingAccountNumbers", "ClearDirectDepositAccounts"}
    assert named - set(ELEMENTS) - told == set()


def test_no_request_of_a_kind_asks_for_any_of_it() -> None:
    """By name: all list queries, and what comes back of a write of time."""
    asked = {name for kind in KINDS.values() for name in kind.elements}
    asked |= set(time_entry.ELEMENTS)
    assert not asked & set(ELEMENTS)


def test_every_query_that_is_built_names_what_it_wants() -> None:
    """Else QuickBooks would tell all: whoever asks for objects asks for elements.

    Only what has nobody's data in it goes without: the program itself, what was deleted
    and when, whether a backup was restored.
    """
    without = {"HostQueryRq", "TxnDeletedQueryRq", "ListDeletedQueryRq"}
    without |= {"CompanyActivityQueryRq", "PreferencesQueryRq"}
    built: set[str] = set()
    for path in (Path(__file__).parents[2] / "qbwc_server").rglob("*.py"):
        if "sandbox" not in path.parts:
            built |= set(
                re.findall(r'Request\(\s*"(\w+QueryRq)"', path.read_text("utf-8"))
            )
    assert built - without == {"CompanyQueryRq", "TimeTrackingQueryRq"}
    company = next(one for one in company_file.questions("x") if "Company" in one.name)
    looked = time_looks.by_ids(["1"])
    for one in (company, looked):
        wanted = {text for name, text in one.body if name == "IncludeRetElement"}
        assert wanted
        assert not wanted & set(ELEMENTS)
    assert all(kind.elements for kind in KINDS.values())


@pytest.mark.parametrize(
    "hostile",
    ["<SSN>", "<", '<SSN "', '<a SSN="1"', "<!--", "<![CDATA[", "&amp;", "<!DOCTYPE [",
     "<EmployeePayrollInfo>", "<SSN></SSN ", " SSN ", "<?", "<SSNx>", "<a " + "a:" * 9,
     ' SSN="', " SSN=x", " SSN=", "&lt;!DOCTYPE [", "&lt;SSN", " SSN=&quot;"],
)  # fmt: skip
def test_time_grows_with_the_length_only(hostile: str) -> None:
    """A text that is made to be slow: four times as long, not sixteen times as slow."""

    def took(length: int) -> float:
        text = "<a>" + hostile * (length // len(hostile))
        started = time.process_time()
        dropped(text)
        dropped_anywhere(text)
        return time.process_time() - started

    short = min(took(50_000) for _ in range(3))
    assert min(took(400_000) for _ in range(2)) < 30 * short + 0.1
