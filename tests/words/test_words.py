"""The one table of words: nothing that can happen is missing in it."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qbwc_server import words
from qbwc_server.errors import QbwcError
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.mosaic.errors import MosaicError
from qbwc_server.qbxml import status as statuses
from qbwc_server.qbxml.hresult_table import HRESULT_TABLE
from qbwc_server.qbxml.status_table import STATUS_TABLE
from qbwc_server.storage import tables
from qbwc_server.words import attentions, document, hours, quickbooks, states
from qbwc_server.words.qwc import QwcProblem
from qbwc_server.words.web_connector import LOCKED, QWC_CODES

ROOT = Path(__file__).parents[2]
ALL = (
    *QWC_CODES.values(),
    LOCKED,
    *quickbooks.every_hresult(),
    *quickbooks.every_status(),
    *attentions.every(),
    *states.every(),
    *hours.every(),
)
_ANSWERS = ("attention", "hresult", "status", "web_connector")
"""Topics of what others say, not of where something of ours stands."""
CODES = (*range(1000, 1049), 1065, 1080, 1085)
KNOWN_STATES = {
    **dict.fromkeys(("record", *KINDS, time_entry.NAME), tables.RECORD_STATES),
    "job": tables.JOB_STATES,
    "session": tables.SESSION_STATES,
    "exchange": tables.EXCHANGE_STATES,
    "call": tables.CALL_STATES,
    "company": tables.MODES,
}
ROWS = words.rows((*KINDS, time_entry.NAME))
_MENUS = (
    "File",
    "Edit",
    "Lists",
    "Company",
    "Customers",
    "Vendors",
    "Employees",
    "Help",
)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
def test_all_words_fit_into_web_connector_and_say_what_to_do(one: words.Words) -> None:
    """One sentence what happened, one what to do; ASCII, under 200 characters."""
    assert one.said.isascii()
    assert len(one.said) < 200
    assert one.said.endswith(".")
    assert one.page.isascii()
    for part in (one.happened, one.do):
        assert part
        assert not re.search(r"[.!?] [A-Z]", part), "more than one sentence"
    if one.id.startswith(("QBWC", "0x")):
        assert one.page.startswith(one.said)


def test_no_id_stands_twice() -> None:
    """A reader of the document finds one line for an id."""
    ids = [one.id for one in ALL]
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize(
    "one", [one for one in ALL if one.menu], ids=lambda one: one.id
)
def test_a_menu_is_a_path_from_the_menu_bar(one: words.Words) -> None:
    """As it is read from left to right in QuickBooks."""
    first, *rest = one.menu.split(" > ")
    assert first in _MENUS
    assert rest


@pytest.mark.parametrize("number", CODES)
def test_every_code_of_web_connector_has_words(number: int) -> None:
    """Those of Intuit's appendix and those that were seen in the field."""
    assert words.qwc_code(number).id == f"QBWC{number}"
    assert words.qwc_code(number) is QWC_CODES[f"QBWC{number}"]


def test_a_code_that_nobody_knows_is_explained_as_unknown() -> None:
    """A page shows something, and the number."""
    found = words.qwc_code(1999)
    assert found.id == "QBWC1999"
    assert "not explained" in found.happened


@pytest.mark.parametrize("code", HRESULT_TABLE)
def test_an_hresult_is_told_in_the_sentences_that_its_table_has(code: int) -> None:
    """They are written once."""
    row = HRESULT_TABLE[code]
    found = words.hresult(row.hexadecimal.lower())
    assert found.id == row.hexadecimal
    assert found.said.endswith(row.customer)


@pytest.mark.parametrize("code", STATUS_TABLE)
def test_a_status_is_told_in_the_sentences_that_its_table_has(code: int) -> None:
    """They are written once."""
    assert words.status(code).said.endswith(STATUS_TABLE[code].customer)


