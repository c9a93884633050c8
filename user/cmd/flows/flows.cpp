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

namespace flowstamp {

namespace {

int refuse(const std::string& line) {
    say(line);
    return kFailed;
}

std::string name_of(const PinnedTable& table, std::uint32_t ifindex) {
    const auto place =
        std::ranges::find(table.interfaces, ifindex, &RunRecord::WatchedInterface::index);
    return place == table.interfaces.end() ? fmt::format("if{}", ifindex) : place->name;
}

/// One table's flows to the output; `now` is CLOCK_MONOTONIC, `offset` makes it time since 1970.
void print(const PinnedTable& table, const FlowsOptions& options, Nanoseconds now,
           Nanoseconds offset, Output& output) {
    table.flows.scan(0, table.flows.slots(), [&](std::uint32_t slot, const fst_flow& flow) {
        const std::string interface = name_of(table, flow.key.ifindex);
        if (!output.health() || (options.interface && *options.interface != interface)) {
            return;
        }
        const Nanoseconds last(static_cast<std::int64_t>(
            std::max(flow.direction[0].last_ns, flow.direction[1].last_ns)));
        const FlowRecord record{.slot = flow,
                                .slot_index = slot,
                                .interface = interface,
                                .end = FlowEnd::open,
                                .wall = now + offset,
                                .start = {},
                                .last = last + offset,
                                .stage = stage_of(flow)};
        if (options.json) {
            output.write(json_of_open_flow(record, offset).dump() + "\n");
        } else {
            output.write(flow_text(record, now));
        }
    });
}

/// What one watch has taught its programs.
void print_lessons(const PinnedTable& table, const FlowsOptions& options, Output& output) {
    for (const LearnedSignature& learned : table.learned) {
        output.write(options.json
                         ? json_of(learned, table.pid).dump() + "\n"
                         : fmt::format("process {}: {}, taught {}, last seen {}\n", table.pid,
                                       signature_text(learned.signature),
                                       eve_timestamp(learned.learned), eve_timestamp(learned.seen)));
    }
    if (table.learned.empty() && !options.json) {
        output.write(fmt::format("process {}: {}\n", table.pid,
                                 table.learns ? "nothing taught" : "teaches nothing (--no-learn)"));
    }
}

bool watches(const PinnedTables& running, const std::string& interface) {
    return std::ranges::any_of(running.tables, [&](const PinnedTable& table) {
        return std::ranges::find(table.interfaces, interface, &RunRecord::WatchedInterface::name) !=
               table.interfaces.end();
    });
}

}  // namespace

int run_flows(const FlowsOptions& options) {
    const auto running = open_pinned_tables();
    if (!running) {
        return log_error(running.error(), kFailed);
    }
    for (const Notice& notice : running->notices) {
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
    Output output = Output::standard_output();
    for (const PinnedTable& table : running->tables) {
        if (options.learned) {
            print_lessons(table, options, output);
        } else {
            print(table, options, now, offset, output);
        }
    }
    if (!output.health() && !output.reader_has_gone()) {
        return log_error(output.health().error(), kFailed);
    }
    return kDone;
}

}  // namespace flowstamp
