// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>

#include "tests/datapath/conversation.h"
#include "tests/datapath/forwarding_rig.h"
#include "tests/support/capture_file.h"

namespace flowstamp::testing {

/// Writes the frames that are run on it to a capture, as a tap in the path would.
class CaptureRig final : public ForwardingRig {
  public:
    explicit CaptureRig(const PcapFile::Options& options = {}) : file_(options) {}

    Outcome run(fst_hook hook, const Frame& frame) override {
        file_.frame(std::chrono::nanoseconds(now_ns()), frame.bytes);
        frames_++;
        return ForwardingRig::run(hook, frame);
    }

    [[nodiscard]] const Bytes& file() const { return file_.bytes(); }
    [[nodiscard]] std::uint64_t frames() const { return frames_; }

  private:
    PcapFile file_;
    std::uint64_t frames_ = 0;
};

/// A reset in the peer's name, from nearer, with our latest ID.
[[nodiscard]] inline Segment forged_from_nearer(Conversation& talk) {
    Segment reset = talk.next(End::peer, Rst);
    reset.ttl = static_cast<std::uint8_t>(talk.setting().peer.ttl + 3);
    reset.id = talk.ids(End::us).back();
    reset.timestamps.reset();
    return reset;
}

}  // namespace flowstamp::testing
