// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/flow_list.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include "user/base/printable.h"
#include "user/net/endpoint.h"
#include "user/net/flow_totals.h"
#include "user/net/names.h"
#include "user/net/stamps.h"

namespace flowstamp::output {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view kColumns = "{:<8} {:>4} {:>5} {:>4} {:>5} {:>3} {}";

/// In at most eight characters, as ss names them.
std::string_view short_state(const fst_flow& flow) {
    const std::string_view name = net::state_name(flow);
    return name == "established" ? "estab" : name == "syn-received" ? "syn-recv" : name;
}

/// In at most four characters: "742", "9999", "12k", "1.2M".
std::string short_number(std::uint64_t number) {
    constexpr std::uint64_t kWhole = 9999;
    constexpr double kStep = 1000, kShort = 9.95, kLong = 999.5;
    if (number <= kWhole) {
        return fmt::format("{}", number);
    }
    auto amount = static_cast<double>(number);
    std::string_view unit;
    for (const std::string_view next : {"k", "M", "G", "T", "P", "E"}) {
        if (amount < kLong) {
            break;
        }
        amount /= kStep;
        unit = next;
    }
    return amount < kShort ? fmt::format("{:.1f}{}", amount, unit)
                           : fmt::format("{:.0f}{}", amount, unit);
}

/// In at most four characters, whole units: "<1s", "59s", "12m", "23h", "99d".
std::string short_age(Nanoseconds age) {
    if (age < 1s) {
        return "<1s";
    }
    if (age < 1min) {
        return fmt::format("{}s", age / 1s);
    }
    if (age < 1h) {
        return fmt::format("{}m", age / 1min);
    }
    return age < 24h ? fmt::format("{}h", age / 1h) : fmt::format("{}d", age / 24h);
}

/// In at most five characters: "72us", "1.2ms", "310ms", "2.5s", "134s"; "-" if unknown.
std::string short_rtt(std::uint64_t us) {
    constexpr std::uint64_t kMilli = 1000, kSecond = 1'000'000;
    const auto number = static_cast<double>(us);
    if (us == 0) {
        return "-";
    }
    if (us < kMilli) {
        return fmt::format("{}us", us);
    }
    if (us < kSecond) {
        const int digits = us < 10 * kMilli ? 1 : 0;
        return fmt::format("{:.{}f}ms", number / kMilli, digits);
    }
    return fmt::format("{:.{}f}s", number / kSecond, us < 10 * kSecond ? 1 : 0);
}

/// "366 packets, 19k bytes, ttl 64 (0 hops), IP-ID per-flow, 2 retransmitted".
std::string direction_text(const fst_direction& direction, bool v4) {
    if (direction.packets == 0) {
        return "nothing seen";
    }
    std::string text = fmt::format("{} packets, {} bytes", short_number(direction.packets),
                                   short_number(direction.bytes));
    if (const std::string ttls = net::ttl_set_text(direction); !ttls.empty()) {
        text += fmt::format(", {} {}", v4 ? "ttl" : "hop limit", ttls);
    }
    if (v4) {
        text += fmt::format(", IP-ID {}", net::id_class_name(fst_id_class_of(&direction)));
    }
    if (direction.retransmitted != 0) {
        text += fmt::format(", {} retransmitted", direction.retransmitted);
    }
    return text;
}

}  // namespace

std::string flow_list_title() {
    return fmt::format(fmt::runtime(kColumns), "STATE", "AGE", "BYTES", "PKTS", "RTT", "RST",
                       "FLOW");
}

std::string flow_line(const OpenFlow& its, bool wide) {
    const fst_flow& flow = its.record.slot;
    const unsigned opener = net::opener_of(flow);
    const net::Endpoint from = net::end_of(flow.key, opener);
    const net::Endpoint to = net::end_of(flow.key, opener ^ 1U);
    const Nanoseconds last(static_cast<std::int64_t>(net::last_packet_ns(flow)));
    const unsigned resets = net::resets_of(flow);
    std::string text = fmt::format(
        fmt::runtime(kColumns), short_state(flow), short_age(its.record.wall - its.offset - last),
        short_number(net::bytes_of(flow)), short_number(net::packets_of(flow)),
        short_rtt(net::rtt_us_of(flow)), resets == 0 ? "-" : fmt::format("{}", resets),
        fmt::format("{} > {}", from.text(), to.text()));
    if (wide) {
        text += fmt::format("  {}  >: {}  <: {}", printable(its.record.interface),
                            direction_text(flow.direction[opener], to.is_v4()),
                            direction_text(flow.direction[opener ^ 1U], to.is_v4()));
    }
    return text;
}

void FlowList::consume(const Event& event) {
    const auto* flow = std::get_if<OpenFlow>(&event);
    if (flow == nullptr) {
        return;
    }
    if (!std::exchange(has_title_, true)) {
        output_.write(style_.faint(flow_list_title()) + "\n");
    }
    output_.write(flow_line(*flow, wide_) + "\n");
}

}  // namespace flowstamp::output
