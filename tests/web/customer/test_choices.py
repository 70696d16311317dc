"""The choices page: what each record is in Mosaic, and what a person says about it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row
from werkzeug.test import Client

from qbwc_server.companies import registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.onboarding import forecast
from qbwc_server.records import mosaic_objects
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.web.customer import choosing_all
from tests.conftest import Clock

pytestmark = pytest.mark.in_turn

NewCompanies = Callable[..., NewCompany]
Put = Callable[..., int]
MEMBER = {"mosaic_id": 7, "email": "ann@x.com", "first_name": "Ann", "last_name": "Lee"}
OTHER = {"mosaic_id": 8, "email": "bo@x.com", "first_name": "Bo", "last_name": "Lee"}
CLIENT = {"mosaic_id": 20, "client_name": "Acme"}


class Firm:
    """A company with a link, records of lists, and what Mosaic has."""

    def __init__(
        self, engine: Engine, clock: Clock, made: NewCompany, put: Put
    ) -> None:
        self.engine, self.clock, self.id = engine, clock, made.id
        self.path = f"/setup/{made.setup_token}/choices"
        self._put = put

    def has(self, data_type: str, *objects: dict[str, Any]) -> None:
        """Say what Mosaic has."""
        with company_transaction(self.engine, self.id) as connection:
            mosaic_objects.keep(
                connection, self.id, data_type, objects, run=1, now=self.clock()
            )

    def person(self, name: str, **values: Any) -> int:
        """Put an employee without an e-mail address."""
        said = {"name": name}
        return self._put(
            self.id, name, kind="employee", state="unlinked", quickbooks=said, **values
        )

    def customer(self, name: str) -> int:
        """Put a customer that is not linked yet."""
        return self._put(self.id, name, state="pending", quickbooks={"name": name})

    def row(self, record_id: int) -> Row[Any]:
        """Return a record."""
        table = tables.record
        with company_transaction(self.engine, self.id) as connection:
            return connection.execute(
                sa.select(table).where(
                    table.c.company_id == self.id, table.c.id == record_id
                )
            ).one()


@pytest.fixture
def firm(engine: Engine, clock: Clock, new_company: NewCompanies, put: Put) -> Firm:
    """A company before it is live, whose Mosaic has two members."""
    made = Firm(engine, clock, new_company(mode="preview"), put)
    made.has("employee", MEMBER, OTHER)
    return made


def _buttons(text: str) -> Iterator[tuple[str, str]]:
    for value, label in re.findall(r'name="said" value="([^"]+)">([^<]+)<', text):
        yield value, html.unescape(label)


def _card(server: Client, firm: Firm, record_id: int) -> str:
    text = server.get(firm.path).text
    start = text.index(f'id="record-{record_id}"')
    return text[start : text.find('<li class="pick"', start)]


def test_what_is_exact_stands_first_and_what_is_similar_asks_to_be_confirmed(
    server: Client, firm: Firm
) -> None:
    """The one goes by itself; the other never does."""
    ann = firm.person("Ann Lee")
    turned = firm.person("Lee, Bo")
    first = _card(server, firm, ann)
    assert ("link:7", "Match with Ann Lee <ann@x.com>") in _buttons(first)
    assert "the same name" in first
    assert "by itself" in first
    second = _card(server, firm, turned)
    assert ("link:8", "Confirm: it is Bo Lee <bo@x.com>") in _buttons(second)
    assert "similar, to be confirmed" in second
    assert "by itself" not in second


def test_a_choice_is_made_told_and_taken_back(server: Client, firm: Firm) -> None:
    """Each by its button; what was done is told with a way back."""
    ann = firm.person("Ann Lee")
    for said, choice, told in (
        ("new", "new", "Ann Lee is made anew in Mosaic."),
        ("later", "later", "Ann Lee is decided later."),
        ("none", "none", "Ann Lee is not linked."),
    ):
        answer = server.post(firm.path, data={"record": ann, "said": said})
        assert answer.status_code == 303
        text = server.get(answer.location).text
        assert told in text
        assert "Undo this" in text
        assert firm.row(ann).choice == choice
        back = server.post(firm.path, data={"record": ann, "said": "undo"})
        assert "Ann Lee is as it was before." in server.get(back.location).text
        assert firm.row(ann).choice is None


def test_a_person_is_matched_with_what_the_button_names_and_unlinked_again(
    server: Client, firm: Firm
) -> None:
    """Who did it is in the audit."""
    ann = firm.person("Ann Lee")
    answer = server.post(firm.path, data={"record": ann, "said": "link:7"})
    assert "Ann Lee is matched with Ann Lee." in server.get(answer.location).text
    assert (firm.row(ann).mosaic_id, firm.row(ann).choice) == (7, "link")
    with company_transaction(firm.engine, firm.id) as connection:
        said = connection.execute(
            sa.select(tables.audit.c.who).where(tables.audit.c.what == "record linked")
        ).scalars()
        assert list(said) == ["the setup page"]
    server.post(firm.path, data={"record": ann, "said": "unlink"})
    assert firm.row(ann).mosaic_id is None


def test_the_same_is_said_of_all_that_are_selected(server: Client, firm: Firm) -> None:
    """What refuses is told with its reason, and the others are done."""
    names = ("Ann Lee", "Bo Lee", "Cy")
    several = [firm.person(name) for name in names]
    answer = server.post(firm.path, data={"record": several, "said": "match"})
    assert answer.status_code == 409
    assert "2 of 3 done. It has no exact match" in answer.text
    assert [firm.row(one).mosaic_id for one in several] == [7, 8, None]
    answer = server.post(firm.path, data={"record": several[:2], "said": "undo"})
    assert "2 records: each is as it was" in server.get(answer.location).text
    assert [firm.row(one).mosaic_id for one in several] == [None] * 3
    nobody = server.post(firm.path, data={"said": "none"})
    assert "select records first" in nobody.text


def test_mosaic_is_searched_by_words_for_what_is_free(
    server: Client, firm: Firm
) -> None:
    """In whichever order they stand; what another record is linked to is not told."""
    taken = firm.person("Somebody")
    one = firm.person("Annie")
    server.post(firm.path, data={"record": taken, "said": "link:8"})
    text = server.get(f"{firm.path}/{one}?find=lee,+ann").text
    assert ("link:7", "Confirm: it is Ann Lee <ann@x.com>") in _buttons(text)
    text = server.get(f"{firm.path}/{one}?find=lee").text
    assert "Bo Lee" not in text
    assert "1 found." in text
    assert "Nothing free" in server.get(f"{firm.path}/{one}?find=%25").text
    assert server.get(f"{firm.path}/999").status_code == 404


def test_a_job_whose_customer_is_not_linked_says_so_to_who_searches(
    server: Client, firm: Firm, put: Put
) -> None:
    """It has no place in Mosaic before."""
    firm.customer("Acme")
    job = put(
        firm.id,
        "House",
        state="unlinked",
        parent_id="nowhere",
        quickbooks={"name": "H"},
    )
    text = server.get(f"{firm.path}/{job}?list=jobs&find=house").text
    said = re.search(r'<p role="status">([^<]+)<', text)
    assert said is not None
    assert "found" not in said[1].lower()


def test_lists_are_searched_and_go_on_where_the_page_before_ended(
    server: Client, firm: Firm
) -> None:
    """Every record once, under the tab it belongs to."""
    for number in range(60):
        firm.person(f"One-{number:03}")
    firm.customer("Acme")
    path: str | None = f"{firm.path}?list=people"
    seen: list[str] = []
    while path is not None:
        text = server.get(path).text
        seen += re.findall(r"<strong>(One-\d{3})", text)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = html.unescape(following[1]) if following else None
    assert seen == [f"One-{number:03}" for number in range(60)]
    text = server.get(f"{firm.path}?search=one-05").text
    assert len(re.findall(r"<strong>One-\d{3}", text)) == 10
    assert "<strong>Acme" in server.get(f"{firm.path}?list=jobs").text
    assert server.get(f"{firm.path}?list=time").status_code == 404


def test_a_choice_comes_back_to_the_part_of_the_list_where_it_was_made(
    server: Client, firm: Firm
) -> None:
    """With its tab, filter and search."""
    acme = firm.customer("Acme")
    where = {"list": "jobs", "need": "on_its_way", "search": "acm", "after": "1"}
    answer = server.post(firm.path, data={"record": acme, "said": "new", **where})
    for name, value in where.items():
        assert f"{name}={value}" in answer.location


def test_what_is_of_another_company_is_refused(
    server: Client, firm: Firm, new_company: NewCompanies
) -> None:
    """By a link that is good, for a record that is not its own."""
    ann = firm.person("Ann Lee")
    path = f"/setup/{new_company('Bob').setup_token}/choices"
    for said in (
        "new",
        "none",
        "later",
        "match",
        "undo",
        "unlink",
        "link:7",
        "share:7",
    ):
        answer = server.post(path, data={"record": ann, "said": said})
        assert answer.status_code in {303, 409}, said
        if answer.status_code == 409:
            assert "There is no such record." in answer.text or said == "match"
        assert "Ann" not in answer.text
    assert server.get(f"{path}/{ann}").status_code == 404
    assert (firm.row(ann).choice, firm.row(ann).mosaic_id) == (None, None)


@pytest.mark.parametrize(
    "said",
    ["", "delete", "link:x", "new:7", "link:-1", "link:7:8", "link", f"link:{2**63}"],
)
def test_what_is_no_choice_is_not_understood(
    server: Client, firm: Firm, said: str
) -> None:
    """And a link of several to one."""
    ann = firm.person("Ann Lee")
    answer = server.post(firm.path, data={"record": ann, "said": said})
    assert answer.status_code == 400
    both = {"record": [ann, firm.person("Bo")], "said": "link:7"}
    assert server.post(firm.path, data=both).status_code == 400
    assert firm.row(ann).choice is None


def test_what_another_company_file_has_too_is_told_above_and_then_shared(
    server: Client,
    engine: Engine,
    settings: Settings,
    clock: Clock,
    firm: Firm,
    new_company: NewCompanies,
    put: Put,
) -> None:
    """Never whose it is; what was decided is not asked again."""
    mine = registry.find(engine, str(firm.id))
    team = {"mosaic_url": mine.mosaic_url, "mosaic_team": mine.mosaic_team}
    other = Firm(engine, clock, new_company("Bolt of Boston", **team), put)
    for one in (other, firm):
        one.has("client", CLIENT)
    theirs, acme = other.customer("Acme"), firm.customer("Acme")
    server.post(other.path, data={"record": theirs, "said": "link:20"})
    assert other.row(theirs).mosaic_id == 20
    forecast.make(engine, mine, settings, clock)
    text = server.get(firm.path).text
    assert "Another company file of your team has 1 of these too" in text
    assert 'shared">Say for all at once' in text
    assert ("share:20", "Both files share Acme: match") in _buttons(
        server.get(f"{firm.path}?list=jobs").text
    )
    assert "Bolt of Boston" not in text
    refused = server.post(firm.path, data={"record": acme, "said": "link:20"})
    assert refused.status_code == 409
    server.post(firm.path, data={"record": acme, "said": "share:20"})
    assert firm.row(acme).mosaic_id == 20
    assert "of these too" not in server.get(firm.path).text


def test_all_that_match_are_asked_about_counted_done_and_undone(
    server: Client, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what is on other pages; as many at once as somebody waits for."""
    monkeypatch.setattr(choosing_all, "ALL_AT_ONCE", 20)
    ids = [firm.customer(f"Client {number}") for number in range(30)]
    other = firm.customer("Somebody else")
    assert "The same for all on all pages" in server.get(f"{firm.path}?list=jobs").text
    form = {"list": "jobs", "search": "client", "said": "none"}
    asked = server.post(f"{firm.path}/all", data=form).text
    assert "<strong>Do not link</strong> for <strong>30</strong> records" in asked
    assert "with <q>client</q> in the name" in asked
    assert {firm.row(one).choice for one in ids} == {None}

    sure = {**form, "sure": "yes"}
    done = server.post(f"{firm.path}/all", data=sure).text
    assert "20 records: each is not linked." in done
    assert [firm.row(one).choice for one in ids] == ["none"] * 20 + [None] * 10
    (begins,) = re.findall(r'name="begins" value="(\d+)"', done)
    last = server.post(f"{firm.path}/all", data={**sure, "begins": begins}).text
    assert "10 records: each is not linked." in last
    assert 'name="begins"' not in last
    assert {firm.row(one).choice for one in ids} == {"none"}
    assert firm.row(other).choice is None

    notice = last[last.index('class="notice') : last.index("Undo this")]
    undo = re.findall(r'name="record" value="(\d+)"', notice)
    assert [int(one) for one in undo] == ids[20:]
    back = {"list": "jobs", "record": undo, "said": "undo"}
    assert server.post(firm.path, data=back).status_code == 303
    assert [firm.row(one).choice for one in ids] == ["none"] * 20 + [None] * 10


def test_what_is_no_choice_for_all_is_refused(server: Client, firm: Firm) -> None:
    """Linking and sharing are said of one."""
    for said in ("link:7", "share", "unlink", ""):
        form = {"list": "people", "said": said, "sure": "yes"}
        assert server.post(f"{firm.path}/all", data=form).status_code == 400


@pytest.mark.parametrize("kind", ["employee", "customer", "service_item"])
@pytest.mark.parametrize("known", [None, {}, {"is_active": True}])
def test_a_record_that_quickbooks_has_shown_nothing_of_has_its_page(
    server: Client, firm: Firm, put: Put, kind: str, known: dict[str, Any] | None
) -> None:
    """And a search for it says why it finds nothing."""
    one = put(firm.id, "Nobody yet", kind=kind, state="pending", quickbooks=known)
    answer = server.get(f"{firm.path}/{one}?find=acme")
    assert (answer.status_code, "Nobody yet" in answer.text) == (200, True)
    assert server.get(firm.path + "?list=jobs").status_code == 200
    done = server.post(firm.path, data={"record": one, "said": "link:7"})
    assert done.status_code in {303, 409}
