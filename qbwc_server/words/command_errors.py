"""What an operator sees on the command line: each error of ours by its id."""

from __future__ import annotations

from qbwc_server.words.wording import Words, tell

_LOOK = "Please look at it with the command that is named beside the error."

ERRORS: tuple[Words, ...] = (
    tell(
        "error",
        "Something went wrong on our side.",
        "We have been told; it is tried again.",
    ),
    tell(
        "company-unknown",
        "No company has that name or number.",
        "`qbwc-server company list` shows them.",
    ),
    tell(
        "company-nothing-asked",
        "A company does not wait for such a word any more.",
        "`qbwc-server support attentions` shows what is asked.",
    ),
    tell(
        "mosaic-key-not-taken",
        "An API key of Mosaic was tried and is not kept.",
        "The key before it stays; the setup page says why.",
    ),
    tell(
        "company-not-ready",
        "The company cannot go live yet.",
        "The reasons are listed; each goes away by what it says.",
    ),
    tell(
        "link-record-unknown",
        "There is no such record, or nothing can be chosen for it.",
        "Choose people, customers, jobs or service items from the list.",
    ),
    tell(
        "link-object-unknown",
        "Mosaic has no such object, as far as was read.",
        "Make it in Mosaic, wait until the lists are read again, then choose it.",
    ),
    tell(
        "link-wrong-type",
        "What was chosen in Mosaic is something else.",
        "Choose a client for a customer, a project for a job, a member for a person.",
    ),
    tell(
        "link-wrong-parent",
        "What was chosen in Mosaic stands under something else.",
        "Choose one that stands under the same client or project.",
    ),
    tell(
        "link-no-place",
        "There is no place for it in Mosaic yet.",
        "Choose first for what stands above it.",
    ),
    tell(
        "link-linked-already",
        "The record is linked to something else in Mosaic.",
        "Unlink it first.",
    ),
    tell(
        "link-taken",
        "Another record is linked to what was chosen in Mosaic.",
        "Unlink that one first, or choose another.",
    ),
    tell(
        "link-taken-elsewhere",
        "Another company file of your team is linked to what was chosen.",
        "Confirm that both share it, or choose another.",
    ),
    tell(
        "hours-said-elsewhere",
        "For another company file it was said already whose these hours are.",
        "Change it where it was said, or leave it.",
    ),
    tell(
        "hours-not-all-known",
        "Not all of Mosaic's earlier hours are known yet.",
        "Wait until they are read, look at how many they are, then say it again.",
    ),
    tell(
        "hours-not-shared",
        "It is not one other company file that could have these hours.",
        "Say in the file whose hours they are that they are its own.",
    ),
    tell(
        "link-write-under-way",
        "Something is on its way to Mosaic for this record.",
        "Choose again in a few minutes.",
    ),
    tell(
        "link-no-exact-match",
        "Nothing in Mosaic has exactly its name.",
        "Choose from what is similar, or have it made as new.",
    ),
    tell(
        "link-used",
        "The link has been used already and is not taken back.",
        "Unlink it if it is wrong.",
    ),
    tell(
        "company-busy",
        "A Web Connector or a worker is working with the company now, or time of it is "
        "on its way to Mosaic.",
        "Wait until it is done, or pause the company first.",
    ),
    tell(
        "sees-one-company",
        "This database login sees one company at a time.",
        "Use the login that owns the tables: docker compose run --rm operator ...",
    ),
    tell(
        "sees-everything",
        "This database login sees all companies at once: nothing is served with it.",
        "Give server and worker a login that owns nothing, in the role qbwc_app.",
    ),
    tell(
        "no-support",
        "The support console has no database login that reads the views alone.",
        "Make one in the role qbwc_support and name it in QBWC_SUPPORT_DATABASE_URL.",
    ),
    tell(
        "support-token-exists",
        "Somebody has a token of that name for the support console already.",
        "Choose another name, or remove that token first.",
    ),
    tell(
        "support-token-unknown",
        "Nobody has a token of that name for the support console.",
        "`qbwc-server support token list` shows them.",
    ),
    tell(
        "company-exists",
        "Another company has that name already, or one that looks the same in Web "
        "Connector.",
        "Please choose another name.",
    ),
    tell(
        "company-name-blank",
        "Nothing can be seen of that name.",
        "Please give the company a name with letters or digits.",
    ),
    tell(
        "alert-address-refused",
        "That address gets no alerts.",
        "Please read why, and type it again.",
    ),
    tell(
        "paused-by-support",
        "Our support paused this connection.",
        "Please ask our support to have it go on.",
    ),
    tell(
        "company-linked",
        "The company is linked to objects of its Mosaic team.",
        "Please add a new company for another team.",
    ),
    tell(
        "record-nothing-to-settle",
        "That record has no conflict to settle.",
        "`qbwc-server records explain` tells where it stands.",
    ),
    tell(
        "record-nothing-is-gone",
        "Mosaic has that record, or neither side has it any more.",
        "`qbwc-server records explain` tells where it stands.",
    ),
    tell(
        "record-one-or-two",
        "What was said of these entries cannot be done.",
        "`qbwc-server records explain` tells where each of them stands.",
    ),
    tell(
        "record-not-restored",
        "That record waits for no such word because of a restored backup.",
        "`qbwc-server records restored NAME` lists those that do.",
    ),
    tell(
        "no-restore",
        "That company waits for no word about a restored backup.",
        "Nothing to do.",
    ),
    tell(
        "job-illegal-transition",
        "A piece of work is not in a state from which that can be done.",
        _LOOK,
        "`qbwc-server jobs show` tells its state and history.",
    ),
    tell(
        "job-not-decidable",
        "That piece of work has not failed and has left already.",
        "`qbwc-server jobs show` tells where it stands.",
    ),
    tell(
        "setting-missing",
        "A setting that has no safe default is not set, or not safely.",
        "Please set what the message names; docs/settings.md lists all.",
    ),
    tell(
        "schema-in-use",
        "Somebody holds a table that has to be changed, so nothing was changed.",
        "Please end what the named login does, and run the command again.",
    ),
    tell(
        "another-key",
        "The secret key is not that of the database which is put back.",
        "Please set the key that was kept with the backup; nothing was put back.",
    ),
    tell(
        "older-copy",
        "Our database is an older copy of itself, so both sides are compared first.",
        "Please do it again: the comparison has begun.",
        "A restore, or a standby that took over. `qbwc-server doctor` says by what.",
    ),
    tell(
        "schema-differs",
        "The database is at another revision than this program.",
        "Please run `qbwc-server database upgrade`.",
    ),
)
