// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/tracer.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "user/base/fd.h"
#include "user/kernel/attach/interface.h"
#include "user/kernel/features/capabilities.h"
#include "user/net/packet_match.h"
#include "user/netfilter/nft_trace.h"
#include "user/netfilter/set_lookup.h"
#include "user/pathtrace/answer_matches.h"
#include "user/pathtrace/kernel_matches.h"
#include "user/pathtrace/live/deliveries.h"
#include "user/pathtrace/live/kernel_drops.h"
#include "user/pathtrace/live/kernel_names.h"
#include "user/pathtrace/live/losses.h"
#include "user/pathtrace/live/netfilter_drops.h"
#include "user/pathtrace/live/other_programs.h"
#include "user/pathtrace/live/path_names.h"
#include "user/pathtrace/live/path_probe.h"
#include "user/pathtrace/live/ruleset_changes.h"

namespace flowstamp::pathtrace {

namespace {

std::vector<std::string> without_duplicates(const std::vector<std::string>& names) {
    std::vector<std::string> found;
    for (const std::string& name : names) {
        if (std::ranges::find(found, name) == found.end()) {
            found.push_back(name);
        }
    }
    return found;
}

/// Checks in advance what would otherwise fail for each station by itself: one error, not many.
Status check_can_trace(const std::vector<std::string>& interfaces) {
    const auto capabilities = kernel::Capabilities::of_this_thread();
    if (!capabilities) {
        return std::unexpected(capabilities.error());
    }
    if (const Status allowed = kernel::require_capabilities(*capabilities); !allowed) {
        return allowed;
    }
    for (const std::string& name : interfaces) {
        if (const auto found = kernel::find_interface(name); !found) {
            return std::unexpected(found.error());
        }
    }
    return {};
}

}  // namespace

class Tracer::Run {
  public:
    Run(const Dependencies& dependencies, netfilter::Ruleset ruleset, OtherPrograms others,
        RulesetChanges changes, PathProbe probe, std::vector<fst_path_match> matches,
        std::optional<netfilter::NftTrace> trace)
        : dependencies_(dependencies),
          wall_(dependencies.clock),
          started_(dependencies.clock.monotonic()),
          probe_(std::move(probe)),
          answers_(std::move(matches)),
          others_(std::move(others)),
          changes_(std::move(changes)),
          map_(probe_.stations(), ruleset),
          trace_(std::move(trace)),
          counts_(probe_.stations().size()),
          losses_(std::move(ruleset), map_,
                  {.read = [this] { return read_all(); },
                   .ask = netfilter::look_up,
                   .take_traced = take_traced()}),
          netfilter_drops_(map_),
          packet_paths_([this](const PacketPath& packet_path) { settle(packet_path); },
                        [this](std::uint32_t station) { return map_.is_last(station); }) {
        for (const kernel::Notice& notice : probe_.notices()) {
            dependencies_.notice(notice.text);
        }
        for (const OtherProgram& its : others_.all()) {
            const Station at{.pf = its.pf, .hook = its.hook, .priority = its.priority};
            dependencies_.notice(fmt::format("{}: {} may drop packets", at.text(), its.text()));
        }
    }

    [[nodiscard]] Status listen() {
        auto reader = probe_.events([this](const fst_path_event& event) {
            follow_answers(event);
            counts_.passed(event);
            packet_paths_.record(event);
        });
        if (!reader) {
            return std::unexpected(std::move(reader).error());
        }
        reader_.emplace(std::move(*reader));
        waiting_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
        epoll_event readable{.events = EPOLLIN, .data = {}};
        if (!waiting_ ||
            ::epoll_ctl(waiting_.get(), EPOLL_CTL_ADD, reader_->epoll_fd(), &readable) != 0) {
            return fail_errno("wait for", "the path's records", errno);
        }
        if (changes_.descriptor() >= 0) {
            // If it fails, changes are noticed a little later: poll() looks for them anyway.
            (void)::epoll_ctl(waiting_.get(), EPOLL_CTL_ADD, changes_.descriptor(), &readable);
        }
        return {};
    }

