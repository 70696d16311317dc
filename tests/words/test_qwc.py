"""The .qwc file: made so that Web Connector takes it, and the same every time."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qbwc_server.words import qwc
from qbwc_server.words.qwc import (
    QwcError,
    QwcFile,
    QwcProblem,
    file_name,
    full_file_name,
    parse,
    render,
)

ALICE = QwcFile(
    app_name="Mosaic for Alice & Sons",
    app_url="https://qb.example.com/qbwc",
    app_description='Keeps <time> and "projects" in agreement',
    app_support="https://qb.example.com/setup/abc?x=1&y=2",
    username="alice-7f3a",
    owner_id="{0b9e4d0c-6f1f-4c7c-9d57-0a4c0d1b2e3f}",
    file_id="{5C3A7B1E-2D4F-4A6B-8C9D-0E1F2A3B4C5D}",
    run_every_minutes=1,
)


def test_a_file_reads_back_as_it_was_written() -> None:
    """Special characters survive, because every value is escaped."""
    assert parse(render(ALICE)) == ALICE


def test_the_same_company_gets_the_same_bytes() -> None:
    """A second download must not look like a second application."""
    assert render(ALICE) == render(replace(ALICE))


def test_fixed_elements_are_those_that_work() -> None:
    """Read-write, no personal data, unattended, QuickBooks and not Point of Sale."""
    root = etree.fromstring(render(ALICE))

    assert root.tag == "QBWCXML"
    assert root.findtext("IsReadOnly") == "false"
    assert root.findtext("PersonalDataPref") == "pdpNotNeeded"
    assert root.findtext("UnattendedModePref") == "umpRequired"
    assert root.findtext("QBType") == "QBFS"
    assert root.find("Style") is None
    assert root.findtext("AppID") == ""
    assert root.findtext("Scheduler/RunEveryNMinutes") == "1"


def test_elements_stand_in_the_order_of_intuits_sample() -> None:
    """The guide's listing is the one order known to work everywhere."""
    assert [child.tag for child in etree.fromstring(render(ALICE))] == [
        *("AppName", "AppID", "AppURL", "AppDescription", "AppSupport", "UserName"),
        *("OwnerID", "FileID", "QBType", "Scheduler", "IsReadOnly"),
        *("PersonalDataPref", "UnattendedModePref"),
    ]


def test_lines_end_as_on_windows_and_bytes_are_ascii() -> None:
    """An accent becomes a reference; no line feed stands alone."""
    data = render(replace(ALICE, app_name="Caf\u00e9 \u4e2d"))

    assert data.isascii()
    assert b"Caf&#233; &#20013;" in data
    assert data.count(b"\n") == data.count(b"\r\n")
    assert data.endswith(b"</QBWCXML>\r\n")
    assert parse(data).app_name == "Caf\u00e9 \u4e2d"


@given(st.text())
def test_no_company_name_breaks_the_file(name: str) -> None:
    """Control characters, surrogates and markup in a name leave good XML."""
    data = render(replace(ALICE, app_name=f"x{name}"))

    assert parse(data).app_name.startswith("x")
    assert parse(data).owner_id == ALICE.owner_id


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (replace(ALICE, app_url="http://qb.example.com/qbwc"), QwcProblem.NOT_HTTPS),
        (replace(ALICE, app_url="ftp://localhost/qbwc"), QwcProblem.NOT_HTTPS),
        (replace(ALICE, app_url="https://192.0.2.7/qbwc"), QwcProblem.IP_ADDRESS),
        (replace(ALICE, app_url="https://[2001:db8::1]/q"), QwcProblem.IP_ADDRESS),
        (replace(ALICE, app_support="https://192.0.2.7/"), QwcProblem.IP_ADDRESS),
        (replace(ALICE, app_support="https://example.org/"), QwcProblem.OTHER_DOMAIN),
        (replace(ALICE, app_url="https:///q", app_support=""), QwcProblem.OTHER_DOMAIN),
        (replace(ALICE, owner_id=ALICE.owner_id[1:-1]), QwcProblem.NO_GUID),
        (replace(ALICE, file_id="{1234}"), QwcProblem.NO_GUID),
        (replace(ALICE, run_every_minutes=0), QwcProblem.INTERVAL),
    ],
)
def test_a_file_web_connector_would_refuse_is_not_made(
    broken: QwcFile, problem: QwcProblem
) -> None:
    """The problem is named here rather than at the customer's."""
    with pytest.raises(QwcError) as raised:
        render(broken)

    assert raised.value.problem is problem


