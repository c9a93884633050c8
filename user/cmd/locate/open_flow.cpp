// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/locate/open_flow.h"

#include <netinet/tcp.h>

#include <cstring>
#include <utility>

#include "flowstamp/acceptance_rules.h"
#include "user/base/console.h"
#include "user/cmd/flows/watch_choice.h"
#include "user/kernel/attach/net_namespace.h"
#include "user/net/endpoint.h"
#include "user/net/stamps.h"
#include "user/pathtrace/live/socket_lookup.h"

namespace flowstamp::cmd {

namespace {

std::string name_of(const fst_flow_key& key, unsigned own) {
    return net::end_of(key, own).text() + " > " + net::end_of(key, own ^ 1U).text();
}

std::unexpected<Error> none(std::string object, std::string reason, std::string hint) {
    return fail({.operation = "locate",
                 .object = std::move(object),
                 .reason = std::move(reason),
                 .hint = std::move(hint)});
}

/// Whether a socket here has the connection open, `own` being its end.
bool has_socket(const fst_flow_key& key, unsigned own) {
    fst_path_tuple incoming{};
    std::memcpy(incoming.source, key.address[own ^ 1U], sizeof(incoming.source));
    std::memcpy(incoming.destination, key.address[own], sizeof(incoming.destination));
    incoming.source_port = key.port[own ^ 1U];
    incoming.destination_port = key.port[own];
    incoming.protocol = key.protocol;
    const auto socket = pathtrace::find_socket(incoming, 0);
    return socket && (socket->state == TCP_ESTABLISHED || socket->state == TCP_CLOSE_WAIT ||
                      socket->state == TCP_FIN_WAIT1 || socket->state == TCP_FIN_WAIT2);
}

struct Candidate {
    std::size_t table = 0;
    std::uint32_t slot = 0;
    fst_flow flow{};
};

/// Of several interfaces' views the one that was last seen.
std::optional<Candidate> latest_match(const std::vector<kernel::PinnedTable>& tables,
                                      const WantedFlow& wanted) {
    std::optional<Candidate> latest;
    for (std::size_t i = 0; i < tables.size(); i++) {
        const kernel::FlowTable& flows = tables[i].flows;
        flows.scan(0, flows.slots(), [&](std::uint32_t slot, const fst_flow& flow) {
            if (wanted.matches(flow.key) && !flow.key.tunnelled &&
                (!latest || net::last_packet_ns(flow) > net::last_packet_ns(latest->flow))) {
                latest = Candidate{i, slot, flow};
            }
        });
    }
    return latest;
}

}  // namespace

Result<OpenFlow> OpenFlow::find(const WantedFlow& wanted) {
    auto running = kernel::find_running_watches();
    if (!running) {
        return std::unexpected(running.error());
    }
    const auto chosen = chosen_watches(std::move(running->watches), {},
                                       kernel::NetNamespace::of_this_thread().inode());
    if (!chosen) {
        return std::unexpected(chosen.error());
    }
    kernel::PinnedTables opened = kernel::open_pinned_tables(*chosen);
    for (const kernel::Notice& notice : opened.notices) {
        say(notice.text);
    }
    const auto match = latest_match(opened.tables, wanted);
    if (!match) {
        return none("", "no running watch has seen that connection", "see flowstamp flows");
    }
    const fst_flow_key& key = match->flow.key;
    const bool first = has_socket(key, 0);
    if (!first && !has_socket(key, 1)) {
        return none(name_of(key, 0), "no socket of this host has it open",
                    "an open connection is needed: watch --drop or --challenge keeps one open");
    }
    return OpenFlow(std::move(opened.tables[match->table].flows), match->slot, match->flow,
                    first ? 0 : 1);
}

Result<locate::FlowPoint> OpenFlow::point() const {
    const fst_flow now = table_.read(slot_).value_or(flow_);
    if (now.generation != flow_.generation ||
        std::memcmp(&now.key, &flow_.key, sizeof(now.key)) != 0 || fst_any_rst(now.state) ||
        !has_socket(now.key, own_)) {
        return none(name_of(flow_.key, own_), "it has ended", "");
    }
    const auto point = locate::point_of(now, own_);
    if (!point) {
        return none(name_of(flow_.key, own_), "the watch has not yet seen both ends of it speak",
                    "wait until it has");
    }
    return *point;
}

std::optional<std::uint8_t> OpenFlow::forged_reset_ttl() const {
    const unsigned peer = own_ ^ 1U;
    const bool is_forged = (flow_.state & FST_OF(FST_FLOW_FORGED, peer)) != 0;
    return is_forged && flow_.rst_ttl[peer] != 0 ? std::optional(flow_.rst_ttl[peer])
                                                 : std::nullopt;
}

}  // namespace flowstamp::cmd
