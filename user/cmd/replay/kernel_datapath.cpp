// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/kernel_datapath.h"

#include <fmt/format.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "user/kernel/attach/probe.h"

namespace flowstamp::cmd {

namespace {

class KernelPath final : public ReplayPath {
  public:
    explicit KernelPath(kernel::LoadedProbe probe)
        : probe_(std::move(probe)), run_(probe_.test_run()) {}
    KernelPath(const KernelPath&) = delete;  // the event reader stores its address
    KernelPath& operator=(const KernelPath&) = delete;

    [[nodiscard]] Status listen() {
        auto events = probe_.maps().events(
            [this](const fst_event& event, const fst_flow* flow) { sink_->event(event, flow); });
        if (!events) {
            return std::unexpected(std::move(events).error());
        }
        events_.emplace(std::move(*events));
        return {};
    }

    Status packet(const Frame& frame, EventSink& sink) override {
        if (!published_) {
            return published_;
        }
        run_.set_time(frame.time);
        const auto ran = run_.run(kernel::Program::xdp_ingress,
                                  {.bytes = frame.bytes, .ifindex = frame.ifindex});
        if (!ran) {
            return refused(frame.ifindex, ran.error());
        }
        sink_ = &sink;
        const auto read = events_->consume();
        sink_ = nullptr;
        return read ? Status{} : std::unexpected(read.error());
    }

    std::optional<fst_flow> read(std::uint32_t slot) const override {
        const kernel::FlowTable& flows = probe_.maps().flows();
        return slot < flows.slots() ? flows.read(slot) : std::nullopt;
    }

    /// A failure is reported with the next packet.
    bool publish(std::span<const net::LearnedSignature> learned) override {
        published_ = probe_.maps().policy().set_learned(learned);
        return published_.has_value();
    }

    std::uint32_t slots() const override { return probe_.maps().flows().slots(); }

    std::uint32_t scan(std::uint32_t first, std::uint32_t count, const Visit& visit) override {
        return probe_.maps().flows().scan_used(first, count, visit);
    }

    Result<analysis::DatapathStats> stats() const override {
        const auto counters = probe_.maps().counters().read();
        if (!counters) {
            return std::unexpected(counters.error());
        }
        return analysis::DatapathStats{.counters = *counters, .records_unread = {}, .stamps = {}};
    }

  private:
    static std::unexpected<Error> refused(std::uint32_t ifindex, const Error& error) {
        if (error.errno_value != ENODEV) {
            return std::unexpected(error);
        }
        return fail({.operation = "test run",
                     .object = fmt::format("interface {} of the capture", ifindex),
                     .reason = "this network namespace has no interface of that number",
                     .hint = "replay it with --backend host"});
    }

    mutable kernel::LoadedProbe probe_;  // its maps() is not const
    kernel::TestRun run_;
    EventSink* sink_ = nullptr;
    std::optional<kernel::EventReader> events_;
    Status published_;
};

}  // namespace

Result<std::unique_ptr<ReplayPath>> make_kernel_path(std::uint32_t max_flows) {
    kernel::ProbeOptions options;
    options.max_flows = max_flows;
    options.clock_is_replayed = true;
    options.reports_repeated = true;
    options.hash_seed = kReplaySeed;
    auto open = kernel::OpenProbe::open(options);
    if (!open) {
        return std::unexpected(std::move(open).error());
    }
    auto loaded = std::move(*open).load();
    if (!loaded) {
        return std::unexpected(std::move(loaded).error());
    }
    auto path = std::make_unique<KernelPath>(std::move(*loaded));
    if (const Status listening = path->listen(); !listening) {
        return std::unexpected(listening.error());
    }
    return path;
}

}  // namespace flowstamp::cmd
