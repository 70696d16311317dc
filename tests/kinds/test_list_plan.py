"""The plan: every combination has its one step, and steps come to an end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.kinds.list_plan import (
    SHARED_BY_NATURE,
    Action,
    Candidate,
    Choice,
    Do,
    Hold,
    Shared,
    Side,
    Wanted,
    match_key,
    names_for_new,
    near_key,
    plan,
)
from qbwc_server.storage.tables import RECORD_STATES

NAMES = ("Amsel LLC", "Amsel")
FIRST = match_key(NAMES[0], 7)
SECOND = match_key(NAMES[1], 7)
HOLDS: tuple[Hold, ...] = (
    Hold("unlinked", "Waits."),
    Hold("in_sync", "Too deep.", without_object=True),
)
CHOICES = (None, *Choice)


def _c(number: int, key: str, *, archived: bool = False, by: str = "") -> Candidate:
    return Candidate(number, key, archived, by or None)


# What Mosaic has by the wanted names, and what is to be done about it.
WITHOUT_LINK: dict[str, tuple[tuple[Candidate, ...], Do, object]] = {
    "nothing": ((), Do.CREATE, NAMES[0]),
    "one": ((_c(1, FIRST),), Do.LINK, 1),
    "the other name": ((_c(1, SECOND),), Do.LINK, 1),
    "both names": ((_c(1, SECOND), _c(2, FIRST)), Do.LINK, 2),
    "an archived one": ((_c(1, FIRST, archived=True),), Do.LINK, 1),
    "one in use and an archived one": (
        (_c(1, FIRST, archived=True), _c(2, FIRST)),
        Do.LINK,
        2,
    ),
    "two in use": ((_c(1, FIRST), _c(2, FIRST)), Do.NOTHING, "unlinked"),
    "two archived": (
        (_c(1, FIRST, archived=True), _c(2, FIRST, archived=True)),
        Do.NOTHING,
        "unlinked",
    ),
    "a claimed one": ((_c(1, FIRST, by="B"),), Do.CREATE, NAMES[1]),
    "a claimed and a free one": ((_c(1, FIRST, by="B"), _c(2, FIRST)), Do.LINK, 2),
    "the first claimed, the other free": (
        (_c(1, FIRST, by="B"), _c(2, SECOND)),
        Do.LINK,
        2,
    ),
    "both claimed": (
        (_c(1, FIRST, by="B"), _c(2, SECOND, by="C")),
        Do.NOTHING,
        "unlinked",
    ),
    "one elsewhere": ((_c(1, match_key(NAMES[0], 8)),), Do.CREATE, NAMES[0]),
}


def _wanted(data_type: str, *, archived: bool = False) -> Wanted:
    parent = None if data_type == "client" else 7
    return Wanted(data_type, NAMES, archived=archived, parent=parent)


def test_a_record_without_link_is_linked_before_anything_is_made() -> None:
    """Whatever Mosaic has by any of the names decides, a free one before a new one."""
    for state, (case, (there, do, what)) in itertools.product(
        RECORD_STATES, WITHOUT_LINK.items()
    ):
        action = plan(Side(state), _wanted("project"), there)
        assert action.do is do, case
        if do is Do.CREATE:
            assert action.fields == {"name": what, "parent": 7}, case
        elif do is Do.LINK:
            assert action.mosaic_id == what, case
        else:
            assert action.state == what, case
        assert action.reason, case


def test_without_link_nothing_is_done_for_what_is_gone_or_held() -> None:
    """Deleted in QuickBooks is gone; a hold says its own state and reason."""
    pairs = [(state, hold) for state in RECORD_STATES for hold in HOLDS]
    for state, hold in pairs:
        held = plan(Side(state), hold)
        assert (held.do, held.state, held.reason) == (
            Do.NOTHING,
            hold.state,
            hold.reason,
        )
        both: tuple[Wanted | Hold, ...] = (_wanted("client"), hold)
        for wanted in both:
            gone = plan(Side(state, quickbooks_gone=True), wanted, (_c(1, FIRST),))
            assert (gone.do, gone.state) == (Do.NOTHING, "gone")


def test_a_vanished_counterpart_waits_for_a_person_if_one_is_wanted() -> None:
    """What Mosaic lost is made again by a person's word only."""
    cases: tuple[Wanted | Hold, ...] = (
        _wanted("project"),
        _wanted("project", archived=True),
        *HOLDS,
    )
    for gone, wanted in [(gone, case) for gone in (False, True) for case in cases]:
        side = Side("in_sync", gone, "project", 5, None, {"archived": False})
        action = plan(side, wanted)
        expected: tuple[Do, str]
        if gone:
            expected = (Do.NOTHING, "gone")
        elif wanted is HOLDS[1]:
            expected = (Do.RELEASE, "pending")
        else:
            expected = (Do.NOTHING, "unlinked")
        assert (action.do, action.state) == expected
        assert action.reason


