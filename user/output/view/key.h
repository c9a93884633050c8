// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

namespace flowstamp::output {

/// A key of a terminal, as far as a view makes use of it.
struct Key {
    enum class Kind {
        letter,
        up,
        down,
        page_up,
        page_down,
        home,
        end,
        enter,
        escape,
        erase,
        other
    };
    Kind kind = Kind::other;
    char letter = 0;  ///< of Kind::letter: printable ASCII
};

}  // namespace flowstamp::output
