// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flowstamp/policy.h"

namespace flowstamp::analysis {

/// Takes what user space has learnt about an injector, so that its next RST is judged on arrival.
class PolicySink {
  public:
    virtual ~PolicySink() = default;
    /// False where it is not taken.
    virtual bool learn_signature(const fst_learned_signature& signature) = 0;
    /// It was not proven anew for long: whoever bears it now may be another.
    virtual void forget(const fst_learned_signature& signature) = 0;
};

/// Takes nothing (`--no-learn`).
class NoPolicy final : public PolicySink {
  public:
    bool learn_signature(const fst_learned_signature&) override { return false; }
    void forget(const fst_learned_signature&) override {}
};

}  // namespace flowstamp::analysis
