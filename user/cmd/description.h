// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The command line as data, for what is made from it: manual, completion, configuration file.
#pragma once

#include <string>
#include <vector>

namespace flowstamp::cmd {

struct OptionDescription {
    std::string name{};                  ///< "--max-flows"; of positional arguments: "FILTER"
    std::string letter{};                ///< "-o"; empty: none
    std::string type{};                  ///< of its value: "FILE"; empty: a flag
    std::vector<std::string> choices{};  ///< the words that it takes; empty: others, too
    std::string help{};
    bool is_repeatable = false;
    bool is_positional = false;
    bool is_rare = false;  ///< only in the long help

    /// Its name in a configuration file: "max-flows", "filter".
    [[nodiscard]] std::string key() const;
};

struct CommandDescription {
    std::string name{};
    std::string help{};
    std::string example{};                     ///< a command line that somebody would use
    std::vector<OptionDescription> options{};  ///< without hidden ones, in the order of the help
};

}  // namespace flowstamp::cmd
