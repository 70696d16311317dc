"""Which company file is open: judged from the answers of the session's first call.

Web Connector sends, once per session, what QuickBooks says of itself (HostQuery), of
the open company (CompanyQuery, with our FileID under our OwnerID) and of its settings
(PreferencesQuery). The file is known by our FileID, then by its company name. A copy
of a file carries the FileID too, so of one that has both another name and another path
a person says whether it is a moved one. Nothing is read before this was judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qbwc_server import words
from qbwc_server.companies.registry import Company
from qbwc_server.qbxml.request import Request
from qbwc_server.qbxml.response import Fields, MessageSet, Ret

OLDEST_QBXML = (6, 0)
"""TimeTracking can be changed and has a billable status since 6.0 (QuickBooks 2007)."""
_PREFERRED_QBXML = (13, 0)
_PATHS = 5
MOVED_OR_COPIED = "moved_or_copied"
"""In `company.host`: what was open last, where that may be the file itself."""
_NAME = 40
"""As much of a name is shown: what to do must still fit behind two of them."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """What QuickBooks says of itself and of the open company."""

    company_name: str
    file_id: str
    app_lock: str
    host: Mapping[str, Any]
    versions: tuple[tuple[int, int], ...]

    @property
    def qbxml_version(self) -> str:
        """The version to speak: 13.0, or the highest that it understands."""
        major, minor = min(_PREFERRED_QBXML, max(self.versions, default=(13, 0)))
        return f"{major}.{minor}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether to go on; `problem` is said to the customer, `notes` go to the audit.

    `warning` is the id of something that the customer should know and that stops
    nothing.
    """

    problem: str | None
    problem_id: str | None
    changes: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    warning: str | None = None


def questions(owner_id: str) -> tuple[Request, ...]:
    """Return our own requests for the same three answers, when none came.

    CompanyRet can carry tax and social security numbers: only what tells the file is
    asked for.
    """
    company = (
        ("IncludeRetElement", "CompanyName"),
        ("IncludeRetElement", "DataExtRet"),
        ("OwnerID", owner_id),
    )
    return (
        Request("HostQueryRq", request_id="0"),
        Request("CompanyQueryRq", company, request_id="1"),
        Request("PreferencesQueryRq", request_id="2"),
    )


def read(answers: MessageSet, owner_id: str) -> OpenFile | None:
    """Return who is there, or None if the answers do not name a company."""
    rets = {ret.type: ret for answer in answers.answers for ret in answer.rets}
    company = rets.get("Company")
    if company is None or not company.text("CompanyName"):
        return None
    values = {
        str(one.get("DataExtName", "")): str(one.get("DataExtValue", ""))
        for one in company.all("DataExtRet")
        if isinstance(one, dict) and _same(one.get("OwnerID"), owner_id)
    }
    host = rets.get("Host", Ret("Host", {}))
    return OpenFile(
        company_name=company.text("CompanyName"),
        file_id=values.get("FileID", ""),
        app_lock=values.get("AppLock", ""),
        host={
            **_host(host, rets.get("Preferences", Ret("Preferences", {}))),
            # While an Accountant's Copy is out, nothing is changed up to that day.
            "dividing_date": company.text("AccountantCopy", "DividingDate") or None,
        },
        versions=tuple(
            version
            for text in host.all("SupportedQBXMLVersion")
            if (version := _version(text)) is not None
        ),
    )


def judge(company: Company, file: OpenFile, path: str) -> Judgement:
    """Decide whether the open file is the one that the company is bound to."""
    if file.file_id and not _same(file.file_id, company.file_id):
        return _wrong(company, file)
    if company.file_name is not None:
        renamed = file.company_name != company.file_name
        moved = bool(path) and bool(company.file_path) and path != company.file_path
        # Without our FileID only the same name at the same place is the same file.
        if renamed and moved and file.file_id:
            return _wrong(company, file, {"name": file.company_name, "path": path})
        if (renamed or moved) and not file.file_id:
            return _wrong(company, file)
    else:
        renamed = moved = False
    if file.versions and max(file.versions) < OLDEST_QBXML:
        problem = "quickbooks-too-old"
        return Judgement(words.attention(problem).said, problem, {})
    # One file has several paths, by a drive and by the network: each is told once.
    paths = list((company.host or {}).get("paths", [company.file_path or ""]))
    moved = moved and path not in paths
    notes = [f"The company file is bound: {file.company_name}, {path}."]
    if company.file_name is not None:
        notes = []
        if renamed:
            notes.append(f"Renamed from {company.file_name} to {file.company_name}.")
        if moved:
            notes.append(f"Moved from {company.file_path} to {path}.")
    return Judgement(
        None,
        None,
        {
            "file_name": file.company_name,
            "file_path": path or company.file_path,
            "host": {
                **file.host,
                "qbxml_version": file.qbxml_version,
                "paths": [*(one for one in paths if one and one != path), path][
                    -_PATHS:
                ],
            },
        },
        tuple(notes),
        "company-file-moved" if renamed or moved else None,
    )


def _wrong(
    company: Company, file: OpenFile, moved: Mapping[str, str] | None = None
) -> Judgement:
    """Stop; what was `moved`, or copied, is kept: a word of a person is about it."""
    host = {**(company.host or {}), MOVED_OR_COPIED: moved}
    return Judgement(
        f"The open company is {words.fitting(file.company_name, _NAME)}; this "
        f"connection is for {words.fitting(company.file_name or company.name, _NAME)}. "
        "Open that company file in QuickBooks, "
        "then run the update again.",
        "wrong-company-file",
        {"host": host} if host[MOVED_OR_COPIED] != is_asked(company) else {},
    )


def is_asked(company: Company) -> Mapping[str, str] | None:
    """Return name and path of what a person may say is the company's file, if any.

    It was open last, and carries our FileID.
    """
    found: Mapping[str, str] | None = (company.host or {}).get(MOVED_OR_COPIED)
    return found


def _host(host: Ret, preferences: Ret) -> dict[str, Any]:
    return {
        "product": host.text("ProductName"),
        "release": f"{host.text('MajorVersion')}.{host.text('MinorVersion')}",
        "country": host.text("Country"),
        "file_mode": host.text("QBFileMode"),
        "class_tracking": preferences.text(
            "AccountingPreferences", "IsUsingClassTracking"
        )
        == "true",
        "closing_date": preferences.text("AccountingPreferences", "ClosingDate")
        or None,
        "time_tracking": "TimeTrackingPreferences" in preferences.fields,
        "automatic_login": preferences.text(
            "CurrentAppAccessRights", "IsAutomaticLoginAllowed"
        )
        == "true",
        "personal_data": preferences.text(
            "CurrentAppAccessRights", "IsPersonalDataAccessAllowed"
        )
        == "true",
    }


def _same(one: object, other: str) -> bool:
    return (
        isinstance(one, str) and one.strip("{} ").lower() == other.strip("{} ").lower()
    )


def _version(text: str | Fields) -> tuple[int, int] | None:
    if not isinstance(text, str):
        return None
    major, _, minor = text.partition(".")
    if not major.isdigit():
        return None  # old Canadian and British editions say "CA3.0"
    return int(major), int(minor) if minor.isdigit() else 0
