// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The cost of events in user space: connections that open, and connections that open and are reset, as
// the data path reports them, through detectors and JSON output on one core.
// Usage: flowstamp_bench_events [CONNECTIONS]
// Prints lines of tab-separated section, name, value, unit and bar.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tests/bench/frames.h"
#include "tests/bench/results.h"
#include "user/analysis/session.h"
#include "user/base/clock.h"
#include "user/cmd/replay/replay_datapath.h"
#include "user/output/outputs.h"

namespace {

using namespace flowstamp;
using namespace flowstamp::bench;

constexpr std::uint32_t kPortion = 1000;  // connections that open at a time
constexpr Nanoseconds kBetween = std::chrono::microseconds(5);
constexpr int kRounds = 5;

/// A client's frame of connection `number`. Checksums are those of the first.
struct Template {
    Bytes frame;
    bool by_server;

    Bytes& of(std::uint32_t number) {
        store(by_server ? 30 : 26, 0x0a000000 + number / 50'000, 4);  // the client's address
        store(by_server ? 36 : 34, 1'024 + number % 50'000, 2);       // and port
        return frame;
    }

  private:
    void store(std::size_t offset, std::uint32_t value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            frame[offset + static_cast<std::size_t>(i)] =
                static_cast<std::uint8_t>(value >> (8 * (bytes - 1 - i)));
        }
    }
};

/// Keeps what the data path reports.
class Recording final : public cmd::EventSink {
  public:
    struct Record {
        fst_event event;
        std::optional<fst_flow> flow;
    };
    void event(const fst_event& event, const fst_flow* flow) override {
        records.push_back({event, flow == nullptr ? std::nullopt : std::optional(*flow)});
    }
    std::vector<Record> records;
};

class Resets final : public analysis::ReportSink {
  public:
    explicit Resets(output::Consumer& consumer) : reports_(consumer) {}
    void consume(analysis::Report report) override {
        count += std::holds_alternative<analysis::Reset>(report);
        reports_.consume(std::move(report));
    }
    std::uint64_t count = 0;

  private:
    output::SessionReports reports_;
};

std::unique_ptr<cmd::ReplayPath> make_path(std::uint32_t flows) {
    auto path = cmd::make_host_path(flows);
    if (!path) {
        die(path.error().message());
    }
    return std::move(*path);
}

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// CPU seconds that a session takes for the records, its output included.
double judge(cmd::ReplayPath& path, const std::vector<Recording::Record>& records,
             std::uint64_t& resets) {
    const SystemClock clock;
    auto outputs = output::Outputs::open_live({.json = true, .output = "/dev/null"}, clock,
                                              [](std::string_view) {});
    if (!outputs) {
        die(outputs.error().message());
    }
    Resets reports(*outputs);
    analysis::NoPolicy policy;
    analysis::Session session({.datapath = path,
                               .policy = policy,
                               .reports = reports,
                               .interface_name = [](std::uint32_t) { return "eth0"; }},
                              {});
    const double before = cpu_seconds();
    Nanoseconds due{0};
    for (const auto& [event, flow] : records) {
        const Nanoseconds time(static_cast<std::int64_t>(event.packet.time_ns));
        if (time >= due) {
            due = time + std::chrono::milliseconds(1);
            if (const Status advanced = session.advance(time); !advanced) {
                die(advanced.error().message());
            }
        }
        session.event(event, flow ? &*flow : nullptr);
    }
    const double spent = cpu_seconds() - before;
    resets = reports.count;
    return spent;
}

/// Thousands of connections a second that one core takes.
void measure(std::uint32_t connections, bool are_reset, const char* name, const char* bar) {
    constexpr std::uint8_t kServerTtl = 52;
    std::vector<Template> packets = {
        {from_client({.seq = 1000, .ack = 0, .flags = packet::Syn}), false},
        {from_server(
             {.seq = 5000, .ack = 1001, .flags = packet::Syn | packet::Ack, .ttl = kServerTtl}),
         true},
        {from_client({}), false},
    };
    if (are_reset) {
        packets.push_back(
            {from_server(
                 {.seq = 5001, .ack = 1001, .flags = packet::Rst | packet::Ack, .ttl = kServerTtl}),
             true});
    }
    const auto path = make_path(2 * connections);
    Recording recording;
    Nanoseconds now = std::chrono::seconds(1000);
    for (std::uint32_t first = 0; first < connections; first += kPortion) {
        for (Template& packet : packets) {
            for (std::uint32_t i = 0; i < kPortion; i++) {
                now += kBetween;
                if (!path->packet({.bytes = packet.of(first + i), .ifindex = 1, .time = now},
                                  recording)) {
                    die("a frame is refused");
                }
            }
        }
    }
    double best = std::numeric_limits<double>::max();
    std::uint64_t resets = 0;
    for (int round = 0; round < kRounds; round++) {
        best = std::min(best, judge(*path, recording.records, resets));
    }
    if (are_reset && resets < connections) {
        die(fmt::format("{} resets of {} were reported", resets, connections));
    }
    fmt::print("Events, one core\t{}\t{:.1f}\tthousand/s\t{}\n", name, connections / best / 1e3,
               bar);
    fmt::print("Events, one core\tof it an event\t{:.0f}\tns\t\n",
               best / static_cast<double>(recording.records.size()) * 1e9);
}

}  // namespace

int main(int count, char** words) {
    const auto connections =
        static_cast<std::uint32_t>(count > 1 ? std::strtoul(words[1], nullptr, 10) : 100'000);
    measure(connections, false, "connections that open", ">=50");
    measure(connections, true, "connections that open and are reset", ">=50");
}
