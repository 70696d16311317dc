"""Why hours differ: one reason for whatever may be, and somebody for whatever waits."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from qbwc_server.kinds.restored import ASKED, Mark
from qbwc_server.standing import differences
from qbwc_server.standing.differences import Facts, hindrance, reason, who
from qbwc_server.storage import tables
from qbwc_server.words import hours as hour_words

_UNLINKED = Facts("unlinked")
_TABLE: tuple[tuple[Facts, str], ...] = (
    (Facts("in_sync", differs=False), "same"),
    (Facts("conflict", differs=False), "same"),
    (Facts("in_sync", differs=False, unread=True), "unread"),
    (Facts("refused", unread=True), "unread"),
    (Facts("do_not_link", unread=True), "left_out"),
    (Facts("do_not_link"), "left_out"),
    (Facts("do_not_link", restored="missing"), "left_out"),
    (Facts("in_sync", restored="missing"), "restored"),
    (Facts("refused", restored="older"), "restored"),
    (Facts("pending", restored="again"), "restored"),
    (Facts("pending", restored="add"), "on_its_way"),
    (Facts("refused", restored="copy"), "perhaps_known"),
    (Facts("conflict"), "conflict"),
    (Facts("locked"), "locked"),
    (Facts("refused"), "refused"),
    (Facts("refused", fails=True), "fails"),
    (Facts("refused", waits_for="company:before-live"), "before_live"),
    (replace(_UNLINKED, waits_for="employee:8-1"), "person"),
    (replace(_UNLINKED, waits_for="vendor:8-1"), "person"),
    (replace(_UNLINKED, waits_for="customer:8-1", awaited="refused"), "job"),
    (replace(_UNLINKED, waits_for="project:7", only_mosaic=True), "job"),
    (replace(_UNLINKED, waits_for="phase:7", only_mosaic=True), "job"),
    (replace(_UNLINKED, waits_for="service_item:8-1"), "item"),
    (replace(_UNLINKED, waits_for="standard_work_category:7"), "item"),
    (replace(_UNLINKED, waits_for="customer:8-1", awaited="pending"), "on_its_way"),
    (replace(_UNLINKED, waits_for="customer:8-1", awaited="in_sync"), "on_its_way"),
    (_UNLINKED, "cannot_go"),
    (replace(_UNLINKED, waits_for="something:new"), "cannot_go"),
    (replace(_UNLINKED, only_mosaic=True), "cannot_go"),
    (replace(_UNLINKED, only_mosaic=True, two_way=False), "one_way"),
    (replace(_UNLINKED, two_way=False), "cannot_go"),
    (replace(_UNLINKED, only_mosaic=True, before_live="leave"), "left_before_live"),
    (
        replace(_UNLINKED, only_mosaic=True, before_live="leave", early=False),
        "cannot_go",
    ),
    (Facts("pending"), "on_its_way"),
    (Facts("pending", failed=True), "failed"),
    (Facts("pending", failed=True, hinders="late"), "late"),
    (Facts("pending", hinders="stopped"), "stopped"),
    (Facts("in_sync", stays=True), "left"),
    (Facts("in_sync"), "unexplained"),
    (Facts("gone"), "unexplained"),
)


@pytest.mark.parametrize(("facts", "wanted"), _TABLE)
def test_each_difference_has_its_reason(facts: Facts, wanted: str) -> None:
    """The whole table."""
    assert reason(facts) == wanted


def test_the_table_reaches_every_reason() -> None:
    """But what hinders a connection, which is its own table below."""
    hinder = {"paused", "paused_by_customer", "first_reads", "preview"}
    assert {wanted for _, wanted in _TABLE} == set(hour_words.REASONS) - hinder
    assert set(hour_words.REASONS) >= differences.DECIDED


@pytest.mark.parametrize(
    ("mode", "late", "stopping", "asks", "wanted"),
    [
        ("live", False, False, None, None),
        ("live", False, False, "nobody", None),
        ("live", False, False, "customer", "stopped"),
        ("live", False, True, "nobody", "stopped"),
        ("live", True, True, "customer", "late"),
        ("preview", True, False, None, "preview"),
        ("preview", True, True, "support", "preview"),
        ("first_reads", True, True, "support", "first_reads"),
        ("paused", True, True, "support", "paused"),
        ("paused_by_customer", True, True, "support", "paused_by_customer"),
    ],
)
def test_what_keeps_a_connection_from_going_on(
    mode: str, *, late: bool, stopping: bool, asks: str | None, wanted: str | None
) -> None:
    """What must go first is told first."""
    found = hindrance(mode, late=late, stopping=stopping, attention_who=asks)
    assert found == wanted


def test_what_waits_for_a_person_is_never_nobody_s() -> None:
    """Whatever is known of an entry: nobody acts only where nothing is to be done.

    What cannot go rests: it is told as missing, and somebody acts if it is to go over.
    """
    free = {"on_its_way", "first_reads", "cannot_go", *differences.DECIDED}
    for state, restored, waits, hinders, rest in product(
        tables.RECORD_STATES,
        (None, *sorted(ASKED), Mark.ADD, Mark.COPY),
        (None, "customer:1", "project:1", "company:before-live", "other:1"),
        (
            *(None, "paused", "paused_by_customer", "first_reads", "preview"),
            *("late", "stopped"),
        ),
        product((False, True), repeat=4),
    ):
        unread, fails, failed, only_mosaic = rest
        found = reason(
            Facts(
                state,
                restored=restored,
                waits_for=waits,
                hinders=hinders,
                unread=unread,
                fails=fails,
                failed=failed,
                only_mosaic=only_mosaic,
            )
        )
        acts = {who(found), who(found, "nobody"), who(found, "support")}
        assert acts <= {"nobody", "customer", "support"}
        assert ("nobody" in acts) == (found in free)
        if found == "on_its_way":
            assert not failed
            assert hinders is None


def test_a_stop_is_told_as_the_connection_tells_it() -> None:
    """Of whoever acts on it; one that says nobody is looked at by us."""
    assert who("stopped", "customer") == "customer"
    assert who("stopped", "nobody") == "support"
    assert who("stopped") == "support"
    assert who("late", "support") == hour_words.who("late")
