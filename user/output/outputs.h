// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/output/event.h"
#include "user/output/live_sink.h"
#include "user/output/sink.h"
#include "user/output/style.h"
#include "user/output/text/event_times.h"

namespace flowstamp::output {

class TextOutput;
class WatchLive;

/// How `flowstamp flows` shows a flow in text.
enum class FlowForm { block, line, wide_line };

/// Format and destination of the report, as given by the options of the same names.
struct OutputChoice {
    bool json = false;
    /// A file instead of standard output, or "unix:PATH": JSON lines to a socket.
    std::optional<std::string> output{};
    std::optional<std::string> log{};  ///< JSON lines appended, instead of standard output
    bool print = false;                ///< also text on standard output
    bool quiet = false;
    int verbosity = 0;
    ColourChoice colour = ColourChoice::automatic;
    TimeForm times = TimeForm::local;
    FlowForm flows = FlowForm::block;
    bool live_view = false;  ///< of a watch, in place of text, on a terminal that allows it
    bool summarize = false;  ///< of an incident's findings only the first, also in JSON
};

/// The outputs of a run: standard output or a file, as text or JSON lines; with `print`, also text
/// on standard output. Each event goes to all of them.
class Outputs final : public Consumer {
  public:
    /// Fails when the file cannot be opened for writing.
    [[nodiscard]] static Result<Outputs> open(const OutputChoice& choice);
    /// For a run that goes on whatever becomes of its outputs: see LiveSink. `clock` outlives them.
    [[nodiscard]] static Result<Outputs> open_live(const OutputChoice& choice, const Clock& clock,
                                                   LiveSink::Notice notice);

    Outputs(Outputs&&) noexcept;
    Outputs& operator=(Outputs&&) noexcept;
    ~Outputs() override;

    void consume(const Event& event) override { first_->consume(event); }

    /// Each event goes to `another` as well, which outlives them.
    void add(Consumer& another);

    /// The view in place of text on standard output; null: there is none.
    [[nodiscard]] WatchLive* view() const { return view_.get(); }

    /// Whether a write has failed.
    [[nodiscard]] bool is_broken() const;
    /// The first failure. A pipe closed by its reader is not a failure.
    [[nodiscard]] Status status() const;

    /// Of live ones: opens the log anew, under this name. If that fails, or there is none, nothing
    /// changes.
    [[nodiscard]] Status reopen_log(const std::string& name);
    /// How much text reports from now on contain, but with a view.
    void set_detail(bool quiet, int verbosity);
    /// Of live ones: to be called ten times a second.
    void tick();
    /// Whether a reader has closed its pipe. The log has none: the journal may be restarted.
    [[nodiscard]] bool reader_has_gone() const;
    /// Of live ones: events that they do not contain, of all of them together.
    [[nodiscard]] LiveSink::Tally left_out() const;
    /// Of live ones: writes what is left; fails if an output lacks events.
    [[nodiscard]] Status finish();

  private:
    class Fanout;
    using Live = std::function<std::unique_ptr<LiveSink>(Output&, Consumer&)>;

    Outputs();
    [[nodiscard]] static Result<Outputs> open(const OutputChoice& choice, const Live& live);
    /// Connects again to a journal or a socket's reader that was restarted.
    void revive();
    void connect(std::vector<Consumer*> all);
    /// Puts a view before the text on standard output, if it can be shown.
    void add_view(const OutputChoice& choice, const Clock& clock);
    Output& add(Output output, const OutputChoice& choice, bool json, const Live& live);

    LiveSink::Notice notice_;  ///< of live outputs
    std::vector<std::unique_ptr<Output>> sinks_;
    Output* log_ = nullptr;           ///< of sinks_; null: none
    std::vector<TextOutput*> texts_;  ///< of formats_
    std::vector<std::unique_ptr<Consumer>> formats_;
    std::vector<std::unique_ptr<LiveSink>> live_;  ///< of live outputs: before each format
    std::unique_ptr<WatchLive> view_;              ///< before the last of live_; null: none
    std::unique_ptr<Fanout> all_;                  ///< passes on to each of them
    std::unique_ptr<Consumer> first_;              ///< adds vendors' names, then passes on to all_
};

}  // namespace flowstamp::output
