// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "flowstamp/packet.h"
#include "user/analysis/finding.h"
#include "user/output/evidence/packet_keeper.h"

namespace flowstamp::output {

/// Where packets were seen: an interface of the file.
struct EvidencePlace {
    std::string interface{};
    std::string description{};
    std::uint16_t link_type = 0;     ///< LINKTYPE_* of its packets' bytes
    std::optional<fst_hook> hook{};  ///< live: where the data path had them
};
using EvidencePlaces = std::map<std::uint32_t, EvidencePlace>;

/// A finding, and the packets that show it.
struct EvidenceCase {
    analysis::Finding finding{};
    std::string capture{};  ///< its file; empty: a live watch
    std::vector<KeptPacket> packets{};
};

/// The case as a pcapng file. What it shows and holds is in the section's first comment, the finding's
/// JSON in the second.
[[nodiscard]] std::string evidence_file(const EvidenceCase& its, const EvidencePlaces& places);

}  // namespace flowstamp::output
