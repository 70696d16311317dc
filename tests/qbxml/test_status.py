"""Statuses of QuickBooks: every code explained, ambiguous ones told apart."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.qbxml.hresult_table import HRESULT_TABLE
from qbwc_server.qbxml.status import (
    Access,
    HResult,
    Status,
    Verdict,
    hresult,
    is_lock,
    message_set_status,
    status,
)
from qbwc_server.qbxml.status_table import STATUS_TABLE
from qbwc_server.qbxml.status_wordings import _WORDINGS

DOCUMENTED = (
    *(0, 1, 500, 501, 510, 530, 531, 550, 560, 570, 600, 1000, 1010, 1030, 1060),
    *(3000, 3010, 3020, 3030, 3031, 3035, 3040, 3045, 3050, 3060, 3065, 3070, 3080),
    *(3085, 3090, 3100, 3101, 3110, 3120, 3121, 3130, 3140, 3150, 3151, 3152, 3153),
    *(3160, 3161, 3162, 3170, 3171, 3173, 3175, 3176, 3177, 3180, 3185, 3190, 3200),
    *(3205, 3210, 3220, 3230, 3231, 3240, 3250, 3260, 3261, 3262, 3263, 3264, 3270),
    *(3280, 3290, 3300, 3301, 3310, 3320, 3330, 3340, 3350, 3351, 3370, 3380, 3390),
    *(3391, 3500, 9001, 9002, 9003, 9004, 9005),
)
REFUSALS = {
    Access.OURS: (0x80040400, 0x80040423),
    Access.RETRY: (
        *(0x80040402, 0x80040408, 0x8004040D, 0x80040414, 0x8004041B, 0x80040421),
        *(0x80040422, 0x80040424, 0x80010105),
    ),
    Access.OPEN_FILE: (
        *(0x80040403, 0x80040406, 0x8004040A, 0x80040410, 0x80040416, 0x80040417),
    ),
    Access.ADMIN: (
        *(0x80040418, 0x8004041A, 0x8004041D, 0x8004041E, 0x80040420, 0x8004042C),
        0x80040430,
    ),
    Access.CUSTOMER: (
        *(0x80040308, 0x80040401, 0x8004041C, 0x8004041F, 0x80040427, 0x8004042A),
        0x80040154,
    ),
}
# Warnings come with data, so the list's advice to read again or to leave the record
# becomes "take it and mention it": nothing is asked twice, nothing is dropped.
VERDICTS_OF_ACTIONS = {
    "ok": {Verdict.DONE},
    "ok-empty": {Verdict.EMPTY},
    "retry": {Verdict.RETRY},
    "refetch": {Verdict.REFETCH, Verdict.PARTIAL},
    "data": {Verdict.DATA, Verdict.PARTIAL},
    "customer": {Verdict.CUSTOMER},
    "bug": {Verdict.BUG, Verdict.PARTIAL},
    "recover": {Verdict.RECOVER},
}


def reference_data() -> Path:
    """Find the reference data beside the repository or skip the test."""
    path = Path(__file__).parents[2] / "../shared/data"
    if not path.is_dir():
        pytest.skip("the reference data is not beside the repository")
    return path


def every_text() -> list[Status | HResult]:
    """List all entries that carry texts for people."""
    generic = [status(499), status(999), status(1999), status(3999), status(3269)]
    return [
        *STATUS_TABLE.values(),
        *HRESULT_TABLE.values(),
        *generic,
        hresult("0x80041234"),
    ]


def test_every_documented_status_code_has_an_entry() -> None:
    """No status code on our list is left to the general rule."""
    assert set(DOCUMENTED) == set(STATUS_TABLE)


def test_every_entry_stands_under_its_own_code() -> None:
    """No two entries share a code, so none is lost in the table."""
    assert [row.code for row in STATUS_TABLE.values()] == list(STATUS_TABLE)
    assert [row.code for row in HRESULT_TABLE.values()] == list(HRESULT_TABLE)


def test_the_reference_list_of_codes_is_covered_and_agrees() -> None:
    """Each code of the reference list has an entry with a verdict of its action."""
    rows = json.loads(
        (reference_data() / "qbxml/status_codes.json").read_text(encoding="utf-8")
    )

    assert [row["code"] for row in rows if row["code"] not in STATUS_TABLE] == []
    assert {
        row["code"]: (row["action"], status(row["code"]).verdict)
        for row in rows
        if status(row["code"]).verdict not in VERDICTS_OF_ACTIONS[row["action"]]
    } == {}


@pytest.mark.parametrize("code", [c for c in DOCUMENTED if 500 <= c < 600])
def test_a_warning_always_keeps_its_data(code: int) -> None:
    """A code from 500 to 599 never makes us drop or repeat what was done."""
    assert status(code).verdict in {Verdict.DONE, Verdict.PARTIAL}


@pytest.mark.parametrize("row", every_text(), ids=lambda row: str(row.code))
def test_texts_for_the_customer_fit_the_window(row: Status | HResult) -> None:
    """Customers read ASCII, under 200 characters, in at most two sentences."""
    # A menu path or a file name is not the end of a sentence.
    sentences = row.customer.count(". ") + row.customer.endswith(".")

    assert row.customer.isascii()
    assert 20 < len(row.customer) < 200
    assert row.customer.endswith(".")
    assert 1 <= sentences <= 2


@pytest.mark.parametrize("row", every_text(), ids=lambda row: str(row.code))
def test_no_text_is_empty(row: Status | HResult) -> None:
    """Every entry says its name and something for the customer and for support."""
    texts = [getattr(row, f.name) for f in fields(row) if f.type == "str"]

    assert all(text == text.strip() and text for text in texts)


@pytest.mark.parametrize("part", ["name", "customer", "support"])
def test_no_two_entries_say_the_same(part: str) -> None:
    """A person who quotes a text to support has said which code it was."""
    for table in (STATUS_TABLE, HRESULT_TABLE):
        texts = [getattr(row, part) for row in table.values()]

        assert sorted(set(texts)) == sorted(texts)


@pytest.mark.parametrize("wording", _WORDINGS, ids=lambda wording: wording.name)
def test_texts_of_wordings_fit_the_window(wording: Status) -> None:
    """The sharpened texts obey the rules of the others."""
    assert wording.customer.isascii()
    assert len(wording.customer) < 200
    assert wording.customer.count(". ") <= 1
    assert wording.support


INNER = 'There was an error when saving a Customers list, element "A". QuickBooks error'


@pytest.mark.parametrize(
    ("code", "reason", "verdict"),
    [
        (3180, "This list has been modified by another user.", Verdict.RETRY),
        (3170, "This list has been modified by another user.", Verdict.RETRY),
        (3210, "Transaction internals could not be locked.", Verdict.RETRY),
        (3140, "The list element is in use.", Verdict.RETRY),
        (3170, "Failed to acquire the lock for this object.", Verdict.RETRY),
        (3180, "The date is on or before the closing date.", Verdict.CUSTOMER),
        (3160, "The date is on or before the closing date.", Verdict.CUSTOMER),
        (3170, "It is on or before the dividing date.", Verdict.CUSTOMER),
        (3180, "It is on or before the dividing date.", Verdict.CUSTOMER),
        (3160, "It is on or before the dividing date.", Verdict.CUSTOMER),
        (3140, "An Accountant's Copy exists.", Verdict.CUSTOMER),
        (3170, "It has been used on a paycheck.", Verdict.CUSTOMER),
        (3160, "It has been used on a pay check.", Verdict.CUSTOMER),
        (3140, "No item for paychecks.", Verdict.DATA),
        (3140, "The specified record does not exist in the list.", Verdict.REFETCH),
        (3140, "This line item requires a customer or job.", Verdict.DATA),
        (3180, "This account number is already in use.", Verdict.DATA),
        (3180, "The credit limit has been exceeded.", Verdict.CUSTOMER),
        (3140, "Something new.", Verdict.DATA),
        (3170, "Something new.", Verdict.REFETCH),
        (3180, "Something new.", Verdict.REFETCH),
        (3210, "Something new.", Verdict.DATA),
    ],
)
def test_ambiguous_codes_are_read_by_their_reason(
    code: int, reason: str, verdict: Verdict
) -> None:
    """The text after QuickBooks error message decides, and the code is kept."""
    found = status(code, f"{INNER} message: {reason}")

    assert (code, verdict) == (found.code, found.verdict)


@pytest.mark.parametrize(
    ("code", "reason", "locks"),
    [
        (3161, "", True),
        (3171, "", True),
        (3170, "on or before the closing date", True),
        (3170, "on or before the dividing date", True),
        (3170, "used on a paycheck", True),
        (3170, "Something new.", False),
        (3140, "requires a customer or job", False),
        (3260, "", False),
    ],
)
def test_a_lock_of_the_books_is_told_from_what_somebody_must_mend(
    code: int, reason: str, *, locks: bool
) -> None:
    """Nothing is wrong with the record: it goes when the lock is over."""
    assert is_lock(status(code, f"{INNER} message: {reason}")) is locks


def test_a_record_whose_name_sounds_like_a_lock_decides_nothing() -> None:
    """Names are quoted in messages and must not choose the verdict."""
    message = 'The "Name" field has an invalid value "modified by another user".'

    assert status(3210, message).verdict is Verdict.DATA
    assert status(
        3140, f"Invalid reference to modified by another user. {INNER} message: x"
    ) == status(3140)


def test_lock_wording_changes_no_clear_code() -> None:
    """An outdated EditSequence stays one whatever its message says."""
    found = status(3200, "This list has been modified by another user.")

    assert found.verdict is Verdict.REFETCH


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (2, Verdict.DONE),
        (540, Verdict.PARTIAL),
        (1999, Verdict.RECOVER),
        (2000, Verdict.BUG),
        (3099, Verdict.DATA),
        (3169, Verdict.CUSTOMER),
        (3259, Verdict.CUSTOMER),
        (3265, Verdict.CUSTOMER),
        (4000, Verdict.DATA),
        (9006, Verdict.RECOVER),
        (9100, Verdict.BUG),
        (12000, Verdict.RECOVER),
        (-1, Verdict.RECOVER),
    ],
)
def test_unknown_codes_are_judged_by_their_range(code: int, verdict: Verdict) -> None:
    """A code without entry gets the verdict of Intuit's range and names itself."""
    found = status(code)

    assert (code, verdict) == (found.code, found.verdict)
    assert str(code) in found.customer


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (0, Verdict.DONE),
        (600, Verdict.RECOVER),
        (9001, Verdict.BUG),
        (9002, Verdict.RECOVER),
        (9003, Verdict.RECOVER),
        (9004, Verdict.BUG),
        (9005, Verdict.RECOVER),
        (1, Verdict.RECOVER),
        (1234, Verdict.RECOVER),
    ],
)
def test_only_zero_hands_over_a_stored_answer(code: int, verdict: Verdict) -> None:
    """Whatever else is said about a message set, its outcome is not known from it."""
    assert message_set_status(code) is verdict


