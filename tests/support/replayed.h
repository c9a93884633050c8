// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "user/cmd/replay/replay_run.h"
#include "user/output/json/json_events.h"

namespace flowstamp::testing {

/// Keeps what is told, as JSON.
class JsonCollector final : public Reporter {
  public:
    void reset(const Reset& reset) override { events.push_back(json_of(reset)); }
    void finding(const Finding& finding) override { events.push_back(json_of(finding)); }
    void middlebox(const Middlebox& box) override { events.push_back(json_of(box)); }
    void flow(const FlowRecord& record) override { events.push_back(json_of(record)); }
    void stats(const Stats& stats) override { events.push_back(json_of(stats)); }
    void summary(const Stats& stats) override { events.push_back(json_of(stats)); }

    std::vector<Json> events;
};

/// What a capture gave.
struct Replayed {
    std::vector<Json> events{};
    Stats stats{};
    Status read{};

    /// Those of one event_type: "reset", "finding", "flow".
    [[nodiscard]] std::vector<Json> of(const std::string& type) const {
        std::vector<Json> found;
        for (const Json& event : events) {
            if (event["event_type"] == type) {
                found.push_back(event);
            }
        }
        return found;
    }
    /// All of it, a line each.
    [[nodiscard]] std::string text() const {
        std::string lines;
        for (const Json& event : events) {
            lines += event.dump() + "\n";
        }
        return lines;
    }
};

/// Replays a capture to its end on a path that is fresh.
inline Replayed replay(std::unique_ptr<ByteSource> source, ReplayPath& path,
                       std::optional<Filter> filter = std::nullopt) {
    Replayed replayed;
    auto capture = CaptureReader::open(std::move(source), "test.pcap");
    if (!capture) {
        replayed.read = std::unexpected(capture.error());
        return replayed;
    }
    JsonCollector collector;
    ReplayRun run({**capture, path, collector, path}, "test.pcap", std::move(filter));
    for (;;) {
        const auto step = run.step();
        if (!step) {
            replayed.read = std::unexpected(step.error());
        }
        if (!step || !*step) {
            break;
        }
    }
    const auto stats = run.finish();
    if (!stats) {
        replayed.read = std::unexpected(stats.error());
    } else {
        replayed.stats = *stats;
        collector.summary(*stats);
    }
    replayed.events = std::move(collector.events);
    return replayed;
}

}  // namespace flowstamp::testing
