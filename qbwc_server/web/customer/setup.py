"""The first hour: the setup page with its steps, the .qwc file, the password.

Web Connector looks at "/", the support address of the .qwc file, when the file is added
and wants 200.
"""

from __future__ import annotations

from urllib.parse import quote

from flask import (
    Blueprint,
    Response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as Answer

from qbwc_server.companies import connection_file, credentials
from qbwc_server.companies.registry import Company
from qbwc_server.web.customer.site import BY, Site
from qbwc_server.words import qwc

_PARTS = frozenset({"connect", "overview"})
_HOW = {
    "added": "How to add it",
    "password": "The password",
    "file": "How to run it",
    "permission": "How to change it",
}
"""What is told with a step, by its id."""
_FIRST = frozenset({"added", "password", "file"})
"""What is done in one go, before Web Connector calls for the first time."""


def blueprint(site: Site) -> Blueprint:
    """Return GET /, /setup/<token> with what is below it, POST open and password."""
    pages = Blueprint("setup", __name__)

    def shown(
        token: str, company: Company, *, password: str | None = None, status: int = 200
    ) -> Response:
        link = f"/setup/{token}/{qwc.file_name(company.name)}"
        return site.page(
            "connect",
            token,
            company,
            status=status,
            active="connect",
            link=link,
            address=f"{site.settings.public_url}/setup/{token}",
            password=password,
            how=_HOW,
            first=_FIRST,
            oldest=site.settings.minimum_web_connector,
            shows_passwords=credentials.shows_passwords(company, site.clock()),
        )

    @pages.get("/")
    def support() -> str:
        return render_template("support.html")

    @pages.get("/setup/<token>")
    def start(token: str) -> Answer:
        company = site.company(token)
        if company.mode == "live" and company.file_name is not None:
            return redirect(url_for("every_hour.overview", token=token))
        return shown(token, company)

    pages.add_url_rule(
        "/setup/<token>/open", "open", view_func=site.opened, methods=["POST"]
    )

    @pages.get("/setup/<token>/connect")
    def first_hour(token: str) -> Response:
        return shown(token, site.company(token))

    @pages.post("/setup/<token>/password")
    def password(token: str) -> Response:
        company = site.company(token)
        if not credentials.shows_passwords(company, site.clock()):
            return shown(token, company, status=403)
        made = credentials.new_password(
            site.engine, site.keys, company.id, now=site.clock(), who=BY
        )
        # Told in this answer and nowhere else: it is stored only as a hash.
        return shown(token, company, password=made)

    @pages.get("/setup/<token>/live")
    def live(token: str) -> Answer:
        company = site.company(token)
        part = request.args.get("part", "connect")
        part = part if part in _PARTS else "connect"
        return site.part(part, token, **site.stand(company))

    @pages.get("/setup/<token>/<name>.qwc")
    def file(token: str, name: str) -> Response:
        del name
        company = site.company(token)
        content = connection_file.qwc_of(company, site.settings.public_url)
        answer = Response(content, mimetype="application/x-qwc")
        # RFC 6266: the name in its own script, and one for what reads ASCII alone.
        full = quote(qwc.full_file_name(company.name), safe="")
        names = {
            "filename": qwc.file_name(company.name),
            "filename*": f"UTF-8''{full}",
        }
        answer.headers.set("Content-Disposition", "attachment", **names)
        return answer

    return pages
