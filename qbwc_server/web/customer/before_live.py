"""Before going live: what would be done, what is unmatched, and the button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from qbwc_server.companies.registry import Company
from qbwc_server.onboarding import at_stake, forecast, preview
from qbwc_server.onboarding.going_live import NotReady
from qbwc_server.records.references import PEOPLE
from qbwc_server.standing import who_must_act
from qbwc_server.storage.database import company_reading, company_transaction
from qbwc_server.web.asked import whole
from qbwc_server.web.customer.choosing import LISTS
from qbwc_server.web.customer.site import BY, Site

_MOST = 100
"""Lines of time on the page."""


def blueprint(site: Site) -> Blueprint:
    """Return /setup/<token>/preview with its live part, and go-live that asks back."""
    pages = Blueprint("before_live", __name__)

    def shown(
        token: str,
        company: Company,
        *,
        reasons: list[str] | None = None,
        status: int = 200,
    ) -> Response:
        return site.page(
            "preview",
            token,
            company,
            status=status,
            active="preview",
            reasons=reasons or [],
            **kept(company),
        )

    def kept(company: Company) -> dict[str, Any]:
        with company_reading(site.engine, company.id) as connection:
            found = forecast.last(connection, company.id)
            asked = forecast.is_due(connection, company.id, site.clock())
        return {
            "kept": found,
            "asked": asked,
            "would": preview.WOULD,
            "plurals": who_must_act.SHOWN,
            "lists": LISTS,
            "most": _MOST,
            **_at_stake(site, found),
        }

    @pages.get("/setup/<token>/preview")
    def look(token: str) -> Response:
        return shown(token, site.company(token))

    @pages.get("/setup/<token>/preview/live")
    def live(token: str) -> Answer:
        company = site.company(token)
        return site.part("preview", token, company=company, **kept(company))

    @pages.post("/setup/<token>/preview")
    def ask(token: str) -> Answer:
        # Planning takes as long as the company is large: the worker does it.
        company = site.company(token)
        with company_transaction(site.engine, company.id) as connection:
            forecast.ask(connection, company.id, site.clock())
        return redirect(url_for("before_live.look", token=token), 303)

    _add_go_live(pages, site, shown, kept)
    return pages


def _add_go_live(
    pages: Blueprint,
    site: Site,
    shown: Callable[..., Response],
    kept: Callable[[Company], dict[str, Any]],
) -> None:
    """Add the page that asks back, and what its button says."""

    @pages.get("/setup/<token>/go-live")
    def sure(token: str) -> Answer:
        company = site.company(token)
        told = kept(company)
        if company.mode != "preview" or told["stake"] is None:
            # Nobody says yes to what he was not shown.
            nothing = ["Look at what would be done: press Show what would be done."]
            reasons = nothing if company.mode == "preview" else None
            return shown(token, company, reasons=reasons)
        return site.page("going_live", token, company, active="preview", **told)

    @pages.post("/setup/<token>/go-live")
    def go_live(token: str) -> Answer:
        company = site.company(token)
        if company.mode == "preview":
            try:
                forecast.go_live(
                    site.engine, company, site.clock, who=BY, shown=_shown()
                )
            except NotReady as error:
                return shown(token, company, reasons=error.reasons, status=409)
        return redirect(url_for("before_live.look", token=token), 303)


def _at_stake(site: Site, found: forecast.Kept | None) -> dict[str, Any]:
    """Return what going live writes, and how long it takes at Mosaic's rate."""
    stake = None if found is None else at_stake.of(found.told, frozenset(PEOPLE))
    settings = site.settings
    rate = (settings.mosaic_requests, settings.mosaic_window_seconds)
    takes = None if stake is None else stake.takes(*rate)
    return {"stake": stake, "takes": takes, "rate": rate}


def _shown() -> tuple[int, int] | None:
    """Return the entries and minutes that the form was shown with, if any were."""
    entries = request.form.get("entries", type=whole)
    minutes = request.form.get("minutes", type=whole)
    return None if entries is None or minutes is None else (entries, minutes)
