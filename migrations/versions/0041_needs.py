"""What support sees of a company counts the same records as its page.

The customer acts on what is locked in QuickBooks, too, and on what is refused whatever
it waits for; what our program or Mosaic fails on is counted beside it, and not as his.
And what waits while a customer's own pause lasts is the customer's, not support's.

Revision ID: 0041
Revises: 0040
"""

from __future__ import annotations

from alembic import op
from alembic.script import ScriptDirectory

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_FEW = (
    (
        "'conflict', 'refused', 'unlinked') AND NOT (k",
        "'conflict', 'refused', 'locked', 'unlinked') AND NOT (k",
    ),
)
_ONCE = (
    ("k.state = 'refused') refusing", "k.state IN ('refused', 'locked')) refusing"),
    ("k.state = 'refused' AND NOT", "k.state IN ('refused', 'locked') AND NOT"),
    (
        "conflict.free + refused.free + faults.free + lists.free",
        "conflict.many + refused.many + lists.many",
    ),
)


_PAUSED = (
    (
        "WHEN c.mode = 'paused' THEN 'paused'",
        "WHEN {theirs} THEN 'paused_by_customer' WHEN c.mode = 'paused' THEN 'paused'",
    ),
    ("WHEN 'paused' THEN", "WHEN 'paused_by_customer' THEN {since} WHEN 'paused' THEN"),
)


def upgrade() -> None:
    _make(same=True)


def downgrade() -> None:
    _make(same=False)


def _make(*, same: bool) -> None:
    """Make the views that count what needs the customer, the same or as they were."""
    script = op.get_context().script
    if script is None:
        raise RuntimeError
    made = texts(script, op.get_context().dialect.name, same=same)
    make(script, made)


def make(script: ScriptDirectory, made: dict[str, str]) -> None:
    """Make views anew, with what a person looks for first."""
    ordering = script.get_revision("0035").module
    for name, text in made.items():
        script.get_revision("0029").module._make(name, text)
        if name in ordering.FIRST:
            ordering._again(name, ordering.FIRST[name], without=())  # noqa: SLF001 - a revision's


def texts(script: ScriptDirectory, dialect: str, *, same: bool) -> dict[str, str]:
    """Return by name the views of attentions, companies, records and jobs as SQL."""
    before = script.get_revision("0029").module
    attentions, companies, _ = script.get_revision("0040").module.texts(
        script, theirs=True
    )
    records = before.FEW["records"]
    if same:
        records = _replaced(records, _FEW)
        attentions = attentions.replace(before.FEW["records"], records)
    if dialect == "postgresql":
        companies = script.get_revision("0037").module.companies(companies, before.FEW)
        companies = _replaced(companies, _ONCE) if same else companies
    elif same:
        end = companies.index(" AS records_for_customer,")
        begin = companies.rindex("(SELECT count(*) FROM (", 0, end)
        number = f"(SELECT count(*) FROM (SELECT {records} LIMIT 1001) few)"  # noqa: S608 - our own names
        companies = f"{companies[:begin]}{number}{companies[end:]}"
        companies = companies.replace(before.FEW["records"], records)
    held, alerts = (
        script.get_revision("0031").module,
        script.get_revision("0040").module,
    )
    parts = {"theirs": alerts._THEIRS, "since": alerts._SINCE}  # noqa: SLF001 - a revision's
    paused = tuple((old, new.format(**parts)) for old, new in _PAUSED)
    return {
        "support_attentions": attentions,
        "support_companies": companies,
        **{
            name: _replaced(text, paused) if same else text
            for name, text in held.VIEWS.items()
        },
    }


def _replaced(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    """Put each in the place of another, which must be there."""
    for old, new in pairs:
        if old not in text:
            raise RuntimeError
        text = text.replace(old, new)
    return text
