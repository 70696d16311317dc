"""What the views for support mean: plain words first, then what can be copied."""

from __future__ import annotations

from typing import Final

from qbwc_server.storage.meanings.mosaic_tables import MOSAIC_TABLES
from qbwc_server.storage.meanings.tables import TABLES, Meanings

_WORDS: Final = {
    "what": "What it is, for people.",
    "state": "Where it stands; docs/errors.md explains each state.",
    "why": "Why it stands there, in plain words.",
    "who_must_act": "nobody, customer or support.",
    "next_step": "What to do, in a sentence.",
    "since": "Since when it stands there.",
}
_OF_COMPANY: Final = {
    "company": "Name of the company.",
    "company_id": "Number of the company.",
}
_WAITS: Final = {
    "waits_because": "What of its company it waits for, as support_attentions has it.",
    "waits_since": "Since when its company has that; none: nobody knows.",
}
_LINKED: Final = {
    "record_id": "Number of the record within its company.",
    "quickbooks_id": "TxnID of a time entry, ListID of everything else.",
}


_LOCAL: Final = (
    "When, by the clock of the company's computer: at its present distance from UTC."
)


def _from(table: str, *names: str) -> dict[str, str]:
    """Return what columns mean that a view shows as the table has them."""
    columns = {**TABLES, **MOSAIC_TABLES}[table][1]
    return {name: columns[name] for name in names}


