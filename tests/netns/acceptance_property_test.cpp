// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// "Only what the receiver's stack would accept is evidence", against a kernel's sockets: segments
// at random, and after each what the socket made of it and what its flow's slot did.
//
// FLOWSTAMP_PROPERTY_SEGMENTS: how many; FLOWSTAMP_PROPERTY_SEED: where to begin. A violation says
// with which seed its connection comes first.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <map>

#include "flowstamp/reset_rules.h"
#include "tests/netns/acceptance_judge.h"
#include "tests/netns/environment.h"

namespace flowstamp::lab {
namespace {

constexpr std::uint64_t kSegments = 4000;  ///< of all cases together
constexpr int kCases = 4;
constexpr int kSegmentsOfAConnection = 25;
constexpr std::size_t kReported = 20;
constexpr std::uint8_t kClosed = 7;  ///< TCP_CLOSE of the kernel

struct Case {
    const char* name;
    kernel::IngressChoice hook;
    Family family;
};

class AcceptanceProperty : public LabTest, public ::testing::WithParamInterface<Case> {
  protected:
    Situation situation(Forger& forger) const {
        return {.family = GetParam().family,
                .phase = kPhases.at(forger.below(kPhases.size())),
                .timestamps = forger.chance(65),
                .window_scaling = forger.chance(75),
                .client_opens = forger.chance(50),
                .receive_buffer =
                    static_cast<int>(forger.pick({0, 0, 2304, 16384, 200'000, 4'000'000}))};
    }

    /// The socket and the flow's slot at one moment: what leaves between the two readings, as a delayed ACK,
    /// moves the slot.
    static void read_both(CutConnection& connection, SocketView& socket, fst_flow& flow) {
        fst_flow again = connection.flow();
        do {
            flow = again;
            socket = connection.socket();
            again = connection.flow();
        } while (std::memcmp(&again, &flow, sizeof(flow)) != 0);
    }

    /// False: nothing more can be learned from this connection.
    bool try_one(WatchedClient& client, CutConnection& connection, Forger& forger) {
        Step step;
        connection.read_all();
        if (forger.chance(10)) {
            connection.send_some(500);
        }
        read_both(connection, step.socket, step.flow);
        step.segment = forger.craft(step.socket, step.flow, connection.peer(),
                                    connection.situation().timestamps);
        const Refusals refusals = client.refusals();
        client.deliver(Forger::frame(step.segment, connection, client.host().toward(Side::Server)));
        read_both(connection, step.socket_after, step.flow_after);
        step.counted_refusal = refusals != client.refusals();
        step.ts_recent = client.echoed();
        const Judgement judgement = judge(step, connection.peer());
        fates_.at(static_cast<std::size_t>(judgement.fate))++;
        excuses_.at(static_cast<std::size_t>(judgement.excuse))++;
        if (!judgement.violation.empty()) {
            violations_.push_back(fmt::format("{} ({}): {}, ts {} {}", position_,
                                              connection.situation().text(), judgement.violation,
                                              step.flow.direction[connection.peer()].ts_val,
                                              client.echoed().value_or(0)));
        }
        return judgement.violation.empty() && judgement.excuse == Excuse::None &&
               step.socket_after.info.tcpi_state != kClosed;
    }

    std::string summary() const {
        std::string text = fmt::format(
            "thrown away {}, nothing new {}, taken {}; excused:", fates_[0], fates_[1], fates_[2]);
        for (std::size_t i = 1; i < kExcuses.size(); i++) {
            text += fmt::format(" {} {}", kExcuses.at(i), excuses_.at(i));
        }
        return text;
    }

    std::array<std::uint64_t, 3> fates_{};
    std::array<std::uint64_t, kExcuses.size()> excuses_{};
    std::string position_;
    std::vector<std::string> violations_;
};

TEST_P(AcceptanceProperty, OnlyWhatTheStackAcceptsIsEvidence) {
    const std::uint64_t segments =
        from_environment("FLOWSTAMP_PROPERTY_SEGMENTS", kSegments) / kCases;
    const std::uint64_t seed = from_environment("FLOWSTAMP_PROPERTY_SEED", 1);
    make({.routers = 1});
    WatchedClient client(lab(), GetParam().hook);
    for (std::uint64_t sent = 0, nth = 0; sent < segments && violations_.size() < kReported;
         nth++) {
        Forger forger(seed + nth);
        client.forget_echo();
        CutConnection connection(client, situation(forger));
        for (int i = 0; i < kSegmentsOfAConnection && sent < segments; i++, sent++) {
            position_ = fmt::format("FLOWSTAMP_PROPERTY_SEED={}, segment {}", seed + nth, i);
            if (!try_one(client, connection, forger)) {
                sent++;
                break;
            }
        }
    }
    EXPECT_TRUE(violations_.empty()) << fmt::format("{}", fmt::join(violations_, "\n"));
    for (const std::uint64_t fate : fates_) {
        EXPECT_GT(fate, segments / 50) << "the segments say too little";
    }
    EXPECT_GT(excuses_[0], segments * 9 / 10) << "too much is excused";
    fmt::print("{}\n", summary());
}

INSTANTIATE_TEST_SUITE_P(Hooks, AcceptanceProperty,
                         ::testing::Values(Case{"XdpV4", kernel::IngressChoice::xdp, Family::V4},
                                           Case{"XdpV6", kernel::IngressChoice::xdp, Family::V6},
                                           Case{"TcV4", kernel::IngressChoice::tc, Family::V4},
                                           Case{"TcV6", kernel::IngressChoice::tc, Family::V6}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace flowstamp::lab
