"""Every place of the program where a transaction ends, by name.

The places are read from the source, so that none can be forgotten: a name is the
module, the function and, where a function has several, which of them.
"""

from __future__ import annotations

import ast
from pathlib import Path

import qbwc_server

_BEGINS = frozenset(
    {"transaction", "company_transaction", "company_reading", "_transaction"}
)
HANDS_ON = (
    *("storage/database.py", "storage/loop_trips.py", "storage/one_trip.py"),
    *("storage/support_reading.py", "storage/walls.py"),
)
"""What only hands transactions on."""
_NOT_RUNNING = ("cli/", "sandbox/", "onboarding/preview.py", "storage/schema.py")
"""Commands for people, and stand-ins."""


def points() -> dict[tuple[str, int], str]:
    """Return the names of all places by their file within the package and line."""
    root = Path(qbwc_server.__file__).parent
    found: dict[tuple[str, int], str] = {}
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if inside.as_posix().startswith((*HANDS_ON, *_NOT_RUNNING)):
            continue
        for name, lines in _in_file(path.read_text("utf-8")).items():
            module = ".".join(inside.with_suffix("").parts)
            for number, line in enumerate(lines, 1):
                more = f" {number}" if len(lines) > 1 else ""
                found[str(inside), line] = f"{module}.{name}{more}"
    return found


def _in_file(source: str) -> dict[str, list[int]]:
    """Return the lines of `with ...transaction(...)` by the function they are in."""
    found: dict[str, list[int]] = {}

    def walk(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                walk(child, f"{name}.{child.name}".lstrip("."))
                continue
            if isinstance(child, ast.With) and any(
                _begins(one.context_expr) for one in child.items
            ):
                found.setdefault(name, []).append(child.lineno)
            walk(child, name)

    walk(ast.parse(source), "")
    return found


def _begins(expression: ast.expr) -> bool:
    if not isinstance(expression, ast.Call):
        return False
    called = expression.func
    name = called.attr if isinstance(called, ast.Attribute) else ""
    return (called.id if isinstance(called, ast.Name) else name) in _BEGINS
