"""What happens to networks, computers, clocks and Mosaic: acts of nobody."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from qbwc_server.sandbox.mosaic.callbacks import Shape, write_callback
from qbwc_server.sandbox.mosaic.sandbox import AnswerMode
from tests.agreement.talk import Trouble
from tests.agreement.world import Act, World, pick, show

_SHAPES: tuple[Shape, ...] = ("dataPayload", "dataPayload", "payload", "response")
_MODES: tuple[AnswerMode, ...] = ("mute", "silent", "body", "bare", "callback")
_OUTAGES = (20, 90, 600, 3 * 3600, 7 * 3600)
_LATE = (20, 200, 1000, 2500, 3 * 3600, 9 * 3600)
_SPANS = (5, 60, 400, 1300, 4000)


def outage(world: World, one: Act) -> None:
    """Mosaic is down, for seconds or for hours."""
    until = world.house.clock() + timedelta(seconds=pick(_OUTAGES, one.a))
    world.down_until = max(until, world.down_until or until)


def _post_fails(when: Any) -> Callable[[World, Act], None]:
    def act(world: World, one: Act) -> None:
        kind = pick(("error", "down", "slow"), one.a)
        world.house.sandbox.fail_next(kind, 1, "POST time_entry", when=when, seconds=5)

    return act


def write_fails(world: World, one: Act) -> None:
    """A change or deletion in Mosaic fails, before or after it was carried out."""
    match, when = pick(("PUT time_entry", "DELETE time_entry"), one.a), one.b % 2
    world.house.sandbox.fail_next("error", 1, match, when="after" if when else "before")


def _lost(arrives: bool) -> Callable[[World, Act], None]:
    def act(world: World, one: Act) -> None:
        world.house.clock.pass_(minutes=16)
        world.house.connect(
            Trouble("receiveResponseXML", 1 + one.a % 5, arrives=arrives)
        )

    return act


def cut(world: World, one: Act) -> None:
    """An answer of QuickBooks arrives cut in half."""
    world.house.clock.pass_(minutes=16)
    world.house.connect(Trouble(cut=1 + one.a % 6))


def slept(world: World, one: Act) -> None:
    """A worker sleeps between its last look and the socket; another takes over."""
    for _ in range(1 + one.a % 6):
        world.house.clock.pass_(minutes=3)
        world.house.work()


def dawdle(world: World, one: Act) -> None:
    """A computer or a line is slow."""
    world.house.clock.pass_(minutes=pick((1, 6, 20), one.a))


def clock_jump(world: World, one: Act) -> None:
    """The server's clock is wrong for one run, and is then put right."""
    hours = pick((3, -3, 1, 26), one.a)
    world.house.clock.pass_(hours=hours)
    world.run()
    world.house.clock.pass_(hours=-hours)


def hide(world: World, one: Act) -> None:
    """Mosaic shows nothing of one project."""
    objects = world.house.sandbox.team.store.objects
    number = pick(objects["project"], one.a)
    entries = objects["time_entry"]
    for key in [key for key, it in entries.items() if it["project_id"] == number]:
        for ledger in world.ledgers:
            if values := ledger.now().get(("mosaic", key)):
                ledger.hid({key: values})
        world.hidden[key] = entries.pop(key)


def callbacks(world: World, one: Act) -> None:
    """The next callbacks come late, twice, never or forged; or of what people do."""
    kinds = ("callback_late", "callback_twice", "callback_never", "callback_forged")
    if one.b % 2:
        world.house.people.calls_back = not world.house.people.calls_back
    seconds = pick((20, 200, 1500, 4 * 3600), one.c)
    world.house.sandbox.callback_shape = pick(_SHAPES, one.b)
    world.house.sandbox.fail_next(pick(kinds, one.a), 2, seconds=seconds)


def forged(world: World, one: Act) -> None:
    """Somebody who knows our address tells of entries by id what is not so."""
    house, entries = world.house, world.entries("mosaic")
    if not entries:
        return
    place, values = pick(reversed(entries), one.a)
    false = {"mosaic_id": place[1], "hours": 11.0, "date": values["day"]}
    refs = [row["ref"] for row in house.sandbox.writes if row["ref"]]
    body = write_callback(
        pick(_SHAPES, one.b // 3),
        data_type="time_entry",
        action=pick(("create", "update", "delete"), one.b),
        metadata={"ref": pick(refs, one.c)} if refs and one.c % 2 else {},
        request_id=str(uuid.uuid4()),
        item=false if one.c % 3 else {},
        error="refused" if one.c % 5 == 0 else None,
    )
    house._post(f"/webhook/{house.company.webhook_token}", body)


def list_fails(world: World, one: Act) -> None:
    """Mosaic's lists fail for a while: one of them, or the request log."""
    match = pick(
        ("GET time_entry", "GET project", "GET employee", "GET client", "GET"), one.a
    )
    kind = pick(("error", "html", "bad_json", "down", "rate_limit"), one.b)
    world.house.sandbox.fail_next(kind, 1 + one.c % 6, match)


def late(world: World, one: Act) -> None:
    """The next write that Mosaic is sent fails, and takes effect later all the same."""
    world.late_by = timedelta(seconds=pick(_LATE, one.a))


def ways(world: World, one: Act) -> None:
    """Mosaic keeps no request log for a while, or answers writes in another way."""
    sandbox = world.house.sandbox
    if one.a % 3 == 0:
        sandbox.dialect.keeps_log = not sandbox.dialect.keeps_log
    else:
        sandbox.answer_mode = pick(_MODES, one.b)


def run(world: World, one: Act) -> None:
    """Web Connector and the worker run, one to three times."""
    for _ in range(1 + one.a % 3):
        world.run()


def work(world: World, one: Act) -> None:
    """The worker works alone, after seconds or minutes."""
    world.house.clock.pass_(seconds=pick((1, 20, 90, 310), one.a))
    world.house.work()


def connect(world: World, _one: Act) -> None:
    """Web Connector comes alone."""
    world.house.clock.pass_(minutes=2)
    world.house.connect()


def computer_off(world: World, one: Act) -> None:
    """Time passes with nobody at the office: only the worker works."""
    for _ in range(3):
        world.house.clock.pass_(minutes=pick(_SPANS, one.a) / 3)
        world.house.work()


def server_off(world: World, one: Act) -> None:
    """Time passes, and nothing of ours runs."""
    world.house.clock.pass_(minutes=pick(_SPANS, one.a))


def days_pass(world: World, one: Act) -> None:
    """Days pass as they should."""
    for _ in range(1 + one.a % 2):
        world.house.clock.pass_(hours=20)
        for _ in range(3):
            world.run()


MISHAPS: dict[str, tuple[int, Callable[[World, Act], None]]] = {
    "outage": (2, outage),
    "post fails before": (3, _post_fails("before")),
    "post fails after": (3, _post_fails("after")),
    "write fails": (2, write_fails),
    "answer lost": (4, _lost(arrives=False)),
    "answer lost late": (2, _lost(arrives=True)),
    "cut": (3, cut),
    "clock jump": (1, clock_jump),
    "slept": (0, slept),
    "dawdle": (0, dawdle),
    "hide": (1, hide),
    "show": (1, show),
    "callbacks": (3, callbacks),
    "forged": (2, forged),
    "list fails": (2, list_fails),
    "late": (2, late),
    "ways": (2, ways),
    "run": (14, run),
    "work": (8, work),
    "connect": (5, connect),
    "computer off": (3, computer_off),
    "server off": (2, server_off),
    "days pass": (2, days_pass),
}
