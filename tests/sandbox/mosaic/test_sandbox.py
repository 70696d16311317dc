"""The sandbox's Mosaic is as strict as the API, and breaks on command."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from qbwc_server.sandbox.mosaic.faults import ConnectionClosed
from qbwc_server.sandbox.mosaic.http import application
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.server import serve

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = "k"
HEADERS = {"Authorization": KEY, "Origin": "sync.example"}
HOOK = "http://hook.invalid/"


class World:
    """A sandbox, its time, and what it posted."""

    def __init__(self, **settings: Any) -> None:
        self.now = NOON
        self.posted: list[dict[str, Any]] = []
        self.waited: list[float] = []
        self.mosaic = MosaicSandbox(
            api_key=KEY,
            clock=lambda: self.now,
            wait=self.waited.append,
            post=self._post,
            **{"callback_url": HOOK} | settings,
        )
        self._http = Client(application(self.mosaic))

    def _post(self, url: str, body: bytes) -> int:
        assert url == HOOK
        self.posted.append(json.loads(body))
        return 200

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request below the team; gives the response."""
        return self._http.open(
            f"/api/100/{path}",
            method=method,
            json=body,
            headers=HEADERS | headers,
        )

    def links(self) -> dict[str, Any]:
        """Make what a time entry points to."""
        mosaic = self.mosaic
        portfolio = mosaic.create("portfolio", title="Main")["mosaic_id"]
        project = mosaic.create("project", portfolio_id=portfolio, title="Roof")
        member = mosaic.create(
            "employee", email="bo@example.com", first_name="Bo", last_name="Li"
        )
        work = mosaic.create("standard_work_category", title="Design")
        return {
            "member_id": member["mosaic_id"],
            "project_id": project["mosaic_id"],
            "phase_id": project["main_phase_id"],
            "standard_work_category_id": work["mosaic_id"],
        }


@pytest.fixture
def world() -> World:
    """A quiet Mosaic at noon."""
    return World()


def _entry(links: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return links | {"date": "2026-03-01", "hours": 1.5} | changes


# Strictness


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Authorization": "other"}, 401),
        ({"Authorization": f"Bearer {KEY}"}, 401),
        ({"Origin": ""}, 403),
    ],
)
def test_the_key_and_the_origin_are_checked(
    world: World, headers: dict[str, str], status: int
) -> None:
    """A wrong key is 401, a missing origin 403."""
    assert world.ask("GET", "client", **headers).status_code == status


def test_a_key_opens_its_own_team_only(world: World) -> None:
    """Another team's key is a wrong key, and its objects are its own."""
    world.mosaic.add_team("200", "k2")
    world.mosaic.create("client", team_id="200", client_name="Theirs")
    assert world.ask("GET", "client", Authorization="k2").status_code == 401
    assert world.ask("GET", "client").json == {"client": []}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "clients", 404),
        ("DELETE", "client/1", 405),
        ("PATCH", "client", 405),
        ("PUT", "client/999", 404),
        ("GET", "project", 404),
        ("GET", "project?portfolio_id=9", 404),
        ("GET", "time_entry?since=1", 422),
        ("GET", "time_entry?start_date=03/01/2026", 422),
    ],
)
def test_wrong_paths_methods_and_parameters_are_refused(
    world: World, method: str, path: str, status: int
) -> None:
    """Each with its status and a message."""
    answer = world.ask(method, path, {"client_name": "Ann"} if "9" in path else None)
    assert answer.status_code == status
    assert answer.json["message"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": "red"}, "no attribute colour"),
        ({"hours": "1.5"}, "hours is invalid"),
        ({"hours": 25}, "hours must be"),
        ({"date": "03/01/2026"}, "date is invalid"),
        ({"standard_work_category_id": None}, "can't be blank"),
        ({"phase_id": 77}, "phase_id is invalid"),
        ({"api_request_metadata": "x"}, "api_request_metadata"),
    ],
)
def test_a_time_entry_is_checked(
    world: World, change: dict[str, Any], words: str
) -> None:
    """Unknown, missing and wrong fields are 422 and nothing is written."""
    answer = world.ask("POST", "time_entry", _entry(world.links(), **change))
    assert (answer.status_code, words in answer.json["message"]) == (422, True)
    assert world.mosaic.objects("time_entry") == []
    assert world.mosaic.writes == []


