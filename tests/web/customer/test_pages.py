"""The pages of a customer: whose they are, what is on them and what is not."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from werkzeug import http
from werkzeug.test import Client

from qbwc_server import app, words
from qbwc_server.companies import attention, credentials, logins, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.words import questions
from tests.conftest import Clock
from tests.customer import Customer
from tests.tenants.statements import Statements

pytestmark = pytest.mark.in_turn

NewCompanies = Callable[..., NewCompany]
PAGES = (
    *(
        "",
        "/connect",
        "/overview",
        "/preview",
        "/choices",
        "/records",
        "/conflicts",
        "/runs",
        "/hours",
        "/questions",
    ),
    *("/live", "/live?part=overview", "/records.csv", "/runs.csv", "/hours.csv"),
)


def _cells(server: Client, path: str) -> list[dict[str, str]]:
    text = server.get(path).text.removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_by_its_link_alone_and_may_not_be_kept(
    server: Client, new_company: NewCompanies, page: str
) -> None:
    """Another word in the link opens nothing, and says nothing."""
    token = new_company("Alice <script>").setup_token
    mangled = server.get(f"/setup/{token[:-3]}{page}")
    assert (mangled.status_code, mangled.mimetype) == (404, "text/html")
    assert "This link opens nothing" in mangled.text
    assert "Alice" not in mangled.text
    shown = server.get(f"/setup/{token}{page}")
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert "<script>" not in shown.text
    assert server.get(f"/setup/{token[::-1]}{page}").status_code == 404


@pytest.mark.parametrize(
    "page",
    [
        "/password",
        "/two-way",
        "/go-live",
        "/runs",
        "/conflicts/1",
        "/preview",
        "/choices",
    ],
)
def test_what_changes_something_is_refused_from_elsewhere_and_without_the_link(
    server: Client, new_company: NewCompanies, page: str
) -> None:
    """Other sites cannot press our buttons."""
    token = new_company().setup_token
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert server.post(f"/setup/{token}{page}", headers=foreign).status_code == 403
    assert server.post(f"/setup/nobody{page}").status_code == 404


def test_pages_show_their_own_company_and_no_other(
    server: Client,
    engine: Engine,
    new_company: NewCompanies,
    put: Callable[..., int],
) -> None:
    """Neither by what they read nor by numbers that somebody types."""
    alice, bob = new_company("Alice"), new_company("Bob")
    put(alice.id, "Of Alice", state="unlinked")
    conflict = {"notes": {"quickbooks": "a", "mosaic": "b", "kept": None}}
    hers = put(alice.id, "Hers", state="conflict", conflict=conflict)
    statements = Statements(bob.id)
    statements.listen(engine)
    for page in PAGES:
        text = server.get(f"/setup/{bob.setup_token}{page}").text
        assert "Alice" not in text
        assert "Hers" not in text
    path = f"/setup/{bob.setup_token}/conflicts/{hers}"
    assert server.post(path, data={"side": "mosaic"}).status_code == 404
    assert statements.wrong == []


@pytest.mark.parametrize("is_held", [False, True])
def test_no_page_and_no_file_has_a_word_to_support(
    server: Client,
    engine: Engine,
    clock: Clock,
    new_company: NewCompanies,
    put: Callable[..., int],
    *,
    is_held: bool,
) -> None:
    """Reasons may end in what only support can do: its commands are not for customers.

    What is on its way and is held has the reason of what holds it.
    """
    company = new_company()
    said = "It may be. Say on the setup page. Support: `qbwc-server records two 1-2`."
    day = (clock() - timedelta(days=7)).date().isoformat()
    time = {"date": day, "minutes": 60, "person": "E-1", "job": None, "item": None}
    for kind, more in (
        ("customer", {}),
        ("employee", {}),
        ("time_entry", {"day": day, "quickbooks": time}),
    ):
        for state in ("refused", "pending", "unlinked"):
            put(company.id, "One", kind=kind, state=state, reason=said, **more)
    if is_held:
        with company_transaction(engine, company.id) as connection:
            for reason in ("too-many-gone", "mosaic-key-missing"):
                attention.attend(
                    connection, company.id, error_id=reason, text=said, now=clock()
                )
    told = 0
    for page in (*PAGES, "/records?need=on_its_way", "/records?need=waiting"):
        text = server.get(f"/setup/{company.setup_token}{page}").text
        assert "Support:" not in text
        assert "qbwc-server" not in text
        assert ".csv" in page or "on the setup page" not in text
        told += "It may be." in text
    assert told > 5


def test_a_password_is_shown_in_one_answer_and_the_former_works_until_it_is_used(
    server: Client,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
) -> None:
    """It is stored as a hash only; looking at the page makes none."""
    company = new_company()

    def logs_in(password: str) -> bool:
        peer = "192.0.2.1"
        found = logins.check(
            engine, keys, company.username, password, peer=peer, now=clock()
        )
        return found is not None

    path = f"/setup/{company.setup_token}"
    answer = server.post(f"{path}/password").text
    (password,) = re.findall(r'id="password-text">([a-z2-7]+)<', answer)
    assert password not in server.get(f"{path}/connect").text
    assert logs_in(company.password)
    assert logs_in(password)
    assert not logs_in(company.password)


def test_the_live_part_is_sent_again_only_when_it_is_another(
    server: Client, engine: Engine, clock: Clock, new_company: NewCompanies
) -> None:
    """So that a page that is open all day costs little."""
    company = new_company()
    path = f"/setup/{company.setup_token}/live"
    first = server.get(path)
    same = {"If-None-Match": first.headers["ETag"]}
    assert server.get(path, headers=same).status_code == 304
    with company_transaction(engine, company.id) as connection:
        registry.change(connection, company.id, last_seen_at=clock())
    changed = server.get(path, headers=same)
    assert changed.status_code == 200
    assert 'data-part="head-password" data-tick="done"' in changed.text


def test_a_wrong_password_is_said_on_the_page_until_a_right_one_comes(
    server: Client,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
) -> None:
    """And not for somebody who tries the name while the right one calls."""
    company = new_company()
    path = f"/setup/{company.setup_token}/live"
    args: dict[str, Any] = {"peer": "192.0.2.1", "now": clock()}
    logins.check(engine, keys, company.username, "wrong", **args)
    assert 'data-part="head-password" data-tick="trouble"' in server.get(path).text
    with company_transaction(engine, company.id) as connection:
        registry.change(connection, company.id, last_seen_at=clock())
    assert 'data-part="head-password" data-tick="done"' in server.get(path).text


def test_each_kind_is_counted_by_what_somebody_has_to_do(
    server: Client, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """Time without a counterpart waits, and so does what waits for another record."""
    company = new_company()
    put(company.id, "Needs", state="unlinked", reason="No e-mail.")
    put(company.id, "Below", state="unlinked", waits_for="customer:Q-1")
    put(company.id, "Time", kind="time_entry", state="unlinked", reason="No person.")
    put(company.id, "Going", state="pending")
    path = f"/setup/{company.setup_token}/records"
    assert "Needs" in server.get(path).text
    assert "Below" not in server.get(path).text
    waiting = server.get(f"{path}?need=waiting").text
    assert "Below" in waiting
    assert "No person." in waiting
    assert "Going" in server.get(f"{path}?need=on_its_way&kind=customer").text
    assert server.get(f"{path}?need=strange").status_code == 404


def test_lists_go_on_where_the_page_before_ended(
    server: Client, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """Every record once, over kinds and states."""
    company = new_company()
    kinds = ("customer", "employee", "service_item")
    states = ("refused", "unlinked")
    for number in range(120):
        put(
            company.id,
            f"One-{number:03}",
            kind=kinds[number % 3],
            state=states[number % 2],
        )
    path: str | None = f"/setup/{company.setup_token}/records"
    seen: list[str] = []
    while path is not None:
        text = server.get(path).text
        seen += re.findall(r"<strong>(One-\d{3})", text)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = following[1].replace("&amp;", "&") if following else None
    assert seen == [f"One-{number:03}" for number in range(120)]


def test_the_runs_of_a_month_are_drawn_with_a_table_beside(
    server: Client, new_company: NewCompanies, run_at: Callable[..., None]
) -> None:
    """Older ones are not; what went wrong is counted apart."""
    company = new_company()
    for days_ago, error in ((40, ""), (29, ""), (1, "QuickBooks is closed."), (1, "")):
        run_at(company.id, days_ago, error)
    text = server.get(f"/setup/{company.setup_token}/runs").text
    assert "3 runs with something to do, 1 with trouble" in text
    assert "<td>2026-03-01</td><td>2</td><td>1</td>" in text
    assert "QuickBooks is closed." in text
    rows = _cells(server, f"/setup/{company.setup_token}/runs.csv")
    assert [row["went wrong"] for row in rows] == ["no", "yes", "no"]


def test_a_download_has_every_record_and_no_formula(
    server: Client, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """A name that begins like a formula is not calculated by a spreadsheet."""
    company = new_company()
    put(company.id, "=HYPERLINK(1)", state="refused", reason="@no")
    put(company.id, "Plain, with a comma")
    rows = _cells(server, f"/setup/{company.setup_token}/records.csv")
    assert [row["name"] for row in rows] == ["'=HYPERLINK(1)", "Plain, with a comma"]
    assert rows[0]["reason"] == "'@no"
    assert rows[0]["stands"] == "Needs you"


def _as_a_spreadsheet(text: str, separator: str) -> list[str]:
    """Return the cells that a spreadsheet makes of a file with its own separator.

    A quote counts at the beginning of a cell alone; elsewhere it is a character.
    """
    cells, cell, quoted = [], "", False
    rest = iter(text.removeprefix("\ufeff"))
    for one in rest:
        if quoted:
            quoted = one != '"'
            cell += one if quoted else ""
        elif one == '"' and not cell:
            quoted = True
        elif one == separator or one in "\r\n":
            cells.append(cell)
            cell = ""
        else:
            cell += one
    return [*cells, cell]


@pytest.mark.parametrize("separator", list(",;\t|"))
def test_no_part_of_a_download_is_a_formula_whatever_separates_cells(
    server: Client, new_company: NewCompanies, put: Callable[..., int], separator: str
) -> None:
    """Where that is ";" a spreadsheet cuts our lines within a name."""
    company = new_company()
    formula = "=1+1"
    for before in ("", "a;", "a; ", 'a"', "a\t", "a|", "a,", "a\n", "'", '";'):
        for one in (formula, "+1", "-1", "@x", "\uff1d1"):
            put(company.id, before + one, state="refused", reason=before + one)
    text = server.get(f"/setup/{company.setup_token}/records.csv").text
    cells = _as_a_spreadsheet(text, separator)
    assert len(cells) > 100
    assert [one for one in cells if one.lstrip().startswith(FORMULA)] == []
    row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert all(len(one) == 19 for one in row)
    assert text.removeprefix("\ufeff").startswith('"number","kind"')


def test_a_connection_file_is_saved_under_the_companys_own_name(
    server: Client, new_company: NewCompanies
) -> None:
    """In its own script, and in ASCII so that it is told from another company's."""
    saved = set()
    for name in ("名前 株式会社", "東京 株式会社"):
        path = f"/setup/{new_company(name).setup_token}"
        (link,) = re.findall(
            r'href="([^"]+[.]qwc)"', server.get(f"{path}/connect").text
        )
        answer = server.get(link)
        kind, told = http.parse_options_header(answer.headers["Content-Disposition"])
        assert (kind, told["filename"]) == (
            "attachment",
            f"mosaic-{name.replace(' ', '-')}.qwc",
        )
        (plain,) = re.findall(
            r"filename=(mosaic-company-[0-9a-f]{6}[.]qwc)",
            answer.headers["Content-Disposition"],
        )
        saved.add(plain)
        assert answer.headers["Content-Disposition"].isascii()
        assert link.endswith(f"/{plain}")
        assert b"<QBWCXML>" in answer.data
    assert len(saved) == 2


