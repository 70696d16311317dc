"""The customer has his connection rest, and go on: asked back, with what it means."""

from __future__ import annotations

import contextlib
from typing import Final

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from qbwc_server.decisions import company_settings
from qbwc_server.decisions.company_settings import PausedBySupport
from qbwc_server.web.asked import line
from qbwc_server.web.customer.site import BY, Site
from qbwc_server.words.customer.pauses import CUSTOMER

_LONGEST_WHY: Final = 120
"""Shorter than what Web Connector's Status shows."""


def blueprint(site: Site) -> Blueprint:
    """Return /setup/<token>/pause, which asks back, and /setup/<token>/resume."""
    pages = Blueprint("pausing", __name__)

    def back(token: str) -> Answer:
        return redirect(url_for("every_hour.overview", token=token), 303)

    @pages.get("/setup/<token>/pause")
    def sure(token: str) -> Answer:
        company = site.company(token)
        _require_may_switch(site)
        if company.mode == "paused":
            return back(token)
        return site.page(
            "pausing", token, company, active="overview", most=_LONGEST_WHY
        )

    @pages.post("/setup/<token>/pause")
    def pause(token: str) -> Answer:
        company = site.company(token)
        _require_may_switch(site)
        why = line(request.form.get("why", ""), _LONGEST_WHY) or None
        company_settings.pause(
            site.engine, company, now=site.clock(), who=BY, why=why, by=CUSTOMER
        )
        return back(token)

    @pages.post("/setup/<token>/resume")
    def resume(token: str) -> Answer:
        company = site.company(token)
        _require_may_switch(site)
        # Whose page is older than a pause by support is told there whom to ask.
        with contextlib.suppress(PausedBySupport):
            company_settings.resume(
                site.engine, company, now=site.clock(), who=BY, by=CUSTOMER
            )
        return back(token)

    return pages


def _require_may_switch(site: Site) -> None:
    if not site.settings.customer_may_switch:
        abort(403)
