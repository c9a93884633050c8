// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "user/detect/detector.h"
#include "user/detect/findings.h"
#include "user/detect/story.h"
#include "user/detect/syn_book.h"

namespace flowstamp {

/// A SYN to one address that is answered from another: the answer did not come back through the box
/// that had translated the request (hairpin NAT without source translation, or an answer that
/// connection tracking let pass untranslated). The client, who never asked that address, resets.
class ReturnPathMismatch final : public Detector {
  public:
    /// `book` is kept by the caller: it has filed each observation before it comes here.
    ReturnPathMismatch(SynBook& book, Findings& findings) : book_(book), findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds, FindingSink&) override {}
    void finish(FindingSink&) override {}

  private:
    struct Case {
        FindingStory story;
        Observation syn_ack;
        Endpoint asked;  ///< where the SYN went
        bool reset = false;
    };
    void tell(Case& mismatch, FindingSink& sink);

    SynBook& book_;
    Findings& findings_;
    std::unordered_map<std::uint32_t, Case> cases_;  ///< by the SYN's sequence number
    std::deque<std::uint32_t> order_;
};

}  // namespace flowstamp
