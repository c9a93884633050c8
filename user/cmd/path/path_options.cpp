// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/path/path_options.h"

#include "user/cmd/common_options.h"

namespace flowstamp::cmd {

void add_command(CommandLine& line, PathOptions& options) {
    Command path = line.command(PathOptions::kCommand,
                                "Where on this host packets stop: hook, table, chain, rule",
                                "flowstamp path -i eth2 -i eth0 'tcp port 10174'");
    add_interfaces(path, options.interfaces,
                   "Interface that they pass (web/eth0 with --netns web)");
    path.repeatable("--netns", "NAME|PID", options.netns,
                    "Another namespace: its `ip netns` name, or a process");
    path.text("FILTER", options.filter, "Which packets to follow, in tcpdump's syntax");
    add_output(path, options.json, options.output);
    add_duration(path, options.duration);
    path.flag("--trace", options.trace, "Name nft rules without counters, too: adds a table");
    path.flag("-q,--quiet", options.quiet, "Losses only");
    add_colour(path, options.colour);
    add_times(path, options.times);
    path.flag("--plain", options.plain, "No live view on a terminal: lines only");
    accept_numeric(path);
}

std::string objection(const PathOptions& options) {
    return options.interfaces.empty()
               ? "no interface given; name those that the packets pass with -i (`ip link` lists "
                 "them)"
               : "";
}

}  // namespace flowstamp::cmd
