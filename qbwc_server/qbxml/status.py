"""What an answer of QuickBooks means: from a code to a verdict, with plain words.

Pure look-up. Three kinds of code arrive on three ways: `statusCode` of each response
element (`status`), `messageSetStatusCode` of error recovery (`message_set_status`)
and the HRESULT Web Connector passes on when QuickBooks took no call (`hresult`).

Severity is not an argument, on purpose: QuickBooks has been seen to answer 3210 with
the severity Info. Intuit's status code appendix defines the ranges by number.
"""

from __future__ import annotations

import re

from qbwc_server.qbxml.hresult_table import HRESULT_TABLE
from qbwc_server.qbxml.status_table import STATUS_TABLE
from qbwc_server.qbxml.status_wordings import by_wording, is_lock
from qbwc_server.qbxml.verdict import Access, HResult, Status, Verdict

__all__ = [
    "Access",
    "HResult",
    "Status",
    "Verdict",
    "hresult",
    "is_lock",
    "message_set_status",
    "status",
]


def status(code: int, message: str = "") -> Status:
    """Explain a statusCode of a qbXML response.

    Args:
        code: the number in `statusCode`.
        message: the text in `statusMessage`. 3140, 3170, 3180 and 3210 say only
            "refused" and leave the reason to it.

    Returns:
        The entry for the code; for a code without one, a general entry by its range.
    """
    known = STATUS_TABLE.get(code)
    if known is None:
        return _by_range(code)
    return by_wording(known, message)


def message_set_status(code: int) -> Verdict:
    """Judge a messageSetStatusCode, the outcome of asking for a stored answer.

    Args:
        code: the number; Intuit's SDK samples name 0, 600 and 9001 to 9005.

    Returns:
        DONE: the stored answer is in the message, take it as if it had just arrived.
        RECOVER: there is none or it is unknown, so look for the records themselves;
        for 600 check first that this is the right company file.
        BUG: the name of the set was not usable (9001 content differs, 9004 too long).
    """
    if code == 0:
        return Verdict.DONE
    known = STATUS_TABLE.get(code)
    if known is not None and known.verdict is Verdict.BUG:
        return Verdict.BUG
    return Verdict.RECOVER


def hresult(text: str) -> HResult:
    """Explain an HRESULT as Web Connector hands it over.

    Args:
        text: "0x80040408" in any case with or without blanks around and "0x" before,
            or the same 32 bits as a decimal number, negative as .NET prints it.

    Returns:
        The entry for the code; a general one for codes without entry and, with code
        0, for a text that is no number. Never raises.
    """
    code = _parse_hresult(text)
    known = HRESULT_TABLE.get(code)
    if known is not None:
        return known
    written = f"0x{code:08X}"
    return HResult(
        code,
        written,
        Access.RETRY,
        "unexplained refusal",
        f"QuickBooks refused the connection with code {written}. We will try again at"
        " the next run; if it stays, please send us QWCLog.txt.",
        f"No published meaning is known; Web Connector passed on {text.strip()!r}."
        " QuickBooks' own message beside it and qbsdklog.txt may tell more.",
        permits_other_file=False,
    )


def _parse_hresult(text: str) -> int:
    """Read 32 bits from hexadecimal or decimal text; 0 if it is neither."""
    trimmed = text.strip().lower()
    digits = trimmed.removeprefix("0x")
    # Eight digits that begin with 8 are the bare hexadecimal form: no decimal number
    # of that length has the error bit.
    hexadecimal = digits != trimmed or re.fullmatch(r"8[0-9a-f]{7}", digits)
    try:
        number = int(digits, 16) if hexadecimal else int(digits)
    except ValueError:
        return 0
    return number & 0xFFFFFFFF


def _by_range(code: int) -> Status:
    """Explain a code without entry by the range Intuit put it in.

    0-499 information, 500-999 warning with data, 1000-1999 general errors, 2000-2999
    requests QuickBooks Desktop does not support, 3000 and above specific errors with
    9000-9099 for error recovery and 9100-9199 for macros.
    """
    if 0 <= code < 500:
        verdict, meaning = Verdict.DONE, "did what was asked and added a note"
    elif 500 <= code < 1000:
        verdict, meaning = Verdict.PARTIAL, "did most of what was asked"
    elif 2000 <= code < 3000 or 9100 <= code < 9200:
        verdict, meaning = Verdict.BUG, "does not support what we asked"
    elif code // 10 in {316, 325, 326}:
        verdict, meaning = Verdict.CUSTOMER, "does not allow this"
    elif 3000 <= code < 9000:
        verdict, meaning = Verdict.DATA, "refused this record"
    else:
        # Below zero or above every range, 1xxx and 9xxx: whether a write happened is
        # not known, so find out.
        verdict, meaning = Verdict.RECOVER, "had an error"
    return Status(
        code,
        verdict,
        f"unexplained code {code}",
        f"QuickBooks {meaning}, with code {code}. Its own words are in the details.",
        f"No entry for {code}; judged by its range. Note the full message.",
    )
