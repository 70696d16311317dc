"""Very many companies, made by the database itself; the first is a large one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
_BLOCK = 20
"""Records of one company that follow each other: a person, an item, two customers."""
_DAY = "CAST(DATE '2024-06-01' + ((n / 20 * 37 + n) % 700)::int AS text)"
_IS_TIME = "n % 10 < 8"
_PERSON, _JOB = "n - n % 20 + 9", "n - n % 20 + 8"
"""Who worked and on what: those of the same block."""
_STANDS = "n % 89 = 0 AND n <= 10000"
"""Companies that a wrong file stops: the first attention of each is the present one."""
_HOURS = "(CASE WHEN n % 97 = 0 THEN 30 ELSE 60 END)"
_NOW_AND_THEN = "now() - (100000 - n) * interval '5 minutes'"
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
            "name": f"CASE WHEN {_IS_TIME} THEN {_DAY} || ' Ann ' || ({_PERSON}) "
            "ELSE 'Ann ' || n || ' Lee' END",
            "day": f"CASE WHEN {_IS_TIME} THEN {_DAY} END",
            "parent_id": f"CASE WHEN {_IS_TIME} THEN 'T' || ({_PERSON}) END",
            "quickbooks": f"CASE WHEN {_IS_TIME} THEN jsonb_build_object('minutes', "
            f"60, 'person', 'T' || ({_PERSON}), 'job', 'T' || ({_JOB}), "
            "'notes', 'drawings') END",
            "mosaic": f"CASE WHEN {_IS_TIME} THEN jsonb_build_object('minutes', "
            f"{_HOURS}, 'person', {_PERSON}, 'date', {_DAY}, "
            f"'job', jsonb_build_array({_JOB}, NULL)) END",
            "quickbooks_id": "'T' || n",
            "mosaic_type": "CASE WHEN n % 10 < 8 THEN 'time_entry' "
            "WHEN n % 10 = 8 THEN 'project' WHEN n % 20 = 9 THEN 'employee' "
            "ELSE 'standard_work_category' END",
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
            "WHEN n % 2003 = 0 THEN 'ready' "
            "WHEN n % 50 = 0 THEN 'cancelled' ELSE 'done' END",
            "action": "'add'",
            "record_id": "n",
            "exchange_id": "n % 100000 + 1",
            "summary": "'Add ' || n",
            "created_at": "now() - interval '2 hours'",
            "run_at": "now()",
            "finished_at": "CASE WHEN n % 997 <> 0 AND n % 2003 <> 0 THEN now() END",
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
            "file_path": "'C:\\Books\\Company ' || n % 50 || '.QBW'",
        },
    ),
    "exchange": (
        0.1,
        {
            "state": "CASE WHEN n % 499 = 0 THEN 'lost' ELSE 'answered' END",
            "purpose": "'work'",
            "session_id": "n",
            "sent_at": _NOW_AND_THEN,
            "answered_at": _NOW_AND_THEN,
            "failed_at": "CASE WHEN n % 9973 = 0 THEN now() END",
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
    "former_id": (
        0.05,
        {
            "side": "'quickbooks'",
            "value": "'WAS' || n",
            "record_id": "n",
            "at": "now()",
        },
    ),
    "audit": (0.1, {"at": "now()", "who": "'eve'", "what": "'company changed'"}),
}
_OF_COMPANIES = {
    "duty": (1.0, {"deliver_at": "now()"}),
    "team_file": (
        1.0,
        {"team": "'x' || n", "takes_part": "TRUE", "time_claims": "'none'"},
    ),
    "attention": (
        2.0,
        {
            "id": "100000000 + n",
            "reason": "'wrong-company-file'",
            "place": "6",
            "text": "'Another file is open.'",
            "began_at": "now() - n * interval '1 hour'",
            "seen_at": "now()",
            "ended_at": f"CASE WHEN NOT ({_STANDS}) THEN now() END",
        },
    ),
    "failed_login": (
        0.1,
        {
            "address": "'192.0.2.7'",
            "whose": "'unknown'",
            "first_at": "now()",
            "last_at": "now()",
            "times": "3",
        },
    ),
}
_OUTAGES = 500
_OUTAGE = {
    "name": "'worker'",
    "began_at": "now() - n * interval '1 day'",
    "ended_at": "now() - n * interval '1 day' + interval '5 minutes'",
}


def fill(engine: Engine, *, companies: int, records: int) -> None:
    """Fill an empty PostgreSQL database; a tenth of it is the first company's."""
    texts = (
        *("username", "password_hash", "owner_id", "file_id", "mosaic_url"),
        *("setup_token_hash", "webhook_token_hash", "mosaic_team"),
    )
    company = {
        **dict.fromkeys(texts, "'x' || n"),
        "name": "'Company ' || n",
        "created_at": "now()",
        "last_seen_at": "now()",
        "mosaic_url": "'https://mosaic' || n % 5 || '.example'",
        "mosaic_key": "'key'",
        "file_name": "'Books ' || n || '.QBW'",
        "file_path": "'C:\\Books\\Books ' || n || '.QBW'",
        "attention_id": f"CASE WHEN {_STANDS} THEN 'wrong-company-file' END",
        "attention": f"CASE WHEN {_STANDS} THEN 'Another file is open.' END",
        "wrong_password_at": "CASE WHEN n % 997 = 0 THEN now() END",
        "late_at": "CASE WHEN n % 97 = 0 THEN now() END",
        "mode": "CASE WHEN n % 501 = 0 THEN 'paused' ELSE 'live' END",
    }
    # What belongs together has one owner: a block of numbers in all tables.
    block = f"n / {_BLOCK}"
    owner = f"CASE WHEN {block} % 10 = 8 THEN 1 ELSE {block} % {companies} + 1 END"
    with engine.begin() as connection:
        many = [("company", companies, company)]
        many += [
            (table, round(records * share), _owned(table, owner) | values)
            for table, (share, values) in _ROWS.items()
        ]
        each = {"company_id": f"(n - 1) % {companies} + 1"}
        many += [
            (table, round(companies * share), each | values)
            for table, (share, values) in _OF_COMPANIES.items()
        ]
        many += [("outage", _OUTAGES, _OUTAGE)]
        for table, count, values in many:
            columns, made = ", ".join(values), ", ".join(values.values())
            rows = f"SELECT {made} FROM generate_series(1, {count}) n"
            connection.execute(sa.text(f"INSERT INTO {table} ({columns}) {rows}"))
        connection.exec_driver_sql("ANALYZE")


