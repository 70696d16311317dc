"""Audits the locked dependencies: known weaknesses fail, and no answer is said loudly.

usage: audit.py PIP_AUDIT LOCK

An index without an advisory database makes pip-audit skip every package and end well.
That is no audit, so it is told apart: "not audited" is loud, and does not fail, because
a machine without a way to the database must be able to run the other checks.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

ACCEPTED: Mapping[str, str] = {}
"""Advisories that do not concern us, by their id, each with the reason."""


def verdict(report: Mapping[str, Any] | None, said: str) -> tuple[int, list[str]]:
    """Return the exit code and what to say of pip-audit's report.

    `report` is None where it made none; `said` is what it wrote beside it.
    """
    if report is None:
        return 0, [f"NOT AUDITED: pip-audit gave no report: {said.strip()[-500:]}"]
    packages = report["dependencies"]
    skipped = [one for one in packages if "skip_reason" in one]
    found = [
        f"{one['name']} {one['version']}: {weak['id']}, mended in "
        + (", ".join(weak["fix_versions"]) or "no version yet")
        for one in packages
        for weak in one.get("vulns", ())
        if not {weak["id"], *weak.get("aliases", ())} & ACCEPTED.keys()
    ]
    lines = [f"WEAK: {one}" for one in found]
    if skipped:
        lines.append(
            f"NOT AUDITED: {len(skipped)} of {len(packages)} packages, for example: "
            f"{skipped[0]['skip_reason']}"
        )
    lines.append(f"audited: {len(packages) - len(skipped)} packages, {len(found)} weak")
    return (1 if found else 0), lines


def main(pip_audit: str, lock: str) -> int:
    """Run pip-audit over a lock file and say what came of it."""
    done = subprocess.run(  # noqa: S603 - our own tool, by the path that make names
        [
            *(pip_audit, "--requirement", lock, "--require-hashes", "--disable-pip"),
            *("--format", "json", "--progress-spinner", "off"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = None
    code, lines = verdict(report, done.stderr)
    sys.stdout.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