def test_localhost_may_do_without_encryption() -> None:
    """Developers connect to their own machine."""
    local = replace(
        ALICE,
        app_url="http://localhost:8000/qbwc",
        app_support="http://localhost:8000/support",
    )

    assert parse(render(local)) == local


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no xml",
        b"<QBWCXML/>",
        render(ALICE).replace(b"OwnerID", b"Owner"),
        render(ALICE).replace(b">1<", b">one<"),
    ],
)
def test_an_unreadable_file_is_named_as_such(data: bytes) -> None:
    """What is not our kind of file raises one typed error."""
    with pytest.raises(QwcError) as raised:
        parse(data)

    assert raised.value.problem is QwcProblem.UNREADABLE


@pytest.mark.parametrize(
    ("company", "expected"),
    [
        ("Alice & Sons, Inc.", "mosaic-Alice-Sons-Inc.qwc"),
        ("Caf\u00e9 M\u00fcller", "mosaic-Cafe-Muller.qwc"),
        ("Stra\u00dfe \u0141\u00f3d\u017a", "mosaic-Strasse-Lodz.qwc"),
        ("../../etc/passwd", "mosaic-etc-passwd.qwc"),
        ("CON", "mosaic-CON.qwc"),
        ("a" * 60, f"mosaic-{'a' * 60}.qwc"),
    ],
)
def test_file_names_are_safe_everywhere(company: str, expected: str) -> None:
    """No name leaves its folder, needs quoting or is reserved by Windows."""
    assert file_name(company) == expected


@pytest.mark.parametrize(
    ("one", "other", "begins"),
    [
        ("\u540d\u524d", "\u6771\u4eac", "mosaic-company-"),
        ("\u041e\u041e\u041e 1", "\u0417\u0410\u041e 1", "mosaic-1-"),
        ("Nagoya \u540d", "Nagoya \u524d", "mosaic-Nagoya-"),
        ("!!!", "???", "mosaic-company-"),
        ("a" * 61, "a" * 62, f"mosaic-{'a' * 60}-"),
    ],
)
def test_file_names_in_ascii_tell_companies_apart(
    one: str, other: str, begins: str
) -> None:
    """What ASCII lacks, a mark of the whole name stands for."""
    first, second = file_name(one), file_name(other)
    assert first != second
    for name in (first, second):
        assert re.fullmatch(re.escape(begins) + r"[0-9a-f]{6}\.qwc", name)


@pytest.mark.parametrize(
    ("company", "expected"),
    [
        (
            "\u540d\u524d \u682a\u5f0f\u4f1a\u793e",
            "\u540d\u524d-\u682a\u5f0f\u4f1a\u793e",
        ),
        (
            "\u041e\u041e\u041e \u00ab\u0414\u043e\u043c\u00bb",
            "\u041e\u041e\u041e-\u0414\u043e\u043c",
        ),
        (
            "\u0939\u093f\u0928\u094d\u0926\u0940",
            "\u0939\u093f\u0928\u094d\u0926\u0940",
        ),
        ("Bu\u0308ro & S\u00f6hne", "B\u00fcro-S\u00f6hne"),
        ('../\u540d\\x:*?<>|"\u202e\u200f\x00', "\u540d-x"),
        ("\u540d" * 99, "\u540d" * 60),
    ],
)
def test_the_full_file_name_is_in_the_companys_own_script(
    company: str, expected: str
) -> None:
    """And as safe: no folder, no sign that Windows reserves or that turns the order."""
    assert full_file_name(company) == f"mosaic-{expected}.qwc"


def test_a_name_without_a_letter_has_the_name_in_ascii() -> None:
    """There is nothing else to name it by."""
    assert full_file_name("\U0001f3d7!") == file_name("\U0001f3d7!")


def test_problems_have_stable_ids() -> None:
    """Support and documentation refer to these."""
    assert {str(problem) for problem in QwcProblem} == {
        "qwc.app_url_not_https",
        "qwc.host_is_ip_address",
        "qwc.app_support_on_other_domain",
        "qwc.id_is_no_guid",
        "qwc.interval_below_one_minute",
        "qwc.unreadable",
    }


def test_the_template_of_the_installed_package_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a wheel the templates lie inside the package."""
    package = tmp_path / "qbwc_server"
    (package / "_qwc_templates").mkdir(parents=True)
    monkeypatch.setattr(qwc, "__file__", str(package / "words/qwc.py"))

    assert qwc._templates() == package / "_qwc_templates"
