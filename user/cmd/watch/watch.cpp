// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/watch.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <span>
#include <unordered_map>
#include <utility>

#include "user/analysis/session.h"
#include "user/base/fd.h"
#include "user/cmd/watch/challenge_repeater.h"
#include "user/cmd/watch/event_backlog.h"
#include "user/cmd/watch/live_datapath.h"
#include "user/cmd/watch/live_host.h"
#include "user/cmd/watch/local_drops.h"
#include "user/cmd/watch/loss_notices.h"
#include "user/cmd/watch/stamp_recorder.h"
#include "user/kernel/attach/interface_pattern.h"
#include "user/kernel/attach/probe.h"
#include "user/output/text/interface_text.h"

namespace flowstamp::cmd {

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kStampLossEvery = 1s;

Result<kernel::AttachedProbe> attach(const WatchOptions& options) {
    kernel::ProbeOptions probe;
    probe.hook = options.hook;
    probe.direction = options.direction;
    probe.max_flows = options.max_flows;
    probe.drop = options.drop;
    probe.challenge = options.challenge;
    probe.stamps_bytes = options.stamps || options.evidence.folder ? FST_STAMPS_BYTES : 0;
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

}  // namespace

class Watch::Run final : private analysis::ReportSink {
  public:
    Run(const WatchOptions& options, std::optional<net::Filter> filter,
        const Dependencies& dependencies, kernel::AttachedProbe probe)
        : dependencies_(dependencies),
          acts_(options.acts()),
          awaits_interfaces_(std::ranges::any_of(options.interfaces, kernel::is_pattern)),
          wall_(dependencies.clock),
          probe_(std::move(probe)),
          datapath_(probe_),
          host_(probe_, options.path),
          reports_(dependencies.output),
          session_({.datapath = datapath_,
                    .policy = options.learn ? static_cast<analysis::PolicySink&>(datapath_)
                                            : static_cast<analysis::PolicySink&>(no_policy_),
                    .reports = *this,
                    .interface_name = [this](std::uint32_t ifindex) { return name_of(ifindex); },
                    .host = host_},
                   {.filter = std::move(filter),
                    .wall_offset = wall_.at(Nanoseconds::zero()),
                    .reports_stats = true,
                    .scan_every = analysis::Session::kScanEvery / 8}) {
        datapath_.set_notice(dependencies.notice);
        if (!options.learn) {
            log(probe_.record_learned(false, {}));
        }
        learn_names();
        notify(probe_.notices());
    }

    [[nodiscard]] Status listen() {
        auto reader = probe_.maps().events([this](const fst_event& event, const fst_flow* flow) {
            backlog_.read(event);
            if (repeater_) {
                repeater_->observe(event, flow);
            }
            session_.event(event, flow);
        });
        if (!reader) {
            return std::unexpected(std::move(reader).error());
        }
        reader_.emplace(std::move(*reader));
        datapath_.set_unread([this] { return reader_->rejected(); });
        if (acts_) {
            repeater_.emplace(datapath_, dependencies_.notice);
        }
        if (const Status waiting = wait_on({reader_->epoll_fd(), probe_.interfaces_fd()});
            !waiting) {
            return waiting;
        }
        return session_.advance(dependencies_.clock.monotonic());
    }

    [[nodiscard]] Status follow_path(const WatchOptions& options) {
        const pathtrace::Tracer::Wanted wanted{
            .interfaces = names_of_attached(),
            .filter = options.filter.empty() ? "tcp" : options.filter,
            .only_drops = true};
        auto drops =
            LocalDrops::start(wanted, options.acts(), dependencies_.clock, dependencies_.notice,
                              [this](const analysis::HostDrop& drop) { session_.host_drop(drop); });
        if (!drops) {
            return std::unexpected(std::move(drops).error());
        }
        drops_ = std::move(*drops);
        return {};
    }

    [[nodiscard]] Status record_stamps(StampRecorder::Wanted wanted) {
        const bool has_file = wanted.file.has_value();
        auto recorder = StampRecorder::start(std::move(wanted), probe_, wall_);
        if (!recorder) {
            return std::unexpected(std::move(recorder).error());
        }
        stamps_.emplace(std::move(*recorder));
        if (has_file) {
            datapath_.set_stamps(*stamps_);
        }
        return {};
    }

