// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/findings.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// A gateway, or a capture, that sees only one direction of its flows: the answers take another
/// path. Suspected at most. Reported once per interface, and once for a flow that passes several
/// interfaces of this host.
class OneWay final : public Detector {
  public:
    explicit OneWay(Findings& findings) : findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds, FindingSink&) override {}
    void finish(FindingSink&) override {}

  private:
    Findings& findings_;
    std::set<std::uint32_t> interfaces_;                             ///< reported
    std::optional<std::pair<net::Endpoint, net::Endpoint>> latest_;  ///< the ends reported last
};

}  // namespace flowstamp::analysis