    [[nodiscard]] int descriptor() const { return waiting_.get(); }

    [[nodiscard]] Status poll() {
        if (const auto read = reader_->consume(); !read) {
            return std::unexpected(read.error());
        }
        const Nanoseconds now = dependencies_.clock.monotonic();
        packet_paths_.advance(now);
        if (losses_.is_due(now)) {
            inspect();
        }
        look_behind(now);
        changes_.listen();
        if (changes_.is_due(now)) {
            replan();
        }
        return {};
    }

    [[nodiscard]] Status finish() {
        probe_.detach();
        const auto read = reader_->consume();
        kernel_drops_.lift_limit();
        packet_paths_.finish();
        inspect();
        report_ends();
        dependencies_.report(final_stats());
        return read ? Status{} : std::unexpected(read.error());
    }

    [[nodiscard]] PathSample sample() const { return sample_of(counts_, map_, stats()); }

    [[nodiscard]] std::string where() const {
        std::string interfaces;
        std::size_t attached = 0;
        for (const StationState& state : probe_.stations()) {
            attached += state.attached;
            if (state.station.kind == Station::Kind::tc_ingress) {
                interfaces += (interfaces.empty() ? "" : ", ") + state.station.interface;
            }
        }
        return fmt::format("{} stations, {}", attached, interfaces);
    }

  private:
    [[nodiscard]] Result<netfilter::Ruleset> read_all() {
        auto ruleset = others_.read_ruleset();
        if (ruleset) {
            changes_.compare(*ruleset);
        }
        return ruleset;
    }

    /// The ruleset has changed: places stations for it, and counts from it on.
    void replan() {
        const Nanoseconds began = dependencies_.clock.monotonic();
        inspect();  // what was lost before
        others_.forget_in_the_way();
        auto ruleset = read_all();
        if (!ruleset) {
            dependencies_.notice(ruleset.error().message());
            changes_.rest(began, dependencies_.clock.monotonic());
            return;
        }
        if (!changes_.is_another(*ruleset)) {
            changes_.planned(*ruleset);
            changes_.rest(began, dependencies_.clock.monotonic());
            return;
        }
        const std::size_t noticed = probe_.notices().size();
        const auto replanned = probe_.replan(plan_stations(*ruleset, {}));
        if (!replanned) {
            dependencies_.notice(replanned.error().message());
        }
        others_.attached(probe_.stations(), *ruleset);
        map_ = StationMap(probe_.stations(), *ruleset);
        counts_.grow(map_);
        changes_.planned(*ruleset);
        changes_.rest(began, dependencies_.clock.monotonic());
        losses_.begin_anew(std::move(*ruleset));
        if (replanned) {
            dependencies_.notice(
                fmt::format("the ruleset has changed: stations: {} new, {} removed; rules are "
                            "compared from here on",
                            replanned->added, replanned->removed));
        }
        for (std::size_t i = noticed; i < probe_.notices().size(); i++) {
            dependencies_.notice(probe_.notices()[i].text);
        }
    }

    [[nodiscard]] Losses::TakeTraced take_traced() {
        return trace_ ? Losses::TakeTraced([this] { return trace_->take_drops(); })
                      : Losses::TakeTraced();
    }

    void follow_answers(const fst_path_event& event) {
        if (const auto match = answers_.learn(event)) {
            if (const Status set = probe_.match_also(*match); !set) {
                dependencies_.notice(set.error().message());
            }
        }
    }

    /// A packet that was freed with the socket that had received it is delivered: it waited there
    /// unread, or was a FIN.
    void settle(const PacketPath& packet_path) {
        if (!packet_path.drop || !was_freed_with_socket(*packet_path.drop)) {
            ended(packet_path);
        } else if (!packet_path.stations.empty()) {
            PacketPath delivered = packet_path;
            delivered.drop.reset();
            delivered.end = PacketPath::End::delivered;
            ended(delivered);
        }
    }

