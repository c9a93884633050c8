// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/locate/locate_options.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "user/cmd/common_options.h"
#include "user/cmd/locate/wanted_flow.h"

namespace flowstamp::cmd {

void add_command(CommandLine& line, LocateOptions& options) {
    Command locate = line.command(LocateOptions::kCommand,
                                  "Which router stands where the forged reset comes from",
                                  "flowstamp locate '198.51.100.2:55130 > 203.0.113.2:443'");
    locate.text("FLOW", options.flow, "A connection of this host as `flows` prints it");
    locate.option(
        "--finding", "ID",
        [&options](const std::string& text) -> std::string {
            std::uint64_t id = 0;
            const char* end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, id);
            if (error != std::errc{} || stop != end) {
                return fmt::format("--finding {}: not a number; give the finding.id of a JSON log",
                                   text);
            }
            options.finding = id;
            return "";
        },
        "Instead, the connection of this finding in --log FILE");
    locate.option("--log", "FILE", options.log,
                  "JSON lines of the watch that tell the forged reset");
    add_output(locate, options.json, options.output);
    add_colour(locate, options.colour);
    accept_numeric(locate);
}

std::string objection(const LocateOptions& options) {
    if (options.finding && !options.log) {
        return "--finding is a finding of a log; give --log FILE, too";
    }
    if (options.finding.has_value() == !options.flow.empty()) {
        return "which connection? Give either FLOW, as `flowstamp flows` prints it, or --finding "
               "ID";
    }
    if (!options.flow.empty()) {
        const auto flow = parse_flow(options.flow);
        return flow ? "" : flow.error().message();
    }
    return "";
}

}  // namespace flowstamp::cmd
