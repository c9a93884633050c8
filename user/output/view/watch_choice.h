// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "user/output/view/key.h"
#include "user/output/view/watch_view.h"

namespace flowstamp::output {

/// What the user has chosen by keys, and nothing that the watch knows.
struct WatchChoice {
    bool is_paused = false;
    bool wants_quit = false;
    bool is_typing = false;      ///< the filter
    std::string filter{};        ///< only rows with this text are shown; empty: all
    std::uint64_t selected = 0;  ///< an incident's id; 0: the first row
    bool is_open = false;        ///< the selected incident fills the screen
    std::size_t first_line = 0;  ///< of the open incident, that is shown

    /// How much is drawn.
    struct Drawn {
        std::size_t page = 1;   ///< lines that scrolling by a page passes
        std::size_t lines = 0;  ///< of the open incident, shown or not
    };
    /// What the key does. `view`: what is shown.
    void press(const Key& key, const WatchView& view, const Drawn& drawn);
};

/// The rows that the filter leaves, in the order of the view. A row's words are those on the screen;
/// upper and lower case do not matter.
[[nodiscard]] std::vector<const WatchView::Row*> shown_rows(const WatchView& view,
                                                            const WatchChoice& choice);

/// The index of the selected row among `rows`; 0 if it is not there.
[[nodiscard]] std::size_t selected_row(const std::vector<const WatchView::Row*>& rows,
                                       const WatchChoice& choice);

}  // namespace flowstamp::output
