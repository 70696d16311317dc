"""A wrong password from where a company's right one never came has a moment of its own.

It says that somebody guesses, or that the computer moved to another network; so it is a
reason beside `late`, and not the customer's wrong password any more.

Revision ID: 0038
Revises: 0037
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_GUESSED = (
    "c.late_at IS NOT NULL AND c.mode <> 'paused' AND c.guessed_at > c.last_seen_at"
)


def _attentions(*, guessed: bool) -> None:
    """Make the view, with this reason or without it."""
    script = op.get_context().script
    if script is None:
        raise RuntimeError
    before = script.get_revision("0029").module
    text = before.ATTENTIONS
    if guessed:
        text += f"""
UNION ALL
SELECT c.name, 16, 'guessed', c.guessed_at, c.guessed_at, w.who_must_act, w.happened,
    w.next_step, CASE WHEN 1 = 0 THEN 1 END, c.name, c.id
FROM company c LEFT JOIN word w ON w.topic = 'company' AND w.name = 'guessed'
WHERE {_GUESSED}
"""  # noqa: S608 - our own names
    before._make("support_attentions", text)


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("company", sa.Column("guessed_at", moment, nullable=True))
    _attentions(guessed=True)


def downgrade() -> None:
    _attentions(guessed=False)
    op.drop_column("company", "guessed_at")
