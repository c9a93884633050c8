// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/shortcut.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "user/lab/readiness.h"

namespace flowstamp::lab {
namespace {

constexpr const char* kInterface = "shortcut";

}  // namespace

Result<Shortcut> add_shortcut(const Lab& lab, unsigned near, unsigned far) {
    const Shortcut shortcut{IpAddress::of("192.0.2.249"), IpAddress::of("192.0.2.250")};
    const std::array ends = {std::pair{&lab.router(near), shortcut.near},
                             std::pair{&lab.router(far), shortcut.far}};
    Status done = require_command({"ip", "link", "add", "name", kInterface, "netns",
                                   ends[0].first->name(), "type", "veth", "peer", "name",
                                   kInterface, "netns", ends[1].first->name()});
    for (const auto& [host, address] : ends) {
        if (done) {
            done = host->require({"ip", "-batch", "-"},
                                 fmt::format("addr add {}/30 dev {}\nlink set {} up\n",
                                             address.text(), kInterface, kInterface));
        }
    }
    for (const auto& [host, address] : ends) {
        if (done) {
            done = await_link(*host, kInterface);
        }
    }
    return done ? Result<Shortcut>(shortcut) : std::unexpected(done.error());
}

}  // namespace flowstamp::lab