    /// Reported at the first packet with this end; a drop, once its rule is known, and again if
    /// another rule is found.
    void ended(const PacketPath& packet_path) {
        const PathFlows::Filed filed = flows_.record(packet_path);
        count(packet_path);
        counts_.ended(filed.end, packet_path.last());
        const bool awaits_rule = packet_path.drop && losses_.saw(flow_end(filed), packet_path,
                                                                 dependencies_.clock.monotonic());
        forget_if_many();
        if (!awaits_rule && !reported_.contains(flow_end(filed))) {
            report(filed, packet_path, false);
            if (packet_path.end == PacketPath::End::delivered) {
                deliveries_.saw(flow_end(filed), dependencies_.clock.monotonic());
            }
        }
    }

    /// Bounds the memory of what was reported; after that, some of it is reported once more.
    void forget_if_many() {
        constexpr std::size_t kMost = 65536;
        if (reported_.size() >= kMost) {
            reported_.clear();
        }
    }

    /// Calls `visit(filed, example)` for each end of each flow; `example` is the latest packet with
    /// that end.
    template <class Visit>
    void each_end(Visit visit) const {
        for (const PathFlow& flow : flows_.all()) {
            for (const unsigned direction : {0U, 1U}) {
                for (const auto& [end, packets] : flow.directions[direction].ends) {
                    visit(PathFlows::Filed{flow, direction, end, packets},
                          flow.directions[direction].examples.at(end));
                }
            }
        }
    }

    void inspect() {
        const auto changed = losses_.inspect(dependencies_.clock);
        netfilter_drops_.read();
        if (!changed) {
            dependencies_.notice(changed.error().message());
        }
        each_end([&](const PathFlows::Filed& filed, const PacketPath& example) {
            const FlowEnd its = flow_end(filed);
            const bool is_new =
                filed.end.end == PacketPath::End::dropped && !reported_.contains(its);
            const bool is_changed = changed && changed->contains(its) && !is_new;
            if (is_new || is_changed) {
                report(filed, example, is_changed);
            }
        });
    }

    /// Reports delivered packets again that have had no answer for some time, if anything is known.
    void look_behind(Nanoseconds now) {
        const std::set<FlowEnd> due = deliveries_.take_due(now);
        if (due.empty()) {
            return;
        }
        each_end([&](const PathFlows::Filed& filed, const PacketPath& example) {
            if (!due.contains(flow_end(filed))) {
                return;
            }
            auto delivery = behind(filed, example);
            if (delivery && deliveries_.is_news(flow_end(filed), *delivery)) {
                report(filed, example, true, std::move(delivery));
            }
        });
    }

    [[nodiscard]] std::optional<Delivery> behind(const PathFlows::Filed& filed,
                                                 const PacketPath& example) {
        if (filed.end.end != PacketPath::End::delivered) {
            return std::nullopt;
        }
        const bool is_answered = filed.flow.directions.at(1 - filed.direction).packets != 0;
        return is_answered || answers_.follow_all()
                   ? deliveries_.look_behind(example, is_answered, dependencies_.clock.monotonic())
                   : std::nullopt;
    }

    /// Reports the final number of packets with each end.
    void report_ends() {
        each_end([&](const PathFlows::Filed& filed, const PacketPath& example) {
            auto delivery = behind(filed, example);
            const bool is_news = delivery && deliveries_.is_news(flow_end(filed), *delivery);
            if (is_news || filed.count > reported_[flow_end(filed)].packets) {
                report(filed, example, true, std::move(delivery));
            }
        });
    }

