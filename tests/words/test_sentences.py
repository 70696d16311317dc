"""Whatever is said of a record, a job or a company is whole: it begins and it ends."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "qbwc_server"
WINGS = (
    *("companies", "decisions", "delivery", "jobs", "kinds", "mosaic_reading"),
    *("onboarding", "planning", "quickbooks", "records", "standing", "support"),
)
_SAID = {"reason", "why", "attention"}
_PLANS = {"Action", "Hold", "Missing"}
_FOR_OURSELVES = {
    "ValueError",
    "KeyError",
    "TypeError",
    "LookupError",
    "AssertionError",
}
_LABELS = {"left without closing"}
"""Names that figures are counted under (docs/monitoring.md)."""
_ENDS = ".?!"


def _texts(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what a call says to a person: the text of a plan, an error or a reason."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        call = node.exc
        named = isinstance(call.func, ast.Name) and call.func.id in _FOR_OURSELVES
        if call.args and not named:
            yield call.args[0]
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in _PLANS:
            yield from node.args[:2]
        for word in node.keywords:
            if word.arg in _SAID:
                yield word.value


def _ends(text: ast.expr) -> Iterator[tuple[str, str]]:
    """Yield how a text may begin and end; {} stands for what is filled in."""
    if isinstance(text, ast.Constant) and isinstance(text.value, str):
        yield text.value, text.value
    elif isinstance(text, ast.JoinedStr):
        first, last = (
            str(one.value) if isinstance(one, ast.Constant) else "{}"
            for one in (text.values[0], text.values[-1])
        )
        yield first, last
    elif isinstance(text, ast.IfExp):
        yield from _ends(text.body)
        yield from _ends(text.orelse)
    elif isinstance(text, ast.BinOp) and isinstance(text.op, ast.Add):
        for first, _ in _ends(text.left):
            for _, last in list(_ends(text.right)) or [("{}", "{}")]:
                yield first, last


def broken(source: str) -> list[str]:
    """Return what a module says that does not begin or end as a sentence does."""
    return [
        f"{text.lineno}: {first[:30]} ... {last[-30:]}"
        for node in ast.walk(ast.parse(source))
        for text in _texts(node)
        for first, last in _ends(text)
        if " " in first + last and first not in _LABELS
        if first[:1].islower()
        or not (last.rstrip("\"'").endswith(tuple(_ENDS)) or last.endswith(("{}", " ")))
    ]


@pytest.mark.parametrize("wing", WINGS)
def test_every_sentence_is_whole(wing: str) -> None:
    """What is filled in at the end is a sentence of somebody else, which is quoted."""
    found = {
        path.name: wrong
        for path in sorted((ROOT / wing).rglob("*.py"))
        if (wrong := broken(path.read_text("utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("source", "right"),
    [
        ('Action(Do.NOTHING, "It waits.")', True),
        ('Action(Do.NOTHING, "It waits")', False),
        ('raise Unknown(f"Nothing can be chosen for {name}: of its kind")', False),
        ('raise Unknown(f"Nothing can be chosen for {name}.")', True),
        ('raise ValueError("no day")', True),
        ('refuse(reason="it is " + ("late" if x else "early."))', False),
        ('Action(Do.UPDATE, "QuickBooks has " + ", ".join(changed))', True),
    ],
)
def test_what_is_broken_is_found(source: str, right: bool) -> None:
    """The control; what is filled in nobody can see here."""
    assert (broken(source) == []) is right
