// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/replay_options.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "flowstamp/config.h"
#include "user/cmd/common_options.h"

namespace flowstamp::cmd {

namespace {

void add_snap_length(Command& command, std::uint32_t& value) {
    command.option(
        "--snaplen", "N",
        [&value](const std::string& text) -> std::string {
            std::uint32_t bytes = 0;
            const char* end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, bytes);
            if (error != std::errc{} || stop != end || bytes == 0 || bytes > FST_SNAP_BYTES) {
                return fmt::format("--snaplen {}: not a number of bytes; choose 1 to {}", text,
                                   FST_SNAP_BYTES);
            }
            value = bytes;
            return "";
        },
        fmt::format("Evidence: bytes of a packet, up to {} (default: headers)", FST_SNAP_BYTES));
}

}  // namespace

void add_command(CommandLine& line, ReplayOptions& options) {
    Command replay = line.command(ReplayOptions::kCommand,
                                  "The same verdicts from captures: pcap, pcapng, gzip or not",
                                  "flowstamp replay trace.pcap 'host 192.0.2.1'");
    replay.words("CAPTURE", options.words, "Captures ('-': standard input), then a filter");
    replay.repeatable("-r,--read", "FILE", options.reads, "A capture, as with tcpdump; repeatable");
    add_choice<Backend>(replay, "--backend", {{"host", Backend::host}, {"kernel", Backend::kernel}},
                        options.backend, "Data path: host (default), or kernel (needs root)");
    add_output(replay, options.json, options.output);
    add_evidence(replay, options.evidence);
    add_fail_on(replay, options.fail_on, options.fail_on_any);
    add_count(replay, options.count);
    add_volume(replay, options.quiet, options.verbosity);
    replay.rare_from_here();
    add_no_learn(replay, options.learn);
    add_max_flows(replay, options.max_flows);
    add_summarize(replay, options.summarize);
    add_evidence_max(replay, options.evidence);
    add_anonymize(replay, options.evidence);
    add_snap_length(replay, options.snap_bytes);
    add_colour(replay, options.colour);
    add_times(replay, options.times);
    accept_numeric(replay);
    replay.refused_option("-w", [](const std::string& file) {
        return fmt::format("-w {0}: replay writes a report, not packets; did you mean `-o {0}`?",
                           file);
    });
}

std::string objection(const ReplayOptions& options) {
    if (options.words.empty() && options.reads.empty()) {
        return "no capture given; name a file, or - for standard input";
    }
    if (options.snap_bytes != 0 && !options.evidence.folder) {
        return "--snaplen is about evidence; give --evidence DIR as well";
    }
    if (options.snap_bytes != 0 && options.evidence.anonymize) {
        return "--snaplen keeps what was said, and that may hold addresses; leave it out with "
               "--anonymize";
    }
    if (const std::string wrong = objection(options.evidence); !wrong.empty()) {
        return wrong;
    }
    return volume_objection(options.quiet, options.verbosity);
}

}  // namespace flowstamp::cmd
