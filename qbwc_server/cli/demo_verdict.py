"""What the demo says about both sides: a table, the differences, yes or no."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import Engine

from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.sandbox.agreement import Agreement
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.storage import tables
from qbwc_server.storage.database import operator_transaction


def tell(
    console: Console, engine: Engine, found: Agreement, sandbox: MosaicSandbox
) -> dict[str, Any]:
    """Show what was compared, and return it as the demo's result."""
    kinds = [
        _kind(engine, kind.name, kind.plural, found, mirrored=bool(kind.mirror))
        for kind in KINDS.values()
        if kind.by_setting is None
    ]
    kinds.append(
        _kind(engine, time_entry.NAME, time_entry.PLURAL, found, mirrored=True)
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("", "in QuickBooks", "in Mosaic", "in sync", "waiting", "why"):
        justify = "left" if column in {"", "why"} else "right"
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for one in kinds:
        table.add_row(*(str(value) for value in one.values()))
    console.print(table)
    refs = sandbox.created_refs
    doubled = len(refs) - len(set(refs))
    differences = list(found.differences)
    if doubled:
        differences.append(f"{doubled} creations were sent twice")
    for text in differences[:20]:
        console.print(f"  [red]{text}[/]")
    verdict = "NO" if differences else "Yes, record by record."
    console.print(f"[bold]{verdict}[/] {len(refs)} objects were created.")
    return {
        "kinds": kinds,
        "created": len(refs),
        "without_counterpart": found.needless,
        "differences": differences,
    }


def _kind(
    engine: Engine, name: str, plural: str, found: Agreement, *, mirrored: bool
) -> dict[str, Any]:
    record = tables.record
    with operator_transaction(engine) as connection:
        rows = connection.execute(
            sa.select(record.c.state, record.c.reason, sa.func.count().label("n"))
            .where(record.c.kind == name)
            .group_by(record.c.state, record.c.reason)
        ).all()
    waiting = [row for row in rows if row.state not in {"in_sync", "gone"}]
    why = "; ".join(
        f"{row.n}: {row.reason.split('. ')[0]}"
        for row in waiting
        if row.reason is not None
    )
    if name == time_entry.NAME:
        # Each entry has a reason of its own; by kind they are told by the comparison.
        why = "; ".join(f"{n}: {reason}" for reason, n in found.needless.items())
    folded = found.without_counterpart.get(plural, 0)
    if name == "customer" and folded:
        why = f"{folded} are deeper than phases. {why}"
    return {
        "kind": plural,
        "in_quickbooks": sum(row.n for row in rows if row.state != "gone"),
        "in_mosaic": found.in_mosaic.get(plural, 0) if mirrored else "-",
        "in_sync": sum(row.n for row in rows if row.state == "in_sync"),
        "waiting": sum(row.n for row in waiting),
        "why": why if mirrored else "read and kept for time entries",
    }
