"""A customer's QWCLog.txt: what is found in it, and what is not kept of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from qbwc_server.words import qwclog
from qbwc_server.words.qwclog import decode, findings
from tests.conftest import reference_data

HEAD = """Log file initialized at Monday, March 02, 2026 - 3:00 PM UTC
Timestamp format used: YYYYMMDD.HH:MM:SS UTC
QBWebConnector 34.0 has been initialized with its logging status to level = VERBOSE.
"""


def line(at: str, said: str) -> str:
    """Return a line as Web Connector writes it."""
    return f"{at} UTC\t: QBWebConnector.SOAPWebService.update() : {said}\n"


def ids(text: str) -> list[str]:
    """Return the ids of what is found, in the order told."""
    return [one.words.id for one in findings(text)]


def test_codes_are_told_newest_first_and_each_once() -> None:
    """With how often, and when last."""
    log = (
        HEAD
        + line("20260301.09:00:00", "QBWC1012: Authentication failed.")
        + line("20260301.09:05:00", "QBWC1012: Authentication failed.")
        + line("20260301.09:05:00", "QBWC1012: Authentication failed.")
        + line("20260302.10:00:00", 'hresult="0x80040408"')
        + line("20260228.10:00:00", "QBWC1040: nvu")
    )
    found = findings(log)
    assert [(one.words.id, one.times) for one in found] == [
        ("0x80040408", 1),
        ("QBWC1012", 2),
        ("QBWC1040", 1),
    ]
    assert found[1].last == datetime(2026, 3, 1, 9, 5, tzinfo=UTC)


def test_a_good_log_has_no_findings() -> None:
    """Neither the empty one."""
    log = HEAD + line("20260301.09:00:00", 'more="100"> Done. No more to process.')
    assert findings(log) == findings("") == ()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Update aborted. The company file is locked by another client [PC]", "locked"),
        ("Unique OwnerID/FileID pair value required", "QBWC1039"),
        ("Error message received from QuickBooks: Could not start QuickBooks.", "0408"),
        ("The underlying connection was closed: Could not establish", "QBWC1012"),
    ],
)
def test_what_the_log_says_without_a_code_is_known_by_its_words(
    said: str, found: str
) -> None:
    """Web Connector gives some of its troubles no number."""
    [one] = ids(line("20260301.09:00:00", said))
    assert found in one


@pytest.mark.parametrize(
    ("code", "below", "found"),
    [
        (
            "QBWC1013",
            "This application is not allowed to log into this QuickBooks company data.",
            "0x8004041D",
        ),
        ("QBWC1013", "Could not start QuickBooks.", "0x80040408"),
        ("QBWC1013", "HRESULT = 0x80040414", "0x80040414"),
        (
            "QBWC1012",
            "Could not establish trust relationship for the SSL/TLS secure channel.",
            "QBWC1048",
        ),
    ],
)
def test_the_cause_of_a_code_is_found_on_the_lines_below_it(
    code: str, below: str, found: str
) -> None:
    """Where Web Connector really writes it, without a time of its own."""
    at = "20240611.14:02:11"
    log = line(at, f"{code}: Error connecting.") + f"Error message:\n{below}\n"
    one, other = findings(log)

    assert {one.words.id, other.words.id} == {code, found}
    assert one.last == other.last == datetime(2024, 6, 11, 14, 2, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "between",
    [line("20240611.14:02:12", "XML dump follows: -"), '<?xml version="1.0" ?>\n'],
)
def test_below_a_code_a_dump_is_data_again(between: str) -> None:
    """Also one that has no time of its own: notes may say anything."""
    log = (
        line("20240611.14:02:11", "QBWC1012: Error.\nError message:\nUnknown.")
        + between
        + "<Notes>he wrote:\nCould not start QuickBooks, 0x80040414</Notes>\n"
    )
    assert ids(log) == ["QBWC1012"]


def test_a_refused_request_is_found_in_a_dumped_answer() -> None:
    """At the most verbose level the answers of QuickBooks stand in the log."""
    log = line("20260301.09:00:00", "XML dump follows: -") + (
        '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs>\n'
        '<TimeTrackingAddRs requestID="1" statusCode="3140" statusSeverity="Error">\n'
        '<CustomerQueryRs requestID="2" statusCode="1" statusSeverity="Info">\n'
    )
    [one] = findings(log)
    assert one.words.id == "status-3140"
    assert one.last == datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_a_note_of_a_customer_that_names_a_code_is_no_finding() -> None:
    """Data in a dump is not what Web Connector says."""
    log = line("20260301.09:00:00", "XML dump follows: -") + (
        "<Notes>QBWC1012 and 0x80040408, statusCode=&quot;3140&quot;\n"
        'he wrote: Rs statusCode="3140"</Notes>\n'
    )
    assert findings(log) == ()


def test_nothing_of_a_person_is_kept() -> None:
    """A finding holds a moment, a number, and words of ours."""
    log = line(
        "20260301.09:00:00",
        "QBWC1040: user ada@alice.example, ticket 5d41402abc, C:\\Books\\Alice.QBW",
    )
    told = str(findings(log))
    assert "QBWC1040" in told
    for secret in ("ada@", "5d41402abc", "Alice"):
        assert secret not in told


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_encoding_that_windows_writes_is_read(encoding: str) -> None:
    """With or without a mark at its beginning."""
    log = HEAD + line("20260301.09:00:00", "QBWC1013: Zugriff für Müller verweigert")
    assert ids(decode(log.encode(encoding))) == ["QBWC1013"]
    assert "Müller" in decode(log.encode(encoding))


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 999, b"\xff\xfe\x41", b"\x81" * 99, bytes(range(256)) * 50]
)
def test_what_is_no_log_has_no_findings(data: bytes) -> None:
    """And raises nothing."""
    assert findings(decode(data)) == ()
    assert findings("99999999.99:99:99 UTC : QBWC1012")[0].last is None


def test_of_a_log_that_is_too_long_the_end_is_read_and_soon() -> None:
    """Five megabytes in one line or in many take no more than seconds."""
    old = line("20200301.09:00:00", "QBWC1012: old").encode()
    new = line("20260301.09:00:00", "QBWC1040: new").encode()
    good = line("20260301.09:00:00", "ok").encode()
    for filler in (b"<aRs " * 100, b"x" * 99 + b"\n", good):
        much = filler * (qwclog.MOST_BYTES // len(filler) + 1)
        begun = time.monotonic()
        assert ids(decode(old + much + b"\n" + new)) == ["QBWC1040"]
        assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("20190530_*", []),
        ("20170103_qbwc2.2_DEBUG*", []),
        ("20120424_*", ["QBWC1012"]),
        ("20170705_*", ["QBWC1012"]),
    ],
)
def test_logs_of_real_web_connectors_are_read(
    pattern: str, expected: list[str]
) -> None:
    """A good one has no finding, the others their code."""
    [path] = (reference_data() / "captures").glob(pattern)
    assert ids(decode(path.read_bytes())) == expected
