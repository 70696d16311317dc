"""The hands of the people in Mosaic: what they do with time in its own screens.

They use no key and cost no request. Whether Mosaic calls back for what people do is not
public, so that is a switch; such a callback has no reference of ours, and may be late,
doubled or lost by a fault whose `match` is "PEOPLE" or "".
"""

from __future__ import annotations

import uuid
from typing import Any

from qbwc_server.sandbox.mosaic.faults import CALLBACK_FAULTS
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.store import Object
from qbwc_server.sandbox.mosaic.writes import Done, Request, callbacks

_TIME = "time_entry"


class MosaicHands:
    """What people do to the time entries of a team; every method is one act."""

    def __init__(
        self,
        sandbox: MosaicSandbox,
        *,
        team_id: str | None = None,
        calls_back: bool = False,
    ) -> None:
        self.calls_back = calls_back
        self._sandbox = sandbox
        self._team = sandbox.team if team_id is None else sandbox.teams[team_id]

    def add_time(
        self,
        member: int,
        day: str,
        hours: float,
        *,
        project: int,
        category: int,
        phase: int | None = None,
        text: str = "",
        billable: bool = True,
    ) -> int:
        """Enter time, on the project's main phase if none is named; return its id.

        Raises:
            Refused: Mosaic's own rules are against it.
        """
        fields = {
            "member_id": member,
            "date": day,
            "hours": hours,
            "project_id": project,
            "phase_id": phase or self._main_phase(project),
            "standard_work_category_id": category,
            "description": text,
            "billable": billable,
        }
        made = self._sandbox.create(_TIME, team_id=self._team.team_id, **fields)
        self._call_back("create", made)
        return int(made["mosaic_id"])

    def edit_time(self, mosaic_id: int, **fields: Any) -> None:
        """Change fields of an entry, named as in a request (`hours`, `description`).

        Raises:
            Refused: There is no such entry, or Mosaic's own rules are against it.
        """
        team_id = self._team.team_id
        changed = self._sandbox.edit(_TIME, mosaic_id, team_id=team_id, **fields)
        self._call_back("update", changed)

    def move_time(self, mosaic_id: int, project: int, phase: int | None = None) -> None:
        """Put an entry on another project and phase."""
        phase = phase or self._main_phase(project)
        self.edit_time(mosaic_id, project_id=project, phase_id=phase)

    def delete_time(self, mosaic_id: int) -> None:
        """Delete an entry."""
        self._sandbox.delete_time_entry(mosaic_id, team_id=self._team.team_id)
        self._call_back("delete", {"mosaic_id": mosaic_id})

    def archive(self, data_type: str, mosaic_id: int) -> None:
        """Archive a project, a phase, a member or a work category."""
        self._sandbox.archive(data_type, mosaic_id, team_id=self._team.team_id)

    def time(self) -> list[Object]:
        """Return all entries, as they are seen on the screen."""
        return self._sandbox.objects(_TIME, self._team.team_id)

    def _main_phase(self, project: int) -> int:
        return int(self._team.get("project", project)["main_phase_id"])

    def _call_back(self, op: str, item: Object) -> None:
        if not self.calls_back:
            return
        sandbox, team = self._sandbox, self._team
        with sandbox.lock:
            fault = sandbox.faults.take("PEOPLE", _TIME, CALLBACK_FAULTS)
            shown = item if op == "delete" else team.render(_TIME, item)
            done = Done(
                Request(op, _TIME, "PEOPLE", {}), str(uuid.uuid4()), shown, None
            )
            shape, now = sandbox.callback_shape, sandbox.clock()
            for outgoing in callbacks(done, team.callback_url, fault, shape, now):
                sandbox.outbox.add(outgoing)
