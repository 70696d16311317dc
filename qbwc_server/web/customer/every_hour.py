"""Every hour after: where the records stand, and what needs somebody."""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from qbwc_server import words
from qbwc_server.decisions import alert_addresses, company_settings, listing
from qbwc_server.decisions.questions import of_entry
from qbwc_server.onboarding import company_status
from qbwc_server.standing.who_must_act import SHOWN
from qbwc_server.storage.database import company_reading
from qbwc_server.web.customer import chart
from qbwc_server.web.customer.choosing import LISTS
from qbwc_server.web.customer.site import BY, Site, after
from qbwc_server.words.policies import POLICIES

_LATEST = 5


def blueprint(site: Site) -> Blueprint:
    """Return the pages below /setup/<token> for a connection that works."""
    pages = Blueprint("every_hour", __name__)

    @pages.get("/setup/<token>/overview")
    def overview(token: str) -> Response:
        company = site.company(token)
        with company_reading(site.engine, company.id) as connection:
            runs = company_status.latest_runs(connection, company.id, _LATEST)
            days = company_status.days(connection, company.id, site.clock())
            told = alert_addresses.standing(
                connection, site.keys, company.id, site.clock()
            )
        return site.page(
            "overview",
            token,
            company,
            active="overview",
            runs=runs,
            went_wrong=company_status.went_wrong,
            chart=chart.draw(days),
            lists=LISTS,
            groups=listing.GROUPS,
            sends_mail=site.sends_mail,
            alerted=[one.shown for one in told if one.confirmed_at],
        )

    _add_rules(pages, site)

    @pages.get("/setup/<token>/records")
    def records(token: str) -> Response:
        company = site.company(token)
        need = request.args.get("need", "needs_you")
        kind = request.args.get("kind") or None
        if need not in words.NEEDS or kind not in {None, *SHOWN}:
            abort(404)
        with company_reading(site.engine, company.id) as connection:
            kinds = list(SHOWN) if kind is None else [kind]
            rows, following = listing.rows(
                connection, company.id, kinds, need, after=after()
            )
            ways = of_entry.of_all(connection, rows)
        return site.page(
            "records",
            token,
            company,
            active="records",
            rows=rows,
            ways=ways,
            said=request.args.get("said") == "done",
            following=following,
            need=need,
            kind=kind,
            plurals=SHOWN,
        )

    return pages


def _add_rules(pages: Blueprint, site: Site) -> None:
    """Add what the customer decides for all of his time."""

    @pages.post("/setup/<token>/two-way")
    def two_way(token: str) -> Answer:
        company = site.company(token)
        if not site.settings.customer_may_switch:
            abort(403)
        on = request.form.get("two_way") == "on"
        if on != company.two_way:
            company_settings.set_values(
                site.engine, company.id, now=site.clock(), who=BY, two_way=on
            )
        return redirect(url_for("every_hour.overview", token=token), 303)

    @pages.post("/setup/<token>/rule")
    def rule(token: str) -> Answer:
        company = site.company(token)
        if not site.settings.customer_may_switch:
            abort(403)
        chosen = request.form.get("rule", "")
        if chosen not in {one.id for one in POLICIES}:
            abort(400)
        if chosen != company.policy:
            company_settings.set_values(
                site.engine, company.id, now=site.clock(), who=BY, policy=chosen
            )
        page = (
            "before_live.look" if company.mode == "preview" else "every_hour.overview"
        )
        return redirect(url_for(page, token=token), 303)
