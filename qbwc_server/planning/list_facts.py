"""What the plans of records of lists need to know, looked up for many at once.

Rule: what is on a list stands on what is above it, and two of one name must not both
take the same object. So of records that are planned together only those are `alone`
that no other one of them could matter to; the others are planned after them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import team_claims
from qbwc_server.delivery import list_calls, outbox
from qbwc_server.kinds import KINDS, kind, list_plan
from qbwc_server.kinds.kind import Lineage
from qbwc_server.kinds.list_plan import Candidate, Choice, Hold, Shared, Side, Wanted
from qbwc_server.planning import candidates
from qbwc_server.records.ancestors import lineages


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of records, by their ids; `open` have a write on its way."""

    rows: Sequence[Row[Any]]
    lineages: dict[int, Lineage]
    wanted: dict[int, Wanted | Hold]
    open: set[int]
    found: dict[int, list[Candidate]]
    shared: dict[tuple[str, int], Shared]

    def alone(self) -> Iterator[Row[Any]]:
        """Yield those that can be planned together, in their order."""
        touched: set[tuple[str, str]] = set()
        names: set[tuple[str, str]] = set()
        for row in self.rows:
            above = {
                (row.kind, one.quickbooks_id) for one in self.lineages[row.id][:-1]
            }
            mine = _names(row, self.wanted[row.id])
            if not above & touched and not mine & names:
                yield row
            touched.add((row.kind, row.quickbooks_id))
            names |= mine

    def plan(self, row: Row[Any]) -> list_plan.Action:
        """Return the plan of a record."""
        side = Side(
            state=row.state,
            quickbooks_gone=row.quickbooks_gone,
            mosaic_type=row.mosaic_type,
            mosaic_id=row.mosaic_id,
            mosaic=row.mosaic,
            agreed=row.agreed,
            choice=row.choice,
            shared=self.shared.get((row.mosaic_type, row.mosaic_id), Shared.NO),
        )
        return list_plan.plan(side, self.wanted[row.id], self.found.get(row.id, ()))


def gather(connection: Connection, company: Company, rows: Sequence[Row[Any]]) -> Facts:
    """Look up what the plans of records need to know."""
    above = lineages(connection, company.id, rows)
    wanted = {row.id: _wanted(company, row, above[row.id]) for row in rows}
    looked_for = {
        row.id: _looked_for(row, one)
        for row in rows
        if isinstance(one := wanted[row.id], Wanted)
    }
    return Facts(
        rows,
        above,
        wanted,
        outbox.records_with_open_calls(
            connection, company.id, [row.id for row in rows]
        ),
        candidates.candidates(connection, company.id, looked_for, team=company.team),
        team_claims.shared(
            connection,
            company.team,
            company.id,
            [
                (row.mosaic_type, row.mosaic_id)
                for row in rows
                if row.mosaic_id is not None
            ],
        ),
    )


def _wanted(company: Company, row: Row[Any], lineage: Lineage) -> Wanted | Hold:
    wanted = kind.wanted(KINDS[row.kind], lineage, company.structure)
    if wanted is None or row.quickbooks_gone:
        return Hold("in_sync", "Nothing is wanted of it in Mosaic.")
    if (
        isinstance(wanted, Wanted)
        and wanted.data_type == "project"
        and company.mosaic_portfolio is None
    ):
        reason = "Waits for the company's portfolio in Mosaic."
        return Hold("unlinked", reason, waits_for=list_calls.PORTFOLIO)
    return wanted


def _looked_for(row: Row[Any], wanted: Wanted) -> Wanted:
    if row.choice == Choice.NEW and row.mosaic_id is None:
        return list_plan.names_for_new(wanted)
    return wanted


def _names(row: Row[Any], wanted: Wanted | Hold) -> set[tuple[str, str]]:
    if isinstance(wanted, Hold):
        return set()
    # A counted name, as of what is made anew, is next to the one without its number.
    some = _looked_for(row, wanted)
    return {(wanted.data_type, name) for name in candidates.names(some)}
