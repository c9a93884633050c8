// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/flows/watch_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "user/base/printable.h"

namespace flowstamp::cmd {

namespace {

using kernel::RunningWatch;
using Watches = std::vector<RunningWatch>;

bool watches(const RunningWatch& watch, const std::string& interface) {
    return std::ranges::find(watch.record.interfaces, interface,
                             &kernel::RunRecord::WatchedInterface::name) !=
           watch.record.interfaces.end();
}

std::unexpected<Error> none(std::string object, std::string reason, std::string hint) {
    return fail({.operation = "list the flows",
                 .object = std::move(object),
                 .reason = std::move(reason),
                 .hint = std::move(hint)});
}

}  // namespace

Result<Watches> chosen_watches(Watches running, const FlowsOptions& options, std::uint64_t own) {
    if (running.empty()) {
        return none("", "no watch is running", "start one with flowstamp watch -i IFACE");
    }
    const Watches all = running;
    if (options.pid) {
        std::erase_if(running,
                      [&](const RunningWatch& watch) { return watch.name.pid != *options.pid; });
        if (running.empty()) {
            return none(fmt::format("process {}", *options.pid), "it is no running watch",
                        "there is " + watches_text(all));
        }
    } else if (!options.all_netns) {
        std::erase_if(running, [&](const RunningWatch& watch) { return watch.netns != own; });
        if (running.empty()) {
            return none("", "no watch is running in this network namespace",
                        "--all-netns shows those in others: " + watches_text(all));
        }
    }
    if (options.interface) {
        const Watches here = running;
        std::erase_if(running, [&](const RunningWatch& watch) {
            return !watches(watch, *options.interface);
        });
        if (running.empty()) {
            return none(*options.interface, "not watched",
                        fmt::format("start flowstamp watch -i {}; there is {}", *options.interface,
                                    watches_text(here)));
        }
    }
    return running;
}

std::string watches_text(const Watches& watches) {
    std::vector<std::string> texts;
    for (const RunningWatch& watch : watches) {
        std::vector<std::string> names;
        for (const auto& interface : watch.record.interfaces) {
            names.push_back(printable(interface.name));
        }
        texts.push_back(fmt::format("process {} ({})", watch.name.pid, fmt::join(names, ", ")));
    }
    return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace flowstamp::cmd
