// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flowstamp/policy.h"

namespace flowstamp {

/// Takes what user space has learnt about an injector, so that its next RST is judged on arrival.
class PolicySink {
  public:
    virtual ~PolicySink() = default;
    virtual void teach(const fs_taught& signature) = 0;
};

}  // namespace flowstamp