    void report(const PathFlows::Filed& filed, const PacketPath& packet_path, bool again,
                std::optional<Delivery> delivery = std::nullopt) {
        PathReport report = report_of(filed, packet_path, map_, losses_.of(flow_end(filed)),
                                      names_of(packet_path.drop));
        report.again = again;
        report.delivery = std::move(delivery);
        report.bridge = bridge_of(packet_path);
        report.toward = unwatched_way_out(packet_path, probe_.stations());
        report.wall = wall_.at(time_of(packet_path.last()));
        Reported& reported = reported_[flow_end(filed)];
        reported.packets = filed.count;
        if (report.drop) {
            explain(*report.drop, filed.end, *packet_path.drop);
            const std::string by = short_words(*report.drop);
            counts_.blamed(filed.end, by, reported.by);
            reported.by = by;
        }
        dependencies_.report(report);
    }

    void explain(PathReport::Drop& drop, const PathEnd& end, const fst_path_event& event) {
        netfilter_drops_.explain(drop, end, event);
        kernel_drops_.explain(drop, event, interface_name(event.ifindex_out),
                              dependencies_.clock.monotonic());
        if (drop.reason == "PKT_TOO_BIG" && was_told_in_vain(event.tuple)) {
            drop.words.words += "; an ICMP error that says so to its sender was dropped here, too";
        }
    }

    /// Whether a message to the sender that its packet was too big was dropped here.
    [[nodiscard]] bool was_told_in_vain(const fst_path_tuple& tuple) const {
        bool is_lost = false;
        each_end([&](const PathFlows::Filed& filed, const PacketPath& example) {
            is_lost = is_lost ||
                      (filed.end.end == PacketPath::End::dropped && says_too_big(*example.drop) &&
                       destination_of(example.drop->tuple).address == source_of(tuple).address);
        });
        return is_lost;
    }

    void count(const PacketPath& packet_path) {
        const std::uint64_t packets = packet_path.packets();
        stats_.packets += packets;
        if (packet_path.end == PacketPath::End::left) {
            (packet_path.first().ifindex_in != 0 ? stats_.forwarded : stats_.sent) += packets;
        }
        stats_.delivered += packet_path.end == PacketPath::End::delivered ? packets : 0;
        stats_.dropped += packet_path.end == PacketPath::End::dropped ? packets : 0;
        stats_.unknown += packet_path.end == PacketPath::End::unknown ? packets : 0;
    }

    /// Packets that a REJECT rule dropped, of the flows that are remembered.
    [[nodiscard]] std::uint64_t answered() const {
        std::uint64_t packets = 0;
        each_end([&](const PathFlows::Filed& filed, const PacketPath&) {
            const auto rule = losses_.of(flow_end(filed));
            packets += rule && rule->rejects ? filed.count : 0;
        });
        return packets;
    }

    /// What was dropped, by place and cause, of the flows that are remembered.
    [[nodiscard]] std::vector<PathStats::Loss> losses() const {
        std::map<std::tuple<std::string, std::string, std::string>, std::uint64_t> sums;
        each_end([&](const PathFlows::Filed& filed, const PacketPath&) {
            const auto reported = reported_.find(flow_end(filed));
            if (filed.end.end == PacketPath::End::dropped && reported != reported_.end()) {
                const PathSample::Loss place = place_of(filed.end, map_);
                sums[{place.at, place.before, reported->second.by}] += filed.count;
            }
        });
        std::vector<PathStats::Loss> losses;
        for (const auto& [loss, packets] : sums) {
            const auto& [at, before, by] = loss;
            losses.push_back({.at = at, .before = before, .by = by, .packets = packets});
        }
        return losses;
    }

    [[nodiscard]] PathStats final_stats() const {
        PathStats final = stats();
        final.answered = answered();
        final.losses = losses();
        return final;
    }

