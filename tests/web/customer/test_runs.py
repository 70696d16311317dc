"""A customer's QWCLog.txt, sent to the page: explained, and kept nowhere."""

from __future__ import annotations

import html
import io
import tempfile
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from werkzeug.test import Client, TestResponse

from qbwc_server import words
from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.words.qwclog import MOST_BYTES

NewCompanies = Callable[..., NewCompany]
LOG = (
    "20260302.14:00:00 UTC\t: QBWC1012: Authentication failed for jane@firm.com\n"
    "20260302.14:10:00 UTC\t: Could not start QuickBooks.\n"
    "20260302.14:20:00 UTC\t: QBWC1012: Authentication failed for jane@firm.com\n"
)


def _send(server: Client, token: str, log: bytes, name: str = "L.txt") -> TestResponse:
    head = f'Content-Disposition: form-data; name="log"; filename="{name}"'
    return server.post(
        f"/setup/{token}/runs",
        data=b"--edge\r\n" + head.encode() + b"\r\n\r\n" + log + b"\r\n--edge--\r\n",
        content_type="multipart/form-data; boundary=edge",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_log_is_explained_with_what_to_do_the_newest_first(
    server: Client, new_company: NewCompanies, encoding: str
) -> None:
    """Each thing once, in the words of the one table; whose log it is is not shown."""
    answer = _send(server, new_company().setup_token, LOG.encode(encoding))
    text = html.unescape(answer.text)
    assert answer.status_code == 200
    assert "2 things went wrong" in text
    for told in (words.qwc_code(1012), words.hresult("0x80040408")):
        for part in (told.happened, told.do, told.menu):
            assert part in text
    assert text.index(words.qwc_code(1012).happened) < text.index(
        words.hresult("0x80040408").happened
    )
    assert "2 times, last" in text
    assert "jane@firm.com" not in text


def test_a_log_without_trouble_says_so(
    server: Client, new_company: NewCompanies
) -> None:
    """It must be a log for that."""
    text = _send(server, new_company().setup_token, b"20260302.14:00:00 UTC : ok").text
    assert "Nothing that went wrong stands in this log." in text


def test_a_code_with_its_cause_is_told_by_the_cause(
    server: Client, new_company: NewCompanies
) -> None:
    """With both codes beside it, for whoever looks them up."""
    log = b"20260302.14:00:00 UTC : QBWC1013: Error.\nCould not start QuickBooks.\n"
    text = html.unescape(_send(server, new_company().setup_token, log).text)
    assert "1 thing went wrong" in text
    assert words.hresult("0x80040408").happened in text
    assert words.qwc_code(1013).happened not in text
    assert "QBWC1013, 0x80040408" in text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\x00\xff\xfe", "company file of QuickBooks"),
        (b"a,b\n1,2\n", "is a table"),
        (b"QBWC1012 was written by hand", "not Web Connector's log"),
    ],
)
def test_what_is_no_log_is_not_said_to_be_a_good_one(
    server: Client, new_company: NewCompanies, data: bytes, said: str
) -> None:
    """What it is is said, which file is wanted, and where that is."""
    answer = _send(server, new_company().setup_token, data)
    text = html.unescape(answer.text)
    assert answer.status_code == 400
    assert said in text
    assert "Nothing of it was kept. Choose the file" in text
    assert "Nothing that went wrong" not in text
    assert "went wrong by this log" not in text


def test_five_megabytes_are_taken_and_no_byte_more(
    server: Client, new_company: NewCompanies
) -> None:
    """What is larger is told so on the page, however much it is."""
    token = new_company().setup_token
    whole = LOG.encode().rjust(MOST_BYTES, b"\n")
    assert "2 things went wrong" in _send(server, token, whole).text
    for more in (1, 50_000):
        answer = _send(server, token, whole + b"\n" * more)
        assert answer.status_code == 413
        assert "more than 5 MB" in answer.text
        assert "Open QWCLog.txt by a double click" in answer.text
        assert "<kbd>Ctrl</kbd> and <kbd>End</kbd>" in answer.text
        assert "<h1>" in answer.text


def test_a_form_without_a_file_asks_for_one(
    server: Client, new_company: NewCompanies
) -> None:
    """Nothing is explained then."""
    path = f"/setup/{new_company().setup_token}/runs"
    for data in ({}, {"log": "text"}, {"log": (io.BytesIO(b""), "")}):
        answer = server.post(path, data=data, content_type="multipart/form-data")
        assert answer.status_code == 400
        assert "Choose a file first." in answer.text


def test_nothing_of_a_log_is_kept(
    server: Client, engine: Engine, new_company: NewCompanies
) -> None:
    """No row of any table is more or other than before."""
    made = new_company()

    def all_rows() -> list[object]:
        with company_transaction(engine, made.id) as connection:
            return [
                sorted(map(repr, connection.execute(sa.select(table))))
                for table in tables.metadata.sorted_tables
                # Whoever serves does not see who was forgotten.
                if table is not tables.forgotten_company
            ]

    _send(server, made.setup_token, LOG.encode())  # that the page was opened is kept
    before = all_rows()
    _send(server, made.setup_token, LOG.encode())
    assert all_rows() == before


def test_a_log_is_written_to_no_disk(
    server: Client, new_company: NewCompanies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Werkzeug would put what is larger than 500 KB into a file."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a file was asked for")

    for name in ("TemporaryFile", "SpooledTemporaryFile", "NamedTemporaryFile"):
        monkeypatch.setattr(tempfile, name, refused)
    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", refused)

    answer = _send(server, new_company().setup_token, LOG.encode() * 5000)

    assert answer.status_code == 200