    [[nodiscard]] int descriptor() const { return ready_.get(); }
    [[nodiscard]] const std::vector<kernel::Attachment>& attachments() const {
        return probe_.attachments();
    }
    [[nodiscard]] std::vector<std::string> names_of_attached() const {
        std::vector<std::string> names;
        for (const kernel::Attachment& attachment : attachments()) {
            names.push_back(attachment.interface.name);
        }
        return names;
    }

    [[nodiscard]] Status poll() {
        backlog_.begin(dependencies_.clock.monotonic());
        if (const auto read = reader_->consume(); !read) {
            return std::unexpected(read.error());
        }
        backlog_.end(reader_->found_bytes());
        if (const Status polled = drops_ ? drops_->poll() : Status{}; !polled) {
            return polled;
        }
        const Nanoseconds now = dependencies_.clock.monotonic();
        if (repeater_) {
            repeater_->advance(now);
        }
        if (const Status advanced = session_.advance(now); !advanced) {
            return advanced;
        }
        if (const Status followed = follow_interfaces(now); !followed) {
            return followed;
        }
        return stamps_ ? check_stamps(now) : Status{};
    }

    [[nodiscard]] Status finish() {
        probe_.detach();
        const auto read = reader_->consume();
        const Status advanced = session_.advance(dependencies_.clock.monotonic());
        const Status drained = drops_ ? drops_->finish() : Status{};
        const Status recorded = stamps_ ? stamps_->finish() : Status{};
        auto stats = session_.finish();
        if (!read) {
            return std::unexpected(read.error());
        }
        for (const Status& status : {advanced, drained}) {
            if (!status) {
                return status;
            }
        }
        if (!stats) {
            return std::unexpected(std::move(stats).error());
        }
        dependencies_.output.consume(analysis::Summary{*std::move(stats)});
        return recorded;
    }

    [[nodiscard]] Result<analysis::Stats> stats() { return session_.stats(); }
    [[nodiscard]] Result<metrics::Snapshot> snapshot() {
        auto stats = session_.stats();
        if (!stats) {
            return std::unexpected(std::move(stats).error());
        }
        metrics::Snapshot its{.taken = dependencies_.clock.monotonic(),
                              .interfaces = attachments().size(),
                              .table_slots = datapath_.slots(),
                              .stats = *std::move(stats),
                              .tallies = session_.tallies()};
        its.backlog = backlog_.at(its.taken);
        its.backlog.ring_bytes = reader_->size_bytes();
        for (const kernel::ProgramRuns& runs : probe_.program_runs()) {
            its.programs.push_back(
                {.program = runs.program,
                 .runs = runs.runs,
                 .spent = Nanoseconds(static_cast<Nanoseconds::rep>(runs.nanoseconds))});
        }
        return its;
    }
    [[nodiscard]] Result<analysis::Sample> sample() { return session_.sample(); }
    void set_filter(std::optional<net::Filter> filter) { session_.set_filter(std::move(filter)); }

  private:
    void consume(analysis::Report report) override {
        if (const auto* stats = std::get_if<analysis::Stats>(&report)) {
            for (const std::string& line : losses_.since_last(*stats)) {
                dependencies_.notice(line);
            }
            ::malloc_trim(0);  // what a burst of connections needed is given back
        }
        reports_.consume(std::move(report));
    }

    /// Fails if stamps can no longer be written, unless the watch acts: it goes on without them.
    [[nodiscard]] Status check_stamps(Nanoseconds now) {
        if (stamps_given_up_ || now < stamp_loss_due_) {
            return {};
        }
        if (const Status health = stamps_->health(); !health) {
            if (!acts_) {
                return health;
            }
            stamps_given_up_ = true;
            Error told = health.error();
            told.hint = "the watch goes on, without stamps";
            dependencies_.notice(told.message());
            return {};
        }
        stamp_loss_due_ = now + kStampLossEvery;
        const auto stats = datapath_.stats();
        if (!stats) {
            return std::unexpected(stats.error());
        }
        if (const auto line =
                losses_.stamps_since_last({.lost = stats->counters[FST_COUNT_STAMP_LOST]})) {
            dependencies_.notice(*line);
        }
        return {};
    }