def _linked() -> Iterator[tuple[Side, Wanted, dict[str, Any]]]:
    for (
        kind,
        same,
        parent,
        mosaic,
        agreed,
        archived,
        name,
        gone,
        choice,
    ) in itertools.product(
        ("client", "project", "phase"),
        (True, False),
        (True, False),
        (True, False),
        (True, False, None),
        (True, False),
        (NAMES[0], NAMES[1], "Drossel"),
        (True, False),
        CHOICES,
    ):
        want = _wanted(kind, archived=archived)
        other = "phase" if kind == "project" else "project"
        side = Side(
            "pending",
            gone,
            kind if same else other,
            5,
            {
                "name": name,
                "archived": mosaic,
                "parent": want.parent if parent else 99,
            },
            None if agreed is None else {"archived": agreed},
            choice,
        )
        moved = not parent and want.parent is not None
        facts = {"same": same, "moved": moved, "kind": kind, "name": name}
        facts |= {"mosaic": mosaic, "wanted": archived, "agreed": agreed}
        yield side, want, facts


def _expected(side: Side, facts: dict[str, Any]) -> tuple[Do, str | None]:
    """Say the step and, if it is none, the state, by the rules as they are told."""
    away = (
        (Do.RELEASE, None)
        if facts["mosaic"] or side.mosaic_type == "client"
        else (Do.ARCHIVE, None)
    )
    flips = facts["mosaic"] != facts["wanted"] and facts["agreed"] != facts["wanted"]
    rules = (
        (side.choice == Choice.NONE, (Do.NOTHING, "do_not_link")),
        (side.quickbooks_gone and away[0] is Do.RELEASE, (Do.NOTHING, "gone")),
        (side.quickbooks_gone, (Do.ARCHIVE, None)),
        (not facts["same"], away),
        (facts["moved"] and facts["kind"] != "project", away),
        (
            flips and not facts["wanted"] and facts["kind"] != "client",
            (Do.UNARCHIVE, None),
        ),
        (facts["name"] not in NAMES or facts["moved"], (Do.UPDATE, None)),
        (flips and facts["kind"] == "client", (Do.NOTHING, "in_sync")),
        (flips, (Do.ARCHIVE, None)),
    )
    return next((then for when, then in rules if when), (Do.NOTHING, "in_sync"))


def test_every_combination_of_a_linked_record_has_its_one_step() -> None:
    """Type, parent, name, archived and gone decide by the rules, and all are met."""
    met = set()
    for side, wanted, facts in _linked():
        action = plan(side, wanted)
        do, state = _expected(side, facts)
        assert action.do is do, (side, wanted)
        assert state is None or action.state == state, (side, wanted)
        if do is Do.UPDATE:
            changed: dict[str, object] = (
                {"name": NAMES[0]} if facts["name"] not in NAMES else {}
            )
            if facts["moved"]:
                changed["parent"] = 7
            assert action.fields == changed
        if do is not Do.NOTHING or state == "gone":
            assert action.reason
        met.add(do)
    assert met == set(Do) - {Do.LINK, Do.CREATE}


def test_a_linked_record_that_is_held_keeps_its_counterpart_or_lets_it_go() -> None:
    """A wait changes nothing; an object of its own no longer wanted is put away."""
    for kind, archived in itertools.product(("client", "project"), (True, False)):
        mosaic = {"name": "Amsel", "archived": archived, "parent": None}
        side = Side("in_sync", False, kind, 5, mosaic, {"archived": archived})
        assert plan(side, HOLDS[0]).do is Do.NOTHING
        put = Do.RELEASE if kind == "client" or archived else Do.ARCHIVE
        assert plan(side, HOLDS[1]).do is put


