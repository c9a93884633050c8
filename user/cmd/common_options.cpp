// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/common_options.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "flowstamp/config.h"
#include "user/base/time_text.h"

namespace flowstamp::cmd {

void add_interfaces(Command& command, std::vector<std::string>& interfaces,
                    const std::string& help) {
    command.repeatable("-i,--interface", "IFACE", interfaces, help);
}

void add_output(Command& command, bool& json, std::optional<std::string>& output) {
    command.flag("--json", json, "JSON lines instead of text");
    command.option("-o,--output", "FILE", output, "To a file, or to the socket unix:PATH");
}

void add_count(Command& command, std::optional<std::uint64_t>& value) {
    command.option(
        "-c,--count", "N",
        [&value](const std::string& text) -> std::string {
            std::uint64_t findings = 0;
            const char* end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, findings);
            if (error != std::errc{} || stop != end || findings == 0) {
                return fmt::format("-c {}: not a number of findings; choose 1 or more", text);
            }
            value = findings;
            return "";
        },
        "End after so many findings");
}

void accept_numeric(Command& command) {
    command.accepted_flag("-n");
}

void add_duration(Command& command, std::optional<Nanoseconds>& value) {
    command.option(
        "--duration", "TIME",
        [&value](const std::string& text) -> std::string {
            const auto duration = parse_duration(text);
            if (!duration) {
                return "--duration " + duration.error().message();
            }
            if (*duration == Nanoseconds::zero()) {
                return "--duration 0: nothing would be seen; give a length like 10s";
            }
            value = *duration;
            return "";
        },
        "End after this long (500ms, 10s, 5m, 2h)");
}

void add_max_flows(Command& command, std::uint32_t& value) {
    command.option(
        "--max-flows", "N",
        [&value](const std::string& text) -> std::string {
            std::uint32_t flows = 0;
            const char* end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, flows);
            if (error != std::errc{} || stop != end || flows < FST_FLOWS_MIN ||
                flows > FST_FLOWS_MAX) {
                return fmt::format(
                    "--max-flows {}: not a number of flows that can be held; choose {} to {}", text,
                    FST_FLOWS_MIN, FST_FLOWS_MAX);
            }
            value = flows;
            return "";
        },
        fmt::format("Flows held at once (default {}, 500 bytes each)", FST_FLOWS_DEFAULT));
}

void add_no_learn(Command& command, bool& learn) {
    command.off_flag("--no-learn", learn, "Learn no signatures of confirmed injectors");
}

void add_fail_on(Command& command, std::vector<analysis::FindingKind>& kinds, bool& any) {
    using Kind = std::optional<analysis::FindingKind>;  // nothing: any
    Choices<Kind> choices{{"any", std::nullopt}};
    for (const analysis::FindingKindEntry& entry : analysis::every_finding_kind()) {
        choices.emplace_back(entry.name, entry.kind);
    }
    const auto take = [&kinds, &any](const Kind& kind) {
        if (kind) {
            kinds.push_back(*kind);
        } else {
            any = true;
        }
    };
    command.repeatable("--fail-on", "KIND", names_of(choices),
                       choice_of("--fail-on", choices, take),
                       "Exit status 3 after such a finding, or any; repeatable");
}

void add_colour(Command& command, output::ColourChoice& value) {
    using output::ColourChoice;
    add_choice<ColourChoice>(command, "--color",
                             {{"auto", ColourChoice::automatic},
                              {"always", ColourChoice::always},
                              {"never", ColourChoice::never}},
                             value, "Colours: auto (default: on a terminal), always, never");
}

void add_times(Command& command, output::TimeForm& value) {
    using output::TimeForm;
    add_choice<TimeForm>(
        command, "--time",
        {{"local", TimeForm::local}, {"utc", TimeForm::utc}, {"relative", TimeForm::relative}},
        value, "Times: local (default), utc, relative to the first");
}

void add_summarize(Command& command, bool& summarize) {
    command.flag("--summarize", summarize, "Of findings of one cause the first and the number");
}

void add_volume(Command& command, bool& quiet, int& verbosity) {
    command.flag("-q,--quiet", quiet, "Findings only");
    command.flag("-v,--verbose", verbosity, "Flows at their end and statistics, too");
}

std::string volume_objection(bool quiet, int verbosity) {
    return quiet && verbosity > 0 ? "--quiet and -v contradict each other; choose one" : "";
}

}  // namespace flowstamp::cmd
