// SPDX-License-Identifier: Apache-2.0
#include "user/tracer/tracer.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "user/flow/packet_match.h"
#include "user/kernel/capabilities.h"
#include "user/kernel/interface.h"
#include "user/kernel/path_probe.h"
#include "user/path/nft_trace.h"
#include "user/path/read_ruleset.h"
#include "user/tracer/kernel_matches.h"
#include "user/tracer/losses.h"

namespace flowstamp {

namespace {

std::vector<std::string> each_once(const std::vector<std::string>& names) {
    std::vector<std::string> found;
    for (const std::string& name : names) {
        if (std::ranges::find(found, name) == found.end()) {
            found.push_back(name);
        }
    }
    return found;
}

/// What would else come to nothing piece by piece, in one line.
Status may_trace(const std::vector<std::string>& interfaces) {
    const auto capabilities = Capabilities::of_this_thread();
    if (!capabilities) {
        return std::unexpected(capabilities.error());
    }
    if (const Status allowed = require_capabilities(*capabilities); !allowed) {
        return allowed;
    }
    for (const std::string& name : interfaces) {
        if (const auto found = find_interface(name); !found) {
            return std::unexpected(found.error());
        }
    }
    return {};
}

}  // namespace

class Tracer::Run {
  public:
    Run(const Surroundings& surroundings, Ruleset ruleset, PathProbe probe,
        std::vector<fs_path_match> matches, std::optional<NftTrace> trace)
        : surroundings_(surroundings),
          wall_(surroundings.clock),
          started_(surroundings.clock.monotonic()),
          probe_(std::move(probe)),
          matches_(std::move(matches)),
          map_(probe_.stations(), ruleset),
          trace_(std::move(trace)),
          counts_(probe_.stations().size()),
          losses_(std::move(ruleset), map_, read_ruleset, take_traced()),
          journeys_([this](const Journey& journey) { ended(journey); }) {
        for (const Notice& notice : probe_.notices()) {
            surroundings_.notice(notice.text);
        }
    }

    [[nodiscard]] Status listen() {
        auto reader = probe_.events([this](const fs_path_event& event) {
            follow_answers(event);
            counts_.passed(event);
            journeys_.file(event);
        });
        if (!reader) {
            return std::unexpected(std::move(reader).error());
        }
        reader_.emplace(std::move(*reader));
        return {};
    }

    [[nodiscard]] int descriptor() const { return reader_->epoll_fd(); }

    [[nodiscard]] Status turn() {
        if (const auto read = reader_->consume(); !read) {
            return std::unexpected(read.error());
        }
        const Nanoseconds now = surroundings_.clock.monotonic();
        journeys_.advance(now);
        if (losses_.is_due(now)) {
            look();
        }
        return {};
    }

