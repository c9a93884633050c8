// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/case.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <iterator>
#include <span>
#include <sstream>
#include <utility>

#include "user/cmd/demo/words.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

/// A finding may be reported only after a few seconds of silence.
constexpr auto kReportWithin = 6s;

/// Raises a signal on destruction.
class RaiseAtEnd {
  public:
    explicit RaiseAtEnd(const lab::StopSignal& signal) : signal_(signal) {}
    RaiseAtEnd(const RaiseAtEnd&) = delete;
    RaiseAtEnd& operator=(const RaiseAtEnd&) = delete;
    ~RaiseAtEnd() { signal_.raise(); }

  private:
    const lab::StopSignal& signal_;
};

bool is_met(const Expected& expected, const FindingFact& finding) {
    return finding.kind == expected.kind &&
           (expected.resolution.empty() || finding.resolution == expected.resolution) &&
           (expected.verdict.empty() || finding.verdict == expected.verdict);
}

/// "stalled, recovered".
std::string reported_text(const std::string& kind, const std::string& resolution) {
    return resolution.empty() ? kind : fmt::format("{}, {}", kind, resolution);
}

std::span<const FindingFact> from(const Facts& facts, std::size_t first) {
    return std::span(facts.findings).subspan(std::min(first, facts.findings.size()));
}

/// Whether one of this kind is among those from `first` on.
bool has_kind(const Facts& facts, std::size_t first, const std::string& kind) {
    return std::ranges::any_of(from(facts, first),
                               [&](const FindingFact& finding) { return finding.kind == kind; });
}

Argv words_of(const std::string& command) {
    std::istringstream words(command);
    return {std::istream_iterator<std::string>(words), {}};
}

}  // namespace

Case::Setting Case::usual(const DemoContext& context, std::vector<std::string> arguments) {
    const lab::Namespace& client = context.lab.client();
    return {.client = client,
            .server = context.lab.server(),
            .address = {context.lab.server().address(), lab::ServerOptions{}.port},
            .watch = {client, {client.toward(lab::Side::Server).name}, std::move(arguments)}};
}

Result<Case> Case::open(const DemoContext& context, const Setting& setting, Summary& summary) {
    auto watcher = Watcher::start(setting.watch, context.narrator, context.stop);
    if (!watcher) {
        return std::unexpected(watcher.error());
    }
    return Case(context, setting, summary, std::move(*watcher));
}

Status Case::add_rule(std::optional<lab::Firewall>& place, const lab::Namespace& host,
                      const std::string& command) {
    context_.narrator.command(command, host.role());
    auto rule = lab::Firewall::apply(host, command);
    if (!rule) {
        return std::unexpected(rule.error());
    }
    place.emplace(std::move(*rule));
    return {};
}

Status Case::remove_rule(std::optional<lab::Firewall>& rule) {
    context_.narrator.command(rule->removal(), rule->host().role());
    return rule->remove();
}

Status Case::execute(const lab::Namespace& host, const std::string& command) {
    context_.narrator.command(command, host.role());
    return host.require(words_of(command));
}

Status Case::show(const lab::Namespace& host, const std::string& command) {
    context_.narrator.command(command, host.role());
    const auto output = host.exec(words_of(command));
    if (!output) {
        return std::unexpected(output.error());
    }
    context_.narrator.quote(output->out);
    return {};
}

Status Case::set(const lab::Namespace& host, const std::string& key, const std::string& value) {
    context_.narrator.command(fmt::format("sysctl -w {}={}", key, value), host.role());
    return host.set_sysctl(key, value);
}

/// Runs the client's exchange in its own thread, and the timed actions in this one.
Result<lab::DownloadReport> Case::converse(const Attempt& attempt, std::size_t first_finding) {
    lab::ExchangeOptions options = attempt.exchange;
    if (options.server.port == 0) {
        options.server = setting_.address;
    }
    const lab::StopSignal over;
    options.stop = &over;
    std::future<lab::DownloadReport> talk;  // its destructor waits for the thread
    const RaiseAtEnd raise(over);
    const auto started = lab::SteadyClock::now();
    talk = std::async(std::launch::async,
                      [this, options] { return lab::exchange(setting_.client, options); });
    Status acted;
    auto action = attempt.actions.begin();
    const auto is_due = [&](const TimedAction& next, const Facts& facts) {
        return lab::SteadyClock::now() >= started + next.after &&
               (next.once_reported.empty() || has_kind(facts, first_finding, next.once_reported));
    };
    const auto act_when_due = [&](const Facts& facts) {
        while (acted && action != attempt.actions.end() && is_due(*action, facts)) {
            watcher_.relay();
            acted = (action++)->run();
        }
        return !acted || talk.wait_for(0s) == std::future_status::ready;
    };
    const bool is_over = watcher_.wait_for(act_when_due, options.timeout + 10s, context_.stop);
    if (!acted) {
        return std::unexpected(acted.error());
    }
    if (context_.stop.raised()) {
        return fail_errno("converse", "server", ECANCELED);
    }
    if (!is_over) {
        const Status ended = watcher_.stop();
        return ended ? fail({.operation = "watch", .object = "client", .reason = "it ended early"})
                     : std::unexpected(ended.error());
    }
    return talk.get();
}

