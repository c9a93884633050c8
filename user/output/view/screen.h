// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "user/output/sink.h"
#include "user/output/view/key.h"

namespace flowstamp::output {

/// The whole terminal of standard input and output, drawn by curses on its alternate screen. Never
/// waits for the terminal: while it takes nothing (Ctrl-S, a lost connection), nothing is drawn. One at
/// a time.
class Screen {
  public:
    /// Changes nothing yet. Null where there is no such terminal, it is too simple, or this process is
    /// in its background.
    [[nodiscard]] static std::unique_ptr<Screen> open();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    /// leave().
    ~Screen();

    void enter();
    /// The terminal is as it was before enter().
    void leave();

    [[nodiscard]] Output::Size size() const { return terminal_.size(); }
    /// Whether another process group has the terminal: it must be neither read nor changed then.
    [[nodiscard]] bool is_background() const { return terminal_.is_background(); }
    /// Whether the terminal is gone: nothing can be read or drawn any more.
    [[nodiscard]] bool is_gone() const;
    /// Whether what was drawn last has been taken.
    [[nodiscard]] bool is_ready();

    /// Draws lines with Style's colours. Those that do not fit are cut.
    void draw(const std::vector<std::string>& lines);
    /// From now on everything is drawn anew: something else may have been written to the terminal.
    void forget();

    /// The next key that was pressed; nothing: none. Does not wait.
    [[nodiscard]] std::optional<Key> read_key();

  private:
    struct Curses;
    explicit Screen(std::unique_ptr<Curses> curses);
    void flush();

    std::unique_ptr<Curses> curses_;
    Output terminal_;
    bool is_entered_ = false;
};

}  // namespace flowstamp::output
