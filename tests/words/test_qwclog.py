"""A customer's QWCLog.txt: what is found in it, and what is not kept of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from qbwc_server.words import qwclog
from qbwc_server.words.qwclog import NoLog, decode, findings, read
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
            "Connection was closed: Could not establish trust relationship for SSL.",
            "QBWC1048",
        ),
        (
            "QBWC1012",
            "The underlying connection was closed: Could not establish trust",
            "QBWC1012",
        ),
    ],
)
def test_a_code_and_its_cause_on_the_lines_below_are_one_thing(
    code: str, below: str, found: str
) -> None:
    """Where Web Connector really writes it, without a time of its own."""
    at = "20240611.14:02:11"
    said = f"{code}: Error connecting.\nError message:\n{below}\nMore info:\n{below}"
    [one] = findings(line(at, said) + line("20240611.14:02:12", "Update aborted."))

    codes = () if found == code else (code,)
    assert (one.words.id, one.codes, one.times) == (found, codes, 1)
    assert one.last == datetime(2024, 6, 11, 14, 2, 11, tzinfo=UTC)


def test_a_code_whose_cause_nobody_knows_is_told_by_itself() -> None:
    """However many lines there are of it; none of them is kept."""
    below = "Object reference not set.\nMore info:\nStackTrace = at X.do(String&)\n"
    log = line("20240611.14:02:11", f"QBWC1012: Failed.\n{below}Source = X")
    [one] = findings(log + line("20240612.14:02:11", f"QBWC1012: Failed.\n{below}"))
    assert (one.words.id, one.codes, one.times) == ("QBWC1012", (), 2)


def test_entries_are_counted_and_not_their_lines() -> None:
    """What an entry says twice, and what a dump has a hundred times, is once."""
    dump = '<TimeTrackingAddRs requestID="1" statusCode="3140" statusSeverity="E">\n'
    log = (
        line("20240611.14:00:00", "QBWC1013: Error.\n" + "0x80040408\n" * 9)
        + line("20240611.14:00:00", 'hresult="0x80040408"')
        + line("20240611.15:00:00", "QBWC1013: Error.\nCould not start QuickBooks.")
        + line("20240611.16:00:00", "XML dump follows: -\n" + dump * 100)
    )
    assert [(one.words.id, one.codes, one.times) for one in findings(log)] == [
        ("status-3140", (), 1),
        ("0x80040408", ("QBWC1013",), 2),
    ]


def test_that_a_run_went_wrong_is_told_only_where_nothing_says_why() -> None:
    """Web Connector ends each such run with that."""
    ended = "QBWC1031: Update completed with some error."
    why = line("20240611.14:00:00", "QBWC1013: Error.\nCould not start QuickBooks.")
    assert ids(why + line("20240611.14:00:09", ended)) == ["0x80040408"]
    alone = line("20240611.14:10:09", ended)
    assert ids(alone) == ["QBWC1031"]
    assert ids(why + line("20240611.14:00:09", ended) + alone) == [
        "QBWC1031",
        "0x80040408",
    ]


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
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n  \r\n", "is empty"),
        (b"\xff\xfe\r\x00\n\x00", "is empty"),
        (b"\x00" * 999, "company file"),
        (b"MAUI\x00\x00" + bytes(range(256)) * 50, "company file"),
        (b"PK\x03\x04" + b"20260302.14:00:00 UTC : QBWC1012\n\x00", "company file"),
        (b'"Day","Person"\r\n"2026-03-02","Ada, QBWC1012"\r\n', "table"),
        (b"Day;Person\r\n2026-03-02;Ada\r\n", "table"),
        (b'<?xml version="1.0"?>\r\n<QBWCXML>\r\n', "connection file"),
        (b"QBWC1012 was written by hand", "20260302.14:00:00 UTC"),
        (b"\x81" * 99, "20260302.14:00:00 UTC"),
    ],
)
def test_what_is_no_log_is_refused_in_words(data: bytes, said: str) -> None:
    """Else it would be told that nothing went wrong."""
    with pytest.raises(NoLog, match=said):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        HEAD.encode(),
        HEAD.splitlines()[1].encode(),
        line("20260301.09:00:00", "ok").encode(),
        b"</Notes>\n</QBXML>\n" + line("20260301.09:00:00", "ok").encode(),
        line("20260301.09:00:00", "ok").encode("utf-16"),
    ],
)
def test_the_beginning_and_the_end_of_a_log_are_logs(data: bytes) -> None:
    """Also where it was cut within a dump."""
    assert read(data) == ()


def test_nothing_is_raised_for_whatever_text() -> None:
    """A time that cannot be is no time."""
    for data in (b"\x00" * 999, b"\xff\xfe\x41", b"\x81" * 99):
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