FORMULA = ("=", "+", "-", "@", "\uff1d")


@pytest.mark.parametrize("may", [True, False])
def test_two_way_time_is_switched_only_where_the_customer_may(
    settings: Settings,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
    may: bool,
) -> None:
    """A setting says so; the button is not there either."""
    allowed = settings.model_copy(update={"customer_may_switch": may})
    server = Customer(app.wsgi(app.Parts(allowed, engine, keys, clock)))
    company = new_company()
    path = f"/setup/{company.setup_token}"
    assert ("Switch it off" in server.get(f"{path}/overview").text) is may
    answer = server.post(f"{path}/two-way", data={"two_way": "off"})
    assert answer.status_code == (303 if may else 403)
    assert registry.find(engine, str(company.id)).two_way is not may


def test_nobody_goes_live_before_both_sides_were_read(
    server: Client, engine: Engine, new_company: NewCompanies
) -> None:
    """What is left is named."""
    company = new_company(mode="preview")
    answer = server.post(f"/setup/{company.setup_token}/go-live")
    assert answer.status_code == 409
    assert "The company file is not recognised yet" in answer.text
    assert registry.find(engine, str(company.id)).mode == "preview"


def test_a_link_that_has_ended_says_how_to_get_a_new_one_and_opens_nothing(
    server: Client,
    engine: Engine,
    clock: Clock,
    new_company: NewCompanies,
    keys: Keys,
) -> None:
    """Nobody is told whose it was; what it would change stays as it is."""
    company = new_company("Alice")
    new_link = partial(credentials.new_setup_link, days=1, now=clock(), who="test")
    token, _ = new_link(engine, keys, company.id)
    path = f"/setup/{token}"
    before = registry.find(engine, "Alice")
    clock.pass_(days=1)
    for page in (*PAGES, "/connection.qwc"):
        answer = server.get(f"{path}{page}")
        assert answer.status_code == 410
        assert "Ask whoever gave you this link for a new one" in answer.text
        # In the time zone of whoever reads; and nothing for him to type somewhere.
        assert '<time datetime="2026-03-03T15:00:00Z" data-local>' in answer.text
        assert re.search(r"<code|<kbd|qbwc-server", answer.text) is None
        assert "Alice" not in answer.text
    assert server.post(f"{path}/two-way", data={}).status_code == 410
    assert registry.find(engine, "Alice") == before