def test_a_phase_of_another_project_is_refused(world: World) -> None:
    """Time on a project's entry must be on a phase of that project."""
    links = world.links()
    project = world.mosaic.objects("project")[0]
    other = world.mosaic.create(
        "project", portfolio_id=project["portfolio_id"], title="Barn"
    )
    answer = world.ask(
        "POST", "time_entry", _entry(links, phase_id=other["main_phase_id"])
    )
    assert answer.status_code == 422


def test_an_email_address_is_taken_once(world: World) -> None:
    """Two members cannot share an address, whatever its case."""
    world.links()
    body = {"email": "BO@example.com", "first_name": "B", "last_name": "L"}
    assert world.ask("POST", "employee", body).status_code == 422


def test_the_limit_refuses_one_too_many(world: World) -> None:
    """The 301st request in five minutes is told how long to wait."""
    statuses = [world.ask("GET", "client").status_code for _ in range(300)]
    assert set(statuses) == {200}
    world.now += timedelta(seconds=100)
    refused = world.ask("GET", "client")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 200
    world.now += timedelta(seconds=200)
    assert world.ask("GET", "client").status_code == 200


def test_refused_requests_count_too() -> None:
    """Whoever goes on hammering is never let in again."""
    world = World(requests_per_window=2)
    statuses = []
    for _ in range(6):
        statuses.append(world.ask("GET", "client").status_code)
        world.now += timedelta(seconds=149)
    assert statuses == [200, 200, 429, 429, 429, 429]


# What follows from what


def test_a_project_brings_its_main_phase_and_its_client(world: World) -> None:
    """The client is given by name and created when it is new."""
    portfolio = world.mosaic.create("portfolio", title="Main")["mosaic_id"]
    for title in ("Roof", "Barn"):
        body = {"portfolio_id": portfolio, "title": title, "client": "Ann"}
        assert world.ask("POST", "project", body).status_code == 200
    (ann,) = world.mosaic.objects("client")
    roof, barn = world.mosaic.objects("project")
    assert roof["client_id"] == barn["client_id"] == ann["mosaic_id"]
    main = world.mosaic.objects("phase")[0]
    assert (main["is_main"], main["mosaic_id"]) == (True, roof["main_phase_id"])


def test_an_unknown_client_is_refused_when_so_set() -> None:
    """Whether Mosaic creates it is not public, so both can be had."""
    world = World(adopt_clients=False)
    portfolio = world.mosaic.create("portfolio", title="Main")["mosaic_id"]
    body = {"portfolio_id": portfolio, "title": "Roof", "client": "Ann"}
    assert world.ask("POST", "project", body).status_code == 422


def test_a_second_phase_of_the_same_name_is_counted_up(world: World) -> None:
    """Name and number are unique below one parent, also after a rename."""
    project = world.links()["project_id"]
    body = {"project_id": project, "name": "Plans"}
    for _ in range(2):
        world.ask("POST", "phase", body)
    world.ask("POST", "phase", body | {"phase_number": "7"})
    names = [phase["name"] for phase in world.mosaic.objects("phase")]
    assert names == ["Roof", "Plans", "Plans (1)", "Plans"]


def test_what_had_time_spent_on_it_is_archived_not_deleted(world: World) -> None:
    """An unused phase is gone, a used one stays."""
    links = world.links()
    unused = world.mosaic.create("phase", project_id=links["project_id"], name="X")
    world.mosaic.create("time_entry", **_entry(links))
    for phase_id in (unused["mosaic_id"], links["phase_id"]):
        world.ask("DELETE", f"phase/{phase_id}", {"project_id": links["project_id"]})
    (left,) = world.mosaic.objects("phase")
    assert (left["mosaic_id"], left["is_archived"]) == (links["phase_id"], True)


