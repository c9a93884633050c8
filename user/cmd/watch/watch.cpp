// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/watch/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <unordered_map>
#include <utility>

#include "user/analysis/flow_ends.h"
#include "user/analysis/pipeline.h"
#include "user/kernel/attach/probe.h"
#include "user/cmd/watch/local_drops.h"
#include "user/cmd/watch/loss_notices.h"
#include "user/cmd/watch/stamp_recorder.h"

namespace flowstamp::cmd {

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kStatsEvery = 10s;
constexpr Nanoseconds kScanEvery = 100ms;
constexpr Nanoseconds kStampLossEvery = 1s;
constexpr std::uint32_t kScanSlots = 8192;  // a table of the usual size in a second

Result<kernel::AttachedProbe> attach(const WatchOptions& options) {
    kernel::ProbeOptions probe;
    probe.hook = options.hook;
    probe.direction = options.direction;
    probe.max_flows = options.max_flows;
    probe.drop = options.drop;
    probe.challenge = options.challenge;
    probe.stamps_bytes = options.stamps ? FST_STAMPS_BYTES : 0;
    auto open = kernel::OpenProbe::open(probe);
    if (!open) {
        return std::unexpected(std::move(open).error());
    }
    auto loaded = std::move(*open).load();
    if (!loaded) {
        return std::unexpected(std::move(loaded).error());
    }
    return std::move(*loaded).attach(options.interfaces);
}

/// The kernel's table, as the detectors see it.
class KernelSlots final : public analysis::SlotReader {
  public:
    explicit KernelSlots(const kernel::FlowTable& table) : table_(table) {}
    [[nodiscard]] std::optional<fst_flow> read(std::uint32_t slot) const override {
        return slot < table_.slots() ? table_.read(slot) : std::nullopt;
    }

  private:
    const kernel::FlowTable& table_;
};

/// What is learned of injectors, to the kernel, and for `flows --learned` to read; nothing with
/// --no-learn.
class KernelPolicy final : public analysis::PolicySink {
  public:
    KernelPolicy(kernel::AttachedProbe& probe, bool learns, const Watch::Dependencies& dependencies)
        : probe_(probe), learns_(learns), dependencies_(dependencies) {
        if (!learns) {
            log_error(probe_.record_learned(false, {}));
        }
    }
    bool publish(std::span<const net::LearnedSignature> learned) override {
        if (!learns_ || !log_error(probe_.maps().policy().set_learned(learned))) {
            return false;
        }
        log_error(probe_.record_learned(true, {learned.begin(), learned.end()}));
        return true;
    }

  private:
    /// Returns whether there was nothing to complain of.
    bool log_error(const Status& written) {
        if (!written) {
            dependencies_.notice(written.error().message());
        }
        return written.has_value();
    }

    kernel::AttachedProbe& probe_;
    bool learns_;
    const Watch::Dependencies& dependencies_;
};

}  // namespace

class Watch::Run {
  public:
    Run(const WatchOptions& options, std::optional<net::Filter> filter,
        const Dependencies& dependencies, kernel::AttachedProbe probe)
        : dependencies_(dependencies),
          wall_(dependencies.clock),
          started_(dependencies.clock.monotonic()),
          probe_(std::move(probe)),
          slots_(probe_.maps().flows()),
          policy_(probe_, options.learn, dependencies_),
          ends_(probe_.maps().flows().slots()),
          pipeline_({slots_, policy_, dependencies.reporter}, options.max_flows, std::move(filter)),
          stats_due_(started_ + kStatsEvery),
          scan_due_(started_ + kScanEvery) {
        for (const kernel::Attachment& attachment : probe_.attachments()) {
            names_[attachment.interface.index] = attachment.interface.name;
        }
        for (const kernel::Notice& notice : probe_.notices()) {
            dependencies_.notice(notice.text);
        }
    }

    [[nodiscard]] Status listen() {
        auto reader = probe_.maps().events(
            [this](const fst_event& event, const fst_flow* flow) { consume(event, flow); });
        if (!reader) {
            return std::unexpected(std::move(reader).error());
        }
        reader_.emplace(std::move(*reader));
        return {};
    }

