// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/interface_text.h"

#include <fmt/format.h>

namespace flowstamp::output {

namespace {

/// ": attached (xdp ingress)", or why that failed.
std::string outcome(const net::InterfaceChange& change) {
    return change.is_watched
               ? fmt::format(": attached ({})", hooks_text(change.ingress, change.egress))
               : fmt::format(", but not watched: {}", change.reason);
}

}  // namespace

std::string interface_text(const net::InterfaceChange& change) {
    using Kind = net::InterfaceChange::Kind;
    switch (change.kind) {
        case Kind::gone:
            return fmt::format("{} is gone", change.name);
        case Kind::moved:
            return fmt::format("{} has moved to another network namespace: it is no longer watched",
                               change.name);
        case Kind::appeared:
            return fmt::format("{} is new{}", change.name, outcome(change));
        case Kind::back:
            return fmt::format("{} is back{}", change.name, outcome(change));
        case Kind::down:
            return fmt::format("{} is down", change.name);
        case Kind::up:
            return fmt::format("{} is up", change.name);
        case Kind::renamed:
            return fmt::format("{} is now called {}", change.name_was, change.name);
        case Kind::mtu:
            return fmt::format("{} has an MTU of {} now, not {}", change.name, change.mtu,
                               change.mtu_was);
        case Kind::detached:
            return fmt::format("{} was detached by another process{}", change.name,
                               outcome(change));
        case Kind::attached:
            return fmt::format("{} is watched again{}", change.name, outcome(change));
    }
    return "";
}

std::string hooks_text(std::string_view ingress, std::string_view egress) {
    std::string text;
    if (!ingress.empty()) {
        text += fmt::format("{} ingress", ingress);
    }
    if (!egress.empty()) {
        text += fmt::format("{}{} egress", text.empty() ? "" : ", ", egress);
    }
    return text;
}

}  // namespace flowstamp::output
