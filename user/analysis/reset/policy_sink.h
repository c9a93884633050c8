// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <span>

#include "user/net/learned_signature.h"

namespace flowstamp::analysis {

/// Takes what is known of injectors, so that their next RSTs are judged on arrival. Only mirrors it:
/// what is known, and for how long, is the SignatureLearner's to say.
class PolicySink {
  public:
    virtual ~PolicySink() = default;
    /// All that is known now, in place of what stood before: FST_LEARNED_MAX signatures at most, the
    /// one learned longest ago first. False where it is not taken: what stood before holds.
    virtual bool publish(std::span<const net::LearnedSignature> learned) = 0;
};

/// Takes nothing (`--no-learn`).
class NoPolicy final : public PolicySink {
  public:
    bool publish(std::span<const net::LearnedSignature>) override { return false; }
};

}  // namespace flowstamp::analysis
