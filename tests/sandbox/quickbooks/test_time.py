"""Time entries: adding, changing, deleting and finding them."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.sandbox.quickbooks.office import Office, texts

GUID = "{0A1B2C3D-0000-1111-2222-0123456789AB}"


class Firm(Office):
    """An office with a person, a customer, a service item and a class."""

    def __init__(self) -> None:
        super().__init__()
        self.person = self.hands.add("Employee", "Ada")
        self.customer = self.hands.add("Customer", "Harbor")
        self.item = self.hands.add("ItemService", "Design")
        self.klass = self.hands.add("Class", "Studio")

    def add(self, **elements: str) -> etree._Element:
        """Send a TimeTrackingAdd and return its answer."""
        body = self.body(**elements)
        add = f"<TimeTrackingAdd>{body}</TimeTrackingAdd>"
        return self.one(f"<TimeTrackingAddRq>{add}</TimeTrackingAddRq>")

    def modify(
        self, txn_id: str, edit_sequence: str, **elements: str
    ) -> etree._Element:
        """Send a TimeTrackingMod and return its answer."""
        head = f"<TxnID>{txn_id}</TxnID><EditSequence>{edit_sequence}</EditSequence>"
        mod = f"<TimeTrackingMod>{head}{self.body(**elements)}</TimeTrackingMod>"
        return self.one(f"<TimeTrackingModRq>{mod}</TimeTrackingModRq>")

    def body(self, **elements: str) -> str:
        """Return the elements of a time entry in the schema's order."""
        elements = {
            "EntityRef": f"<ListID>{self.person}</ListID>",
            "Duration": "PT1H",
        } | elements
        order = (
            *("TxnDate", "EntityRef", "CustomerRef", "ItemServiceRef", "Duration"),
            *("ClassRef", "PayrollItemWageRef", "Notes", "BillableStatus"),
            "ExternalGUID",
        )
        return "".join(
            f"<{name}>{elements[name]}</{name}>" for name in order if name in elements
        )

    def entry(self, answer: etree._Element) -> tuple[str, str]:
        """Return TxnID and EditSequence of an answer."""
        found = answer.findtext("*/TxnID"), answer.findtext("*/EditSequence")
        return str(found[0]), str(found[1])

    def delete(self, txn_id: str) -> etree._Element:
        """Send a TxnDel and return its answer."""
        what = "<TxnDelType>TimeTracking</TxnDelType>"
        return self.one(f"<TxnDelRq>{what}<TxnID>{txn_id}</TxnID></TxnDelRq>")

    def refs(self) -> dict[str, str]:
        """Return the references of billable time."""
        return {
            "CustomerRef": f"<ListID>{self.customer}</ListID>",
            "ItemServiceRef": f"<ListID>{self.item}</ListID>",
            "ClassRef": "<FullName>studio</FullName>",
        }


@pytest.fixture
def firm() -> Firm:
    """Give an office where time can be entered."""
    return Firm()


def test_an_added_entry_comes_back_whole(firm: Firm) -> None:
    """All that was sent is returned, with ID, times, number and EditSequence."""
    answer = firm.add(
        **firm.refs(),
        TxnDate="2026-07-01",
        Duration="PT90M",
        Notes="a &amp; b&#10;c",
        BillableStatus="Billable",
        ExternalGUID=GUID,
    )

    assert answer.get("statusCode") == "0"
    assert texts(answer, "*/TxnID") == [f"1-{firm.now:.0f}"]
    assert texts(answer, "*/EditSequence") == [f"{firm.now:.0f}"]
    assert texts(answer, "*/TimeModified") == ["2026-07-02T09:46:40-05:00"]
    assert texts(answer, "*/Duration") == ["PT1H30M0S"]
    assert texts(answer, "*/Notes") == ["a & b\nc"]
    assert texts(answer, "*/ClassRef/FullName") == ["Studio"]
    assert texts(answer, "*/ExternalGUID") == [GUID]


def test_a_day_left_out_is_today_on_the_pc(firm: Firm) -> None:
    """Without TxnDate the PC's own day is taken."""
    assert texts(firm.add(), "*/TxnDate") == ["2026-07-02"]


def test_seconds_are_not_kept(firm: Firm) -> None:
    """A timesheet has whole minutes."""
    assert texts(firm.add(Duration="PT1H2M59S"), "*/Duration") == ["PT1H2M0S"]


def test_negative_time_is_refused(firm: Firm) -> None:
    """A negative duration passes the parser and fails as status 3035."""
    assert firm.add(Duration="-PT1H").get("statusCode") == "3035"