    [[nodiscard]] Status follow_path(const WatchOptions& options) {
        const pathtrace::Tracer::Wanted wanted{.interfaces = options.interfaces,
                                    .filter = options.filter.empty() ? "tcp" : options.filter,
                                    .only_drops = true};
        auto drops =
            LocalDrops::start(wanted, options.acts(), dependencies_.clock, dependencies_.notice,
                              [this](const analysis::HostDrop& drop) { pipeline_.consume(drop); });
        if (!drops) {
            return std::unexpected(std::move(drops).error());
        }
        drops_ = std::move(*drops);
        return {};
    }

    [[nodiscard]] Status record_stamps(StampRecorder::Wanted wanted) {
        auto recorder = StampRecorder::start(std::move(wanted), probe_, wall_);
        if (!recorder) {
            return std::unexpected(std::move(recorder).error());
        }
        stamps_.emplace(std::move(*recorder));
        return {};
    }

    [[nodiscard]] int descriptor() const { return reader_->epoll_fd(); }
    [[nodiscard]] const std::vector<kernel::Attachment>& attachments() const {
        return probe_.attachments();
    }

    [[nodiscard]] Status poll() {
        if (const auto read = reader_->consume(); !read) {
            return std::unexpected(read.error());
        }
        if (const Status turned = drops_ ? drops_->poll() : Status{}; !turned) {
            return turned;
        }
        const Nanoseconds now = dependencies_.clock.monotonic();
        pipeline_.advance(now);
        if (now >= scan_due_) {
            scan_due_ = now + kScanEvery;
            scan(now);
        }
        if (const Status recording = stamps_ ? look_after_stamps(now) : Status{}; !recording) {
            return recording;
        }
        if (now >= stats_due_) {
            stats_due_ += kStatsEvery;
            return report_stats();
        }
        return {};
    }

    [[nodiscard]] Status finish() {
        probe_.detach();
        const auto read = reader_->consume();
        pipeline_.advance(dependencies_.clock.monotonic());
        const Status told = drops_ ? drops_->finish() : Status{};
        const Status recorded = stamps_ ? stamps_->finish() : Status{};
        pipeline_.finish();
        const kernel::FlowTable& table = probe_.maps().flows();
        table.scan(0, table.slots(), [&](std::uint32_t slot, const fst_flow& flow) {
            if (const auto end = ends_.at_the_end(slot, flow)) {
                report(slot, flow, *end);
            }
        });
        if (!read || !told) {
            return std::unexpected(read ? told.error() : read.error());
        }
        const auto stats = this->stats();
        if (!stats) {
            return std::unexpected(stats.error());
        }
        dependencies_.reporter.summary(*stats);
        return recorded;
    }

    [[nodiscard]] Result<output::Stats> stats() {
        const auto counters = probe_.maps().counters().read();
        if (!counters) {
            return std::unexpected(counters.error());
        }
        output::Stats stats;
        stats.wall = wall_.at(dependencies_.clock.monotonic());
        stats.uptime = dependencies_.clock.monotonic() - started_;
        stats.counters = *counters;
        stats.records_unread = reader_->rejected();
        if (stamps_) {
            stats.stamps = stamps_->tally();
            stats.stamps->lost = (*counters)[FST_COUNT_STAMP_LOST];
            stats.records_unread += stamps_->unread();
        }
        pipeline_.count(stats);
        return stats;
    }

  private:
    void consume(const fst_event& event, const fst_flow* flow) {
        if (flow != nullptr &&
            (event.header.kind == FST_EVENT_EVICTED || event.header.kind == FST_EVENT_ENDED)) {
            const bool evicted = event.header.kind == FST_EVENT_EVICTED;
            if (const auto end = ends_.lost_slot(event.slot, *flow, evicted)) {
                report(event.slot, *flow, *end);
            }
        }
        analysis::Observation observation;
        observation.event = event;
        if (flow != nullptr) {
            observation.slot = *flow;
        }
        observation.interface = name_of(event.packet.key.ifindex);
        observation.wall = wall_.at(observation.time());
        pipeline_.consume(std::move(observation));
    }

    void report(std::uint32_t slot, const fst_flow& flow, analysis::FlowEnd end) {
        pipeline_.report({.slot = flow,
                        .slot_index = slot,
                        .interface = name_of(flow.key.ifindex),
                        .end = end,
                        .wall = wall_.at(dependencies_.clock.monotonic()),
                        .start = {},
                        .last = wall_.at(analysis::FlowEnds::last_packet(flow))});
    }