def test_every_known_refusal_says_who_must_act() -> None:
    """Each HRESULT on our list has an entry in its class, and no other exists."""
    grouped = {
        access: {row.code for row in HRESULT_TABLE.values() if row.access is access}
        for access in Access
    }

    assert {access: set(codes) for access, codes in REFUSALS.items()} == grouped


@pytest.mark.parametrize(
    "text",
    ["0x80040408", "0X80040408", " 0x80040408\r\n", "80040408", "-2147220472"],
)
def test_an_hresult_is_read_however_it_is_written(text: str) -> None:
    """Case, blanks, a missing prefix and .NET's negative number do not matter."""
    found = hresult(text)

    assert (found.code, found.hexadecimal) == (0x80040408, "0x80040408")
    assert found.access is Access.RETRY


def test_another_company_file_helps_only_against_the_wrong_one() -> None:
    """Answering connectionError with a file is offered where a file is the problem."""
    assert {*(0x80040403, 0x80040406, 0x8004040A, 0x80040416, 0x80040417)} == {
        row.code for row in HRESULT_TABLE.values() if row.permits_other_file
    }


@given(st.text())
def test_no_text_makes_hresult_raise(text: str) -> None:
    """Whatever arrives as hresult, there is an explanation."""
    found = hresult(text)

    assert found.customer
    assert f"0x{found.code:08X}" == found.hexadecimal
