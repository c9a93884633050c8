// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "user/analysis/finding.h"
#include "user/output/evidence/packet_keeper.h"

namespace flowstamp::output {

/// The packet that the finding is about; null if it is not among them.
[[nodiscard]] const KeptPacket* subject_of(const analysis::Finding& finding,
                                           std::span<const KeptPacket> packets);

/// What the finding says of each of its flow's packets, in the same order; of most of them nothing.
/// "FORGED: ..." on a reset that is confirmed to be; each piece of evidence on the packet that
/// shows it; "baseline: ..." on packets to compare it with; and where packets before one are not here.
/// `capture`: the file that they come from; empty: a live watch.
[[nodiscard]] std::vector<std::vector<std::string>> comments_on(const analysis::Finding& finding,
                                                                std::span<const KeptPacket> packets,
                                                                std::string_view capture);

}  // namespace flowstamp::output
