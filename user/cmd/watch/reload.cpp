// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/reload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "user/cmd/filter_option.h"

namespace flowstamp::cmd {

namespace {

/// The keys that stand in one of them only, or say something else there.
std::vector<std::string> changed_keys(const WatchOptions& running, const WatchOptions& wanted) {
    std::set<std::string> keys;
    for (const auto* settings : {&running.settings, &wanted.settings}) {
        for (const auto& [key, values] : *settings) {
            keys.insert(key);
        }
    }
    std::erase_if(keys, [&](const std::string& key) {
        const auto before = running.settings.find(key);
        const auto after = wanted.settings.find(key);
        return before != running.settings.end() && after != wanted.settings.end() &&
               before->second == after->second;
    });
    return {keys.begin(), keys.end()};
}

/// Takes one option over; false if that is not possible while the watch runs.
bool apply(const std::string& key, WatchOptions& options, const WatchOptions& wanted) {
    if (key == "log" && options.log && wanted.log) {
        options.log = wanted.log;
    } else if (key == "filter" && !options.stamps && !options.path) {
        options.filter = wanted.filter;
    } else if (key == "quiet") {
        options.quiet = wanted.quiet;
    } else if (key == "verbose") {
        options.verbosity = wanted.verbosity;
    } else {
        return false;
    }
    return true;
}

/// What the file says now. Fails if it is wrong.
Result<WatchOptions> read_again(const WatchOptions& running, const ReadText& read) {
    auto parsed = parse(running.arguments, read);
    if (!parsed) {
        return fail({.reason = parsed.error().line});
    }
    return std::get<WatchOptions>(*std::move(parsed));
}

Status apply_config(WatchOptions& options, Watch& watch, output::Outputs& outputs,
                    const std::function<void(std::string_view)>& notice, const ReadText& read) {
    const auto wanted = read_again(options, read);
    if (!wanted) {
        return std::unexpected(wanted.error());
    }
    ConfigChange its = change(options, *wanted);
    auto filter = compiled(its.options.filter);
    if (!filter) {
        return std::unexpected(std::move(filter).error());
    }
    if (!its.applied.empty()) {
        notice(fmt::format("{}: applied: {}", *options.config, fmt::join(its.applied, ", ")));
    }
    if (!its.deferred.empty()) {
        notice(fmt::format("{}: changed, but applied at the next start only: {}", *options.config,
                           fmt::join(its.deferred, ", ")));
    }
    options = std::move(its.options);
    watch.set_filter(*std::move(filter));
    outputs.set_detail(options.quiet, options.verbosity);
    return {};
}

}  // namespace

ConfigChange change(const WatchOptions& running, const WatchOptions& wanted) {
    ConfigChange its{.options = running, .applied = {}, .deferred = {}};
    for (const std::string& key : changed_keys(running, wanted)) {
        if (!apply(key, its.options, wanted)) {
            its.deferred.push_back(key);
            continue;
        }
        its.applied.push_back(key);
        if (const auto now = wanted.settings.find(key); now != wanted.settings.end()) {
            its.options.settings[key] = now->second;
        } else {
            its.options.settings.erase(key);
        }
    }
    return its;
}

void reload(WatchOptions& options, Watch& watch, output::Outputs& outputs,
            const std::function<void(std::string_view)>& notice, const ReadText& read) {
    if (options.config) {
        if (const Status applied = apply_config(options, watch, outputs, notice, read); !applied) {
            notice(fmt::format("{}; the watch goes on as before", applied.error().message()));
        }
    }
    if (options.log) {
        if (const Status reopened = outputs.reopen_log(*options.log); !reopened) {
            notice(fmt::format("{}; the watch writes on to the former file",
                               reopened.error().message()));
        }
    }
}

}  // namespace flowstamp::cmd
