// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/flows/flows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "user/base/console.h"
#include "user/base/time_text.h"
#include "user/cmd/flows/flow_text.h"
#include "user/kernel/maps/pinned_table.h"
#include "user/output/json/json_events.h"
#include "user/output/sink.h"

namespace flowstamp::cmd {

namespace {

int refuse(const std::string& line) {
    say(line);
    return kFailed;
}

std::string name_of(const kernel::PinnedTable& table, std::uint32_t ifindex) {
    const auto place =
        std::ranges::find(table.interfaces, ifindex, &kernel::RunRecord::WatchedInterface::index);
    return place == table.interfaces.end() ? fmt::format("if{}", ifindex) : place->name;
}

/// One table's flows to the output; `now` is CLOCK_MONOTONIC, `offset` makes it time since 1970.
void print(const kernel::PinnedTable& table, const FlowsOptions& options, Nanoseconds now,
           Nanoseconds offset, output::Output& output) {
    table.flows.scan(0, table.flows.slots(), [&](std::uint32_t slot, const fst_flow& flow) {
        const std::string interface = name_of(table, flow.key.ifindex);
        if (!output.health() || (options.interface && *options.interface != interface)) {
            return;
        }
        const Nanoseconds last(static_cast<std::int64_t>(
            std::max(flow.direction[0].last_ns, flow.direction[1].last_ns)));
        const analysis::FlowRecord record{.slot = flow,
                                .slot_index = slot,
                                .interface = interface,
                                .end = analysis::FlowEnd::open,
                                .wall = now + offset,
                                .start = {},
                                .last = last + offset,
                                .stage = analysis::stage_of(flow)};
        if (options.json) {
            output.write(output::json_of_open_flow(record, offset).dump() + "\n");
        } else {
            output.write(flow_text(record, now));
        }
    });
}

/// What one watch has learned of injectors.
void print_learned(const kernel::PinnedTable& table, const FlowsOptions& options,
                   output::Output& output) {
    for (const net::LearnedSignature& learned : table.learned) {
        output.write(options.json ? output::json_of(learned, table.pid).dump() + "\n"
                                  : fmt::format("process {}: {}, learned {}, last seen {}\n",
                                                table.pid, net::signature_text(learned.signature),
                                                eve_timestamp(learned.learned),
                                                eve_timestamp(learned.seen)));
    }
    if (table.learned.empty() && !options.json) {
        output.write(fmt::format("process {}: {}\n", table.pid,
                                 table.learns ? "nothing learned" : "learns nothing (--no-learn)"));
    }
}

bool watches(const kernel::PinnedTables& running, const std::string& interface) {
    return std::ranges::any_of(running.tables, [&](const kernel::PinnedTable& table) {
        return std::ranges::find(table.interfaces, interface, &kernel::RunRecord::WatchedInterface::name) !=
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
    output::Output output = output::Output::standard_output();
    for (const kernel::PinnedTable& table : running->tables) {
        if (options.learned) {
            print_learned(table, options, output);
        } else {
            print(table, options, now, offset, output);
        }
    }
    if (!output.health() && !output.reader_has_gone()) {
        return log_error(output.health().error(), kFailed);
    }
    return kDone;
}

}  // namespace flowstamp::cmd
