// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/replay_options.h"

#include "user/cmd/common_options.h"

namespace flowstamp::cmd {

namespace {

void add_fail_on(Command& command, ReplayOptions& options) {
    using Kind = std::optional<analysis::FindingKind>;  // nothing: any
    Choices<Kind> kinds{{"any", std::nullopt}};
    for (const analysis::FindingKindEntry& entry : analysis::every_finding_kind()) {
        kinds.emplace_back(entry.name, entry.kind);
    }
    const auto take = [&options](const Kind& kind) {
        if (kind) {
            options.fail_on.push_back(*kind);
        } else {
            options.fail_on_any = true;
        }
    };
    command.repeatable(
        "--fail-on", "KIND", names_of(kinds), choice_of("--fail-on", kinds, take),
        "Exit status 3 when such a finding was reported: any, or a kind; repeatable");
}

}  // namespace

void add_command(CommandLine& line, ReplayOptions& options) {
    Command replay = line.command(ReplayOptions::kCommand,
                                  "The same verdicts from captures: pcap, pcapng, gzip or not");
    replay.words("CAPTURE", options.words,
                 "Captures ('-': standard input), then what to tell, in tcpdump's syntax");
    replay.repeatable("-r,--read", "FILE", options.reads,
                      "A capture, as tcpdump names it; repeatable");
    add_choice<Backend>(replay, "--backend", {{"host", Backend::host}, {"kernel", Backend::kernel}},
                        options.backend,
                        "Where the data path runs: host (default), kernel (the loaded programs; "
                        "root)");
    add_output(replay, options.json, options.output);
    add_fail_on(replay, options);
    add_no_learn(replay, options.learn);
    add_max_flows(replay, options.max_flows);
    add_summarize(replay, options.summarize);
    add_volume(replay, options.quiet, options.verbosity);
}

std::string objection(const ReplayOptions& options) {
    if (options.words.empty() && options.reads.empty()) {
        return "no capture given; name a file, or - for standard input";
    }
    return volume_objection(options.quiet, options.verbosity);
}

}  // namespace flowstamp::cmd
