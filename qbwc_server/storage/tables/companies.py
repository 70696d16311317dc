"""The tenant, who comes in for it, and what was done to it by hand."""

from __future__ import annotations

import sqlalchemy as sa

from qbwc_server.storage.database import JSON
from qbwc_server.storage.tables.columns import (
    count,
    flag,
    id_,
    metadata,
    moment,
    of_company,
    one_of,
    text,
    where,
)

MODES = ("preview", "live", "paused")


STRUCTURES = ("client", "project")


POLICIES = ("newest", "quickbooks", "mosaic", "ask")


CALLERS = ("user", "setup", "webhook")


# `deliver_at`, `leased_until`, `leased_by`, `check_at`, `notice_at`, `preview_at`,
# `housekeep_at` and `time_claims` are kept for the program before this one: they moved
# to `duty` and `team_file`, and go with a later revision.
company = sa.Table(
    "company",
    metadata,
    sa.Column(
        "id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    ),
    text("name"),
    text("mode", default="live"),
    text("attention", null=True),
    text("attention_id", null=True),
    moment("last_seen_at"),
    moment("last_session_at"),
    moment("next_read_at"),
    moment("open_after"),
    count("open_failures"),
    moment("deliver_at"),
    moment("leased_until"),
    text("leased_by", null=True),
    sa.Column("poll_every", sa.Integer, nullable=False, server_default="1"),
    sa.Column("read_every", sa.Integer, nullable=False, server_default="15"),
    text("structure", default="client"),
    text("username"),
    text("password_hash"),
    text("former_password_hash", null=True),
    text("login_from", null=True),
    text("known_from", null=True),
    text("owner_id"),
    text("file_id"),
    text("setup_token_hash"),
    text("webhook_token_hash"),
    text("mosaic_url"),
    text("mosaic_team"),
    text("mosaic_key", null=True),
    text("mosaic_auth_scheme", default="raw"),
    sa.Column("mosaic_portfolio", sa.BigInteger),
    moment("mosaic_read_at"),
    text("file_name", null=True),
    text("file_path", null=True),
    moment("file_bound_at"),
    sa.Column("host", JSON),
    sa.Column("offset_minutes", sa.Integer),
    text("last_restore", null=True),
    sa.Column("two_way", sa.Boolean, nullable=False, server_default=sa.true()),
    text("policy", default="newest"),
    flag("contractors"),
    text("time_class", null=True),
    text("time_payroll_item", null=True),
    text("closing_date", null=True),
    flag("class_tracking", null=True),
    flag("time_tracking", null=True),
    moment("time_hot_at"),
    moment("time_window_at"),
    text("mosaic_time_from", null=True),
    moment("both_known_at"),
    moment("first_known_at"),
    text("time_claims", default="none"),
    text("before_live", default="add"),
    sa.Column("relinks_from", sa.BigInteger),
    sa.Column("copied", JSON),
    sa.Column("filling", JSON),
    moment("created_at", null=False),
    moment("housekeep_at"),
    moment("setup_expires_at"),
    moment("check_at"),
    moment("late_at"),
    moment("notice_at"),
    text("mode_before_pause", null=True),
    text("notice", null=True),
    text("notice_id", null=True),
    text("notice_left", null=True),
    count("notice_tries"),
    moment("preview_at"),
    moment("mode_at"),
    text("paused_by", null=True),
    text("paused_why", null=True),
    moment("wrong_password_at"),
    moment("setup_used_at"),
    moment("guessed_at"),
    sa.UniqueConstraint("name"),
    sa.UniqueConstraint("username"),
    sa.Index("ix_company_check_at", "check_at"),
    sa.Index("ix_company_deliver_at", "deliver_at"),
    sa.Index("ix_company_housekeep_at", "housekeep_at"),
    sa.Index("ix_company_login_from", "login_from"),
    sa.Index("ix_company_notice_at", "notice_at"),
    sa.Index("ix_company_preview_at", "preview_at"),
    sa.Index("ix_company_setup_token_hash", "setup_token_hash"),
    sa.Index("ix_company_webhook_token_hash", "webhook_token_hash"),
    one_of("mode", MODES),
    one_of("structure", STRUCTURES),
    one_of("policy", POLICIES),
)


# Whoever looks across companies looks into the three below, which show numbers, moments
# and keyed hashes: whoever serves may read them, and writes those of one company alone.
# Two have no foreign key, so that they can be on every machine where companies are not.
caller = sa.Table(
    "caller",
    metadata,
    sa.Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, primary_key=True),
    text("hash"),
    sa.UniqueConstraint("kind", "hash"),
    one_of("kind", CALLERS),
)


duty = of_company(
    "duty",
    moment("deliver_at"),
    moment("leased_until"),
    text("leased_by", null=True),
    moment("check_at"),
    moment("notice_at"),
    moment("preview_at"),
    moment("housekeep_at"),
    moment("alert_at"),
    sa.Index("ix_duty_alert_at", "alert_at"),
    sa.Index("ix_duty_check_at", "check_at"),
    sa.Index("ix_duty_deliver_at", "deliver_at"),
    sa.Index("ix_duty_housekeep_at", "housekeep_at"),
    sa.Index("ix_duty_notice_at", "notice_at"),
    sa.Index("ix_duty_preview_at", "preview_at"),
)


team_file = sa.Table(
    "team_file",
    metadata,
    sa.Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    text("team"),
    flag("takes_part"),
    text("time_claims", default="none"),
    sa.Index("ix_team_file_team", "team"),
)


company_sequence = sa.Table(
    "company_sequence",
    metadata,
    sa.Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("last_id", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("moves", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.ForeignKeyConstraint(["company_id"], ["company.id"], ondelete="CASCADE"),
)


login_failure = sa.Table(
    "login_failure",
    metadata,
    sa.Column("who", sa.Text, primary_key=True),
    count("failures"),
    moment("last_at", null=False),
    sa.Index("ix_login_failure_last_at", "last_at"),
)


failed_login = of_company(
    "failed_login",
    sa.Column("address", sa.Text, primary_key=True),
    text("whose"),
    moment("first_at", null=False),
    moment("last_at", null=False),
    count("times", 1),
)


# What goes first of these stands in `company`, too, as `attention_id` and `attention`.
attention = of_company(
    "attention",
    id_(),
    text("reason"),
    sa.Column("place", sa.Integer, nullable=False),
    text("text"),
    moment("began_at", null=False),
    moment("seen_at", null=False),
    moment("ended_at"),
    where(
        "uq_attention_standing",
        ("company_id", "reason"),
        "ended_at IS NULL",
        unique=True,
    ),
)


# An address is encrypted. `notice...` is what is being told to it, as in `company`.
alert_address = of_company(
    "alert_address",
    id_(),
    text("address"),
    moment("asked_at", null=False),
    moment("confirmed_at"),
    moment("ended_at"),
    moment("weekly_at"),
    text("told", default=""),
    text("notice", null=True),
    text("notice_id", null=True),
    moment("notice_at"),
    text("notice_left", null=True),
    count("notice_tries"),
)


audit = of_company(
    "audit",
    id_(),
    moment("at", null=False),
    text("who"),
    text("what"),
    text("why", null=True),
    sa.Column("detail", JSON),
    text("dedupe_key", null=True),
    count("times", 1),
    moment("last_at"),
    where(
        "uq_audit_dedupe_key",
        ("company_id", "dedupe_key"),
        "dedupe_key IS NOT NULL",
        unique=True,
    ),
)
