"""What the tables about Mosaic mean, and those that are nobody's in particular."""

from __future__ import annotations

from typing import Final

from qbwc_server.storage.meanings.tables import OWN, Meanings

MOSAIC_TABLES: Final[Meanings] = {
    "mosaic_object": (
        "Mosaic's lists as they were last read.",
        {
            "company_id": OWN["company_id"],
            "data_type": "What it is: client, project, phase, employee, ...",
            "mosaic_id": "Its number in Mosaic.",
            "name": "Its name.",
            "match_key": "What it is recognised by.",
            "name_key": "Its name, without case and spaces.",
            "near_key": "What similar names have in common.",
            "is_archived": "Whether it is archived.",
            "snapshot": "What Mosaic has.",
            "seen_in": "The read that saw it last.",
            "misses": "How many complete reads did not show it.",
        },
    ),
    "mosaic_claim": (
        "Which objects of a Mosaic team its company files are linked to.",
        {
            "team": "The Mosaic server and team.",
            "data_type": "What it is in Mosaic.",
            "mosaic_id": "Its number in Mosaic.",
            "holder": "Number of the company that is linked to it.",
            "meant": "Whether a person said that it is shared.",
            "since": "Since when.",
        },
    ),
    "time_claim": (
        "Which company file of a Mosaic team a time entry in Mosaic belongs to.",
        {
            "team": "The Mosaic server and team.",
            "mosaic_id": "The entry's number in Mosaic.",
            "held_by": "Number of the company; nothing: one that was forgotten.",
            "txn_hash": "What recognises the entry in a forgotten company's file.",
            "since": "Since when.",
        },
    ),
    "time_rule": (
        "Whose the hours are that were entered in Mosaic on what company files share.",
        {
            "team": "The Mosaic server and team.",
            "member_id": "The person's number in Mosaic; 0: all on the project.",
            "project_id": "The project's number in Mosaic.",
            "held_by": "Number of the company that they belong to.",
            "said_by": "Number of the company for which somebody said so.",
            "since": "Since when.",
        },
    ),
    "preview_result": (
        "The last preview of each company.",
        {
            "company_id": OWN["company_id"],
            "made_at": "When it was made.",
            "milliseconds": "How long that took.",
            "result": "What the live sync would do.",
        },
    ),
    "mosaic_call": (
        "Writes to Mosaic, kept before they leave.",
        {
            **OWN,
            "state": "sent, accepted, unsure, done, refused or absent.",
            "operation": "create, update, archive or delete.",
            "data_type": "What is written in Mosaic.",
            "record_id": "The record it is for.",
            "mosaic_id": "Its number in Mosaic.",
            "reason": "Why it is in its state.",
            "fields": "What is written.",
            "basis": "What was known when it was planned.",
            "match_key": "What it is recognised by if its answer is lost.",
            "ref": "Our name for it, which Mosaic calls back with.",
            "api_request_id": "Mosaic's name for it, for Mosaic's support.",
            "created_at": "When it was sent.",
            "check_at": "When its outcome is looked for next.",
            "settled_at": "When its outcome was known.",
            "looks": "How often its outcome was looked for.",
            "asked": "The numbers in Mosaic of which a person is asked if one is it.",
            "due_since": "Since when what it brings was due.",
        },
    ),
    "mosaic_callback": (
        "What Mosaic called back with.",
        {
            **OWN,
            "received_at": "When it came.",
            "handled_at": "When it was worked with.",
            "ref": "Our name for the write it is about.",
            "api_request_id": "Mosaic's name for it.",
            "data_type": "What it is about in Mosaic.",
            "body": "All that it said.",
        },
    ),
    "mosaic_budget": (
        "How many requests Mosaic takes of each key now.",
        {
            "key_hash": "Keyed hash of the API key.",
            "tokens": "How many requests may be sent now.",
            "refilled_at": "When that was counted.",
            "blocked_until": "Mosaic said to wait until then.",
        },
    ),
    "support_token": (
        "Who may use the support console.",
        {
            "name": "The name that somebody logs in with; it stands in the audit.",
            "may_act": "Whether he may change something, or only look.",
            "made_by": "Who made the token.",
            "made_at": "When it was made.",
            "last_login_at": "When somebody last logged in with it.",
            "token_hash": "Keyed hash of the token.",
            "login_from": "Keyed hash of the address of the last login.",
            "round": "Rises when he logs out: what was signed before opens nothing.",
        },
    ),
    "support_login": (
        "Logins to the support console, in each hour those of a kind in one row.",
        {
            "hour": "The hour it was in.",
            "who": "The name, or unknown for one that there is not.",
            "what": "What was done: logged in, refused, logged out, or of a token.",
            "peer": "The caller's network address.",
            "times": "How often in that hour.",
            "last_at": "When last.",
        },
    ),
    "login_failure": (
        "Wrong passwords, counted to slow down guessers.",
        {
            "who": "Keyed hash of a name, an address or both.",
            "failures": "How many.",
            "last_at": "When the last one came.",
        },
    ),
    "database_mark": (
        "By which an earlier moment of this database is noticed; one row.",
        {
            "one": "Always true.",
            "installation": "The system identifier of PostgreSQL, as noted last.",
            "timeline": "Its timeline, as noted last.",
            "database": "The number of this database in it, as noted last.",
            "epoch": "How often it was noticed to be an earlier moment of itself.",
            "beats": "How often a process of ours has said that it is there.",
            "handover_until": "Until when another place of it is no earlier "
            "moment, as an operator has said.",
            "noticed_at": "When it was noticed last.",
            "noticed": "By what.",
        },
    ),
    "heartbeat": (
        "Which of our servers are up, and when the last backup was made.",
        {
            "name": "server, worker, or backup.",
            "at": "When it was last heard of.",
            "up_since": "Since when it is up without a gap.",
        },
    ),
    "outage": (
        "When none of our servers, or none of our workers, was up.",
        {
            "name": "server or worker.",
            "began_at": "When one was last heard of before it.",
            "ended_at": "When one was heard of again.",
        },
    ),
    "forgotten_company": (
        "Companies that were forgotten; nothing else is known of them.",
        {
            "number": "The number that the company had.",
            "at": "When it was forgotten.",
            "who": "Who did it.",
        },
    ),
    "failed_login": (
        "Wrong passwords of Web Connector, by the address that they came from.",
        {
            "company_id": "Number of the company whose user name came with them.",
            "address": "The network address, or others, when it was one of many.",
            "whose": "customer: its Web Connector calls from there; stranger: from "
            "elsewhere; unknown: it never called.",
            "first_at": "When the first came.",
            "last_at": "When the last came.",
            "times": "In how many minutes one came.",
        },
    ),
    "word": (
        "What each state and each error means, from the program's own table of words.",
        {
            "topic": "A kind of record, job, session, and so on, or of code: hresult, "
            "status, web_connector.",
            "name": "The state, the id of an attention, or the code.",
            "happened": "What happened, in a sentence.",
            "who_must_act": "nobody, customer or support.",
            "next_step": "What to do, in a sentence.",
            "more": "What else there is to know.",
            "menu": "Where in QuickBooks it is found.",
        },
    ),
}
