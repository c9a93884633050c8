// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Options shared by several commands.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "user/analysis/finding.h"
#include "user/base/clock.h"
#include "user/base/nearest.h"
#include "user/cmd/command_line.h"
#include "user/output/style.h"
#include "user/output/text/event_times.h"

namespace flowstamp::cmd {

template <class T>
using Choices = std::vector<std::pair<std::string, T>>;

/// "off, confirmed or suspected".
template <class T>
std::string listed(const Choices<T>& choices) {
    std::string text;
    std::size_t left = choices.size();
    for (const auto& [name, value] : choices) {
        text += name + (left > 2 ? ", " : left == 2 ? " or " : "");
        left--;
    }
    return text;
}

template <class T>
std::vector<std::string> names_of(const Choices<T>& choices) {
    std::vector<std::string> names;
    for (const auto& [name, value] : choices) {
        names.push_back(name);
    }
    return names;
}

/// "did you mean suspected?", or else "choose off, confirmed or suspected".
template <class T>
std::string suggested(const std::string& word, const Choices<T>& choices) {
    const std::vector<std::string> names = names_of(choices);
    const std::vector<std::string_view> words(names.begin(), names.end());
    const auto meant = nearest(word, words);
    return meant ? fmt::format("did you mean {}?", *meant) : "choose " + listed(choices);
}

/// Reads one of the words in `choices`; `take` receives its value.
template <class T, class Take>
Command::Reader choice_of(const std::string& name, const Choices<T>& choices, Take take) {
    return [name, choices, take](const std::string& word) -> std::string {
        const auto choice = std::ranges::find(choices, word, &std::pair<std::string, T>::first);
        if (choice == choices.end()) {
            return fmt::format("{} {}: not known; {}", name, word, suggested(word, choices));
        }
        take(choice->second);
        return "";
    };
}

/// An option whose value is one of a few words.
template <class T>
void add_choice(Command& command, const std::string& name, const Choices<T>& choices, T& value,
                const std::string& help) {
    command.choice(name, names_of(choices),
                   choice_of(name, choices, [&value](T chosen) { value = chosen; }), help);
}

void add_interfaces(Command& command, std::vector<std::string>& interfaces,
                    const std::string& help);
void add_output(Command& command, bool& json, std::optional<std::string>& output);
/// A number of findings after which the run ends.
void add_count(Command& command, std::optional<std::uint64_t>& value);
/// tcpdump's -n: addresses are never looked up here.
void accept_numeric(Command& command);
void add_duration(Command& command, std::optional<Nanoseconds>& value);
void add_max_flows(Command& command, std::uint32_t& value);
void add_no_learn(Command& command, bool& learn);
/// Findings after which the exit status is 3: of some kinds, or any.
void add_fail_on(Command& command, std::vector<analysis::FindingKind>& kinds, bool& any);
void add_colour(Command& command, output::ColourChoice& value);
void add_times(Command& command, output::TimeForm& value);
void add_summarize(Command& command, bool& summarize);
void add_volume(Command& command, bool& quiet, int& verbosity);

/// An error if the options contradict each other; empty if they do not.
[[nodiscard]] std::string volume_objection(bool quiet, int verbosity);

}  // namespace flowstamp::cmd