def test_a_person_s_choice_comes_before_names() -> None:
    """Not to be linked and later do nothing, whatever there is; new never links."""
    for case, (there, _, _) in WITHOUT_LINK.items():
        for hold in (None, *HOLDS):
            wanted: Wanted | Hold = hold or _wanted("project")
            never = plan(Side("pending", choice="none"), wanted, there)
            assert (never.do, never.state) == (Do.NOTHING, "do_not_link"), case
            later = plan(Side("pending", choice="later"), wanted, there)
            assert (later.do, later.state) == (Do.NOTHING, "unlinked"), case
            assert "later" in (later.reason or "")
        new = plan(Side("pending", choice="new"), _wanted("project"), there)
        taken = {one.key for one in there}
        assert new.do is Do.CREATE, case
        assert match_key(new.fields["name"], 7) not in taken, case
        # What it was made as stays its name.
        made = {"name": new.fields["name"], "archived": False, "parent": 7}
        side = Side("pending", False, "project", 5, made, {"archived": False}, "new")
        assert plan(side, _wanted("project"), there).do is Do.NOTHING, case


def test_what_is_made_anew_gets_a_name_that_is_free_or_asks() -> None:
    """Counted up beside others of its name; an address cannot be there twice."""
    wanted = _wanted("project")
    all_names = names_for_new(wanted).names
    there = [_c(n, match_key(name, 7)) for n, name in enumerate(all_names[:-1])]
    new = plan(Side("pending", choice="new"), wanted, there)
    assert new.fields["name"] == all_names[-1]
    there.append(_c(99, match_key(all_names[-1], 7)))
    assert plan(Side("pending", choice="new"), wanted, there).state == "unlinked"

    person = Wanted("employee", ("a@b.c",), archived=False, key="email")
    there = [_c(1, match_key("a@b.c"))]
    refused = plan(Side("pending", choice="new"), person, there)
    assert (refused.do, refused.state) == (Do.NOTHING, "unlinked")


def test_a_member_linked_by_hand_keeps_the_address_in_mosaic() -> None:
    """It is what they log in with; one found by the address follows QuickBooks."""
    wanted = Wanted("employee", ("new@b.c",), archived=False, key="email")
    mosaic = {"email": "old@b.c", "archived": False, "parent": None}
    side = Side("in_sync", False, "employee", 5, mosaic, {"archived": False})
    assert plan(side, wanted).do is Do.UPDATE
    assert plan(replace(side, choice="link"), wanted).do is Do.NOTHING


def test_what_another_company_file_has_is_linked_by_a_person_only() -> None:
    """But for people and work categories; and a second one is not made beside it."""
    theirs = replace(_c(1, FIRST), elsewhere=True)
    for kind in ("client", "project", "phase", *SHARED_BY_NATURE):
        wanted = replace(_wanted("project"), data_type=kind)
        action = plan(Side("pending"), wanted, (theirs,))
        if kind in SHARED_BY_NATURE:
            assert action.do is Do.LINK
            continue
        assert (action.do, action.state) == (Do.NOTHING, "unlinked")
        assert "another company file" in (action.reason or "").lower()
        ours = plan(Side("pending"), wanted, (theirs, _c(2, FIRST)))
        assert (ours.do, ours.mosaic_id) == (Do.LINK, 2)


def test_what_is_shared_is_changed_by_the_first_and_put_away_by_nobody() -> None:
    """Or two companies would contradict each other for ever."""
    for side, wanted, facts in _linked():
        alone = plan(side, wanted).do
        first = plan(replace(side, shared=Shared.FIRST), wanted)
        later = plan(replace(side, shared=Shared.LATER), wanted)
        assert first.do in {Do.NOTHING, Do.RELEASE, Do.UPDATE}, facts
        assert later.do in {Do.NOTHING, Do.RELEASE}, facts
        for one in (first, later):
            if one.do is not alone:
                assert "another company file" in (one.reason or "").lower()