def _owned(table: str, owner: str) -> dict[str, str]:
    """Return whose a row is, and its number, where it has one."""
    return {"company_id": owner} | ({} if table == "former_id" else {"id": "n"})


_MONTH_BEGAN = datetime.now(UTC).date() - timedelta(days=345)
_MONTH = f"first={_MONTH_BEGAN}&last={_MONTH_BEGAN + timedelta(days=30)}"
"""As long as messages are looked through, and where very many are."""
_QUARTER = "first=2025-07-01&last=2025-09-30"
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
    "/support/search?find=Ann+169+Lee+2025-09-05",
    "/support/search?find=WAS17",
    "/support/search?find=books+77",
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
    "/support/companies/1/records?person=Ann+169+lee",
    "/support/companies/1/records?person=ann+169+lee&state=conflict&kind=time_entry",
    "/support/companies/1/records?person=ann+169+lee&first=2025-01-01&last=2025-12-31",
    f"/support/companies/1/records?job=ann+168&{_QUARTER}",
    f"/support/companies/1/records?job=nobody&{_QUARTER}",
    f"/support/companies/1/records?job=168&person=ann+169+lee&{_QUARTER}",
    f"/support/companies/1/exchanges?message=timetracking&{_MONTH}",
    f"/support/companies/1/exchanges?message=nobody&{_MONTH}",
    f"/support/companies/1/exchanges?message=nobody&state=lost&{_MONTH}",
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
