// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/demo.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <thread>
#include <vector>

#include "user/base/console.h"
#include "user/base/nearest.h"
#include "user/base/signals.h"
#include "user/cmd/demo/scenario.h"
#include "user/cmd/doctor/check.h"

namespace flowstamp::cmd {
namespace {

using demo::Scenario;

int refuse(std::string_view line, int status) {
    say(fmt::format("demo: {}", line));
    return status;
}

int list_scenarios() {
    for (const Scenario& scenario : demo::scenarios()) {
        fmt::print("{:<16} {}\n", scenario.name, scenario.line);
    }
    return kDone;
}

/// The scenarios requested, in that order; the main one if none was.
std::expected<std::vector<Scenario>, std::string> chosen(const std::vector<std::string>& names) {
    const auto all = demo::scenarios();
    if (names.empty()) {
        return std::vector{all.front()};
    }
    std::vector<Scenario> scenarios;
    for (const std::string& name : names) {
        const auto found = std::ranges::find(all, name, &Scenario::name);
        if (found == all.end()) {
            std::vector<std::string_view> known;
            std::ranges::transform(all, std::back_inserter(known), &Scenario::name);
            const auto meant = nearest(name, known);
            return std::unexpected(
                fmt::format("{}: no such scenario; {} flowstamp demo --list", name,
                            meant ? fmt::format("did you mean '{}'? See", *meant) : "see"));
        }
        scenarios.push_back(*found);
    }
    return scenarios;
}

/// Prints a line for each missing requirement. Returns their number.
int print_missing_requirements() {
    int missing = 0;
    for (const Check& check : check_kernel()) {
        if (check.status == CheckStatus::missing) {
            refuse(fmt::format("{}: {}", check.subject, check.text), kFailed);
            ++missing;
        }
    }
    return missing;
}

/// During its lifetime a terminating signal raises `stop` instead.
class Interruption {
  public:
    explicit Interruption(const lab::StopSignal& stop)
        : thread_([this, &stop] {
              pollfd waiting[] = {{signals_.descriptor(), POLLIN, 0}, {done_.fd(), POLLIN, 0}};
              while (::poll(waiting, std::size(waiting), -1) < 0 && errno == EINTR) {
              }
              if ((waiting[0].revents & POLLIN) != 0) {
                  stop.raise();
              }
          }) {}
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;
    ~Interruption() {
        done_.raise();
        thread_.join();
    }

  private:
    StopSignals signals_;  // first: the thread inherits the blocked signals
    lab::StopSignal done_;
    std::jthread thread_;
};

Status run(const Scenario& scenario, demo::Narrator& narrator, const lab::StopSignal& stop,
           demo::Summary& summary) {
    narrator.line(narrator.style().strong(fmt::format("flowstamp demo: {}", scenario.name)));
    narrator.gap();
    const auto lab = lab::Lab::create({});
    if (!lab) {
        return std::unexpected(lab.error());
    }
    return scenario.run({narrator, *lab, stop}, summary);
}

void close(demo::Narrator& narrator, const demo::Summary& summary, bool is_main) {
    narrator.heading("What happened");
    summary.report(narrator);
    if (summary.is_as_expected()) {
        narrator.line(
            "Every figure comes from the sockets, or from the events of flowstamp watch. The lab "
            "has been removed.");
    }
    if (is_main) {
        narrator.line("There are more scenarios: flowstamp demo --list");
    }
}

}  // namespace

int run_demo(const DemoOptions& options) {
    if (options.list) {
        return list_scenarios();
    }
    const auto scenarios = chosen(options.scenarios);
    if (!scenarios) {
        return refuse(scenarios.error(), kUsage);
    }
    if (::geteuid() != 0) {
        return refuse(
            "needs root, for network namespaces and to load programs into the kernel; run it with "
            "sudo",
            kFailed);
    }
    const lab::StopSignal stop;
    const Interruption interruption(stop);
    if (print_missing_requirements() != 0) {
        return kFailed;
    }
    output::Output output = output::Output::standard_output();
    demo::Narrator narrator(output);
    demo::Summary summary;
    for (const Scenario& scenario : *scenarios) {
        const Status result = run(scenario, narrator, stop, summary);
        if (output.reader_has_gone()) {
            return kDone;
        }
        if (!output.health()) {
            return refuse(output.health().error().message(), kFailed);
        }
        if (stop.raised()) {
            return refuse("interrupted; the lab has been removed", kFailed);
        }
        if (!result) {
            return refuse(result.error().message(), kFailed);
        }
    }
    close(narrator, summary, options.scenarios.empty());
    return summary.is_as_expected() ? kDone : kFailed;
}

}  // namespace flowstamp::cmd