VIEWS: Final[Meanings] = {
    "support_companies": (
        "Companies: what hinders each, and who must act. Look here first.",
        {
            **_WORDS,
            "state": "What goes first: a state of the company, or attention.",
            "since": "Since when; none: nobody knows.",
            **_OF_COMPANY,
            "records_for_customer": "Records that wait for the customer, up to 1001.",
            "conflicts": "Records that both sides changed and a person decides, "
            "up to 1001.",
            "failed_jobs": "Pieces of work that failed and wait for support, up to "
            "1001.",
            "unread_answers": "Answers of QuickBooks that our program failed on, up to "
            "1001.",
            "our_faults": "Records that our program fails on, up to 1001.",
            "mosaic_key": "Whether there is a Mosaic API key: set or missing.",
            "alerts_confirmed": "E-mail addresses of the customer that get alerts.",
            "alerts_asked": "Those that get none, because nobody confirmed them yet.",
            "late_since": TABLES["company"][1]["late_at"],
            **_from(
                "company",
                *("mode", "attention_id", "attention", "wrong_password_at"),
                *("last_seen_at", "last_session_at", "next_read_at", "username"),
                *("file_name", "file_path", "host", "owner_id", "file_id"),
                *("mosaic_url", "mosaic_team", "structure", "two_way", "policy"),
                *("poll_every", "read_every", "closing_date", "created_at"),
            ),
        },
    ),
    "support_attentions": (
        "All that hinders each company, a row each; support_companies has the first.",
        {
            "company": _OF_COMPANY["company"],
            "place": "In which order it is told; 0 and 1 stop everything.",
            "reason": "What it is: an attention, or a state of the company.",
            "since": "Since when; none: nobody knows.",
            "last_seen_at": "When it was last seen to be so; none: it is so now.",
            **{name: _WORDS[name] for name in ("who_must_act", "why", "next_step")},
            "many": "How many there are of it, up to 1001; none: it is one thing.",
            "what": _OF_COMPANY["company"],
            "company_id": _OF_COMPANY["company_id"],
        },
    ),
    "support_health": (
        "Our own servers and workers, Mosaic by its address, and what waits.",
        {
            "part": "server, worker, mosaic, or deliveries.",
            "what": "Which of them.",
            "since": "Of a server or worker since when it is up; of Mosaic since when "
            "it is not reached.",
            "last_seen_at": "When it was last heard of, or missed.",
            "companies": "Of Mosaic: for how many companies it is asked.",
            "not_reached": "Of Mosaic: for how many of them it is not reached.",
            "waiting": "Of deliveries: of how many companies some are due or planned.",
            "oldest_at": "Of deliveries: since when the oldest is due.",
        },
    ),
    "support_outages": (
        "What was the matter, from when until when: ours, Mosaic's, a company's.",
        {
            "part": "server, worker, mosaic, stop, or company.",
            "what": "Which of them.",
            "why": _WORDS["why"],
            "since": "When it began.",
            "until": "When it was over; none: it is so now.",
            "reason": "What it was: outage, late, or an attention.",
            **_OF_COMPANY,
        },
    ),
    "support_failed_logins": (
        "Wrong passwords of Web Connector, by where they came from.",
        {
            "company": _OF_COMPANY["company"],
            "what": _WORDS["what"],
            **{
                name: MOSAIC_TABLES["failed_login"][1][name]
                for name in ("address", "whose", "first_at", "last_at", "times")
            },
            **_from("company", "last_seen_at"),
            "company_id": _OF_COMPANY["company_id"],
        },
    ),
    "support_sessions": (
        "Runs of Web Connector: what each did, and how it ended.",
        {
            **_WORDS,
            **_OF_COMPANY,
            "session": "Company and number, as commands take it.",
            "session_id": "Number of the run within its company.",
            **_from(
                "session",
                *("started_at", "last_call_at", "ended_at", "ended_why", "percent"),
                *("done", "exchange_id", "file_path", "peer"),
            ),
        },
    ),
    "support_jobs": (
        "Pieces of work for QuickBooks, and what came of them.",
        {
            **_WORDS,
            **_OF_COMPANY,
            **_LINKED,
            "job": "Company and number, as commands take it.",
            "job_id": "Number of the job within its company.",
            "record_name": "Name of the record it writes.",
            **_WAITS,
            **_from("record", "mosaic_id", "edit_sequence"),
            **_from(
                "job",
                *("kind", "action", "attempt", "max_attempts", "created_at"),
                *("run_at", "sent_at", "finished_at", "exchange_id"),
            ),
        },
    ),
    "support_records": (
        "Everything known on either side, and why it is not in sync.",
        {
            **_WORDS,
            **_OF_COMPANY,
            "record": "Company and number, as commands take it.",
            "record_id": _LINKED["record_id"],
            **_from(
                "record",
                *("kind", "name", "day", "quickbooks_id", "edit_sequence"),
                *("time_modified", "external_guid", "mosaic_type", "mosaic_id"),
                *("quickbooks_gone", "mosaic_gone", "parent_id", "waits_for"),
                *("choice", "due_at", "attempt", "quickbooks", "mosaic", "agreed"),
                *("conflict", "created_at", "restored", "lost", "failures"),
            ),
            "person": "Of time: who worked, by name.",
            "job": "Of time: the customer or job, or Mosaic's project.",
            "minutes": "Of time: how long, as QuickBooks has it, or else Mosaic.",
            **_WAITS,
        },
    ),
    "support_hours": (
        "Hours of both sides: an entry that they have at two places is two rows.",
        {
            "company": _OF_COMPANY["company"],
            "person": "Who worked, by name; a side may have it with another person.",
            "day": "The day that was worked; none if the entry could not be read.",
            "job": "The customer or job, or a project of Mosaic that is not linked.",
            "quickbooks_minutes": "Minutes that QuickBooks has there; none: not known.",
            "mosaic_minutes": "Minutes that Mosaic has there.",
            "difference": "How many minutes more QuickBooks has there.",
            "reason": "Why they differ, or same; support_words has each, topic hours.",
            **{name: _WORDS[name] for name in ("why", "who_must_act", "next_step")},
            **{name: _WORDS[name] for name in ("since", "what", "state")},
            "record": "Company and number of the record, as commands take it.",
            "company_id": _OF_COMPANY["company_id"],
            **_LINKED,
            **_from("record", "mosaic_id"),
        },
    ),
    "support_exchanges": (
        "Messages to QuickBooks and their answers, as they were sent.",
        {
            **_WORDS,
            **_OF_COMPANY,
            "exchange": "Company and number, as commands take it.",
            "exchange_id": "Number of the exchange within its company.",
            **_from(
                "exchange",
                *("session_id", "purpose", "writes", "message_set_id", "sent_at"),
                *("answered_at", "applied_at", "failed_at", "hresult", "message"),
                *("request", "answer"),
            ),
            "local_sent_at": _LOCAL,
        },
    ),
    "support_calls": (
        "Writes to Mosaic, and what came of them.",
        {
            **_WORDS,
            **_OF_COMPANY,
            **_LINKED,
            "call": "Company and number.",
            "call_id": "Number of the call within its company.",
            **_from(
                "mosaic_call",
                *("operation", "data_type", "mosaic_id", "fields", "ref"),
                *("api_request_id", "created_at", "check_at", "settled_at", "looks"),
            ),
        },
    ),
    "support_history": (
        "What happened to records, with what was replaced.",
        {
            **_OF_COMPANY,
            **_from("record_event", "what", "at", "detail"),
            "who": "Who or what did it.",
            "about": "The record, for people.",
            "record": "Company and number of the record, as commands take it.",
            "record_id": _LINKED["record_id"],
            "event_id": "Number of the event within its company; rises with time.",
            "local_at": _LOCAL,
        },
    ),
    "support_former_ids": (
        "Ids that records had and have no more, and the record that each leads to.",
        {
            "company": _OF_COMPANY["company"],
            **_from("former_id", "value", "side", "at"),
            "what": "The record, for people.",
            "record": "Company and number of the record, as commands take it.",
            "record_id": _LINKED["record_id"],
            "company_id": _OF_COMPANY["company_id"],
        },
    ),
    "support_clocks": (
        "The clock of each company's computer, so that times can be told in it.",
        {
            "what": _WORDS["what"],
            **_OF_COMPANY,
            **_from("company", "offset_minutes"),
        },
    ),
    "support_steps": (
        "What happened to pieces of work for QuickBooks, step by step.",
        {
            **_OF_COMPANY,
            "what": "From which state it came to which.",
            **_from("job_event", "at"),
            "why": TABLES["job_event"][1]["reason"],
            "who": "Who or what moved it.",
            "about": "The piece of work, for people.",
            "job": "Company and number of the job, as commands take it.",
            "job_id": "Number of the job within its company.",
            "event_id": "Number of the step within its company; rises with time.",
            "local_at": _LOCAL,
        },
    ),
    "support_audit": (
        "Who did what to a company, and why: customers, support and the server.",
        {
            **_OF_COMPANY,
            "about": "What was decided on, for people.",
            "refs": "All that it names, as commands take them: 3-17, 3-18.",
            **_from(
                "audit", *("what", "who", "why", "at", "detail", "times", "last_at")
            ),
            "audit_id": "Number of the row within its company; rises with time.",
            "local_at": _LOCAL,
        },
    ),
    "support_words": (
        "What each state and each error means, and who must act.",
        {
            "what": "What happened, in a sentence.",
            **_from(
                "word", *("name", "topic", "who_must_act", "next_step", "more", "menu")
            ),
        },
    ),
}
