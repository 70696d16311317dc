"""A company whose server runs in containers; the rest of its world is on this machine.

QuickBooks, Web Connector and Mosaic are the sandbox's. Web Connector calls the proxy
over TLS and trusts the proxy's own authority, and nothing else.
"""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from qbwc_server.app import utc_now
from qbwc_server.cli.demo_processes import free_port
from qbwc_server.companies.team.team_claims import team_of
from qbwc_server.sandbox.agreement import Agreement, compare
from qbwc_server.sandbox.mosaic.hands import MosaicHands
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.server import serve
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.sample_firm import build_sample_firm
from qbwc_server.sandbox.web_connector.interference import Call
from qbwc_server.sandbox.web_connector.program import Run, WebConnector
from qbwc_server.sandbox.web_connector.registration import add, read_application
from tests.docker.compose import Project
from tests.waiting import until

NAME = "Harbor & Vale"
_TYPES = (
    *("client", "project", "phase", "employee"),
    *("standard_work_category", "time_entry"),
)
_MOST_SECONDS, _SOME_SECONDS = 120, 20
# Small pages make long sessions. Nobody waits long for what another one lost.
_SETTINGS = """
QBWC_PAGE_SIZE=3
QBWC_MOSAIC_REQUESTS=1000000
QBWC_MOSAIC_SETTLE_SECONDS=2
QBWC_LEASE_SECONDS=5
QBWC_SESSION_TAKEOVER_SECONDS=0
PROXY_WAIT=30s
"""
_OPEN = """
SELECT (SELECT count(*) FROM record WHERE due_at IS NOT NULL)
  + (SELECT count(*) FROM record r WHERE state = 'pending' AND NOT EXISTS
      (SELECT FROM job j WHERE j.company_id = r.company_id AND j.record_id = r.id
        AND j.finished_at IS NULL))
  + (SELECT count(*) FROM mosaic_call WHERE settled_at IS NULL)
  + (SELECT count(*) FROM mosaic_callback WHERE handled_at IS NULL)
  + (SELECT count(*) FROM duty WHERE deliver_at <= now());
"""
_JOBS = """
SELECT count(*) FROM job WHERE finished_at IS NULL AND state <> 'failed'
  AND run_at <= now();
"""


_HASTEN = """
UPDATE company SET next_read_at = NULL, time_hot_at = NULL;
UPDATE record SET due_at = now() WHERE due_at > now();
UPDATE duty SET deliver_at = now() WHERE deliver_at > now();
"""

ANSWER = 5
"""The call of a run that brings the first answer of QuickBooks."""


@dataclass
class At:
    """Does something right before the n-th call of a run."""

    number: int
    act: Callable[[], object]
    done: bool = False

    def before(self, call: Call) -> None:
        """Look at a call that is about to be sent."""
        if call.number == self.number:
            self.act()
            self.done = True

    def after(self, call: Call, answer: bytes) -> None:
        """Look at a call whose answer has arrived."""


class Place(Protocol):
    """Where our server runs, as its operator has it."""

    def gateway(self) -> str:
        """Return this machine's address as it is seen from there."""
        ...

    def authority(self) -> str:
        """Return the certificate of the proxy's own authority, "" before it is made."""
        ...

    def server(self, *words: str, given: str | None = None) -> str:
        """Run a command of qbwc-server; return what it printed."""
        ...

    def sql(self, statement: str) -> str:
        """Ask the database as its administrator; return rows of columns with "|"."""
        ...

    def note(self, text: str) -> None:
        """Write to a log."""
        ...


