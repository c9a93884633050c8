// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "user/base/journal.h"
#include "user/output/json/json_output.h"
#include "user/output/text/flow_list.h"
#include "user/output/text/text_output.h"
#include "user/output/vendor_names.h"
#include "user/output/view/watch_live.h"

namespace flowstamp::output {

namespace {

template <class Each>
std::vector<Consumer*> pointers(const std::vector<std::unique_ptr<Each>>& consumers) {
    std::vector<Consumer*> all;
    all.reserve(consumers.size());
    for (const auto& consumer : consumers) {
        all.push_back(consumer.get());
    }
    return all;
}

/// Whether standard output gets text. It is then the last of the outputs.
bool prints_text(const OutputChoice& choice) {
    return choice.print || (!choice.output && !choice.log && !choice.json);
}

Detail detail_of(bool quiet, int verbosity) {
    if (verbosity > 0) {
        return Detail::all;
    }
    return quiet ? Detail::findings : Detail::resets;
}

/// One that is told what it reports from now on is also put into `texts`.
std::unique_ptr<Consumer> make_text(const OutputChoice& choice, Output& output,
                                    std::vector<TextOutput*>& texts) {
    if (choice.flows != FlowForm::block) {
        return std::make_unique<FlowList>(output, style_for(output, choice.colour),
                                          choice.flows == FlowForm::wide_line);
    }
    auto text = std::make_unique<TextOutput>(output, style_for(output, choice.colour),
                                             detail_of(choice.quiet, choice.verbosity),
                                             choice.times, choice.summarize);
    texts.push_back(text.get());
    return text;
}

std::unique_ptr<Consumer> make_json(const OutputChoice& choice, Output& output) {
    return std::make_unique<JsonOutput>(output, choice.quiet, choice.summarize);
}

}  // namespace

/// Passes each event on to all.
class Outputs::Fanout final : public Consumer {
  public:
    explicit Fanout(std::vector<Consumer*> consumers) : consumers_(std::move(consumers)) {}
    void add(Consumer& another) { consumers_.push_back(&another); }
    void consume(const Event& event) override {
        for (Consumer* consumer : consumers_) {
            consumer->consume(event);
        }
    }

  private:
    std::vector<Consumer*> consumers_;
};

Outputs::Outputs() = default;
Outputs::Outputs(Outputs&&) noexcept = default;
Outputs& Outputs::operator=(Outputs&&) noexcept = default;
Outputs::~Outputs() = default;

/// A new kind of output is added here.
Output& Outputs::add(Output output, const OutputChoice& choice, bool json, const Live& live) {
    sinks_.push_back(std::make_unique<Output>(std::move(output)));
    formats_.push_back(json ? make_json(choice, *sinks_.back())
                            : make_text(choice, *sinks_.back(), texts_));
    if (live) {
        live_.push_back(live(*sinks_.back(), *formats_.back()));
    }
    return *sinks_.back();
}

Result<Outputs> Outputs::open(const OutputChoice& choice) {
    return open(choice, Live{});
}

Result<Outputs> Outputs::open_live(const OutputChoice& choice, const Clock& clock,
                                   LiveSink::Notice notice) {
    auto outputs = open(choice, [&](Output& output, Consumer& format) {
        return std::make_unique<LiveSink>(output, format, clock, notice);
    });
    if (outputs) {
        outputs->notice_ = std::move(notice);
    }
    if (outputs && choice.live_view && prints_text(choice)) {
        outputs->add_view(choice, clock);
    }
    return outputs;
}

/// Resets and flows are counted in the view; the lines that follow it have what it has shown.
void Outputs::add_view(const OutputChoice& choice, const Clock& clock) {
    auto screen = Screen::open();
    if (!screen) {
        return;
    }
    view_ = std::make_unique<WatchLive>(std::move(screen), *live_.back(), clock,
                                        style_for(*sinks_.back(), choice.colour), choice.times);
    texts_.back()->set_detail(Detail::findings);
    texts_.pop_back();
    std::vector<Consumer*> all = pointers(live_);
    all.back() = view_.get();
    connect(std::move(all));
}

void Outputs::connect(std::vector<Consumer*> all) {
    all_ = std::make_unique<Fanout>(std::move(all));
    first_ = std::make_unique<VendorNames>(*all_);
}

Result<Outputs> Outputs::open(const OutputChoice& choice, const Live& live) {
    Outputs outputs;
    if (choice.output) {
        auto output = Output::file(*choice.output);
        if (!output) {
            return std::unexpected(std::move(output).error());
        }
        const bool json = choice.json || output->is_socket();
        outputs.add(std::move(*output), choice, json, live);
    }
    if (choice.log) {
        auto log = Output::log(*choice.log);
        if (!log) {
            return std::unexpected(std::move(log).error());
        }
        outputs.log_ = &outputs.add(std::move(*log), choice, true, live);
    }
    if (outputs.sinks_.empty()) {
        outputs.add(Output::standard_output(), choice, choice.json, live);
    } else if (choice.print) {
        outputs.add(Output::standard_output(), choice, false, live);
    }
    outputs.connect(live ? pointers(outputs.live_) : pointers(outputs.formats_));
    return outputs;
}

void Outputs::add(Consumer& another) {
    all_->add(another);
}

Status Outputs::reopen_log(const std::string& name) {
    if (log_ != nullptr) {
        auto fresh = Output::log(name);
        if (!fresh) {
            return std::unexpected(std::move(fresh).error());
        }
        log_->move_to(std::move(*fresh));
    }
    return {};
}

void Outputs::set_detail(bool quiet, int verbosity) {
    for (TextOutput* text : texts_) {
        text->set_detail(detail_of(quiet, verbosity));
    }
}

void Outputs::revive() {
    if (log_ != nullptr && log_->name() == kJournal && log_->reader_has_gone()) {
        // If that fails, the next try is soon, and the log's own failure is told of.
        (void)reopen_log(std::string(kJournal));
    }
    for (const auto& sink : sinks_) {
        if (sink->is_socket() && !sink->health()) {
            if (auto fresh = Output::file(sink->name())) {
                sink->move_to(std::move(*fresh));
                notice_(
                    fmt::format("{}: connected again; what its former reader had left in the "
                                "socket is lost",
                                sink->name()));
            }
        }
    }
}

void Outputs::tick() {
    revive();
    for (const auto& sink : live_) {
        sink->tick();
    }
}

bool Outputs::reader_has_gone() const {
    return std::ranges::any_of(
        sinks_, [this](const auto& sink) { return sink.get() != log_ && sink->reader_has_gone(); });
}

LiveSink::Tally Outputs::left_out() const {
    LiveSink::Tally sum;
    for (const auto& sink : live_) {
        sum.above_bound += sink->left_out().above_bound;
        sum.not_taken += sink->left_out().not_taken;
    }
    return sum;
}

Status Outputs::finish() {
    revive();
    Status all;
    for (const auto& sink : live_) {
        if (Status finished = sink->finish(); !finished && all) {
            all = std::move(finished);
        }
    }
    return all;
}

bool Outputs::is_broken() const {
    return std::ranges::any_of(sinks_, [](const auto& sink) { return !sink->health(); });
}

Status Outputs::status() const {
    for (const auto& sink : sinks_) {
        if (!sink->health() && !sink->reader_has_gone()) {
            return sink->health();
        }
    }
    return {};
}

}  // namespace flowstamp::output
