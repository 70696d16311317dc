"""Mosaic: its lists as last read, writes to it, its callbacks, and its budget."""

from __future__ import annotations

import sqlalchemy as sa

from qbwc_server.storage.database import JSON
from qbwc_server.storage.tables.columns import (
    count,
    flag,
    id_,
    looked_for,
    metadata,
    moment,
    of_company,
    one_of,
    text,
    where,
)

CALL_STATES = ("sent", "accepted", "unsure", "done", "refused", "absent")


mosaic_object = of_company(
    "mosaic_object",
    sa.Column("data_type", sa.Text, primary_key=True),
    sa.Column("mosaic_id", sa.BigInteger, primary_key=True, autoincrement=False),
    text("name"),
    text("match_key"),
    text("name_key"),
    text("near_key", default=""),
    flag("is_archived"),
    sa.Column("snapshot", JSON, nullable=False),
    sa.Column("seen_in", sa.BigInteger, nullable=False),
    count("misses"),
    sa.Index("ix_mosaic_object_match", "company_id", "data_type", "match_key"),
    sa.Index("ix_mosaic_object_name", "company_id", "data_type", "name_key"),
    sa.Index("ix_mosaic_object_near", "company_id", "data_type", "near_key"),
)


# It has no column company_id because companies of one team read each other's claims;
# what is written stands behind a wall of its own, see the sixth revision.
mosaic_claim = sa.Table(
    "mosaic_claim",
    metadata,
    sa.Column("team", sa.Text, primary_key=True),
    sa.Column("data_type", sa.Text, primary_key=True),
    sa.Column("mosaic_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("holder", sa.BigInteger, primary_key=True, autoincrement=False),
    flag("meant"),
    moment("since", null=False),
    sa.Index("ix_mosaic_claim_holder", "holder"),
)


# Nor have these: an hour in Mosaic belongs to one company file of its team, also when
# that company was forgotten (then `held_by` is nothing). See the twelfth revision.
time_claim = sa.Table(
    "time_claim",
    metadata,
    sa.Column("team", sa.Text, primary_key=True),
    sa.Column("mosaic_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("held_by", sa.BigInteger),
    text("txn_hash", null=True),
    moment("since", null=False),
    where("ix_time_claim_txn_hash", ("team", "txn_hash"), "txn_hash IS NOT NULL"),
    sa.Index("ix_time_claim_held_by", "held_by"),
)


time_rule = sa.Table(
    "time_rule",
    metadata,
    sa.Column("team", sa.Text, primary_key=True),
    sa.Column("member_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("project_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("held_by", sa.BigInteger, nullable=False),
    sa.Column("said_by", sa.BigInteger, nullable=False),
    moment("since", null=False),
)


mosaic_call = of_company(
    "mosaic_call",
    id_(),
    text("state"),
    text("operation"),
    text("data_type"),
    sa.Column("record_id", sa.BigInteger),
    sa.Column("mosaic_id", sa.BigInteger),
    text("reason", null=True),
    sa.Column("fields", JSON, nullable=False),
    sa.Column("basis", JSON),
    text("match_key", default=""),
    text("ref"),
    text("api_request_id", null=True),
    moment("created_at", null=False),
    moment("check_at"),
    moment("settled_at"),
    count("looks"),
    sa.Column("asked", JSON),
    moment("due_since"),
    looked_for("mosaic_call", "state <> 'done'"),
    one_of("state", CALL_STATES),
    sa.UniqueConstraint("company_id", "ref"),
    where("ix_mosaic_call_open", ("company_id", "check_at"), "settled_at IS NULL"),
    where(
        "uq_mosaic_call_record",
        ("company_id", "record_id"),
        "settled_at IS NULL",
        unique=True,
    ),
    sa.Index("ix_mosaic_call_record", "company_id", "record_id", "id"),
    sa.Index("ix_mosaic_call_match", "company_id", "data_type", "match_key"),
)


mosaic_callback = of_company(
    "mosaic_callback",
    id_(),
    moment("received_at", null=False),
    moment("handled_at"),
    text("ref", null=True),
    text("api_request_id", null=True),
    text("data_type", null=True),
    sa.Column("body", JSON, nullable=False),
    where("ix_mosaic_callback_new", ("company_id", "id"), "handled_at IS NULL"),
)


mosaic_budget = sa.Table(
    "mosaic_budget",
    metadata,
    sa.Column("key_hash", sa.Text, primary_key=True),
    sa.Column("tokens", sa.Float, nullable=False),
    moment("refilled_at", null=False),
    moment("blocked_until"),
)
