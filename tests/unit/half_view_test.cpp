// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Findings that are confirmed if everything is seen are at most suspected if only part of it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "tests/datapath/forwarding_rig.h"
#include "tests/support/packet.h"
#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct Seen {
    fst_hook hook;
    Bytes bytes;
    std::uint32_t ifindex;
    std::uint64_t time_ns;
};
using Capture = std::vector<Seen>;

/// Keeps the frames.
class Recorder final : public ForwardingRig {
  public:
    Outcome run(fst_hook hook, const Frame& frame) override {
        capture.push_back(
            {hook, Bytes(frame.bytes.begin(), frame.bytes.end()), frame.ifindex, now_ns()});
        return ForwardingRig::run(hook, frame);
    }
    Capture capture;
};

/// A connection that fails, and the finding if everything is seen.
struct Failure {
    const char* kind;
    void (*play)(Recorder& rig, Conversation& talk);
};

void pass(Recorder& rig, Nanoseconds length) {
    rig.advance_us(static_cast<std::uint64_t>(length.count() / 1000));
}

void send_in_vain(Recorder& rig, Conversation& talk, const Segment& data, int times) {
    for (int i = 0; i < times; i++) {
        talk.send(data);
        pass(rig, 200ms * (1 << i));
    }
}

void forged_reset(Recorder&, Conversation& talk) {
    talk.open().exchange(5);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.timestamps.reset();
    reset.ttl += 3;
    reset.id = talk.ids(End::us).back();
    talk.send(reset);
    talk.exchange(3);
}

void injected_data(Recorder& rig, Conversation& talk) {
    talk.open().exchange(3);
    Segment injected = talk.next(End::peer, Psh | Ack, 43);
    const Segment own = injected;
    injected.ttl += 2;
    injected.timestamps.reset();
    talk.send(injected);
    pass(rig, 3ms);
    talk.send(own);
}

void two_syn_acks(Recorder& rig, Conversation& talk) {
    talk.send(End::us, Syn);
    pass(rig, 5ms);
    Segment injected = talk.next(End::peer, Syn | Ack);
    const Segment own = injected;
    injected.seq += 777'777;
    injected.id = talk.ids(End::us).back();
    talk.send(injected);
    pass(rig, 5ms);
    talk.send(own);
}

void unanswered_syn(Recorder& rig, Conversation& talk) {
    talk.open().exchange(1);
    Setting other;
    other.us.isn = 0x12345678;
    Conversation blocked(rig, FST_HOOK_XDP, other);
    const Segment syn = blocked.next(End::us, Syn);
    send_in_vain(rig, blocked, syn, 4);
}

void refused_syn(Recorder& rig, Conversation& talk) {
    talk.send(End::us, Syn);
    pass(rig, 20ms);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.seq = 0;
    reset.window = 0;
    talk.send(reset);
    pass(rig, 2s);
}

void rejected_by_icmp(Recorder& rig, Conversation& talk) {
    talk.send(End::us, Syn);
    const Tcp ours{.src_port = talk.port(End::us),
                   .dst_port = talk.port(End::peer),
                   .seq = talk.edge(End::us)};
    const Quoted quoted(Ethernet{} / Ipv4{} / ours, 28);
    const Bytes error = (Ethernet{} / Ipv4{.src = "203.0.113.9", .dst = "192.0.2.1", .ttl = 61} /
                         Icmp{.type = 3, .code = 13} / quoted)
                            .bytes();
    rig.run(FST_HOOK_XDP, {.bytes = error});
}

void stall(Recorder& rig, Conversation& talk) {
    talk.open().exchange(3);
    pass(rig, 100ms);
    send_in_vain(rig, talk, talk.next(End::us, Psh | Ack, 500), 5);
}

void blackholed_after_idle(Recorder& rig, Conversation& talk) {
    talk.open().exchange(3);
    pass(rig, 60s);
    send_in_vain(rig, talk, talk.next(End::us, Psh | Ack, 500), 8);
}

void reset_after_idle(Recorder& rig, Conversation& talk) {
    talk.open().exchange(3);
    pass(rig, 60s);
    talk.send(End::us, Psh | Ack, 500);
    pass(rig, 20ms);
    talk.send(talk.stateless_reset());
}

void answer_from_elsewhere(Recorder& rig, Conversation&) {
    const auto put = [&](fst_hook hook, const char* from, const char* to, const Tcp& tcp) {
        const Bytes bytes = (Ethernet{} / Ipv4{.src = from, .dst = to} / tcp).bytes();
        rig.run(hook, {.bytes = bytes});
        pass(rig, 100us);
    };
    put(FST_HOOK_TC_EGRESS, "192.0.2.1", "203.0.113.10",
        {.src_port = 40000, .dst_port = 80, .seq = 999, .flags = Syn});
    put(FST_HOOK_XDP, "192.0.2.80", "192.0.2.1",
        {.src_port = 80, .dst_port = 40000, .seq = 5000, .ack = 1000, .flags = Syn | Ack});
    put(FST_HOOK_TC_EGRESS, "192.0.2.1", "192.0.2.80",
        {.src_port = 40000, .dst_port = 80, .seq = 1000, .flags = Rst});
}