def test_billable_time_needs_a_customer(firm: Firm) -> None:
    """Without one it is 3140 with QuickBooks' reason in the tail."""
    answer = firm.add(BillableStatus="Billable")

    assert answer.get("statusCode") == "3140"
    told = str(answer.get("statusMessage"))
    assert "This line item requires a customer or job" in told


def test_billable_time_needs_a_service_item(firm: Firm) -> None:
    """A customer alone does not do."""
    customer = {"CustomerRef": f"<ListID>{firm.customer}</ListID>"}

    assert firm.add(**customer, BillableStatus="NotBillable").get("statusCode") == "0"
    assert firm.add(**customer, BillableStatus="Billable").get("statusCode") == "3140"


@pytest.mark.parametrize(
    "element", ["EntityRef", "CustomerRef", "ItemServiceRef", "ClassRef"]
)
def test_a_reference_to_nothing_is_refused(firm: Firm, element: str) -> None:
    """It is 3140, and the tail says that the record is not in the list."""
    answer = firm.add(**{element: "<ListID>80000099-1</ListID>"})

    assert answer.get("statusCode") == "3140"
    told = str(answer.get("statusMessage"))
    assert "specified record does not exist in the list" in told


def test_a_customer_cannot_have_worked(firm: Firm) -> None:
    """EntityRef is an employee, a vendor or an other name."""
    vendor = firm.hands.add("Vendor", "Plumbline")
    other = firm.hands.add("OtherName", "Pat")

    for person, code in ((firm.customer, "3140"), (vendor, "0"), (other, "0")):
        answer = firm.add(EntityRef=f"<ListID>{person}</ListID>")
        assert answer.get("statusCode") == code


def test_a_class_needs_class_tracking(firm: Firm) -> None:
    """With class tracking off a ClassRef is status 3250."""
    firm.hands.set("class_tracking", value=False)

    answer = firm.add(ClassRef=f"<ListID>{firm.klass}</ListID>")

    assert answer.get("statusCode") == "3250"


def test_a_payroll_item_is_for_people_paid_from_time_data(firm: Firm) -> None:
    """Anybody else's is status 3140."""
    item = firm.hands.add("PayrollItemWage", "Hourly")
    paid = firm.hands.add(
        "Employee",
        "Bea",
        EmployeePayrollInfo=[("UseTimeDataToCreatePaychecks", "UseTimeData")],
    )
    ref = {"PayrollItemWageRef": f"<ListID>{item}</ListID>"}

    assert firm.add(**ref).get("statusCode") == "3140"
    answer = firm.add(**ref, EntityRef=f"<ListID>{paid}</ListID>")
    assert answer.get("statusCode") == "0"


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("time_tracking", False, "3250"),
        ("may_write_time", False, "3260"),
        ("read_only_access", True, "3263"),
    ],
)
def test_rights_and_features_are_needed(
    firm: Firm, setting: str, value: object, code: str
) -> None:
    """Each thing that stops writing has its own status."""
    firm.hands.set(setting, value)

    assert firm.add().get("statusCode") == code


def test_a_mod_changes_what_it_names_and_clears_what_is_empty(firm: Firm) -> None:
    """Elements left out stay, an empty one is cleared, EditSequence moves."""
    first = firm.add(**firm.refs(), Notes="kept", BillableStatus="Billable")
    txn_id, edit_sequence = firm.entry(first)
    firm.now += 5

    answer = firm.modify(
        txn_id,
        edit_sequence,
        Duration="PT2H",
        ClassRef="",
        BillableStatus="NotBillable",
    )

    assert answer.get("statusCode") == "0"
    assert texts(answer, "*/EditSequence") == [f"{firm.now:.0f}"]
    assert texts(answer, "*/Duration") == ["PT2H0M0S"]
    assert texts(answer, "*/Notes") == ["kept"]
    assert texts(answer, "*/CustomerRef/FullName") == ["Harbor"]
    assert texts(answer, "*/ClassRef") == []
    assert texts(answer, "*/TimeCreated") == ["2026-07-02T09:46:40-05:00"]


def test_an_outdated_edit_sequence_is_refused(firm: Firm) -> None:
    """After somebody else's change a Mod is status 3200 and changes nothing."""
    txn_id, edit_sequence = firm.entry(firm.add())
    firm.now += 1
    firm.hands.edit_time(txn_id, minutes=30)

    answer = firm.modify(txn_id, edit_sequence, Duration="PT9H")

    assert answer.get("statusCode") == "3200"
    found = firm.one("<TimeTrackingQueryRq/>")
    assert texts(found, "*/Duration") == ["PT0H30M0S"]


