// SPDX-License-Identifier: Apache-2.0
//
// The lab's path as a drawing of plain ASCII. Pure but for reading the lab's names.
#pragma once

#include <string>
#include <vector>

#include "user/lab/topology.h"

namespace flowstamp::cmd::demo {

/// The hosts of the path in a row; below them the ends' addresses and, if it plays, the firewall.
[[nodiscard]] std::string path_drawing(const lab::Lab& lab, bool with_firewall);

/// The same with two arrows to the client: from where a reset came and from where all else did, as
/// measured in hops (the routers between).
[[nodiscard]] std::string distance_drawing(const lab::Lab& lab, unsigned reset_hops,
                                           unsigned sender_hops);

/// An arrow from below the middle of host `from` to that of host 0, with `text` behind it; nothing
/// where there is no such host. `hosts` are names, drawn as path_drawing() does.
[[nodiscard]] std::string arrow(const std::vector<std::string>& hosts, std::size_t from,
                                const std::string& text);

}  // namespace flowstamp::cmd::demo
