// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/tracer_run.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "user/pathtrace/live/kernel_names.h"
#include "user/pathtrace/live/path_names.h"

namespace flowstamp::pathtrace {

namespace {

StationMap map_of(const PathProbe& probe, const std::vector<PlannedNetns>& planned) {
    StationMap map(probe.stations(), planned.front().ruleset);
    for (const PlannedNetns& its : planned) {
        map.learn(its.entry.name(), its.ruleset);
    }
    return map;
}

}  // namespace

Tracer::Run::Run(const Dependencies& dependencies, std::vector<PlannedNetns> planned,
                 PathProbe probe, std::vector<fst_path_match> matches)
    : dependencies_(dependencies),
      wall_(dependencies.clock),
      started_(dependencies.clock.monotonic()),
      probe_(std::move(probe)),
      answers_(std::move(matches)),
      map_(map_of(probe_, planned)),
      counts_(probe_.stations().size()),
      packet_paths_([this](const PacketPath& packet_path) { settle(packet_path); },
                    [this](std::uint32_t station) { return map_.is_last(station); }) {
    for (const kernel::Notice& notice : probe_.notices()) {
        dependencies_.notice(notice.text);
    }
    for (PlannedNetns& its : planned) {
        const NetnsEntry entry = its.entry;
        followed_.push_back(entry.inside([&] {
            return std::make_unique<FollowedNetns>(std::move(its), map_, dependencies_.clock);
        }));
        tell_other_programs(*followed_.back());
    }
}

void Tracer::Run::tell_other_programs(const FollowedNetns& its) const {
    for (const OtherProgram& other : its.others.all()) {
        const Station at{.pf = other.pf,
                         .hook = other.hook,
                         .priority = other.priority,
                         .netns = its.entry.name()};
        dependencies_.notice(fmt::format("{}: {} may drop packets", at.text(), other.text()));
    }
}

Status Tracer::Run::listen() {
    auto reader = probe_.events([this](const fst_path_event& event) {
        if (event.began_ns > last_ns_) {
            return;
        }
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
    for (const auto& its : followed_) {
        if (its->changes.descriptor() >= 0) {
            // If it fails, changes are noticed a little later: poll() looks for them anyway.
            (void)::epoll_ctl(waiting_.get(), EPOLL_CTL_ADD, its->changes.descriptor(), &readable);
        }
    }
    return {};
}

Status Tracer::Run::poll() {
    if (const Status read = read_records(); !read) {
        return read;
    }
    const Nanoseconds now = dependencies_.clock.monotonic();
    packet_paths_.advance(now);
    for (const auto& its : followed_) {
        if (its->losses.is_due(now)) {
            inspect(*its);
        }
        look_behind(*its, now);
        its->changes.listen();
        if (its->changes.is_due(now)) {
            replan(*its);
        }
    }
    return {};
}

Status Tracer::Run::read_records() {
    const auto read = reader_->consume();
    return read ? Status{} : std::unexpected(read.error());
}

/// Stations are detached one after another: a packet that comes meanwhile passes some of them only, so it is not
/// followed; and of one that is under way then, it is not known how far it came.
Status Tracer::Run::finish() {
    const Status before = read_records();
    const Nanoseconds now = dependencies_.clock.monotonic();
    last_ns_ = static_cast<std::uint64_t>(now.count());
    for (const auto& its : followed_) {
        its->losses.stations_moved(now);
    }
    probe_.detach();
    const Status read = before ? read_records() : before;
    for (const auto& its : followed_) {
        its->kernel_drops.lift_limit();
    }
    packet_paths_.finish();
    for (const auto& its : followed_) {
        inspect(*its);
    }
    report_ends();
    dependencies_.report(final_stats());
    return read;
}

PathSample Tracer::Run::sample() const {
    return sample_of(counts_, map_, stats());
}

std::string Tracer::Run::where() const {
    std::string interfaces;
    std::size_t attached = 0;
    for (const StationState& state : probe_.stations()) {
        attached += state.attached;
        if (state.station.kind == Station::Kind::tc_ingress) {
            interfaces += (interfaces.empty() ? "" : ", ") +
                          within_netns(state.station.netns, state.station.interface);
        }
    }
    return fmt::format("{} stations, {}", attached, interfaces);
}

FollowedNetns& Tracer::Run::netns_of(std::uint32_t inode) const {
    const auto found = std::ranges::find_if(
        followed_, [&](const auto& its) { return its->entry.inode() == inode; });
    return found == followed_.end() ? *followed_.front() : **found;
}

bool Tracer::Run::is_within(const FollowedNetns& its, const PathEnd& end) const {
    return !map_.knows(end.station) || map_.at(end.station).station.netns == its.entry.name();
}

void Tracer::Run::follow_answers(const fst_path_event& event) {
    if (const auto match = answers_.learn(event)) {
        if (const Status set = probe_.match_also(*match); !set) {
            dependencies_.notice(set.error().message());
        }
    }
}

/// A packet that its stack was done with is delivered.
void Tracer::Run::settle(const PacketPath& packet_path) {
    if (!packet_path.drop || !was_done_with(*packet_path.drop)) {
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
void Tracer::Run::ended(const PacketPath& packet_path) {
    const PathFlows::Filed filed = flows_.record(packet_path);
    add_to(stats_, packet_path);
    counts_.ended(filed.end, packet_path.last());
    FollowedNetns& its = netns_of(filed.end.netns);
    const Nanoseconds now = dependencies_.clock.monotonic();
    const bool awaits_rule = packet_path.drop && is_within(its, filed.end) && its.entry.inside([&] {
        return its.losses.saw(flow_end(filed), packet_path, now);
    });
    reported_.forget_if_many();
    if (!awaits_rule && !reported_.contains(flow_end(filed))) {
        report(filed, packet_path, false);
        if (packet_path.end == PacketPath::End::delivered) {
            its.deliveries.saw(flow_end(filed), now);
        }
    }
}

void Tracer::Run::inspect(FollowedNetns& its) {
    const auto changed = its.entry.inside([&] {
        auto found = its.losses.inspect(dependencies_.clock);
        its.netfilter_drops.read();
        return found;
    });
    if (!changed) {
        dependencies_.notice(changed.error().message());
    }
    flows_.each_end([&](const PathFlows::Filed& filed, const PacketPath& example) {
        const FlowEnd whose = flow_end(filed);
        const bool is_new = filed.end.end == PacketPath::End::dropped && !reported_.contains(whose);
        const bool is_changed = changed && changed->contains(whose) && !is_new;
        if (&netns_of(whose.end.netns) == &its && (is_new || is_changed)) {
            report(filed, example, is_changed);
        }
    });
}

/// Reports delivered packets again that have had no answer for some time, if anything is known.
void Tracer::Run::look_behind(FollowedNetns& its, Nanoseconds now) {
    const std::set<FlowEnd> due = its.deliveries.take_due(now);
    if (due.empty()) {
        return;
    }
    flows_.each_end([&](const PathFlows::Filed& filed, const PacketPath& example) {
        if (!due.contains(flow_end(filed))) {
            return;
        }
        auto delivery = behind(its, filed, example);
        if (delivery && its.deliveries.is_news(flow_end(filed), *delivery)) {
            report(filed, example, true, std::move(delivery));
        }
    });
}

std::optional<Delivery> Tracer::Run::behind(FollowedNetns& its, const PathFlows::Filed& filed,
                                            const PacketPath& example) {
    if (filed.end.end != PacketPath::End::delivered) {
        return std::nullopt;
    }
    const bool is_answered = filed.flow.directions.at(1 - filed.direction).packets != 0;
    if (!is_answered && !answers_.follow_all()) {
        return std::nullopt;
    }
    return its.entry.inside([&] {
        return its.deliveries.look_behind(example, is_answered, dependencies_.clock.monotonic());
    });
}

/// Reports the final number of packets with each end.
void Tracer::Run::report_ends() {
    flows_.each_end([&](const PathFlows::Filed& filed, const PacketPath& example) {
        FollowedNetns& its = netns_of(filed.end.netns);
        auto delivery = behind(its, filed, example);
        const bool is_news = delivery && its.deliveries.is_news(flow_end(filed), *delivery);
        if (is_news || filed.count > reported_.packets(flow_end(filed))) {
            report(filed, example, true, std::move(delivery));
        }
    });
}

void Tracer::Run::report(const PathFlows::Filed& filed, const PacketPath& packet_path, bool again,
                         std::optional<Delivery> delivery) {
    FollowedNetns& its = netns_of(filed.end.netns);
    const FlowEnd whose = flow_end(filed);
    PathReport report = report_of(filed, packet_path, map_, its.losses.of(whose),
                                  its.entry.inside([&] { return names_of(packet_path.drop); }));
    report.again = again;
    report.netns = its.entry.name();
    report.netns_command = its.entry.command();
    report.delivery = std::move(delivery);
    report.bridge = bridge_of(packet_path);
    report.toward = unwatched_way_out(packet_path, probe_.stations());
    report.wall = wall_.at(time_of(packet_path.last()));
    std::string cause, place;
    if (report.drop) {
        its.entry.inside([&] { explain(its, *report.drop, filed.end, *packet_path.drop); });
        if (its.losses.may_be_further_on(whose)) {
            place_further_on(*report.drop, its.entry.name());
            place = place_text(*report.drop);
        }
        cause = short_words(*report.drop);
        counts_.blamed(filed.end, cause, reported_.cause(whose));
    }
    reported_.note(whose, filed.count, std::move(cause), std::move(place));
    dependencies_.report(report);
}

void Tracer::Run::explain(FollowedNetns& its, PathReport::Drop& drop, const PathEnd& end,
                          const fst_path_event& event) {
    if (is_within(its, end)) {
        its.netfilter_drops.explain(drop, end, event);
    }
    its.kernel_drops.explain(drop, event, interface_name(event.ifindex_out));
    if (drop.reason == "PKT_TOO_BIG" && was_told_in_vain(event.tuple)) {
        drop.words.words += "; an ICMP error that says so to its sender was dropped here, too";
    }
}

/// By the last station that knows them, in its namespace.
std::optional<BridgePorts> Tracer::Run::bridge_of(const PacketPath& packet_path) const {
    const auto latest = std::find_if(packet_path.stations.rbegin(), packet_path.stations.rend(),
                                     [](const auto& event) { return event.bridge_port_in != 0; });
    const bool is_by_drop = packet_path.drop && packet_path.drop->bridge_port_in != 0;
    if (!is_by_drop && latest == packet_path.stations.rend()) {
        return std::nullopt;
    }
    const std::uint32_t inode = is_by_drop ? packet_path.drop->netns : latest->netns;
    const NetnsEntry& entry = netns_of(inode).entry;
    BridgePorts ports =
        entry.inside([&] { return bridge_ports_of(packet_path, inode).value_or(BridgePorts{}); });
    return BridgePorts{.in = within_netns(entry.name(), ports.in),
                       .out = within_netns(entry.name(), ports.out)};
}

/// Whether a message to the sender that its packet was too big was dropped here.
bool Tracer::Run::was_told_in_vain(const fst_path_tuple& tuple) const {
    bool is_lost = false;
    flows_.each_end([&](const PathFlows::Filed& filed, const PacketPath& example) {
        is_lost =
            is_lost || (filed.end.end == PacketPath::End::dropped && says_too_big(*example.drop) &&
                        destination_of(example.drop->tuple).address == source_of(tuple).address);
    });
    return is_lost;
}

/// Packets that a REJECT rule dropped, of the flows that are remembered.
std::uint64_t Tracer::Run::answered() const {
    std::uint64_t packets = 0;
    flows_.each_end([&](const PathFlows::Filed& filed, const PacketPath&) {
        const auto rule = rule_of(flow_end(filed));
        packets += rule && rule->rejects ? filed.count : 0;
    });
    return packets;
}

PathStats Tracer::Run::final_stats() const {
    PathStats final = stats();
    final.answered = answered();
    final.losses = reported_losses(flows_, reported_, map_);
    return final;
}

PathStats Tracer::Run::stats() const {
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

}  // namespace flowstamp::pathtrace