def test_similar_names_differ_in_what_people_write_differently() -> None:
    """Case, blanks, punctuation, accents and order; nothing else."""
    same = ("Lee, Ann", "ann  lee", "Ann-Lee", "ÁNN LEE", "LEE ANN.")
    assert {near_key(one) for one in same} == {"ann lee"}
    assert near_key("Acme:House") == near_key("acme house")
    assert near_key("Ann Lee") != near_key("Anne Lee")


@dataclass
class Model:
    """A Mosaic that does what it is told, and the record that tells it."""

    side: Side
    wanted: Wanted | Hold
    objects: dict[tuple[str, int], dict[str, Any]]
    done: list[Do] = field(default_factory=list)

    def step(self) -> Action:
        """Plan once and do it."""
        there = [
            Candidate(number, match_key(one["name"], one["parent"]), one["archived"])
            for (data_type, number), one in self.objects.items()
            if isinstance(self.wanted, Wanted) and data_type == self.wanted.data_type
        ]
        action = plan(self.side, self.wanted, there)
        self.done.append(action.do)
        if action.do in {Do.CREATE, Do.LINK}:
            assert self.side.mosaic_id is None
            assert isinstance(self.wanted, Wanted)
            data_type = self.wanted.data_type
            number = action.mosaic_id or 1000
            new = {"parent": None, "archived": False, **action.fields}
            found = self.objects.setdefault((data_type, number), new)
            self.side = replace(
                self.side,
                mosaic_type=data_type,
                mosaic_id=number,
                mosaic=dict(found),
                agreed={"archived": found["archived"]},
            )
        elif action.do is Do.RELEASE:
            kept = None if self.side.choice == "link" else self.side.choice
            self.side = Side(self.side.state, self.side.quickbooks_gone, choice=kept)
        elif action.do is not Do.NOTHING:
            self._write(action)
        return action

    def _write(self, action: Action) -> None:
        archived = {Do.ARCHIVE: True, Do.UNARCHIVE: False}.get(action.do)
        change = dict(action.fields) if archived is None else {"archived": archived}
        assert not (self.side.mosaic_type == "client" and archived is not None)
        key = (str(self.side.mosaic_type), int(self.side.mosaic_id or 0))
        self.objects[key].update(change)
        agreed = {**(self.side.agreed or {}), **change}
        self.side = replace(self.side, mosaic=dict(self.objects[key]), agreed=agreed)


_OBJECTS = st.dictionaries(
    st.tuples(st.sampled_from(["client", "project", "phase"]), st.integers(1, 4)),
    st.fixed_dictionaries(
        {
            "name": st.sampled_from([*NAMES, "Drossel"]),
            "parent": st.sampled_from([None, 7, 99]),
            "archived": st.booleans(),
        }
    ),
    max_size=6,
)
_WANTED = st.one_of(
    st.builds(
        _wanted,
        st.sampled_from(["client", "project", "phase"]),
        archived=st.booleans(),
    ),
    st.sampled_from(HOLDS),
)


@given(
    _OBJECTS,
    _WANTED,
    st.none() | st.integers(0, 5),
    st.sampled_from([None, {"archived": True}, {}]),
    st.booleans(),
    st.sampled_from(CHOICES),
    st.sampled_from(Shared),
)
def test_steps_end_in_nothing_left_to_do(
    objects: dict[tuple[str, int], dict[str, Any]],
    wanted: Wanted | Hold,
    linked: int | None,
    agreed: dict[str, bool] | None,
    gone: bool,
    choice: str | None,
    shared: Shared,
) -> None:
    """From any beginning, at most six steps lead to rest, and rest stays rest."""
    side = Side("pending", quickbooks_gone=gone, choice=choice)
    if objects and linked is not None:
        key = sorted(objects)[linked % len(objects)]
        side = replace(
            side,
            mosaic_type=key[0],
            mosaic_id=key[1],
            mosaic=dict(objects[key]),
            agreed=agreed,
            shared=shared,
        )
    model = Model(side, wanted, objects)
    for _ in range(6):
        if model.step().do is Do.NOTHING:
            break
    assert model.step().do is Do.NOTHING, model.done
