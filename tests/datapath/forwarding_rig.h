// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>

#include "tests/datapath/host_rig.h"

namespace flowstamp::testing {

/// Wraps the host's data path: derived classes see each frame and its outcome.
class ForwardingRig : public Rig {
  public:
    explicit ForwardingRig(const RigOptions& options = {}) : rig_(make_host_rig(options)) {}

    Outcome run(fst_hook hook, const Frame& frame) override {
        rig_->advance_us((now_ns() - rig_->now_ns()) / 1000);
        return rig_->run(hook, frame);
    }
    void set_policy(const fst_policy& policy) override { rig_->set_policy(policy); }
    std::uint32_t slots() const override { return rig_->slots(); }
    std::optional<fst_flow> flow(std::uint32_t slot) const override { return rig_->flow(slot); }
    std::uint64_t counter(fst_counter counter) const override { return rig_->counter(counter); }
    std::size_t min_frame_bytes(fst_hook hook, bool v6) const override {
        return rig_->min_frame_bytes(hook, v6);
    }

  private:
    std::unique_ptr<Rig> rig_;
};

}  // namespace flowstamp::testing
