// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "user/base/clock.h"

namespace flowstamp::net {

/// Something that has happened to a watched interface, and whether it is watched now.
struct InterfaceChange {
    enum class Kind {
#define INTERFACE_CHANGE(name, json_name) name,
#include "user/net/interface_changes.def"
    };

    Kind kind = Kind::gone;
    std::string name{};      ///< its name now, or the last one
    std::string name_was{};  ///< of a renamed one
    std::uint32_t index = 0;
    std::uint32_t mtu = 0;      ///< of Kind::mtu: bytes
    std::uint32_t mtu_was = 0;  ///< of Kind::mtu: bytes
    bool is_watched = false;    ///< our programs are attached to it
    std::string ingress{};      ///< where, if they were attached just now: "xdp"
    std::string egress{};       ///< "tcx"
    std::string reason{};       ///< why they could not be attached, in words
    Nanoseconds wall{0};        ///< when it was noticed, since 1970

    friend bool operator==(const InterfaceChange&, const InterfaceChange&) = default;
};

/// The kinds' names in JSON, in the order of the enum.
inline constexpr std::array kInterfaceChangeNames = {
#define INTERFACE_CHANGE(name, json_name) std::string_view(json_name),
#include "user/net/interface_changes.def"
};

[[nodiscard]] inline std::string_view name_of(InterfaceChange::Kind kind) {
    return kInterfaceChangeNames.at(static_cast<std::size_t>(kind));
}

}  // namespace flowstamp::net
