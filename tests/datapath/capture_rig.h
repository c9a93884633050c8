// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>

#include "tests/datapath/host_rig.h"
#include "tests/support/capture_file.h"

namespace flowstamp::testing {

/// Writes what is run on it to a capture, as a tap in the middle of the path would.
class CaptureRig final : public Rig {
  public:
    explicit CaptureRig(const PcapFile::Options& options = {}) : file_(options) {}

    Outcome run(fs_hook hook, const Frame& frame) override {
        rig_->advance_us((now_ns() - rig_->now_ns()) / 1000);
        file_.frame(std::chrono::nanoseconds(now_ns()), frame.bytes);
        frames_++;
        return rig_->run(hook, frame);
    }
    void set_policy(const fs_policy& policy) override { rig_->set_policy(policy); }
    std::uint32_t slots() const override { return rig_->slots(); }
    std::optional<fs_flow> flow(std::uint32_t slot) const override { return rig_->flow(slot); }
    std::uint64_t counter(fs_counter counter) const override { return rig_->counter(counter); }
    std::size_t least_bytes(fs_hook hook, bool v6) const override {
        return rig_->least_bytes(hook, v6);
    }

    [[nodiscard]] const Bytes& file() const { return file_.bytes(); }
    [[nodiscard]] std::uint64_t frames() const { return frames_; }

  private:
    std::unique_ptr<Rig> rig_ = make_host_rig({});
    PcapFile file_;
    std::uint64_t frames_ = 0;
};

}  // namespace flowstamp::testing
