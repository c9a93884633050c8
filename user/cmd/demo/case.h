// SPDX-License-Identifier: Apache-2.0
//
// A story of connections that fail, and of their mend: the client says something to an echo server,
// again and again, under one `flowstamp watch`; in between, rules come and go on real routers.
//
//     auto story = Case::open(stage, {...}, closing);
//     story->attempt({.name = "before"});
//     story->put(ban, stage.lab.router(2), "iptables -I FORWARD -p tcp --dport 80 -j DROP");
//     story->attempt({.name = "blocked", .outcome = Outcome::TimedOut, .finding = {...}});
//     story->lift(ban);
//     story->attempt({.name = "after"});
//     story->close();
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/cmd/demo/act.h"
#include "user/cmd/demo/closing.h"
#include "user/cmd/demo/watcher.h"
#include "user/lab/exchange.h"
#include "user/lab/firewall.h"

namespace flowstamp::cmd::demo {

/// What is done so long after an attempt has begun.
struct Cue {
    std::chrono::milliseconds after{0};
    std::function<Status()> act;
};

/// What the story says that watch tells.
struct Expected {
    std::string kind{};              ///< of the finding; empty: nothing is told
    std::string resolution{};        ///< what becomes of it; empty: the story does not say
    std::optional<unsigned> hops{};  ///< of the packet that it is about
};

/// One connection: what the client does, and how the story says it fares.
struct Attempt {
    std::string name{};               ///< in the closing table
    lab::ExchangeOptions exchange{};  ///< its server may be left out: the case's
    std::vector<Cue> cues{};          ///< by time
    lab::Outcome outcome = lab::Outcome::Complete;
    Expected finding{};
};

class Case {
  public:
    struct Setting {
        const lab::Namespace& client;
        const lab::Namespace& server;
        lab::Endpoint address;  ///< the server's, as the client calls it
        WatchPlan watch;
    };

    /// Starts the watch. What it refers to outlives it.
    [[nodiscard]] static Result<Case> open(const DemoContext& context, const Setting& setting,
                                           Closing& closing);
    /// The usual setting: the client of the stage's lab watches itself.
    [[nodiscard]] static Setting usual(const DemoContext& context, std::vector<std::string> arguments = {});

    /// Says the command that adds a rule to the host's firewall, and has it done.
    Status put(std::optional<lab::Firewall>& place, const lab::Namespace& host,
               const std::string& command);
    /// Says the command that takes it away, and has it done.
    Status lift(std::optional<lab::Firewall>& rule);

    /// Says a command without quotes, and has it done on the host.
    Status run(const lab::Namespace& host, const std::string& command);
    /// Says that a kernel's setting is changed, and changes it.
    Status set(const lab::Namespace& host, const std::string& key, const std::string& value);

    /// Plays it, tells how the socket fared, and waits for what watch should tell of it. Fails
    /// where the lab does, or the stage's `stop` is raised.
    [[nodiscard]] Status attempt(const Attempt& attempt);

    /// Ends the watch, and enters everything into the closing table: that what was expected was
    /// told, and nothing else.
    Status close();

    [[nodiscard]] const Facts& facts() const { return facts_; }

  private:
    struct Played {
        Attempt plan;
        lab::DownloadReport report;
        std::size_t first_finding;  ///< of those told from its start on, an index into the facts
    };

    Case(const DemoContext& context, const Setting& setting, Closing& closing, Watcher watcher)
        : context_(context), setting_(setting), closing_(closing), watcher_(std::move(watcher)) {}
    Result<lab::DownloadReport> converse(const Attempt& attempt);
    void enter(const Played& played, std::size_t end);

    DemoContext context_;
    Setting setting_;
    Closing& closing_;
    Watcher watcher_;
    std::vector<Played> played_;
    Facts facts_;  ///< as last read
};

/// A case from its beginning to its end: an echo server, the watch, what `play` does, the closing.
/// The watch is ended, and what was played entered, only if all could be played.
[[nodiscard]] Status play_case(const DemoContext& context, const Case::Setting& setting, Closing& closing,
                               const std::function<Status(const DemoContext&, Case&)>& play);

}  // namespace flowstamp::cmd::demo
