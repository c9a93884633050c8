// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/middlebox_text.h"

#include <fmt/format.h>

#include "user/analysis/reset/path_values.h"
#include "user/net/names.h"
#include "user/output/text/counted.h"
#include "user/output/text/value_text.h"

namespace flowstamp::output {

namespace {

std::string habit_text(std::string_view field, const analysis::FieldHabit& habit) {
    switch (habit.kind) {
        case analysis::FieldHabit::Kind::zero:
            return fmt::format("{} 0", field);
        case analysis::FieldHabit::Kind::echo:
            return fmt::format("{} copied from the other end", field);
        case analysis::FieldHabit::Kind::genuine:
            return fmt::format("the {} of genuine packets", field);
        case analysis::FieldHabit::Kind::fixed:
            return field == "IP-ID" ? fmt::format("{} {:#06x}", field, habit.value)
                                    : fmt::format("{} {}", field, habit.value);
        case analysis::FieldHabit::Kind::changes:
            return fmt::format("{} that changes", field);
        case analysis::FieldHabit::Kind::absent:
            break;
    }
    return "";
}

std::string fingerprint_text(const analysis::Middlebox& box) {
    std::string text = fmt::format("[{}] with {}", net::tcp_flags_short(box.tcp_flags),
                                   habit_text("ttl", box.ttl));
    for (const std::string& more :
         {habit_text("IP-ID", box.ip_id), habit_text("window", box.window)}) {
        text += more.empty() ? "" : ", " + more;
    }
    return text;
}

std::string link_text(const analysis::Middlebox& box) {
    if (!box.mac || !box.mac_is_foreign) {
        return "";
    }
    return fmt::format(", from {}{}", net::mac_text(*box.mac),
                       box.vendor.empty() ? "" : fmt::format(" ({})", box.vendor));
}

std::string ports_text(const analysis::Middlebox& box) {
    std::string text;
    std::uint64_t listed = 0;
    for (const analysis::Middlebox::Port& port : box.ports) {
        text += fmt::format("{}port {} ({} of {})", text.empty() ? "" : ", ", port.port, port.flows,
                            port.seen);
        listed += port.flows;
    }
    return listed < box.flows ? text + " and others" : text;
}

std::string_view stage_text(analysis::HandshakeStage stage) {
    switch (stage) {
        case analysis::HandshakeStage::syn:
            return "on the SYN";
        case analysis::HandshakeStage::ack:
            return "after the handshake";
        case analysis::HandshakeStage::psh:
            return "on the first data";
        case analysis::HandshakeStage::later:
            break;
    }
    return "later";
}

/// "on the SYN"; for several stages: "3 on the SYN, 9 on the first data".
std::string stages_text(const analysis::Middlebox& box) {
    std::string text;
    for (std::size_t i = 0; i < analysis::Middlebox::kStages; i++) {
        const std::string_view words = stage_text(static_cast<analysis::HandshakeStage>(i));
        if (box.stages[i] == box.flows) {
            return std::string(words);
        }
        if (box.stages[i] != 0) {
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", box.stages[i], words);
        }
    }
    return text;
}

}  // namespace

std::string summary_text(const analysis::Middlebox& box) {
    const bool has_distance = analysis::tells_distance(static_cast<std::uint8_t>(box.ttl.value));
    return fmt::format("A box {} sends {}{}: it hit {} ({}) to {}, {}.",
                       has_distance ? hops_text(box.hops) + " away" : "at an unknown distance",
                       fingerprint_text(box), link_text(box), counted(box.flows, "connection"),
                       counted(box.segments, "such segment"), ports_text(box), stages_text(box));
}

}  // namespace flowstamp::output