def test_two_edits_within_a_second_look_like_one(firm: Firm) -> None:
    """EditSequence is a whole second, so the second writer is not noticed."""
    txn_id, edit_sequence = firm.entry(firm.add())
    firm.now += 0.4
    firm.hands.edit_time(txn_id, minutes=30)

    answer = firm.modify(txn_id, edit_sequence, Duration="PT9H")

    assert answer.get("statusCode") == "0"


def test_a_side_effect_moves_the_time_but_not_the_edit_sequence(firm: Firm) -> None:
    """A touched entry reads as modified and can still be written."""
    txn_id, edit_sequence = firm.entry(firm.add())
    firm.now += 60
    firm.hands.touch_time(txn_id)

    found = firm.one(
        f"<TimeTrackingQueryRq><TxnID>{txn_id}</TxnID></TimeTrackingQueryRq>"
    )

    assert texts(found, "*/TimeModified") == ["2026-07-02T09:47:40-05:00"]
    assert texts(found, "*/EditSequence") == [edit_sequence]


@pytest.mark.parametrize(("txn_id", "code"), [("99-1", "3120"), ("no id", "3000")])
def test_an_entry_that_is_not_there_cannot_be_changed(
    firm: Firm, txn_id: str, code: str
) -> None:
    """An unknown TxnID is 3120, a malformed one 3000, on Mod and on Delete."""
    assert firm.modify(txn_id, "1").get("statusCode") == code
    assert firm.delete(txn_id).get("statusCode") == code


def test_a_deleted_entry_is_remembered_for_90_days(firm: Firm) -> None:
    """TxnDeletedQuery tells it, on the 91st day no more."""
    txn_id, _ = firm.entry(firm.add())
    query = (
        "<TxnDeletedQueryRq><TxnDelType>TimeTracking</TxnDelType></TxnDeletedQueryRq>"
    )

    answer = firm.delete(txn_id)

    assert texts(answer, "TimeDeleted") == ["2026-07-02T09:46:40-05:00"]
    assert texts(firm.one(query), "TxnDeletedRet/TxnID") == [txn_id]
    assert firm.status("<TimeTrackingQueryRq/>") == "1"
    firm.now += 90 * 86_400
    assert firm.status(query) == "0"
    firm.now += 1
    assert firm.status(query) == "1"


def test_deleted_entries_come_by_time_within_the_range(firm: Firm) -> None:
    """The date range is inclusive, and other kinds do not come."""
    first, second = (firm.entry(firm.add())[0] for _ in range(2))
    firm.delete(second)
    firm.now += 60
    firm.delete(first)
    since = (
        "<DeletedDateRangeFilter><FromDeletedDate>{}</FromDeletedDate>"
        "</DeletedDateRangeFilter>"
    )
    query = "<TxnDeletedQueryRq><TxnDelType>{}</TxnDelType>{}</TxnDeletedQueryRq>"

    both = firm.one(query.format("TimeTracking", since.format("2026-07-02T09:46:40")))
    late = firm.one(query.format("TimeTracking", since.format("2026-07-02T09:46:41")))

    assert texts(both, "*/TxnID") == [second, first]
    assert texts(late, "*/TxnID") == [first]
    assert firm.status(query.format("Invoice", "")) == "1"


def test_the_closing_date_closes_the_days_before_it(firm: Firm) -> None:
    """Add and Mod are 3171, Delete is 3161, on the very day too."""
    txn_id, edit_sequence = firm.entry(firm.add(TxnDate="2026-06-30"))
    firm.hands.set("closing_date", "2026-06-30")

    assert firm.add(TxnDate="2026-06-30").get("statusCode") == "3171"
    answer = firm.modify(txn_id, edit_sequence, TxnDate="2026-07-01")
    assert answer.get("statusCode") == "3171"
    assert firm.delete(txn_id).get("statusCode") == "3161"
    assert firm.add(TxnDate="2026-07-01").get("statusCode") == "0"


def test_an_entry_in_use_cannot_be_written(firm: Firm) -> None:
    """An open form is 3175 until it is closed; an open customer is 3176."""
    txn_id, edit_sequence = firm.entry(firm.add())
    firm.hands.lock(txn_id)
    firm.hands.lock(firm.customer)

    assert firm.modify(txn_id, edit_sequence).get("statusCode") == "3175"
    assert firm.delete(txn_id).get("statusCode") == "3175"
    customer = {"CustomerRef": f"<ListID>{firm.customer}</ListID>"}
    assert firm.add(**customer).get("statusCode") == "3176"
    firm.hands.unlock(txn_id)
    assert firm.modify(txn_id, edit_sequence).get("statusCode") == "0"


