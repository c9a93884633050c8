// SPDX-License-Identifier: Apache-2.0
#include "user/analysis/reset/middlebox.h"

#include <fmt/format.h>

#include "user/analysis/finding_updates.h"
#include "user/net/names.h"

namespace flowstamp::analysis {

namespace {

std::string habit_text(std::string_view field, const FieldHabit& habit) {
    switch (habit.kind) {
        case FieldHabit::Kind::zero:
            return fmt::format("{} 0", field);
        case FieldHabit::Kind::echo:
            return fmt::format("{} copied from the other end", field);
        case FieldHabit::Kind::fixed:
            return field == "IP-ID" ? fmt::format("{} {:#06x}", field, habit.value)
                                    : fmt::format("{} {}", field, habit.value);
        case FieldHabit::Kind::changes:
            return fmt::format("{} that changes", field);
        case FieldHabit::Kind::absent:
            break;
    }
    return "";
}

std::string look_text(const Middlebox& box) {
    std::string text =
        fmt::format("[{}] with {}", net::tcp_flags_short(box.tcp_flags), habit_text("ttl", box.ttl));
    for (const std::string& more :
         {habit_text("IP-ID", box.ip_id), habit_text("window", box.window)}) {
        text += more.empty() ? "" : ", " + more;
    }
    return text;
}

std::string link_text(const Middlebox& box) {
    if (!box.mac || !box.mac_is_foreign) {
        return "";
    }
    return fmt::format(", from {:02x}{}", fmt::join(*box.mac, ":"),
                       box.vendor.empty() ? "" : fmt::format(" ({})", box.vendor));
}

std::string counted(std::uint64_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string ports_text(const Middlebox& box) {
    std::string text;
    std::uint64_t listed = 0;
    for (const Middlebox::Port& port : box.ports) {
        text += fmt::format("{}port {} ({} of {})", text.empty() ? "" : ", ", port.port, port.flows,
                            port.seen);
        listed += port.flows;
    }
    return listed < box.flows ? text + " and others" : text;
}

std::string_view stage_text(HandshakeStage stage) {
    switch (stage) {
        case HandshakeStage::syn:
            return "on the SYN";
        case HandshakeStage::ack:
            return "after the handshake";
        case HandshakeStage::psh:
            return "on the first data";
        case HandshakeStage::later:
            break;
    }
    return "later";
}

/// "on the SYN"; of several stages "3 on the SYN, 9 once data flowed".
std::string stages_text(const Middlebox& box) {
    std::string text;
    for (std::size_t i = 0; i < Middlebox::kStages; i++) {
        const std::string_view words = stage_text(static_cast<HandshakeStage>(i));
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

std::string_view name_of(FieldHabit::Kind kind) {
    switch (kind) {
        case FieldHabit::Kind::zero:
            return "zero";
        case FieldHabit::Kind::echo:
            return "echo";
        case FieldHabit::Kind::fixed:
            return "fixed";
        case FieldHabit::Kind::changes:
            return "changes";
        case FieldHabit::Kind::absent:
            break;
    }
    return "absent";
}

bool bears(const Middlebox& box, const fst_learned_signature& signature) {
    const auto is_fixed = [](const FieldHabit& habit, std::uint16_t value) {
        return habit == FieldHabit{FieldHabit::Kind::fixed, value};
    };
    return signature.hops == box.hops && signature.tcp_flags == box.tcp_flags &&
           (!(signature.flags & FST_LEARNED_IP_ID) || is_fixed(box.ip_id, signature.ip_id)) &&
           (!(signature.flags & FST_LEARNED_WINDOW) || is_fixed(box.window, signature.window));
}

std::string summary_of(const Middlebox& box) {
    return fmt::format("A box {} sends {}{}: it hit {} ({}) to {}, {}.", distance_text(box.hops),
                       look_text(box), link_text(box), counted(box.flows, "connection"),
                       counted(box.segments, "such segment"), ports_text(box), stages_text(box));
}

}  // namespace flowstamp::analysis
