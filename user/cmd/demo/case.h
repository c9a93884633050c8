// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A scenario of connections that fail, and of the fix: a client of an echo server connects several
// times under one `flowstamp watch`, while rules are added and removed on real routers.
//
//     auto scenario = Case::open(context, {...}, summary);
//     scenario->attempt({.name = "before"});
//     scenario->add_rule(rule, router, "iptables -I FORWARD -p tcp --dport 80 -j DROP");
//     scenario->attempt({.name = "blocked", .outcome = Outcome::TimedOut, .finding = {...}});
//     scenario->remove_rule(rule);
//     scenario->attempt({.name = "after"});
//     scenario->close();
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/cmd/demo/download_run.h"
#include "user/cmd/demo/summary.h"
#include "user/cmd/demo/watcher.h"
#include "user/lab/exchange.h"
#include "user/lab/firewall.h"

namespace flowstamp::cmd::demo {

/// Runs during an attempt: at that time after its start, and not before a finding of that kind has
/// been reported since then.
struct TimedAction {
    std::chrono::milliseconds after{0};
    std::function<Status()> run;
    std::string once_reported{};  ///< empty: any time
};

/// The finding that watch should report.
struct Expected {
    std::string kind{};              ///< of the finding; empty: none is expected
    std::string resolution{};        ///< its resolution; empty: any
    std::string verdict{};           ///< "suspected", "confirmed"; empty: any
    std::optional<unsigned> hops{};  ///< of the packet that it is about
};

/// One connection: what the client does, and how it should end.
struct Attempt {
    std::string name{};                  ///< in the summary
    lab::ExchangeOptions exchange{};     ///< without a server: that of the setting
    std::vector<TimedAction> actions{};  ///< in order
    lab::Outcome outcome = lab::Outcome::Complete;
    Expected finding{};
};

class Case {
  public:
    struct Setting {
        const lab::Namespace& client;
        const lab::Namespace& server;
        lab::Endpoint address;  ///< the server's, as used by the client
        WatchPlan watch;
    };

    /// Starts the watch. What it refers to must outlive it.
    [[nodiscard]] static Result<Case> open(const DemoContext& context, const Setting& setting,
                                           Summary& summary);
    /// The usual setting: the client of the lab watches itself.
    [[nodiscard]] static Setting usual(const DemoContext& context,
                                       std::vector<std::string> arguments = {});

    /// Prints the command that adds a rule to the host's firewall, and runs it.
    Status add_rule(std::optional<lab::Firewall>& place, const lab::Namespace& host,
                    const std::string& command);
    /// Prints the command that removes it, and runs it.
    Status remove_rule(std::optional<lab::Firewall>& rule);

    /// Prints a command without quotes, and runs it on the host.
    Status execute(const lab::Namespace& host, const std::string& command);
    /// Prints a command without quotes, runs it on the host, and prints its output.
    Status show(const lab::Namespace& host, const std::string& command);
    /// Prints and makes a sysctl setting.
    Status set(const lab::Namespace& host, const std::string& key, const std::string& value);

    /// Runs it, prints how the socket ended, and waits for the expected finding. Fails if the lab
    /// does, or `stop` is raised.
    [[nodiscard]] Status attempt(const Attempt& attempt);

    /// Ends the watch, and adds everything to the summary: that what was expected was reported, and
    /// nothing else.
    Status close();

    [[nodiscard]] const lab::Endpoint& address() const { return setting_.address; }
    [[nodiscard]] const Facts& facts() const { return facts_; }

  private:
    struct Finished {
        Attempt plan;
        lab::DownloadReport report;
        std::size_t first_finding;  ///< index of the first finding reported since its start
    };

    Case(const DemoContext& context, const Setting& setting, Summary& summary, Watcher watcher)
        : context_(context), setting_(setting), summary_(summary), watcher_(std::move(watcher)) {}
    Result<lab::DownloadReport> converse(const Attempt& attempt, std::size_t first_finding);
    void enter(const Finished& finished, std::size_t end);

    DemoContext context_;
    Setting setting_;
    Summary& summary_;
    Watcher watcher_;
    std::vector<Finished> finished_;
    Facts facts_;  ///< as last parsed
};

/// Runs a case from start to end: an echo server, the watch, `run`, the summary. The watch is
/// ended, and the attempts added to the summary, only if all could be run.
[[nodiscard]] Status run_case(const DemoContext& context, const Case::Setting& setting,
                              Summary& summary,
                              const std::function<Status(const DemoContext&, Case&)>& run);

/// The same with a server that runs already.
[[nodiscard]] Status watch_case(const DemoContext& context, const Case::Setting& setting,
                                Summary& summary,
                                const std::function<Status(const DemoContext&, Case&)>& run);

}  // namespace flowstamp::cmd::demo