Status Case::attempt(const Attempt& attempt) {
    facts_ = watcher_.facts();
    const std::size_t first = facts_.findings.size();
    auto report = converse(attempt, first);
    if (!report) {
        return std::unexpected(report.error());
    }
    if (!attempt.finding.kind.empty()) {
        const auto is_reported = [&](const Facts& facts) {
            return std::ranges::any_of(from(facts, first), [&](const FindingFact& finding) {
                return is_met(attempt.finding, finding);
            });
        };
        watcher_.wait_for(is_reported, kReportWithin, context_.stop);
        if (context_.stop.raised()) {
            return fail_errno("watch", "conversation", ECANCELED);
        }
    }
    context_.narrator.gap();
    context_.narrator.outcome(conversation_sentence(attempt.exchange, *report),
                              is_complete(*report));
    finished_.push_back({attempt, *report, first});
    finished_.back().plan.actions.clear();  // what they refer to may be destroyed before the case
    return {};
}

Status Case::close() {
    const Status ended = watcher_.stop();
    context_.narrator.gap();
    facts_ = watcher_.facts();
    for (std::size_t i = 0; i < finished_.size(); ++i) {
        const bool is_last = i + 1 == finished_.size();
        enter(finished_[i], is_last ? facts_.findings.size() : finished_[i + 1].first_finding);
    }
    return ended;
}

/// Adds the attempt with its findings: from its first one to `end`, the next attempt's first one.
void Case::enter(const Finished& finished, std::size_t end) {
    const Attempt& plan = finished.plan;
    std::string reported;
    const FindingFact* expected = nullptr;
    for (const FindingFact& finding :
         from(facts_, finished.first_finding).first(end - finished.first_finding)) {
        reported += fmt::format("{}{}", reported.empty() ? "" : "; ",
                                reported_text(finding.kind, finding.resolution));
        if (finding.kind != plan.finding.kind) {
            summary_.expect(plan.name, false,
                            fmt::format("watch claims {}: {}", finding.kind, finding.summary));
        } else if (expected == nullptr || is_met(plan.finding, finding)) {
            expected = &finding;
        }
    }
    summary_.add(ConversationRow{.attempt = plan.name,
                                 .socket = conversation_text(finished.report),
                                 .reported = reported.empty() ? "-" : reported});
    summary_.expect(plan.name, finished.report.outcome == plan.outcome,
                    conversation_sentence(plan.exchange, finished.report));
    if (plan.finding.kind.empty()) {
        return;
    }
    const std::string what = reported_text(plan.finding.kind, plan.finding.resolution);
    summary_.expect(plan.name, expected != nullptr && is_met(plan.finding, *expected),
                    fmt::format("watch does not report {}", what));
    summary_.expect(
        plan.name, expected == nullptr || !plan.finding.hops || expected->hops == plan.finding.hops,
        fmt::format("the {} is not {} hops away", plan.finding.kind,
                    plan.finding.hops.value_or(0)));
}

Status run_case(const DemoContext& context, const Case::Setting& setting, Summary& summary,
                const std::function<Status(const DemoContext&, Case&)>& run) {
    const auto server = lab::Server::start(setting.server, {.service = lab::Service::Echo});
    if (!server) {
        return std::unexpected(server.error());
    }
    return watch_case(context, setting, summary, run);
}

Status watch_case(const DemoContext& context, const Case::Setting& setting, Summary& summary,
                  const std::function<Status(const DemoContext&, Case&)>& run) {
    auto scenario = Case::open(context, setting, summary);
    if (!scenario) {
        return std::unexpected(scenario.error());
    }
    const Status result = run(context, *scenario);
    return result ? scenario->close() : result;
}

}  // namespace flowstamp::cmd::demo