    void scan(Nanoseconds now) {
        next_slot_ = probe_.maps().flows().scan(
            next_slot_, kScanSlots, [&](std::uint32_t slot, const fst_flow& flow) {
                pipeline_.inspect(slot, flow);
                if (const auto end = ends_.inspect(slot, flow, now)) {
                    report(slot, flow, *end);
                }
            });
    }

    [[nodiscard]] Status report_stats() {
        const auto stats = this->stats();
        if (!stats) {
            return std::unexpected(stats.error());
        }
        for (const std::string& line : losses_.since_last(*stats)) {
            dependencies_.notice(line);
        }
        dependencies_.reporter.stats(*stats);
        return {};
    }

    /// Fails where they can no longer be written.
    [[nodiscard]] Status look_after_stamps(Nanoseconds now) {
        if (const Status health = stamps_->health(); !health || now < stamp_loss_due_) {
            return health;
        }
        stamp_loss_due_ = now + kStampLossEvery;
        const auto stats = this->stats();
        if (!stats) {
            return std::unexpected(stats.error());
        }
        if (const auto line = losses_.stamps_since_last(*stats->stamps)) {
            dependencies_.notice(*line);
        }
        return {};
    }

    [[nodiscard]] std::string name_of(std::uint32_t ifindex) const {
        const auto name = names_.find(ifindex);
        return name == names_.end() ? fmt::format("if{}", ifindex) : name->second;
    }

    Dependencies dependencies_;
    WallTime wall_;
    Nanoseconds started_;
    kernel::AttachedProbe probe_;
    KernelSlots slots_;
    KernelPolicy policy_;
    analysis::FlowEnds ends_;
    analysis::Pipeline pipeline_;
    LossNotices losses_;
    std::unordered_map<std::uint32_t, std::string> names_;
    std::optional<kernel::EventReader> reader_;
    std::unique_ptr<LocalDrops> drops_;    ///< with --path
    std::optional<StampRecorder> stamps_;  ///< with --stamps
    Nanoseconds stats_due_;
    Nanoseconds scan_due_;
    Nanoseconds stamp_loss_due_{0};
    std::uint32_t next_slot_ = 0;
};

Result<Watch> Watch::start(const WatchOptions& options, std::optional<net::Filter> filter,
                           const Dependencies& dependencies) {
    std::optional<StampRecorder::Wanted> stamps;
    if (options.stamps) {
        auto wanted = StampRecorder::want(*options.stamps, options.filter);
        if (!wanted) {
            return std::unexpected(std::move(wanted).error());
        }
        stamps = std::move(*wanted);
    }
    auto probe = attach(options);
    if (!probe) {
        return std::unexpected(std::move(probe).error());
    }
    auto run = std::make_unique<Run>(options, std::move(filter), dependencies, std::move(*probe));
    if (const Status listening = run->listen(); !listening) {
        return std::unexpected(listening.error());
    }
    if (const Status recording = stamps ? run->record_stamps(*std::move(stamps)) : Status{};
        !recording) {
        return std::unexpected(recording.error());
    }
    if (const Status followed = options.path ? run->follow_path(options) : Status{}; !followed) {
        return std::unexpected(followed.error());
    }
    return Watch(std::move(run));
}

Watch::Watch(std::unique_ptr<Run> run) : run_(std::move(run)) {}
Watch::Watch(Watch&&) noexcept = default;
Watch& Watch::operator=(Watch&&) noexcept = default;
Watch::~Watch() = default;

int Watch::descriptor() const {
    return run_->descriptor();
}

Status Watch::poll() {
    return run_->poll();
}

Status Watch::finish() {
    return run_->finish();
}

Result<output::Stats> Watch::stats() {
    return run_->stats();
}

std::string Watch::where() const {
    std::string text;
    for (const kernel::Attachment& attachment : run_->attachments()) {
        std::string hooks;
        if (attachment.ingress) {
            hooks += fmt::format("{} ingress", kernel::hook_name(*attachment.ingress));
        }
        if (attachment.egress) {
            hooks += fmt::format("{}{} egress", hooks.empty() ? "" : ", ",
                                 kernel::hook_name(*attachment.egress));
        }
        text +=
            fmt::format("{}{} ({})", text.empty() ? "" : ", ", attachment.interface.name, hooks);
    }
    return text;
}

}  // namespace flowstamp::cmd
