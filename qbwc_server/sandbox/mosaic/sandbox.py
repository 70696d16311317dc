"""A Mosaic to work against without Mosaic: as strict as its API, broken on command.

It behaves as Mosaic's public reference says, and where that is silent, in every way
worth being prepared for: `answer_mode` says what a write answers, `callback_shape` how
the callback looks, `auth_scheme` how the key must be written, `dialect` the rest.

    sandbox = MosaicSandbox(clock=lambda: now)
    sandbox.fail_next("error", when="after", match="POST time_entry")
    httpx.Client(transport=httpx.WSGITransport(app=http.application(sandbox)))
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from qbwc_server.sandbox.mosaic.callbacks import Outbox, Post, Shape, post
from qbwc_server.sandbox.mosaic.dialect import Dialect
from qbwc_server.sandbox.mosaic.faults import CALLBACK_FAULTS, Fault, Faults, When
from qbwc_server.sandbox.mosaic.team import Clock, Team
from qbwc_server.sandbox.mosaic.writes import Request, callbacks, carry_out, remember

AnswerMode = Literal["callback", "body", "bare", "silent", "mute"]
Item = dict[str, Any]


class MosaicSandbox:
    """A Mosaic with one team, and more by `add_team`.

    Args:
        team_id: The first team.
        api_key: Its key.
        clock: The time, aware.
        requests_per_window: Requests a key has in a window; refused ones count.
        window_seconds: How long the window is.
        callback_url: Where outcomes of writes are posted; None for nowhere.
        answer_mode: What a write answers: "callback" a request id, then a callback;
            "silent" a request id and no callback; "body" the object under its type;
            "bare" the object; "mute" an empty object.
        callback_shape: Which of the shapes in Mosaic's public material is used.
        auth_scheme: "raw" or "bearer" for the one that is accepted, or "either".
        adopt_clients: Whether an unknown client named by a project is created.
        largest_page: Objects a page holds at most, whatever is asked for.
        state_file: Keeps the first team over a restart; further teams have files of
            their own beside it.
        wait: Waits the seconds of a `slow` fault.
        post: Delivers a callback; gives the HTTP status.
    """

    def __init__(
        self,
        *,
        team_id: str = "100",
        api_key: str = "sandbox-key",
        clock: Clock,
        requests_per_window: int = 300,
        window_seconds: float = 300,
        callback_url: str | None = None,
        answer_mode: AnswerMode = "callback",
        callback_shape: Shape = "dataPayload",
        auth_scheme: Literal["raw", "bearer", "either"] = "raw",
        adopt_clients: bool = True,
        largest_page: int = 500,
        state_file: Path | None = None,
        wait: Callable[[float], object] | None = None,
        post: Post = post,
    ) -> None:
        self.clock = clock
        self.answer_mode = answer_mode
        self.callback_shape = callback_shape
        self.auth_scheme = auth_scheme
        self.largest_page = largest_page
        self.dialect = Dialect()
        self.lock = threading.RLock()
        self.faults = Faults()
        self.outbox = Outbox(clock, post)
        self.wait = wait or threading.Event().wait
        self.requests: list[tuple[str, str]] = []
        self.callers: set[str] = set()
        self.teams: dict[str, Team] = {}
        self._limit = requests_per_window
        self._window = timedelta(seconds=window_seconds)
        self._asked: dict[str, deque[datetime]] = {}
        self._logs: dict[str, dict[str, Item]] = {}
        self._adopt_clients = adopt_clients
        self._state_file = state_file
        self.team = self.add_team(team_id, api_key, callback_url=callback_url)

    def close(self) -> None:
        """Close the files of the teams."""
        for team in self.teams.values():
            team.store.close()

    def add_team(
        self, team_id: str, api_key: str, *, callback_url: str | None = None
    ) -> Team:
        """Open another team with a key of its own."""
        journal = self._state_file
        if journal is not None and self.teams:
            journal = journal.with_name(f"{journal.name}.{team_id}")
        team = Team(
            team_id,
            api_key,
            self.clock,
            callback_url=callback_url,
            adopt_clients=self._adopt_clients,
            journal=journal,
        )
        self.teams[team_id] = team
        self._logs[team_id] = {}
        return team

    # Looking in

    def objects(self, data_type: str, team_id: str | None = None) -> list[Item]:
        """Give all objects of a type as answers show them."""
        team = self._team(team_id)
        with self.lock:
            items = list(team.store.objects[data_type].values())
            return [team.render(data_type, item) for item in items]

    @property
    def writes(self) -> list[Item]:
        """Every accepted write of every team, oldest first within a team."""
        return [entry for team in self.teams.values() for entry in team.store.writes]

    @property
    def created_refs(self) -> list[str | None]:
        """The reference of every accepted creation; one twice is a double write."""
        return [entry["ref"] for entry in self.writes if entry["op"] == "create"]

    # Making trouble

    def fail_next(
        self,
        kind: str,
        times: int = 1,
        match: str = "",
        *,
        when: When = "before",
        seconds: float = 60.0,
    ) -> None:
        """Let the next fitting requests fail. See `faults` for the kinds.

        Raises:
            ValueError: There is no such fault.
        """
        with self.lock:
            self.faults.add(Fault(kind, times, match, when, seconds))

    # People working in Mosaic. They use no key, cost no request and send no callback.

    def create(
        self, data_type: str, *, team_id: str | None = None, **fields: Any
    ) -> Item:
        """Create an object as a person does; fields as in a request."""
        with self.lock:
            return self._team(team_id).create(data_type, fields)

    def edit(
        self,
        data_type: str,
        mosaic_id: int,
        *,
        team_id: str | None = None,
        **fields: Any,
    ) -> Item:
        """Change fields of an object as a person does; fields as in a request."""
        team = self._team(team_id)
        with self.lock:
            if data_type == "phase":
                old = team.get(data_type, mosaic_id)
                fields.setdefault("project_id", old["project_id"])
            return team.update(data_type, mosaic_id, fields)

    def archive(
        self, data_type: str, mosaic_id: int, *, team_id: str | None = None
    ) -> None:
        """Archive an object as a person does."""
        with self.lock:
            self._team(team_id).remove(data_type, mosaic_id, force_archive=True)

    def delete_time_entry(self, mosaic_id: int, *, team_id: str | None = None) -> None:
        """Delete a time entry as a person does."""
        with self.lock:
            self._team(team_id).delete_time_entries([mosaic_id])

    # What requests do

    def deliver_callbacks(self) -> list[int]:
        """Post the callbacks that are due; gives the HTTP status of each."""
        return self.outbox.deliver()

    def over_limit(self, api_key: str) -> float | None:
        """Count a request; gives the seconds to wait when it is one too many."""
        now = self.clock()
        asked = self._asked.setdefault(api_key, deque(maxlen=self._limit))
        oldest = asked[0] if len(asked) == self._limit else None
        asked.append(now)
        if oldest is None or now - oldest >= self._window:
            return None
        return (self._window - (now - asked[0])).total_seconds()

    def write(
        self, team: Team, request: Request, apply: Callable[[Item], Item | None]
    ) -> Item:
        """Carry out a write and give the body of its answer.

        Raises:
            Refused: At once, as Mosaic may; nothing was changed.
        """
        fault = self.faults.take(request.method, request.data_type, CALLBACK_FAULTS)
        request_id = str(uuid.uuid4())
        done = carry_out(team, request, request_id, apply, fault)
        remember(self._logs[team.team_id], done, team)
        refused_later = done.error is not None
        if self.answer_mode == "callback" or refused_later:
            for outgoing in callbacks(
                done, team.callback_url, fault, self.callback_shape, self.clock()
            ):
                self.outbox.add(outgoing)
        if self.answer_mode in ("callback", "silent") or refused_later:
            return {"api_request_id": request_id}
        if self.answer_mode == "mute":
            return {}
        shown = done.shown or {}
        return shown if self.answer_mode == "bare" else {request.data_type: shown}

    def log(
        self, team_id: str, data_type: str, request_id: str | None
    ) -> dict[str, list[Item]]:
        """Give the request log of a data type, or one request of it."""
        logs = self._logs[team_id]
        if request_id is not None:
            found = [logs[request_id]] if request_id in logs else []
        else:
            found = list(logs.values())
        return {
            line["api_request_id"]: [line]
            for line in found
            if line["data_type"] == data_type
        }

    def _team(self, team_id: str | None) -> Team:
        return self.team if team_id is None else self.teams[team_id]
