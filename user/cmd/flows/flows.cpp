// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/flows/flows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "user/base/console.h"
#include "user/kernel/maps/pinned_table.h"
#include "user/net/stamps.h"
#include "user/output/outputs.h"

namespace flowstamp::cmd {

namespace {

int refuse(const std::string& line) {
    say(line);
    return kFailed;
}

std::string name_of(const kernel::PinnedTable& table, std::uint32_t ifindex) {
    const auto found =
        std::ranges::find(table.interfaces, ifindex, &kernel::RunRecord::WatchedInterface::index);
    return found == table.interfaces.end() ? fmt::format("if{}", ifindex) : found->name;
}

/// Prints one table's flows; `now` is CLOCK_MONOTONIC, `offset` converts it to time since 1970.
void print(const kernel::PinnedTable& table, const FlowsOptions& options, Nanoseconds now,
           Nanoseconds offset, output::Outputs& output) {
    table.flows.scan(0, table.flows.slots(), [&](std::uint32_t slot, const fst_flow& flow) {
        const std::string interface = name_of(table, flow.key.ifindex);
        if (output.is_broken() || (options.interface && *options.interface != interface)) {
            return;
        }
        const Nanoseconds last(static_cast<std::int64_t>(net::last_packet_ns(flow)));
        analysis::FlowRecord record{.slot = flow,
                                    .slot_index = slot,
                                    .interface = interface,
                                    .end = analysis::FlowEnd::open,
                                    .wall = now + offset,
                                    .start = {},
                                    .last = last + offset,
                                    .stage = analysis::stage_of(flow)};
        output.consume(output::OpenFlow{std::move(record), offset});
    });
}

/// The signatures that one watch has learned.
void print_learned(const kernel::PinnedTable& table, const FlowsOptions& options,
                   output::Outputs& output) {
    for (const net::LearnedSignature& learned : table.learned) {
        std::string interface = name_of(table, learned.signature.ifindex);
        if (!options.interface || *options.interface == interface) {
            output.consume(output::LearnedEntry{learned, std::move(interface), table.pid});
        }
    }
    if (table.learned.empty() && !options.json) {
        say(fmt::format("process {}: {}", table.pid,
                        table.learns ? "nothing learned yet" : "learns nothing (--no-learn)"));
    }
}

bool watches(const kernel::PinnedTables& running, const std::string& interface) {
    return std::ranges::any_of(running.tables, [&](const kernel::PinnedTable& table) {
        return std::ranges::find(table.interfaces, interface,
                                 &kernel::RunRecord::WatchedInterface::name) !=
               table.interfaces.end();
    });
}

}  // namespace

int run_flows(const FlowsOptions& options) {
    const auto running = kernel::open_pinned_tables();
    if (!running) {
        return log_error(running.error(), kFailed);
    }
    for (const kernel::Notice& notice : running->notices) {
        say(notice.text);
    }
    if (running->tables.empty()) {
        return refuse("no watch is running; start one with flowstamp watch -i IFACE");
    }
    if (options.interface && !watches(*running, *options.interface)) {
        return refuse(fmt::format("{}: not watched; start flowstamp watch -i {}",
                                  *options.interface, *options.interface));
    }
    const SystemClock clock;
    const Nanoseconds now = clock.monotonic();
    const Nanoseconds offset = clock.realtime() - now;
    auto output = output::Outputs::open({.json = options.json});
    if (!output) {
        return log_error(output.error(), kFailed);
    }
    for (const kernel::PinnedTable& table : running->tables) {
        if (options.learned) {
            print_learned(table, options, *output);
        } else {
            print(table, options, now, offset, *output);
        }
    }
    if (const Status written = output->status(); !written) {
        return log_error(written.error(), kFailed);
    }
    return kDone;
}

}  // namespace flowstamp::cmd
