"""Whose an entry of Mosaic is, where two company files keep their time in one team.

What a file's product has created is that file's. What a person has typed in Mosaic is
in the ledger of each file until one has taken it: by what is the same there, by a
person's word, or because no other could. Then it is that one's for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from qbwc_server.storage import tables
from tests.agreement.house import House
from tests.agreement.real_hours import Broken, Place, RealHours

_CLAIM, _RULE, _CALL = tables.time_claim, tables.time_rule, tables.mosaic_call
_NEEDED = ("member_id", "project_id", "phase_id", "standard_work_category_id")
_NOT_HERE = frozenset({"gone", "refused"})


class OfFiles:
    """Keeps the ledgers of the files of a team apart."""

    def __init__(self, houses: list[House], ledgers: list[RealHours]) -> None:
        self._houses = houses
        self._ledgers = ledgers
        self._able: dict[int, set[int]] = {}
        self._left: dict[int, RealHours] = {}
        self._known = _Known(houses)

    def look(self) -> None:
        """See whose each entry is by now.

        Raises:
            Broken: a file has what is another one's, or nobody's yet.
        """
        if len(self._houses) == 1:
            return
        self._known = _Known(self._houses)
        self._sort_what_was_made()
        for number in self._nobodys():
            takers = {at for at, rows in self._having(number) if rows}
            takers |= self._holders(number)
            if len(takers) > 1:
                raise Broken(f"crossed: {number} is in several files")
            if takers:
                self._take(number, *takers)
        self._believe()
        for number, at in list(self._in_others()):
            self._change_hands(number, at)
        self._able = {one: self._who_is_able(one) for one in self._nobodys()}

    def forgot(self) -> None:
        """Note that the product knows nothing of what came since some moment."""
        self._able.clear()

    def at_the_end(self) -> None:
        """Leave to each file what it should have by now.

        Raises:
            Broken: an entry is in two files.
        """
        if len(self._houses) == 1:
            return
        self.look()
        for number in self._nobodys():
            self._leave_where_its_project_is(number)
        for number, at in self._in_others():
            raise Broken(f"crossed: {number} of another file is in file {at + 1}")

    def _believe(self) -> None:
        """Leave what a person has typed in Mosaic to the file that should take it.

        Until it has, a word or a link may change that.
        """
        for number, ledger in list(self._left.items()):
            at = self._ledgers.index(ledger) if ledger in self._ledgers else None
            if number not in self._entries():
                continue
            if at is not None and (
                self._both(at, number) or self._holders(number) == {at}
            ):
                del self._left[number]
            elif at is None or self._should(number) != at:
                del self._left[number]
                for one in self._ledgers:
                    if number in one.others:
                        one.others.discard(number)
                        one.typed(("mosaic", number))
        for number in list(self._nobodys()):
            at = self._should(number)
            if at is not None:
                self._left[number] = self._ledgers[at]
                self._leave_to(number, at)

    def _leave_where_its_project_is(self, number: int) -> None:
        """Leave what no file can take to those that have its project: they tell why."""
        project = self._entries()[number]["project_id"]
        have = [project in linked for linked in self._known.linked]
        for ledger, has in zip(self._ledgers, have, strict=True):
            if any(have) and not has:
                ledger.disown(("mosaic", number))

    def _should(self, number: int) -> int | None:
        """Return the file that should take an entry, None if nobody can tell."""
        said, able = self._said(number), self._who_is_able(number)
        if said is not None:
            return said
        return next(iter(able)) if len(able) == 1 else None

    def _sort_what_was_made(self) -> None:
        known = {
            place[1]
            for ledger in self._ledgers
            for place in ledger.of
            if place[0] == "mosaic"
        }
        for ledger in self._ledgers:
            known |= ledger.others
        refs = {
            one["mosaic_id"]: one["ref"]
            for one in self._houses[0].sandbox.writes
            if one["op"] == "create"
        }
        for number in self._entries().keys() - known:
            for at, house in enumerate(self._houses):
                if house.rows(_CALL, _CALL.c.ref == refs.get(number)):
                    self._leave_to(number, at)

    def _nobodys(self) -> Iterator[int]:
        """Return what is in several ledgers."""
        found = set.intersection(
            *(
                {number for side, number in ledger.of if side == "mosaic"}
                for ledger in self._ledgers
            )
        )
        return iter(sorted(found & self._entries().keys()))

    def _take(self, number: int, at: int) -> None:
        """See that a file may take what a person has typed in Mosaic."""
        is_typed = any(
            ("quickbooks", row.quickbooks_id) in self._ledgers[at].of
            for row in self._both(at, number)
        )
        if not is_typed:
            said, able = self._said(number), self._who_is_able(number)
            if said not in {None, at}:
                raise Broken(f"crossed: file {at + 1} took {number} against a word")
            before = self._able.get(number, set())
            if said is None and len(able) > 1 and len(before) > 1:
                raise Broken(f"crossed: file {at + 1} took {number} without a word")
        self._leave_to(number, at)

    def _change_hands(self, number: int, at: int) -> None:
        """See that a file has another's entry only where both have equal hours.

        Both were creating them at the same time: each may be whose it is.
        """
        place: Place = ("mosaic", number)
        (owner,) = (n for n, one in enumerate(self._ledgers) if place in one.of)
        (row,) = self._both(at, number)
        mine: Place = ("quickbooks", row.quickbooks_id)
        ours, theirs = self._ledgers[at], self._ledgers[owner]
        if mine not in ours.of or not ours.given(mine) & theirs.given(place):
            raise Broken(f"crossed: {number} of file {owner + 1} is in file {at + 1}")
        if self._held_by(number) == self._houses[at].company.id:
            theirs.disown(place)
            ours.others.discard(number)
            ours.typed(place)

    def _leave_to(self, number: int, at: int) -> None:
        for other, ledger in enumerate(self._ledgers):
            if other != at:
                ledger.disown(("mosaic", number))

    def _in_others(self) -> Iterator[tuple[int, int]]:
        """Return entries that a file has on both sides though they are another's."""
        for at, ledger in enumerate(self._ledgers):
            for number in sorted(ledger.others & self._entries().keys()):
                held = any(("mosaic", number) in one.of for one in self._ledgers)
                if held and self._both(at, number):
                    yield number, at

    def _having(self, number: int) -> Iterator[tuple[int, Sequence[Any]]]:
        for at in range(len(self._houses)):
            yield at, self._both(at, number)

    def _both(self, at: int, number: int) -> Sequence[Any]:
        return self._known.both[at].get(number, ())

    def _entries(self) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]]
        found = self._houses[0].sandbox.team.store.objects["time_entry"]
        return found

    def _said(self, number: int) -> int | None:
        """Return for which file a person has said that such hours are."""
        entry = self._entries()[number]
        rule = self._known.rules.get((entry["member_id"], entry["project_id"]))
        for at, house in enumerate(self._houses):
            if house.company.id == rule:
                return at
        return None

    def _holders(self, number: int) -> set[int]:
        """Return the file that means to take an entry, or has."""
        holder = self._held_by(number)
        return {at for at, one in enumerate(self._houses) if one.company.id == holder}

    def _held_by(self, number: int) -> Any:
        return self._known.holders.get(number)

    def _who_is_able(self, number: int) -> set[int]:
        """Return the files that are live and have all of it linked.

        A phase or category that no file has linked tells nothing.
        """
        entry = self._entries()[number]
        have: list[set[int]] = [set(), set(), set(), set()]
        for at in range(len(self._houses)):
            if not self._known.is_live[at]:
                continue
            for n, name in enumerate(_NEEDED):
                if entry[name] in self._known.linked[at]:
                    have[n].add(at)
        able = have[0] & have[1]
        for those in have[2:]:
            able = able & those or able
        return able


