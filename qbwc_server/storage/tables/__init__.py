"""Every table and constraint, and no behaviour; a file a subject.

Columns stand in the order in which a support person reads a row. Only indexes by which
support searches all companies at once do not begin with `company_id`.
"""

from __future__ import annotations

from qbwc_server.storage import meanings
from qbwc_server.storage.tables.columns import metadata
from qbwc_server.storage.tables.companies import (
    CALLERS,
    MODES,
    POLICIES,
    STRUCTURES,
    alert_address,
    attention,
    audit,
    caller,
    company,
    company_sequence,
    duty,
    failed_login,
    login_failure,
    team_file,
)
from qbwc_server.storage.tables.mosaic import (
    CALL_STATES,
    mosaic_budget,
    mosaic_call,
    mosaic_callback,
    mosaic_claim,
    mosaic_object,
    time_claim,
    time_rule,
)
from qbwc_server.storage.tables.records import (
    RECORD_STATES,
    former_id,
    joined,
    preview_result,
    reading,
    record,
    record_event,
    said,
)
from qbwc_server.storage.tables.server import (
    database_mark,
    forgotten_company,
    heartbeat,
    outage,
    support_login,
    support_token,
    word,
)
from qbwc_server.storage.tables.work import (
    EXCHANGE_STATES,
    JOB_FINAL,
    JOB_STATES,
    SESSION_STATES,
    exchange,
    job,
    job_event,
    session,
)

__all__ = [
    "CALLERS",
    "CALL_STATES",
    "EXCHANGE_STATES",
    "JOB_FINAL",
    "JOB_STATES",
    "MODES",
    "POLICIES",
    "RECORD_STATES",
    "SESSION_STATES",
    "STRUCTURES",
    "alert_address",
    "attention",
    "audit",
    "caller",
    "company",
    "company_sequence",
    "database_mark",
    "duty",
    "exchange",
    "failed_login",
    "forgotten_company",
    "former_id",
    "heartbeat",
    "job",
    "job_event",
    "joined",
    "login_failure",
    "metadata",
    "mosaic_budget",
    "mosaic_call",
    "mosaic_callback",
    "mosaic_claim",
    "mosaic_object",
    "outage",
    "preview_result",
    "reading",
    "record",
    "record_event",
    "said",
    "session",
    "support_login",
    "support_token",
    "team_file",
    "time_claim",
    "time_rule",
    "word",
]

for _table in metadata.tables.values():
    _table.comment, _columns = meanings.EVERY[_table.name]
    for _column in _table.columns:
        _column.comment = _columns[_column.name]