def test_an_ended_link_and_one_that_opens_nothing_name_whom_to_ask(
    settings: Settings,
    engine: Engine,
    keys: Keys,
    clock: Clock,
    new_company: NewCompanies,
) -> None:
    """Whoever has lost the message with the link finds somebody all the same."""
    whom = {"contact_name": "Mara Quill", "contact_address": "mara@firm.example"}
    named = settings.model_copy(update=whom)
    server = Customer(app.wsgi(app.Parts(named, engine, keys, clock)))
    token, _ = credentials.new_setup_link(
        engine, keys, new_company("Alice").id, days=1, now=clock(), who="test"
    )
    clock.pass_(days=1)
    for path, status in ((token, 410), (token[:-3], 404)):
        answer = server.get(f"/setup/{path}")
        assert answer.status_code == status
        assert 'href="mailto:mara@firm.example"' in answer.text
        assert "Alice" not in answer.text
    assert "or ask Mara Quill" in server.get(f"/setup/{token}").text


def _password(engine: Engine) -> str:
    with engine.begin() as connection:
        stored = sa.select(tables.company.c.password_hash)
        return str(connection.execute(stored).scalar_one())


def test_a_link_in_use_goes_on_but_shows_passwords_for_its_first_days_only(
    server: Client,
    engine: Engine,
    clock: Clock,
    new_company: NewCompanies,
    keys: Keys,
) -> None:
    """A customer comes back every hour after; an old mail opens no connection."""
    company = new_company("Alice")
    token, ends = credentials.new_setup_link(
        engine, keys, company.id, days=14, now=clock(), who="test"
    )
    path = f"/setup/{token}"
    clock.pass_(days=13)
    assert "Show a password" in server.get(f"{path}/connect").text
    stored = _password(engine)
    assert server.post(f"{path}/password").status_code == 200
    renewed = _password(engine)
    assert renewed != stored

    clock.pass_(days=2)
    assert clock() > ends
    text = server.get(f"{path}/connect").text
    assert "does no longer" in text
    assert "Show a password" not in text
    answer = server.post(f"{path}/password")
    assert (answer.status_code, 'id="password-text"' in answer.text) == (403, False)
    assert _password(engine) == renewed
    for page in PAGES:
        assert server.get(f"{path}{page}").status_code == 200, page

    clock.pass_(days=89)
    assert server.get(f"{path}/overview").status_code == 200
    clock.pass_(days=89)
    assert server.get(f"{path}/overview").status_code == 200
    clock.pass_(days=90)
    assert server.get(f"{path}/overview").status_code == 410