constexpr Failure kFailures[] = {
    {"forged-rst", forged_reset},
    {"injected-segment", injected_data},
    {"injected-segment", two_syn_acks},
    {"syn-unanswered", unanswered_syn},
    {"syn-refused", refused_syn},
    {"icmp-rejected", rejected_by_icmp},
    {"stalled", stall},
    {"idle-timeout", blackholed_after_idle},
    {"idle-timeout", reset_after_idle},
    {"return-path-mismatch", answer_from_elsewhere},
};

/// Part of the packets.
struct View {
    const char* name;
    Capture (*of)(const Capture& all);
};

Capture everything(const Capture& all) {
    return all;
}

Capture only(const Capture& all, bool egress) {
    Capture part;
    std::ranges::copy_if(all, std::back_inserter(part), [&](const Seen& seen) {
        return (seen.hook == FST_HOOK_TC_EGRESS) == egress;
    });
    return part;
}
Capture outgoing(const Capture& all) {
    return only(all, true);
}
Capture incoming(const Capture& all) {
    return only(all, false);
}

/// Without the handshake.
Capture midway(const Capture& all) {
    return {all.begin() + std::min<std::ptrdiff_t>(3, std::ssize(all)), all.end()};
}

/// Only the first `bytes` of each frame.
Capture truncated_to(const Capture& all, std::size_t bytes) {
    Capture part = all;
    for (Seen& seen : part) {
        seen.bytes.resize(std::min(seen.bytes.size(), bytes));
    }
    return part;
}
/// Truncated within the TCP options, the TCP header, or the IP header.
Capture without_options(const Capture& all) {
    return truncated_to(all, 14 + 20 + 20);
}
Capture without_window(const Capture& all) {
    return truncated_to(all, 14 + 20 + 14);
}
Capture without_ports(const Capture& all) {
    return truncated_to(all, 14 + 18);
}

std::vector<analysis::Finding> reported_of(const Capture& capture) {
    AnalysisBench bench;
    for (const Seen& seen : capture) {
        bench.pass(Nanoseconds(static_cast<std::int64_t>(seen.time_ns - bench.rig().now_ns())));
        bench.rig().run(seen.hook, {.bytes = seen.bytes, .ifindex = seen.ifindex});
    }
    bench.pass(2s);
    bench.finish();
    return bench.findings();
}

std::string text_of(const std::vector<analysis::Finding>& findings) {
    std::string text;
    for (const analysis::Finding& finding : findings) {
        text += std::string(analysis::name_of(finding.kind)) + " " +
                std::string(analysis::name_of(finding.verdict)) + ": " +
                output::summary_text(finding) + "\n";
    }
    return text;
}

class HalfView : public ::testing::TestWithParam<Failure> {
  protected:
    HalfView() {
        Conversation talk(rig_, FST_HOOK_XDP);
        GetParam().play(rig_, talk);
    }
    [[nodiscard]] std::vector<analysis::Finding> seen_by(Capture (*view)(const Capture&)) const {
        return reported_of(view(rig_.capture));
    }
    void expect_no_more_than_suspected(Capture (*view)(const Capture&)) const {
        const auto findings = seen_by(view);
        EXPECT_TRUE(std::ranges::none_of(findings, [](const analysis::Finding& finding) {
            return finding.verdict == FST_VERDICT_CONFIRMED;
        })) << text_of(findings);
    }

  private:
    Recorder rig_;
};

TEST_P(HalfView, ConfirmedIfEverythingIsSeen) {
    const auto findings = seen_by(everything);
    EXPECT_TRUE(std::ranges::any_of(findings, [](const analysis::Finding& finding) {
        return analysis::name_of(finding.kind) == GetParam().kind &&
               finding.verdict == FST_VERDICT_CONFIRMED;
    })) << text_of(findings);
}

TEST_P(HalfView, OutgoingPacketsOnly) {
    expect_no_more_than_suspected(outgoing);
}

TEST_P(HalfView, IncomingPacketsOnly) {
    expect_no_more_than_suspected(incoming);
}

/// A connection attempt that began later is seen completely, on an interface with both directions.
TEST_P(HalfView, JoinedMidway) {
    if (GetParam().kind == std::string_view("syn-unanswered")) {
        EXPECT_FALSE(seen_by(midway).empty());
        return;
    }
    expect_no_more_than_suspected(midway);
}

/// A truncated frame is read as far as it goes.
TEST_P(HalfView, TruncatedFrames) {
    for (const auto view : {without_window, without_ports}) {
        EXPECT_TRUE(seen_by(view).empty()) << text_of(seen_by(view));
    }
    // Truncated options are not reported as missing timestamps.
    const auto findings = seen_by(without_options);
    for (const analysis::Finding& finding : findings) {
        EXPECT_EQ(analysis::name_of(finding.kind), GetParam().kind) << text_of(findings);
        EXPECT_TRUE(std::ranges::none_of(finding.evidence, [](const analysis::Evidence& evidence) {
            return evidence.signal == analysis::Signal::NO_TIMESTAMPS;
        })) << text_of(findings);
    }
}

INSTANTIATE_TEST_SUITE_P(Failures, HalfView, ::testing::ValuesIn(kFailures),
                         [](const ::testing::TestParamInfo<Failure>& info) {
                             std::string name = info.param.kind;
                             std::ranges::replace(name, '-', '_');
                             return name + "_" + std::to_string(info.index);
                         });

}  // namespace
}  // namespace flowstamp::testing