def test_a_status_is_told_by_its_message_where_the_code_is_not_enough() -> None:
    """3180 alone says only that something was refused."""
    message = "x QuickBooks error message: The credit limit is exceeded."
    assert "credit limit" in words.status(3180, message).said
    assert "credit limit" not in words.status(3180).said
    assert words.status(3180, message).said == statuses.status(3180, message).customer


@pytest.mark.parametrize("text", ["0x80049999", "nonsense", "", "-1"])
def test_an_unknown_hresult_and_status_have_words_that_fit(text: str) -> None:
    """Never an exception: a page must show something."""
    assert len(words.hresult(text).said) < 200
    assert words.hresult(text).do
    for code in (-5, 499, 700, 1999, 2100, 3999, 9200, 123456):
        assert len(words.status(code).said) < 200
        assert words.status(code).do


@pytest.mark.parametrize(
    ("kind", "state"),
    [(kind, one) for kind, all_ in KNOWN_STATES.items() for one in all_],
)
def test_every_state_has_words(kind: str, state: str) -> None:
    """Of whatever has states in the database."""
    assert words.state(kind, state).id.endswith("-" + state.replace("_", "-"))


def test_no_words_are_left_over_from_a_state_that_is_gone() -> None:
    """Except those that are told from more than the column `state`."""
    there = {
        words.state(kind, one).id for kind, all_ in KNOWN_STATES.items() for one in all_
    }
    assert {one.id for one in states.every()} - there == {
        *("company-late", "company-waiting", "company-wrong-password"),
        *("company-guessed", "company-paused-by-customer", "company-first-reads"),
        *("company-failed", "company-unused", "company-faults", "company-records"),
        *(
            "record-waits",
            "record-later",
            *("record-restored", "record-left", "record-perhaps-known"),
            "record-unread",
            "record-fails",
            "record-unplaced",
            "session-troubled",
            "session-left",
            "exchange-unused",
        ),
    }


def test_who_must_act_is_said_of_every_state() -> None:
    """Nothing is silent: whoever reads knows whether it is his turn."""
    who = {
        (row.topic, row.name): row.who_must_act
        for row in ROWS
        if row.topic not in _ANSWERS
    }

    assert set(who.values()) == {"nobody", "customer", "support"}
    for name in tables.RECORD_STATES:
        acts = words.need("customer", name, waits=False) == "needs_you"
        # Nobody is called because of a lock, but nobody else lifts it.
        acts |= name == "locked"
        assert (who["customer", name] == "customer") == acts
    supports = {key for key, one in who.items() if one == "support"}
    assert {key for key in supports if key[1] != "unread"} == {
        *(("job", "failed"), ("exchange", "refused"), ("exchange", "unused")),
        *(("company", one) for one in ("paused", "failed", "unused", "faults")),
        ("company", "guessed"),
        *((kind, "fails") for kind in ("record", *KINDS, time_entry.NAME)),
        *(("hours", one) for one in ("failed", "paused", "fails", "unexplained")),
    }


@pytest.mark.parametrize("reason", hours.REASONS)
def test_a_customer_reads_no_word_to_support_of_hours(reason: str) -> None:
    """What only support does is told as ours; what he asks us for is told to him."""
    do = hours.hours(reason).do
    told = hours.for_customer(hours.who(reason), do)

    assert not re.search("`|Support:", told)
    is_ours = hours.who(reason) == "support" and reason != "paused"
    assert told == (hours.OURS if is_ours else do)


def test_a_command_for_support_is_cut_off_for_a_customer() -> None:
    """Whoever acts: the sentence before it is his."""
    told = hours.for_customer("customer", "Please mend it. Support: `jobs found`.")

    assert told == "Please mend it."


