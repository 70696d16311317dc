"""What is done about an entry that a side lost, or has again: every combination."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from qbwc_server.kinds import tombstone
from qbwc_server.kinds.tombstone import RULES, Facts, Stone, What, Who, Word, decide

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def every() -> Iterator[Facts]:
    """Yield every combination of what can be known."""
    both = (False, True)
    for who, other, word, *rest in product(
        Who, (None, *Who), (None, *Word), *([both] * 11)
    ):
        back, said, missed, as_known, spent, equal, *more = rest
        aged, asked, hidden, crossed, unseen = more
        if (said and not back) or (back and unseen):
            continue
        yield Facts(
            who,
            other,
            back=back,
            missed=missed,
            as_known=as_known,
            spent=spent,
            equal=equal,
            aged=aged,
            asked=asked,
            hidden=hidden,
            crossed=crossed,
            unseen=unseen,
            said_deleted=said,
            word=word,
        )


def test_every_combination_is_decided_and_every_rule_is_needed() -> None:
    """No rule stands behind another one that always holds before it."""
    first = [next(rule for rule in RULES if rule.holds(facts)) for facts in every()]
    assert set(map(id, first)) == set(map(id, RULES))


def test_nothing_is_deleted_for_not_being_shown_before_a_day_and_a_question() -> None:
    """Nor while it may be hidden, or an equal one took its place, unless it is said."""
    for facts in every():
        if facts.who is not Who.NOT_SHOWN or facts.back or facts.word is not None:
            continue
        if decide(facts) is What.DELETE_THERE:
            assert facts.aged
            assert facts.asked
            assert not facts.hidden
            assert not facts.equal
            assert not facts.crossed
            assert not facts.unseen
            assert facts.other is None


def test_what_crossed_is_not_deleted_without_a_word() -> None:
    """Somebody deleted an equal one there, and that is gone here for it already."""
    for facts in every():
        if facts.crossed and facts.word is None and facts.who is not Who.RESTORE:
            lost = facts.who in {Who.PERSON, Who.NOT_SHOWN} and not facts.back
            assert not lost or decide(facts) is not What.DELETE_THERE


def test_what_came_back_is_never_deleted_without_a_word() -> None:
    """But for our own deletion that no reading confirmed: that was never done."""
    for facts in every():
        if not facts.back or decide(facts) not in {What.SEND_AGAIN, What.DELETE_THERE}:
            continue
        not_done = facts.who in {Who.OURS, Who.DOUBLE} and not facts.missed
        assert facts.word is Word.DELETED or (
            not_done and facts.as_known and not facts.spent
        )
        assert decide(facts) is What.SEND_AGAIN


def test_what_a_person_deleted_on_the_other_side_is_not_made_there_again() -> None:
    """Only a word makes it again, or an edit of what our deletion did not reach."""
    for facts in every():
        if facts.back and facts.other in {Who.PERSON, Who.DOUBLE}:
            if decide(facts) is not What.MAKE_AGAIN:
                continue
            not_done = facts.who in {Who.OURS, Who.DOUBLE} and not facts.missed
            assert facts.word is Word.STAYS or (not_done and not facts.as_known)


def test_a_word_is_always_obeyed() -> None:
    """Where a word was said, nothing is asked and nothing waits."""
    for facts in every():
        if facts.word is not None:
            assert decide(facts) not in {What.ASK, What.WAIT, What.LOOK}


def test_a_restored_backup_has_its_own_rule() -> None:
    """Nothing that it took follows from here, on either side."""
    for facts in every():
        if Who.RESTORE in {facts.who, facts.other}:
            assert decide(facts) is What.NOTHING


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        (Facts(Who.PERSON), What.DELETE_THERE),
        (Facts(Who.PERSON, unseen=True), What.ASK),
        (Facts(Who.PERSON, unseen=True, word=Word.DELETED), What.DELETE_THERE),
        (Facts(Who.PERSON, unseen=True, word=Word.STAYS), What.MAKE_AGAIN),
        (Facts(Who.NOT_SHOWN, unseen=True), What.WAIT),
        (Facts(Who.NOT_SHOWN, aged=True, unseen=True), What.LOOK),
        (Facts(Who.NOT_SHOWN, aged=True, asked=True, unseen=True), What.ASK),
        (Facts(Who.NOT_SHOWN, unseen=True, word=Word.DELETED), What.DELETE_THERE),
        (Facts(Who.NOT_SHOWN, unseen=True, word=Word.STAYS), What.MAKE_AGAIN),
        (Facts(Who.PERSON, Who.NOT_SHOWN), What.NOTHING),
        (Facts(Who.NOT_SHOWN), What.WAIT),
        (Facts(Who.NOT_SHOWN, equal=True), What.NOTHING),
        (Facts(Who.NOT_SHOWN, aged=True), What.LOOK),
        (Facts(Who.NOT_SHOWN, aged=True, hidden=True), What.ASK),
        (Facts(Who.NOT_SHOWN, aged=True, asked=True, hidden=True), What.ASK),
        (Facts(Who.NOT_SHOWN, aged=True, asked=True), What.DELETE_THERE),
        (Facts(Who.NOT_SHOWN, word=Word.DELETED), What.DELETE_THERE),
        (
            Facts(Who.NOT_SHOWN, aged=True, asked=True, word=Word.STAYS),
            What.NOTHING,
        ),
        (Facts(Who.NOT_SHOWN, aged=True, asked=True, crossed=True), What.ASK),
        (Facts(Who.NOT_SHOWN, crossed=True), What.WAIT),
        (Facts(Who.NOT_SHOWN, crossed=True, word=Word.DELETED), What.DELETE_THERE),
        (Facts(Who.NOT_SHOWN, crossed=True, word=Word.STAYS), What.MAKE_AGAIN),
        (
            Facts(Who.NOT_SHOWN, crossed=True, hidden=True, word=Word.STAYS),
            What.NOTHING,
        ),
        (Facts(Who.PERSON, crossed=True), What.ASK),
        (Facts(Who.PERSON, crossed=True, word=Word.DELETED), What.DELETE_THERE),
        (Facts(Who.PERSON, crossed=True, word=Word.STAYS), What.MAKE_AGAIN),
        (Facts(Who.NOT_SHOWN, back=True), What.NOTHING),
        (Facts(Who.NOT_SHOWN, back=True, equal=True), What.ASK),
        (Facts(Who.NOT_SHOWN, Who.OURS, back=True), What.MAKE_AGAIN),
        (Facts(Who.NOT_SHOWN, Who.OURS, back=True, said_deleted=True), What.ASK),
        (Facts(Who.NOT_SHOWN, back=True, said_deleted=True), What.NOTHING),
        (Facts(Who.NOT_SHOWN, Who.OURS, back=True, equal=True), What.ASK),
        (Facts(Who.NOT_SHOWN, Who.PERSON, back=True), What.ASK),
        (Facts(Who.OURS, Who.PERSON, back=True), What.SEND_AGAIN),
        (Facts(Who.OURS, Who.PERSON, back=True, spent=True), What.ASK),
        (Facts(Who.OURS, Who.PERSON, back=True, as_known=False), What.MAKE_AGAIN),
        (Facts(Who.OURS, Who.PERSON, back=True, missed=True), What.ASK),
        (Facts(Who.DOUBLE, back=True, missed=True), What.ASK),
        (Facts(Who.OURS), What.ASK),
        (Facts(Who.OURS, word=Word.DELETED), What.DELETE_THERE),
        (Facts(Who.OURS, word=Word.STAYS), What.MAKE_AGAIN),
        (Facts(Who.RESTORE, back=True), What.NOTHING),
    ],
)
def test_what_is_done(facts: Facts, what: What) -> None:
    """The cases that people meet, one by one."""
    assert decide(facts) is what


def test_a_day_begins_when_it_was_first_not_shown() -> None:
    """And the number is asked for after that day, not before, and lately."""
    stone = Stone(Who.NOT_SHOWN, NOW)
    day = tombstone.WAIT
    assert not stone.aged(NOW + day - timedelta(seconds=1))
    assert stone.aged(NOW + day)
    assert not stone.to_be_asked_for(NOW + day - timedelta(seconds=1))
    assert stone.to_be_asked_for(NOW + day)
    early = Stone(Who.NOT_SHOWN, NOW, asked_at=NOW + timedelta(hours=23, minutes=59))
    assert not early.asked(NOW + day)
    asked = Stone(Who.NOT_SHOWN, NOW, asked_at=NOW + day)
    assert asked.asked(NOW + day)
    assert not asked.to_be_asked_for(NOW + day)
    assert not asked.asked(NOW + day + timedelta(hours=2))
    assert not Stone(Who.OURS, NOW).to_be_asked_for(NOW + day)
    assert not Stone(Who.NOT_SHOWN, NOW, back=True).to_be_asked_for(NOW + day)


def test_a_tombstone_is_kept_as_it_is() -> None:
    """Each side's own, and nothing of what it says goes."""
    stone = Stone(
        Who.OURS,
        NOW,
        {"minutes": 60},
        NOW,
        back=True,
        missed=True,
        tries=2,
        took=7,
        word=Word.STAYS,
        said=Word.DELETED,
    )
    kept = {"mosaic": stone.kept()}
    assert Stone.of(kept, "mosaic") == stone
    assert Stone.of(kept, "quickbooks") is None
    assert Stone.of(None, "mosaic") is None
    bare = Stone(Who.NOT_SHOWN, NOW)
    assert Stone.of({"mosaic": bare.kept()}, "mosaic") == bare


def test_a_word_about_what_is_not_shown_is_used_up_when_it_is_shown() -> None:
    """What is said afterwards is about what is there."""
    back = Stone(Who.NOT_SHOWN, NOW, word=Word.DELETED).shown(missed=True)
    assert (back.back, back.missed) == (True, True)
    assert (back.word, back.said) == (None, Word.DELETED)
    assert not Stone(Who.OURS, NOW).shown(missed=False).missed


def test_the_document_has_the_table() -> None:
    """docs/time-entries.md shows the rules as the program has them."""
    text = (ROOT / "docs/time-entries.md").read_text("utf-8")
    assert tombstone.table() in text
