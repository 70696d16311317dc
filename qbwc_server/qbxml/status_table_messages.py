"""Status codes about the message: how it was written, what it named, how it fared.

Codes and meanings are those of the status code appendix of Intuit's QuickBooks SDK
and of answers QuickBooks Desktop gave; where neither says what a code means, the
text says that it does not. The words are ours.
"""

from __future__ import annotations

from qbwc_server.qbxml.verdict import Status, Verdict


def _malformed(code: int, what: str, why: str) -> Status:
    """Describe a value QuickBooks could not read, which is always our mistake."""
    return Status(
        code,
        Verdict.BUG,
        f"{what} not readable",
        f"QuickBooks could not read {what} we sent. Nothing to do in QuickBooks: our"
        " support will correct it.",
        f"{why} The request was refused and nothing was written. Compare the stored"
        " request with the schema and mend the code that builds it.",
    )


MESSAGES: tuple[Status, ...] = (
    Status(
        0,
        Verdict.DONE,
        "done",
        "QuickBooks did what was asked. Nothing to do.",
        "The plain success of every request.",
    ),
    Status(
        1,
        Verdict.EMPTY,
        "nothing found",
        "QuickBooks has nothing that matches. Nothing to do.",
        "A query that matched no record; its answer has no children. Not an error,"
        " although a query for something known to exist should make one curious.",
    ),
    Status(
        500,
        Verdict.PARTIAL,
        "some records of the query were not found",
        "QuickBooks found only some of the records we asked for. The missing ones were"
        " deleted or merged; nothing to do.",
        "A query by ListID, TxnID or name returned fewer records than it named. Those"
        " absent no longer exist under that identity. The message set goes on.",
    ),
    Status(
        501,
        Verdict.PARTIAL,
        "record cannot be shown in this qbXML version",
        "QuickBooks holds a record that cannot be passed on in the form we asked for."
        " Our support can see which one.",
        "The record uses something newer than the qbXML version of the request. Ask"
        " again with the highest version the host reports.",
    ),
    Status(
        510,
        Verdict.PARTIAL,
        "record cannot be returned",
        "QuickBooks could not hand over one of the records. Please run File > Utilities"
        " > Verify Data if this repeats.",
        "QuickBooks left out a record it could not represent. The others are good.",
    ),
    Status(
        530,
        Verdict.PARTIAL,
        "field not supported",
        "QuickBooks ignored a field it does not know in this edition. The rest was"
        " accepted; nothing to do.",
        "A warning: the request carried an element this edition or country does not"
        " have. Stop sending it to this company.",
    ),
    Status(
        531,
        Verdict.PARTIAL,
        "choice not supported",
        "QuickBooks ignored a choice it does not offer in this edition. The rest was"
        " accepted; nothing to do.",
        "A warning: an enumerated value is unknown to this edition or country. Stop"
        " sending it to this company.",
    ),
    Status(
        550,
        Verdict.PARTIAL,
        "saved without its notes",
        "QuickBooks saved the record but not its notes. The notes will be sent again"
        " by themselves.",
        "The write HAPPENED: never send the Add again. Take the returned record; the"
        " next comparison sees the notes differ and modifies them.",
    ),
    Status(
        560,
        Verdict.DONE,
        "done, with an outdated field",
        "QuickBooks did what was asked, through a field it is about to retire. Nothing"
        " to do.",
        "The request used a deprecated element. It worked; plan its replacement.",
    ),
    Status(
        570,
        Verdict.PARTIAL,
        "saved without its link",
        "QuickBooks saved the record but could not link it to a transaction that is"
        " closed. Please check the link in QuickBooks.",
        "The transaction to link to was already closed. The record itself was saved.",
    ),
    Status(
        600,
        Verdict.RECOVER,
        "no stored answer under that name",
        "We asked QuickBooks about an earlier message it does not remember here."
        " We will look for the records themselves; nothing to do.",
        "oldMessageSetID names nothing stored and no new set was named. Often the"
        " question reached another company file or a restored one: check the identity"
        " of the file, then look for the records.",
    ),
    Status(
        1000,
        Verdict.RECOVER,
        "internal error of QuickBooks",
        "QuickBooks had an internal error. We will check what it did before sending"
        " again; if it repeats, run File > Utilities > Verify Data.",
        "Whether a write happened is unknown. Ask for the stored answer or look for"
        " the record before sending anything again. Details are in qbsdklog.txt.",
    ),
    Status(
        1010,
        Verdict.RETRY,
        "QuickBooks is not available",
        "QuickBooks could not take the request just now. We will try again at the next"
        " run.",
        "The system was not available; the request was not executed.",
    ),
    Status(
        1030,
        Verdict.BUG,
        "request not known to this QuickBooks",
        "This edition of QuickBooks does not know the request we sent. Nothing to do"
        " in QuickBooks: our support will look at it.",
        "The kind of request is not in this edition, country or qbXML version. Compare"
        " with the version and country the host reports.",
    ),
    Status(
        1060,
        Verdict.BUG,
        "requestID refused",
        "QuickBooks did not accept the number we gave our request. Nothing to do in"
        " QuickBooks: our support will correct it.",
        "A requestID may have 50 characters at most.",
    ),
    Status(
        3000,
        Verdict.DATA,
        "identity not readable",
        "The identity we hold for this record is not one QuickBooks can read. Please"
        " ask our support to link the record again.",
        "A ListID or TxnID is malformed or of the wrong kind. Unlink the record and"
        " let it be matched again.",
    ),
    _malformed(3010, "a yes/no value", "Booleans are true, false, 1 or 0."),
    _malformed(3020, "a date", "Dates are YYYY-MM-DD and lie in 1901 to 9999."),
    _malformed(3030, "a range of dates", "FromDate must not be after ToDate."),
    _malformed(3031, "a range of names", "FromName must not sort after ToName."),
    _malformed(3035, "a duration", "Durations are PTnHnMnS, minutes below 60."),
    _malformed(3040, "an amount of money", "Amounts have two decimals, no separators."),
    _malformed(3045, "a price", "Prices have up to five decimals, no separators."),
    _malformed(3050, "a percentage", "Percentages are plain decimal numbers."),
    _malformed(3060, "a quantity", "Quantities have up to five decimals."),
    _malformed(3065, "a GUID", "GUIDs are 36 characters in braces, or 0."),
    Status(
        3070,
        Verdict.DATA,
        "text too long",
        "A text is longer than QuickBooks allows. Please shorten it where it was"
        " written; the field is named in the details.",
        "QuickBooks never shortens: the whole record was refused. Its message names"
        " the field. If we knew the limit, our own length check missed it.",
    ),
    Status(
        3080,
        Verdict.DATA,
        "text not acceptable",
        "A text holds something QuickBooks does not accept. Please simplify it where"
        " it was written.",
        "Usually a character outside those of Windows-1252, or an empty text where one"
        " is needed. Its message names the field.",
    ),
    _malformed(3085, "a number", "Numbers have no separators and a plain sign."),
    Status(
        3090,
        Verdict.DATA,
        "name not acceptable",
        "QuickBooks does not accept this name. Please take out colons and other"
        " special characters and use at most 41 characters.",
        "A colon separates a customer from its job, so no name may hold one.",
    ),
    Status(
        3100,
        Verdict.DATA,
        "name already in use",
        "QuickBooks already uses this name for a customer, vendor, employee or other"
        " name, perhaps an inactive one. Please rename one of the two.",
        "Customers, vendors, employees and other names share one set of names. A record"
        " deleted in multi-user mode stays hidden and keeps its name.",
    ),
    Status(
        3101,
        Verdict.DATA,
        "result too large",
        "An amount or balance would become larger than QuickBooks can hold. Please"
        " check the hours and the rate.",
        "Rate times duration, or a balance, exceeds the largest amount.",
    ),
    _malformed(3110, "a choice", "An enumerated value is not one of the schema's."),
    Status(
        3120,
        Verdict.REFETCH,
        "record not found",
        "The record is no longer in QuickBooks. We will read the list again and act on"
        " what is there.",
        "A ListID or TxnID was not found. On a modification or deletion of time the"
        " entry was deleted in QuickBooks.",
    ),
    Status(
        3121,
        Verdict.DATA,
        "custom field owner not found",
        "QuickBooks does not know the custom field we named. Please check Custom"
        " Fields in the customer or employee record.",
        "The OwnerID of a data extension has no definition in this company file.",
    ),
    Status(
        3130,
        Verdict.DATA,
        "parent not found",
        "The customer this job should belong to is not in QuickBooks. Please check that"
        " it still exists and has the same name.",
        "A ParentRef names no record. The parent was renamed, merged or deleted, or"
        " was refused earlier in the same run.",
    ),
    Status(
        3140,
        Verdict.DATA,
        "reference not accepted",
        "QuickBooks refused one of the records this entry refers to. Please check its"
        " customer, service item, class and payroll item.",
        "Read the text after 'QuickBooks error message': it says whether the referenced"
        " record is missing, inactive, locked, or not allowed in this place.",
    ),
    Status(
        3150,
        Verdict.BUG,
        "required element missing",
        "We sent QuickBooks an incomplete record. Nothing to do in QuickBooks: our"
        " support will correct it.",
        "The message names the missing element.",
    ),
    Status(
        3151,
        Verdict.BUG,
        "element not valid here",
        "We sent QuickBooks a field that does not belong to this kind of record."
        " Our support will correct it.",
        "The element exists but not for this request or this type of record.",
    ),
    Status(
        3152,
        Verdict.BUG,
        "elements contradict each other",
        "We sent QuickBooks two values that contradict each other. Our support will"
        " correct it.",
        "Two elements of the request exclude one another.",
    ),
    Status(
        3153,
        Verdict.BUG,
        "only one of several elements allowed",
        "We sent QuickBooks several values where it takes one. Our support will correct"
        " it.",
        "The schema offers a choice and the request made it twice.",
    ),
)
