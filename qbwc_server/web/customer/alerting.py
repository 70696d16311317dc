"""Addresses that are told what is wrong: typed on a customer's page, ended by a link.

Rule: whoever opens a link changes nothing by that, because programs that look at mails
open links, too; a button does. The link is all that is known of who has the mail.
"""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as Answer

from qbwc_server import logs
from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import alert_addresses
from qbwc_server.decisions.alert_addresses import AddressRefused, AlertAddress
from qbwc_server.storage.database import company_reading
from qbwc_server.web.customer.site import BY, Site

_ASKED = "A mail is on its way there: it has a link that confirms the address."


def blueprint(site: Site) -> Blueprint:
    """Return /setup/<token>/alerts for the customer, and /alerts/<link> of the mails.

    Where the server sends no mail there is no such page of a customer.
    """
    pages = Blueprint("alerting", __name__)

    def shown(
        token: str, company: Company, *, notice: str = "", status: int = 200
    ) -> Response:
        with company_reading(site.engine, company.id) as connection:
            found = alert_addresses.standing(
                connection, site.keys, company.id, site.clock()
            )
        return site.page(
            "alerts",
            token,
            company,
            status=status,
            active="overview",
            addresses=found,
            notice=notice,
            most=alert_addresses.MOST,
            longest=alert_addresses.LONGEST,
        )

    def sending(token: str) -> Company:
        company = site.company(token)
        if not site.sends_mail:
            abort(404)
        return company

    @pages.get("/setup/<token>/alerts")
    def look(token: str) -> Response:
        company = sending(token)
        asked = request.args.get("said") == "asked"
        return shown(token, company, notice=_ASKED if asked else "")

    @pages.post("/setup/<token>/alerts")
    def add(token: str) -> Answer:
        company = sending(token)
        typed, now = request.form.get("address", ""), site.clock()
        try:
            alert_addresses.ask(site.engine, site.keys, company, typed, now=now, who=BY)
        except AddressRefused as error:
            return shown(token, company, notice=error.support, status=409)
        return redirect(url_for("alerting.look", token=token, said="asked"), 303)

    @pages.post("/setup/<token>/alerts/<int:number>/end")
    def remove(token: str, number: int) -> Answer:
        company = sending(token)
        alert_addresses.end(site.engine, company.id, number, now=site.clock(), who=BY)
        return redirect(url_for("alerting.look", token=token), 303)

    _add_of_mails(pages, site)
    return pages


def _add_of_mails(pages: Blueprint, site: Site) -> None:
    """Add the page that the links in mails open, and what its buttons do."""

    def found(link: str) -> AlertAddress:
        address = alert_addresses.linked(site.engine, site.keys, link, site.clock())
        if address is None:
            abort(404)
        logs.about(company=address.company_id)
        return address

    def told(link: str) -> Response:
        address = found(link)
        company = registry.numbered(site.engine, address.company_id)
        page = render_template(
            "alert_link.html", company=company, address=address, action=request.path
        )
        return make_response(page, 200 if address.is_open else 410)

    @pages.get("/alerts/<link>")
    def opened(link: str) -> Response:
        return told(link)

    @pages.post("/alerts/<link>")
    def said(link: str) -> Answer:
        address = found(link)
        number, now = (address.company_id, address.id), site.clock()
        do = request.form.get("do", "")
        if do == "confirm":
            alert_addresses.confirm(site.engine, site.keys, *number, now=now)
        elif do == "end" or request.form.get("List-Unsubscribe") == "One-Click":
            who = alert_addresses.BY_LINK
            alert_addresses.end(site.engine, *number, now=now, who=who)
        else:
            abort(400)
        return told(link)
