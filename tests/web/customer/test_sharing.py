"""Two company files of one team: one page, one word, and going live finds no more."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from qbwc_server import app
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import overlap
from qbwc_server.decisions.overlap import Overlap
from qbwc_server.onboarding import forecast
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.customer import Customer
from tests.delivery.mirror import Mirror

pytestmark = pytest.mark.in_turn
NewCompanies = Callable[..., NewCompany]
FIRMS = 11
IN_COMMON = 3 * FIRMS
_ROW = re.compile(r'name="(row-[0-9]+-[0-9]+)" value="" checked')
_HOURS = re.compile(r'name="(hours-0-[0-9]+)" value="(\w+)" checked')


@pytest.fixture
def pair(mirror: Mirror, new_company: NewCompanies) -> tuple[Mirror, Mirror]:
    """A live file, and a second one with the same clients, jobs and jobs of jobs."""
    company = new_company("Bob", mode="preview", mosaic_url=mirror.state().mosaic_url)
    parts = (mirror.engine, mirror.keys, mirror.settings, mirror.clock)
    second = Mirror(*parts, company, mirror.sandbox)
    for one in (mirror, second):
        one.sandbox.answer_mode = "body"
        one.books.employee("E1", "Ann Lee", "ann@example.com")
        for number in range(FIRMS):
            one.books.customer(f"C{number}", f"Client {number}")
            one.books.customer(f"J{number}", "House", f"C{number}")
            one.books.customer(f"P{number}", "Sketches", f"J{number}")
        one.run()
    second.refresh()
    second.change(file_name="Bob.qbw")
    with company_transaction(second.engine, company.id) as connection:
        for kind in ("employee", "customer", "service_item"):
            row = {"company_id": company.id, "kind": kind}
            connection.execute(
                tables.reading.insert(), {**row, "last_full_at": second.clock()}
            )
    return mirror, second


def _browser(mirror: Mirror) -> Customer:
    return Customer(
        app.wsgi(app.Parts(mirror.settings, mirror.engine, mirror.keys, mirror.clock))
    )


def _form(text: str) -> dict[str, str]:
    """Return what a page's form says when nothing is chosen in it."""
    return dict.fromkeys(_ROW.findall(text), "") | dict(_HOURS.findall(text))


def _open(mirror: Mirror) -> list[Overlap]:
    common = overlap.look(mirror.engine, mirror.state(), mirror.clock)
    return [one for one in common if one.needs_word]


def _field(mirror: Mirror, key: str, of: str = "row") -> str:
    """Return the name of a field of a record: of its row, or of its hours."""
    row = mirror.record(key)
    (one,) = [one for one in _open(mirror) if one.record_id == row.id]
    return (
        f"row-{row.id}-{one.mosaic_id}" if of == "row" else f"hours-0-{one.mosaic_id}"
    )


@pytest.mark.in_turn(False)
def test_one_word_for_all_and_going_live_finds_nothing_new(
    pair: tuple[Mirror, Mirror],
) -> None:
    """Clients, their projects and the phases of these, before any of them is linked."""
    _, second = pair
    path = f"/setup/{second.company.setup_token}"
    browser = _browser(second)
    page = browser.get(f"{path}/shared").text
    assert len(_ROW.findall(page)) == IN_COMMON
    assert "Alice" not in page
    assert f"{IN_COMMON} need your word" in page

    refused = browser.post(f"{path}/go-live")
    assert refused.status_code == 409
    assert f'href="{path}/shared"' in refused.text

    said = browser.post(f"{path}/shared", data={**_form(page), "all": "share"})
    assert said.status_code == 303
    assert _open(second) == []
    assert browser.post(f"{path}/go-live").status_code == 303
    assert second.state().mode == "live"
    second.run()
    for key in ("C3", "J3", "P3"):
        assert second.record(key).mosaic_id == pair[0].record(key).mosaic_id
    assert len(second.names("client")) == FIRMS
    left = browser.get(f"{path}/shared").text
    assert not _ROW.findall(left)
    assert f"share {IN_COMMON} clients" in left


def test_none_is_shared_but_for_what_a_row_says(pair: tuple[Mirror, Mirror]) -> None:
    """What is made anew has its jobs made anew, without a word for each."""
    first, second = pair
    browser = _browser(second)
    path = f"/setup/{second.company.setup_token}/shared"
    form = _form(browser.get(path).text)
    form |= {_field(second, key): "share" for key in ("C1", "J1", "P1")}
    form[_field(second, "C2")] = "none"
    assert browser.post(path, data={**form, "all": "new"}).status_code == 303
    assert _open(second) == []
    second.change(mode="live")
    second.run()
    for key in ("C1", "J1", "P1"):
        assert second.record(key).mosaic_id == first.record(key).mosaic_id
    for key in ("C3", "J3", "P3"):
        assert second.record(key).mosaic_id != first.record(key).mosaic_id
        assert second.record(key).state == "in_sync"
    assert second.record("C2").state == "do_not_link"
    assert second.names("client").count("Client 3 (2)") == 1


def test_what_cannot_be_is_refused_with_its_name_and_the_others_are_done(
    pair: tuple[Mirror, Mirror],
) -> None:
    """A job is not shared under a client that is not."""
    _, second = pair
    browser = _browser(second)
    path = f"/setup/{second.company.setup_token}/shared"
    form = _form(browser.get(path).text)
    form |= {_field(second, "C1"): "new", _field(second, "J1"): "share"}
    form |= {_field(second, "C2"): "share"}
    answer = browser.post(path, data=form)
    assert answer.status_code == 409
    assert re.search("2 done. .*House: What it stands under is not", answer.text)
    assert second.record("C1").choice == "new"
    assert second.record("C2").choice == "link"
    assert second.record("J1").choice is None