    [[nodiscard]] PathStats stats() const {
        PathStats stats = stats_;
        const Nanoseconds now = dependencies_.clock.monotonic();
        stats.wall = wall_.at(now);
        stats.uptime = now - started_;
        stats.flows = flows_.all().size() + flows_.forgotten();
        if (const auto counters = probe_.counters()) {
            stats.events_lost = (*counters)[FST_PATH_COUNT_EVENT_LOST];
            stats.not_followed = (*counters)[FST_PATH_COUNT_UNTRACKED] + packet_paths_.overflow();
        }
        return stats;
    }

    static FlowEnd flow_end(const PathFlows::Filed& filed) {
        return {filed.flow.id, filed.direction, filed.end};
    }

    Dependencies dependencies_;
    WallTime wall_;
    Nanoseconds started_;
    PathProbe probe_;
    AnswerMatches answers_;
    OtherPrograms others_;
    RulesetChanges changes_;
    StationMap map_;
    std::optional<netfilter::NftTrace> trace_;
    StationCounts counts_;
    Losses losses_;
    NetfilterDrops netfilter_drops_;
    KernelDrops kernel_drops_;
    Deliveries deliveries_;
    PathAssembler packet_paths_;
    PathFlows flows_;
    PathStats stats_{};
    /// In the last report of packets with one end.
    struct Reported {
        std::uint64_t packets = 0;
        std::string by{};  ///< the cause of a drop, in a few words
    };
    std::map<FlowEnd, Reported> reported_;
    std::optional<PathReader> reader_;
    Fd waiting_;  ///< an epoll: records, and changes of the ruleset
};

Result<Tracer> Tracer::start(const Wanted& wanted, const Dependencies& dependencies) {
    const auto matches = net::packet_matches(wanted.filter);
    if (!matches) {
        return std::unexpected(matches.error());
    }
    if (const Status allowed = check_can_trace(wanted.interfaces); !allowed) {
        return std::unexpected(allowed.error());
    }
    RulesetChanges changes;
    OtherPrograms others;
    auto ruleset = others.read_ruleset();
    if (!ruleset) {
        return std::unexpected(std::move(ruleset).error());
    }
    for (const std::string& unread : ruleset->unread) {
        dependencies.notice(unread);
    }
    if (!matches->is_exact) {
        dependencies.notice(fmt::format(
            "'{}': the kernel compares addresses, protocol and ports alone, so more is followed",
            wanted.filter));
    }
    std::vector<fst_path_match> compared = kernel_matches(*matches);
    auto probe = PathProbe::start(
        {.stations = plan_stations(*ruleset, without_duplicates(wanted.interfaces)),
         .matches = compared,
         .only_drops = wanted.only_drops});
    if (!probe) {
        return std::unexpected(std::move(probe).error());
    }
    others.attached(probe->stations(), *ruleset);
    changes.planned(*ruleset);
    std::optional<netfilter::NftTrace> trace;
    if (wanted.trace) {
        auto started = netfilter::NftTrace::start(matches->any_of);
        if (!started) {
            return std::unexpected(std::move(started).error());
        }
        trace.emplace(std::move(*started));
    }
    auto run = std::make_unique<Run>(dependencies, std::move(*ruleset), std::move(others),
                                     std::move(changes), std::move(*probe), std::move(compared),
                                     std::move(trace));
    if (const Status listening = run->listen(); !listening) {
        return std::unexpected(listening.error());
    }
    return Tracer(std::move(run));
}

Tracer::Tracer(std::unique_ptr<Run> run) : run_(std::move(run)) {}
Tracer::Tracer(Tracer&&) noexcept = default;
Tracer& Tracer::operator=(Tracer&&) noexcept = default;
Tracer::~Tracer() = default;

int Tracer::descriptor() const {
    return run_->descriptor();
}

Status Tracer::poll() {
    return run_->poll();
}

Status Tracer::finish() {
    return run_->finish();
}

PathSample Tracer::sample() const {
    return run_->sample();
}

std::string Tracer::where() const {
    return run_->where();
}

}  // namespace flowstamp::pathtrace
