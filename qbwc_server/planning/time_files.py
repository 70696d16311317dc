"""Keeps the hours of several company files of one Mosaic team apart.

Rule 1: an entry of Mosaic that another file holds never enters this one; and where this
one has it all the same, from before hours were claimed, neither side of it is changed
or deleted from here until a person has looked.
Rule 2: what was entered in Mosaic on what several files share is of no file until a
person has said whose such hours are.
Rule 3: what is linked is claimed. What we created in Mosaic is claimed as soon as it is
known; until then a reservation keeps the other files from taking it.

Rule 4: after our own database was put back from a copy, claims and words of since are
unknown. What the copy does not know in Mosaic may have been created from any file that
could have it: it is joined where it equals one of a file's, whatever was said of such
hours, and else it enters no file without a word about itself.

A company that is alone in its team never comes here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import copied, registry
from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import time_claims
from qbwc_server.keys import Keys
from qbwc_server.kinds.restored import Mark
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.time_owner import Whose
from qbwc_server.kinds.two_way import Action, Do
from qbwc_server.mosaic_reading.time_window import WAITS_FOR_MOSAIC
from qbwc_server.planning import time_missed
from qbwc_server.records import history, time_of_mosaic
from qbwc_server.storage import tables

_RECORD, _CALL, _CLAIM = tables.record, tables.mosaic_call, tables.time_claim
_OTHERS = "Is in this company file, but in Mosaic it belongs to another one of the team"
HELD: Final = (
    f"{_OTHERS}: nothing is changed or deleted on either side. If it is not this "
    "file's, delete it in QuickBooks; Mosaic and the other file keep theirs."
)
_LEFT = "Was deleted in QuickBooks; in Mosaic it belongs to another company file."
ASKS: Final = (
    "Was entered in Mosaic for a person and a project that several company files share "
    "and is in none of them yet. Please say on the setup page, under Shared, whose "
    "such hours are, once for all. Support: `qbwc-server company shared-hours`."
)
_MAKING = (
    "Another company file is just creating time of this person in Mosaic; waits until "
    "it is known whether it is this one. If that takes longer than an hour, please "
    "tell our support. Support: `qbwc-server support companies` shows that file."
)
_UNCLAIMED = "Waits until it is known which hours are of which company file."
_OWN = "Waits for the entry of this company file that it was made from."
_AGAIN = "Waits until the entry that this company file had in Mosaic is read."
_COPIED = (
    "Our restored database does not know whether this was entered in Mosaic, or made "
    "there from another company file of the team. If it is this file's, say that it is "
    "meant, and it is added to QuickBooks; if it is another one's, nothing is to do."
)
_COMPARING = (
    "Waits until both sides were read since our database was put back: it may be what "
    "this company file has."
)
FOR_CLAIMS: Final = "files:claims"
"""What all waits for until the files of a team have claimed what they have."""
FOR_COPIES: Final = "files:copies"
"""What waits for a word, or for another file that claims it, after a restored copy."""


class TeamFiles:
    """What the files of a team say about the records of one batch."""

    def __init__(
        self,
        connection: Connection,
        company: Company,
        rows: Sequence[Row[Any]],
        keys: Keys,
        now: datetime,
    ) -> None:
        time_claims.lock(connection, company.team)
        self._connection = connection
        self._company = company
        self._keys = keys
        there = {row.mosaic_id: row.mosaic for row in rows if row.mosaic}
        self._files = time_claims.load(connection, company.id, company.team, there)
        self._now = now
        self._complete = not time_claims.due(connection, company.team)
        self._own = _own_again(connection, company, rows, keys)
        self._awaited = _awaited(connection, company, rows)
        self._taken: set[int] = set()
        self._unknown: dict[int, Whose] = {}
        self.not_ours: list[int] = []
        """Records of entries that are another file's, and were never in this one."""

    def stops(self, row: Row[Any]) -> Action | None:
        """Return why nothing is done with a record, None if it is this file's."""
        if not self._complete:
            return Action(Do.NOTHING, _UNCLAIMED, "pending", waits_for=FOR_CLAIMS)
        if row.mosaic_id is None or row.mosaic is None:
            return None
        found = self._files.whose(row.mosaic_id, row.mosaic)
        if row.quickbooks_id is not None:
            if found not in {Whose.OTHERS, Whose.FORGOTTEN} or (
                row.mosaic_id not in self._files.claims
            ):
                return None
            if row.quickbooks_gone:
                return Action(Do.NOTHING, _LEFT, "gone")
            return Action(Do.NOTHING, HELD, "refused")
        if row.restored == Mark.COPY and self._files.may_be_any(
            row.mosaic_id, row.mosaic
        ):
            self._unknown[row.id] = found
            return None
        return self._only_in_mosaic(row, found)

    def unknown(self, row: Row[Any]) -> Action | None:
        """Return why what no copy knows, and no file has, is not added to this one."""
        found = self._unknown.get(row.id)
        if found is None:
            return None
        if found is not Whose.OTHERS:
            asks = Action(Do.NOTHING, _COPIED, "refused", waits_for=FOR_COPIES)
            return asks if found is Whose.MINE else self._only_in_mosaic(row, found)
        if any(
            copied.is_unread(self._company, one) for one in ("quickbooks", "mosaic")
        ):
            return Action(Do.NOTHING, _COMPARING, waits_for=WAITS_FOR_MOSAIC)
        return self._only_in_mosaic(row, found)

    def _only_in_mosaic(self, row: Row[Any], found: Whose) -> Action | None:
        match found:
            case Whose.OTHERS | Whose.FORGOTTEN:
                return self._left(row)
            case Whose.ASK:
                asks = _question(row.mosaic)
                return Action(Do.NOTHING, ASKS, "refused", waits_for=asks)
            case Whose.MAYBE:
                return time_missed.may_be_ours(self._connection, row) or self._left(row)
            case Whose.WAIT if self._files.may_have_missed(row.mosaic_id, row.mosaic):
                return time_missed.held(row, self._now)
            case Whose.WAIT:
                asks = _question(row.mosaic)
                return Action(Do.NOTHING, _MAKING, "pending", waits_for=asks)
            case Whose.MINE if time_missed.is_held(
                self._connection, self._company, row
            ):
                return time_missed.held(row, self._now)
            case Whose.MINE if row.mosaic_id in self._awaited:
                return Action(Do.NOTHING, _OWN, "unlinked")
            case Whose.MINE if not row.mosaic_gone:
                self._taken.add(row.mosaic_id)
        return None

    def _left(self, row: Row[Any]) -> Action:
        """Leave an entry to the file whose it is."""
        self.not_ours.append(row.id)
        return Action(Do.NOTHING, _LEFT, "gone")

    def own_again(self, row: Row[Any]) -> tuple[Row[Any] | None, Action | None]:
        """Return the record in Mosaic that a record of QuickBooks was before.

        A company that was forgotten and added again knows its entries by their TxnIDs.
        Where Mosaic's was not read since, it is: then the action says to wait.
        """
        if row.mosaic_id is not None or row.id not in self._own:
            return None, None
        mosaic_id, held = self._own[row.id]
        there = self._connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == self._company.id,
                _RECORD.c.mosaic_type == NAME,
                _RECORD.c.mosaic_id == mosaic_id,
            )
        ).first()
        if there is not None and there.quickbooks_id is None:
            self._take_back(mosaic_id, clear=True)
            return there, None
        read_from = self._company.mosaic_time_from
        if held and read_from is not None and row.day >= read_from:
            # It was read since, and Mosaic does not have it any more.
            self._take_back(mosaic_id, clear=True)
            return None, None
        if not held:
            self._take_back(mosaic_id, clear=False)
            registry.change(self._connection, self._company.id, mosaic_time_from=None)
        return None, Action(Do.NOTHING, _AGAIN, "pending", waits_for=WAITS_FOR_MOSAIC)

    def coming_back(self, rows: Sequence[Row[Any]]) -> set[int]:
        """Return which records of QuickBooks are to get back what they had in Mosaic.

        They are nobody else's partner, however equal.
        """
        return set(_own_again(self._connection, self._company, rows, self._keys))

    def let_go(self, row: Row[Any], now: datetime) -> bool:
        """Have an entry made again of which another file took the first for its own.

        Both files were creating equal entries at the same time, and the other one found
        ours in Mosaic before its answer came. It is as good as theirs.
        """
        claim = self._files.claims.get(row.mosaic_id)
        if claim is None or claim.holder in {None, self._company.id}:
            return False
        made_here = self._connection.execute(
            sa.select(_CALL.c.id).where(
                _CALL.c.company_id == self._company.id,
                _CALL.c.record_id == row.id,
                _CALL.c.operation == "create",
                _CALL.c.state == "done",
                _CALL.c.mosaic_id == row.mosaic_id,
            )
        ).first()
        if made_here is None or row.quickbooks_id is None or row.quickbooks_gone:
            return False
        time_of_mosaic.given_away(self._connection, row, now)
        history.event(
            self._connection,
            self._company.id,
            row.id,
            at=now,
            what="another company file took the entry in Mosaic for its own",
            by="plan",
            detail={"mosaic_id": row.mosaic_id},
        )
        return True

    def _take_back(self, mosaic_id: int, *, clear: bool) -> None:
        done: dict[str, object] = {"txn_hash": None} if clear else {}
        self._connection.execute(
            _CLAIM.update()
            .where(_CLAIM.c.team == self._company.team)
            .where(_CLAIM.c.mosaic_id == mosaic_id)
            .values(held_by=self._company.id, **done)
        )

    def others_on(self, days: set[str], *, also_asked: bool = False) -> set[int]:
        """Return the entries of Mosaic of some days that are not to be joined here.

        What may be of a creation that was missed is joined with what that was made
        from, or with nothing once it is asked; `also_asked` is for that very one.
        """
        rows = self._connection.execute(
            sa.select(_RECORD.c.mosaic_id, _RECORD.c.mosaic).where(
                _RECORD.c.company_id == self._company.id,
                _RECORD.c.quickbooks_id.is_(None),
                _RECORD.c.mosaic_id.is_not(None),
                _RECORD.c.day.in_(sorted(days)),
            )
        )
        there = {row.mosaic_id: row.mosaic for row in rows}
        me, team = self._company.id, self._company.team
        held = time_claims.claims(self._connection, team, list(there))
        others = {one for one, by in held.items() if by.holder != me}
        if also_asked:
            return others
        alone = {one: there[one] for one in there.keys() - held.keys()}
        return others | time_missed.spoken_of(self._connection, self._company, alone)

    def linked(self, row: Row[Any]) -> None:
        """Have an entry that is on both sides be this file's."""
        if row.mosaic_id is not None and row.quickbooks_id is not None:
            self._taken.add(row.mosaic_id)

    def keep(self, making: set[int], now: datetime) -> None:
        """Write down what was decided; time of the people `making` is to be created."""
        team, me = self._company.team, self._company.id
        new = self._taken - self._files.claims.keys()
        time_claims.claim(self._connection, team, me, new, now=now)
        if making:
            time_claims.reserve(self._connection, team, me, making, now=now)
        time_of_mosaic.not_this_files(self._connection, me, self.not_ours)


