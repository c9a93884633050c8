// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What SIGHUP changes in a running watch: its log is opened again, as its file may have been renamed
// (log rotation), and its configuration file is read again.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "user/cmd/options.h"
#include "user/cmd/watch/watch.h"
#include "user/cmd/watch/watch_options.h"
#include "user/output/outputs.h"

namespace flowstamp::cmd {

/// What is new in a configuration file.
struct ConfigChange {
    WatchOptions options{};               ///< in force from now on
    std::vector<std::string> applied{};   ///< keys, in alphabetical order
    std::vector<std::string> deferred{};  ///< those that need a restart
};

/// What can be applied of `wanted` to a watch that runs with `running` without attaching anew: the
/// filter, unless stamps or packet paths are filtered, too; another name of the log; how much text
/// is printed.
[[nodiscard]] ConfigChange change(const WatchOptions& running, const WatchOptions& wanted);

/// Does what a SIGHUP asks for. A file that cannot be read, or is wrong, changes nothing. Failures, and
/// what has changed, go to `notice`.
void reload(WatchOptions& options, Watch& watch, output::Outputs& outputs,
            const std::function<void(std::string_view)>& notice, const ReadText& read = read_file);

}  // namespace flowstamp::cmd