def test_an_archived_member_is_listed_on_demand(world: World) -> None:
    """DELETE archives a member, and the list leaves it out unless asked."""
    member = world.links()["member_id"]
    world.ask("DELETE", f"employee?member_id={member}", {})
    assert world.ask("GET", "employee/index").json == {"employee": []}
    shown = world.ask("GET", "employee/index?include_discarded=true").json["employee"]
    assert [each["is_archived"] for each in shown] == [True]


def test_a_time_entry_shows_what_it_points_to(world: World) -> None:
    """Decimals are text, and names travel along."""
    links = world.links()
    world.mosaic.create(
        "activity_phase",
        phase_id=links["phase_id"],
        standard_work_category_id=links["standard_work_category_id"],
    )
    world.ask("POST", "time_entry", _entry(links, title="Plans", rate=90))
    (shown,) = world.ask("GET", "time_entry?all=true").json["time_entry"]
    assert (shown["hours"], shown["rate"], shown["description"]) == (
        "1.5",
        "90.0",
        "Plans",
    )
    assert shown["member_name"] == "Bo Li"
    assert shown["project_title"] == "Roof"
    assert shown["standard_work_category_title"] == "Design"
    assert shown["activity_phase_id"]


def test_lists_are_paged_and_filtered(world: World) -> None:
    """Thirty by default, everything with all=true, and filters before paging."""
    links = world.links()
    for day in range(1, 32):
        world.mosaic.create("time_entry", **_entry(links, date=f"2026-01-{day:02}"))

    def found(query: str) -> list[str]:
        entries = world.ask("GET", f"time_entry?{query}").json["time_entry"]
        return [entry["date"][-2:] for entry in entries]

    assert len(found("")) == 30
    assert found("offset=30") == ["31"]
    assert found("limit=2&offset=1") == ["02", "03"]
    assert len(found("all=true")) == 31
    assert found("start_date=2026-01-30&all=true") == ["30", "31"]
    assert found(f"member_ids[]={links['member_id'] + 1}") == []
    ids = [item["mosaic_id"] for item in world.mosaic.objects("time_entry")]
    assert found(f"time_entry_ids[]={ids[4]}&time_entry_ids[]={ids[2]}") == ["03", "05"]


def test_every_change_has_a_later_time(world: World) -> None:
    """updated_at moves even when the clock stands still."""
    created = world.mosaic.create("client", client_name="Ann")
    edited = world.mosaic.edit("client", created["mosaic_id"], client_name="Anne")
    assert edited["updated_at"] > created["updated_at"]
    assert edited["created_at"] == created["created_at"]


def test_people_leave_no_trace_in_the_writes(world: World) -> None:
    """Edits in Mosaic itself are no API requests and call nobody back."""
    entry = world.mosaic.create("time_entry", **_entry(world.links()))
    world.mosaic.edit("time_entry", entry["mosaic_id"], hours=2)
    world.mosaic.edit("phase", entry["phase_id"], name="New")
    world.mosaic.archive("project", entry["project_id"])
    world.mosaic.delete_time_entry(entry["mosaic_id"])
    assert world.mosaic.objects("time_entry") == []
    assert world.mosaic.objects("project")[0]["is_archived"] is True
    assert (world.mosaic.writes, world.mosaic.deliver_callbacks()) == ([], [])


# Answers and callbacks

ANN = {"client_name": "Ann", "api_request_metadata": {"ref": "r1"}}


@pytest.mark.parametrize(
    ("mode", "keys"),
    [
        ("callback", {"api_request_id"}),
        ("silent", {"api_request_id"}),
        ("body", {"client"}),
        ("mute", set()),
    ],
)
def test_a_write_answers_as_set(mode: Any, keys: set[str]) -> None:
    """What a write answers is not public, so every way can be had."""
    world = World(answer_mode=mode)
    answer = world.ask("POST", "client", ANN)
    assert set(answer.json) == keys
    assert len(world.mosaic.deliver_callbacks()) == (1 if mode == "callback" else 0)
    assert world.mosaic.created_refs == ["r1"]