class Customer:
    """A company, added to a server that is reached at a URL."""

    def __init__(
        self, place: Place, folder: Path, url: str, *, time_entries: int = 90
    ) -> None:
        self._place = place
        self.url = url
        self.authority = folder / "authority.pem"
        self._trust()
        self.sandbox = MosaicSandbox(
            clock=utc_now, requests_per_window=10_000_000, post=self._post
        )
        self._mosaic = serve(self.sandbox, 0, host=place.gateway())
        self.people = MosaicHands(self.sandbox, calls_back=True)
        self.file = CompanyFile(folder / "firm.qbw", clock=time.time)
        build_sample_firm(
            self.file, people=8, clients=3, jobs=9, time_entries=time_entries
        )
        for row in self.file.store.all(
            "SELECT txn_id FROM time_entry WHERE billable = 'HasBeenBilled'"
        ):
            # What is on an invoice is not edited, and that is most of it.
            self.file.hands.mark_billed(row["txn_id"], is_billed=False)
        self.new = self._add()
        self.sandbox.team.callback_url = self.new["webhook_url"]
        qwc = place.server("qwc", NAME, "-o", "-")
        self._application = read_application(qwc.encode())
        add(self._application, self.file)
        self._marks = 0

    def _trust(self) -> None:
        text = until(self._place.authority, "an authority", seconds=_MOST_SECONDS)
        self.authority.write_text(text)
        self.context = ssl.create_default_context(cadata=text)

    def _add(self) -> dict[str, Any]:
        told = self._place.server(
            *("company", "add", NAME, "--mosaic-team", "100", "--json"),
            *("--mode", "live", "--mosaic-url", "https://mosaic.example"),
        )
        # No command takes http to another computer, as the sandbox is to a container.
        url = self._mosaic.url
        self._place.sql(f"UPDATE company SET mosaic_url = '{url}'")
        self._place.sql(f"UPDATE team_file SET team = '{team_of(url, '100')}'")
        self._place.server(
            *("company", "set", NAME, "--mosaic-key-file", "/dev/stdin"),
            given="sandbox-key",
        )
        found: dict[str, Any] = json.loads(told)
        return found

    def _post(self, url: str, body: bytes) -> int:
        """Call back as Mosaic does, through the proxy."""
        return self.ask(url, body)[0]

    def ask(
        self, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Return status and text of an answer of the proxy, its certificate checked."""
        kind = {"Content-Type": "application/json"} | (headers or {})
        request = urllib.request.Request(url, body, kind)
        try:
            with urllib.request.urlopen(
                request, timeout=90, context=self.context
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    # What runs

    def connect(self, at: At | None = None) -> Run:
        """Have Web Connector run once, with all due that was to be looked at later."""
        self._place.sql(_HASTEN)
        run = WebConnector(
            self._application,
            self.new["password"],
            self.file,
            sleep=time.sleep,
            log=self._place.note,
            on_call=at,
            ca_file=str(self.authority),
        ).run()
        self._place.note(f"Web Connector: {len(run.calls)} calls, {run.result}")
        return run

    def sync(self) -> None:
        """Run Web Connector until nothing is on its way; no run may fail.

        Some things go on only when a side was read once more.
        """
        deadline = time.monotonic() + 2 * _MOST_SECONDS
        while time.monotonic() < deadline:
            run = self.connect()
            assert run.error is None, run.result
            if self._is_delivered() and self._place.sql(_JOBS) == "0":
                return
        raise AssertionError("it does not come to rest")

    def _is_delivered(self) -> bool:
        """Tell whether the workers have nothing to do, when they have had some time."""
        deadline = time.monotonic() + _SOME_SECONDS
        while time.monotonic() < deadline:
            if not len(self.sandbox.outbox) and self._place.sql(_OPEN) == "0":
                return True
        return False

    # What is true

    def agreement(self) -> Agreement:
        """Compare both sides without the server."""
        objects = {name: self.sandbox.objects(name) for name in _TYPES}
        return compare(self.file, objects)

    def must_agree(self) -> None:
        """Both sides are equal, and nothing was written twice."""
        found = self.agreement()
        assert not found.differences, found.differences[:9]
        assert len(found.pairs) > 10
        refs = self.sandbox.created_refs
        assert len(refs) == len(set(refs))
        self._place.note(f"Both sides agree: {found.in_quickbooks}, {found.in_mosaic}")

    def goes_on(self) -> None:
        """What is changed on either side now arrives on the other."""
        self.edit()
        self.sync()
        self.must_arrive()

    def edit(self) -> None:
        """Change one entry in QuickBooks and another in Mosaic."""
        self._marks += 1
        # What both sides change within minutes is asked about: others each time.
        taken = {
            row["txn_id"]
            for row in self.file.store.all(
                "SELECT txn_id FROM time_entry WHERE billable = 'HasBeenBilled'"
                " OR notes LIKE 'here %' OR notes LIKE 'there %'"
                " OR notes LIKE 'after %'"
            )
        }
        # The agreement tells pairs only where both sides are the same.
        free = sorted(one for one in self.agreement().pairs if one[0] not in taken)
        (here, _), (_, there) = free[0], free[1]
        self.file.hands.edit_time(here, notes=f"here {self._marks}", minutes=75)
        self.people.edit_time(there, description=f"there {self._marks}", hours=1.75)

    def add(self, text: str) -> None:
        """Enter half an hour in Mosaic."""
        like = self.people.time()[-1]
        self.people.add_time(
            like["member_id"],
            self.file.store.today(),
            0.5,
            project=like["project_id"],
            category=like["standard_work_category_id"],
            text=text,
            billable=False,
        )

    def must_have_once(self, text: str) -> None:
        """What was entered is on both sides, once."""
        rows = self.file.store.all("SELECT * FROM time_entry WHERE notes = ?", text)
        assert len(rows) == 1
        assert [one["description"] for one in self.people.time()].count(text) == 1

    def must_arrive(self, edits: int = 1) -> None:
        """The last edits are on both sides, once, and all else agrees."""
        texts = [one["description"] for one in self.people.time()]
        for mark in range(self._marks - edits + 1, self._marks + 1):
            assert texts.count(f"here {mark}") == 1
            rows = self.file.store.all(
                "SELECT * FROM time_entry WHERE notes = ?", f"there {mark}"
            )
            assert [row["minutes"] for row in rows] == [105]
        self.must_agree()

    def close(self) -> None:
        """End what runs on this machine."""
        self._mosaic.stop()
        self.file.close()


class House(Customer):
    """A company of the server of a project that is up."""

    def __init__(self, project: Project, folder: Path, port: int) -> None:
        self.project = project
        super().__init__(project, folder, f"https://localhost:{port}")


def prepare(project: Project) -> int:
    """Write the .env of a project; return the port of its proxy."""
    port = free_port()
    project.run("make", "env", f"PUBLIC_URL=https://localhost:{port}")
    path = project.folder / ".env"
    text = path.read_text().replace("HTTP_PORT=80\n", f"HTTP_PORT={free_port()}\n")
    path.write_text(text + _SETTINGS)
    return port
