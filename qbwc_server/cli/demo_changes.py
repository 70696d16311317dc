"""What people change in the demo once both sides agree, and how it arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qbwc_server.sandbox.mosaic.hands import MosaicHands
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.web_connector.interference import (
    Call,
    ConnectionLost,
    Interference,
)

_ADDED = "TimeTrackingAddRs"


@dataclass(frozen=True, slots=True)
class Scene:
    """Both sides, what of them agrees, and how to have them brought together.

    `sync` runs Web Connector and waits for the worker, until nothing is on its way;
    what is given to it looks at the calls, after or instead of the narrator.
    """

    opened: CompanyFile
    sandbox: MosaicSandbox
    pairs: Sequence[tuple[str, int]]
    sync: Callable[[Interference | None], None]
    mark: str


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done, and whether what should come of it came."""

    step: str
    ok: bool
    told: str


class LosesAnswer:
    """Loses the first answer of QuickBooks to added time on its way to the server."""

    def __init__(self) -> None:
        self.lost = False

    def before(self, call: Call) -> None:
        """Look at a call that is about to be sent."""
        if self.lost or call.method != "receiveResponseXML":
            return
        if any(_ADDED in value for _, value in call.arguments):
            self.lost = True
            raise ConnectionLost

    def after(self, call: Call, answer: bytes) -> None:
        """Look at a call whose answer has arrived."""
        del call, answer


def edit_both(scene: Scene) -> list[Step]:
    """Edit one entry in QuickBooks and another in Mosaic, and look for both."""
    here, there = _editable(scene)[-1], _editable(scene)[-2]
    in_quickbooks = f"{scene.mark}, edited in QuickBooks"
    in_mosaic = f"{scene.mark}, edited in Mosaic"
    scene.opened.hands.edit_time(here[0], notes=in_quickbooks, minutes=75)
    hands = MosaicHands(scene.sandbox, calls_back=True)
    hands.edit_time(there[1], description=in_mosaic, hours=1.75)
    scene.sync(None)
    found = [one for one in hands.time() if one["description"] == in_quickbooks]
    ok = [(one["mosaic_id"], float(one["hours"])) for one in found] == [(here[1], 1.25)]
    rows = _with_notes(scene, in_mosaic)
    back = [(row["txn_id"], row["minutes"]) for row in rows] == [(there[0], 105)]
    return [
        Step("edit in QuickBooks", ok, f"{_count(found)} in Mosaic with the new text"),
        Step("edit in Mosaic", back, f"{_count(rows)} in QuickBooks with the new text"),
    ]


def lose_an_answer(scene: Scene) -> list[Step]:
    """Add an entry in Mosaic, lose QuickBooks' answer to it, and look what is there.

    It is of today, because what was made for long ago stays in Mosaic.
    """
    like = scene.sandbox.team.get("time_entry", _editable(scene)[-3][1])
    text = f"{scene.mark}, added in Mosaic"
    hands = MosaicHands(scene.sandbox, calls_back=True)
    hands.add_time(
        like["member_id"],
        scene.opened.store.today(),
        0.5,
        project=like["project_id"],
        phase=like["phase_id"],
        category=like["standard_work_category_id"],
        text=text,
        billable=False,
    )
    loser = LosesAnswer()
    scene.sync(loser)
    rows = _with_notes(scene, text)
    entries = [one for one in hands.time() if one["description"] == text]
    once = len(rows) == len(entries) == 1
    told = f"{_count(rows)} in QuickBooks, {_count(entries)} in Mosaic"
    return [
        Step("answer lost", loser.lost, "the answer of QuickBooks never arrived"),
        Step("entry there once", once, told),
    ]


def enough_to_edit(scene: Scene) -> bool:
    """Tell whether there is time that these steps may touch."""
    return len(_editable(scene)) >= 3


def _editable(scene: Scene) -> list[tuple[str, int]]:
    """Return the pairs that are on no invoice and whose twins are not either."""
    days = {
        row["txn_id"]: row["txn_date"]
        for row in scene.opened.store.all(
            "SELECT txn_id, txn_date FROM time_entry WHERE billable = 'NotBillable'"
        )
    }
    free = [pair for pair in scene.pairs if pair[0] in days]
    return sorted(free, key=lambda pair: (days[pair[0]], pair))


def _with_notes(scene: Scene, notes: str) -> list[Any]:
    return scene.opened.store.all("SELECT * FROM time_entry WHERE notes = ?", notes)


def _count(found: Sequence[Any]) -> str:
    return f"{len(found)} {'entry' if len(found) == 1 else 'entries'}"
