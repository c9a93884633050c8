// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/compare/compare_options.h"

#include <algorithm>

#include "user/cmd/common_options.h"

namespace flowstamp::cmd {

void add_command(CommandLine& line, CompareOptions& options) {
    Command compare = line.command(CompareOptions::kCommand,
                                   "Captures of both sides of a path: what happened between",
                                   "flowstamp compare client.pcap server.pcap");
    compare.words("CAPTURE", options.captures,
                  "Two or more captures, or files of stamps, along the path");
    add_output(compare, options.json, options.output);
    compare.option("--report", "FILE", options.report,
                   "A page of it for the browser, with drawings");
    add_fail_on(compare, options.fail_on, options.fail_on_any);
    add_summarize(compare, options.summarize);
    add_colour(compare, options.colour);
    add_times(compare, options.times);
    add_volume(compare, options.quiet, options.verbosity);
    accept_numeric(compare);
}

std::string objection(const CompareOptions& options) {
    if (options.captures.size() < 2) {
        return "two captures are needed, one of each side of the path; name two files";
    }
    if (std::ranges::count(options.captures, "-") > 1) {
        return "standard input can be only one of the captures; name a file for the other";
    }
    if (options.report && options.report == options.output.value_or("-")) {
        return "--report names the file that the text goes to; choose two";
    }
    return volume_objection(options.quiet, options.verbosity);
}

}  // namespace flowstamp::cmd
