"""Plays a history so that it can be played again: the same seed, the same log.

Whatever is drawn at random comes from the seed: ids, tokens, references. One sender
sends, so that what is written has one order. The log has every act, every request and
answer of both sides, and at the end every row of the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import sqlalchemy as sa

from qbwc_server.storage import tables
from tests.agreement.acts import do, world_of
from tests.agreement.house import House, MakeHouse
from tests.agreement.judgement import judge
from tests.agreement.seeds import seeded
from tests.agreement.shrinking import begun
from tests.agreement.world import Act

_REAL = {"mosaic_key", "milliseconds"}
"""What is each time otherwise: by what keeps it secret, and by the real clock."""


def replay(make: MakeHouse, seed: int, acts: Sequence[Act]) -> list[str]:
    """Play a history and judge it; return its log.

    Raises:
        Broken: A promise is broken.
    """
    with seeded(seed):
        house = begun(make, acts)
        log: list[str] = []
        try:
            world = world_of(house)
            for one in world.houses:
                _listen(one, log)
            for act in acts:
                log.append(f"{house.clock.now} {act}")
                do(world, act)
            judge(world)
            log += _rows(house)
        finally:
            house.close()
    return log


def _listen(house: House, log: list[str]) -> None:
    """Have the log tell what goes to both sides, and comes from them."""
    ask, process = house.wire.handle_request, house.file.begin_session

    def handle(request: httpx.Request) -> httpx.Response:
        log.append(
            f"{house.clock.now} {request.method} {request.url} {request.read()!r}"
        )
        answer = ask(request)
        log.append(f"{answer.status_code} {answer.read()!r}")
        return answer

    def begin(**named: Any) -> Any:
        session = process(**named)
        answered = session.process

        def answers(text: str) -> str:
            log.append(f"{house.clock.now} {text}")
            answer: str = answered(text)
            log.append(answer)
            return answer

        setattr(session, "process", answers)  # noqa: B010 - mypy refuses a method
        return session

    setattr(house.wire, "handle_request", handle)  # noqa: B010 - mypy refuses a method
    setattr(house.file, "begin_session", begin)  # noqa: B010 - mypy refuses a method


def _rows(house: House) -> Iterator[str]:
    with house.engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            rows = connection.execute(
                sa.select(*(one for one in table.c if one.name not in _REAL))
            )
            yield from sorted(f"{table.name} {tuple(row)}" for row in rows)
