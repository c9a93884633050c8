// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/path/path_options.h"

#include "user/cmd/common_options.h"

namespace flowstamp::cmd {

void add_command(CommandLine& line, PathOptions& options) {
    Command path =
        line.command(PathOptions::kCommand,
                     "Where on this host packets stop: hook, table, chain and rule; until Ctrl-C");
    add_interfaces(path, options.interfaces,
                   "An interface that they pass; repeatable; web/eth0 with --netns web");
    path.repeatable(
        "--netns", "NAME|PID", options.netns,
        "Follow them through this network namespace, too: by its name in `ip netns`, or a "
        "process in it; repeatable");
    path.text("FILTER", options.filter, "Which packets to follow, in tcpdump's syntax");
    add_output(path, options.json, options.output);
    add_duration(path, options.duration);
    path.flag("--trace", options.trace,
              "Let nft trace the packets, too, by a table of its own that goes with the run: names "
              "rules that have no counter");
    path.flag("-q,--quiet", options.quiet, "Losses only");
    path.flag("--plain", options.plain, "No live view on a terminal: lines only");
}

std::string objection(const PathOptions& options) {
    return options.interfaces.empty()
               ? "no interface given; name those that the packets pass with -i (`ip link` lists "
                 "them)"
               : "";
}

}  // namespace flowstamp::cmd
