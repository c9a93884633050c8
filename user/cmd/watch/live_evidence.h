// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "flowstamp/stamp_batch.h"
#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/net/anonymize/address_anonymizer.h"
#include "user/output/event.h"
#include "user/output/evidence/evidence_recorder.h"
#include "user/output/stamps/stamp_writer.h"

namespace flowstamp::cmd {

/// Evidence of a watch's findings, from the stamps of all packets. The findings come in the watch's
/// thread, the stamps in that of the StampRecorder, which also writes the files: a slow disk costs
/// stamps, not verdicts.
class LiveEvidence final : public output::Consumer {
  public:
    LiveEvidence(output::EvidenceFolder folder,
                 const std::optional<net::AddressAnonymizer>& anonymizer);

    // In the watch's thread.

    void consume(const output::Event& event) override;
    /// What there is to say since the last call.
    [[nodiscard]] std::vector<std::string> take_notices();
    /// To be called when no stamps follow. The first error, if any.
    [[nodiscard]] Status finish();

    // In the StampRecorder's thread.

    void add(const output::StampPlace& place);
    void keep(std::span<const fst_packet_stamp> stamps);
    /// Stamps that are older than `monotonic` have come.
    void advance(Nanoseconds monotonic);

  private:
    void take_findings();

    std::mutex mutex_;  ///< guards findings_ and notices_
    std::vector<analysis::Finding> findings_;
    std::vector<std::string> notices_;
    std::atomic<bool> has_findings_ = false;
    output::EvidenceRecorder recorder_;
    std::uint64_t number_ = 0;  ///< of the latest packet
};

}  // namespace flowstamp::cmd