def test_every_state_and_every_attention_has_a_row() -> None:
    """What a view joins is there, for each kind of record too."""
    there = {(row.topic, row.name): row for row in ROWS}
    for kind, all_ in KNOWN_STATES.items():
        for one in all_:
            told = words.state(kind, one)
            row = there[kind, one]
            assert (row.happened, row.next_step) == (told.happened, told.do)
    for error_id in _attentions():
        told = words.attention(error_id)
        row = there["attention", error_id]
        assert (row.happened, row.next_step) == (told.happened, told.do)
    assert there["attention", ""].happened == words.attention("error").happened
    assert len(there) == len(ROWS)


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "qbwc_server").rglob("*.py")):
        name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        if ".sandbox." not in name and not name.endswith("__main__"):
            yield name, ast.parse(path.read_text("utf-8"))


def _ids(name: str, value: ast.expr) -> set[str]:
    """Return the ids an expression may have; a code of QuickBooks as an example."""
    if isinstance(value, ast.Constant):
        return {value.value} if isinstance(value.value, str) else set()
    if isinstance(value, ast.JoinedStr):
        text = "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}"
            for part in value.values
        )
        return {
            text.replace("quickbooks-{}", "quickbooks-0x80040400").replace("{}", "3100")
        }
    if isinstance(value, ast.Name | ast.Attribute):
        found = importlib.import_module(name)
        try:
            return {str(eval(ast.unparse(value), vars(found)))}
        except (AttributeError, NameError):
            return set()  # a variable: its values are literals elsewhere
    return set()


def _attentions() -> dict[str, str]:
    """Return where in the code each id of an attention is given to a company."""
    found: dict[str, str] = {}
    for name, tree in _sources():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            given = [
                one.value
                for one in node.keywords
                if one.arg in {"error_id", "attention_id", "problem_id"}
            ]
            if ast.unparse(node.func).endswith("Judgement") and len(node.args) > 1:
                given.append(node.args[1])
            for value in given:
                found |= dict.fromkeys(_ids(name, value), name)
    return found


def test_every_attention_that_the_code_gives_has_words() -> None:
    """Found by reading the code: a new one without words is told here."""
    found = _attentions()
    missing = {one: where for one, where in found.items() if not attentions.known(one)}
    assert missing == {}
    assert {"wrong-company-file", "too-many-gone", "quickbooks-status-3100"} <= set(
        found
    )
    assert {"backup-restored", "time-tracking-off", "mosaic-key-missing"} <= set(found)


def _below(kind: type[object]) -> list[type[object]]:
    return [kind, *(one for below in kind.__subclasses__() for one in _below(below))]


def test_every_error_of_ours_has_words() -> None:
    """Those of commands, those of Mosaic, and why there is no .qwc file."""
    for name, _ in _sources():
        importlib.import_module(name)
    ours = {
        str(getattr(one, "id", "") or getattr(one, "code", ""))
        for base in (QbwcError, MosaicError)
        for one in _below(base)
        if one.__module__.startswith("qbwc_server.")
    }
    ids = ours | {str(problem) for problem in QwcProblem}
    assert {one for one in ids if not attentions.known(one)} == set()
    assert len(ids) > 20


def test_an_id_that_nobody_knows_gets_general_words() -> None:
    """A page must show something."""
    assert words.attention("never-heard-of").id == "error"
    assert words.attention("quickbooks-0x80040408").id == "0x80040408"
    assert words.attention("quickbooks-status-3261").menu.endswith("Properties")


def test_every_code_is_among_the_words_for_support() -> None:
    """By what it is called where it is met: a number, or with 0x or QBWC before it."""
    found = {(one.topic, one.name) for one in ROWS}
    assert {("status", str(one)) for one in STATUS_TABLE} <= found
    assert {("hresult", one.hexadecimal) for one in HRESULT_TABLE.values()} <= found
    assert {("web_connector", one) for one in QWC_CODES} <= found


def test_the_document_is_the_table() -> None:
    """docs/errors.md is written by `make errors`."""
    assert (ROOT / "docs/errors.md").read_text("utf-8") == document.markdown()


def test_every_id_stands_in_the_document() -> None:
    """Once, in a line of its table."""
    text = document.markdown()
    for one in ALL:
        assert text.count(f"\n| `{one.id}` | ") == 1