class _Known:
    """What the product knows of the files of a team, read once for each look."""

    def __init__(self, houses: Sequence[House]) -> None:
        record = tables.record
        self.both: list[dict[int, list[Any]]] = []
        self.linked: list[set[int]] = []
        self.is_live: list[bool] = []
        for house in houses:
            rows = house.rows(record, record.c.mosaic_id.is_not(None))
            have: dict[int, list[Any]] = {}
            for row in rows:
                if _is_on_both_sides(row):
                    have.setdefault(row.mosaic_id, []).append(row)
            self.both.append(have)
            self.linked.append(
                {row.mosaic_id for row in rows if row.kind != "time_entry"}
            )
            company = house.stored()
            was = company.mode_before_pause if company.mode == "paused" else None
            self.is_live.append("live" in {company.mode, was})
        team = houses[0].stored().team
        with houses[0].engine.connect() as connection:
            self.holders = {
                row.mosaic_id: row.held_by
                for row in connection.execute(
                    sa.select(_CLAIM).where(_CLAIM.c.team == team)
                )
            }
            self.rules = {
                (row.member_id, row.project_id): row.held_by
                for row in connection.execute(
                    sa.select(_RULE).where(_RULE.c.team == team)
                )
            }


def _is_on_both_sides(row: Any) -> bool:
    return (
        row.kind == "time_entry"
        and row.quickbooks_id is not None
        and not row.quickbooks_gone
        and row.state not in _NOT_HERE
    )
