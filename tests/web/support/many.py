"""Very many companies, made by the database itself; the first is a large one."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Engine

GREAT = frozenset(
    {"record", "job", "job_event", "session", "exchange", "mosaic_call"}
    | {"record_event", "audit"}
)
"""Tables that no page may read from beginning to end."""
_KIND = (
    "CASE WHEN n % 10 < 8 THEN 'time_entry' WHEN n % 10 = 8 THEN 'customer' "
    "WHEN n % 20 = 9 THEN 'employee' ELSE 'service_item' END"
)
_REQUEST = (
    "'<QBXML><QBXMLMsgsRq>' || repeat('<TimeTrackingQueryRq requestID=\"1\">"
    "<MaxReturned>500</MaxReturned></TimeTrackingQueryRq>', 20) || '</QBXMLMsgsRq>'"
)
_ROWS = {
    "record": (
        1.0,
        {
            "kind": _KIND,
            "state": "CASE WHEN n % 1009 = 0 THEN 'conflict' "
            "WHEN n % 503 = 0 THEN 'unlinked' WHEN n % 211 = 0 THEN 'pending' "
            "WHEN n % 4001 = 0 THEN 'gone' ELSE 'in_sync' END",
            "name": "'Ann ' || n",
            "quickbooks_id": "'T' || n",
            "mosaic_type": f"CASE WHEN n % 10 < 8 THEN 'time_entry' ELSE {_KIND} END",
            "mosaic_id": "n",
            "external_guid": "'{' || md5(n::text) || '}'",
            "created_at": "now()",
            "changed_at": "now()",
        },
    ),
    "job": (
        0.3,
        {
            "kind": "'time_entry'",
            "state": "CASE WHEN n % 997 = 0 THEN 'failed' "
            "WHEN n % 50 = 0 THEN 'cancelled' ELSE 'done' END",
            "action": "'add'",
            "record_id": "n",
            "exchange_id": "n % 100000 + 1",
            "summary": "'Add ' || n",
            "created_at": "now()",
            "run_at": "now()",
            "finished_at": "CASE WHEN n % 997 <> 0 THEN now() END",
        },
    ),
    "session": (
        0.1,
        {
            "state": "'closed'",
            "summary": "'3 time entries in.'",
            "started_at": "now()",
            "last_call_at": "now()",
            "ended_at": "now()",
            "ended_why": "'closed'",
            "ticket_hash": "'h' || n",
        },
    ),
    "exchange": (
        0.1,
        {
            "state": "CASE WHEN n % 499 = 0 THEN 'lost' ELSE 'answered' END",
            "purpose": "'work'",
            "session_id": "n",
            "sent_at": "now()",
            "answered_at": "now()",
            "request": _REQUEST,
            "answer": f"replace({_REQUEST}, 'Rq', 'Rs')",
        },
    ),
    "mosaic_call": (
        0.2,
        {
            "state": "CASE WHEN n % 499 = 0 THEN 'refused' ELSE 'done' END",
            "operation": "'create'",
            "data_type": "'time_entry'",
            "record_id": "n",
            "mosaic_id": "n",
            "fields": "CAST('{}' AS jsonb)",
            "ref": "'r' || n",
            "created_at": "now()",
            "settled_at": "now()",
        },
    ),
    "job_event": (
        0.3,
        {"job_id": "n", "at": "now()", "to_state": "'done'", "by": "'answer'"},
    ),
    "record_event": (
        0.3,
        {"record_id": "n", "at": "now()", "what": "'seen'", "by": "'quickbooks'"},
    ),
    "audit": (0.1, {"at": "now()", "who": "'eve'", "what": "'company changed'"}),
}


def fill(engine: Engine, *, companies: int, records: int) -> None:
    """Fill an empty PostgreSQL database; every tenth row is the first company's."""
    texts = (
        *("username", "password_hash", "owner_id", "file_id", "mosaic_url"),
        *("setup_token_hash", "webhook_token_hash", "mosaic_team"),
    )
    company = {
        "name": "'Company ' || n",
        "created_at": "now()",
        "last_seen_at": "now()",
        "late_at": "CASE WHEN n % 97 = 0 THEN now() END",
        "mode": "CASE WHEN n % 501 = 0 THEN 'paused' ELSE 'live' END",
        **dict.fromkeys(texts, "'x' || n"),
    }
    owner = f"CASE WHEN n % 10 = 0 THEN 1 ELSE n % {companies} + 1 END"
    with engine.begin() as connection:
        many = [("company", companies, company)]
        many += [
            (table, round(records * share), {"company_id": owner, "id": "n", **values})
            for table, (share, values) in _ROWS.items()
        ]
        for table, count, values in many:
            columns, made = ", ".join(values), ", ".join(values.values())
            rows = f"SELECT {made} FROM generate_series(1, {count}) n"
            connection.execute(sa.text(f"INSERT INTO {table} ({columns}) {rows}"))
        connection.exec_driver_sql("ANALYZE")


PAGES = (
    "/support",
    "/support?after=5000",
    "/support?state=paused",
    "/support?state=failed",
    "/support?who=customer",
    "/support?who=support&after=9000",
    "/support?text=pany+77",
    "/support?text=nobody",
    "/support/search?find=T17",
    "/support/search?find=17",
    "/support/search?find=1-170",
    "/support/search?find={70efdf2ec9b086079795c442636b55fb}",
    "/support/search?find=ann",
    "/support/search?find=Ann+2026-01-05",
    *(
        f"/support/open?which={which}{after}"
        for after in ("", "&after=2026-01-02T00:00:00%2B00:00/1/records/1")
        for which in ("ours", "conflicts", "failed", "unread", "doubtful", "stuck")
    ),
    "/support/companies/1",
    "/support/companies/7",
    "/support/companies/1/records",
    "/support/companies/1/records?before=50000",
    "/support/companies/1/records?state=conflict",
    "/support/companies/1/records?state=gone",
    "/support/companies/1/records?state=in_sync",
    "/support/companies/1/records?kind=employee",
    "/support/companies/1/records?kind=customer&state=unlinked",
    "/support/companies/1/records?text=nobody",
    "/support/companies/1/records?text=ann+1000&kind=time_entry",
    "/support/companies/1/records?first=2026-01-05&last=2026-01-11",
    "/support/companies/1/jobs?first=2026-01-05&last=2026-01-11",
    "/support/companies/1/exchanges?first=2020-01-05&last=2020-01-06",
    "/support/companies/1/audit?first=2020-01-05&last=2020-01-06",
    "/support/companies/1/jobs",
    "/support/companies/1/jobs?state=failed",
    "/support/companies/1/jobs?state=cancelled",
    "/support/companies/1/jobs?text=nothing",
    "/support/companies/1/sessions",
    "/support/companies/1/exchanges",
    "/support/companies/1/exchanges?state=lost",
    "/support/companies/1/calls",
    "/support/companies/1/calls?state=refused",
    "/support/companies/1/audit",
    "/support/records/1-170",
    "/support/jobs/1-170",
    "/support/sessions/1-170",
    "/support/exchanges/1-170",
    "/support/calls/1-170",
)
"""Every kind of page, also with the filters that are hardest."""
