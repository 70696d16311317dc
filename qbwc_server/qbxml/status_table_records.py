"""Status codes about the books: what a company file does not allow, and recovery.

Sources as in `status_table_messages`.
"""

from __future__ import annotations

from qbwc_server.qbxml.verdict import Status, Verdict


def _unexplained(code: int) -> Status:
    """Describe a code whose meaning Intuit does not publish."""
    return Status(
        code,
        Verdict.DATA,
        f"refused with the unexplained code {code}",
        f"QuickBooks refused this record with code {code}. Please read its own words in"
        " the details and tell our support.",
        f"No published meaning of {code} is known. The record waits; others go on. Note"
        " the full message QuickBooks gave, it is the only explanation there is.",
    )


RECORDS: tuple[Status, ...] = (
    Status(
        3160,
        Verdict.DATA,
        "cannot be deleted",
        "QuickBooks does not let this record be deleted because something still uses"
        " it. Please delete or change what uses it, or leave it.",
        "Other records refer to it, or QuickBooks never deletes this kind.",
    ),
    Status(
        3161,
        Verdict.CUSTOMER,
        "closed period, cannot be deleted",
        "The entry lies on or before the closing date. An administrator can move the"
        " date: Edit > Preferences > Accounting > Company Preferences.",
        "The books are closed for that day. We never send a closing date password.",
    ),
    Status(
        3162,
        Verdict.CUSTOMER,
        "needs single-user mode",
        "QuickBooks allows this only in single-user mode. Please choose File > Switch"
        " to Single-user Mode for one run.",
        "Goes through as soon as the host reports SingleUser.",
    ),
    Status(
        3170,
        Verdict.REFETCH,
        "cannot be changed",
        "QuickBooks did not let the record be changed. We will read it again and see"
        " what changed there.",
        "Not the code of an outdated EditSequence, which is 3200. Read the text after"
        " 'QuickBooks error message' for the reason.",
    ),
    Status(
        3171,
        Verdict.CUSTOMER,
        "closed period, cannot be changed",
        "The change touches a day on or before the closing date. Edit > Preferences >"
        " Accounting > Company Preferences lets an administrator change it.",
        "The books are closed for that day, before or after the change.",
    ),
    Status(
        3173,
        Verdict.REFETCH,
        "related record changed meanwhile",
        "A record this one depends on was changed or deleted in QuickBooks. We will"
        " read both again.",
        "Read the lists again before deciding.",
    ),
    Status(
        3175,
        Verdict.RETRY,
        "record in use",
        "Somebody has this record open in QuickBooks. Please save and close it; we will"
        " try again at the next run.",
        "The record is locked by another user or open in a form.",
    ),
    Status(
        3176,
        Verdict.RETRY,
        "related record in use",
        "Somebody has the customer, item or person of this entry open in QuickBooks."
        " Please close it; we will try again at the next run.",
        "As 3175, for a record the request refers to.",
    ),
    Status(
        3177,
        Verdict.RETRY,
        "locked",
        "QuickBooks had the list or entry locked. We will try again at the next run.",
        "One of the lock family beside 3175 and 3176; its exact meaning is not"
        " published.",
    ),
    Status(
        3180,
        Verdict.REFETCH,
        "could not be saved",
        "QuickBooks could not save the record. We will read it again; its own words are"
        " in the details.",
        "A collection of reasons: read the text after 'QuickBooks error message'.",
    ),
    Status(
        3185,
        Verdict.DATA,
        "cannot be voided",
        "QuickBooks does not let this entry be voided. Please void or correct it in"
        " QuickBooks yourself.",
        "The kind of transaction or its state does not permit voiding.",
    ),
    Status(
        3190,
        Verdict.BUG,
        "element cannot be cleared",
        "We tried to empty a field that QuickBooks must keep filled. Our support will"
        " correct it.",
        "An element was sent empty that may only be replaced.",
    ),
    Status(
        3200,
        Verdict.REFETCH,
        "changed in QuickBooks meanwhile",
        "The record was changed in QuickBooks since we last read it. We will read it"
        " again and bring both changes together.",
        "The EditSequence is out of date and nothing was written. Read the record,"
        " merge, send with the new EditSequence.",
    ),
    Status(
        3205,
        Verdict.DATA,
        "address not acceptable",
        "QuickBooks does not accept this address. Please shorten its lines where it was"
        " written.",
        "An address has at most five lines of 41 characters.",
    ),
    Status(
        3210,
        Verdict.DATA,
        "value not acceptable",
        "QuickBooks does not accept one of the values. The details name the field;"
        " please correct it where it was written.",
        "QuickBooks' general refusal of a value. Decide by the code, not the severity:"
        " it has been seen together with the severity Info.",
    ),
    Status(
        3220,
        Verdict.CUSTOMER,
        "QuickBooks user not authorized",
        "The QuickBooks user we work as may not do this. Please give the user the right"
        " in Company > Users > Set Up Users and Roles.",
        "The login chosen for this application lacks a permission.",
    ),
    Status(
        3230,
        Verdict.RECOVER,
        "rolled back",
        "QuickBooks took back what it had begun. We will check what is there before"
        " sending again.",
        "Follows rollbackOnError, which we never ask for. Look before sending again.",
    ),
    Status(
        3231,
        Verdict.RETRY,
        "not processed",
        "QuickBooks skipped this because an earlier request of the same batch failed."
        " We will send it again.",
        "Not executed, so the same content is safe to send. Some editions answer a"
        " request they do not support this way: if it never goes through alone, treat"
        " it as 1030.",
    ),
    Status(
        3240,
        Verdict.RECOVER,
        "creation time does not match",
        "QuickBooks holds a different record under the same identity. We will compare"
        " both before going on.",
        "Seen in error recovery when records were created anew, for example after a"
        " backup was restored.",
    ),
    Status(
        3250,
        Verdict.CUSTOMER,
        "feature not switched on",
        "A QuickBooks feature this needs is off or not in your edition. Please look in"
        " Edit > Preferences, for example under Time & Expenses.",
        "Time tracking, classes, multi-currency or payroll is off or not part of this"
        " edition. The preferences in the first message of a session say which.",
    ),
    Status(
        3260,
        Verdict.CUSTOMER,
        "permission too low",
        "Our application may not do this in QuickBooks. Please check Edit > Preferences"
        " > Integrated Applications > Properties.",
        "The application or its login has too few rights for this request.",
    ),
    Status(
        3261,
        Verdict.CUSTOMER,
        "personal data not allowed",
        "QuickBooks keeps personal data from us. To allow it: Edit > Preferences >"
        " Integrated Applications > Properties, personal data box.",
        "A field counted as personal was asked for or sent. We should not need any:"
        " check which element it was.",
    ),
    Status(
        3262,
        Verdict.CUSTOMER,
        "payroll subscription needed",
        "QuickBooks needs an active payroll subscription for this. Please check"
        " Employees > My Payroll Service.",
        "The request touches payroll and the company has no active subscription.",
    ),
    Status(
        3263,
        Verdict.CUSTOMER,
        "read-only access",
        "QuickBooks gives our application read-only access. Please remove it in Web"
        " Connector and add the .qwc file again.",
        "The application was registered with IsReadOnly. Our .qwc files never ask for"
        " that; somebody edited the file.",
    ),
    Status(
        3264,
        Verdict.CUSTOMER,
        "merchant service subscription needed",
        "QuickBooks needs an active merchant service subscription for this. Please"
        " check Customers > Link Payment Service to Company File.",
        "The request touches card payments, which this product does not use.",
    ),
    Status(
        3270,
        Verdict.DATA,
        "posting account missing",
        "A service item has no account to post to. Please open it under Lists > Item"
        " List and choose an account.",
        "The item, payroll item or company lacks the account the entry would post to.",
    ),
    Status(
        3280,
        Verdict.DATA,
        "type of item does not fit",
        "The item named is of another type than this entry needs. Please choose a"
        " service item.",
        "Intuit's exact wording of this code is not confirmed.",
    ),
    *(
        _unexplained(code)
        for code in (3290, 3300, 3301, 3310, 3320, 3330, 3340, 3350, 3370, 3380)
    ),
    Status(
        3351,
        Verdict.BUG,
        "custom field definition refused",
        "QuickBooks did not accept the custom field we tried to define. Our support"
        " will correct it.",
        "The type of a data extension or the records it is assigned to are not valid.",
    ),
    Status(
        3390,
        Verdict.RETRY,
        "too many at once",
        "QuickBooks was asked to keep too many lists open at once. We will try again at"
        " the next run.",
        "Open iterators are limited; they end with the session. The full wording is"
        " not confirmed.",
    ),
    Status(
        3391,
        Verdict.REFETCH,
        "reading was interrupted",
        "QuickBooks closed the list we were reading page by page. We will start"
        " reading it again.",
        "An iteratorID lives as long as the QuickBooks session and not if left idle."
        " Start the query again from the last committed watermark.",
    ),
    Status(
        3500,
        Verdict.CUSTOMER,
        "merge refused",
        "QuickBooks refused to merge two list records. Please merge them by hand in"
        " QuickBooks.",
        "Seen on live files with no further explanation. We never ask for a merge.",
    ),
    Status(
        9001,
        Verdict.BUG,
        "message name used for other content",
        "We used one message name twice and QuickBooks refused the second. Nothing was"
        " written; our support will correct it.",
        "The stored checksum differs: newMessageSetID was reused for other bytes. Do"
        " not send again before the first use is accounted for.",
    ),
    Status(
        9002,
        Verdict.RECOVER,
        "no stored answer",
        "QuickBooks kept no answer to an earlier message. We will look for the records"
        " before sending again.",
        "Either it never arrived or its answer is gone. Look for every record of the"
        " set: by ExternalGUID, person and day for time.",
    ),
    Status(
        9003,
        Verdict.RECOVER,
        "recovery could not start",
        "QuickBooks could not open its memory of earlier messages. We will look for the"
        " records before sending again.",
        "Not known to be in use. Treat it as 9002.",
    ),
    Status(
        9004,
        Verdict.BUG,
        "message name not acceptable",
        "QuickBooks did not accept the name we gave a message. Our support will correct"
        " it.",
        "newMessageSetID is too long; 23 characters are safe.",
    ),
    Status(
        9005,
        Verdict.RECOVER,
        "answer could not be stored",
        "QuickBooks could not note its answer to our message. We will look for the"
        " records before sending again.",
        "Whether the writes happened is unknown. As 9002.",
    ),
)
