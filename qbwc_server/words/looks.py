"""What was done by itself and a person is to have a look at, in a sentence. Pure."""

from __future__ import annotations

from qbwc_server.kinds.time_entry import in_hours

_SIDES = {"quickbooks": "QuickBooks", "mosaic": "Mosaic"}


def joined(how: str, entries: int, minutes: int) -> str:
    """Return how much was taken for one because it is equal: "3 entries, 7:30 hours".

    `how` is "typed" for by hand on both sides, "lost" for what we sent ourselves and
    was not answered.
    """
    alone = entries == 1
    many = "1 entry" if alone else f"{entries:,} entries"
    verb, one = ("was", "is one") if alone else ("were", "are one each")
    told = (
        f"typed on both sides and {one}"
        if how == "typed"
        else f"sent to Mosaic without an answer, and {verb} found there by being equal"
    )
    return f"{many}, {in_hours(minutes)} hours, {verb} {told}"


def kept(side: str, entries: int, *, two_way: bool) -> str:
    """Return that some time entries have one side's values, and why."""
    many = "1 time entry was" if entries == 1 else f"{entries:,} time entries were"
    if not two_way:
        return (
            f"{many} changed in Mosaic; time goes from QuickBooks to Mosaic only, so "
            "QuickBooks' values were kept"
        )
    return f"{many} changed on both sides; {_SIDES[side]}'s values were kept"


def kept_because(side: str, policy: str, *, two_way: bool) -> str:
    """Return why the value of one side of an entry was kept, in a sentence."""
    name = _SIDES[side]
    if not two_way:
        return "Time goes from QuickBooks to Mosaic only: QuickBooks' value was kept."
    if policy == "newest":
        return f"Both sides changed it; the later change, {name}'s, was kept."
    if policy == side:
        return (
            f"Both sides changed it; {name}'s value was kept, as is set for this "
            "connection."
        )
    return f"Both sides changed it; {name}'s value was kept."


def in_common(many: int) -> tuple[str, ...]:
    """Return what is to be done about what another company file has too, if anything.

    `many` clients, projects and phases need a word.
    """
    if not many:
        return ()
    what = (
        "client, project or phase is" if many == 1 else "of your clients and jobs are"
    )
    told = f"{many:,} {what} another company file's of your team, too"
    return (f"{told}: say whether both share them.",)
