"""The runs of Web Connector, and its log explained to whoever sends it."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from qbwc_server.companies.registry import Company
from qbwc_server.onboarding import company_status
from qbwc_server.storage.database import company_reading
from qbwc_server.web.customer import chart
from qbwc_server.web.customer.site import Site
from qbwc_server.words import qwclog
from qbwc_server.words.qwclog import Finding, NoLog

_RUNS = 50
MOST_SENT = qwclog.MOST_BYTES + 10_000
"""With what a form adds to the file that is sent with it."""
_TOO_LARGE = "That is more than 5 MB, so it was not read."


def blueprint(site: Site) -> Blueprint:
    """Return GET and POST /setup/<token>/runs; what is posted is a QWCLog.txt."""
    pages = Blueprint("runs", __name__)

    @pages.get("/setup/<token>/runs")
    def all_(token: str) -> Response:
        return told(token, site.company(token))

    @pages.post("/setup/<token>/runs")
    def explain(token: str) -> Response:
        company = site.company(token)
        # Read into memory, explained in this answer, and kept nowhere.
        request.max_content_length = MOST_SENT
        try:
            log = request.files.get("log")
        except RequestEntityTooLarge:
            return too_large(token, company)
        if log is None or not log.filename:
            return told(token, company, notice="Choose a file first.", status=400)
        data = log.read(qwclog.MOST_BYTES + 1)
        if len(data) > qwclog.MOST_BYTES:
            return too_large(token, company)
        try:
            found = qwclog.read(data)
        except NoLog as no_log:
            return told(token, company, notice=str(no_log), instead="log", status=400)
        return told(token, company, findings=found)

    def too_large(token: str, company: Company) -> Response:
        return told(token, company, notice=_TOO_LARGE, instead="end", status=413)

    def told(
        token: str,
        company: Company,
        *,
        findings: Sequence[Finding] | None = None,
        notice: str = "",
        instead: str = "",
        status: int = 200,
    ) -> Response:
        with company_reading(site.engine, company.id) as connection:
            rows = company_status.latest_runs(connection, company.id, _RUNS)
            days = company_status.days(connection, company.id, site.clock())
        return site.page(
            "runs",
            token,
            company,
            status=status,
            active="runs",
            findings=findings,
            notice=notice,
            instead=instead,
            most_bytes=qwclog.MOST_BYTES,
            runs=rows,
            went_wrong=company_status.went_wrong,
            chart=chart.draw(days),
        )

    return pages
