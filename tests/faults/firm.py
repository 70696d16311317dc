"""One company of a plant: its company file, its team in Mosaic, and its people."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from qbwc_server.companies import connection_file
from qbwc_server.companies.registry import Company, NewCompany
from qbwc_server.sandbox.agreement import Agreement, compare
from qbwc_server.sandbox.mosaic.hands import MosaicHands
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.team import Team
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.web_connector.interference import Interference
from qbwc_server.sandbox.web_connector.program import Run, WebConnector
from qbwc_server.sandbox.web_connector.registration import add, read_application
from tests.agreement.house import ITEMS, JOBS, PEOPLE, TYPES, fill
from tests.agreement.ledger import Ledger
from tests.faults.clock import SkippingClock

_LENGTHS = (1, 20, 45, 60, 100, 480)
_LONGEST_PAUSE = 0.1
_SHARE_OF_NEW, _HALF = 0.4, 0.5
_CALLS_BACK = 0.7


class Firm:
    """A company that the plant's server knows as `new`.

    `urls` are the servers that its Web Connector may call, `dice` decides which.
    """

    def __init__(
        self,
        new: NewCompany,
        stored: Company,
        sandbox: MosaicSandbox,
        urls: list[str],
        clock: SkippingClock,
        dice: random.Random,
    ) -> None:
        self.new = new
        self.sandbox = sandbox
        self.file = CompanyFile(":memory:", clock=clock.seconds)
        self.hands = self.file.hands
        self.people = MosaicHands(sandbox, team_id=stored.mosaic_team)
        self.ledger = Ledger(self, f"{new.id}#")
        self.touched: set[str] = set()
        self._team_id = stored.mosaic_team
        self._grown = 0
        self._clock = clock
        self._dice = dice
        self._urls = urls
        self.application = read_application(connection_file.qwc_of(stored, urls[0]))
        self.hands.set("zone", "America/New_York")
        self.hands.set("company_name", new.name)
        add(self.application, self.file)
        self.jobs, self.persons, self.items = fill(self.hands)

    @property
    def team(self) -> Team:
        """The company's team in Mosaic."""
        return self.sandbox.teams[self._team_id]

    # What runs

    def connect(
        self, interference: Interference | None = None, *, computer: str = "SANDBOX-PC"
    ) -> Run:
        """Have its Web Connector run once, with one of the servers."""
        url = self._dice.choice(self._urls) + "/qbwc"
        return WebConnector(
            replace(self.application, app_url=url),
            self.new.password,
            self.file,
            sleep=lambda seconds: self._clock.wait(min(seconds, _LONGEST_PAUSE)),
            log=lambda _line: None,
            on_call=interference,
            clock=self._clock.seconds,
            computer=computer,
        ).run()

    def agreement(self) -> Agreement:
        """Compare both sides without the server."""
        objects = {name: self.sandbox.objects(name, self._team_id) for name in TYPES}
        return compare(self.file, objects)

    # What people do

    def grow(self) -> None:
        """Enter a new customer in QuickBooks."""
        self._grown += 1
        self.hands.add("Customer", f"Newcomer {self._grown}")

    def live(self, acts: int) -> None:
        """Let people on both sides do something.

        No entry is touched twice before everything came to rest: which of two wins is
        another matter.
        """
        for _ in range(acts):
            if self._dice.random() < _SHARE_OF_NEW:
                add = self._dice.choice([self.add_in_quickbooks, self.add_in_mosaic])
                self.touched.add(add())
            else:
                self._touch()

    def _touch(self) -> None:
        here, there = self.ledger.in_quickbooks(), self.ledger.in_mosaic()
        free = sorted((here.keys() & there.keys()) - self.touched)
        if not free:
            return
        mark = self._dice.choice(free)
        self.touched.add(mark)
        if self._dice.random() < _HALF:
            act = self._dice.choice([self._edit_in_mosaic, self._delete_in_mosaic])
            act(mark, there[mark][0][0])
        else:
            own = [self._edit_in_quickbooks, self._delete_in_quickbooks]
            self._dice.choice(own)(mark, here[mark][0][0])

    def _values(self, mark: str) -> dict[str, Any]:
        pick = self._dice.choice
        today = self._clock().date()
        return {
            "minutes": pick(_LENGTHS),
            "text": f"{mark} {pick(('plans', 'Élan “x” €', 'a & b <c>', ''))}",
            "day": (today - timedelta(days=pick(range(10)))).isoformat(),
            "job": pick(JOBS),
            "person": pick(PEOPLE),
            "item": pick(ITEMS),
            "billable": pick((True, False)),
        }

    def add_in_quickbooks(self) -> str:
        """Enter time in QuickBooks; return its mark."""
        mark = self.ledger.new_mark()
        values = self._values(mark)
        self.hands.add_time(
            self.persons[values["person"]],
            values["day"],
            values["minutes"],
            customer=self.jobs[values["job"]],
            item=self.items[values["item"]],
            notes=values["text"],
            billable="Billable" if values["billable"] else "NotBillable",
        )
        self.ledger.born(mark, values)
        return mark

    def add_in_mosaic(self, *, calls_back: bool | None = None) -> str:
        """Enter time in Mosaic; return its mark. None: now and then it calls back."""
        mark = self.ledger.new_mark()
        values = self._values(mark)
        links = self._links(values)
        self.people.calls_back = (
            self._dice.random() < _CALLS_BACK if calls_back is None else calls_back
        )
        self.people.add_time(
            links["member_id"],
            values["day"],
            round(values["minutes"] / 60, 4),
            project=links["project_id"],
            phase=links["phase_id"],
            category=links["category"],
            text=values["text"],
            billable=values["billable"],
        )
        self.ledger.born(mark, values)
        return mark

    def _edit_in_quickbooks(self, mark: str, txn_id: Any) -> None:
        values = self._values(mark)
        self.hands.edit_time(
            txn_id,
            minutes=values["minutes"],
            notes=values["text"],
            customer_id=self.jobs[values["job"]],
        )
        self.ledger.edited(
            mark, **{name: values[name] for name in ("minutes", "text", "job")}
        )

    def _edit_in_mosaic(self, mark: str, mosaic_id: Any) -> None:
        values = self._values(mark)
        self.people.calls_back = self._dice.random() < _CALLS_BACK
        self.people.edit_time(
            mosaic_id,
            hours=round(values["minutes"] / 60, 4),
            description=values["text"],
        )
        self.ledger.edited(mark, **{name: values[name] for name in ("minutes", "text")})

    def _delete_in_quickbooks(self, mark: str, txn_id: Any) -> None:
        self.hands.delete_time(txn_id)
        self.ledger.deleted(mark)

    def _delete_in_mosaic(self, mark: str, mosaic_id: Any) -> None:
        self.people.calls_back = self._dice.random() < _CALLS_BACK
        self.people.delete_time(mosaic_id)
        self.ledger.deleted(mark)

    def _links(self, values: dict[str, Any]) -> dict[str, int]:
        """Return what the names mean in Mosaic; the lists are on both sides."""
        objects = self.team.store.objects
        first, last = str(values["person"]).split()
        client, title, *phase = str(values["job"]).split(":")
        found: dict[str, int] = {}
        for key, one in objects["employee"].items():
            if (one["first_name"], one["last_name"]) == (first, last):
                found["member_id"] = key
        for key, one in objects["project"].items():
            owner = objects["client"].get(one["client_id"], {})
            if (one["title"], owner.get("client_name")) == (title, client):
                found["project_id"], found["phase_id"] = key, one["main_phase_id"]
        for key, one in objects["phase"].items():
            if phase == [one["name"]] and one["project_id"] == found["project_id"]:
                found["phase_id"] = key
        for key, one in objects["standard_work_category"].items():
            if one["title"] == values["item"]:
                found["category"] = key
        return found