    [[nodiscard]] Status finish() {
        probe_.detach();
        const auto read = reader_->consume();
        journeys_.finish();
        look();
        tell_ends();
        surroundings_.reporter.summary(stats());
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
    [[nodiscard]] Losses::TakeTraced take_traced() {
        return trace_ ? Losses::TakeTraced([this] { return trace_->take_drops(); })
                      : Losses::TakeTraced();
    }

    /// An answer to translated packets bears a tuple of its own until conntrack has translated it
    /// back: from now on it is followed from its arrival.
    void follow_answers(const fs_path_event& event) {
        constexpr __u32 kTranslated = FS_PATH_SNAT | FS_PATH_DNAT;
        if (!(event.flags & FS_PATH_CONNTRACK) || !(event.flags & kTranslated) ||
            (event.flags & FS_PATH_RELATED) || matches_.empty() ||
            matches_.size() >= FS_PATH_MATCHES_MAX) {
            return;
        }
        fs_path_match its = match_everything();
        its.protocol = event.reply.protocol;
        its.source_port[0] = its.source_port[1] = ntohs(event.reply.source_port);
        its.destination_port[0] = its.destination_port[1] = ntohs(event.reply.destination_port);
        std::ranges::copy(event.reply.source, its.source);
        std::ranges::copy(event.reply.destination, its.destination);
        std::ranges::fill(its.source_mask, ~__be32{0});
        std::ranges::fill(its.destination_mask, ~__be32{0});
        const auto same = [&](const fs_path_match& known) {
            return std::memcmp(&known, &its, sizeof(its)) == 0;
        };
        if (std::ranges::none_of(matches_, same)) {
            matches_.push_back(its);
            if (const Status set = probe_.match_also(its); !set) {
                surroundings_.notice(set.error().message());
            }
        }
    }

    /// Told when it is met first, and when the rule behind it is known, or another.
    void ended(const Journey& journey) {
        const PathFlows::Filed filed = flows_.file(journey);
        count(journey);
        counts_.ended(filed.end, journey.last());
        const bool awaits_rule = journey.drop && losses_.saw(whose(filed), time_of(*journey.drop),
                                                             surroundings_.clock.monotonic());
        forget_if_many();
        if (!awaits_rule && !told_.contains(whose(filed))) {
            tell(filed, journey, false);
        }
    }

    /// What was told is remembered within a bound: beyond it, some is told once more.
    void forget_if_many() {
        constexpr std::size_t kMost = 65536;
        if (told_.size() >= kMost) {
            told_.clear();
        }
    }

    void look() {
        const auto news = losses_.look(surroundings_.clock);
        if (!news) {
            surroundings_.notice(news.error().message());
        }
        for (const PathFlow& flow : flows_.all()) {
            for (const unsigned direction : {0U, 1U}) {
                for (const auto& [end, count] : flow.directions[direction].ends) {
                    const FlowEnd its{flow.id, direction, end};
                    const bool is_new = end.end == Journey::End::dropped && !told_.contains(its);
                    const bool is_news = news && news->contains(its) && !is_new;
                    if (is_new || is_news) {
                        tell({flow, direction, end, count},
                             flow.directions[direction].examples.at(end), is_news);
                    }
                }
            }
        }
    }

    /// The last word about each: how many there were.
    void tell_ends() {
        for (const PathFlow& flow : flows_.all()) {
            for (const unsigned direction : {0U, 1U}) {
                for (const auto& [end, count] : flow.directions[direction].ends) {
                    if (count > told_[FlowEnd{flow.id, direction, end}]) {
                        tell({flow, direction, end, count},
                             flow.directions[direction].examples.at(end), true);
                    }
                }
            }
        }
    }

    void tell(const PathFlows::Filed& filed, const Journey& journey, bool again) {
        PathStory story = story_of(filed, journey, map_, losses_.of(whose(filed)));
        story.again = again;
        story.wall = wall_.at(time_of(journey.last()));
        told_[whose(filed)] = filed.count;
        if (story.drop) {
            counts_.blamed(filed.end, short_words(*story.drop));
        }
        surroundings_.reporter.story(story);
    }

    void count(const Journey& journey) {
        const std::uint64_t packets = journey.packets();
        stats_.packets += packets;
        stats_.left += journey.end == Journey::End::left ? packets : 0;
        stats_.delivered += journey.end == Journey::End::delivered ? packets : 0;
        stats_.dropped += journey.end == Journey::End::dropped ? packets : 0;
        stats_.unknown += journey.end == Journey::End::unknown ? packets : 0;
    }

    [[nodiscard]] PathStats stats() const {
        PathStats stats = stats_;
        const Nanoseconds now = surroundings_.clock.monotonic();
        stats.wall = wall_.at(now);
        stats.uptime = now - started_;
        stats.flows = flows_.all().size() + flows_.forgotten();
        if (const auto counters = probe_.counters()) {
            stats.events_lost = (*counters)[FS_PATH_COUNT_EVENT_LOST];
            stats.not_followed = (*counters)[FS_PATH_COUNT_UNTRACKED] + journeys_.overflow();
        }
        return stats;
    }

    static FlowEnd whose(const PathFlows::Filed& filed) {
        return {filed.flow.id, filed.direction, filed.end};
    }

    Surroundings surroundings_;
    WallTime wall_;
    Nanoseconds started_;
    PathProbe probe_;
    std::vector<fs_path_match> matches_;
    StationMap map_;
    std::optional<NftTrace> trace_;
    StationCounts counts_;
    Losses losses_;
    JourneyBook journeys_;
    PathFlows flows_;
    PathStats stats_{};
    std::map<FlowEnd, std::uint64_t> told_;  ///< the count that was told last
    std::optional<PathReader> reader_;
};

Result<Tracer> Tracer::start(const Wanted& wanted, const Surroundings& surroundings) {
    const auto matches = packet_matches(wanted.filter);
    if (!matches) {
        return std::unexpected(matches.error());
    }
    if (const Status allowed = may_trace(wanted.interfaces); !allowed) {
        return std::unexpected(allowed.error());
    }
    auto ruleset = read_ruleset();
    if (!ruleset) {
        return std::unexpected(std::move(ruleset).error());
    }
    for (const std::string& unread : ruleset->unread) {
        surroundings.notice(unread);
    }
    if (!matches->is_exact) {
        surroundings.notice(fmt::format(
            "'{}': the kernel compares addresses, protocol and ports alone, so more is followed",
            wanted.filter));
    }
    std::vector<fs_path_match> compared = kernel_matches(*matches);
    auto probe =
        PathProbe::start({.stations = plan_stations(*ruleset, each_once(wanted.interfaces)),
                          .matches = compared,
                          .only_drops = wanted.only_drops});
    if (!probe) {
        return std::unexpected(std::move(probe).error());
    }
    std::optional<NftTrace> trace;
    if (wanted.trace) {
        auto started = NftTrace::start(matches->any_of);
        if (!started) {
            return std::unexpected(std::move(started).error());
        }
        trace.emplace(std::move(*started));
    }
    auto run = std::make_unique<Run>(surroundings, std::move(*ruleset), std::move(*probe),
                                     std::move(compared), std::move(trace));
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

Status Tracer::turn() {
    return run_->turn();
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

}  // namespace flowstamp
