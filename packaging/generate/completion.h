// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "user/cmd/description.h"

namespace flowstamp::packaging {

using Commands = std::vector<cmd::CommandDescription>;

/// Completion of the command line, as a script for that shell. Offers commands, options, words that
/// an option takes, interfaces and files.
[[nodiscard]] std::string bash_completion(const Commands& commands);
[[nodiscard]] std::string zsh_completion(const Commands& commands);
[[nodiscard]] std::string fish_completion(const Commands& commands);

}  // namespace flowstamp::packaging
