// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>

#include "flowstamp/path.h"
#include "user/pathtrace/delivery.h"

namespace flowstamp::pathtrace {

/// The socket that the kernel gives a TCP or UDP packet with this tuple, which came in through that
/// interface, to: in the calling thread's network namespace, by sock_diag. Nothing if there is none, or
/// it cannot be asked for.
[[nodiscard]] std::optional<SocketFacts> find_socket(const fst_path_tuple& tuple,
                                                     std::uint32_t ifindex_in);

}  // namespace flowstamp::pathtrace