def test_the_word_for_hours_is_said_in_the_same_step(
    pair: tuple[Mirror, Mirror],
) -> None:
    """For all projects at once, but for those of which a row says otherwise."""
    first, second = pair
    browser = _browser(second)
    path = f"/setup/{second.company.setup_token}/shared"
    form = _form(browser.get(path).text)
    form[_field(second, "J1", "hours")] = "ours"
    form[_field(second, "C4")] = "new"
    form |= {"all": "share", "hours": "theirs"}
    assert browser.post(path, data=form).status_code == 303
    rule = tables.time_rule
    with second.engine.begin() as connection:
        rows = connection.execute(sa.select(rule)).all()
    held = {row.project_id: row.held_by for row in rows}
    ours = second.record("J1").mosaic_id
    assert {row.member_id for row in rows} == {0}
    assert held.pop(ours) == second.company.id
    # What is made anew is not shared, so there is nothing to be said of its hours.
    assert len(held) == FIRMS - 2
    assert set(held.values()) == {first.company.id}

    page = browser.get(path).text
    assert (f"hours-0-{ours}", "ours") in _HOURS.findall(page)
    theirs = _browser(first).get(f"/setup/{first.company.setup_token}/shared").text
    assert f"hours-0-{ours}" not in theirs
    assert "as was said in the other file" in theirs

    again = {**_form(page), f"hours-0-{ours}": "ask"}
    assert browser.post(path, data=again).status_code == 303
    with second.engine.begin() as connection:
        left = set(connection.execute(sa.select(rule.c.project_id)).scalars())
    assert left == held.keys()


def test_what_is_too_much_for_one_look_begins_at_the_top(
    pair: tuple[Mirror, Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that nothing is shown without what it stands under; the rest comes after."""
    monkeypatch.setattr(overlap, "MOST", FIRMS + 2)
    _, second = pair
    path = f"/setup/{second.company.setup_token}/shared"
    browser = _browser(second)
    for left in (2 * FIRMS - 2, FIRMS - 4, 0):
        form = _form(browser.get(path).text)
        assert browser.post(path, data={**form, "all": "share"}).status_code == 303
        with pytest.MonkeyPatch.context() as whole:
            whole.setattr(overlap, "MOST", IN_COMMON)
            assert len(_open(second)) == left


def test_what_going_live_finds_anew_is_kept_and_shown(
    pair: tuple[Mirror, Mirror],
) -> None:
    """The preview on the page says it, too, without another look."""
    second = pair[1]
    browser = _browser(second)
    path = f"/setup/{second.company.setup_token}"
    form = _form(browser.get(f"{path}/shared").text)
    browser.post(f"{path}/shared", data={**form, "all": "share"})
    forecast.make(second.engine, second.state(), second.settings, second.clock)
    for one in pair:
        one.books.customer("C99", "Newcomer")
        one.run()
    second.refresh()
    assert browser.post(f"{path}/go-live").status_code == 409
    assert (
        "Another company file of your team has 1 "
        in browser.get(f"{path}/preview").text
    )
    assert "1 needs your word" in browser.get(f"{path}/shared").text


def test_the_tab_and_the_todo_are_there_while_something_is_in_common(
    pair: tuple[Mirror, Mirror], new_company: NewCompanies
) -> None:
    """Who is alone in a team has neither, and the page all the same."""
    _, second = pair
    path = f"/setup/{second.company.setup_token}"
    browser = _browser(second)
    form = _form(browser.get(f"{path}/shared").text)
    overview = browser.get(f"{path}/overview").text
    assert f'Shared <span class="count">{IN_COMMON}<' in overview
    assert f"{IN_COMMON} of your clients and jobs are another" in overview
    assert (
        f'<a href="{path}/shared">Say for all at once'
        in browser.get(f"{path}/choices").text
    )
    browser.post(f"{path}/shared", data={**form, "all": "share"})
    overview = browser.get(f"{path}/overview").text
    assert f'href="{path}/shared">Shared</a>' in overview
    assert "are another" not in overview

    alone = f"/setup/{new_company('Carol', mosaic_team='7').setup_token}"
    assert "/shared" not in browser.get(f"{alone}/overview").text
    assert "Nothing is in common" in browser.get(f"{alone}/shared").text


@pytest.mark.parametrize(
    "form",
    [
        {"all": "later"},
        {"row-1-2": "unlink"},
        {"row-1": "share"},
        {"row-1-2-3": "share"},
        {"row-x-2": "share"},
        {f"row-{2**64}-2": "share"},
        {"hours-0-5": "mine"},
        {"hours": "mine"},
        {f"hours-0-{2**63}": "ours"},
    ],
)
def test_what_no_button_says_is_refused(
    pair: tuple[Mirror, Mirror], form: dict[str, str]
) -> None:
    """And nothing is changed."""
    _, second = pair
    path = f"/setup/{second.company.setup_token}/shared"
    assert _browser(second).post(path, data=form).status_code == 400


def test_hours_on_what_is_not_shared_are_not_said(pair: tuple[Mirror, Mirror]) -> None:
    """Not by a number that somebody makes up, nor by one of the other file's."""
    first, second = pair
    path = f"/setup/{second.company.setup_token}/shared"
    strange = first.record("J1").mosaic_id
    form = {f"hours-0-{strange}": "ours", "hours-0-424242": "ours"}
    assert _browser(second).post(path, data=form).status_code == 303
    with second.engine.begin() as connection:
        assert connection.execute(sa.select(tables.time_rule)).all() == []