def test_notes_too_long_fail_alone(firm: Firm) -> None:
    """4096 characters are status 3070 for that request; the next one is done."""
    long = f"<TimeTrackingAdd>{firm.body(Notes='x' * 4096)}</TimeTrackingAdd>"
    good = f"<TimeTrackingAdd>{firm.body(Notes='x' * 4095)}</TimeTrackingAdd>"
    frame = "<TimeTrackingAddRq>{}</TimeTrackingAddRq>"

    answers = firm.ask(frame.format(long) + frame.format(good))

    assert [answer.get("statusCode") for answer in answers] == ["3070", "0"]
    assert '"Notes"' in str(answers[0].get("statusMessage"))


def test_time_is_found_by_person_day_and_change(firm: Firm) -> None:
    """The three filters of a TimeTrackingQuery, alone and together."""
    other = firm.hands.add("Vendor", "Plumbline")
    mine = firm.hands.add_time(firm.person, "2026-07-01", 60)
    firm.now += 100
    theirs = firm.hands.add_time(other, "2026-07-01", 60, person_kind="Vendor")
    who = "<TimeTrackingEntityFilter>{}</TimeTrackingEntityFilter>"
    day = (
        "<TxnDateRangeFilter><FromTxnDate>2026-07-01</FromTxnDate>"
        "<ToTxnDate>2026-07-01</ToTxnDate></TxnDateRangeFilter>"
    )
    changed = (
        "<ModifiedDateRangeFilter><FromModifiedDate>2026-07-02T09:47:00"
        "</FromModifiedDate></ModifiedDateRangeFilter>"
    )

    def found(*filters: str) -> list[str]:
        query = f"<TimeTrackingQueryRq>{''.join(filters)}</TimeTrackingQueryRq>"
        return texts(firm.one(query), "*/TxnID")

    assert found(day) == [mine, theirs]
    assert found(changed) == [theirs]
    assert found(who.format(f"<ListID>{firm.person}</ListID>")) == [mine]
    assert found(day, who.format("<FullName>plumbline</FullName>")) == [theirs]
    assert found(f"<TxnID>{theirs}</TxnID><TxnID>FF-1</TxnID>") == [theirs]
    today = "<TxnDateRangeFilter><DateMacro>Today</DateMacro></TxnDateRangeFilter>"
    assert found(today) == []


def test_billed_time_says_so(firm: Firm) -> None:
    """Put on an invoice it is HasBeenBilled, and Billable when that is deleted."""
    txn_id, _ = firm.entry(firm.add(**firm.refs(), BillableStatus="Billable"))
    query = f"<TimeTrackingQueryRq><TxnID>{txn_id}</TxnID></TimeTrackingQueryRq>"

    firm.hands.mark_billed(txn_id)
    assert texts(firm.one(query), "*/BillableStatus") == ["HasBeenBilled"]
    firm.hands.mark_billed(txn_id, is_billed=False)
    assert texts(firm.one(query), "*/BillableStatus") == ["Billable"]


def test_sandbox_deletes_nothing_but_time(firm: Firm) -> None:
    """Other kinds of transactions are not found."""
    delete = "<TxnDelRq><TxnDelType>Invoice</TxnDelType><TxnID>1-1</TxnID></TxnDelRq>"

    assert firm.status(delete) == "3120"


def test_a_payroll_item_that_stays_has_to_suit_the_new_person(firm: Firm) -> None:
    """Time given to somebody not paid by time is 3140 until its item is cleared."""
    item = firm.hands.add("PayrollItemWage", "Hourly")
    paid = firm.hands.add(
        "Employee",
        "Bea",
        EmployeePayrollInfo=[("UseTimeDataToCreatePaychecks", "UseTimeData")],
    )
    entry = firm.entry(
        firm.add(
            EntityRef=f"<ListID>{paid}</ListID>",
            PayrollItemWageRef=f"<ListID>{item}</ListID>",
        )
    )

    assert firm.modify(*entry).get("statusCode") == "3140"
    cleared = firm.modify(*entry, PayrollItemWageRef="")
    assert cleared.get("statusCode") == "0"


def test_writes_to_billed_time_are_taken_and_counted(firm: Firm) -> None:
    """QuickBooks allows them; whoever respects invoices keeps the count at 0."""
    refs = firm.refs() | {"BillableStatus": "Billable"}
    txn_id, edit_sequence = firm.entry(firm.add(**refs))
    firm.modify(txn_id, edit_sequence, Duration="PT2H")
    firm.hands.mark_billed(txn_id)
    store = firm.file.store
    assert store.billed_touched == 0

    answer = firm.modify(txn_id, edit_sequence, Duration="PT3H")
    assert answer.get("statusCode") == "0"
    assert store.billed_touched == 1
    assert firm.delete(txn_id).get("statusCode") == "0"
    assert store.billed_touched == 2
    firm.add(**refs | {"BillableStatus": "HasBeenBilled"})
    assert store.billed_touched == 3