    /// descriptor() becomes readable when one of these does.
    [[nodiscard]] Status wait_on(std::initializer_list<int> descriptors) {
        ready_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
        for (const int descriptor : descriptors) {
            epoll_event readable{.events = EPOLLIN, .data = {}};
            if (::epoll_ctl(ready_.get(), EPOLL_CTL_ADD, descriptor, &readable) != 0) {
                return fail_errno("wait for", "events", errno);
            }
        }
        return {};
    }

    /// Fails when no interface is left.
    [[nodiscard]] Status follow_interfaces(Nanoseconds now) {
        auto news = probe_.follow_interfaces(now);
        if (!news) {
            return std::unexpected(std::move(news).error());
        }
        notify(news->notices);
        learn_names();
        if (stamps_ && !news->changes.empty()) {
            stamps_->follow(probe_.attachments());
        }
        std::string last;
        for (net::InterfaceChange& change : news->changes) {
            last = change.name;
            change.wall = wall_.at(now);
            dependencies_.output.consume(std::move(change));
        }
        if (awaits_interfaces_ || !probe_.attachments().empty()) {
            return {};
        }
        return fail({.operation = "watch",
                     .object = std::move(last),
                     .errno_value = ENODEV,
                     .reason = "no interface is left to watch"});
    }

    void learn_names() {
        for (const kernel::Attachment& attachment : probe_.attachments()) {
            names_[attachment.interface.index] = attachment.interface.name;
        }
    }

    void notify(const kernel::Notices& notices) {
        for (const kernel::Notice& notice : notices) {
            dependencies_.notice(notice.text);
        }
    }

    void log(const Status& written) {
        if (!written) {
            dependencies_.notice(written.error().message());
        }
    }

    [[nodiscard]] std::string name_of(std::uint32_t ifindex) const {
        const auto name = names_.find(ifindex);
        return name == names_.end() ? fmt::format("if{}", ifindex) : name->second;
    }

    Dependencies dependencies_;
    bool acts_;
    bool awaits_interfaces_;  ///< more may come, as a pattern was given
    WallTime wall_;
    std::unordered_map<std::uint32_t, std::string> names_;
    kernel::AttachedProbe probe_;
    LiveDatapath datapath_;
    LiveHost host_;
    analysis::NoPolicy no_policy_;
    output::SessionReports reports_;
    analysis::Session session_;
    LossNotices losses_;
    EventBacklog backlog_;
    std::optional<kernel::EventReader> reader_;
    std::optional<ChallengeRepeater> repeater_;  ///< of a watch that acts
    Fd ready_;                             ///< an epoll: of the reader's events, and of interfaces
    std::unique_ptr<LocalDrops> drops_;    ///< with --path
    std::optional<StampRecorder> stamps_;  ///< with --stamps
    Nanoseconds stamp_loss_due_{0};
    bool stamps_given_up_ = false;
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
    if (dependencies.evidence != nullptr) {
        stamps = stamps ? std::move(stamps) : std::optional(StampRecorder::Wanted{});
        stamps->evidence = dependencies.evidence;
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

Result<analysis::Stats> Watch::stats() {
    return run_->stats();
}

Result<metrics::Snapshot> Watch::snapshot() {
    return run_->snapshot();
}

Result<analysis::Sample> Watch::sample() {
    return run_->sample();
}

std::vector<std::string> Watch::interfaces() const {
    return run_->names_of_attached();
}

void Watch::set_filter(std::optional<net::Filter> filter) {
    run_->set_filter(std::move(filter));
}

std::string Watch::where() const {
    std::string text;
    for (const kernel::Attachment& attachment : run_->attachments()) {
        const auto name = [](const std::optional<kernel::Hook>& hook) {
            return hook ? kernel::hook_name(*hook) : "";
        };
        text += fmt::format(
            "{}{} ({}{})", text.empty() ? "" : ", ", attachment.interface.name,
            output::hooks_text(name(attachment.ingress), name(attachment.egress)),
            attachment.why.empty() ? "" : fmt::format("; XDP would cost it {}", attachment.why));
    }
    return text;
}

}  // namespace flowstamp::cmd
