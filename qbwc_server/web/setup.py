"""The pages for a customer: the support address of the .qwc file, and the file itself.

Web Connector looks at the support address when the file is added and wants 200.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template_string
from sqlalchemy.engine import Engine

from qbwc_server import connect, qwc, tokens
from qbwc_server.companies import Company
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings

_FRAME = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>QuickBooks and Mosaic</title>
<style nonce="{{ nonce() }}">body{font:1.05rem/1.5 system-ui,sans-serif;
max-width:40rem;margin:3rem auto;padding:0 1rem}</style>
<main>{% block main %}{{ main }}{% endblock %}</main></html>"""
_SUPPORT = """<h1>QuickBooks and Mosaic</h1><p>This address connects QuickBooks Desktop
to Mosaic through QuickBooks Web Connector. Your setup page has your connection file and
what to do with it; the address was given to you with your user name.</p>"""
_SETUP = """<h1>Connect {{ company.name }}</h1><ol>
<li>Open this company file in QuickBooks as Admin, in single-user mode.</li>
<li><a href="{{ link }}" download>Download the connection file</a> and open it.</li>
<li>In QuickBooks choose "Yes, always; allow access even if QuickBooks is not running".
</li>
<li>In Web Connector enter the password you were given, press Enter, and tick
Auto-Run.</li></ol><p>Your user name is <code>{{ company.username }}</code>.</p>
{% if company.attention %}<p role="alert"><strong>{{ company.attention }}</strong></p>
{% endif %}"""


def blueprint(engine: Engine, keys: Keys, settings: Settings) -> Blueprint:
    """Return GET /, /setup/<token> and the .qwc file below it."""
    pages = Blueprint("setup", __name__)

    def find(token: str) -> Company:
        company = tokens.company_of(engine, keys, "setup", token)
        if company is None:
            abort(404)
        return company

    @pages.get("/")
    def support() -> str:
        return render_template_string(_FRAME.replace("{{ main }}", _SUPPORT))

    @pages.get("/setup/<token>")
    def setup(token: str) -> str:
        page = _FRAME.replace("{{ main }}", _SETUP)
        company = find(token)
        link = f"/setup/{token}/{qwc.file_name(company.name)}"
        return render_template_string(page, company=company, link=link)

    @pages.get("/setup/<token>/<name>.qwc")
    def file(token: str, name: str) -> Response:
        del name
        company = find(token)
        content = connect.qwc_of(company, settings.public_url)
        return Response(content, mimetype="application/x-qwc")

    return pages
