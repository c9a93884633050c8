// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "user/cmd/replay/replay_run.h"
#include "user/output/json/json_events.h"

namespace flowstamp::testing {

/// Keeps all output events, as JSON.
class JsonCollector final : public output::Consumer {
  public:
    /// `also`: receives them as well, and outlives it; may be null.
    explicit JsonCollector(output::Consumer* also = nullptr) : also_(also) {}

    void consume(const output::Event& event) override {
        if (also_ != nullptr) {
            also_->consume(event);
        }
        std::visit(
            output::Handle{[](const output::CaptureStart&) {},
                           [this](const auto& item) { events.push_back(output::json_of(item)); }},
            event);
    }

    std::vector<output::Json> events;

  private:
    output::Consumer* also_;
};

/// Who else receives what a replay reads and reports; null: nobody.
struct ReplayListeners {
    output::Consumer* also = nullptr;        ///< the events
    cmd::PacketEvidence* packets = nullptr;  ///< the packets
};

/// The reports on a capture.
struct Replayed {
    std::vector<output::Json> events{};
    analysis::Stats stats{};
    Status read{};

    /// The events of one event_type: "reset", "finding", "flow".
    [[nodiscard]] std::vector<output::Json> of(const std::string& type) const {
        std::vector<output::Json> found;
        for (const output::Json& event : events) {
            if (event["event_type"] == type) {
                found.push_back(event);
            }
        }
        return found;
    }
    /// All of them, one per line.
    [[nodiscard]] std::string text() const {
        std::string lines;
        for (const output::Json& event : events) {
            lines += event.dump() + "\n";
        }
        return lines;
    }
};

/// Replays a capture to its end on a new path.
inline Replayed replay(std::unique_ptr<net::ByteSource> source, cmd::ReplayPath& path,
                       std::optional<net::Filter> filter = std::nullopt,
                       const ReplayListeners& listeners = {}) {
    Replayed replayed;
    auto capture = net::CaptureReader::open(std::move(source), "test.pcap");
    if (!capture) {
        replayed.read = std::unexpected(capture.error());
        return replayed;
    }
    JsonCollector collector(listeners.also);
    cmd::ReplayRun run({**capture, path, collector, path, listeners.packets}, "test.pcap",
                       std::move(filter));
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
        collector.consume(analysis::Summary{*stats});
    }
    replayed.events = std::move(collector.events);
    return replayed;
}

}  // namespace flowstamp::testing
