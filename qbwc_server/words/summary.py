"""What Web Connector shows at the end of a run: counts, who must act, and where."""

from __future__ import annotations

from collections.abc import Mapping

from qbwc_server.words.wording import LONGEST, fitting

MANY = 1000
"""More than so many is only said to be more."""


def summary(
    came: Mapping[str, int],
    went: Mapping[str, int],
    needs: int,
    url: str,
    *,
    attention: str = "",
    filling: str = "",
) -> str:
    """Say what a run did and what needs a person: ASCII, under 200 characters.

    Args:
        came: objects read from QuickBooks by the plural of their kind.
        went: the same of what was written to QuickBooks.
        needs: records in which a person acts next; more than `MANY` is said so.
        url: the server's public address. It holds no secret: the token of a setup
            link is kept only as a hash, so it cannot be printed here, and this text
            is seen by everybody at that computer. The page there tells how to get
            the link.
        attention: what the company must look at; it comes before the counts, and
            instead of them where there is no room for both.
        filling: how far Mosaic is filled; it comes last, where there is room for it.
    """
    where = needs_you(needs, url)
    room = LONGEST - len(where) - 1 if where else LONGEST
    counts = _counts(came, went)
    said = " ".join(part for part in (attention, counts) if part) or "Nothing new."
    if attention and len(said) > room:
        said = attention
    if filling and len(said) + len(filling) < room:
        said = f"{said} {filling}"
    return " ".join(part for part in (fitting(said, room), where) if part)


def needs_you(needs: int, url: str) -> str:
    """Say how many records need a person and where to look, "" for none."""
    if needs <= 0:
        return ""
    number = f"More than {MANY:,}" if needs > MANY else f"{needs:,}"
    verb = "needs" if needs == 1 else "need"
    text = f"{number} {verb} you"
    return f"{text}: {url}" if len(url) <= LONGEST // 2 else f"{text}."


def _counts(came: Mapping[str, int], went: Mapping[str, int]) -> str:
    """Name kinds by how much there is, the greatest first, as long as it is short."""
    parts = []
    for what in sorted({*came, *went}, key=lambda one: (-_all(one, came, went), one)):
        inside, out = came.get(what, 0), went.get(what, 0)
        if inside and out:
            parts.append(f"{_named(inside, what)} in, {out:,} out")
        elif inside or out:
            way = "in" if inside else "out"
            parts.append(f"{_named(inside or out, what)} {way}")
    return "; ".join(parts) + "." if parts else ""


def _all(what: str, came: Mapping[str, int], went: Mapping[str, int]) -> int:
    return came.get(what, 0) + went.get(what, 0)


def _named(count: int, plural: str) -> str:
    if count != 1:
        return f"{count:,} {plural}"
    return "1 " + " or ".join(_singular(one) for one in plural.split(" and "))


def _singular(plural: str) -> str:
    for end, instead in (("sses", "ss"), ("ies", "y"), ("s", "")):
        if plural.endswith(end):
            return plural.removesuffix(end) + instead
    return plural
