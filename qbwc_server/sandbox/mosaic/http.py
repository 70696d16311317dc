"""The sandbox's Mosaic over HTTP: paths, methods, headers and statuses.

Paths below `/api/<team>` are Mosaic's. Paths below `/sandbox` are ours, for tests in
other processes: state, writes, faults, settings and people at work.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.test import run_wsgi_app

from qbwc_server.sandbox.mosaic import lists
from qbwc_server.sandbox.mosaic.faults import FAULTS, ConnectionClosed, Fault
from qbwc_server.sandbox.mosaic.fields import SPECS, Refused
from qbwc_server.sandbox.mosaic.sandbox import Item, MosaicSandbox
from qbwc_server.sandbox.mosaic.team import Team
from qbwc_server.sandbox.mosaic.writes import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_LIST_KEYS = {
    "portfolio": "boards",
    "standard_work_category": "standard_work_categories",
    "activity_phase": "work_categories",
}
_ASKED = "qbwc.mosaic_sandbox"
_ID_IN_BODY = {"employee": "member_id", "time_entry": "time_entry_id"}
_PAGED = {"project", "phase", "activity_phase", "time_entry"}
_WITHOUT_DELETE = {"client", "standard_work_category"}


def application(sandbox: MosaicSandbox) -> WSGIApplication:
    """Return the whole application of a Mosaic, faults included."""
    return _Faulty(sandbox, _paths().wsgi_app)


def _mosaic() -> MosaicSandbox:
    """Return the Mosaic that the request is for."""
    found: MosaicSandbox = request.environ[_ASKED]
    return found


@cache
def _paths() -> Flask:
    """Make the paths: once a process, however many Mosaics it has."""
    app = Flask("mosaic-sandbox")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_blueprint(_api())
    app.register_blueprint(_control())

    @app.errorhandler(Refused)
    def refused(error: Refused) -> tuple[Response, int]:
        return jsonify(message=error.message), error.status

    @app.errorhandler(HTTPException)
    def unknown(error: HTTPException) -> tuple[Response, int]:
        return jsonify(message=error.name), error.code or 500

    @app.before_request
    def let_in() -> tuple[Response, int, dict[str, str]] | None:
        if not request.path.startswith("/api/"):
            return None
        sandbox = _mosaic()
        with sandbox.lock:
            sandbox.callers.add(request.remote_addr or "")
            sandbox.requests.append((request.method, request.full_path.rstrip("?")))
            team = _known(sandbox, request.path.split("/")[2])
            wait = sandbox.over_limit(team.api_key)
        if wait is None:
            return None
        headers = {"Retry-After": str(math.ceil(wait))}
        return jsonify(message="Too many requests"), 429, headers

    return app


def _known(sandbox: MosaicSandbox, team_id: str) -> Team:
    team = sandbox.teams.get(team_id)
    given = request.headers.get("Authorization", "")
    accepted = set()
    if team is not None:
        if sandbox.auth_scheme in ("raw", "either"):
            accepted.add(team.api_key)
        if sandbox.auth_scheme in ("bearer", "either"):
            accepted.add(f"Bearer {team.api_key}")
    if team is None or given not in accepted:
        raise Refused(401, "Invalid Authentication Key and/or Team ID")
    if not (request.headers.get("Origin") or request.headers.get("x-origin")):
        raise Refused(403, "Origin is missing")
    return team


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Refused(400, "The body must be a JSON object")
    return body


def _api() -> Blueprint:
    api = Blueprint("api", __name__, url_prefix="/api/<team_id>")

    def add(rule: str, method: str, view: Callable[..., Any]) -> None:
        def locked(team_id: str, **ids: int) -> Any:
            sandbox = _mosaic()
            with sandbox.lock:
                return view(sandbox.teams[team_id], **ids)

        api.add_url_rule(rule, f"{method} {rule}", locked, methods=[method])

    for data_type in SPECS:
        _add_type(data_type, add)

    def request_logs(team: Team) -> Any:
        if not _mosaic().dialect.keeps_log:
            raise Refused(404, "Not Found")
        if "data_type" not in request.args:
            raise Refused(422, "data_type can't be blank")
        request_id = request.args.get("api_request_id")
        log = _mosaic().log(team.team_id, request.args["data_type"], request_id)
        return jsonify(log)

    add("/request_logs", "GET", request_logs)
    return api


def _add_type(
    data_type: str, add: Callable[[str, str, Callable[..., Any]], None]
) -> None:
    """Add the paths of one data type: its list, creation, change and removal."""
    in_body = _ID_IN_BODY.get(data_type)

    def create(team: Team) -> Response:
        return _answer(
            team, "create", data_type, lambda sent: team.create(data_type, sent)
        )

    def update(team: Team, mosaic_id: int | None = None) -> Response:
        def apply(fields: Item) -> Item:
            number = fields.pop(in_body, None) if in_body else mosaic_id
            if not isinstance(number, int):
                raise Refused(422, f"{in_body} is invalid")
            return team.update(data_type, number, fields)

        return _answer(team, "update", data_type, apply)

    def remove(team: Team, mosaic_id: int | None = None) -> Response:
        def apply(fields: Item) -> Item | None:
            return _remove(team, data_type, mosaic_id, fields)

        return _answer(team, "delete", data_type, apply)

    has_index = data_type in ("portfolio", "phase", "employee")
    listing = _listing(data_type)
    add(f"/{data_type}/index" if has_index else f"/{data_type}", "GET", listing)
    if data_type == "phase":
        add("/phase", "GET", _phases_of_project(listing))
    add(f"/{data_type}", "POST", create)
    one = f"/{data_type}" if in_body else f"/{data_type}/<int:mosaic_id>"
    add(one, "PUT", update)
    if data_type not in _WITHOUT_DELETE:
        add(one, "DELETE", remove)


def _listing(data_type: str) -> Callable[[Team], Response]:
    def listing(team: Team) -> Response:
        dialect = _mosaic().dialect
        if "all" in request.args and not dialect.takes_all:
            raise Refused(422, "all is not allowed")
        found = lists.select(team, data_type, request.args)
        if data_type == "time_entry" and dialect.missing_number != "left out":
            lists.refuse_missing(team, request.args, int(dialect.missing_number))
        more = {"total_count": len(found)} if data_type == "project" else {}
        if data_type in _PAGED and "project_id" not in request.args:
            found = lists.page(found, request.args, _mosaic().largest_page)
            paged = data_type == "time_entry" and "offset" in request.args
            if paged and dialect.between_pages is not None:
                dialect.between_pages()
        chunks = lists.stream(
            _LIST_KEYS.get(data_type, data_type),
            found,
            lambda item: team.render(data_type, item),
            **more,
        )
        return Response(chunks, mimetype="application/json")

    return listing


def _phases_of_project(listing: Callable[..., Any]) -> Callable[..., Any]:
    def view(team: Team) -> Any:
        if "project_id" not in request.args:
            raise Refused(404, "Unable to find Project")
        return listing(team)

    return view


def _remove(
    team: Team, data_type: str, mosaic_id: int | None, fields: Item
) -> Item | None:
    if data_type == "time_entry":
        ids = fields.get("time_entry_ids")
        if not isinstance(ids, list) or not ids:
            raise Refused(422, "time_entry_ids can't be blank")
        team.delete_time_entries(ids)
        return None
    if data_type == "employee":
        mosaic_id = request.args.get("member_id", type=int)
    if fields.get("force_destroy") or fields.get("hard_delete"):
        # What this destroys is not public, and nobody here has any business with it.
        raise Refused(422, "the sandbox destroys nothing")
    if data_type == "phase" and "project_id" not in fields:
        raise Refused(422, "project_id can't be blank")
    archive = fields.get("force_archive") is True
    return team.remove(data_type, mosaic_id or 0, force_archive=archive)


def _answer(
    team: Team,
    op: str,
    data_type: str,
    apply: Callable[[Item], Item | None],
) -> Response:
    write = Request(op, data_type, request.method, _body())
    return jsonify(_mosaic().write(team, write, apply))


def _control() -> Blueprint:
    control = Blueprint("sandbox", __name__, url_prefix="/sandbox")

    @control.get("/state")
    def state() -> Response:
        sandbox = _mosaic()
        teams = {
            team_id: {name: sandbox.objects(name, team_id) for name in SPECS}
            for team_id in sandbox.teams
        }
        waiting = len(sandbox.outbox)
        return jsonify(
            teams=teams, requests=len(sandbox.requests), callbacks_waiting=waiting
        )

    @control.get("/writes")
    def writes() -> Response:
        return jsonify(_mosaic().writes)

    @control.post("/faults")
    def faults() -> Response:
        try:
            _mosaic().fail_next(**_body())
        except (TypeError, ValueError) as error:
            raise Refused(422, str(error)) from None
        return jsonify({})

    @control.post("/settings")
    def settings() -> Response:
        _set(_mosaic(), _body())
        return jsonify({})

    @control.post("/people/<any(create, edit, archive, delete_time_entry):deed>")
    def people(deed: str) -> Response:
        try:
            return jsonify(getattr(_mosaic(), deed)(**_body()) or {})
        except (TypeError, KeyError) as error:
            raise Refused(422, str(error)) from None

    return control


def _set(sandbox: MosaicSandbox, settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        if name == "callback_url":
            sandbox.team.callback_url = value
        elif name in ("answer_mode", "callback_shape", "auth_scheme"):
            setattr(sandbox, name, value)
        elif name in ("takes_all", "missing_number", "keeps_log"):
            setattr(sandbox.dialect, name, value)
        else:
            raise Refused(422, f"no setting called {name}")


class _Faulty:
    """The application with whatever goes wrong in front of it or behind it."""

    def __init__(self, sandbox: MosaicSandbox, inner: WSGIApplication) -> None:
        self._sandbox = sandbox
        self._inner = inner

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        environ[_ASKED] = self._sandbox
        parts = environ["PATH_INFO"].split("/")
        if parts[1] != "api":
            return self._inner(environ, start_response)
        data_type = parts[3] if len(parts) > 3 else ""
        with self._sandbox.lock:
            fault = self._sandbox.faults.take(
                environ["REQUEST_METHOD"], data_type, FAULTS
            )
        if fault is None:
            return self._inner(environ, start_response)
        if fault.kind == "slow" and fault.when == "before":
            self._sandbox.wait(fault.seconds)
            return self._inner(environ, start_response)
        if fault.when == "after":
            done = _carried_out(self._inner, environ)
            if fault.kind == "slow":
                self._sandbox.wait(fault.seconds)
                return done(environ, start_response)
        return _broken(fault)(environ, start_response)


def _carried_out(inner: WSGIApplication, environ: WSGIEnvironment) -> Response:
    """Carry out a request and hold its answer back."""
    body, status, headers = run_wsgi_app(inner, environ, buffered=True)
    return Response(body, status, headers)


def _broken(fault: Fault) -> Response:
    if fault.kind == "down":
        raise ConnectionClosed
    if fault.kind == "error":
        body = b'{"error":"Internal Server Error"}'
        return Response(body, 500, mimetype="application/json")
    if fault.kind == "html":
        page = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
        return Response(page, 502, mimetype="text/html")
    if fault.kind == "bad_json":
        return Response(_cut_off(), mimetype="application/json")
    answer = Response('{"message":"Too many requests"}', 429)
    answer.mimetype = "application/json"
    if fault.kind == "rate_limit":
        answer.headers["Retry-After"] = str(int(fault.seconds))
    return answer


def _cut_off() -> Iterator[bytes]:
    yield b'{"time_entry":[{"mosaic_id":1,"hours":"2'
