//! The conformance suite: every promise of the store, over SQLite and over a real PostgreSQL.
//!
//! PostgreSQL is where `LAZARET_TEST_PG_URL` says; unset, its half says so and passes, except under `CI=true`.

#![allow(clippy::unwrap_used, reason = "a test fails where it must not go on, also in its helpers")]

mod federation;
mod kill;
mod log_in;
mod notices;
mod outbox;
mod people;
mod place;
mod positions;
mod records;
mod rhythm;
mod schema;
mod telemetry;
mod tuning;
mod words;

place::on_both! {
    records: fold_of_the_journal_is_the_state, a_broken_commit_leaves_nothing, one_of_two_writers_wins,
        two_creators_meet_and_one_wins, opposite_orders_do_not_deadlock, a_dropped_commit_is_whole_or_nothing,
        lists_page_newest_first, duties_come_soonest_first,
        an_erased_document_keeps_the_journal_verifiable, verification_finds_a_flipped_byte,
        cluster_keys_lead_to_the_newest_warning, settings_and_leases;
    positions: a_polling_reader_never_skips, the_lower_number_commits_last, a_release_is_published_once,
        a_trimmed_log_says_where_it_starts;
    telemetry: a_scan_is_stored_whole, a_broken_scan_leaves_nothing, alerts_merge, a_dismissed_alert_stays_dismissed,
        a_case_takes_its_alert, alerts_page_and_filter, odd_bytes_do_not_stop_a_scan, sources_count,
        base_detections_expire;
    outbox: lanes_are_priorities, a_newer_version_takes_the_turn, a_confirmation_never_covers_what_was_not_sent,
        trimming_is_counted, records_are_never_trimmed, held_items_wait_for_a_person, fifty_sent_items_stay,
        what_the_hub_did_not_take_says_why;
    federation: a_repeat_is_a_duplicate_and_other_bytes_a_conflict, a_higher_epoch_starts_anew,
        sightings_are_related_by_key, familiar_needs_three_earlier_days, a_relay_goes_up_once,
        an_invite_is_used_once, invites_expire, a_delivery_only_moves_forward, a_members_gap_is_counted_once,
        a_members_clock_is_kept, what_members_sent_long_ago_is_forgotten, countries_are_counted,
        received_warnings_keep_the_highest_version, a_broken_card_leaves_no_answer, suspected_rules_come_back;
    people: sessions_expire, five_failures_lock, parallel_failures_are_all_counted, the_first_run_link_works_once,
        a_name_is_taken_once, the_audit_pages_newest_first, a_disabled_account_has_no_session;
    rhythm: hours_learn_long_gaps_at_once_and_short_ones_slowly, alerts_forget_what_was_erased;
    tuning: an_exception_is_kept_with_who_and_why, an_exception_is_renewed_and_ended,
        what_filters_hid_is_counted_with_the_scan, a_rule_is_switched_off_and_on, the_loudest_rules_come_first;
    notices: a_notice_is_raised_once, the_first_acknowledgement_counts, calls_are_kept_with_how_they_stand,
        what_is_over_takes_no_calls, a_rota_keeps_its_order, old_notices_go_with_their_calls;
    log_in: a_session_is_ended_by_its_owner, the_audit_is_asked, a_reading_is_told_once_a_session,
        a_ticket_is_used_once, tickets_do_not_fill_the_disk, a_link_sets_a_password_once, a_step_is_used_once,
        a_passkey_counts_up, the_printed_code_opens_once, a_reset_takes_everything;
    schema: a_newer_schema_is_refused, a_changed_migration_is_refused, opening_twice_changes_nothing,
        the_epoch_rises;
}