def test_a_callback_says_what_became_of_a_write(world: World) -> None:
    """It repeats our metadata and the request id, in camelCase."""
    request_id = world.ask("POST", "client", ANN).json["api_request_id"]
    world.mosaic.deliver_callbacks()
    (told,) = world.posted
    assert told["apiRequestId"] == request_id
    assert told["metadata"] == {"ref": "r1"}
    assert told["dataPayload"]["clientName"] == "Ann"


@pytest.mark.parametrize(
    ("fault", "now", "later"),
    [
        ("callback_late", 0, 1),
        ("callback_twice", 2, 0),
        ("callback_never", 0, 0),
        ("callback_forged", 2, 0),
    ],
)
def test_callbacks_go_wrong_on_command(
    world: World, fault: str, now: int, later: int
) -> None:
    """Late, twice, never, or behind a false one; the write itself is done."""
    world.mosaic.fail_next(fault, seconds=60)
    world.ask("POST", "client", ANN)
    assert len(world.mosaic.deliver_callbacks()) == now
    world.now += timedelta(seconds=60)
    assert len(world.mosaic.deliver_callbacks()) == later
    assert len(world.mosaic.objects("client")) == 1
    if fault == "callback_forged":
        false, true = (told["dataPayload"]["mosaicId"] for told in world.posted)
        assert false != true == world.mosaic.objects("client")[0]["mosaic_id"]


def test_a_write_is_refused_after_it_was_taken(world: World) -> None:
    """200 first, then a callback and a log line that say no; nothing is written."""
    world.mosaic.fail_next("refuse_later")
    request_id = world.ask("POST", "client", ANN).json["api_request_id"]
    world.mosaic.deliver_callbacks()
    assert world.posted[0]["status"] == 422
    query = f"request_logs?data_type=client&api_request_id={request_id}"
    (line,) = world.ask("GET", query).json[request_id]
    assert line["error"]
    assert line["params"]["api_request_metadata"] == {"ref": "r1"}
    assert world.mosaic.objects("client") == []
    assert world.mosaic.created_refs == []


# Faults


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("fault", "status"),
    [("error", 500), ("html", 502), ("rate_limit", 429), ("bad_json", 200)],
)
def test_a_fault_strikes_before_or_after_the_write(
    world: World, fault: str, status: int, when: Any
) -> None:
    """Only the answer is lost when the fault comes after."""
    world.mosaic.fail_next(fault, when=when, match="POST client")
    assert world.ask("GET", "client").status_code == 200
    assert world.ask("POST", "client", ANN).status_code == status
    assert world.mosaic.created_refs == (["r1"] if when == "after" else [])
    assert world.ask("POST", "client", ANN).status_code == 200


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_connection_can_be_closed(world: World, when: Any) -> None:
    """No answer at all, with or without the write done."""
    world.mosaic.fail_next("down", when=when)
    with pytest.raises(ConnectionClosed):
        world.ask("POST", "client", ANN)
    assert len(world.mosaic.created_refs) == (when == "after")


@pytest.mark.parametrize("when", ["before", "after"])
def test_slowness_waits_with_the_given_waiter(world: World, when: Any) -> None:
    """Nothing sleeps here, and the answer is the right one."""
    world.mosaic.fail_next("slow", when=when, seconds=45)
    assert world.ask("POST", "client", ANN).status_code == 200
    assert world.waited == [45]


def test_a_misspelt_fault_is_refused(world: World) -> None:
    """A fault that never strikes would let a test pass for nothing."""
    with pytest.raises(ValueError, match="no fault called explode"):
        world.mosaic.fail_next("explode")


# Other processes


