// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/flows/flows_options.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "user/cmd/common_options.h"

namespace flowstamp::cmd {

namespace {

/// Reads a whole number of at least `least`.
template <class T>
Command::Reader number(const std::string& name, T least, std::optional<T>& value) {
    return [=, &value](const std::string& text) -> std::string {
        T given = 0;
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, given);
        if (error != std::errc{} || stop != end || given < least) {
            return fmt::format("{} {}: not a number; choose {} or more", name, text, least);
        }
        value = given;
        return "";
    };
}

void add_sort(Command& command, std::optional<FlowOrder>& sort) {
    const Choices<FlowOrder> orders{{"bytes", FlowOrder::bytes},
                                    {"packets", FlowOrder::packets},
                                    {"age", FlowOrder::age},
                                    {"rtt", FlowOrder::rtt},
                                    {"resets", FlowOrder::resets}};
    command.option("--sort", "WORD",
                   choice_of("--sort", orders, [&sort](FlowOrder order) { sort = order; }),
                   "Order: bytes (default), packets, age, rtt, resets");
}

}  // namespace

void add_command(CommandLine& line, FlowsOptions& options) {
    Command flows = line.command(FlowsOptions::kCommand, "The flows of a running watch, one a line",
                                 "flowstamp flows --sort rtt -n 20 'port 443'");
    flows.text("FILTER", options.filter, "Which flows, in tcpdump's syntax");
    flows.option("-i,--interface", "IFACE", options.interface, "Only those of this interface");
    flows.option("--pid", "PID", number("--pid", std::int32_t{1}, options.pid),
                 "Only those of this process's watch");
    flows.flag("--all-netns", options.all_netns, "Also of watches in other network namespaces");
    add_sort(flows, options.sort);
    flows.option(
        "-n", "N", number("-n", std::size_t{0}, options.rows),
        fmt::format("At most so many (default {}; with --json, or 0: all)", FlowsOptions::kRows));
    flows.flag("--wide", options.wide, "Longer lines: interface, and both directions");
    flows.flag("--stamps", options.stamps, "Several lines a flow, with its latest stamps");
    flows.flag("--learned", options.learned,
               "Instead, the signatures learned of confirmed injectors");
    flows.hidden_flag("--taught", options.learned);  // its former name
    add_colour(flows, options.colour);
    flows.flag("--json", options.json, "JSON lines instead of text; with stamps");
}

std::string objection(const FlowsOptions& options) {
    if (options.wide && options.stamps) {
        return "--wide and --stamps contradict each other; choose one";
    }
    if (options.json && (options.wide || options.stamps)) {
        return "--json has all that --wide and --stamps show; leave them out";
    }
    const bool chooses_flows =
        !options.filter.empty() || options.sort || options.rows || options.wide || options.stamps;
    if (options.learned && chooses_flows) {
        return "--learned lists no flows; leave out what chooses or shows them";
    }
    return "";
}

}  // namespace flowstamp::cmd