def _question(snapshot: Mapping[str, Any]) -> str:
    """Return what entries wait for that are of nobody for the same reason."""
    project, phase = snapshot["job"]
    parts = (snapshot["person"], project, phase, snapshot["item"])
    return ":".join(("files", *("" if one is None else str(one) for one in parts)))


def asked(waits_for: str) -> dict[str, Any] | None:
    """Return what `_question` was asked about, as an entry has it; None for others."""
    parts = waits_for.split(":")
    if len(parts) != len(("files", "person", "project", "phase", "item")):
        return None
    person, project, phase, item = (int(one) if one else None for one in parts[1:])
    return {"person": person, "job": [project, phase], "item": item}


def waiting_for_files() -> sa.ColumnElement[bool]:
    """Return the condition that a record waits to know whose it is."""
    return _RECORD.c.waits_for.like("files:%")


def questions(connection: Connection, company_id: int) -> list[str]:
    """Return what entries of a company wait for to know whose they are."""
    rows = connection.execute(
        sa.select(_RECORD.c.waits_for)
        .where(_RECORD.c.company_id == company_id, waiting_for_files())
        .distinct()
    )
    return sorted(rows.scalars())


def _awaited(
    connection: Connection, company: Company, rows: Sequence[Row[Any]]
) -> set[int]:
    """Return the entries of Mosaic that an entry of QuickBooks will come back to."""
    alone = [row.mosaic_id for row in rows if row.mosaic_id and not row.quickbooks_id]
    if not alone:
        return set()
    found = connection.execute(
        sa.select(_CLAIM.c.mosaic_id).where(
            _CLAIM.c.team == company.team,
            _CLAIM.c.mosaic_id.in_(alone),
            _CLAIM.c.held_by == company.id,
            _CLAIM.c.txn_hash.is_not(None),
        )
    )
    return set(found.scalars())


def _own_again(
    connection: Connection, company: Company, rows: Sequence[Row[Any]], keys: Keys
) -> dict[int, tuple[int, bool]]:
    """Return the entries in Mosaic that records of QuickBooks had before.

    By record; each with whether this company has taken it back already.
    """
    hashed = {
        one: row.id
        for row in rows
        if row.mosaic_id is None and row.quickbooks_id and not row.quickbooks_gone
        for one in keys.hashes("time", row.quickbooks_id)
    }
    if not hashed:
        return {}
    found = connection.execute(
        sa.select(_CLAIM).where(
            _CLAIM.c.team == company.team,
            _CLAIM.c.txn_hash.in_(sorted(hashed)),
            _CLAIM.c.held_by.is_(None) | (_CLAIM.c.held_by == company.id),
        )
    )
    return {
        hashed[row.txn_hash]: (row.mosaic_id, row.held_by is not None) for row in found
    }