def test_other_processes_look_in_and_interfere(world: World) -> None:
    """State, writes, faults, settings and people over HTTP, without a key."""
    http = Client(application(world.mosaic))
    http.post("/sandbox/settings", json={"answer_mode": "mute"})
    made = http.post(
        "/sandbox/people/create", json={"data_type": "client", "client_name": "Bo"}
    ).json
    assert made
    assert world.ask("POST", "client", ANN).json == {}
    http.post("/sandbox/faults", json={"kind": "error", "match": "GET"})
    assert world.ask("GET", "client").status_code == 500
    state = http.get("/sandbox/state").json
    assert state
    names = [item["client_name"] for item in state["teams"]["100"]["client"]]
    assert names == ["Bo", "Ann"]
    writes = http.get("/sandbox/writes").json
    assert writes
    assert [write["ref"] for write in writes] == ["r1"]
    wrong = http.post("/sandbox/faults", json={"kind": "explode"})
    assert wrong.status_code == 422


def test_a_state_file_survives_a_restart(tmp_path: Path) -> None:
    """Objects, indices, ids and writes are as before."""
    file = tmp_path / "mosaic.jsonl"
    before = World(state_file=file)
    entry = before.mosaic.create("time_entry", **_entry(before.links()))
    before.ask("POST", "client", ANN)
    before.mosaic.delete_time_entry(entry["mosaic_id"])
    before.mosaic.close()
    after = World(state_file=file)
    for name in ("client", "phase", "employee", "time_entry"):
        assert after.mosaic.objects(name) == before.mosaic.objects(name)
    assert after.mosaic.writes == before.mosaic.writes
    assert after.mosaic.create("client", client_name="Bo")["mosaic_id"] > max(
        entry["mosaic_id"], after.mosaic.objects("client")[0]["mosaic_id"]
    )
    after.mosaic.close()


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    """A program that died while writing leaves a file that can be gone on with."""
    file = tmp_path / "mosaic.jsonl"
    for number in range(3):
        world = World(state_file=file)
        world.mosaic.create("client", client_name=f"C{number}")
        world.mosaic.close()
        with file.open("a") as torn:
            torn.write('{"put": "client", "obj')
    world = World(state_file=file)
    names = [item["client_name"] for item in world.mosaic.objects("client")]
    world.mosaic.close()
    assert names == ["C0", "C1", "C2"]


def test_a_write_does_not_walk_all_objects(world: World) -> None:
    """With fifty times the entries a write costs about the same."""
    entry = _entry(world.links())

    def thousand() -> float:
        start = time.process_time()
        for _ in range(1000):
            made = world.mosaic.create("time_entry", **entry)
            world.mosaic.edit("time_entry", made["mosaic_id"], hours=2)
        return time.process_time() - start

    first = thousand()
    for _ in range(49):
        last = thousand()
    assert last < 5 * first + 0.2


class _Hook(BaseHTTPRequestHandler):
    """Takes one callback."""

    def do_POST(self) -> None:
        """Keep the body and tell whoever waits."""
        length = int(self.headers["Content-Length"])
        server: Any = self.server
        server.heard.append(json.loads(self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()
        server.arrived.set()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[Any]:
    """Somebody listening for callbacks."""
    server: Any = HTTPServer(("127.0.0.1", 0), _Hook)
    server.heard, server.arrived = [], threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_served_sandbox_calls_back_by_itself(hook: Any) -> None:
    """Over real sockets a write is followed by its callback without being asked."""
    from urllib.request import Request, urlopen

    url = f"http://127.0.0.1:{hook.server_port}/webhook"
    mosaic = MosaicSandbox(api_key=KEY, clock=lambda: NOON, callback_url=url)
    running = serve(mosaic, 0)
    try:
        body = json.dumps(ANN).encode()
        headers = HEADERS | {"Content-Type": "application/json"}
        with urlopen(Request(f"{running.url}/api/100/client", body, headers)) as answer:
            request_id = json.load(answer)["api_request_id"]
        assert hook.arrived.wait(10)
    finally:
        running.stop()
    assert [told["apiRequestId"] for told in hook.heard] == [request_id]
