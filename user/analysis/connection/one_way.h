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

/// A gateway, or a capture, that sees one direction of its flows only: the answers take another way.
/// What is half seen is never more than suspected. Told once for an interface, and
/// a flow that passes several interfaces of this host, once for all of them.
class OneWay final : public Detector {
  public:
    explicit OneWay(Findings& findings) : findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds, FindingSink&) override {}
    void finish(FindingSink&) override {}

  private:
    Findings& findings_;
    std::set<std::uint32_t> interfaces_;                             ///< told of
    std::optional<std::pair<net::Endpoint, net::Endpoint>> latest_;  ///< who was told of last
};

}  // namespace flowstamp::analysis
