// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The lab's path as an ASCII drawing. Pure, except that it reads the lab's names.
#pragma once

#include <string>
#include <vector>

#include "user/lab/topology.h"

namespace flowstamp::cmd::demo {

/// The hosts of the path in a row; below them the ends' addresses and, if used, the firewall.
[[nodiscard]] std::string path_drawing(const lab::Lab& lab, bool with_firewall);

/// The same with two arrows to the client: from the origin of a reset and from that of all other
/// packets, as measured in hops (routers in between).
[[nodiscard]] std::string distance_drawing(const lab::Lab& lab, unsigned reset_hops,
                                           unsigned sender_hops);

/// An arrow from below the middle of host `from` to that of host 0, followed by `text`; empty if
/// there is no such host. `hosts` are names, drawn as by path_drawing().
[[nodiscard]] std::string arrow(const std::vector<std::string>& hosts, std::size_t from,
                                const std::string& text);

}  // namespace flowstamp::cmd::demo
