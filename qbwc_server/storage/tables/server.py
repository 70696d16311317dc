"""What is no company's: who may use the console, our own processes, the words."""

from __future__ import annotations

import sqlalchemy as sa

from qbwc_server.storage.database import UTCDateTime
from qbwc_server.storage.tables.columns import count, flag, metadata, moment, text

# Who may use the support console, and who did. They are of no company.
support_token = sa.Table(
    "support_token",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    flag("may_act"),
    text("made_by"),
    moment("made_at", null=False),
    moment("last_login_at"),
    text("token_hash"),
    text("login_from", null=True),
    count("round"),
)


support_login = sa.Table(
    "support_login",
    metadata,
    sa.Column("hour", UTCDateTime, primary_key=True),
    sa.Column("who", sa.Text, primary_key=True),
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("peer", sa.Text, primary_key=True),
    count("times", 1),
    moment("last_at", null=False),
)


heartbeat = sa.Table(
    "heartbeat",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    moment("at", null=False),
    moment("up_since", null=False),
)


outage = sa.Table(
    "outage",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("began_at", UTCDateTime, primary_key=True),
    moment("ended_at", null=False),
)


# One row. By it a database that is an earlier moment of itself is noticed.
database_mark = sa.Table(
    "database_mark",
    metadata,
    sa.Column("one", sa.Boolean, primary_key=True, server_default=sa.true()),
    text("installation", default=""),
    text("timeline", default=""),
    text("database", default=""),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("beats", sa.BigInteger, nullable=False, server_default="0"),
    moment("handover_until"),
    moment("noticed_at"),
    text("noticed", null=True),
)


# No column of it is named as those of a company's data are: it stays.
forgotten_company = sa.Table(
    "forgotten_company",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UTCDateTime, primary_key=True),
    text("who"),
)


word = sa.Table(
    "word",
    metadata,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    *map(text, ("happened", "who_must_act", "next_step", "more", "menu")),
)
