"""Which reads are asked for again, and how, after a refusal or an unreadable answer."""

from __future__ import annotations

from itertools import product

import pytest

from qbwc_server.jobs.trouble import MOST_IN_A_ROW, Do, Trouble, goes_on, judge

ANSWERED: tuple[tuple[bool, ...], ...] = (
    (),
    (True,),
    (False,),
    (False, True),
    (False, False),
    (False, False, True),
)
EVERY = [
    Trouble(many, again=again, refused=refused, tries_left=left, answered=answered)
    for many, again, refused, left, answered in product(
        (1, 2, 10), (False, True), (False, True), (False, True), ANSWERED
    )
]


@pytest.mark.parametrize("trouble", EVERY)
def test_the_whole_table(trouble: Trouble) -> None:
    """Several: whole once, then halved. One: last, and ended when it is the one."""
    do, _ = judge(trouble)
    others = any(trouble.answered)
    if trouble.many > 1:
        assert do is (Do.APART if others or trouble.again else Do.WAIT)
    elif trouble.refused:
        assert do is (Do.FAIL if others and trouble.again else Do.LAST)
    else:
        assert do is (Do.LAST if trouble.tries_left else Do.FAIL)


@pytest.mark.parametrize("trouble", EVERY)
def test_a_run_goes_on_unless_all_wait_or_nothing_was_answered_three_times(
    trouble: Trouble,
) -> None:
    """QuickBooks that is busy is not asked for each list by itself."""
    do, on = judge(trouble)
    assert on is (do is not Do.WAIT and trouble.answered[:2] != (False, False))


@pytest.mark.parametrize("trouble", [one for one in EVERY if one.refused])
def test_no_refusal_is_taken_for_a_bad_list_while_nothing_is_answered(
    trouble: Trouble,
) -> None:
    """An HRESULT may be about everything: a window, another file, no QuickBooks."""
    if not any(trouble.answered):
        assert judge(trouble)[0] is not Do.FAIL


def test_three_in_a_row_end_a_run() -> None:
    """Whatever was answered before them."""
    assert MOST_IN_A_ROW == 3
    assert [goes_on((False,) * many + (True,)) for many in range(4)] == [
        *(True, True),
        *(False, False),
    ]
