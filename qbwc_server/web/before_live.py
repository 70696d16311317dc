"""Before going live: what would be done, what is unmatched, and the button."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, url_for
from werkzeug.wrappers import Response as Answer

from qbwc_server import companies, preview, standing
from qbwc_server.companies import Company
from qbwc_server.progress import Tick
from qbwc_server.web.site import BY, Site

_LISTS = {"people": "People", "jobs": "Customers and jobs", "items": "Service items"}
_MOST = 100
"""Lines of each list on the page; the download of records has all."""
_READY = frozenset({Tick.DONE, Tick.REMARK})


def blueprint(site: Site) -> Blueprint:
    """Return /setup/<token>/preview, and POST go-live."""
    pages = Blueprint("before_live", __name__)

    def shown(
        token: str,
        company: Company,
        *,
        notice: str = "",
        status: int = 200,
        **told: Any,
    ) -> Response:
        values = {"planned": None, **told}
        return site.page(
            "preview",
            token,
            company,
            status=status,
            active="preview",
            notice=notice,
            would=preview.WOULD,
            plurals=standing.PLURALS,
            lists=_LISTS,
            most=_MOST,
            **values,
        )

    @pages.get("/setup/<token>/preview")
    def look(token: str) -> Response:
        return shown(token, site.company(token))

    @pages.post("/setup/<token>/preview")
    def plan(token: str) -> Response:
        # Planning takes as long as the company is large: only when somebody asks.
        company = site.company(token)
        made = preview.preview(site.engine, company, site.settings, site.clock)
        return shown(token, company, planned=made)

    @pages.post("/setup/<token>/go-live")
    def go_live(token: str) -> Answer:
        company = site.company(token)
        steps = {step.id: step for step in site.stand(company)["steps"]}
        left = [
            step.title
            for step in steps.values()
            if step.id != "live" and step.tick not in _READY
        ]
        if left:
            said = f"Not yet. Before that: {', '.join(left).lower()}."
            return shown(token, company, notice=said, status=409)
        if company.mode == "preview":
            companies.set_values(
                site.engine, company.id, now=site.clock(), who=BY, mode="live"
            )
        return redirect(url_for("before_live.look", token=token), 303)

    return pages
