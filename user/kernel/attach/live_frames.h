// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>

#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp::kernel {

/// Hands frames up an interface's stack, as if they had been received there: past its XDP program, and by its tc ingress
/// (BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18; Documentation/bpf/bpf_prog_run.rst). Needs what
/// attaching XDP programs needs: CAP_BPF and CAP_NET_ADMIN.
class LiveFrames {
  public:
    /// Loads a program that passes every frame; it is attached to nothing.
    [[nodiscard]] static Result<LiveFrames> open();

    /// `frame`: from the Ethernet header on, addressed to a MAC address of the interface. `ifindex`: of the calling thread's network
    /// namespace. Fails where the kernel is older, or the interface is gone.
    [[nodiscard]] Status hand_up(std::uint32_t ifindex, std::span<const std::uint8_t> frame) const;

  private:
    explicit LiveFrames(Fd program) : program_(std::move(program)) {}

    Fd program_;
};

}  // namespace flowstamp::kernel
