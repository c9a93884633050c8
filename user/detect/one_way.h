// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "user/detect/detector.h"
#include "user/detect/findings.h"
#include "user/detect/story.h"

namespace flowstamp {

/// A gateway, or a capture, that sees one direction of its flows only: the answers take another way.
/// What is half seen is never more than suspected. Told once for an interface.
class OneWay final : public Detector {
  public:
    explicit OneWay(Findings& findings) : findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds, FindingSink&) override {}
    void finish(FindingSink&) override {}

  private:
    Findings& findings_;
    std::map<std::uint32_t, FindingStory> told_;  ///< by interface
};

}  // namespace flowstamp