def test_what_is_not_supported_is_said_beside_what_needs_attention_and_once(
    server: Client, engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """As long as QuickBooks says so of itself, whatever else is the matter."""
    company = new_company()
    path = f"/setup/{company.setup_token}/overview"
    canada = words.attention("quickbooks-unsupported-country")
    with company_transaction(engine, company.id) as connection:
        registry.change(connection, company.id, host={"country": "CA"})
        attention.attend(
            connection, company.id, error_id="two-computers", text="Two.", now=clock()
        )
    text = html.unescape(server.get(path).text)
    assert canada.page in text
    assert "each waits for the other" in " ".join(text.split())
    with company_transaction(engine, company.id) as connection:
        attention.attend(
            connection, company.id, error_id=canada.id, text=canada.said, now=clock()
        )
    text = html.unescape(server.get(path).text)
    assert "each waits for the other" in " ".join(text.split())
    assert text.count(f'id="about-{canada.id}"') == 1
    assert text.count(canada.said) == 1


def test_a_record_says_what_to_do_in_the_words_of_the_one_table(
    server: Client, new_company: NewCompanies, put: Callable[..., int]
) -> None:
    """On the page and in the download; who can choose is led to where."""
    company = new_company()
    number = put(
        company.id,
        "Acme",
        state="unlinked",
        reason="No match.",
        quickbooks={"name": "Acme"},
    )
    path = f"/setup/{company.setup_token}"
    told = questions.on_the_page(words.state("customer", "unlinked").do)
    text = html.unescape(server.get(f"{path}/records").text)
    assert told in text
    assert f'href="{path}/choices/{number}"' in text
    choice = server.get(f"{path}/choices/{number}")
    assert 'name="list" value="jobs"' in choice.text
    time = put(company.id, "Time", kind="time_entry", state="unlinked")
    assert server.get(f"{path}/choices/{time}").status_code == 404
    row, _ = _cells(server, f"{path}/records.csv")
    assert row["what to do"] == words.state("customer", "unlinked").do
