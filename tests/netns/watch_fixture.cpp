// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/netns/watch_fixture.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <stdexcept>

#include "user/cmd/evidence_option.h"
#include "user/cmd/watch/live_evidence.h"
#include "user/net/endpoint.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::lab {
namespace {

constexpr std::uint16_t kServerPort = 80;

/// Most updates are the first of their id, most others belong to a recent one: thousands need no
/// search.
template <class T>
void remember(std::vector<Updates<T>>& all, const T& news) {
    const auto known = news.again
                           ? std::ranges::find(all.rbegin(), all.rend(), news.id,
                                               [](const Updates<T>& updates) -> std::uint64_t {
                                                   return updates.first.id;
                                               })
                           : all.rend();
    if (known == all.rend()) {
        all.push_back({news, news});
    } else {
        known->last = news;
    }
}

std::string signals(const std::vector<analysis::Evidence>& evidence) {
    std::string text;
    for (const analysis::Evidence& piece : evidence) {
        text += fmt::format(" {}", analysis::name_of(piece.signal));
    }
    return text;
}

}  // namespace

std::vector<Updates<analysis::Reset>> WatchLog::server_resets() const {
    std::vector<Updates<analysis::Reset>> chosen;
    std::ranges::copy_if(resets, std::back_inserter(chosen),
                         [](const Updates<analysis::Reset>& reset) {
                             return net::sender_of(reset.first.sighting.packet).port == kServerPort;
                         });
    return chosen;
}

std::string WatchLog::text() const {
    std::string text;
    for (const auto& [first, last] : resets) {
        text += fmt::format("reset {} from {} seq {}: {} -> {}, {}, {}, {}{}, passed as {};{}\n",
                            first.id, net::sender_of(first.sighting.packet).text(),
                            first.sighting.packet.seq,
                            analysis::name_of(static_cast<fst_verdict>(first.judgement.verdict)),
                            analysis::name_of(static_cast<fst_verdict>(last.judgement.verdict)),
                            analysis::name_of(static_cast<fst_cause>(last.judgement.cause)),
                            analysis::name_of(static_cast<fst_action>(last.judgement.action)),
                            analysis::name_of(static_cast<fst_challenge>(last.judgement.challenge)),
                            last.answers ? fmt::format(" (answers {})", *last.answers) : "",
                            last.judgement.pass_reason, signals(last.evidence));
    }
    for (const auto& [first, last] : findings) {
        text += fmt::format("finding {}: {} -> {}, {} resets: {}\n", first.id,
                            analysis::name_of(first.verdict), analysis::name_of(last.verdict),
                            last.resets, output::summary_text(last));
    }
    for (const std::string& notice : notices) {
        text += fmt::format("notice: {}\n", notice);
    }
    return text;
}

class LiveWatch::Collector final : public output::Consumer {
  public:
    void consume(const output::Event& event) override {
        if (evidence_ != nullptr) {
            evidence_->consume(event);
        }
        change([&](WatchLog& log) {
            std::visit(
                output::Handle{
                    [&](const analysis::Reset& item) { remember(log.resets, item); },
                    [&](const analysis::Finding& item) { remember(log.findings, item); },
                    [&](const analysis::Middlebox& item) { log.middleboxes.push_back(item); },
                    [&](const analysis::FlowRecord& item) { log.flows.push_back(item); },
                    [&](const analysis::Stats& item) { log.summary = item; },
                    [&](const analysis::Summary& item) { log.summary = item.stats; },
                    [](const auto&) {}},
                event);
        });
    }
    /// Receives the events as well, from now on.
    void add(cmd::LiveEvidence& evidence) { evidence_ = &evidence; }
    void notice(std::string_view line) {
        change([&](WatchLog& log) { log.notices.emplace_back(line); });
    }

    bool wait_for(const std::function<bool(const WatchLog&)>& enough,
                  std::chrono::milliseconds timeout) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, timeout, [&] { return enough(log_); });
    }
    WatchLog take() {
        const std::lock_guard lock(mutex_);
        return std::move(log_);
    }

  private:
    void change(const std::function<void(WatchLog&)>& how) {
        {
            const std::lock_guard lock(mutex_);
            how(log_);
        }
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    WatchLog log_;
    cmd::LiveEvidence* evidence_ = nullptr;
};

LiveWatch::LiveWatch(const lab::Namespace& host, const cmd::WatchOptions& options)
    : collector_(std::make_unique<Collector>()) {
    std::promise<void> attached;
    std::future<void> ready = attached.get_future();
    running_ = std::async(std::launch::async,
                          [this, &host, options, promise = std::move(attached)]() mutable {
                              run(host, options, promise);
                          });
    ready.get();
}

LiveWatch::~LiveWatch() {
    stop_.raise();
}

void LiveWatch::run(const lab::Namespace& host, const cmd::WatchOptions& options,
                    std::promise<void>& attached) {
    const SystemClock clock;
    std::optional<cmd::LiveEvidence> evidence;  // outlives the watch, whose thread uses it
    std::optional<cmd::Watch> watch;
    try {
        host.enter();
        std::optional<net::Filter> filter;
        if (!options.filter.empty()) {
            filter = require(net::Filter::compile(options.filter));
        }
        if (options.evidence.folder) {
            evidence.emplace(require(output::EvidenceFolder::open(*options.evidence.folder,
                                                                  options.evidence.limits)),
                             require(cmd::open_anonymizer(options.evidence)));
            collector_->add(*evidence);
        }
        watch.emplace(require(cmd::Watch::start(
            options, std::move(filter),
            {.output = *collector_,
             .clock = clock,
             .notice = [this](std::string_view line) { collector_->notice(line); },
             .evidence = evidence ? &*evidence : nullptr})));
    } catch (...) {
        attached.set_exception(std::current_exception());
        return;
    }
    attached.set_value();
    while (!stop_.raised()) {
        pollfd waiting[] = {{stop_.fd(), POLLIN, 0}, {watch->descriptor(), POLLIN, 0}};
        ::poll(waiting, std::size(waiting), 100);
        if (const Status turned = watch->poll(); !turned) {
            throw std::runtime_error(turned.error().message());
        }
    }
    if (const Status finished = watch->finish(); !finished) {
        throw std::runtime_error(finished.error().message());
    }
    if (const Status written = evidence ? evidence->finish() : Status{}; !written) {
        throw std::runtime_error(written.error().message());
    }
}

bool LiveWatch::wait_for(const std::function<bool(const WatchLog&)>& enough,
                         std::chrono::milliseconds timeout) const {
    return collector_->wait_for(enough, timeout);
}

WatchLog LiveWatch::stop() {
    stop_.raise();
    running_.get();
    return collector_->take();
}

LiveWatch& WatchTest::watch(cmd::WatchOptions options) {
    return watch(lab().client(), {lab().client().toward(lab::Side::Server).name},
                 std::move(options));
}

LiveWatch& WatchTest::watch(const lab::Namespace& host, const std::vector<std::string>& interfaces,
                            cmd::WatchOptions options) {
    options.interfaces = interfaces;
    watch_ = std::make_unique<LiveWatch>(host, options);
    return *watch_;
}

bool WatchTest::wait_for_resets(std::size_t count) {
    return watch_->wait_for(
        [&](const WatchLog& log) { return log.server_resets().size() >= count; }, 2s);
}

}  // namespace flowstamp::lab
