"""What Mosaic should have for what QuickBooks has, kind by kind."""

from __future__ import annotations

import pytest

from qbwc_server.kinds.kind import Relative
from qbwc_server.kinds.list_plan import Hold, Wanted
from qbwc_server.kinds.lists import customer, employee, service_item
from qbwc_server.kinds.lists.kept import see_class
from qbwc_server.qbxml.response import Ret

TYPES = {"client": ("client", "project", "phase"), "project": ("project", "phase")}


def _line(
    structure: str, depth: int, *, inactive: int | None = None
) -> tuple[Relative, ...]:
    types = (*TYPES[structure], *(None,) * 5)
    return tuple(
        Relative(
            f"8-{level}",
            {"name": f"L{level}", "is_active": level != inactive},
            "in_sync",
            types[level],
            100 + level if types[level] else None,
            {"name": f"L{level}", "archived": False} if types[level] else None,
        )
        for level in range(depth + 1)
    )


@pytest.mark.parametrize("structure", ["client", "project"])
@pytest.mark.parametrize("depth", range(5))
def test_each_level_is_what_the_structure_says(structure: str, depth: int) -> None:
    """Levels become client, project and phase; deeper ones fold and say where to."""
    wanted = customer.mirror(_line(structure, depth), structure)
    types = TYPES[structure]
    if depth < len(types):
        parent = 99 + depth if depth else None
        assert wanted == Wanted(
            types[depth], (f"L{depth}",), archived=False, parent=parent
        )
    else:
        assert isinstance(wanted, Hold)
        assert wanted.without_object
        assert f"L{len(types) - 1}" in wanted.reason


@pytest.mark.parametrize("inactive", range(3))
def test_what_stands_below_an_inactive_one_is_archived(inactive: int) -> None:
    """A job under an inactive customer is active itself, and archived in Mosaic."""
    wanted = customer.mirror(_line("client", 2, inactive=inactive), "client")
    assert isinstance(wanted, Wanted)
    assert wanted.archived


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_ancestor_is_waited_for(missing: int) -> None:
    """Nothing is decided about a phase while anything above it is unknown."""
    line = list(_line("client", 2))
    line[missing] = Relative(f"8-{missing}", {}, "pending", missing=True)
    wanted = customer.mirror(line, "client")
    assert isinstance(wanted, Hold)
    assert wanted.waits_for == f"customer:8-{missing}"


def test_a_parent_that_is_not_in_mosaic_yet_is_waited_for() -> None:
    """A project waits for its client, and says for which one."""
    top = Relative("8-0", {"name": "Amsel"}, "pending")
    wanted = customer.mirror((top, _line("client", 1)[1]), "client")
    assert isinstance(wanted, Hold)
    assert wanted.waits_for == "customer:8-0"
    assert "Amsel" in wanted.reason


@pytest.mark.parametrize(
    ("company", "names"),
    [
        ("", ("Amsel",)),
        ("Amsel", ("Amsel",)),
        ("Amsel LLC", ("Amsel LLC", "Amsel")),
    ],
)
def test_a_client_goes_by_its_company_name_or_its_name(
    company: str, names: tuple[str, ...]
) -> None:
    """The company name is preferred, the name is right too."""
    top = Relative("8-0", {"name": "Amsel", "company_name": company}, "pending")
    wanted = customer.mirror((top,), "client")
    assert isinstance(wanted, Wanted)
    assert wanted.names == names


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("Ann@X.org", "ann@x.org"),
        ("o'brien@firm.com", "o'brien@firm.com"),
        ("'ann@x.org'", "ann@x.org"),
        ("none, ann@x.org; bob@x.org", "ann@x.org"),
        ("a@x.org/b@x.org", "a@x.org"),
        ("Ann <ann@x.org>", "ann@x.org"),
        ("mailto:ann@x.org", "ann@x.org"),
        ("ann@x.org.", "ann@x.org"),
        ("ann@x", None),
        ("ann at x.org", None),
        ("a@b@c.org", None),
        ("", None),
    ],
)
def test_an_employee_has_the_first_whole_address(text: str, email: str | None) -> None:
    """An address is never a part of another one, and none is made up."""
    ret = Ret("Employee", {"ListID": "8-1", "Name": "Ann Lee", "Email": text})
    assert employee.see(ret).snapshot["email"] == email


@pytest.mark.parametrize(
    ("first", "last", "fields"),
    [
        ("Ann", "Lee", {"first_name": "Ann", "last_name": "Lee"}),
        ("Ann", "", {"first_name": "Ann"}),
        ("", "", {"first_name": "Ann Mae", "last_name": "Lee"}),
    ],
)
def test_a_member_takes_the_names_that_quickbooks_knows(
    first: str, last: str, fields: dict[str, str]
) -> None:
    """What QuickBooks leaves empty does not empty Mosaic."""
    me = {"name": "Ann Mae Lee", "first_name": first, "last_name": last, "email": "a@b"}
    wanted = employee.mirror((Relative("8-1", me, "pending"),), "client")
    assert isinstance(wanted, Wanted)
    assert (wanted.names, wanted.key, wanted.fields) == (("a@b",), "email", fields)


def test_an_employee_without_address_waits_for_a_person() -> None:
    """Without an e-mail address there is no member, and the reason says what to do."""
    wanted = employee.mirror((Relative("8-1", {"name": "Ann"}, "pending"),), "client")
    assert isinstance(wanted, Hold)
    assert (wanted.state, wanted.without_object) == ("unlinked", False)
    assert "Employee Center" in wanted.reason


def test_an_employee_who_lost_the_address_stays_linked_and_can_be_archived() -> None:
    """The member of Mosaic still has the address by which it is known."""
    me = {"name": "Ann Lee", "email": None, "is_active": False}
    linked = Relative("8-1", me, "in_sync", "employee", 7, {"email": "ann@firm.com"})
    wanted = employee.mirror((linked,), "client")
    assert isinstance(wanted, Wanted)
    assert (wanted.names, wanted.archived) == (("ann@firm.com",), True)


def test_a_service_item_goes_by_its_name_or_its_full_name() -> None:
    """Two items of one name below different ones can both be categories."""
    line = (
        Relative("8-0", {"name": "Plan", "is_active": False}, "in_sync"),
        Relative("8-1", {"name": "Site"}, "pending"),
    )
    wanted = service_item.mirror(line, "client")
    assert isinstance(wanted, Wanted)
    assert wanted.names == ("Site", "Plan:Site")
    assert wanted.archived
    missing = (Relative("8-0", {}, "pending", missing=True), line[1])
    assert isinstance(service_item.mirror(missing, "client"), Hold)


def test_a_class_is_kept_by_its_own_name() -> None:
    """The snapshot holds the name, the record the full name: a rename above is seen."""
    fields = {"ListID": "8-1", "Name": "Nord", "FullName": "Büro:Nord"}
    seen = see_class(Ret("Class", {**fields}))
    assert (seen.name, seen.snapshot["name"]) == ("Büro:Nord", "Nord")
