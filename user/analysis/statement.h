// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <vector>

#include "user/analysis/values.h"

namespace flowstamp::analysis {

/// What can be stated about a finding. The sentences are in user/output/text/phrases.def.
enum class Phrase : std::uint8_t {
    // A forged reset, and its outcome.
    reset_not_sent,
    reset_probably_not_sent,
    reset_was_suspicious,
    reset_made_here,
    flow_went_on,
    flow_ended,
    far_end_reset,
    far_end_silent,
    far_end_unreached,
    reset_upheld,
    // ... what to do next.
    watch_far_end,
    reset_to_syn_came_first,
    reset_passed_because,
    use_drop_confirmed,
    use_challenge_suspected,
    look_for_rule_here,
    look_for_program_here,
    // An injected segment.
    syn_answered_twice_with_its_id,
    syn_answered_twice_from_nearer,
    syn_answered_twice,
    data_lacks_timestamps,
    data_came_twice,
    data_probably_came_twice,
    frames_differ_second_is_injected,
    frames_differ_first_is_injected,
    frames_differ,
    answer_copies_ids,
    look_for_box_at_distance,
    look_for_answering_filter,
    // A connection attempt that failed.
    syn_unanswered,
    syn_answered_late,
    syn_rejected_late,
    many_unanswered,
    look_at_client_side,
    syns_flood_listener,
    use_syn_cookies,
    answered_by_old_connection,
    stale_connection_replaced,
    use_another_port,
    handshake_is_ignored,
    handshake_accepted_late,
    look_at_accept_queue,
    look_for_silent_drop,
    refused_by_box,
    refused_by_host,
    refused_by_either,
    refused_by_unknown,
    refused_by_this_host,
    refused_by_own_stack,
    refused_by_own_rule,
    refused_here_in_its_name,
    look_for_reject_rule,
    see_what_listens,
    see_what_listens_here,
    look_at_own_rules,
    icmp_rejects,
    connection_outlives_icmp,
    look_at_host_firewall,
    look_at_box,
    answered_from_elsewhere,
    client_reset_answer,
    answer_was_accepted,
    reply_left_untranslated,
    drop_invalid,
    translate_source,
    connection_is_unknown,
    segments_rejected,
    compare_both_ends,
    look_for_reset_rule,
    // A connection that stalled.
    stalled_one_way,
    stalled_silent,
    stalled_acks_lost,
    stalled_from_start,
    stall_recovered,
    stall_ended,
    stall_acks_arrived,
    stall_acks_never_arrived,
    look_at_queue_or_rule,
    look_for_ban,
    look_where_acks_are_lost,
    window_is_closed,
    window_reopened,
    window_stayed_closed,
    look_at_reader,
    reader_is_here,
    too_big_and_lost,
    too_big_and_ignored,
    large_arrived_after_all,
    large_arrived_in_pieces,
    clamp_mss,
    idle_then_reset,
    idle_until_reset,
    idle_then_unanswered,
    idle_then_answered_late,
    send_keepalives,
    // The path.
    proxy_answered_handshake,
    opener_moved,
    distance_changed,
    look_for_proxy,
    one_direction_only,
    both_directions_after_all,
    watch_both_directions,
    packets_go_round,
    ttl_ran_out,
    compare_routes,
    // This host.
    host_keeps_own_reset,
    host_refuses,
    host_drops_reset,
    host_drops,
    host_keeps_reset,
    host_keeps_syn,
    host_keeps_syn_ack,
    change_rule,
    watch_path,
    look_at,
    // Two captures of one path.
    reset_never_sent,
    sender_went_on,
    made_hops_away,
    data_never_sent,
    data_is_other,
    data_sent_later,
    eaten_from_here_on,
    eaten_some,
    eaten_reset,
    changed_between,
    changed_end,
    changed_mss,
    changed_wscale,
    changed_options,
    changed_ecn,
    changed_dscp,
    changed_ttl,
    changed_df,
    changed_ip_id,
    changed_window,
    look_between,
    // What else is known of why.
    idle_before,
    look_for_time_out,
    host_drops_it,
};

/// One sentence: its phrase, and the values that it names.
struct Statement {
    Phrase phrase;
    Values values{};
    std::uint64_t signals = 0;  ///< FST_SIGNAL_BIT(...) that it gives as its reasons

    friend bool operator==(const Statement&, const Statement&) = default;
};

using Statements = std::vector<Statement>;

}  // namespace flowstamp::analysis
