// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/flows/flows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "user/base/console.h"
#include "user/cmd/filter_option.h"
#include "user/cmd/flows/flow_ranking.h"
#include "user/cmd/flows/watch_choice.h"
#include "user/kernel/attach/net_namespace.h"
#include "user/kernel/maps/pinned_table.h"
#include "user/net/filter.h"
#include "user/net/stamps.h"
#include "user/output/outputs.h"
#include "user/output/text/counted.h"

namespace flowstamp::cmd {

namespace {

void notify(const kernel::Notices& notices) {
    for (const kernel::Notice& notice : notices) {
        say(notice.text);
    }
}

std::string name_of(const kernel::PinnedTable& table, std::uint32_t ifindex) {
    const auto found =
        std::ranges::find(table.interfaces, ifindex, &kernel::RunRecord::WatchedInterface::index);
    return found == table.interfaces.end() ? fmt::format("if{}", ifindex) : found->name;
}

/// The flows of some watches that the options choose.
class FlowListing {
  public:
    /// All outlive it.
    FlowListing(std::span<const kernel::PinnedTable> tables, const FlowsOptions& options,
                const std::optional<net::Filter>& filter)
        : tables_(tables),
          options_(options),
          filter_(filter),
          now_(clock_.monotonic()),
          offset_(clock_.realtime() - now_) {}

    void print(output::Outputs& output) const {
        FlowRanking ranking(options_.rows.value_or(options_.json ? 0 : FlowsOptions::kRows));
        for (std::uint32_t table = 0; table < tables_.size(); table++) {
            rank(table, ranking);
        }
        const std::uint64_t all = ranking.count();
        const auto places = ranking.take();
        for (const FlowRanking::Place& place : places) {
            print(place, output);
            if (output.is_broken()) {
                return;
            }
        }
        if (all == 0) {
            say(options_.filter.empty() ? "no flow has been seen" : "no flow matches");
        } else if (places.size() < all) {
            say(fmt::format("{} of {}; -n 0 shows all", output::grouped(places.size()),
                            output::counted_grouped(all, "flow")));
        }
    }

  private:
    void rank(std::uint32_t table, FlowRanking& ranking) const {
        const kernel::PinnedTable& its = tables_[table];
        const std::optional<std::uint32_t> interface = interface_of(its);
        // JSON lines stand in the table's order unless asked otherwise.
        const bool is_sorted = options_.sort || !options_.json;
        const FlowOrder order = options_.sort.value_or(FlowOrder::bytes);
        its.flows.scan(0, its.flows.slots(), [&](std::uint32_t slot, const fst_flow& flow) {
            if (wants(flow.key, interface)) {
                ranking.add({.value = is_sorted ? value_of(flow, order, now_) : 0,
                             .table = table,
                             .slot = slot});
            }
        });
    }

    /// The slot may hold another flow by now.
    void print(const FlowRanking::Place& place, output::Outputs& output) const {
        const kernel::PinnedTable& table = tables_[place.table];
        const auto flow = table.flows.read(place.slot);
        if (!flow || !wants(flow->key, interface_of(table))) {
            return;
        }
        const Nanoseconds last(static_cast<std::int64_t>(net::last_packet_ns(*flow)));
        analysis::FlowRecord record{.slot = *flow,
                                    .slot_index = place.slot,
                                    .interface = name_of(table, flow->key.ifindex),
                                    .end = analysis::FlowEnd::open,
                                    .wall = now_ + offset_,
                                    .start = {},
                                    .last = last + offset_,
                                    .stage = analysis::stage_of(*flow)};
        output.consume(output::OpenFlow{std::move(record), offset_});
    }

    /// Its number in this watch's network namespace, if one is chosen by name.
    [[nodiscard]] std::optional<std::uint32_t> interface_of(
        const kernel::PinnedTable& table) const {
        if (!options_.interface) {
            return std::nullopt;
        }
        const auto found = std::ranges::find(table.interfaces, *options_.interface,
                                             &kernel::RunRecord::WatchedInterface::name);
        return found == table.interfaces.end() ? 0 : found->index;
    }

    [[nodiscard]] bool wants(const fst_flow_key& key,
                             const std::optional<std::uint32_t>& interface) const {
        return (!interface || *interface == key.ifindex) && (!filter_ || filter_->matches(key));
    }

    std::span<const kernel::PinnedTable> tables_;
    const FlowsOptions& options_;
    const std::optional<net::Filter>& filter_;
    SystemClock clock_;
    Nanoseconds now_;     ///< CLOCK_MONOTONIC
    Nanoseconds offset_;  ///< converts it to time since 1970
};

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

output::FlowForm form_of(const FlowsOptions& options) {
    if (options.stamps || options.learned) {
        return output::FlowForm::block;
    }
    return options.wide ? output::FlowForm::wide_line : output::FlowForm::line;
}

}  // namespace

int run_flows(const FlowsOptions& options) {
    auto filter = compiled(options.filter);
    if (!filter) {
        return log_error(filter.error(), kUsage);
    }
    auto running = kernel::find_running_watches();
    if (!running) {
        return log_error(running.error(), kFailed);
    }
    notify(running->notices);
    const auto chosen = chosen_watches(std::move(running->watches), options,
                                       kernel::NetNamespace::of_this_thread().inode());
    if (!chosen) {
        return log_error(chosen.error(), kFailed);
    }
    const kernel::PinnedTables opened = kernel::open_pinned_tables(*chosen);
    notify(opened.notices);
    if (opened.tables.empty()) {
        if (opened.notices.empty()) {
            say("the watch has just ended");
        }
        return kFailed;
    }
    if (chosen->size() > 1) {
        say(fmt::format("there are {} watches: {}; choose one with --pid", chosen->size(),
                        watches_text(*chosen)));
    }
    auto output = output::Outputs::open(
        {.json = options.json, .colour = options.colour, .flows = form_of(options)});
    if (!output) {
        return log_error(output.error(), kFailed);
    }
    if (options.learned) {
        for (const kernel::PinnedTable& table : opened.tables) {
            print_learned(table, options, *output);
        }
    } else {
        FlowListing(opened.tables, options, *filter).print(*output);
    }
    if (const Status written = output->status(); !written) {
        return log_error(written.error(), kFailed);
    }
    return kDone;
}

}  // namespace flowstamp::cmd
