// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <span>

#include "user/net/learned_signature.h"

namespace flowstamp::analysis {

/// Receives the learned signatures of injectors, so that their next RSTs are judged on arrival.
/// Only a mirror: SignatureLearner decides what is known, and for how long.
class PolicySink {
  public:
    virtual ~PolicySink() = default;
    /// Replaces the whole list: FST_LEARNED_MAX signatures at most, the one learned longest ago
    /// first. False if the list is rejected: then the previous one stays.
    virtual bool publish(std::span<const net::LearnedSignature> learned) = 0;
};

/// Rejects every list (`--no-learn`).
class NoPolicy final : public PolicySink {
  public:
    bool publish(std::span<const net::LearnedSignature>) override { return false; }
};

}  // namespace flowstamp::analysis
