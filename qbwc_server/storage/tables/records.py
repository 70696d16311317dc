"""What is known on either side, how far each kind was read, and the last preview."""

from __future__ import annotations

import sqlalchemy as sa

from qbwc_server.storage.database import JSON
from qbwc_server.storage.tables.columns import (
    count,
    flag,
    id_,
    looked_for,
    moment,
    of_company,
    one_of,
    text,
    where,
)

RECORD_STATES = (
    "in_sync",
    "pending",
    "unlinked",
    "locked",
    "conflict",
    "do_not_link",
    "refused",
    "gone",
)
WORDS = ("one", "two", "asked")
FORMER = ("quickbooks", "mosaic", "guid", "record")


record = of_company(
    "record",
    id_(),
    text("kind"),
    text("state"),
    text("reason", null=True),
    text("name"),
    text("day", null=True),
    text("quickbooks_id", null=True),
    text("mosaic_type", null=True),
    sa.Column("mosaic_id", sa.BigInteger),
    sa.Column("quickbooks", JSON),
    sa.Column("mosaic", JSON),
    sa.Column("agreed", JSON),
    sa.Column("conflict", JSON),
    sa.Column("edited", JSON),
    flag("quickbooks_gone"),
    flag("mosaic_gone"),
    sa.Column("gone", JSON),
    count("misses"),
    text("edit_sequence", null=True),
    text("time_modified", null=True),
    text("time_created", null=True),
    sa.Column("txn_number", sa.BigInteger),
    moment("mosaic_created_at"),
    text("parent_id", null=True),
    text("external_guid", null=True),
    text("waits_for", null=True),
    text("waits_for_second", null=True),
    text("waits_for_third", null=True),
    text("choice", null=True),
    text("restored", null=True),
    sa.Column("lost", JSON),
    text("unread", null=True),
    text("trouble", null=True),
    moment("due_at"),
    count("delivery_rank", 50),
    count("attempt"),
    count("failures"),
    sa.Column("seen_in", sa.BigInteger),
    moment("created_at", null=False),
    moment("changed_at", null=False),
    one_of("state", RECORD_STATES),
    looked_for("record", "state NOT IN ('in_sync', 'gone')"),
    where("ix_record_quickbooks_id", ("quickbooks_id",), "quickbooks_id IS NOT NULL"),
    where("ix_record_mosaic_id", ("mosaic_id",), "mosaic_id IS NOT NULL"),
    where("ix_record_external_guid", ("external_guid",), "external_guid IS NOT NULL"),
    sa.Index(
        "uq_record_quickbooks", "company_id", "kind", "quickbooks_id", unique=True
    ),
    where(
        "uq_record_mosaic",
        ("company_id", "mosaic_type", "mosaic_id"),
        "mosaic_id IS NOT NULL",
        unique=True,
    ),
    where(
        "ix_record_due",
        ("company_id", "delivery_rank", "due_at", "id"),
        "due_at IS NOT NULL",
    ),
    where(
        "uq_record_external_guid",
        ("company_id", "external_guid"),
        "external_guid IS NOT NULL",
        unique=True,
    ),
    where(
        "ix_record_day", ("company_id", "kind", "day", "parent_id"), "day IS NOT NULL"
    ),
    where(
        "ix_record_only_mosaic",
        ("company_id", "day"),
        "quickbooks_id IS NULL AND mosaic_id IS NOT NULL",
    ),
    where("ix_record_ours", ("company_id", "day"), "external_guid IS NOT NULL"),
    sa.Index("ix_record_state", "company_id", "kind", "state", "id"),
    where(
        "ix_record_needs",
        ("company_id", "kind", "id"),
        "state = 'unlinked' AND waits_for IS NULL",
    ),
    where("ix_record_restored", ("company_id", "id"), "restored IS NOT NULL"),
    where("ix_record_conflict", ("company_id", "id"), "conflict IS NOT NULL"),
    where(
        "ix_record_parent", ("company_id", "kind", "parent_id"), "parent_id IS NOT NULL"
    ),
    where("ix_record_waits_for", ("company_id", "waits_for"), "waits_for IS NOT NULL"),
    where(
        "ix_record_waits_for_second",
        ("company_id", "waits_for_second"),
        "waits_for_second IS NOT NULL",
    ),
    where(
        "ix_record_waits_for_third",
        ("company_id", "waits_for_third"),
        "waits_for_third IS NOT NULL",
    ),
)

# SQLite's tables are small, and what it tells of such an index is not understood.
sa.Index(
    "ix_record_called",
    sa.func.lower(record.c.name).label("called"),
    postgresql_where=sa.text("kind <> 'time_entry'"),
    postgresql_ops={"called": "text_pattern_ops"},
).ddl_if(dialect="postgresql")


record_event = of_company(
    "record_event",
    id_(),
    sa.Column("record_id", sa.BigInteger, nullable=False),
    moment("at", null=False),
    text("what"),
    text("by"),
    sa.Column("detail", JSON),
    sa.Index("ix_record_event_record", "company_id", "record_id", "id"),
)


former_id = of_company(
    "former_id",
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),
    sa.Column("record_id", sa.BigInteger, primary_key=True, autoincrement=False),
    moment("at", null=False),
    one_of("side", FORMER),
    sa.Index("ix_former_id_value", "value"),
    sa.Index("ix_former_id_record", "company_id", "record_id"),
)


said = of_company(
    "said",
    sa.Column("quickbooks_id", sa.Text, primary_key=True),
    sa.Column("mosaic_id", sa.BigInteger, primary_key=True, autoincrement=False),
    text("word"),
    text("by"),
    moment("at", null=False),
    one_of("word", WORDS),
    sa.Index("ix_said_mosaic_id", "company_id", "mosaic_id"),
)


joined = of_company(
    "joined",
    sa.Column("record_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("minutes", sa.Integer, nullable=False),
    text("how"),
    moment("at", null=False),
    moment("seen_at"),
    moment("stood_in_quickbooks_at"),
    moment("stood_in_mosaic_at"),
    where("ix_joined_unseen", ("company_id", "record_id"), "seen_at IS NULL"),
    where(
        "ix_joined_not_stood",
        ("company_id", "record_id"),
        "stood_in_quickbooks_at IS NULL OR stood_in_mosaic_at IS NULL",
    ),
)


reading = of_company(
    "reading",
    sa.Column("kind", sa.Text, primary_key=True),
    text("watermark", null=True),
    text("deleted_watermark", null=True),
    moment("last_read_at"),
    moment("begun_at"),
    moment("last_full_at"),
    flag("full_due"),
    flag("deletions_accepted"),
    text("reach", null=True),
    sa.Column("greatest_number", sa.BigInteger),
    text("greatest_number_at", null=True),
    text("problem", null=True),
    sa.Column("lately", JSON),
)


preview_result = of_company(
    "preview_result",
    moment("made_at", null=False),
    count("milliseconds"),
    sa.Column("result", JSON, nullable=False),
)
