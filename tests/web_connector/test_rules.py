"""Every rule of "server must do X when Y" has a test with a name, or says why not."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import reference_data

RULES: dict[str, tuple[str, ...] | str] = {
    "GET and HEAD": ("test_get_and_head_on_the_endpoint_answer_200",),
    "support page": ("test_the_support_page_answers_200",),
    "serverVersion": ("test_server_version_is_told_without_the_database",),
    "clientVersion good": ("test_a_web_connector_that_is_new_enough_goes_on",),
    "clientVersion unreadable": ("test_an_unreadable_version_goes_on_and_is_logged",),
    "clientVersion old": ("test_an_old_web_connector_is_told_which_one_it_needs",),
    "login refused": (
        "test_an_unknown_user_gets_the_same_no_as_a_wrong_password",
        "test_however_many_wrong_passwords_came_the_right_one_is_taken",
        "test_the_password_is_never_logged_and_the_user_name_is",
    ),
    "company suspended": ("test_a_paused_company_gets_none",),
    "no work": ("test_without_work_the_answer_is_none_and_the_interval",),
    "too soon": ("test_too_soon_the_answer_is_none",),
    "another live session": (
        "test_a_young_session_of_the_same_connection_means_busy",
        "test_a_session_silent_for_the_idle_limit_is_ended_and_its_reads_go_out_again",
    ),
    "former session ended in a request": (
        "test_a_lost_answer_is_asked_for_first_and_then_taken",
    ),
    "work to do": ("test_work_gets_a_ticket_and_the_remembered_path",),
    "database down": ("test_a_database_that_is_down_means_busy_for_five_minutes",),
    "connectionError to be retried": (
        "test_a_connection_error_ends_the_run_with_what_to_do",
        "test_a_modal_dialog_in_quickbooks_ends_a_run_and_the_next_one_works",
    ),
    "connectionError for a remembered path": (
        "test_a_remembered_path_that_fails_is_tried_once_without",
        "test_a_web_connector_finds_a_moved_file_by_itself",
    ),
    "connectionError for permissions": (
        "test_a_connection_error_ends_the_run_with_what_to_do",
    ),
    "first request": (
        "test_the_first_answers_bind_the_company_file",
        "test_an_older_quickbooks_is_spoken_to_in_its_own_version",
    ),
    "first answers missing": (
        "test_without_readable_first_answers_we_ask_ourselves",
        "test_our_own_questions_are_asked_once_and_then_the_run_ends",
    ),
    "wrong company file": (
        "test_a_file_with_another_file_id_is_refused",
        "test_the_wrong_company_file_ends_a_run_with_a_sentence",
    ),
    "recovery pending": ("test_new_work_waits_until_the_lost_answer_was_asked_for",),
    "work is sent": (
        "test_what_is_sent_is_ascii_valid_and_stored_first",
        "test_a_set_of_writes_has_an_id_that_is_stored_before_it_leaves",
    ),
    "work in a moment": (
        "test_work_that_is_ready_in_a_moment_is_waited_for",
        "test_nobody_waits_for_longer_than_a_minute",
    ),
    "nothing left": ("test_nothing_left_to_send_ends_with_a_harmless_text",),
    "asked twice": (
        "test_a_request_asked_for_twice_is_answered_anew",
        "test_a_request_asked_for_twice_makes_the_first_unsure_and_is_asked_about",
    ),
    "unknown ticket": (
        "test_an_unknown_ticket_gets_the_no_and_changes_nothing",
        "test_a_closed_ticket_is_dead_for_every_method",
    ),
    "good answer": ("test_a_good_answer_returns_how_much_is_done",),
    "answer again": ("test_the_same_answer_again_gets_the_same_percentage",),
    "hresult": (
        "test_a_refused_message_set_is_judged_by_its_code",
        "test_a_set_that_cannot_be_parsed_is_halved_until_the_guilty_one_stands_alone",
    ),
    "answer unreadable": (
        "test_an_unusable_answer_is_kept_and_asked_for_again",
        "test_control_characters_inside_the_qbxml_are_kept_and_read_over",
    ),
    "status 1": ("test_nothing_found_and_warnings_are_successes",),
    "status 500": ("test_nothing_found_and_warnings_are_successes",),
    "status 1000": (
        "test_an_error_on_one_request_stops_no_other",
        "test_an_item_that_quickbooks_refuses_fails_alone",
    ),
    "3200": "LATER: nothing is modified in QuickBooks before time entries are",
    "iterator lost": ("test_a_lost_iterator_begins_again",),
    "getLastError": ("test_get_last_error_is_never_empty",),
    "closeConnection": (
        "test_close_connection_sums_up_and_frees_the_company",
        "test_close_connection_in_the_middle_loses_nothing",
    ),
    "no closeConnection": (
        "test_a_session_silent_for_the_idle_limit_is_ended_and_its_reads_go_out_again",
        "test_a_call_or_an_answer_that_is_lost_loses_nothing",
    ),
    "interactive": ("test_the_interactive_methods_are_refused_politely",),
    "exception": (
        "test_an_unexpected_exception_gets_the_safe_value",
        "test_an_answer_that_our_program_fails_on_does_not_stop_the_company",
    ),
    "answer too large": (
        "test_an_answer_of_twelve_megabytes_is_read_where_the_setting_allows_it",
        "test_an_answer_over_the_limit_is_kept_and_asked_for_in_smaller_pages",
    ),
    "download again": ("test_the_connection_file_is_the_same_on_every_download",),
    "pair error": ("test_a_new_owner_id_makes_a_new_file_and_tells_what_to_do",),
    "silence": ("test_who_does_not_call_is_late_and_told_once",),
    "password reset": (
        "test_after_a_reset_the_former_password_works_until_the_new_one_was_used",
    ),
}


@cache
def _tests() -> set[str]:
    return {
        node.name
        for path in Path(__file__).parents[1].rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_test_that_exists(rule: str) -> None:
    """A test that is renamed or removed is missed here."""
    named = RULES[rule]
    if isinstance(named, str):
        assert named.startswith("LATER: ")
    else:
        assert named
        assert set(named) <= _tests()


def test_there_are_as_many_rules_as_the_reference_has() -> None:
    """A rule that is added to the reference is missed here."""
    path = reference_data().parent / "reference/qbwc_protocol.md"
    if not path.is_file():
        pytest.skip("the reference is not on this machine")
    table = path.read_text("utf-8").partition("# 10. ")[2]
    lines = re.findall(r"^\| .* \|$", table, re.MULTILINE)
    assert len(lines) - 1 == len(RULES)
