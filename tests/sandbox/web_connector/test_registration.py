"""Adding an application: the .qwc file is read and the company file stamped."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from qbwc_server.sandbox.web_connector.registration import (
    Application,
    RegistrationRefused,
    add,
    check_support_page,
    read_application,
)
from qbwc_server.sandbox.web_connector.scripted_service import ScriptedService, serving
from qbwc_server.words.qwc import QwcFile, render

OWNER_ID = "{0b9e4d0c-6f1f-4c7c-9d57-0a4c0d1b2e3f}"
FILE_ID = "{5c3a7b1e-2d4f-4a6b-8c9d-0e1f2a3b4c5d}"
QWC = QwcFile(
    app_name="Mosaic for Alice & Sons",
    app_url="https://qb.example.com/qbwc",
    app_description="Keeps time in agreement",
    app_support="https://qb.example.com/support",
    username="alice",
    owner_id=OWNER_ID,
    file_id=FILE_ID,
    run_every_minutes=2,
)
ALICE = Application(
    app_name="Mosaic for Alice & Sons",
    app_url="https://qb.example.com/qbwc",
    app_support="https://qb.example.com/support",
    username="alice",
    owner_id=OWNER_ID,
    file_id=FILE_ID,
    qb_type="QBFS",
    is_read_only=False,
    interval_seconds=120,
)


class StampedFile:
    """A company file that knows data extensions of the company and nothing else."""

    file_name = "C:\\Books\\Alice.QBW"

    def __init__(self) -> None:
        self.stamp: dict[str, str] = {}
        self.refusal: QuickBooksRefusal | None = None
        self.status = "0"
        self.writes = 0
        self.open = False

    def begin_session(self, *, app_name: str, owner_id: str) -> StampedFile:
        """Open, or refuse."""
        del app_name, owner_id
        if self.refusal:
            raise self.refusal
        self.open = True
        return self

    def end(self) -> None:
        """Close."""
        self.open = False

    def process(self, qbxml: str, /) -> str:
        """Answer queries and writes of data extensions."""
        if "<DataExtAddRq" in qbxml:
            self.writes += 1
            [name] = re.findall(r"<DataExtName>(.*?)</DataExtName>", qbxml)
            [value] = re.findall(r"<DataExtValue>(.*?)</DataExtValue>", qbxml)
            if self.status == "0":
                self.stamp[name] = value
        held = "".join(
            f"<DataExtRet><OwnerID>{OWNER_ID}</OwnerID><DataExtName>{name}"
            f"</DataExtName><DataExtValue>{value}</DataExtValue></DataExtRet>"
            for name, value in self.stamp.items()
        )
        return (
            f'<QBXML><QBXMLMsgsRs><AnyRs statusCode="{self.status}">{held}</AnyRs>'
            "</QBXMLMsgsRs></QBXML>"
        )


def test_our_own_qwc_file_is_understood() -> None:
    """What the product writes is what Web Connector reads."""
    assert read_application(render(QWC)) == ALICE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"OwnerID", b"Owner"),
        (b"<AppID></AppID>", b""),
        (b">alice<", b"><"),
        (b"<QBWCXML>", b"<QBWC"),
    ],
)
def test_an_incomplete_file_is_refused(old: bytes, new: bytes) -> None:
    """QBWC1039 is what a missing element gives."""
    with pytest.raises(RegistrationRefused) as raised:
        read_application(render(QWC).replace(old, new))

    assert raised.value.code == "QBWC1039"


def test_seconds_count_only_without_minutes() -> None:
    """If a file has both intervals, the first wins."""
    seconds = b"<RunEveryNSeconds>5</RunEveryNSeconds>"
    minutes = b"<RunEveryNMinutes>2</RunEveryNMinutes>"
    data = render(QWC)

    both = read_application(data.replace(minutes, minutes + seconds))
    only = read_application(data.replace(minutes, seconds))

    assert (both.interval_seconds, only.interval_seconds) == (120, 5)


def test_adding_stamps_the_company_file_once() -> None:
    """FileID and an open lock are written; the same file again changes nothing."""
    file = StampedFile()

    add(ALICE, file)
    add(ALICE, file)

    assert file.stamp == {"FileID": FILE_ID, "AppLock": "UNLOCKED"}
    assert file.writes == 2
    assert not file.open


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"file_id": OWNER_ID}, "QBWC1039"),
        ({"is_read_only": True}, "QBWC1039"),
        ({"qb_type": "QBPOS"}, "QBWC1065"),
        ({"app_url": "http://qb.example.com/q"}, "QBWC1010"),
        ({"app_url": "https://192.0.2.7/q"}, "QBWC1001"),
        ({"app_support": "https://192.0.2.7/q"}, "QBWC1002"),
        ({"app_support": "https://example.org/"}, "QBWC1000"),
    ],
)
def test_adding_is_refused_as_the_real_one_does(
    changes: dict[str, Any], code: str
) -> None:
    """Another FileID, a read-only file and bad addresses change nothing."""
    file = StampedFile()
    add(ALICE, file)
    before = dict(file.stamp)

    with pytest.raises(RegistrationRefused) as raised:
        add(replace(ALICE, **changes), file)

    assert raised.value.code == code
    assert file.stamp == before
    assert not file.open


def test_a_closed_quickbooks_takes_no_application() -> None:
    """The company file must be open when the application is added."""
    file = StampedFile()
    file.refusal = QuickBooksRefusal("0x80040408", "no")

    with pytest.raises(RegistrationRefused) as raised:
        add(ALICE, file)

    assert raised.value.code == "QBWC1022"


def test_a_company_file_that_takes_no_stamp_takes_no_application() -> None:
    """QuickBooks' own status ends up in the message."""
    file = StampedFile()
    file.status = "3260"

    with pytest.raises(RegistrationRefused, match="3260") as raised:
        add(ALICE, file)

    assert raised.value.code == "QBWC1026"
    assert not file.open


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("200 OK", None),
        ("202 Accepted", None),
        ("302 Found", "QBWC1003"),
        ("404 Not Found", "QBWC1003"),
    ],
)
def test_the_support_page_must_answer_by_itself(status: str, code: str | None) -> None:
    """A redirect to a login page is not an answer."""
    service = ScriptedService()
    service.get_status = status
    found = None
    with serving(service) as url:
        try:
            check_support_page(replace(ALICE, app_support=f"{url}/support"))
        except RegistrationRefused as refused:
            found = refused.code

    assert found == code


def test_a_support_page_that_is_not_there_is_an_error_of_its_own() -> None:
    """Nobody listens at the address."""
    with pytest.raises(RegistrationRefused) as raised:
        check_support_page(replace(ALICE, app_support="http://localhost:1/"))

    assert raised.value.code == "QBWC1004"
