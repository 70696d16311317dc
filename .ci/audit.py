"""Audits the locked dependencies: known weaknesses fail, and no answer is said loudly.

usage: audit.py PIP_AUDIT LOCK

An index without an advisory database makes pip-audit skip every package and end well.
That is no audit, so it is told apart, and fails: nothing is released on it. A machine
without a way to the database says so by WITHOUT_ADVISORIES=1, to run the other checks;
"NOT AUDITED" is then said, and a weakness that is known all the same still fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

ACCEPTED: Mapping[str, str] = {}
"""Advisories that do not concern us, by their id, each with the reason."""


SWITCH = "WITHOUT_ADVISORIES"
WEAK, NOT_AUDITED = 1, 2


def verdict(
    report: Mapping[str, Any] | None, said: str, *, may_be_without: bool = False
) -> tuple[int, list[str]]:
    """Return the exit code and what to say of pip-audit's report.

    `report` is None where it made none; `said` is what it wrote beside it.
    `may_be_without` says that a machine has no advisories and goes on.
    """
    without = 0 if may_be_without else NOT_AUDITED
    how = f"{SWITCH}=1 lets this pass" if may_be_without else f"see {SWITCH}"
    if report is None:
        why = said.strip()[-500:]
        return without, [f"NOT AUDITED ({how}): pip-audit gave no report: {why}"]
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
            f"NOT AUDITED ({how}): {len(skipped)} of {len(packages)} packages, such as "
            f"{skipped[0]['skip_reason']}"
        )
    lines.append(f"audited: {len(packages) - len(skipped)} packages, {len(found)} weak")
    if found:
        return WEAK, lines
    return (without if skipped or not packages else 0), lines


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
    without = os.environ.get(SWITCH) == "1"
    code, lines = verdict(report, done.stderr, may_be_without=without)
    sys.stdout.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
